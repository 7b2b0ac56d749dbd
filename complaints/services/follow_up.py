"""Coming back by ticket code: what the page shows, and what the reporter adds."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from complaints.domain import codes, workflow
from complaints.domain.sealing.keys import KeySet, reporter_keys
from complaints.domain.sealing.primitives import SealError
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import STATUS_LABELS, Case, CaseStep
from complaints.models.complaint import Complaint, Identity, Message
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services import case_membership, reporter_identity, transitions
from complaints.services.case_membership import MembershipPeriod
from complaints.services.evidence import intake, storage
from complaints.services.evidence.posts import Post, attach_posts
from complaints.services.keyring import check_keys, message_context
from complaints.services.messages import read_as_reporter
from complaints.services.team_key_history import UnpinnedKey, pinned_team, trusted_signer

# What every act here raises where a row or a key of the report is not the one that its reporter or the house put there.
UNREADABLE = (SealError, UnpinnedKey)


@dataclass(frozen=True)
class ProgressStage:
    """One of the four stages of the bar."""

    number: int
    reached: bool
    current: bool


@dataclass(frozen=True)
class ThreadEntry:
    """A message to the reporter."""

    day: date
    author: str
    text: str


@dataclass(frozen=True)
class StatusPage:
    """All that a ticket code shows: status and the staff's words, counts of the reporter's own."""

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


def open_ticket(text: str) -> dict[str, str] | None:
    """Return what the sealed session keeps of an open ticket (never the code), or None.

    An unknown and a malformed code cost the same derivations and the same query.
    """
    try:
        code = codes.normalise(text)
    except codes.MalformedCode:
        code = codes.new_code()
    keys, digest = reporter_keys(code), codes.lookup_digest(code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM complaints_complaint WHERE lookup = %s", [digest])
        found = cursor.fetchone()
    return {"complaint": str(uuid.UUID(str(found[0]))), "keys": keys.to_bytes().hex()} if found else None


def _keys(ticket: dict[str, str]) -> KeySet:
    return KeySet.from_bytes(bytes.fromhex(ticket["keys"]))


def _mine(rows: QuerySet[Complaint], ticket: dict[str, str], keys: KeySet) -> Complaint:
    """Return the complaint of an open ticket, its keys being those that this reporter once put there.

    Raises:
        Complaint.DoesNotExist: it is gone.
        SealError: somebody has put another row, or another key, in its place.
    """
    complaint = rows.get(pk=ticket["complaint"])
    if bytes(complaint.reporter_key) != keys.box.public:
        raise SealError("reporter")
    check_keys(complaint, keys.sign.public)
    return complaint


def status_page(*, ticket: dict[str, str], today: date) -> StatusPage:
    """Return what a ticket shows on ``today``; raises Complaint.DoesNotExist once the complaint is gone."""
    keys = _keys(ticket)
    complaint = _mine(Complaint.objects.select_related("case__lead_body"), ticket, keys)
    case = complaint.case
    written, own_files, moved = _what_came(complaint)
    messages = list(complaint.messages.select_related("release").order_by("sequence")) if written else []
    told = read_as_reporter(messages, keys.box)
    body = case.lead_body.short_name if case.lead_body else ""
    reasons = {message.transition_id: told[message.pk] for message in messages if message.pk in told}
    way = history(complaint, moved=moved, reasons=reasons, body=body)
    status, due_on, question = Status(case.status), case.due_on, ""
    if status is Status.NEEDS_INFORMATION and way.last:
        question = reasons.get(way.last.pk, "")
        if not question:  # others in the joint case were asked, this reporter was not
            status, due_on = Status(case.asked_from), None
    return StatusPage(
        reference=way.reference,
        status=status.value,
        label=str(STATUS_LABELS[status]).format(body=body),
        due_on=due_on,
        late=bool(due_on and due_on < today),
        stages=[ProgressStage(n, n <= way.stage, n == way.stage) for n in (1, 2, 3, 4)],
        body_name=body,
        events=way.events,
        thread=[
            ThreadEntry(m.day, "body" if m.direction == Message.Direction.BODY_TO_REPORTER else "office", told[m.pk])
            for m in messages
            if m.pk in told and m.transition_id is None
        ],
        question=question,
        question_from_body=bool(question) and case.asked_from == Status.UNDER_EXAMINATION,
        own_messages=sum(m.direction == Message.Direction.FROM_REPORTER for m in messages),
        own_files=own_files,
        opened_count=complaint.opened_count,
        may_answer=status is not Status.WITHDRAWN,
        may_withdraw=_may_withdraw(complaint, moved=moved),
        received_on=complaint.day,
        is_practice=case.is_practice,
    )


def _what_came(complaint: Complaint) -> tuple[bool, int, bool]:
    """Tell whether there are messages, how many pieces of evidence, and whether the report ever changed its case; most
    who come back have nothing of it yet."""
    key = Complaint._meta.pk.get_db_prep_value(complaint.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM complaints_message WHERE complaint_id = %s),"
            " (SELECT count(*) FROM complaints_evidence WHERE complaint_id = %s),"
            " EXISTS (SELECT 1 FROM complaints_casemove WHERE complaint_id = %s)",
            [key, key, key],
        )
        written, pieces, moved = cursor.fetchone()
    return bool(written), int(pieces), bool(moved)


def may_withdraw(*, ticket: dict[str, str]) -> bool:
    """Whether the report may still be withdrawn; raises Complaint.DoesNotExist once it is gone."""
    complaint = _mine(Complaint.objects.select_related("case"), ticket, _keys(ticket))
    return _may_withdraw(complaint, moved=complaint.moves.exists())


def _may_withdraw(complaint: Complaint, *, moved: bool) -> bool:
    """Whether no body holds the report yet, the one that merely asked included."""
    return _table_withdraws(complaint.case) or (moved and _leaves_alone(complaint, complaint.case))


def _table_withdraws(case: Case) -> bool:
    asked_from = Status(case.asked_from) if case.asked_from else None
    rows = workflow.allowed(Status(case.status), ActorKind.REPORTER, frozenset(), asked_from=asked_from)
    return any(row.action is Action.WITHDRAW for row in rows)


def _leaves_alone(complaint: Complaint, case: Case) -> bool:
    """Whether a withdrawal takes this report out of a joint case, which goes on without it."""
    if not case_membership.is_shared(case) or case.status in workflow.ENDED:
        return False
    return not case_membership.is_held(complaint, case)


@transitions.retry_on_change
def add_message(
    *,
    ticket: dict[str, str],
    text: str,
    files: Sequence[intake.SealedUpload],
    today: date,
    posts: Sequence[Post] = (),
) -> None:
    """Add the reporter's words, files and posts; an answer to an open question sends the case back to who asked.

    An answer to a question of the body is sealed to the body's release as well, and to nothing else of the complaint.

    Args:
        posts: as from ``evidence.describe``, their screenshots among ``files``.

    Raises:
        TransitionRefused: the report was withdrawn; nobody would read what is added.
        CaseChanged: officers linked or unlinked the case at every attempt; nothing was written.
    """
    keys = _keys(ticket)
    good = [upload for upload in files if not upload.refused]
    with transaction.atomic():
        case = case_membership.lock_around(ticket["complaint"])
        complaint = _mine(Complaint.objects.all(), ticket, keys)
        if case.status == Status.WITHDRAWN:
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        sequence = complaint.next_sequence
        if text:
            _from_reporter(complaint, case, keys, text, sequence, today)
            sequence += 1
        shown = {str(upload.id): place for place, upload in enumerate(good, start=sequence)}
        sequence = storage.attach(complaint=complaint, signer=keys.sign, files=good, first=sequence, today=today)
        complaint.next_sequence = attach_posts(
            complaint=complaint,
            signer=keys.sign,
            described=posts,
            screenshots=shown,
            first=sequence,
            today=today,
        )
        complaint.save(update_fields=["next_sequence"])
        _touch_identity(complaint, keys)
        _move_on_answer(complaint, case, today)


def _from_reporter(complaint: Complaint, case: Case, keys: KeySet, text: str, sequence: int, today: date) -> None:
    message = Message(
        complaint=complaint,
        sequence=sequence,
        direction=Message.Direction.FROM_REPORTER,
        signer=keys.sign.public,
        day=today,
    )
    message.sealed = seal_record(bytes(complaint.public_key), message_context(message), text, keys.sign)
    asked_by_body = case.status == Status.NEEDS_INFORMATION and case.asked_from == Status.UNDER_EXAMINATION
    if asked_by_body and not case_membership.came_after_forwarding(complaint, case):
        release = Release.objects.filter(case=case, state=Release.State.OPEN).order_by("-number").first()
        if release:
            check_keys(release, trusted_signer(release.signer, Team.Kind.TRIAGE))
            context = message_context(message, kind="to-release")
            message.release = release
            message.sealed_for_release = seal_record(bytes(release.public_key), context, text, keys.sign)
    message.save(force_insert=True)


def _touch_identity(complaint: Complaint, keys: KeySet) -> None:
    apart = Identity.objects.select_for_update(of=("self",)).select_related("complaint").get(complaint=complaint)
    reporter_identity.rewrite(identity=apart, reporter=keys, custodians=pinned_team("custodian"))


def _move_on_answer(complaint: Complaint, case: Case, today: date) -> None:
    """Take the step that an answer is: of several reporters who were asked, the first one's sends the case back."""
    if case.status == Status.NEEDS_INFORMATION:
        if case_membership.is_shared(case) and not was_asked(complaint, case):
            return
        action = Action.ANSWER
    elif case.status == Status.INELIGIBLE and _last_action(case) == Action.EXPIRE:
        action = Action.ANSWER_LATE
    else:
        return
    _step(case.pk, action, today)


