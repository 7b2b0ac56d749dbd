"""The reporter's return by ticket code: what the status page shows, and what the reporter adds or withdraws."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from complaints.domain import codes, workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet, reporter_keys
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import STATUS_LABELS, Case
from complaints.models.complaint import Complaint, Identity, Message
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services import case_membership, reporter_identity, transitions
from complaints.services.audit import batches, recorded_acts
from complaints.services.evidence import intake, storage
from complaints.services.evidence.posts import Post, attach_posts
from complaints.services.keyring import check_keys, message_context
from complaints.services.messages import read_as_reporter
from complaints.services.report_history import Event, History, Told, history, is_recorded, read_told
from complaints.services.team_key_history import UnpinnedKey, pinned_team, trusted_signer
from complaints.services.transitions import CaseChanged

logger = logging.getLogger(__name__)
# Messages of a reporter that their status page counts; whoever holds the code can send any number.
OWN_MESSAGES: Final = 1000
AUTHORS: Final[dict[str, str]] = {Message.Direction.BODY_TO_REPORTER.value: "body"}
# What every function here raises where a row or a key of the report was replaced in the database.
UNREADABLE = (SealError, UnpinnedKey)


@dataclass(frozen=True)
class Ticket:
    """What an opened ticket code gives: the id of the report and the reporter's private keys; never the code itself."""

    complaint_id: uuid.UUID
    keys: KeySet = field(repr=False)

    def to_session(self) -> dict[str, str]:
        """Return the ticket as the reporter's sealed session keeps it: the id, and the keys in hexadecimal."""
        return {"complaint": str(self.complaint_id), "keys": self.keys.to_bytes().hex()}

    @classmethod
    def from_session(cls, content: Mapping[str, str]) -> Ticket:
        """Return the ticket that :meth:`to_session` stored."""
        return cls(uuid.UUID(content["complaint"]), KeySet.from_bytes(bytes.fromhex(content["keys"])))


@dataclass(frozen=True)
class ProgressStage:
    """One of the four stages of the progress bar."""

    number: int
    reached: bool
    current: bool


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
    # What of the report a body holds, a line for each release in which something of it went.
    told: list[Told]
    may_answer: bool
    may_withdraw: bool
    received_on: date
    is_practice: bool
    # The case is not as its steps and entries record it: nothing of its status is told until somebody has looked.
    under_check: bool


