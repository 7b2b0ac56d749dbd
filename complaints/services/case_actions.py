"""What a member of triage does with a case: move it, answer, note, assign, open a file."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from complaints import access
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion
from complaints.domain.sealing.keys import KeySet
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.team import Staff, Team
from complaints.services import assessments, case_membership, disclosure_check, transitions
from complaints.services.actor import Actor
from complaints.services.assignment import assign
from complaints.services.evidence import processing, storage
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import read_note, send_to_reporter, write_note
from complaints.services.team_key_history import pinned_team
from complaints.services.transitions import CaseChanged


def _triage(keyring: Keyring) -> KeySet:
    return keyring.team(pinned_team(Team.Kind.TRIAGE))


@transaction.atomic
def act(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    action: Action,
    reason: str = "",
    seen_status: str | None = None,
    checklist: Mapping[str, CheckedItem] | None = None,
    override: disclosure_check.Override | None = None,
) -> CaseStep:
    """Take a staff step. Where the table gives the reporter notice, the reason is what the reporter reads; otherwise
    it becomes an internal note. A case whose reporter is in high danger gets the short limits when it is verified.

    Args:
        seen_status: as for ``transitions.perform``.
        checklist: what was ticked or explained before; kept with the step. None at a door that asks for none.
        override: why words to the reporter were sent in spite of a warning.

    Raises:
        Incomplete: the checklist has open items.
        TransitionRefused, CaseChanged: see services.transitions.
        Locked: the person was not admitted to triage.
    """
    if action in {Action.FORWARD, Action.LINK} or (action is Action.ASK_REPORTER and not has_reporter(case_id)):
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    settled = checklists.settle(action, checklist) if checklist is not None else {}
    speaker = _triage(actor.keyring)
    if seen_status:
        seen_status = since_other_staff(case=Case.objects.get(pk=case_id), seen=seen_status, staff=actor.staff)
    urgent = action is Action.VERIFY and is_high_risk(keyring=actor.keyring, case_id=case_id)
    step = transitions.perform(
        case_id=case_id,
        action=action,
        actor_kind=ActorKind.STAFF,
        actor=actor,
        reason=reason,
        seen_status=seen_status,
        urgent=urgent,
    )
    row = workflow.transition_for(action, Status(step.source))
    complaints = list(step.case.complaints.prefetch_related("grants").order_by("day", "pk"))
    first = complaints[0]
    assessments.record_checklist(complaint=first, items=settled, step=step, actor=actor, speaker=speaker)
    if reason:
        for complaint in complaints:
            # What staff entered has nobody who could read it; the reason stays with the case all the same.
            write = send_to_reporter if row.notice and complaint.has_reporter else write_note
            words = case_membership.with_reference(reason, complaint)
            write(complaint=complaint, text=words, actor=actor, speaker=speaker, transition=step)
    if override and reason and row.notice:
        disclosure_check.record_override(
            actor=actor, speaker=speaker, complaints=complaints, override=override, about=step
        )
    return step


def has_reporter(case_id: uuid.UUID) -> bool:
    """Whether anybody can answer in a case: findings that staff entered have no reporter."""
    return Complaint.objects.with_reporter().filter(case=case_id).exists()


def is_high_risk(*, keyring: Keyring, case_id: uuid.UUID) -> bool:
    """Whether a reporter of the case is in high danger, as far as anybody has graded it; raises Locked."""
    complaints = Complaint.objects.filter(case=case_id).prefetch_related("grants")
    return assessments.any_high_risk(complaints, keyring.complaint)


@transaction.atomic
def assess_risk(
    *,
    actor: Actor,
    complaint_id: uuid.UUID,
    answers: Mapping[RiskQuestion, RiskAnswer],
    grade: RiskGrade | None,
    why: str,
    seen: str | None = None,
) -> None:
    """Keep how much danger one reporter is in.

    Args:
        grade: the officer's own; None for what the answers speak for.

    Raises:
        WhyMissing: another grade than the rule proposes, without a reason.
        CaseChanged: the case is not as the officer saw it (``seen``, a mark).
        Locked: without an admission.
    """
    complaint = _unchanged(complaint_id, seen, actor.keyring)
    assessments.record_risk(
        complaint=complaint, answers=answers, grade=grade, why=why, actor=actor, speaker=_triage(actor.keyring)
    )


def _unchanged(complaint_id: uuid.UUID, seen: str | None, keyring: Keyring) -> Complaint:
    """Return a complaint with its case's reports locked; raises CaseChanged where ``seen`` is not what stands there."""
    complaint = Complaint.objects.select_related("case").get(pk=complaint_id)
    if seen is not None:
        seen = since_other_staff(case=complaint.case, seen=seen, staff=keyring.staff)
        locked = Complaint.objects.select_for_update().filter(case=complaint.case_id).order_by("pk")
        sequences = dict(locked.values_list("pk", "next_sequence"))
        if not transitions.is_current(seen, Case.objects.get(pk=complaint.case_id), sequences):
            raise CaseChanged
    return complaint


