"""The only table of the ways a case may move, who may move it and how long a state may last.

It guards promise 8: a status changes along ``TABLE`` or not at all. Only the transitions service acts on it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal


class Status(StrEnum):
    """Where a case stands; the values are stored."""

    RECEIVED = "received"
    IN_REVIEW = "in_review"
    NEEDS_INFORMATION = "needs_information"
    RESTING = "resting"
    VERIFIED = "verified"
    FORWARDED = "forwarded"
    UNDER_EXAMINATION = "under_examination"
    SUBSTANTIATED = "substantiated"
    UNSUBSTANTIATED = "unsubstantiated"
    AWAITING_AGENCY = "awaiting_agency"
    OVERDUE_AGENCY = "overdue_agency"
    SANCTIONED = "sanctioned"
    NOT_SANCTIONED = "not_sanctioned"
    REFERRING = "referring"
    DELIVERED = "delivered"
    REFERRED = "referred"
    INELIGIBLE_PROPOSED = "ineligible_proposed"
    INELIGIBLE = "ineligible"
    WITHDRAWN = "withdrawn"
    ASKED = "asked"
    ANSWERED = "answered"
    CLOSED = "closed"


class Action(StrEnum):
    """What moves a case; the values are stored and audited."""

    START_REVIEW = "start_review"
    ASK_REPORTER = "ask_reporter"
    ANSWER = "answer"
    END_WAIT = "end_wait"
    REST = "rest"
    VERIFY = "verify"
    SEND_BACK = "send_back"
    FORWARD = "forward"
    TAKE_UP = "take_up"
    RETURN = "return"
    DECLINE = "decline"
    RECALL = "recall"
    HEAR_ACCUSED = "hear_accused"
    POSTPONE_HEARING = "postpone_hearing"
    PROPOSE_FINDING = "propose_finding"
    RETURN_FINDING = "return_finding"
    TAKE_BACK_FINDING = "take_back_finding"
    SUBSTANTIATE = "substantiate"
    DISMISS = "dismiss"
    RECONSIDER = "reconsider"
    AWAIT_AGENCY = "await_agency"
    MARK_OVERDUE = "mark_overdue"
    REMIND = "remind"
    ESCALATE = "escalate"
    SANCTION = "sanction"
    NO_SANCTION = "no_sanction"
    CORRECT = "correct"
    CRIMINAL_OUTCOME = "criminal_outcome"
    PREPARE_REFERRAL = "prepare_referral"
    DELIVER = "deliver"
    REFER = "refer"
    PROPOSE_INELIGIBLE = "propose_ineligible"
    CONFIRM_INELIGIBLE = "confirm_ineligible"
    REJECT_INELIGIBLE = "reject_ineligible"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    OBJECT = "object"
    ANSWER_LATE = "answer_late"
    RESUME = "resume"
    LINK = "link"
    UNDO_IMPORT = "undo_import"
    ANSWER_INQUIRY = "answer_inquiry"
    ASK_ON = "ask_on"
    CLOSE_INQUIRY = "close_inquiry"


class ActorKind(StrEnum):
    """In which capacity somebody acts."""

    REPORTER = "reporter"
    STAFF = "staff"
    BODY = "body"
    SYSTEM = "system"


class Permission(StrEnum):
    """What a role allows: verifiers triage, forwarders forward, liaisons of a body oversee."""

    TRIAGE = "triage"
    FORWARD = "forward"
    OVERSEE = "oversee"


class Unit(StrEnum):
    """In what a limit is counted; hours are for staff events only, a reporter's events have no hour."""

    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    HOURS = "hours"


class Refusal(StrEnum):
    """The stable codes of ``TransitionRefused`` in the order of the checks."""

    NOT_FROM_HERE = "not_from_here"
    WRONG_ACTOR = "wrong_actor"
    MISSING_PERMISSION = "missing_permission"
    REASON_MISSING = "reason_missing"
    SAME_PERSON = "same_person"
    OTHER_PERSON = "other_person"
    NOT_PROPOSED = "not_proposed"
    PROPOSED = "proposed"
    UNHEARD = "unheard"
    WRONG_DAY = "wrong_day"
    TOO_EARLY = "too_early"
    OTHER_BODY = "other_body"


