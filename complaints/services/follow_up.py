"""The reporter's return by ticket code: what the status page shows, and what the reporter adds or withdraws."""

from __future__ import annotations

import json
import logging
import secrets
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet

from complaints.domain import codes, workflow
from complaints.domain.circle import CIRCLE, Circle
from complaints.domain.errors import SealError
from complaints.domain.retaliation import TOLD, Retaliation
from complaints.domain.retention_periods import RUNS_IN
from complaints.domain.sealing.keys import KeySet, reporter_keys
from complaints.domain.sealing.primitives import blake2b
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case
from complaints.models.complaint import LIVE, Complaint, Message
from complaints.models.evidence import Evidence
from complaints.services import (
    case_membership,
    legal_basis,
    reference_data,
    report_questions,
    reporter_identity,
    transitions,
)
from complaints.services.audit import batches, recorded_acts, recorded_erasures
from complaints.services.body_progress import BodyProgress, read_progress
from complaints.services.erasure_days import kept_until
from complaints.services.evidence import intake, storage
from complaints.services.evidence.posts import Post, attach_posts
from complaints.services.keyring import check_keys
from complaints.services.messages import NO_MARKS, with_marks
from complaints.services.report_questions import OFFICE
from complaints.services.reporter_page import (
    History,
    StatusPage,
    ThreadEntry,
    agency_days,
    history,
    is_recorded,
    next_day,
)
from complaints.services.reporter_reading import (
    OwnReport,
    activity,
    objection_of,
    own_name,
    read_as_reporter,
    read_sent,
    read_told,
    stages_of,
    status_label,
)
from complaints.services.reporter_steps import append_message, perform, rewrite_identity, step_on_answer, store_message
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.transitions import CaseChanged

logger = logging.getLogger(__name__)
AUTHORS: Final[dict[str, str]] = {
    Message.Direction.BODY_TO_REPORTER.value: "body",
    Message.Direction.BODY_QUESTION.value: "body",
}
# What every function here raises where a row or a key of the report was replaced in the database.
UNREADABLE = (SealError, UnpinnedKey)


@dataclass(frozen=True)
class Ticket:
    """What an opened ticket code gives: the id of the report and the reporter's private keys; never the code itself.

    ``is_inquiry``: it is of a question before a report, which has pages of its own.
    """

    complaint_id: uuid.UUID
    keys: KeySet = field(repr=False)
    is_inquiry: bool = False

    def to_session(self) -> dict[str, str]:
        """Return the ticket as the reporter's sealed session keeps it: the id, and the keys in hexadecimal."""
        kind = "inquiry" if self.is_inquiry else "report"
        return {"complaint": str(self.complaint_id), "keys": self.keys.to_bytes().hex(), "kind": kind}

    @classmethod
    def from_session(cls, content: Mapping[str, str]) -> Ticket:
        """Return the ticket that :meth:`to_session` stored."""
        keys = KeySet.from_bytes(bytes.fromhex(content["keys"]))
        return cls(uuid.UUID(content["complaint"]), keys, content.get("kind") == "inquiry")


