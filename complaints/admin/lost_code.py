"""The page of a lost ticket code: an officer proposes whose it was, another one agrees or refuses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseForm, StaffRequest, readable_case_or_404, render, staff_page, text_field
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import lost_codes
from complaints.services.audit.recorded_lost_codes import LostCode, State
from complaints.services.transitions import CaseChanged

REFUSALS: Final = {
    "reason": gettext_lazy("Write a reason; this step needs one."),
    "report": gettext_lazy("Choose an earlier report of this case."),
    "decided": gettext_lazy("It has been decided meanwhile. Look at it again."),
    "same_person": gettext_lazy("Somebody else has to agree to what you proposed."),
    "changed": gettext_lazy("The case has changed since you opened this page. Look at it again."),
    "under_check": gettext_lazy(
        "What is stored about the progress of this case differs from the audit chain. Tell an auditor."
    ),
}


# More digits than the number of any entry has.
MOST_DIGITS: Final = 18


class ProposalForm(BaseForm):
    """Which earlier report was sent by the same person, and why."""

    reason = text_field(
        gettext_lazy("What only its sender can know"),
        help_text=gettext_lazy(
            "What of the new report stands in the earlier one and nowhere else: a day, a file, a message of ours. Kept "
            "as an internal note."
        ),
        required=True,
    )

    def __init__(self, data: QueryDict | None = None, *, reports: dict[uuid.UUID, str]) -> None:
        super().__init__(data)
        choices = [(str(pk), label) for pk, label in reports.items()]
        label = _("The report whose code was lost")
        self.fields["earlier"] = forms.ChoiceField(label=label, widget=forms.RadioSelect, choices=choices)


class RefusalForm(BaseForm):
    """Why it is not the same person."""

    reason = text_field(
        gettext_lazy("Why it is not the same person"),
        help_text=gettext_lazy("Kept as an internal note."),
        required=True,
        rows=3,
    )


def _complaint_or_404(request: StaffRequest, case_id: uuid.UUID, complaint_id: uuid.UUID) -> tuple[Case, Complaint]:
    case = readable_case_or_404(request, case_id)
    return case, get_object_or_404(case.complaints, pk=complaint_id, channel=Complaint.Channel.WEB)


def lost_code_words(numbers: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, str]:
    """Return what is said of lost codes, by report; ``numbers`` are those of the reports that a page shows."""
    words: dict[uuid.UUID, str] = {}
    for complaint, lost in lost_codes.of_reports(list(numbers)).items():
        facts = {"earlier": numbers.get(lost.earlier, "?"), "later": numbers[complaint]}
        if lost.state is State.OPEN:
            words[complaint] = _("proposed: its sender lost the code of report %(earlier)s") % facts
        elif lost.state is State.AGREED:
            words[complaint] = _("its sender lost the code of report %(earlier)s; write here") % facts
            words[lost.earlier] = _("code lost; write in report %(later)s instead") % facts
    return words


def _report_labels(case: Case) -> dict[uuid.UUID, str]:
    """Return the reports of a case in words, by number and day, oldest first."""
    reports = case.complaints.order_by("day", "pk").values_list("pk", "day")
    words = _("Report %(number)s, received on %(day)s")
    return {
        pk: words % {"number": number, "day": date_format(day, "j F Y")}
        for number, (pk, day) in enumerate(reports, start=1)
    }


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def lost_code(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Show what was proposed about a report, or the form to propose; by POST propose, agree or refuse."""
    case, complaint = _complaint_or_404(request, object_id, complaint_id)
    if request.method != "POST":
        return _page(request, case, complaint)
    form = _form_of(request, case, complaint)
    if form is not None and not form.is_valid():
        return _page(request, case, complaint, form=form, status=400)
    try:
        _write(request, complaint, form)
    except lost_codes.LostCodeRefused as refusal:
        return _page(request, case, complaint, form=form, refused=refusal.code, status=409)
    except CaseChanged:
        return _page(request, case, complaint, form=form, refused="changed", status=409)
    except Case.DoesNotExist:
        raise Http404 from None
    return redirect("admin:complaints_case_change", case.pk)


