"""The reporter's return by ticket code: what the status page shows, and what the reporter adds or withdraws."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
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
from complaints.models.case import EVENT_LABELS, STATUS_LABELS, Case, CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.services import case_membership, reporter_identity, transitions
from complaints.services.audit import batches, recorded_acts
from complaints.services.case_membership import MembershipPeriod
from complaints.services.evidence import intake, storage
from complaints.services.evidence.posts import Post, attach_posts
from complaints.services.keyring import check_keys, is_key_of, message_context
from complaints.services.reporter_reading import OwnName, own_name, read_as_reporter
from complaints.services.team_key_history import UnpinnedKey, trusted_signer
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
    may_answer: bool
    may_withdraw: bool
    received_on: date
    is_practice: bool
    # The team that holds the report, a value of Holder.
    held_by: str
    name: OwnName
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


def complaint_of(ticket: Ticket, rows: QuerySet[Complaint]) -> Complaint:
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
    complaint = complaint_of(ticket, Complaint.objects.select_related("case__lead_body", "identity"))
    case = complaint.case
    has_messages, own_messages, own_files, moved, has_requests = _activity(complaint)
    to_reporter = complaint.messages.exclude(direction=Message.Direction.FROM_REPORTER)
    messages = list(to_reporter.select_related("release").order_by("sequence")) if has_messages else []
    texts = read_as_reporter(messages, ticket.keys.box, team=case.held_by)
    body = case.lead_body.short_name if case.lead_body else ""
    reasons = {message.step_id: texts[message.pk] for message in messages if message.pk in texts}
    report_history = history(complaint, moved=moved, reasons=reasons, body=body)
    (status, due_on, question), stage = _shown_status(case, report_history, reasons), report_history.stage
    # A question waits where it was asked.
    stands_at = Status(case.asked_from or status) if status is Status.NEEDS_INFORMATION else status
    current, shown = (workflow.stage(stands_at), (1, 2, 3, 4)) if stands_at in workflow.STAGED else (0, ())
    return StatusPage(
        reference=report_history.reference,
        status=status.value if status else "",
        label=str(STATUS_LABELS[status]).format(body=body) if status else "",
        due_on=due_on,
        late=bool(due_on and due_on < today and status in workflow.PROMISED | {Status.NEEDS_INFORMATION}),
        stages=[ProgressStage(number, number <= stage, number == current) for number in shown],
        body_name=body,
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
        opened_count=recorded_acts.openings(complaint, report_history.stays),
        may_answer=status is not Status.WITHDRAWN,
        may_withdraw=report_history.is_recorded and _may_withdraw(complaint, moved=moved),
        received_on=complaint.day,
        is_practice=case.is_practice,
        held_by=case.held_by,
        name=own_name(complaint, ticket.keys, today=today, has_requests=has_requests),
        under_check=not report_history.is_recorded,
    )


def _shown_status(
    case: Case, report_history: History, reasons: Mapping[uuid.UUID | None, str]
) -> tuple[Status | None, date | None, str]:
    """Return the status (None where the case is not as recorded), the deadline, and the open question ("": none)."""
    if not report_history.is_recorded:
        return None, None, ""
    status = Status(case.status)
    if status is not Status.NEEDS_INFORMATION or report_history.last is None:
        return status, case.due_on, ""
    if question := reasons.get(report_history.last.pk, ""):
        return status, case.due_on, question
    # Other reporters of the joint case were asked, this one was not.
    return Status(case.asked_from), None, ""


def _activity(complaint: Complaint) -> tuple[bool, int, int, bool, bool]:
    """Return whether staff wrote, how many messages and files are the reporter's, if it ever moved, if a body asked.

    Messages are counted up to OWN_MESSAGES + 1. A row or an entry tells of a move and of a body, and a case that the
    report did not come with tells of a move. One query: mostly none of these exists.
    """
    key = Complaint._meta.pk.get_db_prep_value(complaint.pk, connection)
    own = Message.Direction.FROM_REPORTER.value
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction <> %s),"
            " (SELECT count(*) FROM (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction = %s"
            " LIMIT %s) AS own), (SELECT count(*) FROM complaints_evidence WHERE complaint_id = %s),"
            " EXISTS (SELECT 1 FROM complaints_casemove WHERE complaint_id = %s) OR EXISTS (SELECT 1"
            " FROM complaints_auditentry WHERE subject = %s AND event IN ('case.linked', 'case.unlinked')),"
            " EXISTS (SELECT 1 FROM complaints_namerequest WHERE complaint_id = %s) OR EXISTS (SELECT 1"
            " FROM complaints_auditentry WHERE subject = %s AND event = 'name.requested')",
            [key, own, key, own, OWN_MESSAGES + 1, key, key, key, key, key],
        )
        has_messages, own_messages, evidence_count, moved, asked = cursor.fetchone()
    is_moved = bool(moved) or complaint.case_id != complaint.pk
    return bool(has_messages), int(own_messages), int(evidence_count), is_moved, bool(asked)


def may_withdraw(*, ticket: Ticket) -> bool:
    """Whether the report may still be withdrawn; raises as :func:`status_page`."""
    complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
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
        complaint = complaint_of(ticket, Complaint.objects.all())
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
        _rewrite_name(complaint, ticket.keys, today)
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
    asked_by_body = case.status == Status.NEEDS_INFORMATION and case.asked_from == Status.UNDER_EXAMINATION
    if asked_by_body and not case_membership.came_after_forwarding(complaint, case):
        release = Release.objects.filter(case=case, state=Release.State.OPEN).order_by("-number").first()
        if release:
            check_keys(release, trusted_signer(release.signer, case.held_by))
            context = message_context(message, kind="to-release")
            message.release = release
            message.sealed_for_release = seal_record(bytes(release.public_key), context, text, keys.sign)
    message.save(force_insert=True)


def _rewrite_name(
    complaint: Complaint, keys: KeySet, today: date, change: reporter_identity.Change | None = None
) -> None:
    reporter_identity.rewrite(identity=reporter_identity.locked(complaint), reporter=keys, today=today, change=change)


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
    """Withdraw the report and its reporter's name, and no other report of a joint case.

    Raises as :func:`add_message`; TransitionRefused where the report was forwarded, or its case is not as recorded.
    """
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
        if not is_recorded(complaint):
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        if _leaves_joint_case(complaint, case):
            # Only this report is withdrawn; the joint case continues with the others.
            case = case_membership.separate(
                complaint=complaint, joint=case, actor=None, at=None, day=today, batch=batch, reporter=ticket.keys.sign
            ).target
        _perform(case.pk, Action.WITHDRAW, ticket.keys.sign, today, batch, reason)
        if reason:
            _store_message(complaint, case, ticket.keys, reason, complaint.next_sequence, today, batch)
            Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)
        _rewrite_name(complaint, ticket.keys, today, reporter_identity.Change(None))


# --- The history of one report, over all cases that it was part of ----------------------------------------------------
#
# Neither the reference of a joint case nor its steps before the report joined are shown: they would reveal to the
# reporter that somebody else has reported the same matter.


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
    """

    events: list[Event]
    last: CaseStep | None
    stage: int
    reference: str
    stays: list[tuple[uuid.UUID, date | None, date | None]]
    is_recorded: bool


