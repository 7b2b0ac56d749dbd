"""Acts on several ticked lines of the queue: taking them, giving them to somebody, beginning to check them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import filters, wording
from complaints.admin.base import StaffRequest
from complaints.admin.queue_page import CaseQueue, came_from, to_queue
from complaints.services import assignment, case_actions

NOT_THEIRS = gettext_lazy("This person cannot have it.")


def _ticked(request: HttpRequest) -> list[uuid.UUID]:
    found = []
    for text in request.POST.getlist("case")[: case_actions.BULK_LIMIT]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            raise Http404 from None
    return found


def _tell(request: HttpRequest, outcome: case_actions.BulkResult) -> None:
    """Say how many were done, which were not, and why."""
    if done := len(outcome.done):
        messages.success(request, ngettext("Done for %(n)d case.", "Done for %(n)d cases.", done) % {"n": done})
    whys: dict[str, list[str]] = {}
    for reference, code in outcome.refused:
        whys.setdefault(str(wording.REFUSALS.get(code, NOT_THEIRS)), []).append(reference)
    for why, references in whys.items():
        said = {"cases": ", ".join(references), "why": why}
        messages.error(request, _("Not done for %(cases)s: %(why)s") % said)
    if gone := outcome.unknown:
        text = ngettext("%(n)d case is not there any more.", "%(n)d cases are not there any more.", gone)
        messages.error(request, text % {"n": gone})


class QueueMany(CaseQueue):
    """The bar of acts above the lines."""

    def own_urls(self) -> list[URLPattern]:
        """One address for all acts."""
        return [self.route("massal/", self.act_on_ticked, "many", "POST"), *super().own_urls()]

    def act_on_ticked(self, request: HttpRequest) -> HttpResponseBase:
        """Do what the button says for every ticked case; ask to whom first, where somebody else is to have them."""
        asking, cases, values = self.triage(request), _ticked(request), came_from(request)
        if not cases:
            messages.error(request, _("Tick at least one case."))
            return to_queue(values, request.POST)
        do: dict[str, Any] = {"actor": asking.actor, "case_ids": cases}
        match request.POST.get("do"):
            case "mine":
                _tell(request, case_actions.bulk_assign(assignee=asking.user, **do))
            case "start":
                _tell(request, case_actions.bulk_start_review(**do))
            case "give":
                return self._give(request, asking, do)
            case _:
                raise Http404
        return to_queue(values, request.POST)

    def _give(self, request: HttpRequest, asking: StaffRequest, do: dict[str, Any]) -> HttpResponseBase:
        people, wanted = assignment.assignable(), request.POST.get("person")
        if wanted is None:
            context = {
                "title": _("Give to a colleague"),
                "cases": access.cases_for(asking.user).filter(pk__in=do["case_ids"]).order_by("reference"),
                "people": people,
                "query": filters.query_of(came_from(request)),
                "place": {name: request.POST.get(name, "") for name in ("after", "before")},
            }
            return self.page(request, "admin/queue_give.html", context)
        person = next((one for one in people if str(one.pk) == wanted), None)
        if wanted and person is None:
            raise Http404
        _tell(request, case_actions.bulk_assign(assignee=person, **do))
        return to_queue(came_from(request), request.POST)
