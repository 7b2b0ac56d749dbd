"""Questions of a body on its release, as the body and the office read them, with what became of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record
from complaints.domain.workflow import BODY_QUESTION
from complaints.models.case import Case
from complaints.models.oversight import Release, ReleasedReport
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.services import transitions
from complaints.services.audit import recorded_questions
from complaints.services.forwarding.names import is_worked_on
from complaints.services.keyring import Keyring
from complaints.services.team_key_history import trusted_signer

Kind = ReleaseQuestion.Kind
Became = QuestionReply.Kind


@dataclass(frozen=True)
class Reply:
    """What became of a question, opened; ``text`` is an answer or the reason why it was given back, else ""."""

    row: QuestionReply
    text: str


@dataclass(frozen=True)
class Question:
    """A question, opened.

    ``asked`` are the reports whose reporters are to read it, by id with their number for the body. ``kinds`` and
    ``why`` are the warnings that the liaison met and the reason for asking all the same. ``due_on`` is the day by which
    the office promises to act, None where nothing is left to do.
    """

    row: ReleaseQuestion
    text: str
    kinds: tuple[str, ...]
    why: str
    asked: dict[uuid.UUID, int]
    replies: list[Reply]
    due_on: date | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for the office."""
        return self.due_on is not None

    @property
    def state(self) -> str:
        """What became of it last, a value of QuestionReply.Kind; "" where nothing has."""
        return self.replies[-1].row.kind if self.replies else ""


def question_context(row: ReleaseQuestion) -> Context:
    """Return the context of a question."""
    return Context("release-question", str(row.pk), str(row.release_id))


def reader_context(row: QuestionReader) -> Context:
    """Return the context of the words for one reporter."""
    return Context("question-reader", str(row.pk), str(row.question_id))


def reply_context(row: QuestionReply) -> Context:
    """Return the context of what became of a question."""
    return Context("question-reply", str(row.pk), str(row.question_id))


def opened_on(*, keyring: Keyring, release: Release) -> list[Question]:
    """Return the questions on a forwarding, oldest first, for its body or for triage; the release has its case.

    Raises Locked, and SealError where a row is missing, was added or altered.
    """
    rows = recorded_questions.recorded_rows([release])
    if rows is None:
        raise SealError("question")
    if not rows:
        return []
    of_reports = ReleasedReport.objects.filter(Q(release=release) | Q(release__first=release))
    numbers = dict(of_reports.values_list("complaint", "number"))
    pair = keyring.release(release)
    return [_open_question(pair, release, row, numbers) for row in rows]


def _open_question(pair: BoxPair, release: Release, row: ReleaseQuestion, numbers: Mapping[uuid.UUID, int]) -> Question:
    body, holder = f"body-{release.body_id}", release.case.held_by
    content = open_record(pair, row.sealed, question_context(row), trusted_signer(row.signer, body))
    replies = []
    for reply in sorted(row.replies.all(), key=lambda reply: reply.at):
        signer = trusted_signer(reply.signer, body if reply.kind == Became.TAKEN_BACK else holder)
        replies.append(Reply(reply, str(open_record(pair, reply.sealed, reply_context(reply), signer))))
    row.release = release
    return Question(
        row=row,
        text=content["text"],
        kinds=tuple(content.get("kinds", ())),
        why=content.get("why", ""),
        asked={reader.complaint_id: numbers.get(reader.complaint_id, 0) for reader in row.readers.all()},
        replies=replies,
        due_on=due_on(row),
    )


def due_on(row: ReleaseQuestion) -> date | None:
    """Return by when the office promises to act on a question, read with its release, its case and its replies.

    Not after the day by which the body should have examined the case. None where nothing is left to do.
    """
    release = row.release
    if row.replies.all() or release.state != Release.State.OPEN or not is_worked_on(release):
        return None
    asked_on = timezone.localdate(row.at)
    day = transitions.last_day_of(BODY_QUESTION, asked_on)
    target = release.case.due_on
    return min(day, target) if target and target >= asked_on else day


def waiting(releases: QuerySet[Release]) -> QuerySet[ReleaseQuestion]:
    """Return the questions on these releases that wait for the office, by the rows alone, for counts and lists."""
    return ReleaseQuestion.objects.filter(release__in=releases, release__state=Release.State.OPEN, replies=None)


def unread_by_body(releases: Iterable[Release]) -> set[uuid.UUID]:
    """Return the forwardings on which the office answered or decided since the body last opened them; two queries."""
    ids = [release.pk for release in releases]
    if not ids:
        return set()
    replies = QuestionReply.objects.filter(question__release__in=ids).exclude(kind=Became.TAKEN_BACK)
    newest: dict[uuid.UUID, datetime] = {}
    for release_id, at in replies.order_by("at").values_list("question__release", "at"):
        newest[release_id] = at
    if not newest:
        return set()
    opened = recorded_questions.last_openings(newest)
    return {pk for pk, at in newest.items() if str(pk) not in opened or opened[str(pk)] < at}


def cases_asked(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Return those of ``cases`` on which a question of a body waits for the office."""
    return cases.filter(pk__in=waiting(Release.objects.all()).values("release__case"))
