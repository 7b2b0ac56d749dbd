"""The risk to a reporter: seven questions, the grade that the answers propose, and the grade that an officer sets."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final, TypedDict

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from complaints import access
from complaints.admin import labels
from complaints.admin.assignment import tell_that_taken
from complaints.admin.base import BaseForm, StaffRequest, readable_case_or_404, render, staff_page, text_field, to_case
from complaints.admin.labels import Label
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, proposed_grade
from complaints.services import assessments, case_actions, case_file, case_work
from complaints.services.transitions import CaseChanged, CaseVersion

ANSWERS: Final[list[tuple[str, Label]]] = [
    (RiskAnswer.YES.value, pgettext_lazy("answer", "yes")),
    (RiskAnswer.NO.value, pgettext_lazy("answer", "no")),
    (RiskAnswer.UNKNOWN.value, gettext_lazy("not known")),
]
BY_ANSWERS: Final[tuple[str, Label]] = ("", gettext_lazy("as the answers say"))


class RiskForm(BaseForm):
    """The questions, and a grade other than the answers propose, for which the officer gives a reason."""

    grade = forms.ChoiceField(
        label=gettext_lazy("Grade"),
        required=False,
        choices=[BY_ANSWERS, *((grade.value, label) for grade, label in labels.RISK_GRADES.items())],
        widget=forms.RadioSelect,
    )
    why = text_field(
        gettext_lazy("Why, and what protects the reporter now"),
        help_text=gettext_lazy(
            "Required where your grade differs from the one that the answers suggest. Neither a body nor the "
            "reporter reads it."
        ),
        rows=3,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in RiskQuestion:
            self.fields[question.value] = forms.ChoiceField(
                label=labels.RISK_QUESTIONS[question],
                choices=ANSWERS,
                widget=forms.RadioSelect,
                initial=RiskAnswer.UNKNOWN.value,
                error_messages={"required": _("Choose one; “not known” is an answer.")},
            )

    def clean(self) -> dict[str, Any] | None:
        """Ask for a reason where the grade differs from the one that the answers propose."""
        cleaned = super().clean() or {}
        is_answered = all(question.value in cleaned for question in RiskQuestion)
        grade, why = cleaned.get("grade"), cleaned.get("why", "").strip()
        if is_answered and grade and not why and RiskGrade(grade) is not proposed_grade(self.answers()):
            self.add_error("why", _("The answers speak for another grade. Say why you set this one."))
        return cleaned

    def asked(self) -> list[forms.boundfield.BoundField]:
        """Return the fields of the questions, in order, for the page."""
        return [self[question.value] for question in RiskQuestion]

    def answers(self) -> dict[RiskQuestion, RiskAnswer]:
        """Return the answers of a valid form."""
        return {question: RiskAnswer(self.cleaned_data[question.value]) for question in RiskQuestion}


class AssessmentLines(TypedDict):
    """What a page shows of one risk assessment; ``proposed`` is "" where the officer set no other grade."""

    grade: str
    words: str
    proposed: str
    why: str
    who: str
    at: datetime
    yes: list[str]


def assessment_lines(assessment: assessments.RiskAssessment) -> AssessmentLines:
    is_as_proposed = assessment.grade is assessment.proposed
    return {
        "grade": assessment.grade.value,
        "words": str(labels.RISK_GRADES[assessment.grade]),
        "proposed": "" if is_as_proposed else str(labels.RISK_GRADES[assessment.proposed]),
        "why": assessment.why,
        "who": labels.staff_name(assessment.author),
        "at": assessment.at,
        "yes": [
            str(labels.RISK_QUESTIONS[question])
            for question, answer in assessment.answers.items()
            if answer is RiskAnswer.YES
        ],
    }


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def assess(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Show the questions about one report; by POST, save the assessment."""
    case = readable_case_or_404(request, object_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, holding=complaint_id)
    report = next((report for report in opened.complaints if report.complaint.pk == complaint_id), None)
    if report is None:
        raise Http404
    answers = {question.value: answer.value for question, answer in report.risk.answers.items()} if report.risk else {}
    form = RiskForm(request.POST if request.method == "POST" else None, initial=answers)
    if not form.is_valid():
        return _assessment_page(request, opened, report, form)
    grade, seen = form.cleaned_data["grade"], request.POST.get("seen")
    try:
        case_actions.assess_risk(
            actor=request.actor,
            complaint_id=complaint_id,
            answers=form.answers(),
            grade=RiskGrade(grade) if grade else None,
            why=form.cleaned_data["why"],
            seen=None if seen is None else CaseVersion.parse(seen),
        )
    except CaseChanged:
        changes = labels.change_lines(opened.case, seen or "")
        return _assessment_page(request, opened, report, form, changes=changes)
    messages.success(request, _("The grade is kept."))
    if case_work.take_if_free(actor=request.actor, case_id=case.pk):
        tell_that_taken(request)
    return to_case(request, object_id)


def _assessment_page(
    request: StaffRequest,
    opened: case_file.CaseFile,
    report: case_file.ComplaintFile,
    form: RiskForm,
    *,
    changes: list[str] | None = None,
) -> HttpResponse:
    """Show the form; with ``changes``, as what changed since the page was opened, so that nothing was saved."""
    context = {
        "title": _("Danger to the reporter: %(reference)s") % {"reference": opened.case.reference},
        "case": opened.case,
        "mark": opened.version,
        "form": form,
        "changes": changes,
        "stale": changes is not None,
        "before": [assessment_lines(assessment) for assessment in reversed(report.risk_assessments)],
    }
    status = 409 if changes is not None else 400 if form.is_bound else 200
    return render(request, "admin/risk.html", context, status=status)
