"""Verifies what a team has one of: its register of urgent matters, by its newest entry, and the key of its index."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.blind_index import IndexEntry
from complaints.models.team import Team
from complaints.models.urgent_register import UrgentRegister
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, once

SEALED: Final = "register.sealed"
# Those of an entry by which log.is_genuine tells that the portal appended it, beside the event and the subject.
_COLUMNS: Final = (
    *("sequence", "at", "actor", "case", "era", "facts", "rights", "signer"),
    *("previous", "digest", "countersignature"),
)


def recorded_version(team: uuid.UUID) -> int:
    """Return the version of a team's register in the newest entry that the server has signed, 0 for none; one query.

    Whoever writes to the database could otherwise put an older register back and plant the entry of its version.
    """
    entries = AuditEntry.objects.filter(subject=team, event=SEALED).order_by("-sequence")
    genuine = next(filter(log.is_genuine, entries.iterator(chunk_size=16)), None)
    return int(str(genuine.facts["version"])) if genuine else 0


def last_entry(team: uuid.UUID) -> dict[str, Subquery]:
    """Return what a query of any one row has to read for :func:`version_of`."""
    entries = AuditEntry.objects.filter(event=SEALED, subject=team).order_by("-sequence")
    return {f"register_entry_{name}": Subquery(entries.values(name)[:1]) for name in _COLUMNS}


def version_of(team: uuid.UUID, values: Mapping[str, object]) -> int | None:
    """Return the version that the newest entry records, None without one, -1 where the server has not signed it."""
    columns = {name: values[f"register_entry_{name}"] for name in _COLUMNS}
    if columns["sequence"] is None:
        return None
    entry = AuditEntry(event=SEALED, subject=team, **columns)
    return int(str(entry.facts["version"])) if log.is_genuine(entry) else -1


def register_faults(_keys: Sequence[object]) -> Iterator[Fault]:
    """Yield a fault for each team whose register is missing, was planted, or has another version than recorded."""
    if not _altered():
        return
    with transaction.atomic():
        # Again without an act under way: each appends its entry after its row.
        ChainHead.objects.select_for_update().get(pk=1)
        altered = _altered()
    for team, version in sorted(altered.items()):
        yield Fault(None, "register.altered", f"team {team}", version)


def _altered() -> Mapping[str, str]:
    """Return by the id of a team the version that is stored and not recorded, "" where the row is gone."""
    stored = {str(team): version for team, version in UrgentRegister.objects.values_list("team", "version")}
    recorded = {str(team): recorded_version(team) for team in Team.objects.values_list("pk", flat=True)}
    return {team: str(stored.get(team, "")) for team in recorded if stored.get(team, 0) != recorded[team]}


def index_key_faults(_keys: Sequence[object]) -> Iterator[Fault]:
    """Yield a fault for each team that has no key of its index while entries stand in it.

    The next member who signs in would draw another, and write the index of all its reports anew.
    """
    entries = IndexEntry.objects.filter(complaint__case__held_by=OuterRef("kind"))
    teams = Team.objects.filter(Exists(entries), index_key=None)
    for team in teams.order_by("pk").values_list("pk", flat=True):
        yield Fault(None, "index.altered", f"team {team}")


CHECKS: Final = (RowCheck("registers", once, register_faults), RowCheck("index_keys", once, index_key_faults))