@transaction.atomic
def reply_to_reporter(
    *,
    actor: Actor,
    complaint_id: uuid.UUID,
    text: str,
    seen: str | None = None,
    override: disclosure_check.Override | None = None,
) -> Message:
    """Write to one reporter in the office's name; ``override`` keeps why, where it is in spite of a warning.

    Raises:
        CaseChanged: the case is not as the officer saw it (``seen``, a mark): a colleague may have answered.
        Locked: without an admission, or staff entered it and nobody could read this.
    """
    complaint, speaker = _unchanged(complaint_id, seen, actor.keyring), _triage(actor.keyring)
    if not complaint.has_reporter:
        raise Locked("reporter")
    words = case_membership.with_reference(text, complaint)
    said = send_to_reporter(complaint=complaint, text=words, actor=actor, speaker=speaker)
    if override:
        disclosure_check.record_override(
            actor=actor, speaker=speaker, complaints=[complaint], override=override, about=said
        )
    return said


@transaction.atomic
def write_case_note(*, actor: Actor, complaint_id: uuid.UUID, text: str, seen: str | None = None) -> None:
    """Write an internal note; raises as :func:`reply_to_reporter`."""
    complaint = _unchanged(complaint_id, seen, actor.keyring)
    write_note(complaint=complaint, text=text, actor=actor, speaker=_triage(actor.keyring))


@transaction.atomic
def open_object(
    *, actor: Actor, object_id: uuid.UUID, reason: str, knowing: bool = False
) -> tuple[storage.FileInfo, Iterator[bytes]]:
    """Open a stored object for an admitted officer; audited before the first byte leaves.

    The original asks for a reason, which becomes an internal note, and where the scanner found something also for the
    word that the person knows (``knowing``).

    Raises:
        EvidenceObject.DoesNotExist, Locked: nothing for this person.
        TransitionRefused(reason_missing): an original without a reason.
        evidence.InfectedFile: an original that is infected, or that the scanner has not read yet, and not ``knowing``.
    """
    stored = EvidenceObject.objects.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    pair = actor.keyring.complaint(complaint)
    info = storage.read_info(pair, stored, stored.evidence, complaint)
    facts = {"object": str(stored.pk), "variant": stored.variant}
    if stored.variant == EvidenceObject.Variant.ORIGINAL:
        if not reason.strip():
            raise TransitionRefused(workflow.Refusal.REASON_MISSING)
        threat = processing.risk(processing.read_file_report(pair, stored.evidence))
        if threat and not knowing:
            raise storage.InfectedFile(threat)
        speaker = _triage(actor.keyring)
        why = write_note(complaint=complaint, text=reason, actor=actor, speaker=speaker)
        facts["note"] = str(why.pk)
    actor.record("object.opened", case=complaint.case_id, facts=facts)
    return info, storage.stream(stored, info)


# What waits for a second person: proposals to turn a report away, made by somebody else.


PROPOSALS_SHOWN: Final = 50