class TransitionRefused(Exception):
    """A step that the table does not allow; it carries a code and never anything of the case."""

    def __init__(self, code: str) -> None:
        self.code = Refusal(code)
        super().__init__(self.code.value)


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a state may last, from the day the report came in or the day the state was entered."""

    number: int
    unit: Unit
    start: Literal["received", "entered"]


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table.

    ``target`` None means the state that asked for a step out of NEEDS_INFORMATION, and else that where the case
    stands.
    ``permission`` is what the usual actor holds, ``also`` names others that do as well. ``asked_from`` narrows a step
    out of NEEDS_INFORMATION to questions asked from that state. ``second_person_than`` is the earlier step that must
    have been another person's, ``same_person_as`` that which must have been theirs. ``proposal`` says whether the body
    must have proposed a finding that nobody has settled ("open"), or must not ("none"); ``hearing_first`` that it must
    have recorded that it heard the accused, or summoned them in vain; ``not_closer`` that whoever closed the case may
    not take the step after its reporter objected. With ``notice`` the reporter is notified, in the
    words of the reason where there is one; without it a reason is internal. ``source`` begins with law, practice or
    proposal and says where the rule comes from.
    """

    action: Action
    sources: frozenset[Status]
    target: Status | None
    actor: ActorKind
    permission: Permission | None
    also: frozenset[Permission]
    source: str
    reason_required: bool = False
    notice: bool = True
    second_person_than: Action | None = None
    asked_from: Status | None = None
    same_person_as: Action | None = None
    proposal: Literal["", "open", "none"] = ""
    hearing_first: bool = False
    not_closer: bool = False

    def permits(self, permissions: Set[Permission]) -> bool:
        """Tell whether somebody holding these permissions may take the step."""
        return self.permission is None or not permissions.isdisjoint({self.permission, *self.also})


S, A = Status, Action
_SP4N_REVIEW = "practice: SP4N-LAPOR verifies and forwards before it passes a report on"
_SILENT = "proposal: a reporter's silence closes nothing; the limit is the day to decide by"
_SBT = "practice: BKN's SBT gives the joint task force a target"
_WITHDRAWAL = "practice: Perbawaslu 7/2022 lets a report be withdrawn before it is registered"
_OBJECTION = "proposal: a reporter may ask once that somebody else looks at a closing decision again"
_OPERATOR = "proposal: the operator receives, completes, forwards and may correct an end"
_BODY = "proposal: the oversight body judges"
_HEARING = "proposal: nobody is found guilty unheard; by PP 94/2021 the agency's superior summons and examines"
_TWO_FIND = "proposal: a finding takes two people of the body, as turning a report away takes two of the office"
_PASSED_ON = "proposal: the office reads a body's question to a reporter first, and passes it on unchanged or not"
_SILENCE = "proposal: a reporter's silence must not stop the body that asked"
_AGENCY = "proposal: the agency's PPK punishes, the body records it"
_OUTCOMES = "proposal: an agency may decide otherwise, and a decision may be set aside (PP 79/2021, appeal)"
_CORRECTION = "proposal: what was recorded is corrected by a further record with its reason, never overwritten"
_CRIMINAL = "practice: Sentra Gakkumdu and the court decide on the crime, beside the agency's discipline"
_NOT_OURS = "proposal: a body that is not in charge says so, and the office looks for the one that is"
_RECALL = "proposal: a task may pass to another body while a case is there (KASN's ended on 4 September 2024)"
_REMINDER = "law: PP 94/2021 art. 24, 26 and 28, who leaves a breach unpunished is punished by the superior"
_BLOCK = "practice: SBT and Peraturan BKN 1/2023 escalate an agency that does not act"
_IMPORT = "proposal: who imported a table by mistake takes it back within a day, before anybody works on it"
_ELSEWHERE = "proposal: a matter for others is not kept; the reporter reads where to go, and nothing leaves the office"
_BAWASLU = "proposal: what only Bawaslu can judge goes there by letter, and counts as delivered with its receipt"
_INQUIRY = (
    "proposal: an inquiry, asked before any report, is answered from the rules by one person, and stays open to go on"
)
_FOUR_EYES = "proposal: verifying and forwarding are two people's work"
_TWO_CLOSE = "proposal: turning a report away takes two people; a forwarder may be the second"

