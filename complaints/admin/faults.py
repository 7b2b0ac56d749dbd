"""The faults that the verification of the audit chain has named, and their acknowledgement by two auditors."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.models.team import Staff
from complaints.models.verification import FAULTS, VerificationFault
from complaints.services import fault_acknowledgement
from complaints.services.audit import named_faults
from complaints.services.audit.named_faults import NamedFault


@dataclass(frozen=True)
class FaultLine:
    """A line of the page: the fault in words, and the usernames of the people who have acknowledged it."""

    named: NamedFault
    words: str
    people: list[str]
    may_acknowledge: bool


@staff_page("GET", opens_for=access.may_review)
def fault_list(request: StaffRequest) -> HttpResponse:
    """Show the faults that wait for two auditors, then those that were acknowledged."""
    faults = named_faults.named_faults()
    ids = {person for named in faults for person in named.acknowledged_by}
    usernames = dict(Staff.objects.filter(pk__in=ids).values_list("pk", "username"))
    lines = [
        FaultLine(
            named=named,
            words=str(FAULTS[named.fault.code]),
            people=[usernames.get(person, "") for person in named.acknowledged_by],
            may_acknowledge=fault_acknowledgement.may_acknowledge(request.actor, named),
        )
        for named in faults
    ]
    context = {
        "title": _("Faults in the records"),
        "waiting": [line for line in lines if not line.named.is_settled],
        "settled": [line for line in lines if line.named.is_settled],
    }
    return render(request, "admin/faults.html", context, model=VerificationFault)


@staff_page("POST", opens_for=access.may_audit)
def acknowledge(request: StaffRequest, fault_id: uuid.UUID) -> HttpResponseBase:
    """Write into the audit chain that an auditor knows of a fault; 404 for one that is not theirs to acknowledge."""
    if not fault_acknowledgement.acknowledge(actor=request.actor, fault_id=fault_id):
        raise Http404
    messages.success(request, _("Noted in the audit chain: you know of this fault."))
    return redirect("admin:complaints_verificationfault_changelist")
