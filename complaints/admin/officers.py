"""Who has a case: taking it and giving it away on its page."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.models.team import Staff
from complaints.services import casework


class CaseOfficer(CasePart):
    """The officer of a case."""

    def own_urls(self) -> list[URLPattern]:
        """Giving it to somebody."""
        return [self.route("<uuid:object_id>/petugas/", self.assign, "assign", "POST"), *super().own_urls()]

    def case_context(self, request: HttpRequest, opened: casework.CaseFile) -> dict[str, Any]:
        """Say whose the case is, and who else could have it."""
        own = {"people": casework.assignable(), "is_mine": opened.case.assignee_id == staff_request(request).user.pk}
        return own | super().case_context(request, opened)

    def assign(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Give the case to a member of triage, or to nobody."""
        case, asking = case_or_404(request, object_id), staff_request(request)
        if not access.may_read(asking.user, case):
            raise Http404
        wanted = request.POST.get("assignee", "")
        person = next((one for one in casework.assignable() if str(one.pk) == wanted), None)
        if wanted and person is None:
            raise Http404
        casework.assign(keyring=asking.keyring, case_id=case.pk, assignee=person, now=timezone.now())
        messages.success(request, _assigned(person, asking.user))
        return redirect("admin:complaints_case_change", object_id)


def _assigned(person: Staff | None, me: Staff) -> str:
    if person is None:
        return _("The case is nobody's now.")
    if person == me:
        return _("The case is yours now.")
    return _("%(person)s has the case now.") % {"person": person.get_full_name() or person.username}