def open_ticket(text: str) -> Ticket | None:
    """Return the ticket of a code as the reporter entered it, or None.

    An unknown and a malformed code take the same key derivations and the same query.
    """
    try:
        code = codes.normalise(text)
    except codes.MalformedCode:
        code = codes.new_code()
    keys, digest = reporter_keys(code), codes.lookup_digest(code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM complaints_complaint WHERE lookup = %s", [digest])
        row = cursor.fetchone()
    return Ticket(uuid.UUID(str(row[0])), keys) if row else None


def _complaint_of(ticket: Ticket, rows: QuerySet[Complaint]) -> Complaint:
    """Return the complaint of a ticket from ``rows``, after verifying that its keys are the reporter's.

    Raises Complaint.DoesNotExist, and SealError where the row or a key in it was replaced.
    """
    complaint = rows.get(pk=ticket.complaint_id)
    if bytes(complaint.reporter_key) != ticket.keys.box.public:
        raise SealError("reporter")
    check_keys(complaint, ticket.keys.sign.public)
    return complaint


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
    complaint = _complaint_of(ticket, Complaint.objects.select_related("case__lead_body"))
    case = complaint.case
    has_messages, own_messages, own_files, moved = _activity(complaint)
    to_reporter = complaint.messages.exclude(direction=Message.Direction.FROM_REPORTER)
    messages = list(to_reporter.select_related("release").order_by("sequence")) if has_messages else []
    texts = read_as_reporter(messages, ticket.keys.box)
    body = case.lead_body.short_name if case.lead_body else ""
    reasons = {message.step_id: texts[message.pk] for message in messages if message.pk in texts}
    told = read_told(complaint, ticket.keys.box) if moved or case.lead_body_id else []
    report_history = history(complaint, moved=moved, reasons=reasons, body=body, told=told)
    (status, due_on, question), stage = _shown_status(case, report_history, reasons), report_history.stage
    return StatusPage(
        reference=report_history.reference,
        status=status.value if status else "",
        label=str(STATUS_LABELS[status]).format(body=body) if status else "",
        due_on=due_on,
        late=bool(due_on and due_on < today and status in workflow.PROMISED | {Status.NEEDS_INFORMATION}),
        stages=[ProgressStage(number, number <= stage, number == stage) for number in (1, 2, 3, 4)],
        body_name=body if report_history.is_with_holder else "",
        events=report_history.events,
        thread=[
            ThreadEntry(message.day, AUTHORS.get(message.direction, "office"), texts[message.pk])
            for message in messages
            if message.pk in texts and message.step_id is None
        ],
        question=question,
        question_from_body=bool(question) and case.asked_from == Status.UNDER_EXAMINATION,
        own_messages=own_messages,
        own_files=own_files,
        told=told,
        opened_count=recorded_acts.openings(complaint, report_history.stays),
        may_answer=status is not Status.WITHDRAWN,
        may_withdraw=report_history.is_recorded and _may_withdraw(complaint, moved=moved),
        received_on=complaint.day,
        is_practice=case.is_practice,
        under_check=not report_history.is_recorded,
    )


def _shown_status(
    case: Case, report_history: History, reasons: Mapping[uuid.UUID | None, str]
) -> tuple[Status | None, date | None, str]:
    """Return the status (None where the case is not as recorded), the deadline, and the open question ("": none)."""
    if not report_history.is_recorded:
        return None, None, ""
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


def _activity(complaint: Complaint) -> tuple[bool, int, int, bool]:
    """Return whether staff wrote, how many messages and evidence items are the reporter's, and whether it ever moved.

    Messages are counted up to OWN_MESSAGES + 1. A row or an entry tells of a move, and a case that the report did not
    come with. One query: mostly none of these exists.
    """
    key = Complaint._meta.pk.get_db_prep_value(complaint.pk, connection)
    own = Message.Direction.FROM_REPORTER.value
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction <> %s),"
            " (SELECT count(*) FROM (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction = %s"
            " LIMIT %s) AS own),"
            " (SELECT count(*) FROM complaints_evidence WHERE complaint_id = %s),"
            " EXISTS (SELECT 1 FROM complaints_casemove WHERE complaint_id = %s) OR EXISTS (SELECT 1"
            " FROM complaints_auditentry WHERE subject = %s AND event IN ('case.linked', 'case.unlinked'))",
            [key, own, key, own, OWN_MESSAGES + 1, key, key, key],
        )
        has_messages, own_messages, evidence_count, moved = cursor.fetchone()
    is_moved = bool(moved) or complaint.case_id != complaint.pk
    return bool(has_messages), int(own_messages), int(evidence_count), is_moved


def may_withdraw(*, ticket: Ticket) -> bool:
    """Whether the report may still be withdrawn; raises as :func:`status_page`."""
    complaint = _complaint_of(ticket, Complaint.objects.select_related("case"))
    return is_recorded(complaint) and _may_withdraw(complaint, moved=complaint.moves.exists())


def _may_withdraw(complaint: Complaint, *, moved: bool) -> bool:
    """Whether the workflow allows a withdrawal and no body has received the report."""
    return _workflow_allows_withdrawal(complaint.case) or (moved and _leaves_joint_case(complaint, complaint.case))


def _workflow_allows_withdrawal(case: Case) -> bool:
    asked_from = Status(case.asked_from) if case.asked_from else None
    rows = workflow.allowed(Status(case.status), ActorKind.REPORTER, frozenset(), asked_from=asked_from)
    return any(row.action is Action.WITHDRAW for row in rows)


def _leaves_joint_case(complaint: Complaint, case: Case) -> bool:
    """Whether a withdrawal takes this report out of a joint case that continues with the other reports."""
    if not case_membership.is_shared(case) or case.status in workflow.ENDED:
        return False
    return not case_membership.is_held(complaint, case)


@transitions.retry_on_change
def add_message(
    *,
    ticket: Ticket,
    text: str,
    files: Sequence[intake.SealedUpload],
    today: date,
    posts: Sequence[Post] = (),
) -> None:
    """Add a message, files and posts of the reporter; an answer to an open question returns the case to who asked.

    The answer to a question of a body is also sealed to the body's release; nothing else that is added is.

    Args:
        files: sealed uploads, of which refused ones are skipped, or files that waited in the session.
        posts: as from ``evidence.posts.describe``, their screenshots among ``files``.

    Raises:
        TransitionRefused: the report was withdrawn; nobody would read what is added.
        CaseChanged: officers linked or unlinked the case at every attempt; nothing was written.
        Complaint.DoesNotExist, SealError, UnpinnedKey: as for :func:`status_page`.
    """
    accepted = [upload for upload in files if not upload.refused]
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = _complaint_of(ticket, Complaint.objects.all())
        if case.status == Status.WITHDRAWN:
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        sequence = complaint.next_sequence
        if text:
            _store_message(complaint, case, ticket.keys, text, sequence, today, batch)
            sequence += 1
        screenshots = {str(upload.id): number for number, upload in enumerate(accepted, start=sequence)}
        signer = ticket.keys.sign
        sequence = storage.attach(
            complaint=complaint, signer=signer, files=accepted, first=sequence, today=today, batch=batch
        )
        complaint.next_sequence = attach_posts(
            complaint=complaint,
            signer=signer,
            described=posts,
            screenshots=screenshots,
            first=sequence,
            today=today,
            batch=batch,
        )
        complaint.save(update_fields=["next_sequence"])
        _rewrite_identity(complaint, ticket.keys)
        complaint.case = case
        if is_recorded(complaint):
            _step_on_answer(complaint, case, signer, today, batch)


