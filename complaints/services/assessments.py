"""Sealed assessments by fixed questions: the risk to a reporter, checklists before a step, facts for the rules.

They are signed with the team's pinned key, like all that triage writes; the audit chain records which officer assessed.
Rows never change: a new risk assessment or statement of facts is a new row, and the last one counts.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, TypedDict

from django.db.models import OuterRef, QuerySet, Subquery

from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.law.facts import StatedFacts
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, proposed_grade
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record
from complaints.fast_sql import with_many
from complaints.models.case import Assessment, CaseStep
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.team import Staff
from complaints.services.keyring import Actor, Keyring
from complaints.services.messages import row_context, store_for_team
from complaints.services.team_key_history import trusted_signer

# Kinds of sealed records: changing one makes stored rows unreadable.
RISK: Final = Assessment.Kind.RISK.value
CHECKLIST: Final = Assessment.Kind.CHECKLIST.value
FACTS: Final = Assessment.Kind.FACTS.value
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


class FactsContent(TypedDict):
    """What a statement of facts seals: codes of the rules' vocabulary by name, and what was so by circumstance."""

    codes: dict[str, str]
    circumstances: dict[str, bool]


class ReasonMissing(Exception):
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


@dataclass(frozen=True)
class Statement:
    """What one officer stated of the act in one report, where the law asks for it and no report tells it.

    ``id`` is that of its row.
    """

    id: uuid.UUID
    stated: StatedFacts
    author: Staff
    at: datetime


@dataclass(frozen=True)
class OpenedAssessments:
    """Assessments by the id of their complaint, oldest first, and checklists by the id of their step.

    ``last`` is the newest statement of all.
    """

    risks: defaultdict[uuid.UUID, list[RiskAssessment]] = field(default_factory=partial(defaultdict, list))
    statements: defaultdict[uuid.UUID, list[Statement]] = field(default_factory=partial(defaultdict, list))
    checklists: dict[uuid.UUID, dict[str, CheckedItem]] = field(default_factory=dict)
    last: Statement | None = None


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
    row = Assessment(kind=RISK, complaint=complaint)
    store_for_team(row, RISK, content, actor=actor, event="assessment.recorded")


def record_checklist(*, complaint: Complaint, items: Mapping[str, CheckedItem], step: CaseStep, actor: Actor) -> None:
    """Seal and store the checklist of a step, bound to the step; raises Locked, SealError, UnpinnedKey."""
    content = ChecklistContent(step=str(step.pk), items={code: asdict(item) for code, item in items.items()})
    row = Assessment(kind=CHECKLIST, complaint=complaint, step=step)
    store_for_team(row, CHECKLIST, content, actor=actor, event="assessment.recorded")


def record_facts(*, complaint: Complaint, stated: StatedFacts, actor: Actor) -> None:
    """Seal and store what an officer states of the act in one report; raises as :func:`record_checklist`."""
    row = Assessment(kind=FACTS, complaint=complaint)
    store_for_team(row, FACTS, facts_content(stated), actor=actor, event="assessment.recorded")


def facts_content(stated: StatedFacts) -> FactsContent:
    """Return a statement as it is sealed, for a report or for a body."""
    circumstances = {item.value: was_so for item, was_so in stated.circumstances}
    return FactsContent(codes=stated.codes, circumstances=circumstances)


def facts_of_content(content: FactsContent) -> StatedFacts:
    """Return the statement that was sealed so."""
    return StatedFacts.of(content["codes"], content["circumstances"])


def read_facts(row: Assessment, *, pair: BoxPair, team: str) -> Statement:
    """Open a statement of facts with the complaint's key pair; as :func:`read_risk`."""
    signer = trusted_signer(row.author_key, team)
    content: FactsContent = open_record(pair, row.sealed, row_context(row, FACTS), signer)
    return Statement(row.pk, facts_of_content(content), row.author, row.at)


def last_facts(complaint_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Assessment]:
    """Return the last statement of facts of each of these reports that has one, sealed; one query."""
    rows = Assessment.objects.filter(complaint__in=list(complaint_ids), kind=FACTS).select_related("author")
    return {row.complaint_id: row for row in rows.order_by("sequence")}


def _open_risk(row: Assessment, pair: BoxPair, team: str) -> RiskContent:
    signer = trusted_signer(row.author_key, team)
    content: RiskContent = open_record(pair, row.sealed, row_context(row, RISK), signer)
    return content


