"""What a member does with the lane of likely junk: read a sample, propose the rest as not eligible, confirm, withdraw.

A proposal names its cases once and for all. Its steps are those of any case (services.transitions), each in a
transaction of its own, SLICE of them in a request; where one person stopped another may go on, as far as each step
lets them: verifiers propose, and anybody of triage decides on what they have not proposed. The chain says who
proposed and who decided, and a step that confirms takes another person than the one who took the step that proposed.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from complaints import access
from complaints.domain import lane as rule
from complaints.domain.errors import Refused
from complaints.domain.sealing.records import Context
from complaints.domain.workflow import Action, ActorKind, Permission, Refusal, Status, TransitionRefused
from complaints.models.case import IS_JUNK, Case, CaseStep, Lane
from complaints.models.complaint import Complaint
from complaints.models.lane import LaneProposal
from complaints.models.team import Staff
from complaints.services import case_membership, resealing_registry, transitions
from complaints.services.audit import batches, log, recorded_acts, recorded_lanes
from complaints.services.audit.recorded_lanes import Decision
from complaints.services.keyring import Actor, Keyring, Locked, require_admission
from complaints.services.lane import WRITTEN_SINCE, leave_lane
from complaints.services.messages import send_to_reporter, write_note
from complaints.services.team_key_history import pinned_team
from complaints.services.transitions import CaseChanged

State = LaneProposal.State
# Cases that one request moves, at most, and the seconds after which it begins no other one.
SLICE: Final = 200
SECONDS: Final = 8.0
# Cases of one proposal; what is left waits for the next.
PROPOSED_AT_MOST: Final = 5_000
# A proposal ends without cases that were altered in the database, as long as they are so few.
ALTERED_AT_MOST: Final = 50
# Cases that the page names one by one.
LISTED: Final = 50
# In which status a case of the lane can be proposed: as it came, or after a proposal that was withdrawn.
_TO_PROPOSE: Final = (Status.RECEIVED.value, Status.IN_REVIEW.value)


class LaneRefused(Refused):
    """The act is refused; ``code`` is a key of REFUSALS in complaints.admin.lane."""


@dataclass(frozen=True)
class Words:
    """What a proposal says: the reason, which colleagues read, and the text that each reporter gets."""

    reason: str
    text: str


@dataclass(frozen=True)
class SampledCase:
    """A case to be read before anything is proposed, and whether this person has read it."""

    case: Case
    is_read: bool


@dataclass(frozen=True)
class OpenProposal:
    """A proposal that is not finished.

    Attributes:
        words: opened for this person.
        proposed: who proposed it and when, and how many cases they had read.
        decided: who confirmed or withdrew it; None while nobody has.
        left: cases that wait for the step under way; ``theirs`` of them this person can take.
        goes_on: whether anybody can take that step; what was altered in the database refuses it.
        waits: cases that were proposed and that nobody has decided on.
        sample: those of the cases read before it was proposed that this person may see; they may not see ``hidden``.
    """

    row: LaneProposal
    words: Words
    proposed: Decision
    decided: Decision | None
    total: int
    left: int
    theirs: int
    goes_on: bool
    waits: int
    sample: Sequence[SampledCase]
    hidden: int

    @property
    def done(self) -> int:
        """How many of its cases have had the step under way, or left the lane before."""
        return self.total - self.left


@dataclass(frozen=True)
class LaneView:
    """The lane as one member sees it.

    Attributes:
        number: open cases in it.
        answered: those of them in which something was written or sent since: they are read one by one.
        not_closed: those whose batch is still open, so that no sample can be drawn of them yet.
        ready: those that a proposal would name; ``later`` are above what one proposal can name.
        rules: how many of those came by each rule.
        sample: what is to be read first; nobody picks it.
        to_read: the oldest LISTED of ``answered``; ``altered`` as many that refused the step of a finished proposal.
    """

    number: int
    answered: int
    not_closed: int
    ready: int
    later: int
    rules: Counter[str] = field(default_factory=Counter)
    sample: Sequence[SampledCase] = ()
    to_read: Sequence[Case] = ()
    altered: Sequence[Case] = ()
    proposal: OpenProposal | None = None

    @property
    def unread(self) -> int:
        """How many cases of the sample this person has not read."""
        return sum(not sampled.is_read for sampled in self.sample)


def _require_member(actor: Actor) -> None:
    """Raise Locked outside triage, and for somebody who practises: no practice case is junk."""
    require_admission(actor.keyring)
    if actor.staff.practising:
        raise Locked("practice")


# --- Looking


def open_lane(*, actor: Actor) -> LaneView:
    """Return the lane, with the unfinished proposal opened; raises Locked outside triage, SealError, UnpinnedKey."""
    _require_member(actor)
    inside, proposal = _inside(actor.staff).order_by("received_on", "pk"), _open_proposal(actor)
    answered = inside.filter(WRITTEN_SINCE)
    ready, to_propose = _ready(actor.staff), inside.filter(status__in=_TO_PROPOSE).exclude(WRITTEN_SINCE)
    not_closed = to_propose.filter(complaints__batch__gt=batches.last_batch()).count()
    altered = inside.filter(status=Status.INELIGIBLE_PROPOSED).exclude(WRITTEN_SINCE)
    return LaneView(
        number=inside.count(),
        answered=answered.count(),
        not_closed=not_closed,
        ready=len(ready),
        later=max(0, to_propose.count() - not_closed - PROPOSED_AT_MOST),
        rules=Counter(entry.rule for entry in recorded_lanes.lane_entries([case for case, _root in ready]).values()),
        sample=_sample(actor.staff, ready),
        to_read=list(answered[:LISTED]),
        altered=[] if proposal else list(altered[:LISTED]),
        proposal=proposal,
    )


def _inside(staff: Staff) -> QuerySet[Case]:
    """Return the open cases of the lane that a person may see."""
    return access.cases_for(staff).filter(IS_JUNK, status__in=[*_TO_PROPOSE, Status.INELIGIBLE_PROPOSED.value])


def _ready(staff: Staff) -> list[tuple[uuid.UUID, bytes]]:
    """Return the cases that can be proposed, each with the root of its batch, the oldest PROPOSED_AT_MOST.

    Those that the chain does not say to be in the lane are left out.
    """
    cases = _inside(staff).filter(status__in=_TO_PROPOSE).exclude(WRITTEN_SINCE).order_by("received_on", "pk")
    rooted = _with_roots(cases[:PROPOSED_AT_MOST])
    recorded = recorded_lanes.lane_entries([case for case, _root in rooted])
    return [(case, root) for case, root in rooted if case in recorded]


def _with_roots(cases: QuerySet[Case]) -> list[tuple[uuid.UUID, bytes]]:
    """Return cases with the root of the batch of their report; those of an open batch are left out."""
    batches = list(cases.values_list("pk", "complaints__batch"))
    roots = recorded_lanes.batch_roots({batch for _case, batch in batches if batch is not None})
    return [(case, roots[batch]) for case, batch in batches if batch in roots]


def _sample(staff: Staff, ready: Iterable[tuple[uuid.UUID, bytes]]) -> list[SampledCase]:
    return _read_by(staff, rule.sample(ready))


def _read_by(staff: Staff, keys: Sequence[uuid.UUID]) -> list[SampledCase]:
    """Return those of the cases that a person may see, and whether they have read them."""
    cases, read = (
        access.cases_for(staff).select_related("category").in_bulk(keys),
        recorded_lanes.opened_by(staff.pk, keys),
    )
    return [SampledCase(cases[key], key in read) for key in keys if key in cases]


def _proposals(actor: Actor) -> QuerySet[LaneProposal]:
    """Return the proposals of the lane of the person's team."""
    return LaneProposal.objects.filter(team__kind=actor.keyring.report_team)