_By = tuple[ActorKind, Permission | None, frozenset[Permission]]
_REPORTER: _By = (ActorKind.REPORTER, None, frozenset())
_SYSTEM: _By = (ActorKind.SYSTEM, None, frozenset())
_VERIFIER: _By = (ActorKind.STAFF, Permission.TRIAGE, frozenset())
_FORWARDER: _By = (ActorKind.STAFF, Permission.FORWARD, frozenset())
_EITHER: _By = (ActorKind.STAFF, Permission.TRIAGE, frozenset({Permission.FORWARD}))
_LIAISON: _By = (ActorKind.BODY, Permission.OVERSEE, frozenset())


def _at(*statuses: Status) -> frozenset[Status]:
    return frozenset(statuses)


ENDED: Final = _at(
    S.UNSUBSTANTIATED, S.SANCTIONED, S.NOT_SANCTIONED, S.DELIVERED, S.REFERRED, S.INELIGIBLE, S.WITHDRAWN
)
# of an inquiry, which is no report: none of them is in the sets of reports below, and no step leads from one to the
# other. A withdrawn inquiry has the status of a withdrawn report.
OF_INQUIRIES: Final = _at(S.ASKED, S.ANSWERED, S.CLOSED)
# What its asker writes puts an inquiry back to the office.
ASKED_ON_FROM: Final = _at(S.ANSWERED, S.CLOSED)
# Where words of a reporter move a case although nobody asked for them.
WOKEN_FROM: Final = ASKED_ON_FROM | {S.RESTING}
OPEN: Final = frozenset(S) - ENDED - OF_INQUIRIES
# Ends that whoever reported may object to: the office or a body decided against the report.
OBJECTABLE: Final = _at(S.INELIGIBLE, S.REFERRED, S.UNSUBSTANTIATED, S.NOT_SANCTIONED)
# The status of a case that has taken no step, by its kind (the values of ``models.case.CaseKind``).
FIRST_STATUS: Final[Mapping[str, Status]] = MappingProxyType({"report": S.RECEIVED, "inquiry": S.ASKED})
# Where the reporter is shown the four stages. Elsewhere a case leads to no sanction, and the bar would promise one.
STAGED: Final = OPEN - {S.REFERRING} | {S.SANCTIONED}
# Where a case stands without a body, on its way to Bawaslu by letter or there.
BEFORE_BODY: Final = _at(
    S.RECEIVED, S.IN_REVIEW, S.RESTING, S.INELIGIBLE_PROPOSED, S.VERIFIED, S.REFERRING, S.DELIVERED
)
# Steps of a case under review that a received one may take too, with the start of the review before them.
BEGINNING: Final = frozenset({A.VERIFY})
_ASKED: Final = _at(S.NEEDS_INFORMATION)
WITHDRAWABLE: Final = _at(
    S.RECEIVED, S.IN_REVIEW, S.INELIGIBLE_PROPOSED, S.NEEDS_INFORMATION, S.RESTING, S.VERIFIED, S.REFERRING
)
# Where it is the body's turn, and where the agency's. A body may also record the end of a case that it found proven and
# recommended nothing on.
WITH_BODY: Final = _at(S.FORWARDED, S.UNDER_EXAMINATION, S.SUBSTANTIATED)
WITH_AGENCY: Final = _at(S.AWAITING_AGENCY, S.OVERDUE_AGENCY)
_DECIDED: Final = _at(S.SANCTIONED, S.NOT_SANCTIONED)
_EXAMINED: Final = _at(S.UNDER_EXAMINATION, S.SUBSTANTIATED, S.UNSUBSTANTIATED)
# Where a body has its release: while it acts, while the agency does, and where one of the two ended the case.
_WITH_RELEASE: Final = WITH_BODY | WITH_AGENCY | _DECIDED | _at(S.UNSUBSTANTIATED)

