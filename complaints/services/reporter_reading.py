"""What a reporter reads with the keys of the ticket code: messages, requests for their name, and what became of it.

The place of a name is opened here as far as a reporter can: that one was given, to which body and when. The name itself
is sealed to that body, so that a found code shows none.
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Final, NamedTuple, TypedDict

from django.db import connection, transaction

from complaints.domain import workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, decrypt, unknown_version, unpad, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, open_record_of
from complaints.domain.workflow import CLOSING, OBJECTABLE, OBJECTION, UNTOLD, Action, Status
from complaints.models.case import EVENT_LABELS, STATUS_LABELS, Case, CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.identity import Identity, NameRequest
from complaints.models.oversight import OversightBody, Release, ReleasedReport
from complaints.models.step import Step
from complaints.services import reference_data, team_key_history
from complaints.services.audit import log, recorded_acts, recorded_told
from complaints.services.audit.log import row_digest
from complaints.services.keyring import message_context, signer_of, team_of, told_context
from complaints.services.team_key_history import trusted_signer
from complaints.services.transitions import last_day_of

BLOB_SIZES: Final = (8192,)
# Messages of a reporter that their status page counts; whoever holds the code can send any number.
OWN_MESSAGES: Final = 1000
# Beyond the number of any release.
MOST_RELEASES: Final = 2**31
_OPENERS: Final[Mapping[bytes, Callable[[bytes, bytes, bytes], bytes]]] = {b"\x02": decrypt}
_KIND: Final = Message.Direction
TO_REPORTERS: Final = {_KIND.TO_REPORTER.value, _KIND.BODY_TO_REPORTER.value, _KIND.BODY_QUESTION.value}


def read_as_reporter(messages: Iterable[Message], box: BoxPair, *, team: str) -> dict[uuid.UUID, str]:
    """Return the texts written to a reporter by message id; others of ``messages`` are left out.

    ``team`` is the slug of the team that holds the report.

    Raises UnpinnedKey where another team has signed a message than the one that it names, and SealError.
    """
    texts = {}
    trusted: dict[tuple[bytes, str], bytes] = {}
    for message in messages:
        if message.direction not in TO_REPORTERS:
            continue
        claim = bytes(message.signer), team_of(message, team)
        signer = trusted.get(claim) or trusted.setdefault(claim, trusted_signer(*claim))
        context = message_context(message, kind="to-reporter")
        texts[message.pk] = str(open_record(box, message.sealed_for_reporter or b"", context, signer))
    return texts


@dataclass(frozen=True)
class NameState:
    """What a reporter is told of their name: ``state`` is "none", "given", or "void" where a team emptied its place.

    ``body`` is the code of the body that it was given for, or whose release ended; ``day`` is an ISO date.
    """

    state: str
    body: str
    day: str


@dataclass(frozen=True)
class ShownRequest:
    """A request for the name: its day, the body's short name, and the reason ("": it came with the release).

    ``is_over`` where the body has no open request any more, so that it can read no name.
    """

    day: date
    body: str
    reason: str
    is_over: bool


@dataclass(frozen=True)
class OwnName:
    """What the status page says of the reporter's name; ``body`` and ``asker`` are short names.

    ``asker`` is the body that could get it now ("": none has a team here). ``readings`` are day and body of each time
    that a name was read, and ``is_read`` says whether the body that it was given for has.
    """

    state: str
    body: str
    day: date | None
    asker: str
    requests: list[ShownRequest]
    readings: list[tuple[date, str]]
    is_read: bool


def own_name(complaint: Complaint, keys: KeySet, *, today: date, has_requests: bool) -> OwnName:
    """Return what the status page says of the name of a report, which was read with its identity.

    Without requests, stored or recorded, nothing was read. Raises SealError where the place of the name, or a reason,
    was replaced, and as :func:`requests_of`.
    """
    requests = requests_of(complaint.pk) if has_requests else []
    readings = recorded_acts.name_readings(complaint.pk) if has_requests else []
    bodies = {row.body_id for row in requests if row.closed_on is None}
    identity = complaint.identity
    stored = read_state(identity, open_outer(identity, unseal(keys.box, bytes(identity.outer_reporter))), keys)
    asker = asking_body(requests, today)
    return OwnName(
        state=stored.state,
        body=reference_data.body_name(stored.body),
        day=date.fromisoformat(stored.day) if stored.day else None,
        asker=reference_data.body_name(asker.pk) if asker else "",
        requests=[
            ShownRequest(
                row.day, reference_data.body_name(row.body_id), _reason(row, keys.box), row.body_id not in bodies
            )
            for row in requests
        ],
        readings=[(day, reference_data.body_name(code)) for day, code in readings],
        is_read=stored.body in {code for _day, code in readings},
    )


def asking_body(requests: Sequence[NameRequest], today: date) -> OversightBody | None:
    """Return the body that can get a name now: of the newest open request, else the one of today with a team here.

    ``requests`` are those of the report, in the order in which they were made. The one that came with a further release
    does not count: its body gets a name only after it asked with a reason. What follows from them and the day alone
    tells of no name.
    """
    bodies = [row.body for row in requests if row.closed_on is None and (row.by_id or not row.release.is_further)]
    return bodies[-1] if bodies else reference_data.body_with_team(today, team_key_history.pinned_slugs())


def requests_of(complaint_id: uuid.UUID) -> list[NameRequest]:
    """Return the requests of a report in the order of their entries, each with its body and release; two queries.

    They decide to which body a name is sealed. Raises SealError where they are not those that the chain records.
    """
    rows = _recorded_requests(complaint_id)
    if rows is None:
        with transaction.atomic():
            # Again without an act under way: each appends its entry after its rows.
            log.lock_head()
            rows = _recorded_requests(complaint_id)
    if rows is None:
        raise SealError("request")
    return rows


def _recorded_requests(complaint_id: uuid.UUID) -> list[NameRequest] | None:
    rows = NameRequest.objects.filter(complaint=complaint_id).select_related("body", "release")
    stored = {
        (str(row.pk), row_digest(row), row.closed_on.isoformat() if row.closed_on else ""): row
        for row in rows.defer("release__sealed")
    }
    recorded = recorded_acts.name_requests(complaint_id)
    return [stored[key] for key in recorded] if stored.keys() == set(recorded) else None


def _reason(request: NameRequest, box: BoxPair) -> str:
    if request.by_id is None:
        return ""
    signers = team_key_history.signers(f"body-{request.body_id}")
    return str(open_record_of(box, request.sealed_for_reporter or b"", reason_context(request), signers))


def reason_context(request: NameRequest, kind: str = "to-reporter") -> Context:
    """Return the context of a copy of the reason; ``kind`` is "to-reporter", or "name-request" for the body's own."""
    return Context(kind, str(request.pk), str(request.complaint_id))