def _last_action(case: Case) -> str | None:
    return case.transitions.order_by("-sequence").values_list("action", flat=True).first()


def _step(case_id: uuid.UUID, action: Action, today: date, reason: str = "") -> None:
    noon = timezone.make_aware(datetime.combine(today, datetime.min.time()) + timedelta(hours=12))
    transitions.perform(case_id=case_id, action=action, actor_kind=ActorKind.REPORTER, at=noon, reason=reason)


@transitions.retry_on_change
def withdraw(*, ticket: dict[str, str], reason: str, today: date) -> None:
    """Withdraw the report, and no other of a joint case.

    Raises:
        TransitionRefused: it has been forwarded.
        CaseChanged: officers linked or unlinked the case at every attempt; nothing was written.
    """
    keys = _keys(ticket)
    with transaction.atomic():
        case = case_membership.lock_around(ticket["complaint"])
        complaint = _mine(Complaint.objects.select_related("case"), ticket, keys)
        if _leaves_alone(complaint, case):
            # Only this report is withdrawn: what others sent goes on without it.
            case = case_membership.separate(complaint=complaint, joint=case, actor=None, at=None, day=today).target
        _step(case.pk, Action.WITHDRAW, today, reason)
        if reason:
            _from_reporter(complaint, case, keys, reason, complaint.next_sequence, today)
            Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)
        _touch_identity(complaint, keys)