def _store_message(
    complaint: Complaint, case: Case, keys: KeySet, text: str, sequence: int, today: date, batch: int
) -> None:
    message = Message(
        complaint=complaint,
        sequence=sequence,
        direction=Message.Direction.FROM_REPORTER,
        signer=keys.sign.public,
        day=today,
        batch=batch,
    )
    message.sealed = seal_record(bytes(complaint.public_key), message_context(message), text, keys.sign)
    if release := _asking_release(complaint, case):
        check_keys(release, trusted_signer(release.signer, Team.Kind.TRIAGE))
        context = message_context(message, kind="to-release")
        message.release = release
        message.sealed_for_release = seal_record(bytes(release.public_key), context, text, keys.sign)
    message.save(force_insert=True)


def _asking_release(complaint: Complaint, case: Case) -> Release | None:
    """Return the release on which a body put the open question to this reporter; None where no body did."""
    if case.status != Status.NEEDS_INFORMATION or case.asked_from != Status.UNDER_EXAMINATION:
        return None
    last_step = case.steps.order_by("-sequence").values("pk")[:1]
    kind = Message.Direction.BODY_TO_REPORTER
    question = complaint.messages.filter(direction=kind, step__in=last_step).select_related("release").first()
    is_open = question is not None and question.release is not None and question.release.state == Release.State.OPEN
    return question.release if question is not None and is_open else None


def _rewrite_identity(complaint: Complaint, keys: KeySet) -> None:
    identity = Identity.objects.select_for_update(of=("self",)).select_related("complaint").get(complaint=complaint)
    reporter_identity.rewrite(identity=identity, reporter=keys, custodians=pinned_team("custodian"))


def _step_on_answer(complaint: Complaint, case: Case, signer: SignPair, today: date, batch: int) -> None:
    """Take the step of an answer; where several reporters were asked, the first answer returns the case."""
    if case.status == Status.NEEDS_INFORMATION:
        if case_membership.is_shared(case) and not was_asked(complaint, case):
            return
        action = Action.ANSWER
    elif case.status == Status.RESTING:
        action = Action.ANSWER_LATE
    else:
        return
    _perform(case.pk, action, signer, today, batch)


def _perform(case_id: uuid.UUID, action: Action, signer: SignPair, today: date, batch: int, reason: str = "") -> None:
    # Noon: the hour at which a reporter acted is not stored.
    noon, kind = timezone.make_aware(datetime.combine(today, time(hour=12))), ActorKind.REPORTER
    transitions.perform(
        case_id=case_id, action=action, actor_kind=kind, at=noon, reason=reason, batch=batch, reporter=signer
    )


@transitions.retry_on_change
def withdraw(*, ticket: Ticket, reason: str, today: date) -> None:
    """Withdraw the report, and no other report of a joint case.

    Raises as :func:`add_message`; TransitionRefused where the report was forwarded, or its case is not as recorded.
    """
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = _complaint_of(ticket, Complaint.objects.select_related("case"))
        if not is_recorded(complaint):
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        if _leaves_joint_case(complaint, case):
            # Only this report is withdrawn; the joint case continues with the others.
            case = case_membership.separate(
                complaint=complaint,
                joint=case,
                actor=None,
                at=None,
                day=today,
                batch=batch,
                reporter=ticket.keys.sign,
            ).target
        _perform(case.pk, Action.WITHDRAW, ticket.keys.sign, today, batch, reason)
        if reason:
            _store_message(complaint, case, ticket.keys, reason, complaint.next_sequence, today, batch)
            Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)
        _rewrite_identity(complaint, ticket.keys)


def was_asked(complaint: Complaint, case: Case) -> bool:
    """Whether the open question of a case was put to this reporter."""
    last_step = case.steps.order_by("-sequence").values_list("pk", flat=True).first()
    return complaint.messages.filter(step=last_step).exists()