def read_state(identity: Identity, inner: Mapping[str, bytes], keys: KeySet) -> NameState:
    """Return what the reporter is told of their name; ``inner`` is from :func:`open_outer`; raises SealError."""
    # Mostly the reporter wrote it; otherwise the teams' keys are read from the database.
    signers = chain([keys.sign.public], team_key_history.writers_of_name(identity.body_id))
    content = open_record_of(keys.box, inner["mine"], state_context(identity.complaint_id), signers, sizes=KEY_SIZES)
    return NameState(content["state"], content["body"], content["day"])


class BawasluWindow(TypedDict):
    """Until when Bawaslu takes a report of the reporter's own: two ISO days.

    ``last`` is "" where two elections run, whose last days differ; both are "" where Bawaslu takes none.
    """

    safe: str
    last: str


class Sent(BawasluWindow):
    """What a reporter's own record says of the report: the reference and the day of receipt, ISO, beside the window."""

    reference: str
    day: str


@dataclass(frozen=True)
class OwnReport:
    """The days of a report of the reporter's own to Bawaslu, as they are read on a day.

    ``state`` is "open" until the safe day, "late" after it, "last" on the last day and "past" after that; "unsure"
    after the safe day where two elections ran (``last`` None). ``left`` is the number of days until the safe one.
    """

    safe: date
    last: date | None
    state: str
    left: int

    @classmethod
    def on(cls, today: date, window: BawasluWindow | None) -> OwnReport | None:
        """Return a window as it is read on ``today``; None where there is none."""
        if not window or not window["safe"]:
            return None
        safe = date.fromisoformat(window["safe"])
        last = date.fromisoformat(window["last"]) if window["last"] else None
        if last is not None and today >= last:
            state = "last" if today == last else "past"
        elif today <= safe:
            state = "open"
        else:
            state = "late" if last else "unsure"
        return cls(safe, last, state, (safe - today).days)


