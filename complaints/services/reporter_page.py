"""What a ticket code shows on the status page; ``follow_up`` fills it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from complaints.services.body_progress import BodyProgress
from complaints.services.reporter_reading import Event, OwnName, OwnReport, ProgressStage, Told


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