# What a reporter reads of their report's way: the steps that were its own, whichever case it stood in.
#
# Of a joint case no step before the report joined it is shown, and never its reference: either would tell that somebody
# else has reported the same matter.


@dataclass(frozen=True)
class Event:
    """A step that happened on a day, and why, in the office's words."""

    day: date
    action: str
    status: str
    label: str
    reason: str


@dataclass(frozen=True)
class History:
    """A report's way so far: its events, the last step of its case, the furthest stage, and the reference it keeps."""

    events: list[Event]
    last: CaseStep | None
    stage: int
    reference: str


def history(complaint: Complaint, *, moved: bool, reasons: Mapping[uuid.UUID | None, str], body: str) -> History:
    """Return the history of a report.

    Args:
        moved: whether it has ever changed its case.
        reasons: what the reporter was told, by the step that it was told with.
        body: the name of the body that the case is with.
    """
    case = complaint.case
    if not moved:
        steps = list(case.transitions.order_by("sequence")) if case.step_count else []
        events = [_event(step, reasons.get(step.pk, ""), body) for step in steps]
        return History(events, steps[-1] if steps else None, case.stage_reached, case.reference)
    way = case_membership.membership_periods(complaint)
    by_case: dict[uuid.UUID, list[CaseStep]] = defaultdict(list)
    for step in CaseStep.objects.filter(case__in={part.case_id for part in way}).order_by("sequence"):
        by_case[step.case_id].append(step)
    events = _of_way(way, by_case, reasons, body)
    stage = max([case.stage_reached, *(workflow.stage(Status(event.status)) for event in events)])
    last = by_case[case.pk][-1] if by_case[case.pk] else None
    return History(events, last, stage, case_membership.own_reference(complaint))


def _of_way(
    way: Sequence[MembershipPeriod],
    by_case: Mapping[uuid.UUID, list[CaseStep]],
    reasons: Mapping[uuid.UUID | None, str],
    body: str,
) -> list[Event]:
    events: list[Event] = []
    for part in way:
        own = [step for step in by_case[part.case_id] if _within(step, part)]
        withdrawn = bool(own) and own[0].action == Action.WITHDRAW
        if part.since and not withdrawn:
            entered = _status_at(by_case[part.case_id], part.after)
            if entered != (events[-1].status if events else Status.RECEIVED.value):
                # Where the new case stands is another place: said as a step of that day, without a reason.
                events.append(Event(part.since, Action.LINK.value, entered, _label(entered, body), ""))
        events += [_event(step, reasons.get(step.pk, ""), body) for step in own]
    return events


def _within(step: CaseStep, part: MembershipPeriod) -> bool:
    return part.after < step.sequence <= (part.until if part.until is not None else step.sequence)


def _status_at(steps: Sequence[CaseStep], count: int) -> str:
    return steps[count - 1].target if count else Status.RECEIVED.value


def _event(step: CaseStep, reason: str, body: str) -> Event:
    return Event(step.day, step.action, step.target, _label(step.target, body), reason)


def _label(status: str, body: str) -> str:
    return str(STATUS_LABELS[Status(status)]).format(body=body)


def was_asked(complaint: Complaint, case: Case) -> bool:
    """Whether the question that is open in a case was put to this reporter."""
    last = case.transitions.order_by("-sequence").values_list("pk", flat=True).first()
    return complaint.messages.filter(transition=last).exists()