def read_sent(complaint: Complaint, keys: KeySet) -> Sent:
    """Return what was sealed to the reporter when the report was sent, which no row can alter; raises SealError."""
    context = days_context(complaint.pk)
    content: Sent = open_record(keys.box, complaint.sealed_days, context, keys.sign.public, sizes=KEY_SIZES)
    return content


def days_context(complaint_id: uuid.UUID) -> Context:
    """Return the context of the reporter's own record: its days and its reference."""
    return Context("bawaslu-days", str(complaint_id), str(complaint_id))


def state_context(complaint_id: uuid.UUID) -> Context:
    """Return the context of what the reporter is told of their name."""
    return Context("name-state", str(complaint_id), str(complaint_id))


def associated_data(identity: Identity) -> bytes:
    """Return what the cipher of ``blob`` is bound to: the report and the version of the row."""
    return str(identity.complaint_id).encode() + identity.version.to_bytes(4, "big")


def open_outer(identity: Identity, outer_key: bytes) -> dict[str, bytes]:
    """Decrypt the outer layer: the slot of the name, and what the reporter is told (``mine``).

    Raises SealError for an unknown version, for another key, and for the blob of another report or version.
    """
    raw = bytes(identity.blob)
    opener = _OPENERS.get(raw[:1])
    if opener is None:
        raise unknown_version(raw[:1])
    content = json.loads(unpad(opener(outer_key, raw[1:], associated_data(identity)), BLOB_SIZES))
    return {name: b64decode(value) for name, value in content.items()}


class Activity(NamedTuple):
    """What there is on a report: whether staff wrote, how many messages (up to OWN_MESSAGES + 1) and files are its
    reporter's, whether it ever changed its case and a body asked for the name, by a row or an entry, and whether as
    many messages, files, notes, assessments and redactions are stored as were numbered.
    """

    has_messages: bool
    own_messages: int
    own_files: int
    is_moved: bool
    has_requests: bool
    is_whole: bool


_ACTIVITY: Final = (
    "SELECT EXISTS (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction <> %s),"
    " (SELECT count(*) FROM (SELECT 1 FROM complaints_message WHERE complaint_id = %s AND direction = %s"
    " LIMIT %s) AS own),"
    " (SELECT count(*) FROM complaints_evidence WHERE complaint_id = %s),"
    " EXISTS (SELECT 1 FROM complaints_casemove WHERE complaint_id = %s) OR EXISTS (SELECT 1"
    " FROM complaints_auditentry WHERE subject = %s AND event IN ('case.linked', 'case.unlinked')),"
    " EXISTS (SELECT 1 FROM complaints_namerequest WHERE complaint_id = %s) OR EXISTS (SELECT 1"
    " FROM complaints_auditentry WHERE subject = %s AND event = 'name.requested'),"
    " (SELECT CASE WHEN next_sequence > %s THEN TRUE ELSE next_sequence = 1"
    " + (SELECT count(*) FROM complaints_message WHERE complaint_id = %s)"
    " + (SELECT count(*) FROM complaints_evidence WHERE complaint_id = %s)"
    " + (SELECT count(*) FROM complaints_internalnote WHERE complaint_id = %s)"
    " + (SELECT count(*) FROM complaints_assessment WHERE complaint_id = %s)"
    " + (SELECT count(*) FROM complaints_redaction WHERE complaint_id = %s) END"
    " FROM complaints_complaint WHERE id = %s)"
)


