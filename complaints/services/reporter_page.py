"""What a ticket code shows on the status page, which ``follow_up`` fills in, and what happened to the report.

Neither the reference of a joint case nor its steps before the report joined are shown: they would tell the reporter
that somebody else has reported the same matter. Nor are the steps of a body that does not hold this report.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from complaints.domain import workflow
from complaints.domain.workflow import ENDED, Action, ActorKind, Status
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.services import case_membership, transitions
from complaints.services.audit import recorded_acts, recorded_told
from complaints.services.body_progress import BodyProgress
from complaints.services.case_membership import MembershipPeriod
from complaints.services.erasure_days import KeptUntil
from complaints.services.keyring import is_key_of, is_kind_as_sent
from complaints.services.reporter_reading import (
    Activity,
    Event,
    Objection,
    OwnName,
    OwnReport,
    ProgressStage,
    Told,
    event_of,
    status_label,
    untold_steps,
)


@dataclass(frozen=True)
class ThreadEntry:
    """A message to the reporter; ``author`` is "office" (triage) or "body"."""

    day: date
    author: str
    text: str


@dataclass(frozen=True)
class StatusPage:
    """What a ticket code shows: the status, the messages of staff, and only the number of the reporter's own."""

    reference: str
    status: str
    label: str
    due_on: date | None
    late: bool
    stages: list[ProgressStage]
    body_name: str
    events: list[Event]
    thread: list[ThreadEntry]
    question: str
    question_from_body: bool
    own_messages: int
    own_files: int
    opened_count: int
    # The last day on which an officer opened the report, None where none has.
    opened_on: date | None
    # What of the report a body holds, a line for each release in which something of it went.
    told: list[Told]
    may_answer: bool
    may_withdraw: bool
    received_on: date
    is_practice: bool
    # The team that holds the report, a value of Holder.
    held_by: str
    name: OwnName
    # Until when Bawaslu takes a report of the reporter's own; None where it takes none.
    own_report: OwnReport | None
    # The case is not as its steps and entries record it: nothing of its status is told until somebody has looked.
    under_check: bool
    # By which an answer names ``question``: the code of the body, or "office".
    question_to: str
    # Other bodies that have the report, beside the one that the status speaks of.
    others: Sequence[BodyProgress] = ()
    # Who asks this reporter now: (the code that an answer names, the short name; "" for the office).
    askers: Sequence[tuple[str, str]] = ()
    # Where the office is late: the day to which the same limit leads from the one that was missed.
    next_day: date | None = None
    # For how many days no answer of a reminded agency is recorded, from the recommendation on; None elsewhere.
    agency_days: int | None = None
    objection: Objection = field(default_factory=Objection)
    # The case ended at a body that never had this report.
    is_unsent: bool = False
    # When it is erased; None while somebody works on it.
    kept_until: KeptUntil | None = None

    @property
    def asking_body(self) -> str:
        """The short name of the body that asks ``question``, "" where it is the office."""
        return self.body_name if self.question_from_body else ""

    @property
    def is_ended(self) -> bool:
        """Whether the report came to an end, and not by its reporter."""
        return self.status in ENDED and self.status != Status.WITHDRAWN

    @property
    def may_ask_for_erasure(self) -> bool:
        """Whether the reporter may ask for it: what can be withdrawn is withdrawn, and erased by that."""
        return self.may_answer and not self.may_withdraw and not self.under_check

    @property
    def shown_days(self) -> OwnReport | None:
        """The days of a report of one's own to Bawaslu, but for those long past on a report that came to an end."""
        is_past = self.own_report is not None and self.own_report.state == "past"
        return None if is_past and self.status in ENDED else self.own_report

    @property
    def has_reason(self) -> bool:
        """Whether the history shows a reason for where the report stands."""
        return any(event.reason for event in self.events if event.status == self.status)


def next_day(status: Status | None, due_on: date | None, today: date) -> date | None:
    """Return where the office is late the first day from ``today`` on to which its limit leads from the missed one."""
    if status not in workflow.PROMISED or due_on is None or due_on >= today:
        return None
    while due_on < today:
        due_on = transitions.last_day_of(workflow.LIMITS[status], due_on)
    return due_on


def agency_days(status: str, steps: Sequence[CaseStep], today: date) -> int | None:
    """Return for how many days an agency has been waited for that was to be reminded since; None in other states."""
    asked = [step.day for step in steps if step.action == Action.AWAIT_AGENCY]
    return (today - asked[-1]).days if asked and status == Status.OVERDUE_AGENCY else None


