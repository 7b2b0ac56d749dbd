"""Who wrote the sealed place of a reporter's name last: the reporter, or the custodians when their key changed.

The leaves of a batch tell that a row was altered, but not from a rewrite: whoever writes to the database could raise
the version, and keep a leaf of what they replaced. So each version is signed.
"""

from __future__ import annotations

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair, blake2b, verify
from complaints.models.complaint import Identity
from complaints.services import team_key_history

PREFIX = b"identity 1"
CUSTODIANS = "custodian"
SIGNED_COLUMNS = ("blob", "outer_reporter", "outer_complaint", "outer_custodian")


def statement(identity: Identity) -> bytes:
    """Return what is signed: report, version and batch, and the digest of each sealed column.

    With the batch in it, an older version cannot be put into a later one, where it would look like a new rewrite.
    """
    numbers = identity.version.to_bytes(4, "big") + identity.batch.to_bytes(4, "big")
    columns = (blake2b(bytes(getattr(identity, name)), person=b"ciphertext") for name in SIGNED_COLUMNS)
    return PREFIX + identity.complaint_id.bytes + numbers + b"".join(columns)


def sign(identity: Identity, signer: SignPair) -> None:
    """Set the signature of a version whose columns, version and batch are set; the caller saves."""
    identity.signature = signer.sign(statement(identity))


def check(identity: Identity) -> None:
    """Verify the signature of an identity that was read with its report.

    Raises:
        SealError: neither the reporter nor the custodians have signed the row as it stands.
    """
    signed, signature = statement(identity), bytes(identity.signature)
    try:
        verify(bytes(identity.complaint.reporter_verify_key), signed, signature)
    except SealError:
        if not any(_holds(key, signed, signature) for key in team_key_history.signers(CUSTODIANS)):
            raise


def _holds(key: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        verify(key, signed, signature)
    except SealError:
        return False
    return True