def activity(complaint: Complaint) -> Activity:
    """Return what there is on a report; one query: mostly there is nothing."""
    key = Complaint._meta.pk.get_db_prep_value(complaint.pk, connection)
    sender = Message.Direction.FROM_REPORTER.value
    with connection.cursor() as cursor:
        longest = recorded_told.LONGEST_COMPARED
        cursor.execute(_ACTIVITY, [key, sender, key, sender, OWN_MESSAGES + 1, *[key] * 5, longest, *[key] * 6])
        has_messages, own_messages, own_files, moved, asked, is_whole = cursor.fetchone()
    is_moved = bool(moved) or complaint.case_id != complaint.pk
    return Activity(bool(has_messages), int(own_messages), int(own_files), is_moved, bool(asked), bool(is_whole))


# --- Steps in a reporter's words

_ENDS_QUESTION: Final = frozenset({Action.ANSWER, Action.RESUME})


@dataclass(frozen=True)
class Event:
    """A step of the case: the day, the action, the status with its label, and the reason of staff ("": none)."""

    day: date
    action: str
    status: str
    label: str
    reason: str


def event_of(step: Step, reason: str, body: str) -> Event:
    """Return what a reporter reads of a step; ``body`` is the short name of the body that has the report."""
    label = str(EVENT_LABELS.get(Action(step.action), STATUS_LABELS[Status(step.target)])).format(body=body)
    return Event(step.day, step.action, step.target, label, reason)


@dataclass(frozen=True)
class Objection:
    """A reporter's objection to an end: ``until`` which day it is possible (None: not to this end), and when it came.

    ``may_object`` where that day has not passed and none came yet.
    """

    until: date | None = None
    objected_on: date | None = None
    may_object: bool = False


def objection_of(case: Case, steps: Sequence[CaseStep], keys: KeySet, today: date) -> Objection:
    """Return whether the reporter with these keys may object to the end of a case, or did; ``steps`` are all of it.

    Only steps with this reporter's signature are theirs: in a joint case others may object as well.
    """
    statements = (
        (step, recorded_acts.step_statement(case.pk, log.step_facts(step)))
        for step in steps
        if step.action == Action.OBJECT
    )
    days = [
        step.day
        for step, statement in statements
        if recorded_acts.is_by_reporter(step.signature, statement, [keys.sign.public])
    ]
    objected_on = days[-1] if days else None
    closed_on = next((step.day for step in reversed(steps) if step.action in CLOSING), None)
    if case.status not in OBJECTABLE or closed_on is None:
        return Objection(None, objected_on)
    until = last_day_of(OBJECTION, closed_on)
    return Objection(until, objected_on, not days and today <= until)


def untold_steps(steps: Iterable[Step], told: Collection[uuid.UUID | None]) -> set[uuid.UUID]:
    """Return the steps of which a reporter reads nothing: those inside of an examination, and questions to others.

    A question to the reporters of other reports, and the step that ends it, would tell that others reported. ``told``
    are the steps that came with words to this reporter, as each question to them did.
    """
    untold, is_of_others = set(), False
    for step in steps:
        is_question = step.target == Status.NEEDS_INFORMATION
        ends_question = is_of_others and step.action in _ENDS_QUESTION
        is_of_others = is_question and step.pk not in told
        if step.action in UNTOLD or is_of_others or ends_question:
            untold.add(step.pk)
    return untold