def read_risk(row: Assessment, *, pair: BoxPair, team: str) -> RiskAssessment:
    """Open a risk assessment with the complaint's key pair; ``team`` is the slug of the team that must have signed it.

    Raises SealError, UnpinnedKey.
    """
    content = _open_risk(row, pair, team)
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
    last = Assessment.objects.filter(complaint=OuterRef("complaint"), kind=RISK).order_by("-sequence")
    return grants.annotate(**{f"risk_{name}": Subquery(last.values(name)[:1]) for name in _COLUMNS})


def is_high_risk(grant: KeyGrant, *, pair: BoxPair, team: str) -> bool:
    """Whether the last risk assessment of the complaint of a grant, read by :func:`with_last_risk`, is high."""
    columns = {name: vars(grant)[f"risk_{name}"] for name in _COLUMNS}
    if columns["pk"] is None or grant.complaint_id is None:
        return False
    row = Assessment(complaint_id=grant.complaint_id, **columns)
    return RiskGrade(_open_risk(row, pair, team)["grade"]) is RiskGrade.HIGH


def read_checklist(row: Assessment, *, pair: BoxPair, team: str) -> RecordedChecklist:
    """Open the checklist of a step with the complaint's key pair; raises SealError where it is another step's."""
    signer = trusted_signer(row.author_key, team)
    content = open_record(pair, row.sealed, row_context(row, CHECKLIST), signer)
    if row.step_id is None or content["step"] != str(row.step_id):
        raise SealError("checklist")
    items = {code: CheckedItem(item["done"], item["why"]) for code, item in content["items"].items()}
    return RecordedChecklist(row.step_id, items)


def open_all(keyring: Keyring, rows: Iterable[Assessment], by_id: Mapping[uuid.UUID, Complaint]) -> OpenedAssessments:
    """Open assessments in the order of ``rows``; ``by_id`` are the reports of the case whose keys are known."""
    opened, team = OpenedAssessments(), keyring.report_team
    rows = list(rows)
    # A step's checklist is kept with the first report of the case, or with one that has moved to another case since.
    elsewhere = {row.complaint_id for row in rows} - by_id.keys()
    others = with_many(Complaint.objects.filter(pk__in=elsewhere), "grants", KeyGrant) if elsewhere else []
    pairs = {complaint.pk: keyring.complaint(complaint, grants) for complaint, grants in others}
    for row in rows:
        pair = pairs.get(row.complaint_id) or keyring.complaint(by_id[row.complaint_id])
        if row.kind == FACTS:
            opened.statements[row.complaint_id].append(read_facts(row, pair=pair, team=team))
        elif row.step_id is None:
            opened.risks[row.complaint_id].append(read_risk(row, pair=pair, team=team))
        else:
            opened.checklists[row.step_id] = read_checklist(row, pair=pair, team=team).items
    statements = (statement for row in opened.statements.values() for statement in row)
    return replace(opened, last=max(statements, key=lambda statement: statement.at, default=None))


def last_grades(complaints: Iterable[Complaint], keyring: Keyring) -> dict[uuid.UUID, RiskGrade]:
    """Return the grade of the last risk assessment by complaint; one that nobody has assessed is left out.

    Raises as :meth:`Keyring.complaint`.
    """
    by_id = {complaint.pk: complaint for complaint in complaints}
    rows = Assessment.objects.filter(complaint__in=by_id, kind=RISK).select_related("author")
    team = keyring.report_team
    opened = [read_risk(row, pair=keyring.complaint(by_id[row.complaint_id]), team=team) for row in rows]
    return {risk.complaint_id: risk.grade for risk in sorted(opened, key=lambda risk: risk.sequence)}


def is_danger_graded(case_id: uuid.UUID) -> bool:
    """Whether the danger to each reporter of a case was graded; nobody is endangered by a monitoring report."""
    graded = Assessment.objects.filter(kind=RISK, complaint__case=case_id).values("complaint")
    return not Complaint.objects.with_reporter().filter(case=case_id).exclude(pk__in=graded).exists()


def any_high_risk(complaints: Iterable[Complaint], keyring: Keyring) -> bool:
    """Whether the last risk assessment of any of these complaints is high; a complaint without one does not count."""
    return RiskGrade.HIGH in last_grades(complaints, keyring).values()


def any_high_risk_of(*, keyring: Keyring, complaint_ids: Collection[uuid.UUID]) -> bool:
    """Whether the last assessment of any of these reports says high; one query, none without reports.

    Raises as :meth:`Keyring.complaint`.
    """
    grants = KeyGrant.objects.filter(complaint__in=complaint_ids)
    return any(
        is_high_risk(grant, pair=keyring.complaint(grant.complaint, [grant]), team=keyring.report_team)
        for grant in with_last_risk(grants.select_related("complaint"))
        if grant.complaint is not None
    )
