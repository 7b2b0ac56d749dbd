"""What the chain records of the tables that staff imported: which cases came with each, who imported it, and when.

The entry of each finding names its import as its subject. No column of a case does: that a case came with others of
one table is known from the chain, and whoever writes to the database can move no case into an import.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from complaints.models.audit import AuditEntry
from complaints.services.audit import log

ENTERED: Final = "finding.entered"


@dataclass(frozen=True)
class RecordedImport:
    """An import: the person who made it, when, and the cases in the order of the rows of their table."""

    key: uuid.UUID
    actor: uuid.UUID
    at: datetime
    cases: tuple[uuid.UUID, ...]


def recorded_import(key: uuid.UUID) -> RecordedImport | None:
    """Return an import by its genuine entries, None where there is none; one query."""
    entries = AuditEntry.objects.filter(subject=key, event=ENTERED).order_by("sequence")
    genuine = [entry for entry in entries if log.is_genuine(entry)]
    if not genuine or genuine[0].actor is None:
        return None
    first, actor = genuine[0], genuine[0].actor
    of_first = [entry for entry in genuine if (entry.actor, entry.at) == (actor, first.at)]
    return RecordedImport(key, actor, first.at, tuple(entry.case for entry in of_first if entry.case is not None))


def import_keys(cases: Collection[uuid.UUID], *, actor: uuid.UUID, since: datetime) -> list[uuid.UUID]:
    """Return the imports that a person has made since then and that brought these cases, the newest first."""
    entries = AuditEntry.objects.filter(case__in=cases, event=ENTERED, actor=actor, at__gte=since)
    keys = entries.exclude(subject=None).order_by("-sequence").values_list("subject", flat=True)
    return [key for key in dict.fromkeys(keys) if key is not None]
