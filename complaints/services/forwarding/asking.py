"""The acts on questions of a body: it asks, the office answers, passes its question to a reporter on, or gives it back.

The words to a reporter are signed by the body when it asks. The office seals them to the reporter as they are: whatever
it altered would not open on the status page.
"""

from __future__ import annotations

import uuid
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Q

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import (
    JSON,
    Context,
    open_record,
    read_signed,
    seal_record,
    seal_signed,
    sign_record,
)
from complaints.domain.workflow import Action, ActorKind, Refusal, Status, TransitionRefused
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release, ReleasedReport, ReleaseStep
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.models.step import Step
from complaints.services import case_membership, disclosure_check, forbidden_questions, release_steps, transitions
from complaints.services.audit import log
from complaints.services.audit.log import row_digest
from complaints.services.disclosure_check import Override
from complaints.services.forwarding.names import may_act_on
from complaints.services.forwarding.questions import (
    Became,
    Kind,
    Question,
    opened_on,
    question_context,
    reader_context,
    reply_context,
)
from complaints.services.forwarding.reading import chain_of, open_contents, reporters_of
from complaints.services.forwarding.release_assignment import take_by_acting
from complaints.services.keyring import Actor, Keyring, check_keys, message_context
from complaints.services.messages import take_sequence
from complaints.services.team_key_history import trusted_signer
from complaints.services.transitions import CaseVersion


class NobodyToAsk(Exception):
    """No report was chosen of which somebody can read the question."""


# --- The body asks ----------------------------------------------------------------------------------------------------


def readers_of(release: Release) -> list[tuple[int, uuid.UUID]]:
    """Return number and id of the released reports whose reporter can be asked; monitoring reports have none."""
    held = case_membership.reports_of_release(release)
    able = Complaint.objects.with_reporter().filter(pk__in=held).values("pk")
    rows = ReleasedReport.objects.filter(Q(release=release) | Q(release__first=release), complaint__in=able)
    return sorted(set(rows.values_list("number", "complaint")))


@transaction.atomic
def ask_office(*, actor: Actor, release_id: uuid.UUID, text: str) -> ReleaseQuestion:
    """Ask the office on a release: no step of the case, and no word to a reporter.

    Raises Release.DoesNotExist, Locked, and TransitionRefused where the body works on it no more.
    """
    release = _locked_release(actor, release_id)
    return _store_question(actor, release, Kind.OFFICE, {"text": text})


@transaction.atomic
def propose(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    text: str,
    readers: Collection[uuid.UUID],
    override: Override | None = None,
) -> ReleaseQuestion:
    """Propose a question to the reporters of the released reports ``readers``; the office reads it first.

    Raises as :func:`ask_office`, NobodyToAsk, and ForbiddenQuestionPut.
    """
    release = _locked_release(actor, release_id)
    if Status(release.case.status) is not Status.UNDER_EXAMINATION:
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    released = reporters_of(open_contents(actor.keyring, chain_of(release)))
    able = {complaint for _number, complaint in readers_of(release)}
    chosen = [pk for pk in sorted(set(readers) & able) if str(pk) in released]
    if not chosen:
        raise NobodyToAsk
    kinds, why = (list(override.kinds), override.words) if override else ([], "")
    forbidden_questions.refuse(text, kinds)
    question = _store_question(actor, release, Kind.REPORTER, {"text": text, "kinds": kinds, "why": why})
    signer = _team_pair(actor, release)
    for complaint in Complaint.objects.filter(pk__in=chosen).order_by("pk"):
        # As the office released it: whoever writes to the database could put another key into the row.
        check_keys(complaint, released[str(complaint.pk)])
        _store_reader(actor, question, complaint, case_membership.with_reference(text, complaint), signer)
    return question


@transaction.atomic
def take_back(*, actor: Actor, question_id: uuid.UUID) -> None:
    """Take a question back that the office has neither answered nor passed on; raises as :func:`ask_office`."""
    question = _question_of_body(actor, question_id)
    release = _locked_release(actor, question.release_id)
    _refuse_unless_open(actor.keyring, question)
    _store_reply(actor, question, release, Became.TAKEN_BACK, "", _team_pair(actor, release))


def _question_of_body(actor: Actor, question_id: uuid.UUID) -> ReleaseQuestion:
    rows = ReleaseQuestion.objects.filter(release__in=access.releases_for(actor.staff))
    return rows.select_related("release").get(pk=question_id)


def _locked_release(actor: Actor, release_id: uuid.UUID) -> Release:
    """Return a forwarding of the person's body that it may act on, locked behind its case and reports."""
    visible = access.releases_for(actor.staff).filter(first=None)
    case_id = visible.values_list("case", flat=True).get(pk=release_id)
    case = case_membership.lock([case_id])[case_id]
    release = visible.select_for_update(of=("self",)).select_related("body").get(pk=release_id)
    release.case = case
    actor.keyring.release(release)
    if not may_act_on(release):
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    return release_steps.as_body_sees(release)


