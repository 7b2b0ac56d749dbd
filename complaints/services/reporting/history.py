"""What a reporter reads of their report's way: the steps that were its own, whichever case it stood in.

Of a joint case no step before the report joined it is shown, and never its reference: either would tell that somebody
else has reported the same matter.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from complaints.domain import workflow
from complaints.domain.workflow import Action, Status
from complaints.models.case import STATUS_LABELS, Case, Transition
from complaints.models.complaint import Complaint
from complaints.services import placing
from complaints.services.placing import Stretch


@dataclass(frozen=True)
class Event:
    """A step that happened on a day, and why, in the office's words."""

    day: date
    action: str
    status: str
    label: str
    reason: str


@dataclass(frozen=True)
class History:
    """A report's way so far: its events, the last step of its case, the furthest stage, and the reference it keeps."""

    events: list[Event]
    last: Transition | None
    stage: int
    reference: str


def history(complaint: Complaint, *, moved: bool, reasons: Mapping[uuid.UUID | None, str], body: str) -> History:
    """Return the history of a report.

    Args:
        moved: whether it has ever changed its case.
        reasons: what the reporter was told, by the step that it was told with.
        body: the name of the body that the case is with.
    """
    case = complaint.case
    if not moved:
        steps = list(case.transitions.order_by("sequence")) if case.step_count else []
        events = [_event(step, reasons.get(step.pk, ""), body) for step in steps]
        return History(events, steps[-1] if steps else None, case.stage_reached, case.reference)
    way = placing.way_of(complaint)
    by_case: dict[uuid.UUID, list[Transition]] = defaultdict(list)
    for step in Transition.objects.filter(case__in={part.case_id for part in way}).order_by("sequence"):
        by_case[step.case_id].append(step)
    events = _of_way(way, by_case, reasons, body)
    stage = max([case.stage_reached, *(workflow.stage(Status(event.status)) for event in events)])
    last = by_case[case.pk][-1] if by_case[case.pk] else None
    return History(events, last, stage, placing.own_reference(complaint))


def _of_way(
    way: Sequence[Stretch],
    by_case: Mapping[uuid.UUID, list[Transition]],
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
) -> list[Event]:
    events: list[Event] = []
    for part in way:
        own = [step for step in by_case[part.case_id] if _within(step, part)]
        withdrawn = bool(own) and own[0].action == Action.WITHDRAW
        if part.since and not withdrawn:
            entered = _status_at(by_case[part.case_id], part.after)
            if entered != (events[-1].status if events else Status.RECEIVED.value):
                # Where the new case stands is another place: said as a step of that day, without a reason.
                events.append(Event(part.since, Action.LINK.value, entered, _label(entered, body), ""))
        events += [_event(step, reasons.get(step.pk, ""), body) for step in own]
    return events


def _within(step: Transition, part: Stretch) -> bool:
    return part.after < step.sequence <= (part.until if part.until is not None else step.sequence)


def _status_at(steps: Sequence[Transition], count: int) -> str:
    return steps[count - 1].target if count else Status.RECEIVED.value


def _event(step: Transition, reason: str, body: str) -> Event:
    return Event(step.day, step.action, step.target, _label(step.target, body), reason)


def _label(status: str, body: str) -> str:
    return str(STATUS_LABELS[Status(status)]).format(body=body)


def was_asked(complaint: Complaint, case: Case) -> bool:
    """Whether the question that is open in a case was put to this reporter."""
    last = case.transitions.order_by("-sequence").values_list("pk", flat=True).first()
    return complaint.messages.filter(transition=last).exists()
