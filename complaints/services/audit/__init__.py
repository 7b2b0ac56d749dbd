"""The audit chain: append in the act's own transaction, close the day, verify everything.

Only this package writes audit rows. Facts are ids, codes and digests of ciphertext; an unknown event or a fact of
another kind is refused, so that content cannot slip in.
"""