def status_label(status: str, body: str) -> str:
    """Return the label of a status for a reporter."""
    return str(STATUS_LABELS[Status(status)]).format(body=body)


@dataclass(frozen=True)
class ProgressStage:
    """One of the four stages of the progress bar; ``to_bawaslu`` where a letter to Bawaslu is the third."""

    number: int
    reached: bool
    current: bool
    to_bawaslu: bool = False


def stages_of(status: Status | None, asked_from: str, reached: int, *, to_bawaslu: bool = False) -> list[ProgressStage]:
    """Return the bar of stages; none where neither a sanction nor Bawaslu can follow.

    A question waits where it was asked. A letter to Bawaslu is passed on once it was delivered.
    """
    stands_at = Status(asked_from or status) if status is Status.NEEDS_INFORMATION else status
    if to_bawaslu and stands_at in workflow.BEFORE_BODY:
        current = {Status.DELIVERED: 3, Status.REFERRING: 2}.get(stands_at, workflow.stage(stands_at))
        reached = max(current, min(reached, 2))
    elif stands_at in workflow.STAGED:
        current, to_bawaslu = workflow.stage(stands_at), False
    else:
        return []
    return [ProgressStage(number, number <= reached, number == current, to_bawaslu) for number in (1, 2, 3, 4)]


# --- What of a report went to bodies: told to its reporter with each release -----------------------------------------


@dataclass(frozen=True)
class Told:
    """What of a report went to a body in one release, as the office told its reporter.

    ``after`` is the number of the last step of the case ``case_id`` when it went, of a forwarding its own. ``left_out``
    are the keys of the answers that did not go (``services.forwarding.contents.ANSWERS``). ``first`` is the forwarding
    that the release is, or belongs to, and ``number`` its own.
    """

    case_id: uuid.UUID
    first: uuid.UUID
    number: int
    is_recalled: bool
    body: str
    day: date
    after: int
    is_supplement: bool
    has_answers: bool
    left_out: tuple[str, ...]
    messages: int
    posts: int
    files: int
    # Of the messages those that tell what happened to the reporter.
    retaliation: int
    # Passages removed from these texts, and files that went as redacted copies.
    passages: int
    redacted: int
    # To a body beside the one that leads the case; and when it went.
    is_further: bool
    at: datetime

    @property
    def shown_with(self) -> range:
        """Which release was the newest when a body read this one, by number: with a supplement that was recalled it."""
        is_gone = self.is_recalled and self.is_supplement
        return range(self.number, self.number + 1 if is_gone else MOST_RELEASES)


def read_told(complaint: Complaint, box: BoxPair) -> list[Told]:
    """Return what of a report went to bodies, oldest first, with the reporter's pair; one query.

    What was recalled is among it: the body may have opened it before.

    Raises SealError, UnpinnedKey where the team that holds the case did not sign it.
    """
    rows = ReleasedReport.objects.filter(complaint=complaint)
    return [_told(row, box) for row in rows.select_related("release__case").order_by("release__at", "release__number")]


def _told(row: ReleasedReport, box: BoxPair) -> Told:
    content = open_record(box, row.told, told_context(row), signer_of(row.release))
    if content["further"] != row.release.is_further:
        raise SealError("told")
    return Told(
        case_id=uuid.UUID(content["case"]),
        first=row.release.first_id or row.release_id,
        number=row.release.number,
        is_recalled=row.release.state == Release.State.RECALLED,
        body=content["body"],
        day=date.fromisoformat(content["day"]),
        after=content["after"],
        is_supplement=content["supplement"],
        has_answers=content["answers"],
        left_out=tuple(content["left_out"]),
        messages=content["messages"],
        posts=content["posts"],
        files=content["files"],
        retaliation=content["retaliation"],
        passages=content["passages"],
        redacted=content["redacted"],
        is_further=row.release.is_further,
        at=row.release.at,
    )
