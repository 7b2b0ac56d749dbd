"""Searching from the queue: what is typed comes by POST, stays in the sealed session, and stands in no address."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import filters
from complaints.admin.forms import SearchForm
from complaints.admin.queue_page import CaseQueue, came_from, to_queue
from complaints.services.search import REFERENCE, WAITING_AT_MOST, NothingToSearch, Search, filter_cases
from complaints.services.search import search_cases as search_search

SESSION_KEY = "queue_search"
KINDS = {
    "reference": gettext_lazy("Reference"),
    "nip": gettext_lazy("NIP"),
    "person": gettext_lazy("Name and agency"),
    "post": gettext_lazy("Post"),
}


def _kept(request: HttpRequest) -> Search | None:
    kept = request.session.get(SESSION_KEY)
    return Search.of(kept) if kept and access.is_triage(request.user) else None


class QueueSearch(CaseQueue):
    """The search above the queue."""

    def own_urls(self) -> list[URLPattern]:
        """Search, and end it."""
        return [
            self.route("cari/", self.search, "search", "POST"),
            self.route("cari/hapus/", self.end_search, "end_search", "POST"),
            *super().own_urls(),
        ]

    def narrowed(self, request: HttpRequest, values: filters.Chosen) -> filters.Cases:
        """Narrow the cases to what was searched for, too."""
        cases, wanted = super().narrowed(request, values), _kept(request)
        return filter_cases(cases, wanted) if wanted else cases

    def queue_context(self, request: HttpRequest, values: filters.Chosen) -> dict[str, Any]:
        """Say what was searched for."""
        wanted = _kept(request)
        own = {
            "search": wanted,
            "search_kind": KINDS[wanted.kind] if wanted else "",
            "is_more": wanted is not None and wanted.waiting > WAITING_AT_MOST,
        }
        return own | super().queue_context(request, values)

    def search(self, request: HttpRequest) -> HttpResponseBase:
        """Search among all cases, ended ones too where no status was chosen; one found by reference is opened."""
        asking, form, values = self.triage(request), SearchForm(request.POST), came_from(request)
        typed = form.cleaned_data if form.is_valid() else {"words": "", "name": "", "agency": ""}
        try:
            wanted = search_search(actor=asking.actor, **typed)
        except NothingToSearch:
            messages.error(
                request, _("Type a reference, a NIP of at least 9 digits, a link to a post, or a name and its agency.")
            )
            return to_queue(values)
        if wanted.kind == REFERENCE:
            exact = list(filter_cases(access.cases_for(asking.user), wanted)[:2])
            if len(exact) == 1:
                return redirect("admin:complaints_case_change", exact[0].pk)
        request.session[SESSION_KEY] = wanted.kept()
        return to_queue({"status": "every"} | values)

    def end_search(self, request: HttpRequest) -> HttpResponseBase:
        """Forget the search."""
        self.triage(request)
        request.session.pop(SESSION_KEY, None)
        values = came_from(request)
        return to_queue({} if values == {"status": "every"} else values)
