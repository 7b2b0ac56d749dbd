"""What a reporter reads of the bodies that have the report beside the one which leads its case."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from complaints.domain.workflow import Action, Status
from complaints.models.complaint import Message
from complaints.models.oversight import Release, ReleaseStep
from complaints.services import reference_data, release_steps
from complaints.services.audit.recorded_told import GIVEN_BACK
from complaints.services.release_steps import ReleaseHistory
from complaints.services.report_questions import question_of
from complaints.services.reporter_reading import Event, Told, event_of, status_label, untold_steps


@dataclass(frozen=True)
class BodyProgress:
    """How far a body is with a report that it has by a further release.

    ``status`` is where the body stands for this report, ``question`` what it asks this reporter now ("": nothing), and
    ``to`` the code by which an answer names it. Where the body has it no longer ``has_it`` is false.
    """

    body: str
    to: str
    status: Status
    label: str
    due_on: date | None
    events: list[Event]
    question: str
    has_it: bool
    is_ended: bool
    is_recorded: bool


def read_progress(
    told: Sequence[Told], messages: Sequence[Message], texts: Mapping[uuid.UUID, str]
) -> list[BodyProgress]:
    """Return how far each body is that got something of the report by a further release, in the order of these.

    ``messages`` are those to the reporter, ``texts`` what they say by their id. Three queries.
    """
    firsts = list(dict.fromkeys(item.first for item in told if item.is_further))
    releases = Release.objects.in_bulk(firsts)
    histories = release_steps.read(releases.values())
    of_first = {first: [item for item in told if item.first == first] for first in firsts}
    return [_progress(releases[first], histories[first], of_first[first], messages, texts) for first in firsts]


def _progress(
    release: Release,
    history: ReleaseHistory,
    told: Sequence[Told],
    messages: Sequence[Message],
    texts: Mapping[uuid.UUID, str],
) -> BodyProgress:
    body = reference_data.body_name(release.body_id)
    asked = question_of(history.steps, messages)
    status = history.status
    if status is Status.NEEDS_INFORMATION and asked is None and history.asked_from:
        # The body asked the reporter of another report.
        status = history.asked_from
    reasons: dict[uuid.UUID | None, str] = {row.release_step_id: texts[row.pk] for row in messages if row.pk in texts}
    has_it = release.state == Release.State.OPEN and any(not item.is_recalled for item in told)
    last = history.last
    return BodyProgress(
        body=body,
        to=release.body_id,
        status=status,
        label=status_label(status.value, body),
        due_on=last.due_on if last else None,
        events=list(_events(history.steps, told, reasons, body)),
        question=texts.get(asked, "") if asked and has_it else "",
        has_it=has_it,
        is_ended=history.is_ended,
        is_recorded=history.is_recorded and _is_state_recorded(release, history),
    )


def _is_state_recorded(release: Release, history: ReleaseHistory) -> bool:
    """Whether a release is given back as its steps say; that it was recalled is compared with the chain elsewhere."""
    is_given_back = any(step.action in GIVEN_BACK for step in history.steps)
    return (release.state == Release.State.OPEN) is not is_given_back


def _events(
    steps: Sequence[ReleaseStep], told: Sequence[Told], reasons: Mapping[uuid.UUID | None, str], body: str
) -> Iterator[Event]:
    """Yield what is told of the body's steps since it has the report; one that came with a supplement begins so."""
    joined = told[0]
    if joined.is_supplement:
        label = status_label(Status.FORWARDED.value, body)
        yield Event(joined.day, Action.FORWARD.value, Status.FORWARDED.value, label, "")
    untold = untold_steps(steps, reasons)
    for step in steps:
        if joined.is_supplement and (step.day < joined.day or (step.at is not None and step.at < joined.at)):
            continue
        if step.pk in untold:
            continue
        yield event_of(step, reasons.get(step.pk, ""), body)
