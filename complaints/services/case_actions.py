"""Acts of triage on a case: steps, risk assessments, messages, notes, approvals, opening a file.

Each act checks the version of the case that the officer saw, and writes its rows and its audit entry together.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from complaints import access
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.completeness import days_of_acts
from complaints.domain.law.facts import StatedFacts
from complaints.domain.retaliation import Marks
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import IS_JUNK, Assessment, Case, CaseStep, InternalNote, Lane
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.redaction import Redaction
from complaints.models.team import Staff
from complaints.services import (
    assessments,
    case_membership,
    disclosure_check,
    legal_basis,
    reference_data,
    transitions,
    urgent_register,
)
from complaints.services.case_file import REPORTS_A_PAGE
from complaints.services.evidence import processing, storage
from complaints.services.forwarding.further_releases import ENDING, check_not_ended_over
from complaints.services.forwarding.release import end_releases
from complaints.services.keyring import Actor, Keyring, Locked, read_answers, require_admission
from complaints.services.lane import leave_lane
from complaints.services.messages import NO_MARKS, read_note, send_to_reporter, write_note
from complaints.services.transitions import CaseChanged, CaseVersion


@transaction.atomic
def act(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    action: Action,
    reason: str = "",
    seen: CaseVersion | None = None,
    checklist: Mapping[str, CheckedItem] | None = None,
    override: disclosure_check.Override | None = None,
    record: str = "",
) -> CaseStep:
    """Take a step of staff and return it; verifying uses the short limits where a reporter is at high risk.

    Args:
        reason: sent to the reporters where the step notifies them; otherwise stored as an internal note.
        seen: the version of the case that the officer saw; None where it does not matter.
        checklist: items ticked or explained, to be stored with the step; None where the caller has no checklist.
        override: why the reason is sent to the reporters despite a disclosure warning.
        record: what the office keeps of the step besides, stored as an internal note; required for a delivery and
            for a criminal decision.

    Raises:
        ChecklistIncomplete: the checklist has open items.
        TransitionRefused, CaseChanged: see services.transitions.
        Locked: the person was not admitted to triage, or their key is not unlocked.
    """
    elsewhere = {Action.FORWARD, Action.LINK, Action.UNDO_IMPORT}
    if action in elsewhere or (action is Action.ASK_REPORTER and not may_ask(case_id)):
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    if action in (Action.DELIVER, Action.CRIMINAL_OUTCOME) and not (record.strip() and reason.strip()):
        raise TransitionRefused(workflow.Refusal.REASON_MISSING)
    today = timezone.localdate(actor.now)
    if action is Action.REST and transitions.is_too_early(Case.objects.get(pk=case_id), today):
        raise TransitionRefused(workflow.Refusal.TOO_EARLY)
    require_admission(actor.keyring)
    items = {} if checklist is None else checklists.settle(action, checklist)
    perform = partial(
        transitions.perform,
        case_id=case_id,
        action=action,
        actor_kind=ActorKind.STAFF,
        actor=actor,
        reason=reason,
        urgent=action is Action.VERIFY and is_high_risk(keyring=actor.keyring, case_id=case_id),
    )
    try:
        step = perform(seen=seen)
    except CaseChanged:
        if seen is None:
            raise
        step = perform(seen=since_other_staff(case=Case.objects.get(pk=case_id), seen=seen, staff=actor.staff))
    if step.case.lane == Lane.JUNK:
        leave_lane(actor=actor, case=step.case, why="act")
    if items or reason or record:
        _write_texts(actor, step, items, reason, record, override)
    return step


def _write_texts(
    actor: Actor,
    step: CaseStep,
    items: Mapping[str, CheckedItem],
    reason: str,
    record: str,
    override: disclosure_check.Override | None,
) -> None:
    """Store what was written with a step; a body's release ends where the case is taken back from it.

    A step that ends a case needs a reason, so that it comes here: it is refused while another body still works on it.
    """
    if step.action in ENDING:
        check_not_ended_over(step.case)
    complaints = list(step.case.complaints.prefetch_related("grants").order_by("day", "pk"))
    if items:
        assessments.record_checklist(complaint=complaints[0], items=items, step=step, actor=actor)
    if reason:
        _write_reason(actor, step, complaints, reason, override)
    if record:
        write_note(complaint=complaints[0], text=record, actor=actor, step=step)
    if step.action == Action.RECALL:
        end_releases(actor=actor, case=step.case, body=step.body_id, step=step)


def _write_reason(
    actor: Actor, step: CaseStep, complaints: list[Complaint], reason: str, override: disclosure_check.Override | None
) -> None:
    """Send the reason of a step to the reporters where the step notifies them; otherwise store it as notes."""
    notifies = workflow.transition_for(Action(step.action), Status(step.source)).notice
    for complaint in complaints:
        text = case_membership.with_reference(reason, complaint)
        if notifies and complaint.has_reporter:
            given = override.kinds if override else ()
            send_to_reporter(complaint=complaint, text=text, actor=actor, step=step, given=given)
        else:  # A monitoring report has no reporter.
            write_note(complaint=complaint, text=text, actor=actor, step=step)
    if override and notifies:
        disclosure_check.record_override(actor=actor, complaints=complaints, override=override, about=step)


def has_reporter(case_id: uuid.UUID) -> bool:
    """Whether a reporter can answer in a case; monitoring reports have none."""
    return Complaint.objects.with_reporter().filter(case=case_id).exists()


def may_ask(case_id: uuid.UUID) -> bool:
    """Whether the office may ask in its own name: where a body examines a case, it passes the body's questions on."""
    examined = Case.objects.filter(pk=case_id, status=Status.UNDER_EXAMINATION)
    return has_reporter(case_id) and not examined.exists()


