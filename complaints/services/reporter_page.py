"""What a ticket code shows on the status page; ``follow_up`` fills it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from complaints.domain import workflow
from complaints.domain.workflow import ENDED, Status
from complaints.services import transitions
from complaints.services.body_progress import BodyProgress
from complaints.services.erasure_days import KeptUntil
from complaints.services.reporter_reading import Event, Objection, OwnName, OwnReport, ProgressStage, Told


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
