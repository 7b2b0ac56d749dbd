"""Public keys tied to their rows by signature, so that whoever writes to the database can put none of their own there.

Holds no private key but what it is given to sign with.
"""

from __future__ import annotations

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import SealError, SignPair, Stored, blake2b, verify
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release
from complaints.models.team import Team, TeamMembership
from complaints.services import lineage


def _keys_of(owner: Complaint | Release) -> bytes:
    if isinstance(owner, Complaint):
        publics = (owner.public_key, owner.reporter_key, owner.reporter_verify_key)
        return b"keys of a complaint" + owner.pk.bytes + b"".join(bytes(public) for public in publics)
    return b"keys of a release" + owner.pk.bytes + owner.case_id.bytes + bytes(owner.public_key)


def bind_keys(owner: Complaint | Release, signer: SignPair) -> None:
    """Sign the public keys of ``owner`` to its row."""
    owner.key_signature = signer.sign(_keys_of(owner))


def check_keys(owner: Complaint | Release, signer: Stored) -> None:
    """Make sure that the keys in the row of ``owner`` are those that ``signer`` put there; before sealing to them.

    Raises:
        SealError: somebody has put in another.
    """
    verify(bytes(signer), _keys_of(owner), bytes(owner.key_signature))


def keys_digest(owner: Complaint | Release, signer: bytes) -> str:
    """Return a digest of the public keys in the row of ``owner`` and of who signed them."""
    return blake2b(_keys_of(owner) + signer, person=b"granted keys").hex()


def signer_of(owner: Complaint | Release) -> bytes:
    """Return who must have signed the keys of ``owner``: the reporter, or triage for a release; raises UnpinnedKey."""
    if isinstance(owner, Complaint):
        return bytes(owner.reporter_verify_key)
    return lineage.trusted(owner.signer, Team.Kind.TRIAGE)


def certified(membership: TeamMembership) -> bytes:
    """Return what a team signs when it admits a person: whose keys, and for which membership."""
    person = membership.staff
    publics = bytes(person.public_key or b"") + bytes(person.verify_key or b"")
    return b"member" + membership.pk.bytes + membership.team_id.bytes + person.pk.bytes + publics


def is_certified(membership: TeamMembership, team_keys: KeySet) -> bool:
    """Whether the person's public keys are those that the team admitted."""
    try:
        verify(team_keys.sign.public, certified(membership), bytes(membership.certificate or b""))
    except SealError:
        return False
    return True
