"""What waits for a second person: proposals to turn a report away, made by somebody else."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from complaints import access
from complaints.domain.checklists import Checked
from complaints.domain.workflow import Action, Status
from complaints.models.case import Assessment, Case, InternalNote, Transition
from complaints.models.complaint import Complaint
from complaints.services import audit, judging, thread
from complaints.services.vault import Keyring

PROPOSALS_AT_ONCE: Final = 50


@dataclass
class Proposal:
    """One case, the step that proposed to turn it away, its reason and its checklist."""

    case: Case
    step: Transition
    reason: str = ""
    checklist: dict[str, Checked] = field(default_factory=dict)


def awaiting(person: Any) -> QuerySet[Case]:
    """Return the cases whose proposal this person may decide: not their own, and none they may not see."""
    last = Transition.objects.filter(case=OuterRef("pk"), action=Action.PROPOSE_INELIGIBLE).order_by("-sequence")
    waiting = access.cases_for(person).filter(status=Status.INELIGIBLE_PROPOSED)
    if not access.is_triage(person):
        return waiting.none()
    return waiting.annotate(proposed_by=Subquery(last.values("actor")[:1])).exclude(proposed_by=person.pk)


@transaction.atomic
def proposals(*, keyring: Keyring, now: datetime) -> list[Proposal]:
    """Open the proposals that this person may decide, the most urgent first; one entry in the chain says how many.

    Raises:
        Locked: the person was not admitted to triage.
        SealError: a reason or a checklist was altered.
    """
    waiting = awaiting(keyring.staff).order_by(F("due_on").asc(nulls_last=True), "received_on", "pk")
    cases = list(waiting.select_related("category", "lead_body")[:PROPOSALS_AT_ONCE])
    if not cases:
        return []
    found = _steps(cases)
    complaints = Complaint.objects.filter(case__in=cases).prefetch_related("grants").order_by("day", "pk")
    by_id = {complaint.pk: complaint for complaint in complaints}
    by_step = {one.step.pk: one for one in found.values()}
    # One reason is kept for every report of a case, in the same words.
    for note in InternalNote.objects.filter(transition__in=by_step, complaint__in=by_id).order_by("sequence"):
        pair = keyring.complaint(by_id[note.complaint_id])
        if note.transition_id and not by_step[note.transition_id].reason:
            by_step[note.transition_id].reason = thread.read_note(note, pair=pair)
    for row in Assessment.objects.filter(transition__in=by_step, complaint__in=by_id).select_related("author"):
        kept = judging.read_checklist(row, pair=keyring.complaint(by_id[row.complaint_id]))
        by_step[kept.transition_id].checklist = kept.items
    facts = {"shown": len(found)}
    audit.append(event="queue.opened", now=now, actor=keyring.staff, signer=keyring.signer, facts=facts)
    return [found[case.pk] for case in cases if case.pk in found]


def _steps(cases: list[Case]) -> dict[uuid.UUID, Proposal]:
    """Return the last proposing step of each case."""
    by_case = {case.pk: case for case in cases}
    steps: dict[uuid.UUID, list[Transition]] = defaultdict(list)
    rows = Transition.objects.filter(case__in=cases, action=Action.PROPOSE_INELIGIBLE).select_related("actor")
    for step in rows.order_by("sequence"):
        steps[step.case_id].append(step)
    return {case_id: Proposal(by_case[case_id], made[-1]) for case_id, made in steps.items()}