def _team_pair(actor: Actor, release: Release) -> SignPair:
    return actor.keyring.keys_of(f"body-{release.body_id}").sign


def _store_question(
    actor: Actor, release: Release, kind: ReleaseQuestion.Kind, content: Mapping[str, JSON]
) -> ReleaseQuestion:
    signer = _team_pair(actor, release)
    row = ReleaseQuestion(release=release, kind=kind, author=actor.staff, signer=signer.public, at=actor.now)
    row.sealed = seal_record(bytes(release.public_key), question_context(row), dict(content), signer)
    row.save(force_insert=True)
    facts = {"question": str(row.pk), "release": str(release.pk), "kind": kind.value, **_digests(row)}
    actor.record("question.asked", case=release.case_id, facts=facts)
    take_by_acting(actor, release)
    return row


def _store_reader(actor: Actor, question: ReleaseQuestion, complaint: Complaint, text: str, signer: SignPair) -> None:
    """Store the words for one reporter, signed for the message that the office makes of them."""
    row, release = QuestionReader(question=question, complaint=complaint), question.release
    copies = {
        name: b64encode(sign_record(recipient, context, text, signer)).decode()
        for name, (recipient, context) in _copies(row, release).items()
    }
    row.sealed = seal_record(bytes(release.public_key), reader_context(row), copies, signer)
    row.save(force_insert=True)
    facts = {"reader": str(row.pk), "question": str(question.pk), **_digests(row)}
    actor.record("question.addressed", case=release.case_id, facts=facts)


def _copies(row: QuestionReader, release: Release) -> dict[str, tuple[bytes, Context]]:
    """Return by the column of the message to whom each copy of the words is sealed, and what it is bound to."""
    message = Message(pk=row.pk, complaint=row.complaint, direction=Message.Direction.BODY_QUESTION)
    return {
        "sealed": (bytes(release.public_key), message_context(message)),
        "sealed_for_reporter": (
            bytes(row.complaint.reporter_key),
            message_context(message, kind="to-reporter"),
        ),
    }


# --- The office acts --------------------------------------------------------------------------------------------------


def question_of_office(actor: Actor, question_id: uuid.UUID) -> ReleaseQuestion:
    """Return a question on a case that the person may see, with its release; raises ReleaseQuestion.DoesNotExist."""
    rows = ReleaseQuestion.objects.filter(release__case__in=access.cases_for(actor.staff))
    return rows.select_related("release__body", "release__case").get(pk=question_id)


@transaction.atomic
def read_question(*, actor: Actor, question_id: uuid.UUID) -> Question:
    """Open a question for a member of triage; recorded.

    Raises ReleaseQuestion.DoesNotExist, Locked, and SealError where it is not as the chain records it.
    """
    row = question_of_office(actor, question_id)
    opened = opened_on(keyring=actor.keyring, release=row.release)
    actor.record("question.opened", case=row.release.case_id, facts={"question": str(row.pk)})
    return next(question for question in opened if question.row.pk == row.pk)


@transaction.atomic
def answer(*, actor: Actor, question_id: uuid.UUID, text: str, supplement: uuid.UUID | None = None) -> None:
    """Answer a question to the office, in words or with a supplement that its release has; the body reads it at once.

    Raises ReleaseQuestion.DoesNotExist, Release.DoesNotExist, Locked, and TransitionRefused where the release ended.
    """
    question, release = _locked_question(actor, question_id, Kind.OFFICE)
    passed = release.supplements.filter(state=Release.State.OPEN).get(pk=supplement) if supplement else None
    kind = Became.SUPPLEMENT if passed else Became.ANSWERED
    _store_reply(actor, question, release, kind, text, _holder_pair(actor), passed)


@transaction.atomic
def give_back(*, actor: Actor, question_id: uuid.UUID, reason: str) -> None:
    """Give a question to reporters back to the body with a reason: no reporter reads it; raises as :func:`answer`."""
    question, release = _locked_question(actor, question_id, Kind.REPORTER)
    _refuse_unless_open(actor.keyring, question)
    _store_reply(actor, question, release, Became.GIVEN_BACK, reason, _holder_pair(actor))


