"""The audit chain: appending entries, closing days, and verifying the chain with the rows it refers to.

Only this package writes audit rows. Facts are ids, codes and digests of ciphertext; an unknown event or any other fact
is refused, so that no content of a report enters the chain.
"""