def is_high_risk(*, keyring: Keyring, case_id: uuid.UUID) -> bool:
    """Whether the last risk assessment of any reporter of a case is high; raises Locked."""
    complaints = Complaint.objects.filter(case=case_id).prefetch_related("grants")
    return assessments.any_high_risk(complaints, keyring)


@transaction.atomic
def assess_risk(
    *,
    actor: Actor,
    complaint_id: uuid.UUID,
    answers: Mapping[RiskQuestion, RiskAnswer],
    grade: RiskGrade | None,
    why: str,
    seen: CaseVersion | None = None,
) -> None:
    """Record the risk of detrimental conduct against one reporter (ISO 37002, 8.3.2).

    Arguments as for ``assessments.record_risk``, which also raises ReasonMissing; otherwise raises as
    :func:`write_case_note`.
    """
    complaint = _complaint_as_seen(complaint_id, seen, actor.staff)
    assessments.record_risk(complaint=complaint, answers=answers, grade=grade, why=why, actor=actor)


@transaction.atomic
def state_facts(*, actor: Actor, case_id: uuid.UUID, stated: StatedFacts, seen: CaseVersion | None = None) -> None:
    """Record for each report of a case what an officer states of the act; raises as :func:`write_case_note`.

    Each report has a statement of its own, so that one that leaves the case takes it along.
    """
    complaints = list(Complaint.objects.filter(case=case_id).prefetch_related("grants").order_by("day", "pk"))
    _complaint_as_seen(complaints[0].pk, seen, actor.staff)
    for complaint in complaints:
        assessments.record_facts(complaint=complaint, stated=stated, actor=actor)


def stated_facts(*, keyring: Keyring, case_id: uuid.UUID) -> StatedFacts | None:
    """Return what an officer stated last of a case; None where nobody stated anything; raises Locked, SealError."""
    rows = Assessment.objects.filter(complaint__case=case_id, kind=Assessment.Kind.FACTS)
    row = rows.select_related("complaint", "author").order_by("-at", "-sequence").first()
    if row is None:
        return None
    return assessments.read_facts(row, pair=keyring.complaint(row.complaint), team=keyring.report_team).stated