def _form_of(request: StaffRequest, case: Case, complaint: Complaint) -> ProposalForm | RefusalForm | None:
    """Return the form that was sent; None for agreeing, which asks nothing."""
    do = request.POST.get("do")
    if do == "agree":
        return None
    if do == "refuse":
        return RefusalForm(request.POST)
    return ProposalForm(request.POST, reports=_earlier_in_words(case, complaint))


def _write(request: StaffRequest, complaint: Complaint, form: ProposalForm | RefusalForm | None) -> None:
    typed_number = request.POST.get("number", "")
    number = int(typed_number) if typed_number.isdecimal() and len(typed_number) <= MOST_DIGITS else 0
    if isinstance(form, ProposalForm):
        lost_codes.propose(
            actor=request.actor,
            complaint_id=complaint.pk,
            earlier_id=uuid.UUID(form.cleaned_data["earlier"]),
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, _("Proposed. Another officer finds it under “Waiting for a second decision”."))
    elif isinstance(form, RefusalForm):
        reason = form.cleaned_data["reason"]
        lost = lost_codes.of_reports([complaint.pk]).get(complaint.pk)
        was_agreed = lost is not None and lost.state is State.AGREED
        lost_codes.refuse(actor=request.actor, complaint_id=complaint.pk, number=number, reason=reason)
        done = _("Taken back. Both threads say so.") if was_agreed else _("Refused. Both reports stay separate.")
        messages.success(request, done)
    else:
        lost_codes.agree(actor=request.actor, complaint_id=complaint.pk, number=number)
        messages.success(request, _("Agreed. Both threads say so; write under the new code from now on."))


def _earlier_in_words(case: Case, complaint: Complaint) -> dict[uuid.UUID, str]:
    shown = _report_labels(case)
    return {report.pk: shown[report.pk] for report in lost_codes.earlier_reports(complaint) if report.pk in shown}


def _page(
    request: StaffRequest,
    case: Case,
    complaint: Complaint,
    *,
    form: ProposalForm | RefusalForm | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponseBase:
    lost = lost_codes.of_case(case).get(complaint.pk)
    shown, earlier = _report_labels(case), _earlier_in_words(case, complaint)
    is_free = lost is None or lost.state is State.REFUSED
    context: dict[str, object] = {
        "title": _("Lost code: %(case)s") % {"case": case.reference},
        "case": case,
        "report": shown.get(complaint.pk, ""),
        "refused": str(REFUSALS[refused]) if refused else "",
        "lost": None if lost is None or is_free else _line(request, complaint, lost, shown),
        "is_refused": lost is not None and lost.state is State.REFUSED,
        "earlier": earlier,
        "form": form if isinstance(form, ProposalForm) else ProposalForm(reports=earlier),
        "refusal": form if isinstance(form, RefusalForm) else RefusalForm(),
    }
    return render(request, "admin/lost_code.html", context, status=status)


def _line(
    request: StaffRequest, complaint: Complaint, lost: LostCode, shown: dict[uuid.UUID, str]
) -> dict[str, object]:
    """Return a proposal in words; ``may_agree`` where the person did not make it and nobody has agreed."""
    people = Staff.objects.in_bulk([pk for pk in (lost.proposed_by, lost.decided_by) if pk])
    return {
        "number": lost.number,
        "earlier": shown.get(lost.earlier, ""),
        "reason": lost_codes.reason_of(actor=request.actor, complaint=complaint, lost=lost),
        "by": labels.staff_name(people.get(lost.proposed_by)) if lost.proposed_by else "",
        "at": lost.proposed_at,
        "is_agreed": lost.state is State.AGREED,
        "agreed_by": labels.staff_name(people.get(lost.decided_by)) if lost.decided_by else "",
        "agreed_at": lost.decided_at,
        "may_agree": lost.state is State.OPEN and lost.proposed_by != request.user.pk,
    }