def _open_proposal(actor: Actor) -> OpenProposal | None:
    row = _proposals(actor).filter(is_finished=False).first()
    if row is None:
        return None
    decided = recorded_lanes.decisions(row)
    if not recorded_lanes.is_recorded(row, decided):
        raise LaneRefused("record")
    every = Case.objects.filter(IS_JUNK)
    drawn = rule.sample(_with_roots(Case.objects.filter(pk__in=recorded_lanes.ids_of(row.cases))))
    sample = _read_by(actor.staff, drawn)
    return OpenProposal(
        row=row,
        words=_words_of(actor.keyring, row),
        proposed=decided[State.OPEN],
        decided=decided.get(State(row.state)) if row.state != State.OPEN else None,
        total=len(recorded_lanes.ids_of(row.cases)),
        left=_waiting(row, every).count(),
        theirs=_theirs(row, actor.staff).count(),
        goes_on=_can_go_on(row),
        waits=_members(row, every).filter(status=Status.INELIGIBLE_PROPOSED).count(),
        sample=sample,
        hidden=len(drawn) - len(sample),
    )


def _members(row: LaneProposal, cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.filter(IS_JUNK, pk__in=recorded_lanes.ids_of(row.cases))


def _waiting(row: LaneProposal, cases: QuerySet[Case]) -> QuerySet[Case]:
    """Return the cases of a proposal that wait for the step under way: to be proposed, or to be decided."""
    members = _members(row, cases)
    if row.state == State.OPEN:
        return members.filter(status__in=_TO_PROPOSE).exclude(WRITTEN_SINCE)
    return members.filter(status=Status.INELIGIBLE_PROPOSED)


def _theirs(row: LaneProposal, staff: Staff) -> QuerySet[Case]:
    """Return those of the waiting cases on which a person may take the step under way."""
    waiting = _waiting(row, access.cases_for(staff))
    if row.state == State.OPEN:
        return waiting if Permission.TRIAGE in access.permissions_of(staff) else waiting.none()
    if row.state == State.WITHDRAWN:
        return waiting
    last = CaseStep.objects.filter(case=OuterRef("pk"), action=Action.PROPOSE_INELIGIBLE).order_by("-sequence")
    return waiting.annotate(proposed_by=Subquery(last.values("actor")[:1])).exclude(proposed_by=staff.pk)


def _can_go_on(row: LaneProposal) -> bool:
    """Whether somebody can take the step under way on a case that waits; not where all were altered in the database."""
    waiting = list(_waiting(row, Case.objects.all()).order_by("pk")[: ALTERED_AT_MOST + 1])
    genuine = recorded_lanes.lane_entries([case.pk for case in waiting])
    return len(waiting) > ALTERED_AT_MOST or any(
        case.pk in genuine and recorded_acts.are_steps_recorded(case) for case in waiting
    )


# --- Proposing and deciding


def propose(*, actor: Actor, words: Words) -> int:
    """Propose all that is ready as not eligible, move the first slice of it, and return how many were moved.

    Raises LaneRefused: "permission" (only verifiers propose), "nothing", "unread" (the person has not read the whole
    sample), "proposed" (there is an unfinished proposal). Raises Locked outside triage.
    """
    _require_member(actor)
    if Permission.TRIAGE not in access.permissions_of(actor.staff):
        raise LaneRefused("permission")
    if not words.reason.strip() or not words.text.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    ready = _ready(actor.staff)
    sampled = _sample(actor.staff, ready)
    if not ready:
        raise LaneRefused("nothing")
    if any(not case.is_read for case in sampled):
        raise LaneRefused("unread")
    _store_proposal(actor, sorted(case for case, _root in ready), words, read=len(sampled))
    return go_on(actor=actor)


@transaction.atomic
def _store_proposal(actor: Actor, cases: Sequence[uuid.UUID], words: Words, *, read: int) -> None:
    team = pinned_team(actor.keyring.report_team)
    row = LaneProposal(team=team, cases=b"".join(case.bytes for case in cases), sealed_number=team.key_number)
    content = {"reason": words.reason, "text": words.text}
    row.sealed = actor.keyring.seal_for_team(team, _context(row), content)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise LaneRefused("proposed") from None
    facts = {"count": len(cases), "read": read, "root": recorded_lanes.cases_root(row.cases)}
    facts["digest"] = log.digest_of(row.sealed)
    actor.record("lane.proposed", subject=row.pk, facts=facts)


def confirm(*, actor: Actor, proposal_id: uuid.UUID) -> int:
    """Confirm a proposal of somebody else, and move the first slice; each reporter gets the words of the proposal.

    Raises LaneRefused: "same_person", "decided", "waiting" (not all of it is proposed yet), "record"; and Locked
    outside triage.
    """
    _require_member(actor)
    _decide(actor, proposal_id, State.CONFIRMED)
    return go_on(actor=actor)


def withdraw(*, actor: Actor, proposal_id: uuid.UUID, note: str) -> int:
    """Withdraw a proposal, one's own or a colleague's: what it has moved goes back into the lane, as being checked.

    ``note`` becomes an internal note of each case. Raises as :func:`confirm`, but for "same_person" and "waiting".
    """
    _require_member(actor)
    _decide(actor, proposal_id, State.WITHDRAWN)
    return go_on(actor=actor, note=note)


@transaction.atomic
def _decide(actor: Actor, proposal_id: uuid.UUID, state: State) -> None:
    row = _proposals(actor).select_for_update(of=("self",)).get(pk=proposal_id)
    if row.state != State.OPEN:
        raise LaneRefused("decided")
    decided = recorded_lanes.decisions(row)
    if not recorded_lanes.is_recorded(row, decided):
        raise LaneRefused("record")
    if state is State.CONFIRMED and decided[State.OPEN].actor == actor.staff.pk:
        raise LaneRefused("same_person")
    if state is State.CONFIRMED and _can_go_on(row):
        raise LaneRefused("waiting")
    row.state = state
    row.save(update_fields=["state"])
    actor.record(f"lane.{state.value}", subject=row.pk)


def go_on(*, actor: Actor, note: str = "") -> int:
    """Move the next slice of the unfinished proposal by the step that its state asks for; return how many moved.

    Each case is a transaction of its own. A case that changed meanwhile stays as it is, and one that left the lane has
    nothing to do with the proposal any more. ``note`` is as in :func:`withdraw`. Raises LaneRefused("record"), Locked
    outside triage, SealError.
    """
    _require_member(actor)
    row = _proposals(actor).filter(is_finished=False).first()
    if row is None:
        return 0
    if not recorded_lanes.is_recorded(row, recorded_lanes.decisions(row)):
        raise LaneRefused("record")
    step = {State.OPEN: _propose_one, State.CONFIRMED: _confirm_one, State.WITHDRAWN: _reject_one}[State(row.state)]
    words = _words_of(actor.keyring, row)
    words = Words(note, "") if row.state == State.WITHDRAWN else words
    done = _move(actor, row, partial(step, actor, words=words))
    if row.state != State.OPEN:
        _finish(actor, row)
    return done


def _move(actor: Actor, row: LaneProposal, step: Callable[[uuid.UUID], None]) -> int:
    """Take a step on the next SLICE cases that this person can move, past those that refuse it; return how many."""
    until, done = time.monotonic() + SECONDS, 0
    cases = list(_theirs(row, actor.staff).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(cases), SLICE):
        part = cases[start : start + SLICE]
        for case in sorted(recorded_lanes.lane_entries(part)) if row.state == State.OPEN else part:
            # One at least: on a busy machine the time is over before the first, and whoever goes on would end there.
            if done == SLICE or (done and time.monotonic() > until):
                return done
            try:
                done += _take(row, case, step)
            except _Decided:
                return done
    return done


class _Decided(Exception):
    """Somebody has decided on the proposal meanwhile, so its next step is another one."""


def _take(row: LaneProposal, case: uuid.UUID, step: Callable[[uuid.UUID], None]) -> bool:
    """Take a step on a case, and return whether it was taken; raises _Decided."""
    try:
        with transaction.atomic():
            # Under its lock nobody decides on the proposal: the case would be left behind, proposed by nothing.
            if not LaneProposal.objects.select_for_update().filter(pk=row.pk, state=row.state, is_finished=False):
                raise _Decided
            step(case)
    except (CaseChanged, TransitionRefused, Locked, Case.DoesNotExist):
        return False
    return True


def _propose_one(actor: Actor, case_id: uuid.UUID, words: Words) -> None:
    case = _locked(case_id)
    if case.status == Status.RECEIVED:
        _perform(actor, case_id, Action.START_REVIEW)
    step = _perform(actor, case_id, Action.PROPOSE_INELIGIBLE, words.reason)
    for complaint in _complaints(case):
        write_note(complaint=complaint, text=words.reason, actor=actor, step=step)


def _confirm_one(actor: Actor, case_id: uuid.UUID, words: Words) -> None:
    case = _locked(case_id)
    if Case.objects.filter(WRITTEN_SINCE, pk=case_id).exists():
        # Its reporter has come back meanwhile: it is judged alone, with the other proposals.
        leave_lane(actor=actor, case=case, why="act")
        return
    step = _perform(actor, case_id, Action.CONFIRM_INELIGIBLE, words.text)
    for complaint in _complaints(case):
        write = send_to_reporter if complaint.has_reporter else write_note
        write(complaint=complaint, text=case_membership.with_reference(words.text, complaint), actor=actor, step=step)
    # Ended like any other: where its reporter answers, it is listed among the others.
    leave_lane(actor=actor, case=_locked(case_id), why="closed")


def _reject_one(actor: Actor, case_id: uuid.UUID, words: Words) -> None:
    step = _perform(actor, case_id, Action.REJECT_INELIGIBLE, words.reason)
    for complaint in _complaints(step.case):
        write_note(complaint=complaint, text=words.reason, actor=actor, step=step)


def _perform(actor: Actor, case_id: uuid.UUID, action: Action, reason: str = "") -> CaseStep:
    return transitions.perform(case_id=case_id, action=action, actor_kind=ActorKind.STAFF, actor=actor, reason=reason)


def _locked(case_id: uuid.UUID) -> Case:
    """Return a case of the lane under its lock and that of its reports; raises CaseChanged where it has left."""
    list(Complaint.objects.select_for_update().filter(case=case_id).order_by("pk").values_list("pk"))
    case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
    if case.lane != Lane.JUNK:
        raise CaseChanged
    return case


def _complaints(case: Case) -> list[Complaint]:
    return list(case.complaints.prefetch_related("grants").order_by("day", "pk"))


@transaction.atomic
def _finish(actor: Actor, row: LaneProposal) -> None:
    """Close a decided proposal once nothing of it waits, whoever may see it, but for what was altered."""
    row = LaneProposal.objects.select_for_update().get(pk=row.pk)
    if not row.is_finished and not _can_go_on(row):
        row.is_finished = True
        row.save(update_fields=["is_finished"])
        actor.record("lane.finished", subject=row.pk)


# --- One case


@transaction.atomic
def take_out(*, actor: Actor, case_id: uuid.UUID, note: str) -> None:
    """Take a case out of the lane, back among the others, also while it is proposed as not eligible.

    ``note`` becomes an internal note of a case that was proposed. Raises Case.DoesNotExist for a case that this person
    may not see, CaseChanged where it is not in the lane, TransitionRefused where it was altered, Locked outside triage.
    """
    _require_member(actor)
    if not access.cases_for(actor.staff).filter(pk=case_id).exists():
        raise Case.DoesNotExist
    case = _locked(case_id)
    if case.status == Status.INELIGIBLE_PROPOSED:
        _reject_one(actor, case_id, Words(note, ""))
        case = _locked(case_id)
    leave_lane(actor=actor, case=case, why="person")


# --- The words of a proposal


def _context(row: LaneProposal) -> Context:
    return Context("lane-proposal", str(row.pk), str(row.pk))


def _words_of(keyring: Keyring, row: LaneProposal) -> Words:
    team = pinned_team(keyring.report_team)
    content = keyring.read_for_team(team, row.sealed, _context(row), number=row.sealed_number)
    return Words(str(content["reason"]), str(content["text"]))


resealing_registry.register_records(
    "lane_proposal",
    rows=lambda team: LaneProposal.objects.filter(team=team),
    context=_context,
)
