"""The rows that entries speak of: what staff and bodies wrote, held against the digests in the chain."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import models, transaction

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Assessment, InternalNote
from complaints.models.complaint import Message
from complaints.models.oversight import Finding, Recommendation, Release, Sanction
from complaints.services.audit.chain import digest_of

# By event: the fact that names the row, and where the row can be.
_TABLES: Final[Mapping[str, tuple[str, tuple[type[models.Model], ...]]]] = {
    "message.sent": ("message", (Message,)),
    "note.written": ("note", (InternalNote,)),
    "assessment.recorded": ("assessment", (Assessment,)),
    "release.made": ("release", (Release,)),
    "decision.recorded": ("decision", (Finding, Recommendation, Sanction)),
}
Digests = Mapping[uuid.UUID, Mapping[str, str]]


def load(entries: Iterable[AuditEntry]) -> Digests:
    """Return the digests of the rows that ``entries`` name, read in few queries; entries are not trusted yet."""
    named: dict[str, list[uuid.UUID]] = {}
    for entry in entries:
        row = _row(entry)
        if row is not None:
            named.setdefault(entry.event, []).append(row)
    return {
        row: digests
        for event, rows in named.items()
        for model in _TABLES[event][1]
        for row, digests in _digests(model, rows)
    }


def _row(entry: AuditEntry) -> uuid.UUID | None:
    if entry.event not in _TABLES or not isinstance(entry.facts, dict):
        return None
    try:
        return uuid.UUID(str(entry.facts.get(_TABLES[entry.event][0])))
    except ValueError:
        return None


def _digests(model: type[models.Model], rows: list[uuid.UUID]) -> Iterable[tuple[uuid.UUID, dict[str, str]]]:
    found = model._default_manager.filter(pk__in=rows)
    if model is not Message:
        for row, sealed in found.values_list("pk", "sealed"):
            yield row, {"digest": digest_of(sealed)}
        return
    for row, sealed, copy in found.values_list("pk", "sealed", "sealed_for_reporter"):
        yield row, {"digest": digest_of(sealed), **({"copy": digest_of(copy)} if copy else {})}


def fault(entry: AuditEntry, stored: Digests) -> str:
    """Return why the row that a verified entry names does not hold, or ""."""
    if entry.event not in _TABLES:
        return ""
    name = _TABLES[entry.event][0]
    row = _row(entry)
    if row is None or row not in stored:
        return f"its {name} is gone"
    expected = {key: entry.facts[key] for key in ("digest", "copy") if key in entry.facts}
    return "" if stored[row] == expected else f"its {name} was altered"


def unrecorded() -> tuple[int | None, str, str] | None:
    """Return (no entry, why, kind) where more of staff's writing is stored than was ever recorded, else None."""
    for event in _TABLES:
        if _surplus(event) > 0 and _surplus_at_rest(event) > 0:
            return None, f"more is stored than the chain's {event} entries speak of", _TABLES[event][0]
    return None


def _surplus(event: str) -> int:
    stored = sum(_written(model).count() for model in _TABLES[event][1])
    return stored - AuditEntry.objects.filter(event=event).count()


def _surplus_at_rest(event: str) -> int:
    """Count again while nobody can append: the first count may have met an act half on its way."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        return _surplus(event)


def _written(model: type[models.Model]) -> models.QuerySet[Any]:
    rows = model._default_manager.all()
    return rows.exclude(direction=Message.Direction.FROM_REPORTER) if model is Message else rows
