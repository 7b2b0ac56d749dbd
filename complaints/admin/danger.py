"""The danger to a reporter: seven questions, the grade that they speak for, and who has the last word."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from complaints import access
from complaints.admin import questions
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.admin.forms import HouseForm, words
from complaints.admin.meanwhile import changes
from complaints.admin.standing import FOLDED_FROM
from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, highest_grade
from complaints.services import assessments, case_actions, case_file
from complaints.services.transitions import CaseChanged

ANSWERS = [
    (RiskAnswer.YES.value, pgettext_lazy("answer", "yes")),
    (RiskAnswer.NO.value, pgettext_lazy("answer", "no")),
    (RiskAnswer.UNKNOWN.value, gettext_lazy("not known")),
]
BY_RULE = ("", gettext_lazy("as the answers say"))


class DangerForm(HouseForm):
    """The questions, and another grade than theirs where the officer says why."""

    grade = forms.ChoiceField(
        label=gettext_lazy("RiskGrade"),
        required=False,
        choices=[BY_RULE, *((grade.value, words) for grade, words in questions.GRADES.items())],
        widget=forms.RadioSelect,
    )
    why = words(
        gettext_lazy("Why, and what protects the reporter now"),
        help_text=gettext_lazy("Needed where you set another grade than the answers speak for. Stays in the house."),
        rows=3,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in RiskQuestion:
            self.fields[question.value] = forms.ChoiceField(
                label=questions.DANGER[question],
                choices=ANSWERS,
                widget=forms.RadioSelect,
                initial=RiskAnswer.UNKNOWN.value,
                error_messages={"required": _("Choose one; “not known” is an answer.")},
            )

    def asked(self) -> list[forms.boundfield.BoundField]:
        """Return the questions for the page."""
        return [self[question.value] for question in RiskQuestion]

    def answers(self) -> dict[RiskQuestion, RiskAnswer]:
        """Return what was answered; of a form that was validated."""
        return {question: RiskAnswer(self.cleaned_data[question.value]) for question in RiskQuestion}


def grade_of(opened: case_file.CaseFile) -> RiskGrade | None:
    """Return the highest grade that counts for any reporter of a case; None where nobody has graded."""
    return highest_grade([part.dangers[-1].grade for part in opened.complaints if part.dangers])


def in_words(danger: assessments.RiskAssessment) -> dict[str, Any]:
    """Return one grading for a page."""
    return {
        "grade": danger.grade.value,
        "words": str(questions.GRADES[danger.grade]),
        "proposed": "" if danger.grade is danger.proposed else str(questions.GRADES[danger.proposed]),
        "why": danger.why,
        "who": questions.by_whom(danger.author),
        "at": danger.at,
        "yes": [str(questions.DANGER[one]) for one, answer in danger.answers.items() if answer is RiskAnswer.YES],
    }


class CaseDanger(CasePart):
    """Grading, and what of it stands on the case page."""

    def own_urls(self) -> list[URLPattern]:
        """One address for each reporter."""
        address = "<uuid:object_id>/bahaya/<uuid:complaint_id>/"
        return [self.route(address, self.danger, "danger", "GET", "POST"), *super().own_urls()]

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Return each reporter's gradings, the newest first, and whether any is high."""
        gradings = [
            {
                "number": number,
                "complaint_id": part.complaint.pk,
                "now": in_words(part.dangers[-1]) if part.dangers else None,
                "before": [in_words(one) for one in reversed(part.dangers[:-1])],
            }
            for number, part in enumerate(opened.complaints, start=1)
        ]
        grade = grade_of(opened)
        # Forty reporters of one matter who were not graded yet are a row of numbers.
        rest = [one for one in gradings if not one["now"]] if len(gradings) >= FOLDED_FROM else []
        own = {
            "gradings": [one for one in gradings if one not in rest],
            "ungraded": rest,
            "in_danger": grade is RiskGrade.HIGH,
        }
        return own | super().case_context(request, opened)

    def danger(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Ask, then keep."""
        case, asking = case_or_404(request, object_id), staff_request(request)
        if not access.may_read(asking.user, case):
            raise Http404
        opened = case_file.open_case(actor=asking.actor, case_id=case.pk)
        part = next((one for one in opened.complaints if one.complaint.pk == complaint_id), None)
        if part is None:
            raise Http404
        before = part.dangers[-1] if part.dangers else None
        known = {question.value: answer.value for question, answer in before.answers.items()} if before else {}
        form = DangerForm(request.POST if request.method == "POST" else None, initial=known)
        if request.method == "POST" and form.is_valid():
            try:
                self._keep_grade(request, complaint_id, form)
            except assessments.ReasonMissing:
                form.add_error("why", _("The answers speak for another grade. Say why you set this one."))
            except CaseChanged:
                return self._page(request, opened, part, form, told=changes(opened.case, request.POST.get("seen", "")))
            else:
                messages.success(request, _("The grade is kept."))
                return redirect("admin:complaints_case_change", object_id)
        return self._page(request, opened, part, form)

    def _keep_grade(self, request: HttpRequest, complaint_id: uuid.UUID, form: DangerForm) -> None:
        wanted = form.cleaned_data["grade"]
        case_actions.assess_risk(
            actor=staff_request(request).actor,
            complaint_id=complaint_id,
            answers=form.answers(),
            grade=RiskGrade(wanted) if wanted else None,
            why=form.cleaned_data["why"],
            seen=request.POST.get("seen"),
        )

    def _page(
        self,
        request: HttpRequest,
        opened: case_file.CaseFile,
        part: case_file.ComplaintFile,
        form: DangerForm,
        told: list[str] | None = None,
    ) -> HttpResponse:
        context = {
            "title": _("Danger to the reporter: %(reference)s") % {"reference": opened.case.reference},
            "case": opened.case,
            "mark": opened.mark,
            "form": form,
            "changes": told,
            "stale": told is not None,
            "before": [in_words(one) for one in reversed(part.dangers)],
        }
        status = 409 if told is not None else 400 if form.is_bound else 200
        return self.page(request, "admin/danger.html", context, status=status)
