"""Conflicts of interest: declaring one on a case, and the forwarders' list of those in force.

The list shows no content of a case: a reference and a name. Whoever has a conflict with a case finds it neither there
nor anywhere else.
"""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.models.case import CaseKind
from complaints.models.conflict import Conflict
from complaints.services import assignment, conflicts


class ConflictForm(BaseForm):
    """Why an officer has a conflict of interest with a case."""

    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Kept as an internal note that the other officers of this case read."),
        required=True,
    )


class ReasonForm(BaseForm):
    """Why a conflict of interest is lifted, or a case given back."""

    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Kept as an internal note; no reporter reads it."),
        required=True,
    )


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def declare(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Ask for the reason, then keep this person away from the case; for members of triage whose key is open."""
    case = get_object_or_404(access.files_for(request.user), pk=object_id)
    if not conflicts.may_declare_conflict(request.keyring):
        raise Http404
    form = ConflictForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        conflicts.declare_conflict(actor=request.actor, case_id=case.pk, reason=form.cleaned_data["reason"])
        messages.success(request, _("Noted. This case does not show up for you any more."))
        return redirect("admin:index")
    page = "admin:inquiry" if case.kind == CaseKind.INQUIRY else "admin:complaints_case_change"
    context = {
        "title": _("Conflict of interest: %(reference)s") % {"reference": case.reference},
        "form": form,
        "consequence": _(
            "You will not find this case any more: not in the queue, not by its address, not in any number. If it "
            "was yours, it is nobody's then. Another person, a forwarder, can undo this."
        ),
        "button": _("Keep this case from me"),
        "back": reverse(page, args=[case.pk]),
    }
    return render(request, "admin/ask.html", context, status=400 if form.is_bound else 200)


@staff_page("GET", opens_for=access.may_lift_conflicts)
def conflict_list(request: StaffRequest) -> HttpResponse:
    """Show who is kept from which case, without the person's own conflicts."""
    context = {
        "title": _("Conflicts of interest"),
        "conflicts": conflicts.conflicts_in_force(keyring=request.keyring),
    }
    return render(request, "admin/conflicts.html", context, model=Conflict)


@staff_page("GET", "POST", opens_for=access.may_lift_conflicts)
def lift(request: StaffRequest, case_id: uuid.UUID, staff_id: uuid.UUID) -> HttpResponseBase:
    """Ask for the reason, then let the person find the case again; Http404 where no such conflict is listed."""
    in_force = conflicts.conflicts_in_force(keyring=request.keyring)
    conflict = next((row for row in in_force if (row.case.pk, row.person.pk) == (case_id, staff_id)), None)
    if conflict is None:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            conflicts.lift_conflict(actor=request.actor, case_id=case_id, staff_id=staff_id, reason=reason)
        except Conflict.DoesNotExist:
            raise Http404 from None
        messages.success(request, _("Lifted. The person finds the case again."))
        return redirect("admin:complaints_conflict_changelist")
    name = assignment.name_of(conflict.person)
    context = {
        "title": _("Lift a conflict of interest: %(reference)s") % {"reference": conflict.case.reference},
        "form": form,
        "consequence": _("%(person)s will find this case again, with all that is in it.") % {"person": name},
        "button": _("Lift it"),
        "back": reverse("admin:complaints_conflict_changelist"),
    }
    return render(request, "admin/ask.html", context, model=Conflict, status=400 if form.is_bound else 200)