# --- What happened to the report --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """A report's events, the last step of its case, the furthest stage reached (1 to 4), and its own reference.

    ``stays`` are its cases, each with the first and the last day. Without ``is_recorded`` there are no events.
    ``is_with_holder``: no body has the case, or the one that has it holds this report too, which ``is_held`` says.
    """

    events: list[Event]
    last: CaseStep | None
    stage: int
    stays: list[tuple[uuid.UUID, date | None, date | None]]
    is_recorded: bool
    is_with_holder: bool = True
    is_held: bool = False
    # The case ended at a body that never had this report.
    is_unsent: bool = False
    # All steps of the case that the report is in.
    steps: Sequence[CaseStep] = ()


def history(
    complaint: Complaint,
    *,
    known: Activity,
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
    told: Sequence[Told] = (),
    messages: Sequence[Message] = (),
) -> History:
    """Return the history of a report.

    Args:
        known: what there is on the report. Where not all of it is stored, the report is not as recorded.
        reasons: texts to the reporter, by the id of the step that they were sent with.
        body: the short name of the body that the case was forwarded to.
        told: what of the report went to bodies.
        messages: all of staff on the report. Where these or the releases are not as recorded, neither is the report.
    """
    case, moves = complaint.case, case_membership.moves_of(complaint) if known.is_moved else []
    only = [MembershipPeriod(case.pk, 0, None, None, complaint.check_by)]
    periods = case_membership.membership_periods(complaint, moves) if moves else only
    by_case: dict[uuid.UUID, list[CaseStep]] = defaultdict(list)
    for step in CaseStep.objects.filter(case__in={period.case_id for period in periods}).order_by("sequence"):
        by_case[step.case_id].append(step)
    ends = [*(period.since for period in periods[1:]), None]
    stays = [(period.case_id, period.since, end) for period, end in zip(periods, ends, strict=True)]
    is_displaced = known.is_moved and not recorded_acts.moves_are_recorded(complaint, moves)
    is_as_recorded = known.is_whole and _is_recorded(complaint, by_case[case.pk], periods[-1], messages)
    if is_displaced or not is_as_recorded or not _are_releases_recorded(periods, by_case):
        return History([], None, 0, stays, is_recorded=False)
    of_leading = [item for item in told if not item.is_further]
    events, is_held = _events_of_periods(periods, by_case, reasons, body, of_leading)
    asked_from = Status(case.asked_from) if case.asked_from else None
    is_with_holder = is_held or not workflow.with_body(Status(case.status), asked_from)
    stages = [workflow.stage(Status(event.status)) for event in events]
    stage = max([case.stage_reached if is_with_holder else 1, *stages])
    steps = by_case[case.pk]
    is_unsent = not is_with_holder and case.status in workflow.ENDED
    if is_unsent:
        # The history would otherwise stop in the middle of a check that nobody goes on with.
        events.append(Event(case.status_on, "", case.status, status_label(case.status, body), ""))
    last = steps[-1] if steps else None
    return History(events, last, stage, stays, True, is_with_holder, is_held, is_unsent, steps)


def is_recorded(complaint: Complaint) -> bool:
    """Whether a report is in its case, and the case as its steps and the chain record; if not, it decides nothing."""
    moves = case_membership.moves_of(complaint)
    if not recorded_acts.moves_are_recorded(complaint, moves):
        return False
    period = case_membership.membership_periods(complaint, moves)[-1]
    return _is_recorded(complaint, list(complaint.case.steps.order_by("sequence")), period)


def _are_releases_recorded(periods: Sequence[MembershipPeriod], by_case: Mapping[uuid.UUID, list[CaseStep]]) -> bool:
    """Whether the releases of the cases are as recorded, as far as any went to a body; else no query."""
    steps = {period.case_id: by_case[period.case_id] for period in periods}
    forwarded = {case: rows for case, rows in steps.items() if any(row.action == Action.FORWARD for row in rows)}
    return not forwarded or recorded_told.are_releases_recorded(forwarded)


def _is_recorded(
    complaint: Complaint,
    steps: Sequence[CaseStep],
    period: MembershipPeriod,
    messages: Sequence[Message] | None = None,
) -> bool:
    if not is_kind_as_sent(complaint, complaint.case):
        return False
    # A report that came to the case by a move, after its last step, brought or found the deadline of that day.
    has_step_since = bool(steps) and (period.since is None or period.after < len(steps))
    due_on = steps[-1].due_on if has_step_since else period.due_on
    told = None if messages is None else (complaint.pk, messages)
    return recorded_acts.is_recorded(complaint.case, steps, due_on=due_on, is_key_of=is_key_of, told=told)


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
        until = len(by_case[period.case_id]) if period.until is None else period.until
        steps = [step for step in by_case[period.case_id] if period.after < step.sequence <= until]
        is_withdrawn = bool(steps) and steps[0].action == Action.WITHDRAW
        if period.since and not is_withdrawn:
            status = _status_on_joining(by_case[period.case_id], period.after)
            if status != (events[-1].status if events else Status.RECEIVED.value):
                # The new case has another status: it is shown as an event of that day, without a reason.
                events.append(Event(period.since, Action.LINK.value, status, status_label(status, body), ""))
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
    is_held, last, forwarded = False, joined, Status.FORWARDED.value
    untold = untold_steps(steps, reasons)
    for step in [*steps, None]:
        late = next((item for item in told if item.is_supplement and not item.is_recalled and item.after == last), None)
        if late and not is_held:
            events.append(Event(late.day, Action.FORWARD.value, forwarded, status_label(forwarded, body), ""))
            is_held = True
        if step is None:
            break
        if step.action == Action.FORWARD:
            is_held = any(item.after == step.sequence and not item.is_supplement for item in told)
        if (is_held or not _is_of_body(step)) and step.pk not in untold:
            events.append(event_of(step, reasons.get(step.pk, ""), body))
        is_held, last = is_held and step.action not in recorded_told.GIVEN_BACK, step.sequence
    return events, is_held


def _is_of_body(step: CaseStep) -> bool:
    """Whether a step tells that a body has the case."""
    if step.actor_kind == ActorKind.BODY or step.action in {Action.RECALL, Action.FORWARD, Action.MARK_OVERDUE}:
        return True
    return workflow.with_body(Status(step.target), None)


def _status_on_joining(steps: Sequence[CaseStep], count: int) -> str:
    """Return the status that a case has for a report which joins it: a body that has it does not hold the report."""
    if not count:
        return Status.RECEIVED.value
    step = steps[count - 1]
    return Status.IN_REVIEW.value if _is_of_body(step) and step.action not in recorded_told.GIVEN_BACK else step.target
