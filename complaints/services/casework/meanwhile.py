"""What happened to a case since an officer looked: who did which step, who wrote. Nothing sealed is opened for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from complaints.models.case import Assessment, Case, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.team import Staff
from complaints.services import transitions


@dataclass(frozen=True)
class Change:
    """One thing that happened: ``kind`` is step, a message's direction, note, danger, evidence or reports.

    ``what`` is a step's action. What reporters do has a day and no hour.
    """

    kind: str
    who: Staff | None = None
    what: str = ""
    at: datetime | None = None
    day: date | None = None


def mark_of(case: Case) -> str:
    """Return what somebody sees who looks at a case now; see ``transitions.mark``."""
    return transitions.mark(case, dict(_sequences(case)))


def _sequences(case: Case) -> list[tuple[object, int]]:
    return list(Complaint.objects.filter(case=case).order_by("pk").values_list("pk", "next_sequence"))


def changes_since(*, case: Case, seen: str) -> list[Change]:
    """Return what happened to ``case`` since ``seen``, a mark; [] where that tells nothing (a bare status)."""
    parts = seen.split(".")
    if len(parts) != 3 or not parts[1].isdecimal():
        return []
    changes = list(_steps(case, int(parts[1])))
    before, now = [int(one) for one in parts[2].split("-") if one.isdecimal()], _sequences(case)
    if len(before) != len(now):
        return [*changes, Change("reports")]
    later = Q(pk=None)
    for (complaint, _next), first in zip(now, before, strict=True):
        later |= Q(complaint=complaint, sequence__gte=first)
    return [*changes, *_written(later)]


def since_others(*, case: Case, seen: str, staff: Staff | None) -> str:
    """Return ``seen``, or how the case stands now where this person's own notes are all that came since.

    An original opened for a reason leaves a note and no new page: the officer's next word must not be refused for it.
    Messages and steps of their own are not passed over, or a form that is sent twice would be taken twice.
    """
    changes = changes_since(case=case, seen=seen)
    own = bool(changes) and all(change.kind == "note" and change.who == staff for change in changes)
    return mark_of(case) if own else seen


def _steps(case: Case, seen: int) -> Iterator[Change]:
    for step in case.transitions.filter(sequence__gt=seen).select_related("actor").order_by("sequence"):
        yield Change("step", step.actor, step.action, step.at, step.day)


def _written(later: Q) -> Iterator[Change]:
    """Yield what was written beside the steps; what came with a step is told by it."""
    for message in Message.objects.filter(later, transition=None).select_related("author").order_by("day", "sequence"):
        yield Change(message.direction, message.author, day=message.day)
    for kind, model in (("note", InternalNote), ("danger", Assessment)):
        for row in model.objects.filter(later, transition=None).select_related("author").order_by("at"):
            yield Change(kind, row.author, at=row.at)
    for item in Evidence.objects.filter(later).order_by("day", "sequence")[:1]:
        yield Change("evidence", day=item.day)