# fmt: off
TABLE: Final[tuple[Transition, ...]] = (
    Transition(A.START_REVIEW, _at(S.RECEIVED), S.IN_REVIEW, *_VERIFIER, _OPERATOR),
    Transition(A.ASK_REPORTER, _at(S.IN_REVIEW), S.NEEDS_INFORMATION, *_VERIFIER, _SP4N_REVIEW, reason_required=True),
    Transition(A.ASK_REPORTER, _at(S.UNDER_EXAMINATION), S.NEEDS_INFORMATION, *_EITHER, _PASSED_ON,
               reason_required=True),
    Transition(A.ANSWER, _at(S.NEEDS_INFORMATION), None, *_REPORTER, _SILENT, notice=False),
    Transition(A.RESUME, _at(S.NEEDS_INFORMATION), None, *_LIAISON, _SILENCE, asked_from=S.UNDER_EXAMINATION),
    Transition(A.LINK, _ASKED, None, *_VERIFIER, _OPERATOR, reason_required=True, notice=False, asked_from=S.IN_REVIEW),
    Transition(A.END_WAIT, _ASKED, S.IN_REVIEW, *_VERIFIER, _SILENT, asked_from=S.IN_REVIEW),
    Transition(A.END_WAIT, _at(S.RESTING), S.IN_REVIEW, *_VERIFIER, _SILENT),
    Transition(A.REST, _ASKED, S.RESTING, *_VERIFIER, _SILENT, reason_required=True, asked_from=S.IN_REVIEW),
    Transition(A.VERIFY, _at(S.IN_REVIEW), S.VERIFIED, *_VERIFIER, _SP4N_REVIEW, not_closer=True),
    Transition(A.FORWARD, _at(S.VERIFIED), S.FORWARDED, *_FORWARDER, _FOUR_EYES, second_person_than=A.VERIFY),
    Transition(A.SEND_BACK, _at(S.VERIFIED, S.REFERRING), S.IN_REVIEW, *_EITHER, _FOUR_EYES,
               reason_required=True, notice=False),
    Transition(A.TAKE_UP, _at(S.FORWARDED), S.UNDER_EXAMINATION, *_LIAISON, _SBT),
    Transition(A.RETURN, _at(S.FORWARDED, S.UNDER_EXAMINATION), S.IN_REVIEW, *_LIAISON, _BODY,
               reason_required=True, notice=False),
    Transition(A.HEAR_ACCUSED, _at(S.UNDER_EXAMINATION), None, *_LIAISON, _HEARING, notice=False),
    Transition(A.POSTPONE_HEARING, _at(S.UNDER_EXAMINATION), None, *_LIAISON, _HEARING,
               reason_required=True, notice=False),
    Transition(A.PROPOSE_FINDING, _at(S.UNDER_EXAMINATION), None, *_LIAISON, _TWO_FIND,
               reason_required=True, notice=False, proposal="none"),
    Transition(A.RETURN_FINDING, _at(S.UNDER_EXAMINATION), None, *_LIAISON, _TWO_FIND,
               reason_required=True, notice=False, second_person_than=A.PROPOSE_FINDING, proposal="open"),
    Transition(A.TAKE_BACK_FINDING, _at(S.UNDER_EXAMINATION), None, *_LIAISON, _TWO_FIND,
               notice=False, same_person_as=A.PROPOSE_FINDING, proposal="open"),
    Transition(A.SUBSTANTIATE, _at(S.UNDER_EXAMINATION), S.SUBSTANTIATED, *_LIAISON, _TWO_FIND,
               second_person_than=A.PROPOSE_FINDING, proposal="open", hearing_first=True),
    Transition(A.DISMISS, _at(S.UNDER_EXAMINATION), S.UNSUBSTANTIATED, *_LIAISON, _TWO_FIND,
               reason_required=True, second_person_than=A.PROPOSE_FINDING, proposal="open"),
    Transition(A.AWAIT_AGENCY, _at(S.SUBSTANTIATED), S.AWAITING_AGENCY, *_LIAISON, _BODY),
    Transition(A.MARK_OVERDUE, _at(S.AWAITING_AGENCY), S.OVERDUE_AGENCY, *_SYSTEM, _BLOCK),
    Transition(A.SANCTION, WITH_AGENCY, S.SANCTIONED, *_LIAISON, _AGENCY),
    Transition(A.REMIND, WITH_AGENCY, None, *_LIAISON, _REMINDER),
    Transition(A.ESCALATE, WITH_AGENCY, None, *_LIAISON, _BLOCK),
    Transition(A.NO_SANCTION, WITH_AGENCY | _DECIDED | _at(S.SUBSTANTIATED), S.NOT_SANCTIONED, *_LIAISON, _OUTCOMES,
               reason_required=True),
    Transition(A.CORRECT, _DECIDED, S.SANCTIONED, *_LIAISON, _CORRECTION, reason_required=True),
    Transition(A.CRIMINAL_OUTCOME, WITH_AGENCY | _DECIDED | _EXAMINED, None, *_LIAISON, _CRIMINAL),
    Transition(A.CRIMINAL_OUTCOME, _at(S.DELIVERED, S.REFERRED), None, *_EITHER, _CRIMINAL),
    Transition(A.RECONSIDER, _at(S.SUBSTANTIATED, S.UNSUBSTANTIATED) | WITH_AGENCY, S.UNDER_EXAMINATION,
               *_LIAISON, _CORRECTION, reason_required=True),
    Transition(A.DECLINE, _at(S.FORWARDED, S.UNDER_EXAMINATION), S.IN_REVIEW, *_LIAISON, _NOT_OURS,
               reason_required=True),
    Transition(A.RECALL, WITH_BODY | WITH_AGENCY, S.IN_REVIEW, *_FORWARDER, _RECALL, reason_required=True),
    Transition(A.RECALL, _ASKED, S.IN_REVIEW, *_FORWARDER, _RECALL,
               reason_required=True, asked_from=S.UNDER_EXAMINATION),
    Transition(A.PREPARE_REFERRAL, _at(S.IN_REVIEW, S.VERIFIED), S.REFERRING, *_VERIFIER, _BAWASLU,
               reason_required=True, not_closer=True),
    Transition(A.DELIVER, _at(S.REFERRING), S.DELIVERED, *_FORWARDER, _BAWASLU,
               reason_required=True, second_person_than=A.PREPARE_REFERRAL),
    Transition(A.REFER, _at(S.IN_REVIEW, S.VERIFIED), S.REFERRED, *_VERIFIER, _ELSEWHERE,
               reason_required=True, not_closer=True),
    Transition(A.PROPOSE_INELIGIBLE, _at(S.IN_REVIEW, S.VERIFIED), S.INELIGIBLE_PROPOSED, *_VERIFIER, _TWO_CLOSE,
               reason_required=True, notice=False, not_closer=True),
    Transition(A.CONFIRM_INELIGIBLE, _at(S.INELIGIBLE_PROPOSED), S.INELIGIBLE, *_EITHER, _TWO_CLOSE,
               reason_required=True, second_person_than=A.PROPOSE_INELIGIBLE, not_closer=True),
    Transition(A.REJECT_INELIGIBLE, _at(S.INELIGIBLE_PROPOSED), S.IN_REVIEW, *_EITHER, _TWO_CLOSE,
               reason_required=True, notice=False),
    Transition(A.UNDO_IMPORT, _at(S.RECEIVED), S.INELIGIBLE, *_EITHER, _IMPORT, reason_required=True, notice=False),
    Transition(A.WITHDRAW, WITHDRAWABLE - _ASKED, S.WITHDRAWN, *_REPORTER, _WITHDRAWAL, notice=False),
    Transition(A.WITHDRAW, _ASKED, S.WITHDRAWN, *_REPORTER, _WITHDRAWAL, notice=False, asked_from=S.IN_REVIEW),
    Transition(A.REOPEN, ENDED - {S.WITHDRAWN}, S.IN_REVIEW, *_VERIFIER, _OPERATOR, reason_required=True),
    Transition(A.OBJECT, OBJECTABLE, S.IN_REVIEW, *_REPORTER, _OBJECTION, reason_required=True, notice=False),
    Transition(A.ANSWER_LATE, _at(S.RESTING), S.IN_REVIEW, *_REPORTER, _SILENT, notice=False),
    Transition(A.ANSWER_INQUIRY, _at(S.ASKED), S.ANSWERED, *_EITHER, _INQUIRY, reason_required=True),
    Transition(A.CLOSE_INQUIRY, _at(S.ASKED, S.ANSWERED), S.CLOSED, *_EITHER, _INQUIRY, reason_required=True),
    Transition(A.ASK_ON, ASKED_ON_FROM, S.ASKED, *_REPORTER, _INQUIRY, notice=False),
    Transition(A.WITHDRAW, OF_INQUIRIES, S.WITHDRAWN, *_REPORTER, _WITHDRAWAL, notice=False),
)
# fmt: on

