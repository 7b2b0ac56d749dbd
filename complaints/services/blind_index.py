"""The key of the blind indexes, sealed to the triage team, and the digests under it.

Whoever cannot open it cannot try a name or a number against what is stored.
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
    """Return the key of all entries, made here where there is none yet; raises Locked without an admission."""
    team = pinned_team(Team.Kind.TRIAGE)
    keyring.team(team)
    row = IndexKey.objects.filter(pk=1).first() or _make(keyring)
    opened = keyring.read_for_team(team, row.sealed, _context(team), number=row.sealed_number, sizes=KEY_SIZES)
    return bytes.fromhex(opened)


def _context(team: Team) -> Context:
    return Context("index-key", "1", str(team.pk))


def _seal(row: IndexKey, keyring: Keyring, team: Team, secret: str) -> None:
    row.sealed = keyring.seal_for_team(team, _context(team), secret, sizes=KEY_SIZES)
    row.signer, row.sealed_number = keyring.team(team).sign.public, team.key_number


def _reseal(row: IndexKey, keyring: Keyring, team: Team) -> None:
    opened = keyring.read_for_team(team, row.sealed, _context(team), number=row.sealed_number, sizes=KEY_SIZES)
    _seal(row, keyring, team, opened)


resealing_registry.register(
    resealing_registry.SealedTable(
        "index_key",
        rows=lambda team: IndexKey.objects.filter(pk=1) if team.kind == Team.Kind.TRIAGE else IndexKey.objects.none(),
        reseal=_reseal,
        columns=("sealed", "signer"),
    )
)


def _make(keyring: Keyring) -> IndexKey:
    row = IndexKey(pk=1)
    try:
        with transaction.atomic():
            _seal(row, keyring, pinned_team(Team.Kind.TRIAGE), random_bytes(32).hex())
            row.save(force_insert=True)
            # What stands there under a key that is gone finds nothing any more; it is written again.
            IndexEntry.objects.all().delete()
            Complaint.objects.filter(is_indexed=True).update(is_indexed=False)
    except IntegrityError:  # a colleague was faster
        return IndexKey.objects.get(pk=1)
    return row


def digest(key: bytes, kind: str, value: str) -> bytes:
    """Return what stands for ``value`` among the entries of a kind."""
    return blake2b(value.encode(), person=f"index-{kind}".encode(), key=key, size=DIGEST_BYTES)