def open_ticket(text: str) -> Ticket | None:
    """Return the ticket of a code as the reporter entered it, or None.

    Nothing is looked up for a malformed code: its check symbols are public, so that the answer tells nothing.
    """
    try:
        code = codes.normalise(text)
    except codes.MalformedCode:
        return None
    keys, digest = reporter_keys(code), codes.lookup_digest(code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, channel FROM complaints_complaint WHERE lookup = %s", [digest])
        row = cursor.fetchone()
    return Ticket(uuid.UUID(str(row[0])), keys, row[1] == Complaint.Channel.INQUIRY) if row else None


def complaint_of(ticket: Ticket, rows: QuerySet[Complaint]) -> Complaint:
    """Return the complaint of a ticket from ``rows``, after verifying that its keys are the reporter's.

    Raises Complaint.DoesNotExist, and SealError where the row or a key in it was replaced.
    """
    complaint = rows.get(pk=ticket.complaint_id)
    if bytes(complaint.reporter_key) != ticket.keys.box.public:
        raise SealError("reporter")
    check_keys(complaint, ticket.keys.sign.public)
    return complaint


def erased_on(*, ticket: Ticket) -> date | None:
    """Return on which day the report of a ticket was erased, None where it was not; nothing else of it is left.

    Raises SealError where only the row says so: whoever writes to the database can hide a report by it.
    """
    day = Complaint.stored.filter(pk=ticket.complaint_id).values_list("erased_on", flat=True).first()
    if day and not recorded_erasures.erased_reports([ticket.complaint_id]):
        raise SealError("erased")
    return day


def status_page(*, ticket: Ticket, today: date) -> StatusPage:
    """Return what a ticket shows on ``today``; raises Complaint.DoesNotExist, and those of UNREADABLE."""
    page = _status_page(ticket, today)
    if not page.under_check:
        return page
    with suppress(CaseChanged), transaction.atomic():
        # A step may have been taken between two of the queries; none is while the case is locked.
        case_membership.lock_around(ticket.complaint_id)
        page = _status_page(ticket, today)
    if page.under_check:
        # No row names the case: it would tell whoever altered it when this reporter looks. The night names it.
        logger.error("A case is not as its steps and entries record it; its reporter is told no status")
    return page


def _status_page(ticket: Ticket, today: date) -> StatusPage:
    complaint = complaint_of(ticket, Complaint.stored.filter(LIVE).select_related("case", "identity"))
    case, known = complaint.case, activity(complaint)
    messages = _to_reporter(complaint) if known.has_messages else []
    texts = read_as_reporter(messages, ticket.keys.box, team=case.held_by)
    body = reference_data.body_name(case.lead_body_id or "")
    reasons = {row.step_id: texts[row.pk] for row in messages if row.pk in texts}
    told = read_told(complaint, ticket.keys.box) if known.is_moved or case.lead_body_id else []
    report_history = history(complaint, known=known, reasons=reasons, body=body, told=told, messages=messages)
    openings = recorded_acts.openings(complaint, report_history.stays)
    by_body = [(item, openings.of_release(item.first, item.shown_with)) for item in told]
    (status, due_on, question), sent = _shown_status(case, report_history, reasons), read_sent(complaint, ticket.keys)
    others = read_progress(told, messages, texts) if any(item.is_further for item in told) else []
    page = StatusPage(
        reference=sent["reference"],
        status=status.value if status else "",
        label=status_label(status.value, body) if status else "",
        due_on=due_on,
        late=bool(due_on and due_on < today and status in workflow.CALLED_LATE),
        stages=stages_of(status, case.asked_from, report_history.stage, to_bawaslu=_is_for_bawaslu(complaint)),
        body_name=body if report_history.is_with_holder else "",
        events=report_history.events,
        thread=_thread(messages, texts) if report_history.is_recorded else [],
        question=question,
        question_from_body=bool(question) and case.asked_from == Status.UNDER_EXAMINATION,
        question_to=str(case.lead_body_id) if case.asked_from == Status.UNDER_EXAMINATION else OFFICE,
        own_messages=known.own_messages,
        own_files=known.own_files,
        told=[item for item, seen in by_body if report_history.is_recorded and (seen or not item.is_recalled)],
        opened_count=len(openings.office.union(*(seen for _item, seen in by_body))),
        opened_on=max((day for _actor, day in openings.office), default=None),
        may_answer=status is not Status.WITHDRAWN,
        may_withdraw=report_history.is_recorded and _may_withdraw(complaint, moved=known.is_moved),
        received_on=date.fromisoformat(sent["day"]),
        is_practice=case.is_practice,
        held_by=case.held_by,
        name=own_name(complaint, ticket.keys, today=today, has_requests=known.has_requests),
        own_report=OwnReport.on(today, sent),
        under_check=not report_history.is_recorded,
    )
    return _with_askers(_with_others(_with_end(page, complaint, report_history, ticket, today), report_history, others))


def _with_end(
    page: StatusPage, complaint: Complaint, report_history: History, ticket: Ticket, today: date
) -> StatusPage:
    """Return a page with what follows on the end, or on a day that the office missed."""
    case, has_body = complaint.case, any(not item.is_recalled for item in page.told)
    is_over = page.status in RUNS_IN and not page.under_check
    return replace(
        page,
        body_name=reference_data.body_name(case.lead_body_id or "") if report_history.is_unsent else page.body_name,
        stages=[] if report_history.is_unsent else page.stages,
        next_day=next_day(Status(page.status), page.due_on, today) if page.late else None,
        agency_days=agency_days(page.status, report_history.steps, today),
        objection=objection_of(case, report_history.steps, ticket.keys, today),
        is_unsent=report_history.is_unsent,
        kept_until=kept_until(complaint, case, has_body=has_body, today=today) if is_over else None,
    )


def _to_reporter(complaint: Complaint) -> list[Message]:
    rows = complaint.messages.exclude(direction=Message.Direction.FROM_REPORTER)
    return list(rows.select_related("release").order_by("sequence"))


def _with_askers(page: StatusPage) -> StatusPage:
    leading = [(page.question_to, page.asking_body)] if page.question else []
    others = ((other.to, other.body) for other in page.others if other.question)
    return replace(page, askers=[*leading, *others])


def _with_others(page: StatusPage, report_history: History, others: Sequence[BodyProgress]) -> StatusPage:
    """Return a page with the bodies that have the report beside the leading one.

    Where that one does not hold the report, the page speaks of the first of the others that has it.
    """
    if page.under_check or not all(other.is_recorded for other in others):
        return replace(page, under_check=True)
    is_told = report_history.is_held or page.question
    having = (other for other in others if other.has_it and not (other.is_ended and report_history.is_with_holder))
    main = None if is_told else next(having, None)
    if main is None:
        return replace(page, others=others)
    reached = max(report_history.stage, *(workflow.stage(Status(event.status)) for event in main.events))
    return replace(
        page,
        status=main.status.value,
        label=main.label,
        due_on=main.due_on,
        late=False,
        stages=stages_of(main.status, Status.UNDER_EXAMINATION, reached),
        body_name=main.body,
        events=sorted([*page.events, *main.events], key=lambda event: event.day),
        question=main.question,
        question_from_body=bool(main.question),
        question_to=main.to,
        others=[other for other in others if other is not main],
        is_unsent=False,
        kept_until=None,
    )


def _is_for_bawaslu(complaint: Complaint) -> bool:
    """Whether by the rules only Bawaslu judges what the report came with, on the day of receipt.

    Not by the case that it was linked to: that would tell of other reports.
    """
    first_case = complaint.case if complaint.case_id == complaint.pk else Case.objects.get(pk=complaint.pk)
    days = frozenset({complaint.day.isoformat()})
    return legal_basis.is_for_bawaslu(*reference_data.codes_of(first_case), days, None, reference_data.edition())


def _thread(messages: Sequence[Message], texts: Mapping[uuid.UUID, str]) -> list[ThreadEntry]:
    shown = [row for row in messages if row.pk in texts and row.step_id is None and row.release_step_id is None]
    return [ThreadEntry(row.day, AUTHORS.get(row.direction, "office"), texts[row.pk]) for row in shown]


def _shown_status(
    case: Case, report_history: History, reasons: Mapping[uuid.UUID | None, str]
) -> tuple[Status | None, date | None, str]:
    """Return the status (None where the case is not as recorded), the deadline, and the open question ("": none)."""
    if not report_history.is_recorded:
        return None, None, ""
    if report_history.is_unsent:
        return Status(case.status), None, ""
    if not report_history.is_with_holder:
        # A body has the case without this report: for its reporter it stands where the office left it.
        return Status(report_history.events[-1].status if report_history.events else Status.RECEIVED), None, ""
    status = Status(case.status)
    if status is not Status.NEEDS_INFORMATION or report_history.last is None:
        return status, case.due_on, ""
    if question := reasons.get(report_history.last.pk, ""):
        return status, case.due_on, question
    # Other reporters of the joint case were asked, this one was not.
    return Status(case.asked_from), None, ""


def may_withdraw(*, ticket: Ticket) -> bool:
    """Whether the report may still be withdrawn; raises as :func:`status_page`."""
    complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
    return is_recorded(complaint) and _may_withdraw(complaint, moved=complaint.moves.exists())


def was_withdrawn(*, ticket: Ticket) -> bool:
    """Whether the reporter has withdrawn the report; raises as :func:`status_page`."""
    complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
    return complaint.case.status == Status.WITHDRAWN


def _may_withdraw(complaint: Complaint, *, moved: bool) -> bool:
    """Whether the workflow allows a withdrawal and no body has the report."""
    case = complaint.case
    asked_from = Status(case.asked_from) if case.asked_from else None
    rows = workflow.allowed(Status(case.status), ActorKind.REPORTER, frozenset(), asked_from=asked_from)
    if any(row.action is Action.WITHDRAW for row in rows):
        return not (case.lead_body_id and case_membership.is_held_beside(complaint))
    return moved and case_membership.may_leave(complaint, case)


@transitions.retry_on_change
def add_message(
    *,
    ticket: Ticket,
    text: str,
    files: Sequence[intake.SealedUpload],
    today: date,
    posts: Sequence[Post] = (),
    told: Retaliation | None = None,
    to: str = "",
    circle: str = "",
    token: str = "",
) -> bool:
    """Add a message, files and posts of the reporter; an answer to an open question returns the case to who asked.

    The answer to a question of a body is also sealed to the body's release; nothing else that is added is. What a page
    sends twice is added once: the second time nothing is written, and False returned.

    Args:
        token: of the page that sends; "" for none.
        to: whose question is answered, as ``StatusPage.askers`` names them; "" for the only one that is open.
        files: sealed uploads, of which refused ones are skipped, or files that waited in the session.
        posts: as from ``evidence.posts.describe``, their screenshots among ``files``.
        circle: how many people could know what the text tells, as ``domain.circle`` names it.
        told: what happened to the reporter; it makes a message also without a text.

    Raises:
        TransitionRefused: the report was withdrawn; nobody would read what is added.
        ChooseQuestion: several questions are open and ``to`` names none of them; nothing was written.
        CaseChanged: officers linked or unlinked the case at every attempt; nothing was written.
        Complaint.DoesNotExist, SealError, UnpinnedKey: as for :func:`status_page`.
    """
    accepted = [upload for upload in files if not upload.refused]
    act = act_id(ticket.keys, token=token, to=to, text=text, files=accepted, posts=posts, told=told)
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.all())
        if is_stored(act):
            return False
        if case.status == Status.WITHDRAWN:
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        sequence = complaint.next_sequence
        # What is told of retaliation answers a question only where there is one alone.
        question = report_questions.answered(complaint, case, to, has_text=bool(text) and told is None)
        if text or told is not None:
            content, released = _contents(text, told, circle)
            release = question.release if question else None
            store_message(
                complaint, case, ticket.keys, content, sequence=sequence, today=today, batch=batch,
                release=release, released=released, act=act,
            )  # fmt: skip
            sequence += 1
        complaint.next_sequence = _attach(complaint, ticket.keys, accepted, posts, sequence, today, batch, act)
        complaint.save(update_fields=["next_sequence"])
        rewrite_identity(complaint, ticket.keys, today)
        complaint.case = case
        if question and question.further:
            report_questions.step_on_answer(question.further, ticket.keys.sign, today, batch)
        elif (question or case.status in workflow.WOKEN_FROM) and is_recorded(complaint):
            step_on_answer(complaint, case, ticket.keys.sign, today, batch)
    return True


