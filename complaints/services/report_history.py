"""The history of one report over all cases that it was part of, as its reporter reads it, and what of it a body holds.

Neither the reference of a joint case nor its steps before the report joined are shown: they would reveal to the
reporter that somebody else has reported the same matter. Nor are the steps of a body that does not hold this report.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from complaints.domain import workflow
from complaints.domain.case_links import with_body
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import EVENT_LABELS, STATUS_LABELS, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release, ReleasedReport
from complaints.models.team import Team
from complaints.services import case_membership
from complaints.services.audit import recorded_acts
from complaints.services.case_membership import MembershipPeriod
from complaints.services.keyring import is_key_of, told_context
from complaints.services.team_key_history import trusted_signer

_GIVEN_BACK = (Action.RETURN, Action.DECLINE, Action.RECALL)


@dataclass(frozen=True)
class Told:
    """What of a report went to a body in one release, as triage told its reporter.

    ``after`` is the number of the last step of the case ``case_id`` when it went, of a forwarding its own. ``left_out``
    are the keys of the answers that did not go (``services.forwarding.contents.ANSWERS``).
    """

    case_id: uuid.UUID
    body: str
    day: date
    after: int
    is_supplement: bool
    has_answers: bool
    left_out: tuple[str, ...]
    messages: int
    posts: int
    files: int


def read_told(complaint: Complaint, box: BoxPair) -> list[Told]:
    """Return what of a report went to bodies, oldest first, with the reporter's pair; one query.

    Raises SealError, UnpinnedKey where triage did not sign it.
    """
    rows = ReleasedReport.objects.filter(complaint=complaint).exclude(release__state=Release.State.RECALLED)
    return [_told(row, box) for row in rows.select_related("release").order_by("release__at", "release__number")]


def _told(row: ReleasedReport, box: BoxPair) -> Told:
    signer = trusted_signer(row.release.signer, Team.Kind.TRIAGE)
    content = open_record(box, row.told, told_context(row), signer)
    return Told(
        case_id=uuid.UUID(content["case"]),
        body=content["body"],
        day=date.fromisoformat(content["day"]),
        after=content["after"],
        is_supplement=content["supplement"],
        has_answers=content["answers"],
        left_out=tuple(content["left_out"]),
        messages=content["messages"],
        posts=content["posts"],
        files=content["files"],
    )


@dataclass(frozen=True)
class Event:
    """A step of the case: the day, the action, the status with its label, and the reason of staff ("": none)."""

    day: date
    action: str
    status: str
    label: str
    reason: str


@dataclass(frozen=True)
class History:
    """A report's events, the last step of its case, the furthest stage reached (1 to 4), and its own reference.

    ``stays`` are its cases, each with the first and the last day. Without ``is_recorded`` there are no events.
    ``is_with_holder``: no body has the case, or the one that has it holds this report too.
    """

    events: list[Event]
    last: CaseStep | None
    stage: int
    reference: str
    stays: list[tuple[uuid.UUID, date | None, date | None]]
    is_recorded: bool
    is_with_holder: bool = True


def history(
    complaint: Complaint,
    *,
    moved: bool,
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
    told: Sequence[Told] = (),
) -> History:
    """Return the history of a report.

    Args:
        moved: whether anything tells that the report has ever changed its case.
        reasons: texts to the reporter, by the id of the step that they were sent with.
        body: the short name of the body that the case was forwarded to.
        told: what of the report went to bodies.
    """
    case, moves = complaint.case, case_membership.moves_of(complaint) if moved else []
    only = [MembershipPeriod(case.pk, 0, None, None, complaint.check_by)]
    periods = case_membership.membership_periods(complaint, moves) if moves else only
    by_case: dict[uuid.UUID, list[CaseStep]] = defaultdict(list)
    for step in CaseStep.objects.filter(case__in={period.case_id for period in periods}).order_by("sequence"):
        by_case[step.case_id].append(step)
    ends = [*(period.since for period in periods[1:]), None]
    stays = [(period.case_id, period.since, end) for period, end in zip(periods, ends, strict=True)]
    reference = moves[0].source.reference if moves else case.reference
    is_displaced = moved and not recorded_acts.moves_are_recorded(complaint, moves)
    if is_displaced or not _is_recorded(complaint, by_case[case.pk], periods[-1]):
        return History([], None, 0, reference, stays, is_recorded=False)
    events, is_held = _events_of_periods(periods, by_case, reasons, body, told)
    asked_from = Status(case.asked_from) if case.asked_from else None
    is_with_holder = is_held or not with_body(Status(case.status), asked_from)
    stages = [workflow.stage(Status(event.status)) for event in events]
    stage = max([case.stage_reached if is_with_holder else 1, *stages])
    last = by_case[case.pk][-1] if by_case[case.pk] else None
    return History(events, last, stage, reference, stays, is_recorded=True, is_with_holder=is_with_holder)


def is_recorded(complaint: Complaint) -> bool:
    """Whether a report is in its case, and the case as its steps and the chain record; if not, it decides nothing."""
    moves = case_membership.moves_of(complaint)
    if not recorded_acts.moves_are_recorded(complaint, moves):
        return False
    period = case_membership.membership_periods(complaint, moves)[-1]
    return _is_recorded(complaint, list(complaint.case.steps.order_by("sequence")), period)


def _is_recorded(complaint: Complaint, steps: Sequence[CaseStep], period: MembershipPeriod) -> bool:
    # A report that came to the case by a move, after its last step, brought or found the deadline of that day.
    has_step_since = bool(steps) and (period.since is None or period.after < len(steps))
    due_on = steps[-1].due_on if has_step_since else period.due_on
    return recorded_acts.is_recorded(complaint.case, steps, due_on=due_on, is_key_of=is_key_of)


def _events_of_periods(
    periods: Sequence[MembershipPeriod],
    by_case: Mapping[uuid.UUID, list[CaseStep]],
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
    told: Sequence[Told],
) -> tuple[list[Event], bool]:
    """Return the events of a report, and whether the body that last had the case holds the report."""
    events: list[Event] = []
    is_held = False
    for period in periods:
        steps = [step for step in by_case[period.case_id] if _within(step, period)]
        is_withdrawn = bool(steps) and steps[0].action == Action.WITHDRAW
        if period.since and not is_withdrawn:
            status = _status_on_joining(by_case[period.case_id], period.after)
            if status != (events[-1].status if events else Status.RECEIVED.value):
                # The new case has another status: it is shown as an event of that day, without a reason.
                events.append(Event(period.since, Action.LINK.value, status, _label(status, body), ""))
        of_case = [item for item in told if item.case_id == period.case_id]
        more, is_held = _events_of_period(steps, of_case, reasons, body, period.after)
        events += more
    return events, is_held


def _events_of_period(
    steps: Sequence[CaseStep],
    told: Sequence[Told],
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
    joined: int,
) -> tuple[list[Event], bool]:
    """Return the events of one case, without what a body did that did not hold the report."""
    events: list[Event] = []
    is_held, last = False, joined
    for step in steps:
        if not is_held and (late := _supplement_after(told, last)):
            events.append(_joined_by_supplement(late, body))
            is_held = True
        if step.action == Action.FORWARD:
            is_held = any(item.after == step.sequence and not item.is_supplement for item in told)
        if is_held or not _is_of_body(step):
            events.append(_event(step, reasons.get(step.pk, ""), body))
        if step.action in _GIVEN_BACK:
            is_held = False
        last = step.sequence
    if not is_held and (late := _supplement_after(told, last)):
        events.append(_joined_by_supplement(late, body))
        is_held = True
    return events, is_held


def _supplement_after(told: Sequence[Told], sequence: int) -> Told | None:
    return next((item for item in told if item.is_supplement and item.after == sequence), None)


def _joined_by_supplement(item: Told, body: str) -> Event:
    """Return the event of the day on which a body that has the case received a report of it."""
    status = Status.FORWARDED.value
    return Event(item.day, Action.FORWARD.value, status, _label(status, body), "")


def _is_of_body(step: CaseStep) -> bool:
    """Whether a step tells that a body has the case."""
    if step.actor_kind == ActorKind.BODY or step.action in {Action.RECALL, Action.FORWARD, Action.MARK_OVERDUE}:
        return True
    return with_body(Status(step.target), None)


def _within(step: CaseStep, period: MembershipPeriod) -> bool:
    return period.after < step.sequence <= (period.until if period.until is not None else step.sequence)


def _status_on_joining(steps: Sequence[CaseStep], count: int) -> str:
    """Return the status that a case has for a report which joins it: a body that has it does not hold the report."""
    if not count:
        return Status.RECEIVED.value
    step = steps[count - 1]
    return Status.IN_REVIEW.value if _is_of_body(step) and step.action not in _GIVEN_BACK else step.target


def _event(step: CaseStep, reason: str, body: str) -> Event:
    label = str(EVENT_LABELS.get(Action(step.action), STATUS_LABELS[Status(step.target)])).format(body=body)
    return Event(step.day, step.action, step.target, label, reason)


def _label(status: str, body: str) -> str:
    return str(STATUS_LABELS[Status(status)]).format(body=body)
