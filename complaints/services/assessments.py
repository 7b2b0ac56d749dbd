"""What officers judge by fixed questions, kept sealed: the danger to a reporter, and checklists with their decisions.

Signed with the team's pinned key like all that the office says; who judged stands in the audit chain. Nothing is ever
changed: a new grade is a new row, and the last one counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery

from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, proposed_grade
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.case import Assessment, CaseStep
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.team import Staff, Team
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.keyring import Locked
from complaints.services.messages import take_sequence
from complaints.services.team_key_history import trusted_signer

DANGER: Final = "danger"
CHECKLIST: Final = "checklist"


class ReasonMissing(Exception):  # noqa: N818
    """Another grade than the proposed one, and no reason for it."""


@dataclass(frozen=True)
class RiskAssessment:
    """One grading of the danger to one reporter."""

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
    """What was ticked, or said instead, before a step."""

    transition_id: uuid.UUID
    items: dict[str, CheckedItem]


def record_risk(
    *,
    complaint: Complaint,
    answers: Mapping[RiskQuestion, RiskAnswer],
    grade: RiskGrade | None,
    why: str,
    actor: Actor,
    speaker: KeySet,
) -> Assessment:
    """Keep a grade (None: the rule's own); raises WhyMissing where it is another than that and nothing says why."""
    rule = proposed_grade(answers)
    grade = grade or rule
    if grade is not rule and not why.strip():
        raise ReasonMissing
    said = {question.value: answers.get(question, RiskAnswer.UNKNOWN).value for question in RiskQuestion}
    content = {"grade": grade.value, "proposed": rule.value, "answers": said, "why": why.strip()}
    return _record(complaint, content, actor, speaker)


def record_checklist(
    *,
    complaint: Complaint,
    items: Mapping[str, CheckedItem],
    step: CaseStep,
    actor: Actor,
    speaker: KeySet,
) -> None:
    """Keep the checklist of a step, bound to it; nothing where nothing was asked."""
    if not items:
        return
    content = {"step": str(step.pk), "items": {code: asdict(said) for code, said in items.items()}}
    _record(complaint, content, actor, speaker, step)


def _record(
    complaint: Complaint,
    content: dict[str, Any],
    actor: Actor,
    speaker: KeySet,
    step: CaseStep | None = None,
) -> Assessment:
    if actor.staff is None:
        raise Locked("assessment")
    # Opened before it is sealed to: a key that somebody put in its place is refused here.
    pair = actor.keyring.complaint(complaint)
    row = Assessment(
        complaint=complaint,
        sequence=take_sequence(complaint),
        transition=step,
        author=actor.staff,
        author_key=speaker.sign.public,
        at=actor.now,
    )
    row.sealed = seal_record(pair.public, _context(row), content, speaker.sign)
    row.save(force_insert=True)
    facts = {"assessment": str(row.pk), "digest": log.digest_of(row.sealed)}
    actor.record("assessment.recorded", case=complaint.case_id, facts=facts)
    return row


def _context(row: Assessment) -> Context:
    kind = CHECKLIST if row.transition_id else DANGER
    return Context(kind, str(row.pk), str(row.complaint_id), row.sequence)


def _open(row: Assessment, pair: BoxPair) -> dict[str, Any]:
    signer = trusted_signer(row.author_key, Team.Kind.TRIAGE)
    return dict(open_record(pair, row.sealed, _context(row), signer))


def read_risk(row: Assessment, *, pair: BoxPair) -> RiskAssessment:
    """Open a grading with the complaint's pair."""
    content = _open(row, pair)
    answers = {RiskQuestion(question): RiskAnswer(answer) for question, answer in content["answers"].items()}
    grade, rule = RiskGrade(content["grade"]), RiskGrade(content["proposed"])
    return RiskAssessment(row.complaint_id, row.sequence, grade, rule, answers, content["why"], row.author, row.at)


def with_last_risk(grants: QuerySet[KeyGrant]) -> QuerySet[KeyGrant]:
    """Read with grants the last grading of each reporter's danger, for :func:`is_high_risk`; no query of its own."""
    last = Assessment.objects.filter(complaint=OuterRef("complaint"), transition=None).order_by("-sequence")
    columns = {f"danger_{name}": Subquery(last.values(name)[:1]) for name in ("pk", "sequence", "author_key", "sealed")}
    return grants.annotate(**columns)


def is_high_risk(grant: Any, *, pair: BoxPair) -> bool:
    """Whether the reporter of a grant read by :func:`with_last_risk` is graded as in high danger."""
    if grant.danger_pk is None:
        return False
    row = Assessment(
        pk=grant.danger_pk,
        complaint_id=grant.complaint_id,
        sequence=grant.danger_sequence,
        author_key=grant.danger_author_key,
        sealed=grant.danger_sealed,
    )
    return RiskGrade(_open(row, pair)["grade"]) is RiskGrade.HIGH


def read_checklist(row: Assessment, *, pair: BoxPair) -> RecordedChecklist:
    """Open the checklist of a step with the complaint's pair; raises SealError where it was another step's."""
    content = _open(row, pair)
    if row.transition_id is None or content["step"] != str(row.transition_id):
        raise SealError("checklist")
    items = {code: CheckedItem(said["done"], said["why"]) for code, said in content["items"].items()}
    return RecordedChecklist(row.transition_id, items)


def current_assessment(dangers: Iterable[RiskAssessment]) -> dict[uuid.UUID, RiskAssessment]:
    """Return the grading that counts, by complaint."""
    return {one.complaint_id: one for one in sorted(dangers, key=lambda one: one.sequence)}


def any_high_risk(complaints: Iterable[Complaint], pair_of: Callable[[Complaint], BoxPair]) -> bool:
    """Whether any of these reporters is in high danger, as far as anybody has graded it."""
    by_id = {complaint.pk: complaint for complaint in complaints}
    rows = Assessment.objects.filter(complaint__in=by_id, transition=None).select_related("author")
    read = [read_risk(row, pair=pair_of(by_id[row.complaint_id])) for row in rows]
    return any(one.grade is RiskGrade.HIGH for one in current_assessment(read).values())
