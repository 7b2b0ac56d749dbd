"""The page of the queue: filters, saved ones among them, the columns that a person chose, and one page of lines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import columns, filters, queue
from complaints.admin.base import CasePart, StaffRequest, staff_request
from complaints.admin.forms import SaveFilterForm
from complaints.models.case import Case
from complaints.models.saved_filters import SavedFilter
from complaints.services import first_look, saved_filters


def to_queue(values: filters.Chosen, place: Mapping[str, str] | None = None) -> HttpResponseRedirect:
    """Lead back to the list that the person came from, to the same page where ``place`` names one."""
    query, order = filters.query_of(values), queue.order_for(values.get("status", ""))
    name = "before" if (place or {}).get("before") else "after"
    named = (place or {}).get(name, "")
    if order.beyond(named, turned=False) is not None:
        query = f"{query}&{name}={named}".removeprefix("&")
    return HttpResponseRedirect(reverse("admin:complaints_case_changelist") + (f"?{query}" if query else ""))


def came_from(request: HttpRequest) -> dict[str, str]:
    """Return the filters of the list that a form was sent from."""
    return filters.chosen(dict(parse_qsl(request.POST.get("back", ""))))


class CaseQueue(CasePart):
    """The list of cases."""

    def own_urls(self) -> list[URLPattern]:
        """What a person keeps of the queue."""
        return [
            self.route("saringan/", self.save_filter, "keep_filter", "POST"),
            self.route("saringan/<uuid:filter_id>/hapus/", self.delete_filter, "drop_filter", "POST"),
            self.route("kolom/", self.choose_columns, "columns", "POST"),
            self.route("tombol/", self.switch_keys, "keys", "POST"),
            *super().own_urls(),
        ]

    def narrowed(self, request: HttpRequest, values: filters.Chosen) -> filters.Cases:
        """Return the cases that this person may see, narrowed as chosen."""
        person = staff_request(request).user
        return filters.narrow(access.cases_for(person), values, person=person, today=timezone.localdate())

    def queue_context(self, request: HttpRequest, values: filters.Chosen) -> dict[str, Any]:
        """Return what a part of the queue needs on its page; cooperative as ``case_context`` is."""
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show one page of the queue."""
        asking, values = staff_request(request), filters.chosen(request.GET.dict())
        order = queue.order_for(values.get("status", ""))
        first_look.process_new_reports(actor=asking.actor)
        after, before = queue.place_in(request.GET.dict())
        shown = queue.page(self.narrowed(request, values), order, after=after, before=before)
        queue.dress(shown.cases, asking=asking, now=timezone.now())
        seen, query = columns.columns_of(asking.user), filters.query_of(values)
        is_triage, ticked = access.is_triage(asking.user), request.GET.get("tick") == "all"
        lines = (columns.line(case, seen, may_tick=is_triage, ticked=ticked) for case in shown.cases)
        context = {
            "title": _("Queue"),
            "cl": _Lines(shown.cases),
            "lines": format_html_join("\n", "{}", ((line,) for line in lines)),
            "columns": seen,
            "all_columns": columns.COLUMNS,
            "bar": list(filters.bar(values)),
            "query": query,
            "keys_on": columns.keys_on(asking.user),
            "in_words": filters.in_words(values),
            "page": shown,
            "place": {"after": after, "before": before},
            "saved": saved_filters.saved_filters(keyring=asking.keyring),
            "is_triage": is_triage,
            "may_save": bool(query) and is_triage and asking.keyring.unlocked,
        }
        return self.page(request, "admin/queue.html", context | self.queue_context(request, values))

    # --- What a person keeps

    def save_filter(self, request: HttpRequest) -> HttpResponseBase:
        """Keep the filters that stand on the page, under a name."""
        asking, values, form = self.triage(request), came_from(request), SaveFilterForm(request.POST)
        if not values or not form.is_valid():
            messages.error(request, _("Choose a filter first, and give it a name of at most 60 characters."))
            return to_queue(values)
        try:
            saved_filters.save_filter(
                actor=asking.actor,
                name=form.cleaned_data["name"],
                query=filters.query_of(values),
                shared=form.cleaned_data["shared"],
            )
        except saved_filters.TooManyFilters:
            messages.error(request, _("There are too many saved filters. Delete one first."))
        else:
            messages.success(request, _("Filter saved."))
        return to_queue(values)

    def delete_filter(self, request: HttpRequest, filter_id: uuid.UUID) -> HttpResponseBase:
        """Delete a saved filter."""
        asking = self.triage(request)
        try:
            saved_filters.delete_filter(actor=asking.actor, filter_id=filter_id)
        except SavedFilter.DoesNotExist:
            raise Http404 from None
        messages.success(request, _("Saved filter deleted."))
        return to_queue(came_from(request))

    def choose_columns(self, request: HttpRequest) -> HttpResponseBase:
        """Keep the columns that were ticked; none stand for the usual ones."""
        asking = self.triage(request)
        self._keep(asking, columns.known(request.POST.getlist("column")), keys=columns.keys_on(asking.user))
        return to_queue(came_from(request))

    def switch_keys(self, request: HttpRequest) -> HttpResponseBase:
        """Let the queue listen to keys, or not."""
        asking = self.triage(request)
        seen = columns.known(asking.user.queue_columns.split(","))
        self._keep(asking, seen, keys=request.POST.get("keys") != "off")
        return to_queue(came_from(request))

    def _keep(self, asking: StaffRequest, codes: list[str], *, keys: bool) -> None:
        saved_filters.choose_columns(person=asking.user, codes=codes + ([] if keys else [columns.KEYS_OFF]))

    def triage(self, request: HttpRequest) -> StaffRequest:
        """Return the request of a member of triage; for anybody else there is nothing here."""
        asking = staff_request(request)
        if not access.is_triage(asking.user):
            raise Http404
        return asking


class _Lines:
    """The lines under the names that other lists have for them."""

    def __init__(self, cases: list[Case]) -> None:
        self.result_list = cases
