"""Sealed assessments by fixed questions: the risk to a reporter, and the checklists that officers tick before a step.

They are signed with the team's pinned key, like all that triage writes; the audit chain records which officer assessed.
Rows never change: a new risk assessment is a new row, and the last one counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, TypedDict

from django.db.models import OuterRef, QuerySet, Subquery

from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, proposed_grade
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record
from complaints.models.case import Assessment, CaseStep
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.team import Staff, Team
from complaints.services.actor import Actor
from complaints.services.keyring import Keyring
from complaints.services.messages import row_context, store_for_triage
from complaints.services.team_key_history import trusted_signer

# Kinds of sealed records: changing one makes stored rows unreadable.
RISK: Final = "risk"
CHECKLIST: Final = "checklist"
_COLUMNS: Final = ("pk", "sequence", "author_key", "sealed")


class RiskContent(TypedDict):
    """What a risk assessment seals: codes of grades, answers by question, and the reason for another grade."""

    grade: str
    proposed: str
    answers: dict[str, str]
    why: str


class ChecklistContent(TypedDict):
    """What a checklist seals: the id of its step, and for each item whether it was done and why not."""

    step: str
    items: dict[str, dict[str, object]]


class ReasonMissing(Exception):  # noqa: N818
    """A grade other than the proposed one needs a reason."""


@dataclass(frozen=True)
class RiskAssessment:
    """The risk to one reporter, as one officer assessed it."""

    complaint_id: uuid.UUID
    sequence: int
    grade: RiskGrade
    proposed: RiskGrade
    answers: dict[RiskQuestion, RiskAnswer]
    why: str
    author: Staff
    at: datetime


@dataclass(frozen=True)
class RecordedChecklist:
    """The items of a checklist, ticked or explained, and the step that they were recorded with."""

    step_id: uuid.UUID
    items: dict[str, CheckedItem]


def record_risk(
    *,
    complaint: Complaint,
    answers: Mapping[RiskQuestion, RiskAnswer],
    grade: RiskGrade | None,
    why: str,
    actor: Actor,
) -> None:
    """Seal and store a risk assessment; ``grade`` is None for the grade that the rule proposes.

    Raises ReasonMissing for another grade than the proposed one with a blank ``why``, else as :func:`record_checklist`.
    """
    proposed = proposed_grade(answers)
    grade = grade or proposed
    if grade is not proposed and not why.strip():
        raise ReasonMissing
    codes = {question.value: answers.get(question, RiskAnswer.UNKNOWN).value for question in RiskQuestion}
    content = RiskContent(grade=grade.value, proposed=proposed.value, answers=codes, why=why.strip())
    store_for_triage(Assessment(complaint=complaint), RISK, content, actor=actor, event="assessment.recorded")


def record_checklist(*, complaint: Complaint, items: Mapping[str, CheckedItem], step: CaseStep, actor: Actor) -> None:
    """Seal and store the checklist of a step, bound to the step; raises Locked, SealError, UnpinnedKey."""
    content = ChecklistContent(step=str(step.pk), items={code: asdict(item) for code, item in items.items()})
    row = Assessment(complaint=complaint, step=step)
    store_for_triage(row, CHECKLIST, content, actor=actor, event="assessment.recorded")


def _open_risk(row: Assessment, pair: BoxPair) -> RiskContent:
    signer = trusted_signer(row.author_key, Team.Kind.TRIAGE)
    content: RiskContent = open_record(pair, row.sealed, row_context(row, RISK), signer)
    return content


def read_risk(row: Assessment, *, pair: BoxPair) -> RiskAssessment:
    """Open a risk assessment with the complaint's key pair; raises SealError, UnpinnedKey."""
    content = _open_risk(row, pair)
    return RiskAssessment(
        complaint_id=row.complaint_id,
        sequence=row.sequence,
        grade=RiskGrade(content["grade"]),
        proposed=RiskGrade(content["proposed"]),
        answers={RiskQuestion(question): RiskAnswer(answer) for question, answer in content["answers"].items()},
        why=content["why"],
        author=row.author,
        at=row.at,
    )


def with_last_risk(grants: QuerySet[KeyGrant]) -> QuerySet[KeyGrant]:
    """Annotate grants with the last risk assessment of their complaint, for :func:`is_high_risk`; no further query."""
    last = Assessment.objects.filter(complaint=OuterRef("complaint"), step=None).order_by("-sequence")
    return grants.annotate(**{f"risk_{name}": Subquery(last.values(name)[:1]) for name in _COLUMNS})


def is_high_risk(grant: KeyGrant, *, pair: BoxPair) -> bool:
    """Whether the last risk assessment of the complaint of a grant, read by :func:`with_last_risk`, is high."""
    columns = {name: vars(grant)[f"risk_{name}"] for name in _COLUMNS}
    if columns["pk"] is None or grant.complaint_id is None:
        return False
    row = Assessment(complaint_id=grant.complaint_id, **columns)
    return RiskGrade(_open_risk(row, pair)["grade"]) is RiskGrade.HIGH


def read_checklist(row: Assessment, *, pair: BoxPair) -> RecordedChecklist:
    """Open the checklist of a step with the complaint's key pair; raises SealError where it is another step's."""
    signer = trusted_signer(row.author_key, Team.Kind.TRIAGE)
    content = open_record(pair, row.sealed, row_context(row, CHECKLIST), signer)
    if row.step_id is None or content["step"] != str(row.step_id):
        raise SealError("checklist")
    items = {code: CheckedItem(item["done"], item["why"]) for code, item in content["items"].items()}
    return RecordedChecklist(row.step_id, items)


def last_grades(complaints: Iterable[Complaint], pair_of: Callable[[Complaint], BoxPair]) -> dict[uuid.UUID, RiskGrade]:
    """Return the grade of the last risk assessment by complaint; one that nobody has assessed is left out."""
    by_id = {complaint.pk: complaint for complaint in complaints}
    rows = Assessment.objects.filter(complaint__in=by_id, step=None).select_related("author")
    opened = [read_risk(row, pair=pair_of(by_id[row.complaint_id])) for row in rows]
    return {risk.complaint_id: risk.grade for risk in sorted(opened, key=lambda risk: risk.sequence)}


def is_danger_graded(case_id: uuid.UUID) -> bool:
    """Whether the danger to each reporter of a case was graded; nobody is endangered by a monitoring report."""
    graded = Assessment.objects.filter(step=None, complaint__case=case_id).values("complaint")
    return not Complaint.objects.with_reporter().filter(case=case_id).exclude(pk__in=graded).exists()


def any_high_risk(complaints: Iterable[Complaint], pair_of: Callable[[Complaint], BoxPair]) -> bool:
    """Whether the last risk assessment of any of these complaints is high; a complaint without one does not count."""
    return RiskGrade.HIGH in last_grades(complaints, pair_of).values()


def any_high_risk_of(*, keyring: Keyring, complaint_ids: Collection[uuid.UUID]) -> bool:
    """Whether the last assessment of any of these reports says high; one query, none without reports.

    Raises as :meth:`Keyring.complaint`.
    """
    grants = KeyGrant.objects.filter(complaint__in=complaint_ids)
    return any(
        is_high_risk(grant, pair=keyring.complaint(grant.complaint, [grant]))
        for grant in with_last_risk(grants.select_related("complaint"))
        if grant.complaint is not None
    )
