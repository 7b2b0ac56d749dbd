"""Whose ticket code was lost, as the chain records it. No table says so: nothing but genuine entries decides."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from complaints.models.audit import AuditEntry
from complaints.models.complaint import Complaint
from complaints.services.audit import log
from complaints.services.audit.entitlement import is_entitled
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope

PROPOSED: Final = "lost_code.proposed"
AGREED: Final = "lost_code.agreed"
REFUSED: Final = "lost_code.refused"
_EVENTS: Final = (PROPOSED, AGREED, REFUSED)


class State(StrEnum):
    """What became of a proposal. One that was agreed on can still be taken back, which refuses it."""

    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"


@dataclass(frozen=True)
class LostCode:
    """A proposal that the sender of ``complaint`` has lost the code of ``earlier``.

    ``number`` is that of the entry of the proposal, and ``note`` the internal note with its reason.
    """

    number: int
    complaint: uuid.UUID
    earlier: uuid.UUID
    note: uuid.UUID
    proposed_by: uuid.UUID | None
    proposed_at: datetime
    state: State = State.OPEN
    decided_by: uuid.UUID | None = None
    decided_at: datetime | None = None


def of_reports(complaints: Collection[uuid.UUID]) -> dict[uuid.UUID, LostCode]:
    """Return the newest proposal about each of some reports that has one, by the report that goes on; one query."""
    newest: dict[uuid.UUID, LostCode] = {}
    entries = AuditEntry.objects.filter(subject__in=complaints, event__in=_EVENTS).order_by("sequence")
    for entry in filter(log.is_genuine, filter(is_entitled, entries)):
        if entry.subject is not None and (state := _after(newest.get(entry.subject), entry)):
            newest[entry.subject] = state
    return newest


def _after(before: LostCode | None, entry: AuditEntry) -> LostCode | None:
    """Return what holds after an entry; None where the entry decides nothing."""
    if entry.event == PROPOSED:
        earlier, note = (uuid.UUID(str(entry.facts[name])) for name in ("earlier", "note"))
        return LostCode(entry.sequence, uuid.UUID(str(entry.subject)), earlier, note, entry.actor, entry.at)
    if before is None or before.state is State.REFUSED:
        return None
    decided = replace(before, decided_by=entry.actor, decided_at=entry.at)
    if entry.event == REFUSED:
        return replace(decided, state=State.REFUSED)
    is_by_another = before.state is State.OPEN and entry.actor != before.proposed_by
    return replace(decided, state=State.AGREED) if is_by_another else None


def waiting_for(person: uuid.UUID) -> QuerySet[Complaint]:
    """Return the reports with a proposal of somebody else that nobody has decided, by the entries alone, for counts."""
    decided = AuditEntry.objects.filter(
        subject=OuterRef("subject"), sequence__gt=OuterRef("sequence"), event__in=(AGREED, REFUSED)
    )
    proposed = AuditEntry.objects.filter(Q(event=PROPOSED), ~Q(actor=person), ~Exists(decided))
    return Complaint.objects.filter(pk__in=proposed.values("subject"))


def _reports(_scope: Scope) -> Rows:
    return Complaint.objects.filter(pk__in=AuditEntry.objects.filter(event=PROPOSED).values("subject"))


def _faults(complaints: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the agreements of whoever proposed. Entries are never altered: no second look is needed."""
    proposed_by: dict[uuid.UUID | None, uuid.UUID | None] = {}
    entries = AuditEntry.objects.filter(subject__in=complaints, event__in=_EVENTS).order_by("sequence")
    for subject, sequence, event, actor in entries.values_list("subject", "sequence", "event", "actor").iterator():
        if event == PROPOSED:
            proposed_by[subject] = actor
        elif event == AGREED and subject not in proposed_by:
            yield Fault(sequence, "entry.no_proposal")
        elif event == AGREED and proposed_by[subject] == actor:
            yield Fault(sequence, "entry.same_person")


CHECKS: Final = (RowCheck("two_people_of_lost_codes", _reports, _faults),)
