"""Who wrote the sealed place of a reporter's name last: the reporter, its body's team, or the team that emptied it.

The leaves of a batch tell that a row was altered, but not from a rewrite: whoever writes to the database could raise
the version, and keep a leaf of what they replaced. So each version is signed.
"""

from __future__ import annotations

from itertools import chain

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair, blake2b, verify
from complaints.models.identity import Identity
from complaints.services import team_key_history

PREFIX = b"identity 2"
SIGNED_COLUMNS = ("blob", "outer_reporter", "outer_recipient")


def statement(identity: Identity) -> bytes:
    """Return what is signed: report, version, batch, length and code of the body, and each sealed column's digest.

    With the batch in it, an older version cannot be put into a later one, where it would look like a new rewrite.
    """
    numbers = identity.version.to_bytes(4, "big") + identity.batch.to_bytes(4, "big")
    body = (identity.body_id or "").encode()
    columns = (blake2b(bytes(getattr(identity, name)), person=b"ciphertext") for name in SIGNED_COLUMNS)
    return PREFIX + identity.complaint_id.bytes + numbers + bytes([len(body)]) + body + b"".join(columns)


def sign(identity: Identity, signer: SignPair) -> None:
    """Set the signature of a version whose other columns are set; the caller saves."""
    identity.signature = signer.sign(statement(identity))


def check(identity: Identity) -> bytes:
    """Verify the signature of an identity that was read with its report, and return the key that signed it.

    Raises:
        SealError: neither the reporter nor a team that may has signed the row as it stands.
    """
    signed, signature = statement(identity), bytes(identity.signature)
    for key in chain(
        [bytes(identity.complaint.reporter_verify_key)], team_key_history.writers_of_name(identity.body_id)
    ):
        if _holds(key, signed, signature):
            return key
    raise SealError("signature")


def _holds(key: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        verify(key, signed, signature)
    except SealError:
        return False
    return True