@transaction.atomic
def pass_on(
    *, actor: Actor, question_id: uuid.UUID, seen: CaseVersion | None = None, override: Override | None = None
) -> Step:
    """Pass a question on to the reporters as the body signed it; the case, or the further release, waits for an answer.

    ``override`` is why it is passed on despite a disclosure warning.

    Raises:
        SealError: the words are not those that the body signed and the office read.
        TransitionRefused, CaseChanged: the body examines it no more, or no longer holds a report that it asks about, or
            it was decided; nothing was written.
        ForbiddenQuestionPut: the office gave no reason for what the list names.
        ReleaseQuestion.DoesNotExist, Locked: as for :func:`answer`.
    """
    question, release = _locked_question(actor, question_id, Kind.REPORTER)
    opened = _refuse_unless_open(actor.keyring, question)
    readers = list(question.readers.select_related("complaint").order_by("complaint"))
    if not {reader.complaint_id for reader in readers} <= set(case_membership.reports_of_release(release)):
        # It was recalled since the body asked: an answer would go to a body that no longer holds the report.
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    forbidden_questions.refuse(opened.text, override.kinds if override else ())
    step = _take_step(actor, release, opened.text, seen)
    for reader in readers:
        _send(actor, release, question, reader, opened.text, step)
    _store_reply(actor, question, release, Became.PASSED, "", _holder_pair(actor))
    if override:
        complaints = [reader.complaint for reader in readers]
        disclosure_check.record_override(actor=actor, complaints=complaints, override=override, about=step)
    return step


def _take_step(actor: Actor, release: Release, text: str, seen: CaseVersion | None) -> Step:
    """Take the step of a question: of the case where the body leads it, else of its release alone."""
    action, kind = Action.ASK_REPORTER, ActorKind.STAFF
    if release.is_further:
        # The officer saw the version of the case; that nobody decided on the question was looked at under the lock.
        return release_steps.perform(release_id=release.pk, action=action, actor_kind=kind, actor=actor, reason=text)
    return transitions.perform(
        case_id=release.case_id, action=action, actor_kind=kind, actor=actor, reason=text, seen=seen
    )


def _locked_question(
    actor: Actor, question_id: uuid.UUID, kind: ReleaseQuestion.Kind
) -> tuple[ReleaseQuestion, Release]:
    """Return a question with its release, locked behind the case; the body must still work on it."""
    question = question_of_office(actor, question_id)
    case_id = question.release.case_id
    case = case_membership.lock([case_id])[case_id]
    release = Release.objects.select_for_update(of=("self",)).select_related("body").get(pk=question.release_id)
    release.case = question.release.case = case
    question.release = release
    actor.keyring.release(release)
    if question.kind != kind or not may_act_on(release):
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    return question, release


def _holder_pair(actor: Actor) -> SignPair:
    return actor.keyring.keys_of(actor.keyring.report_team).sign


def _refuse_unless_open(keyring: Keyring, question: ReleaseQuestion) -> Question:
    """Return a question that waits for the office, opened; raises TransitionRefused for any other."""
    opened = next(row for row in opened_on(keyring=keyring, release=question.release) if row.row.pk == question.pk)
    if not opened.is_open:
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    return opened


def _send(
    actor: Actor,
    release: Release,
    question: ReleaseQuestion,
    reader: QuestionReader,
    text: str,
    step: Step,
) -> None:
    """Make the message of one reporter of the words that the body signed for them."""
    complaint = reader.complaint
    # Opened before anything is sealed to it: a replaced public key is refused here.
    actor.keyring.complaint(complaint)
    signer = trusted_signer(question.signer, f"body-{release.body_id}")
    pair = actor.keyring.release(release)
    signed = {
        name: b64decode(copy) for name, copy in open_record(pair, reader.sealed, reader_context(reader), signer).items()
    }
    words = case_membership.with_reference(text, complaint)
    message = Message(
        pk=reader.pk,
        complaint=complaint,
        sequence=take_sequence(complaint),
        direction=Message.Direction.BODY_QUESTION,
        step=step if isinstance(step, CaseStep) else None,
        release_step=step if isinstance(step, ReleaseStep) else None,
        release=release,
        author_id=question.author_id,
        signer=signer,
        day=actor.today,
    )
    for name, (recipient, context) in _copies(reader, release).items():
        # What the reporter will read is what the officer has read.
        if read_signed(signed[name], recipient, context, signer) != words:
            raise SealError("question")
        setattr(message, name, seal_signed(recipient, signed[name]))
    message.save(force_insert=True)
    facts = {"message": str(message.pk), "copy": log.digest_of(message.sealed_for_reporter or b""), **_digests(message)}
    actor.record("message.sent", case=complaint.case_id, subject=complaint.pk, facts=facts)


def _store_reply(
    actor: Actor,
    question: ReleaseQuestion,
    release: Release,
    kind: QuestionReply.Kind,
    text: str,
    signer: SignPair,
    supplement: Release | None = None,
) -> None:
    row = QuestionReply(
        question=question, kind=kind, supplement=supplement, author=actor.staff, signer=signer.public, at=actor.now
    )
    row.sealed = seal_record(bytes(release.public_key), reply_context(row), text, signer)
    row.save(force_insert=True)
    facts = {"reply": str(row.pk), "question": str(question.pk), "kind": kind.value, **_digests(row)}
    actor.record("question.replied", case=release.case_id, facts=facts)


def _digests(row: ReleaseQuestion | QuestionReader | QuestionReply | Message) -> dict[str, str]:
    return {"digest": log.digest_of(row.sealed), "row": row_digest(row)}
