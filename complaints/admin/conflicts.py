"""Conflicts of interest: declaring one on a case page, and the forwarders' list of those that stand.

The list tells of no content: a reference and a name. Whoever stands in a case finds neither there.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.base import CasePart, HouseAdmin, case_or_404, staff_request
from complaints.admin.officer_forms import ConflictForm, LiftForm
from complaints.models.conflict import Conflict
from complaints.services import conflicts


class CaseConflict(CasePart):
    """The button by which an officer leaves a case for good."""

    def own_urls(self) -> list[URLPattern]:
        """The page that asks, and the act."""
        return [
            self.route("<uuid:object_id>/konflik/", self.declare, "conflict", "GET", "POST"),
            *super().own_urls(),
        ]

    def declare(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Ask, then keep this person away from the case."""
        case, asking = case_or_404(request, object_id), staff_request(request)
        if not conflicts.may_declare_conflict(asking.keyring):
            raise Http404
        form = ConflictForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            conflicts.declare_conflict(actor=asking.actor, case_id=case.pk, reason=reason)
            messages.success(request, _("Noted. This case does not show up for you any more."))
            return redirect("admin:index")
        context = {
            "title": _("Conflict of interest: %(reference)s") % {"reference": case.reference},
            "form": form,
            "consequence": _(
                "You will not find this case any more: not in the queue, not by its address, not in any number. If it "
                "was yours, it is nobody's then. Another person, a forwarder, can undo this."
            ),
            "button": _("Keep this case from me"),
            "back": reverse("admin:complaints_case_change", args=[case.pk]),
        }
        return self.page(request, "admin/ask.html", context, status=400 if form.is_bound else 200)


class ConflictAdmin(HouseAdmin):
    """Who is kept from which case, for forwarders who do not stand in it themselves."""

    list_title = gettext_lazy("Conflicts of interest")

    def opens_for(self, request: HttpRequest) -> bool:
        """Forwarders of triage."""
        return conflicts.may_lift(staff_request(request).keyring)

    def own_urls(self) -> list[URLPattern]:
        """Lifting one."""
        return [self.route("<uuid:case_id>/<uuid:staff_id>/cabut/", self.lift, "lift", "GET", "POST")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List them."""
        found = conflicts.conflicts_in_force(keyring=staff_request(request).keyring)
        return self.page(request, "admin/conflicts.html", {"title": self.list_title, "conflicts": found})

    def lift(self, request: HttpRequest, case_id: uuid.UUID, staff_id: uuid.UUID) -> HttpResponseBase:
        """Ask for the reason, then let the person find the case again."""
        keyring = staff_request(request).keyring
        wanted = (case_id, staff_id)
        known = conflicts.conflicts_in_force(keyring=keyring)
        found = next((one for one in known if (one.case.pk, one.person.pk) == wanted), None)
        if found is None:
            raise Http404
        form = LiftForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason, now = form.cleaned_data["reason"], timezone.now()
            try:
                conflicts.lift_conflict(actor=request.actor, case_id=case_id, staff_id=staff_id, reason=reason)
            except Conflict.DoesNotExist:
                raise Http404 from None
            messages.success(request, _("Lifted. The person finds the case again."))
            return redirect("admin:complaints_conflict_changelist")
        name = found.person.get_full_name() or found.person.username
        context = {
            "title": _("Lift a conflict of interest: %(reference)s") % {"reference": found.case.reference},
            "form": form,
            "consequence": _("%(person)s will find this case again, with all that is in it.") % {"person": name},
            "button": _("Lift it"),
            "back": reverse("admin:complaints_conflict_changelist"),
        }
        return self.page(request, "admin/ask.html", context, status=400 if form.is_bound else 200)