@dataclass
class Proposal:
    """One case, the step that proposed to turn it away, its reason and its checklist."""

    case: Case
    step: CaseStep
    reason: str = ""
    checklist: dict[str, CheckedItem] = field(default_factory=dict)


def awaiting_approval(person: Any) -> QuerySet[Case]:
    """Return the cases whose proposal this person may decide: not their own, and none they may not see."""
    last = CaseStep.objects.filter(case=OuterRef("pk"), action=Action.PROPOSE_INELIGIBLE).order_by("-sequence")
    waiting = access.cases_for(person).filter(status=Status.INELIGIBLE_PROPOSED)
    if not access.is_triage(person):
        return waiting.none()
    return waiting.annotate(proposed_by=Subquery(last.values("actor")[:1])).exclude(proposed_by=person.pk)


@transaction.atomic
def proposals(*, actor: Actor) -> list[Proposal]:
    """Open the proposals that this person may decide, the most urgent first; one entry in the chain says how many.

    Raises:
        Locked: the person was not admitted to triage.
        SealError: a reason or a checklist was altered.
    """
    waiting = awaiting_approval(actor.staff).order_by(F("due_on").asc(nulls_last=True), "received_on", "pk")
    cases = list(waiting.select_related("category", "lead_body")[:PROPOSALS_SHOWN])
    if not cases:
        return []
    found = _steps(cases)
    complaints = Complaint.objects.filter(case__in=cases).prefetch_related("grants").order_by("day", "pk")
    by_id = {complaint.pk: complaint for complaint in complaints}
    by_step = {one.step.pk: one for one in found.values()}
    # One reason is kept for every report of a case, in the same words.
    for note in InternalNote.objects.filter(transition__in=by_step, complaint__in=by_id).order_by("sequence"):
        pair = actor.keyring.complaint(by_id[note.complaint_id])
        if note.transition_id and not by_step[note.transition_id].reason:
            by_step[note.transition_id].reason = read_note(note, pair=pair)
    for row in Assessment.objects.filter(transition__in=by_step, complaint__in=by_id).select_related("author"):
        kept = assessments.read_checklist(row, pair=actor.keyring.complaint(by_id[row.complaint_id]))
        by_step[kept.transition_id].checklist = kept.items
    facts = {"shown": len(found)}
    actor.record("queue.opened", facts=facts)
    return [found[case.pk] for case in cases if case.pk in found]


def _steps(cases: list[Case]) -> dict[uuid.UUID, Proposal]:
    """Return the last proposing step of each case."""
    by_case = {case.pk: case for case in cases}
    steps: dict[uuid.UUID, list[CaseStep]] = defaultdict(list)
    rows = CaseStep.objects.filter(case__in=cases, action=Action.PROPOSE_INELIGIBLE).select_related("actor")
    for step in rows.order_by("sequence"):
        steps[step.case_id].append(step)
    return {case_id: Proposal(by_case[case_id], made[-1]) for case_id, made in steps.items()}


# One act on many cases: each by itself, in one transaction, and told apart, so that nothing is half done silently.


BULK_LIMIT: Final = 50