def history(complaint: Complaint, *, moved: bool, reasons: Mapping[uuid.UUID | None, str], body: str) -> History:
    """Return the history of a report.

    Args:
        moved: whether anything tells that the report has ever changed its case.
        reasons: texts to the reporter, by the id of the step that they were sent with.
        body: the short name of the body that the case was forwarded to.
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
    events = _events_of_periods(periods, by_case, reasons, body)
    stage = max([case.stage_reached, *(workflow.stage(Status(event.status)) for event in events)])
    last = by_case[case.pk][-1] if by_case[case.pk] else None
    return History(events, last, stage, reference, stays, is_recorded=True)


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
) -> list[Event]:
    events: list[Event] = []
    for period in periods:
        steps = [step for step in by_case[period.case_id] if _within(step, period)]
        is_withdrawn = bool(steps) and steps[0].action == Action.WITHDRAW
        if period.since and not is_withdrawn:
            status = _status_at(by_case[period.case_id], period.after)
            if status != (events[-1].status if events else Status.RECEIVED.value):
                # The new case has another status: it is shown as an event of that day, without a reason.
                events.append(Event(period.since, Action.LINK.value, status, _label(status, body), ""))
        events += [_event(step, reasons.get(step.pk, ""), body) for step in steps]
    return events


def _within(step: CaseStep, period: MembershipPeriod) -> bool:
    return period.after < step.sequence <= (period.until if period.until is not None else step.sequence)


def _status_at(steps: Sequence[CaseStep], count: int) -> str:
    return steps[count - 1].target if count else Status.RECEIVED.value


def _event(step: CaseStep, reason: str, body: str) -> Event:
    label = str(EVENT_LABELS.get(Action(step.action), STATUS_LABELS[Status(step.target)])).format(body=body)
    return Event(step.day, step.action, step.target, label, reason)


def _label(status: str, body: str) -> str:
    return str(STATUS_LABELS[Status(status)]).format(body=body)


def was_asked(complaint: Complaint, case: Case) -> bool:
    """Whether the open question of a case was put to this reporter."""
    last_step = case.steps.order_by("-sequence").values_list("pk", flat=True).first()
    return complaint.messages.filter(step=last_step).exists()