def _attach(
    complaint: Complaint,
    keys: KeySet,
    files: Sequence[intake.SealedUpload],
    posts: Sequence[Post],
    first: int,
    today: date,
    batch: int,
    act: uuid.UUID | None,
) -> int:
    """Attach added files and posts, numbered from ``first``; return the number after the last."""
    screenshots = {str(upload.id): number for number, upload in enumerate(files, start=first)}
    following = storage.attach(
        complaint=complaint, signer=keys.sign, files=files, first=first, today=today, batch=batch, act=act
    )
    return attach_posts(
        complaint=complaint,
        signer=keys.sign,
        described=posts,
        screenshots=screenshots,
        first=following,
        today=today,
        batch=batch,
        act=None if files else act,
    )


def _contents(text: str, told: Retaliation | None, circle: str) -> tuple[object, object]:
    """Return what a message holds for the office and, without how many could know it, for a body that asked."""
    marks = NO_MARKS if told is None else {TOLD: told.as_mark()}
    return with_marks(text, {**marks, CIRCLE: Circle.read(circle).value}), with_marks(text, marks)


@transitions.retry_on_change
def withdraw(*, ticket: Ticket, reason: str, today: date) -> None:
    """Withdraw the report and its reporter's name, and no other report of a joint case.

    Raises as :func:`add_message`; TransitionRefused where the report was forwarded, or its case is not as recorded.
    """
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
        is_beside = case.lead_body_id and case_membership.is_held_beside(complaint)
        if is_beside or not is_recorded(complaint):
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        if case_membership.may_leave(complaint, case):
            # Only this report is withdrawn; the joint case continues with the others.
            case = case_membership.separate(
                complaint=complaint, joint=case, actor=None, at=None, day=today, batch=batch, reporter=ticket.keys.sign
            ).target
        perform(case.pk, Action.WITHDRAW, ticket.keys.sign, today, batch, reason)
        if reason:
            append_message(complaint, case, ticket.keys, reason, today, batch)
        rewrite_identity(complaint, ticket.keys, today, reporter_identity.Change(None))


