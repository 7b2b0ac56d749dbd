"""Which questions are open to a reporter, of the office or of several bodies at once, and which of them is answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from complaints.domain.sealing.primitives import SignPair
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release, ReleaseStep
from complaints.services import case_membership, release_steps, reporter_steps

OFFICE: Final = "office"
# Words that answer no question: they go to the office.
NO_QUESTION: Final = "none"


class ChooseQuestion(Exception):
    """Several questions are open, and nothing says which of them is answered; nothing was written."""


@dataclass(frozen=True)
class OpenQuestion:
    """An open question: ``to`` is the code of the body that asks, or OFFICE; ``release`` is the one of the body."""

    to: str
    release: Release | None

    @property
    def further(self) -> Release | None:
        """The release of a body that does not lead the case, which takes the step of the answer."""
        return self.release if self.release is not None and self.release.is_further else None


def answered(complaint: Complaint, case: Case, to: str, *, has_text: bool) -> OpenQuestion | None:
    """Return the open question that an answer to ``to`` is for; None where it answers none.

    Without ``to`` it is the only one; files alone do not say which of several they answer. The case is locked; the
    release of a further question is then locked as well. Raises ChooseQuestion for a text that may answer several.
    """
    if to == NO_QUESTION or not (case.lead_body_id or case.status == Status.NEEDS_INFORMATION):
        return None
    questions = _open_questions(complaint, case)
    if not to and len(questions) > 1:
        if has_text:
            raise ChooseQuestion
        return None
    return next((question for question in questions if to in ("", question.to)), None)


def _open_questions(complaint: Complaint, case: Case) -> list[OpenQuestion]:
    questions = []
    if case.status == Status.NEEDS_INFORMATION and (
        reporter_steps.was_asked(complaint, case) or not case_membership.is_shared(case)
    ):
        release = reporter_steps.asking_release(complaint, case)
        questions.append(OpenQuestion(release.body_id if release else OFFICE, release))
    asked = complaint.messages.filter(
        release_step__action=Action.ASK_REPORTER.value, direction=Message.Direction.BODY_QUESTION
    )
    ids = set(asked.values_list("release", flat=True)) if case.lead_body_id else set()
    rows = Release.objects.select_for_update(of=("self",)).select_related("case").order_by("pk")
    releases = list(rows.filter(pk__in=ids, state=Release.State.OPEN)) if ids else []
    histories = release_steps.read(releases)
    for release in releases:
        history = histories[release.pk]
        if history.is_recorded and history.last and asked.filter(release_step=history.last).exists():
            questions.append(OpenQuestion(release.body_id, release))
    return questions


def question_of(steps: Sequence[ReleaseStep], messages: Sequence[Message]) -> uuid.UUID | None:
    """Return the message by which the body of a further release asks this reporter now; None where it does not."""
    last = steps[-1] if steps else None
    if last is None or last.action != Action.ASK_REPORTER:
        return None
    kind = Message.Direction.BODY_QUESTION
    questions = (row.pk for row in messages if row.release_step_id == last.pk and row.direction == kind)
    return next(questions, None)


def step_on_answer(release: Release, signer: SignPair, today: date, batch: int) -> None:
    """Take the step of an answer to a further question on its release; the first of several reporters takes it."""
    release_steps.perform(
        release_id=release.pk,
        action=Action.ANSWER,
        actor_kind=ActorKind.REPORTER,
        at=reporter_steps.noon(today),
        batch=batch,
        reporter=signer,
    )
