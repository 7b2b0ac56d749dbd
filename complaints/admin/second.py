"""The inbox of the second person: proposals to turn a report away that somebody else has to decide."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import questions, wording
from complaints.admin.base import CasePart, staff_request
from complaints.services import case_actions


class CaseSecond(CasePart):
    """Proposals of others, with their reasons and checklists."""

    def own_urls(self) -> list[URLPattern]:
        """One page."""
        return [self.route("keputusan-kedua/", self.second, "second", "GET"), *super().own_urls()]

    def second(self, request: HttpRequest) -> HttpResponse:
        """List what waits for this person's decision."""
        asking, now = staff_request(request), timezone.now()
        if not access.is_triage(asking.user):
            raise Http404
        found = case_actions.proposals(actor=asking.actor)
        context: dict[str, Any] = {
            "title": _("Waiting for a second decision"),
            "at_most": case_actions.PROPOSALS_SHOWN,
            "proposals": [
                {
                    "proposal": one,
                    "by": questions.by_whom(one.step.actor),
                    "checklist": questions.checklist(one.checklist),
                    "clock": wording.clock(one.case.due_on, timezone.localdate()),
                }
                for one in found
            ],
        }
        return self.page(request, "admin/second.html", context)