# The name of the limit that runs while a case is in a state. Number, unit, start and source stand in the rule table
# (data/law/limits.json), which also says whose promise it is.
AGENCY_REMINDER: Final = "agency-reminder"
# By when the office answers a question of a body, or passes its question to a reporter on; no status has this limit.
BODY_QUESTION: Final = "body-question"
# Until when a reporter may object to an end; the status has no limit of its own.
OBJECTION: Final = "reporter-objection"
LIMITS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        S.RECEIVED: "first-look",
        S.IN_REVIEW: "verified-or-asked",
        S.NEEDS_INFORMATION: "reporter-answer",
        S.INELIGIBLE_PROPOSED: "second-decision",
        S.VERIFIED: "forward",
        S.REFERRING: "letter-delivery",
        S.FORWARDED: "body-verification",
        S.UNDER_EXAMINATION: "body-examination",
        S.SUBSTANTIATED: "body-recommendation",
        S.AWAITING_AGENCY: AGENCY_REMINDER,
        S.ASKED: "inquiry-answer",
    }
)
# proposal: what is urgent (threats, reprisals) is forwarded sooner after it was verified
URGENT_LIMITS: Final[Mapping[Status, str]] = MappingProxyType({**LIMITS, S.VERIFIED: "forward-urgent"})
# Where it is the office's turn: the limit is its promise. Only these can be late; what others should do is a target.
PROMISED: Final = _at(S.RECEIVED, S.IN_REVIEW, S.INELIGIBLE_PROPOSED, S.VERIFIED, S.REFERRING)
# What the status page calls late: what the office promised, and the day by which a reporter was asked to answer.
CALLED_LATE: Final = PROMISED | {S.ASKED, S.NEEDS_INFORMATION}