def is_for_bawaslu(*, keyring: Keyring, case: Case) -> bool:
    """Whether by the rules, and by what an officer stated, only Bawaslu may judge a case; raises as above.

    As the first page of the case says it: by the days of the acts that its reports tell, else by that of receipt.
    """
    stated = stated_facts(keyring=keyring, case_id=case.pk)
    reports = Complaint.objects.filter(case=case).prefetch_related("grants").order_by("day", "pk")
    answers = (read_answers(keyring.complaint(report), report) for report in reports[:REPORTS_A_PAGE])
    days = days_of_acts(answers) or frozenset((case.received_on.isoformat(),))
    return legal_basis.is_for_bawaslu(*reference_data.codes_of(case), days, stated, reference_data.edition())


def _complaint_as_seen(complaint_id: uuid.UUID, seen: CaseVersion | None, staff: Staff) -> Complaint:
    """Return a complaint, with the reports of its case locked; raises CaseChanged where ``seen`` is out of date."""
    complaint = Complaint.objects.select_related("case").get(pk=complaint_id)
    if seen is not None:
        seen = since_other_staff(case=complaint.case, seen=seen, staff=staff)
        locked = Complaint.objects.select_for_update().filter(case=complaint.case_id).order_by("pk")
        sequences = dict(locked.values_list("pk", "next_sequence"))
        current = transitions.case_version(Case.objects.get(pk=complaint.case_id), sequences)
        if not seen.agrees_with(current):
            raise CaseChanged
    return complaint


@transaction.atomic
def reply_to_reporter(
    *,
    actor: Actor,
    complaint_id: uuid.UUID,
    text: str,
    seen: CaseVersion | None = None,
    override: disclosure_check.Override | None = None,
    marks: Marks = NO_MARKS,
) -> Message:
    """Send one reporter a message from triage; ``override`` says why, where there was a disclosure warning.

    ``marks`` are those of domain.retaliation, for the team alone.

    Raises as :func:`write_case_note`, Locked where the report has no reporter, and ForbiddenQuestionPut.
    """
    complaint = _complaint_as_seen(complaint_id, seen, actor.staff)
    if not complaint.has_reporter:
        raise Locked("reporter")
    text = case_membership.with_reference(text, complaint)
    given = override.kinds if override else ()
    message = send_to_reporter(complaint=complaint, text=text, actor=actor, marks=marks, given=given)
    urgent_register.follow(actor=actor, reports={complaint.pk: message.sequence}, marks=marks)
    if override:
        disclosure_check.record_override(actor=actor, complaints=[complaint], override=override, about=message)
    return message


@transaction.atomic
def write_case_note(
    *, actor: Actor, complaint_id: uuid.UUID, text: str, seen: CaseVersion | None = None, marks: Marks = NO_MARKS
) -> None:
    """Write an internal note, with the ``marks`` of domain.retaliation.

    Raises CaseChanged where the case does not agree with ``seen``, Locked outside triage.
    """
    complaint = _complaint_as_seen(complaint_id, seen, actor.staff)
    note = write_note(complaint=complaint, text=text, actor=actor, marks=marks)
    urgent_register.follow(actor=actor, reports={complaint.pk: note.sequence}, marks=marks)


