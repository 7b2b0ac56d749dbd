"""What the portal knows for the checklist of a step, and the reports whose risk is graded in the form of the step.

Beside the questions stands what the reporter wrote, with the passages marked that may tell who wrote it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.base import StaffRequest
from complaints.admin.case_risk import RiskForm
from complaints.admin.case_summary import circle_of
from complaints.admin.labels import Label
from complaints.domain import checklists, telling_passages
from complaints.domain.circle import CIRCLE, Circle
from complaints.domain.retaliation import TOLD
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, Told, proposed_answers
from complaints.domain.telling_passages import OF_WRITER, Proposal
from complaints.domain.workflow import Action
from complaints.models.case import Assessment, Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import assessments, case_actions, case_file, custody
from complaints.services.case_work import Grading
from complaints.services.keyring import Keyring

# Reports whose risk is graded in the form of the step; where more wait for it, each is graded on its own page.
GRADED_AT_ONCE: Final = 3
PASSAGE_AT_MOST: Final = 60
TOLD_BY: Final[dict[Told, Label]] = {
    Told.CIRCLE: gettext_lazy("proposed: the reporter says that few could know it"),
    Told.PASSAGE: gettext_lazy("proposed: “%(words)s”"),
    Told.SUPERIOR: gettext_lazy("proposed: the accused is the superior of the reporter"),
    Told.RETALIATION: gettext_lazy("proposed: the reporter told of retaliation"),
}


@dataclass(frozen=True)
class Piece:
    """A part of a text; ``is_telling`` where it may tell who wrote it."""

    text: str
    is_telling: bool


@dataclass
class RiskPart:
    """A report whose risk is graded with the step: its ``number`` in the case, and once it was opened what it says."""

    number: int
    complaint_id: uuid.UUID
    form: RiskForm
    story: list[Piece] = field(default_factory=list)
    circle: str = ""

    def grading(self) -> Grading:
        """Return what was chosen in the form, which is valid."""
        grade = self.form.cleaned_data["grade"]
        why = self.form.cleaned_data["why"]
        return Grading(self.complaint_id, self.form.answers(), RiskGrade(grade) if grade else None, why)


def known_facts(*, keyring: Keyring, case: Case, action: Action, is_grading: bool) -> dict[str, bool]:
    """Return by code what the portal knows of the items of a step's checklist.

    ``is_grading``: the risk to every reporter who was not graded yet is graded with the step. Raises Locked, SealError.
    """
    codes = {item.code for item in checklists.items(action)}
    facts: dict[str, Callable[[], bool]] = {
        "risk_graded": lambda: is_grading or assessments.is_danger_graded(case.pk),
        "files_opened": lambda: are_files_opened(case),
        "by_rule": lambda: not case_actions.is_for_bawaslu(keyring=keyring, case=case),
        "asked_first": lambda: case.steps.filter(action=Action.ASK_REPORTER).exists(),
    }
    return {code: is_so() for code, is_so in facts.items() if code in codes}


def are_files_opened(case: Case) -> bool:
    """Whether each file of a case was opened by somebody of the office, in whatever form."""
    files = set(Evidence.objects.filter(complaint__case=case, kind=Evidence.Kind.FILE).values_list("pk", flat=True))
    if not files:
        return True
    opened = custody.opened_objects(list(case.complaints.all()))
    seen = EvidenceObject.objects.filter(pk__in=[uuid.UUID(key) for key in opened], evidence__in=files)
    return files == set(seen.values_list("evidence", flat=True))


def risk_parts(case: Case, action: Action, data: QueryDict | None = None) -> list[RiskPart]:
    """Return the reports that are graded with a step, each with its form: none, where too many wait for it.

    Only whoever reported can come to harm: a monitoring report is not graded.
    """
    if action is not Action.VERIFY:
        return []
    graded = set(Assessment.objects.filter(kind=assessments.RISK, complaint__case=case).values_list("complaint"))
    reports = list(case.complaints.order_by("day", "pk").only("pk", "channel"))
    waiting = [
        (number, report)
        for number, report in enumerate(reports, start=1)
        if report.channel == Complaint.Channel.WEB and (report.pk,) not in graded
    ]
    if len(waiting) > GRADED_AT_ONCE:
        return []
    return [RiskPart(number, report.pk, RiskForm(data, prefix=f"risk-{number}")) for number, report in waiting]


def open_stories(request: StaffRequest, case: Case, parts: Iterable[RiskPart]) -> None:
    """Open the reports of a case for the page that grades them: their stories, and the answers that these propose.

    Recorded as a look at the case. What was chosen before stays as it is.
    """
    for part in parts:
        opened = case_file.open_case(actor=request.actor, case_id=case.pk, holding=part.complaint_id)
        report = next(report for report in opened.complaints if report.complaint.pk == part.complaint_id)
        text = str(report.answers.get("story") or "")
        passages = [
            passage
            for passage in telling_passages.proposals(text, accused=[str(report.answers.get("accused_name") or "")])
            if passage.kind in OF_WRITER
        ]
        part.story, part.circle = _pieces(text, passages), circle_of(report)
        _propose(part.form, report, text, passages)


def _propose(form: RiskForm, report: case_file.ComplaintFile, text: str, passages: list[Proposal]) -> None:
    """Choose "yes" where the report tells it, and say beside the question what tells it."""
    circles = [report.answers.get(CIRCLE), *(entry.marks.get(CIRCLE) for entry in report.thread)]
    told = [circle for circle in map(Circle.read, circles) if circle is not Circle.UNTOLD]
    proposed = proposed_answers(
        circle=min(told, default=Circle.UNTOLD),
        accused_kind=str(report.answers.get("accused_kind") or ""),
        passages={passage.kind for passage in passages},
        is_retaliation_told=any(TOLD in entry.marks for entry in report.thread),
    )
    for question, told_by in proposed.items():
        form.initial[question.value] = RiskAnswer.YES.value
        form.fields[question.value].help_text = str(TOLD_BY[told_by]) % {
            "words": _passage_for(question, text, passages)
        }


def _passage_for(question: RiskQuestion, text: str, passages: list[Proposal]) -> str:
    """Return the first passage that speaks for a "yes", shortened; "" where none does."""
    few = {telling_passages.Tells.FEW, telling_passages.Tells.ALONE}
    kinds: Mapping[RiskQuestion, Iterable[telling_passages.Tells]] = {RiskQuestion.FEW_KNOW: few}
    fitting = (passage for passage in passages if passage.kind in kinds.get(question, OF_WRITER))
    first = next(fitting, None)
    words = " ".join(text[first.start : first.end].split()) if first else ""
    return words if len(words) <= PASSAGE_AT_MOST else f"{words[:PASSAGE_AT_MOST]}…"


def _pieces(text: str, passages: Iterable[Proposal]) -> list[Piece]:
    """Return a text in parts; passages that overlap are one mark."""
    marks: list[tuple[int, int]] = []
    for passage in sorted(passages):
        if marks and passage.start <= marks[-1][1]:
            marks[-1] = (marks[-1][0], max(marks[-1][1], passage.end))
        else:
            marks.append((passage.start, passage.end))
    pieces, place = list[Piece](), 0
    for start, end in marks:
        pieces += [Piece(text[place:start], is_telling=False), Piece(text[start:end], is_telling=True)]
        place = end
    return [piece for piece in [*pieces, Piece(text[place:], is_telling=False)] if piece.text]


def grading_hint(parts: list[RiskPart], *, is_graded: bool) -> str:
    """Say why no risk is graded in the form although some report waits for it; "" where it is, or none waits."""
    if parts or is_graded:
        return ""
    return _("More than three reports are not graded yet: grade each on the page of the case, or say why not.")