# Each is a decision to whose end a reporter may object (OBJECTABLE).
CLOSING: Final = frozenset({A.CONFIRM_INELIGIBLE, A.REFER, A.DISMISS, A.NO_SANCTION})
# Steps of an examination that leave the case where it stands, and of which its reporter reads nothing.
UNTOLD: Final = frozenset(
    {A.HEAR_ACCUSED, A.POSTPONE_HEARING, A.PROPOSE_FINDING, A.RETURN_FINDING, A.TAKE_BACK_FINDING}
)
# After each of these no finding is proposed any more.
_SETTLES_PROPOSAL: Final = frozenset(
    {A.RETURN_FINDING, A.TAKE_BACK_FINDING, A.SUBSTANTIATE, A.DISMISS, A.RETURN, A.DECLINE, A.RECALL, A.FORWARD}
)

_ROWS = {(row.action, source): row for row in TABLE for source in row.sources}
_FIRST = WITHDRAWABLE - {S.VERIFIED} | _at(S.INELIGIBLE, S.REFERRED, S.DELIVERED, S.WITHDRAWN) | OF_INQUIRIES


def with_body(status: Status, asked_from: Status | None) -> bool:
    """Return whether a case is with a body; while a reporter is asked, the state that asked decides."""
    return (asked_from if status is Status.NEEDS_INFORMATION else status) in _WITH_RELEASE


def transition_for(action: Action, status: Status) -> Transition:
    """Return the row of ``action`` out of ``status``; raise TransitionRefused(not_from_here) without one."""
    row = _ROWS.get((action, status))
    if row is None:
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    return row


def has_open_proposal(earlier: Iterable[str]) -> bool:
    """Whether a body proposed a finding that nobody has settled; ``earlier`` are the actions of the case in order."""
    is_open = False
    for action in earlier:
        is_open = action == Action.PROPOSE_FINDING or (is_open and action not in _SETTLES_PROPOSAL)
    return is_open