@transaction.atomic
def open_object(
    *, actor: Actor, object_id: uuid.UUID, reason: str, knowing: bool = False
) -> tuple[storage.FileInfo, Iterator[bytes]]:
    """Return the description and the decrypted bytes of a stored object; audited before the first byte is read.

    Args:
        reason: required for an original; becomes an internal note.
        knowing: the officer confirms that they open an original which may be infected.

    Raises:
        EvidenceObject.DoesNotExist, Locked: no such object for this person.
        TransitionRefused(reason_missing): an original without a reason.
        storage.InfectedFile: an original that is infected or not scanned yet, without ``knowing``.
    """
    stored = EvidenceObject.objects.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    pair = actor.keyring.complaint(complaint)
    info = storage.read_info(pair, stored, stored.evidence, complaint)
    facts = {"object": str(stored.pk), "variant": stored.variant}
    if stored.variant == EvidenceObject.Variant.ORIGINAL:
        if not reason.strip():
            raise TransitionRefused(workflow.Refusal.REASON_MISSING)
        threat = storage.threat_in(storage.read_file_report(pair, stored.evidence))
        if threat and not knowing:
            raise storage.InfectedFile(threat)
        note = write_note(complaint=complaint, text=reason, actor=actor)
        facts["note"] = str(note.pk)
    actor.record("object.opened", case=complaint.case_id, facts=facts)
    return info, storage.stream(stored, info)


def process_for_officer(*, actor: Actor, evidence_id: uuid.UUID) -> None:
    """Process, in the officer's session, an item that the worker cannot open or could not read; audited first.

    Raises Evidence.DoesNotExist where it neither waits for an officer nor failed, Locked, and processing.ScannerDown
    or sandbox.Unavailable where it waits for another try.
    """
    unread = [Evidence.State.OFFICER, Evidence.State.FAILED]
    row = Evidence.objects.filter(state__in=unread).select_related("complaint").get(pk=evidence_id)
    original = row.objects_stored.get(variant=EvidenceObject.Variant.ORIGINAL)
    pair = actor.keyring.complaint(row.complaint)
    if row.state == Evidence.State.FAILED:
        with transaction.atomic():
            if (facts := processing.retry(row.pk)) is None:
                raise Evidence.DoesNotExist
            actor.record(processing.RETRIED, case=row.complaint.case_id, subject=row.pk, facts=facts)
    actor.record("object.worked", case=row.complaint.case_id, facts={"object": str(original.pk)})
    processing.process_for_officer(pair=pair, evidence=row)


# Approvals: proposals of a colleague to find a report ineligible, which a second person decides.

PROPOSALS_SHOWN: Final = 50


@dataclass
class Proposal:
    """A case, the step that proposed to find it ineligible, and the opened reason and checklist of that step."""

    case: Case
    step: CaseStep
    reason: str = ""
    checklist: dict[str, CheckedItem] = field(default_factory=dict)


def awaiting_approval(person: Staff | AnonymousUser) -> QuerySet[Case]:
    """Return the cases whose proposal this person may decide: visible to them, and proposed by somebody else."""
    last = CaseStep.objects.filter(case=OuterRef("pk"), action=Action.PROPOSE_INELIGIBLE).order_by("-sequence")
    # Those of the lane are decided together (services.lane_proposals).
    proposed = access.cases_for(person).filter(status=Status.INELIGIBLE_PROPOSED).exclude(IS_JUNK)
    if not access.is_triage(person):
        return proposed.none()
    return proposed.annotate(proposed_by=Subquery(last.values("actor")[:1])).exclude(proposed_by=person.pk)


@transaction.atomic
def proposals(*, actor: Actor) -> list[Proposal]:
    """Open the proposals that this person may decide, by due date; one audit entry records their number.

    Raises Locked outside triage, and SealError where a reason or a checklist was altered.
    """
    awaiting = awaiting_approval(actor.staff).order_by(F("due_on").asc(nulls_last=True), "received_on", "pk")
    cases = list(awaiting.select_related("category", "lead_body")[:PROPOSALS_SHOWN])
    if not cases:
        return []
    by_case = _last_proposals(cases)
    by_step = {proposal.step.pk: proposal for proposal in by_case.values()}
    complaints = Complaint.objects.filter(case__in=cases).prefetch_related("grants").order_by("day", "pk")
    by_id, team = {complaint.pk: complaint for complaint in complaints}, actor.keyring.report_team
    # Every report of a case has its own copy of the reason; any of them will do.
    for note in InternalNote.objects.filter(step__in=by_step, complaint__in=by_id).order_by("sequence"):
        pair = actor.keyring.complaint(by_id[note.complaint_id])
        if note.step_id and not by_step[note.step_id].reason:
            by_step[note.step_id].reason = read_note(note, pair=pair, team=team)
    for row in Assessment.objects.filter(step__in=by_step, complaint__in=by_id).select_related("author"):
        pair = actor.keyring.complaint(by_id[row.complaint_id])
        checklist = assessments.read_checklist(row, pair=pair, team=team)
        by_step[checklist.step_id].checklist = checklist.items
    actor.record("queue.opened", facts={"shown": len(by_case)})
    return [by_case[case.pk] for case in cases if case.pk in by_case]


