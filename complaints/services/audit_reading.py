"""What auditors read of the audit chain: entries by person, case, event and days, paged by number and never counted."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from complaints import access
from complaints.domain import normalization
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services.keyring import Actor, Locked

ENTRIES_PER_PAGE: Final = 50
EXPORTED_AT_MOST: Final = 50_000
# So many entries of an export are read at once.
_CHUNK: Final = 500


@dataclass(frozen=True)
class Selection:
    """Which entries are read; what is None narrows nothing.

    Attributes:
        person: who acted; where ``is_system`` is set, entries without a person instead.
        first: the first day, of the office's time zone.
        last: the last day, which counts whole.
    """

    person: uuid.UUID | None = None
    is_system: bool = False
    case: uuid.UUID | None = None
    event: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Page:
    """Entries, the newest first, and the number below which the next page begins; None on the last one."""

    entries: list[AuditEntry]
    next_before: int | None


def entries(*, reader: Staff, selection: Selection) -> QuerySet[AuditEntry]:
    """Return the entries of a selection, the newest first.

    Entries of cases with which the reader has a conflict of interest are left out.
    """
    rows = AuditEntry.objects.exclude(case__in=access.conflicted_cases(reader)).order_by("-sequence")
    if selection.is_system:
        rows = rows.filter(actor=None)
    elif selection.person:
        rows = rows.filter(actor=selection.person)
    if selection.case:
        rows = rows.filter(case=selection.case)
    if selection.event:
        rows = rows.filter(event=selection.event)
    if selection.first:
        rows = rows.filter(at__gte=_midnight(selection.first))
    if selection.last:
        rows = rows.filter(at__lt=_midnight(selection.last + timedelta(days=1)))
    return rows


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def page(*, reader: Staff, selection: Selection, before: int | None = None) -> Page:
    """Return up to ENTRIES_PER_PAGE entries of a selection whose numbers are below ``before``."""
    rows = entries(reader=reader, selection=selection)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    fetched = list(rows[: ENTRIES_PER_PAGE + 1])
    shown = fetched[:ENTRIES_PER_PAGE]
    return Page(shown, shown[-1].sequence if len(fetched) > ENTRIES_PER_PAGE else None)


def find_case(*, reader: Staff, text: str, today: date) -> uuid.UUID | None:
    """Return the id of the case that a typed reference means.

    None where there is no such case, or the reader has a conflict of interest in it.
    """
    cases = Case.objects.filter(reference__in=normalization.references(text, today.year))
    newest = cases.exclude(pk__in=access.conflicted_cases(reader)).order_by("-reference").values_list("pk", flat=True)
    return newest.first()


def case_references(*, reader: Staff, cases: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the references of cases by id, without those in which the reader has a conflict of interest."""
    rows = Case.objects.filter(pk__in=cases).exclude(pk__in=access.conflicted_cases(reader))
    return dict(rows.values_list("pk", "reference"))


@transaction.atomic
def export(*, actor: Actor, selection: Selection) -> Iterator[list[AuditEntry]]:
    """Record an export before its first byte; return the newest EXPORTED_AT_MOST entries of a selection, in chunks.

    Raises Locked for anybody but an auditor.
    """
    if not access.may_audit(actor.staff):
        raise Locked("staff")
    rows = entries(reader=actor.staff, selection=selection)
    newest = rows.values_list("sequence", flat=True).first() or 0
    number = rows.order_by().values("pk")[:EXPORTED_AT_MOST].count()
    actor.record("audit.exported", case=selection.case, facts={"rows": number} | _facts(selection))
    return _chunks(rows, newest=newest, number=number)


def _facts(selection: Selection) -> dict[str, object]:
    """Return what narrows an export, as its entry holds it."""
    facts = {
        "staff": str(selection.person) if selection.person else "",
        "event": selection.event,
        "first": selection.first.isoformat() if selection.first else "",
        "last": selection.last.isoformat() if selection.last else "",
    }
    return {name: value for name, value in facts.items() if value}


def _chunks(rows: QuerySet[AuditEntry], *, newest: int, number: int) -> Iterator[list[AuditEntry]]:
    before, left = newest + 1, number
    while left and (chunk := list(rows.filter(sequence__lt=before)[: min(_CHUNK, left)])):
        yield chunk
        before, left = chunk[-1].sequence, left - len(chunk)
