"""The key of the blind index, sealed to the triage team, and the keyed digests of the indexed values.

Without this key nobody can test a name or a number against the stored digests.
"""

from __future__ import annotations

from typing import Final

from django.db import IntegrityError, transaction

from complaints.domain.sealing.primitives import blake2b, random_bytes
from complaints.domain.sealing.records import KEY_SIZES, Context
from complaints.models.blind_index import IndexEntry, IndexKey
from complaints.models.complaint import Complaint
from complaints.models.team import Team
from complaints.services import resealing_registry
from complaints.services.keyring import Keyring
from complaints.services.team_key_history import pinned_team

DIGEST_BYTES: Final = 16


def open_key(keyring: Keyring) -> bytes:
    """Return the index key (32 bytes), drawing it at first use; raises Locked for a person outside the triage team."""
    team = pinned_team(Team.Kind.TRIAGE)
    keyring.team(team)
    row = IndexKey.objects.filter(pk=1).first() or _create_key(keyring)
    return bytes.fromhex(_open(row, keyring, team))


def _open(row: IndexKey, keyring: Keyring, team: Team) -> str:
    secret = keyring.read_for_team(team, row.sealed, _context(team), number=row.sealed_number, sizes=KEY_SIZES)
    return str(secret)


def _context(team: Team) -> Context:
    return Context("index-key", "1", str(team.pk))


def _seal(row: IndexKey, keyring: Keyring, team: Team, secret: str) -> None:
    row.sealed = keyring.seal_for_team(team, _context(team), secret, sizes=KEY_SIZES)
    row.signer, row.sealed_number = keyring.team(team).sign.public, team.key_number


def _reseal(row: IndexKey, keyring: Keyring, team: Team) -> None:
    _seal(row, keyring, team, _open(row, keyring, team))


resealing_registry.register(
    resealing_registry.SealedTable(
        "index_key",
        rows=lambda team: IndexKey.objects.filter(pk=1) if team.kind == Team.Kind.TRIAGE else IndexKey.objects.none(),
        reseal=_reseal,
        columns=("sealed", "signer"),
    )
)


def _create_key(keyring: Keyring) -> IndexKey:
    row = IndexKey(pk=1)
    try:
        with transaction.atomic():
            _seal(row, keyring, pinned_team(Team.Kind.TRIAGE), random_bytes(32).hex())
            row.save(force_insert=True)
            # Entries under an earlier key match nothing any more; the reports are indexed again.
            IndexEntry.objects.all().delete()
            Complaint.objects.filter(is_indexed=True).update(is_indexed=False)
    except IntegrityError:  # another member of triage created it first
        return IndexKey.objects.get(pk=1)
    return row


def digest(key: bytes, kind: str, value: str) -> bytes:
    """Return the digest (16 bytes) of ``value`` for entries of ``kind``, under the index key."""
    return blake2b(value.encode(), person=f"index-{kind}".encode(), key=key, size=DIGEST_BYTES)
