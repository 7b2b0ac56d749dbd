"""An officer's work on a case in one act: the start of the review, risk grades, a step, and whose it is then.

Whoever works on a case that nobody has takes it, so that colleagues see whose it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from complaints.domain import workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion
from complaints.domain.workflow import Action, Status
from complaints.models.case import Case
from complaints.services import assignment, case_actions
from complaints.services.disclosure_check import Override
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion


@dataclass(frozen=True)
class Grading:
    """The risk to one reporter as an officer grades it; ``grade`` is None for the one that the answers propose."""

    complaint_id: uuid.UUID
    answers: Mapping[RiskQuestion, RiskAnswer]
    grade: RiskGrade | None
    why: str


@transaction.atomic
def begin(*, actor: Actor, case_id: uuid.UUID, seen: CaseVersion | None = None) -> bool:
    """Start the review of a received case; return whether the actor took the case. Raises as ``case_actions.act``."""
    case_actions.act(actor=actor, case_id=case_id, action=Action.START_REVIEW, seen=seen)
    return take_if_free(actor=actor, case_id=case_id)


@transaction.atomic
def take_step(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    action: Action,
    seen: CaseVersion | None,
    gradings: Sequence[Grading] = (),
    reason: str = "",
    record: str = "",
    checklist: Mapping[str, CheckedItem] | None = None,
    override: Override | None = None,
) -> bool:
    """Grade the risk and take a step; return whether the actor took the case, too.

    A step of ``workflow.BEGINNING`` on a received case starts the review first: both steps are written, in one
    transaction. The grades come before the step, whose deadline follows from them. The remaining arguments and errors
    are those of ``case_actions.act``; raises besides ``assessments.ReasonMissing``.
    """
    if action in workflow.BEGINNING and Case.objects.filter(pk=case_id, status=Status.RECEIVED).exists():
        case_actions.act(actor=actor, case_id=case_id, action=Action.START_REVIEW, seen=seen)
        # The reports of the case are locked since: nobody else can change it.
        seen = None
    for grading in gradings:
        case_actions.assess_risk(
            actor=actor,
            complaint_id=grading.complaint_id,
            answers=grading.answers,
            grade=grading.grade,
            why=grading.why,
            seen=seen,
        )
        seen = None
    step = case_actions.act(
        actor=actor,
        case_id=case_id,
        action=action,
        reason=reason,
        seen=seen,
        checklist=checklist,
        override=override,
        record=record,
    )
    return step.target not in workflow.ENDED and take_if_free(actor=actor, case_id=case_id)


@transaction.atomic
def take_if_free(*, actor: Actor, case_id: uuid.UUID) -> bool:
    """Take a case that nobody has; return whether it was taken. Raises Case.DoesNotExist, Locked."""
    # Read anew: a step may have been written since the caller read the case.
    if not Case.objects.filter(pk=case_id, assignee=None).exists():
        return False
    try:
        assignment.claim(actor=actor, case_id=case_id, seen=None)
    except assignment.AlreadyTaken:  # by a colleague, between the two queries
        return False
    return True