@dataclass
class BulkResult:
    """References of the cases where it was done, and of those where it was not, each with a code that says why."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    # Asked for, and not there for this person (any more).
    unknown: int = 0


def bulk_start_review(*, actor: Actor, case_ids: Iterable[uuid.UUID]) -> BulkResult:
    """Begin to check several new cases; one that somebody else has moved meanwhile is left as it is."""

    def begin(case: Case) -> None:
        act(actor=actor, case_id=case.pk, action=Action.START_REVIEW, seen_status=Status.RECEIVED.value)

    return _each(actor.keyring, case_ids, begin)


def bulk_assign(*, actor: Actor, case_ids: Iterable[uuid.UUID], assignee: Staff | None) -> BulkResult:
    """Give several cases to a member of triage, or to nobody; for each the rules of giving one hold."""
    return _each(actor.keyring, case_ids, lambda case: assign(actor=actor, case_id=case.pk, assignee=assignee))


@transaction.atomic
def _each(keyring: Keyring, case_ids: Iterable[uuid.UUID], do: Callable[[Case], object]) -> BulkResult:
    asked = list(dict.fromkeys(case_ids))[:BULK_LIMIT]
    mine = access.cases_for(keyring.staff).filter(pk__in=asked)
    # All complaints, then all cases, before the first entry in the chain: whoever holds more than one row takes them
    # in this order, and nobody waits for anybody in a circle.
    list(Complaint.objects.select_for_update().filter(case__in=mine).order_by("pk").values_list("pk"))
    found = {case.pk: case for case in Case.objects.select_for_update().filter(pk__in=mine.values("pk")).order_by("pk")}
    outcome = BulkResult(unknown=len(asked) - len(found))
    for case_id in asked:
        if case_id in found:
            _one(found[case_id], do, outcome)
    return outcome


def _one(case: Case, do: Callable[[Case], object], outcome: BulkResult) -> None:
    try:
        with transaction.atomic():
            do(case)
    except TransitionRefused as refusal:
        outcome.refused.append((case.reference, refusal.code.value))
    except CaseChanged:
        outcome.refused.append((case.reference, "changed"))
    except (Locked, Case.DoesNotExist):
        outcome.refused.append((case.reference, "not_theirs"))
    else:
        outcome.done.append(case.reference)


# What happened to a case since an officer looked: who did which step, who wrote. Nothing sealed is opened for it.


@dataclass(frozen=True)
class Change:
    """One thing that happened: ``kind`` is step, a message's direction, note, danger, evidence or reports.

    ``what`` is a step's action. What reporters do has a day and no hour.
    """

    kind: str
    who: Staff | None = None
    what: str = ""
    at: datetime | None = None
    day: date | None = None


def version_of(case: Case) -> str:
    """Return what somebody sees who looks at a case now; see ``transitions.case_version``."""
    return transitions.case_version(case, dict(_sequences(case)))


def _sequences(case: Case) -> list[tuple[object, int]]:
    return list(Complaint.objects.filter(case=case).order_by("pk").values_list("pk", "next_sequence"))


def changes_since(*, case: Case, seen: str) -> list[Change]:
    """Return what happened to ``case`` since ``seen``, a mark; [] where that tells nothing (a bare status)."""
    parts = seen.split(".")
    if len(parts) != 3 or not parts[1].isdecimal():
        return []
    changes = list(_steps_since(case, int(parts[1])))
    before, now = [int(one) for one in parts[2].split("-") if one.isdecimal()], _sequences(case)
    if len(before) != len(now):
        return [*changes, Change("reports")]
    later = Q(pk=None)
    for (complaint, _next), first in zip(now, before, strict=True):
        later |= Q(complaint=complaint, sequence__gte=first)
    return [*changes, *_written(later)]


def since_other_staff(*, case: Case, seen: str, staff: Staff | None) -> str:
    """Return ``seen``, or how the case stands now where this person's own notes are all that came since.

    An original opened for a reason leaves a note and no new page: the officer's next word must not be refused for it.
    Messages and steps of their own are not passed over, or a form that is sent twice would be taken twice.
    """
    changes = changes_since(case=case, seen=seen)
    own = bool(changes) and all(change.kind == "note" and change.who == staff for change in changes)
    return version_of(case) if own else seen


def _steps_since(case: Case, seen: int) -> Iterator[Change]:
    for step in case.transitions.filter(sequence__gt=seen).select_related("actor").order_by("sequence"):
        yield Change("step", step.actor, step.action, step.at, step.day)


def _written(later: Q) -> Iterator[Change]:
    """Yield what was written beside the steps; what came with a step is told by it."""
    for message in Message.objects.filter(later, transition=None).select_related("author").order_by("day", "sequence"):
        yield Change(message.direction, message.author, day=message.day)
    for kind, model in (("note", InternalNote), ("danger", Assessment)):
        for row in model.objects.filter(later, transition=None).select_related("author").order_by("at"):
            yield Change(kind, row.author, at=row.at)
    for item in Evidence.objects.filter(later).order_by("day", "sequence")[:1]:
        yield Change("evidence", day=item.day)
