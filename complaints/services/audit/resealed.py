"""Grants that were sealed again to a later key of their team: what stands there must be what the team put there.

The root of a report's day binds the digest of what stood there first; the team's signature binds that to what stands
there now. Neither needs a private key to be checked.
"""

from __future__ import annotations

import uuid

from complaints.domain.sealing.primitives import SealError, Stored, blake2b, verify
from complaints.models.complaint import KeyGrant
from complaints.services import lineage

Fault = tuple[int | None, str, str]


def reseal_statement(grant: uuid.UUID, first: Stored, sealed: Stored) -> bytes:
    """Return what a team signs when it seals a grant again (``first``: the digest of what stood there first)."""
    return b"resealed grant" + grant.bytes + bytes(first) + blake2b(bytes(sealed), person=b"ciphertext")


def first_fault() -> Fault | None:
    """Return (no entry, why, the grant) of the first grant that its team did not seal again as it stands, or None."""
    known: dict[str, list[bytes]] = {}
    rows = KeyGrant.objects.filter(first_digest__isnull=False).order_by("team", "pk")
    columns = ("pk", "team__slug", "first_digest", "sealed", "reseal_signature")
    for pk, slug, first, sealed, signature in rows.values_list(*columns).iterator():
        if slug not in known:
            known[slug] = list(lineage.signers(slug))
        statement = reseal_statement(pk, first, sealed)
        if not any(_signed(signer, statement, bytes(signature or b"")) for signer in known[slug]):
            return None, "was not sealed again by its team as it stands", f"grant {pk}"
    return None


def _signed(signer: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        verify(signer, statement, signature)
    except SealError:
        return False
    return True