def was_heard(earlier: Iterable[str]) -> bool:
    """Whether the body that has the case recorded that it heard the accused or summoned them in vain."""
    heard = False
    for action in earlier:
        heard = action == Action.HEAR_ACCUSED or (heard and action != Action.FORWARD)
    return heard


def target_of(transition: Transition, status: Status, asked_from: Status | None) -> Status:
    """Return the state that a step leads to out of ``status``; ``asked_from`` is the state that asked, for answers.

    Raises TransitionRefused(not_from_here) when an answer has no state to go back to that could have asked.
    """
    if transition.target is not None:
        return transition.target
    if status is not Status.NEEDS_INFORMATION:
        return status
    if asked_from is None or (Action.ASK_REPORTER, asked_from) not in _ROWS:
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    return asked_from


def check(
    *,
    action: Action,
    status: Status,
    actor: ActorKind,
    permissions: Set[Permission],
    reason: str,
    previous_actor_same: bool,
    asked_from: Status | None = None,
    earlier: Sequence[str] = (),
    is_closer: bool = False,
) -> Transition:
    """Return the row that allows this step, or raise TransitionRefused with a code of ``Refusal``.

    ``previous_actor_same`` says whether the last ``second_person_than`` or ``same_person_as`` step was this person's;
    ``earlier`` are the actions of the case's steps in order, for a row with ``proposal``.
    ``asked_from`` is needed for steps of one asker (END_WAIT), which are refused (not_from_here) without it.
    ``is_closer`` says whether the person took the closing decision that an objection stands against, for a row with
    ``not_closer`` (``domain.objections``).
    """
    row = transition_for(action, status)
    if row.asked_from not in (None, asked_from):
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    if row.actor is not actor:
        raise TransitionRefused(Refusal.WRONG_ACTOR)
    if not row.permits(permissions):
        raise TransitionRefused(Refusal.MISSING_PERMISSION)
    if row.reason_required and not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    if (row.second_person_than is not None and previous_actor_same) or (row.not_closer and is_closer):
        raise TransitionRefused(Refusal.SAME_PERSON)
    if row.proposal:
        _check_proposal(row, earlier, previous_actor_same)
    return row


def _check_proposal(row: Transition, earlier: Sequence[str], previous_actor_same: bool) -> None:
    if has_open_proposal(earlier) is not (row.proposal == "open"):
        raise TransitionRefused(Refusal.NOT_PROPOSED if row.proposal == "open" else Refusal.PROPOSED)
    if row.same_person_as is not None and not previous_actor_same:
        raise TransitionRefused(Refusal.OTHER_PERSON)
    if row.hearing_first and not was_heard(earlier):
        raise TransitionRefused(Refusal.UNHEARD)


def allowed(
    status: Status, actor: ActorKind, permissions: Set[Permission], *, asked_from: Status | None = None
) -> list[Transition]:
    """List the steps open to this actor in table order; reason and second person are left to ``check``."""
    here = [row for row in TABLE if status in row.sources and row.asked_from in (None, asked_from)]
    return [row for row in here if row.actor is actor and row.permits(permissions)]


def stage(status: Status) -> int:
    """Return to which of the stages shown to the reporter a state belongs (1 received .. 4 sanctioned)."""
    if status in _FIRST:
        return 1
    return {S.VERIFIED: 2, S.SANCTIONED: 4}.get(status, 3)


def limit_for(
    status: Status, *, source: Status | None, limits: Mapping[str, Limit], urgent: bool = False
) -> Limit | None:
    """Return the limit that runs in ``status`` entered from ``source`` (None: the report just came in).

    ``limits`` are those of the rule table by name. A case that comes back into review has the full number of days from
    that day: counted from the day of receipt it would be late at once through nobody's fault. None where nothing runs.
    """
    name = (URGENT_LIMITS if urgent else LIMITS).get(status)
    if name is None:
        return None
    limit = limits[name]
    if status is S.IN_REVIEW and source is not S.RECEIVED:
        return Limit(limit.number, limit.unit, "entered")
    return limit