def _last_proposals(cases: list[Case]) -> dict[uuid.UUID, Proposal]:
    """Return the last proposing step of each case, by case."""
    by_id = {case.pk: case for case in cases}
    steps = CaseStep.objects.filter(case__in=cases, action=Action.PROPOSE_INELIGIBLE).select_related("actor")
    return {step.case_id: Proposal(by_id[step.case_id], step) for step in steps.order_by("sequence")}


# Changes since a version: who took which step and who wrote; nothing sealed is opened for it.


@dataclass(frozen=True)
class Change:
    """One change of a case, by ``who``; None for reporters and the system. ``what`` is the action of a step.

    ``kind`` is "step", a message's direction, "note", "risk" (a risk assessment), "facts" (stated for the rules),
    "redaction", "evidence" or "reports". What reporters do has a ``day`` and no hour ``at``.
    """

    kind: str
    who: Staff | None = None
    what: str = ""
    at: datetime | None = None
    day: date | None = None


def version_of(case: Case) -> CaseVersion:
    """Return the current version of a case; one query."""
    return transitions.current_versions([case])[case.pk]


def changes_since(*, case: Case, seen: CaseVersion) -> list[Change]:
    """Return what changed in ``case`` since ``seen``; [] for a bare status, which does not tell."""
    if seen.steps is None:
        return []
    steps = case.steps.filter(sequence__gt=seen.steps).select_related("actor").order_by("sequence")
    changes = [Change("step", step.actor, step.action, step.at, step.day) for step in steps]
    reports = sorted(Complaint.objects.filter(case=case).values_list("pk", flat=True))
    if len(reports) != len(seen.threads):
        return [*changes, Change("reports")]
    later = Q(pk=None)
    for complaint_id, next_sequence in zip(reports, seen.threads, strict=True):
        later |= Q(complaint=complaint_id, sequence__gte=next_sequence)
    return [*changes, *_writings(later)]


def since_other_staff(*, case: Case, seen: CaseVersion, staff: Staff) -> CaseVersion:
    """Return ``seen``, or the current version where only this person's own notes were added since.

    Opening an original adds a note without a new page; the officer's next act must not be refused for it. Their own
    messages and steps still count as changes, so that a form submitted twice acts once.
    """
    changes = changes_since(case=case, seen=seen)
    only_own_notes = bool(changes) and all(change.kind == "note" and change.who == staff for change in changes)
    return version_of(case) if only_own_notes else seen


def _writings(later: Q) -> Iterator[Change]:
    """Yield messages, notes, assessments and evidence; those that came with a step belong to the step's change."""
    for message in Message.objects.filter(later, step=None).select_related("author").order_by("day", "sequence"):
        yield Change(message.direction, message.author, day=message.day)
    for note in InternalNote.objects.filter(later, step=None).select_related("author").order_by("at"):
        yield Change("note", note.author, at=note.at)
    for row in Assessment.objects.filter(later, step=None).select_related("author").order_by("at"):
        yield Change(row.kind, row.author, at=row.at)
    for removal in Redaction.objects.filter(later).select_related("author").order_by("at"):
        yield Change("redaction", removal.author, at=removal.at)
    for item in Evidence.objects.filter(later).order_by("day", "sequence")[:1]:
        yield Change("evidence", day=item.day)