# --- A page that is sent twice adds what it says once -----------------------------------------------------------------
#
# A page carries a random token. The id of the first row that an act adds follows from the token, from what is sent, and
# from the reporter's keys; so the second sending meets that row. To whoever lacks the keys the id is like a random one.


def new_token() -> str:
    """Return what a page carries: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def act_id(
    keys: KeySet,
    *,
    token: str,
    text: str,
    files: Sequence[intake.SealedUpload],
    posts: Sequence[Post],
    told: Retaliation | None,
    to: str = "",
) -> uuid.UUID:
    """Return the id of the first row of an act; a random one without a token. ``to`` is whose question it answers.

    Files count by what they hold, so that one which was uploaded twice is the same.
    """
    if not token:
        return uuid.uuid4()
    described = [{**post, "id": "", "screenshot": ""} for post in posts]
    digests = [upload.info.sha256 for upload in files if upload.info]
    sent = json.dumps([token, text, digests, described, told.as_mark() if told else None, to], sort_keys=True)
    key = blake2b(keys.to_bytes(), person=b"act-id")
    return uuid.UUID(bytes=blake2b(sent.encode(), person=b"act-id", key=key, size=16), version=4)


def is_stored(act: uuid.UUID) -> bool:
    """Whether the first row of an act is there."""
    return Message.objects.filter(pk=act).exists() or Evidence.objects.filter(pk=act).exists()
