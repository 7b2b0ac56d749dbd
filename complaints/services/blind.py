"""The key of the blind indexes, sealed to the triage team, and the digests under it.

Whoever cannot open it cannot try a name or a number against what is stored.
"""

from __future__ import annotations

from typing import Final

from django.db import IntegrityError, transaction

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import blake2b, random_bytes
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, seal_record
from complaints.models.complaint import Complaint
from complaints.models.index import IndexEntry, IndexKey
from complaints.models.team import Team
from complaints.services import vault
from complaints.services.vault import Keyring

DIGEST_BYTES: Final = 16


def open_key(keyring: Keyring) -> bytes:
    """Return the key of all entries, made here where there is none yet; raises Locked without an admission."""
    team = vault.pinned_team(Team.Kind.TRIAGE)
    keys = keyring.team(team)
    row = IndexKey.objects.filter(pk=1).first() or _make_key(team, keys)
    opened = open_record(keys.box, row.sealed, _context(team), bytes(team.verify_key), sizes=KEY_SIZES)
    return bytes.fromhex(opened)


def _context(team: Team) -> Context:
    return Context("index-key", "1", str(team.pk))


def _make_key(team: Team, keys: KeySet) -> IndexKey:
    secret = random_bytes(32).hex()
    sealed = seal_record(bytes(team.public_key), _context(team), secret, keys.sign, sizes=KEY_SIZES)
    row = IndexKey(pk=1, signer=keys.sign.public, sealed=sealed)
    try:
        with transaction.atomic():
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
