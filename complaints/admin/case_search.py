"""The search for cases: a list of its own, which ends when one leaves it for the queue or the desk.

What is searched for comes by POST, stays in the sealed session, and stands in no address.
"""

from __future__ import annotations

import uuid
from typing import Final, TypedDict
from urllib.parse import parse_qsl

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import queue_filters, queue_list
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.queue_filters import posted_filters
from complaints.admin.queue_page import SEARCH_SESSION_KEY, ResultList
from complaints.domain.errors import SealError
from complaints.models.case import Case
from complaints.services import first_look, search
from complaints.services.keyring import Locked
from complaints.services.search import FOUND_AT_MOST, WAITING_AT_MOST, NothingToSearch, SearchResult
from complaints.services.team_key_history import UnpinnedKey

WORDS_AT_MOST: Final = 2_000


class StoredSearch(TypedDict):
    """A search as the sealed session holds it.

    ``words`` as typed, ``within`` the filters of the list that was searched, ``problem`` why nothing could be searched
    ("words", "key", or ""); the rest as in ``services.search.SearchResult``, added up where one went on.
    """

    words: str
    within: str
    problem: str
    cases: list[str]
    total: int
    read: int
    unread: int
    partial: int
    left: int


@staff_page("GET", "POST", opens_for=access.is_triage)
def show_search(request: StaffRequest) -> HttpResponseBase:
    """Show what the last search of the session has found; by POST search, or go on with the older reports."""
    stored: StoredSearch | None = request.session.get(SEARCH_SESSION_KEY)
    if request.method == "POST":
        return _search(request, stored if request.POST.get("do") == "more" else None)
    return _show(request, stored) if stored else redirect("admin:complaints_case_changelist")


def _search(request: StaffRequest, earlier: StoredSearch | None) -> HttpResponseBase:
    """Search, or go on where an ``earlier`` search has stopped; the one case of a reference is opened."""
    stored = earlier or _new_search(request)
    try:
        result = search.search_cases(
            actor=request.actor, words=stored["words"], cases=_searched(request, stored), skip=stored["read"]
        )
    except (NothingToSearch, Locked, UnpinnedKey, SealError) as error:
        problem = "words" if isinstance(error, NothingToSearch) else "key"
        request.session[SEARCH_SESSION_KEY] = {**stored, "problem": problem}
        return redirect("admin:complaints_case_search")
    if len(result.cases) == 1 and not result.read:
        return redirect("admin:complaints_case_change", result.cases[0])
    request.session[SEARCH_SESSION_KEY] = _continued(stored, result)
    return redirect("admin:complaints_case_search")


def _new_search(request: StaffRequest) -> StoredSearch:
    words, is_within = request.POST.get("words", "").strip()[:WORDS_AT_MOST], request.POST.get("within") == "list"
    return StoredSearch(
        words=words,
        within=queue_filters.query_of(posted_filters(request)) if is_within else "",
        problem="",
        cases=[],
        total=0,
        read=0,
        unread=0,
        partial=0,
        left=0,
    )


def _continued(stored: StoredSearch, result: SearchResult) -> StoredSearch:
    known = set(stored["cases"])
    # A case can hold reports of both passes; it is listed, and counted, once.
    new = [key for key in map(str, result.cases) if key not in known]
    return StoredSearch(
        words=stored["words"],
        within=stored["within"],
        problem="",
        cases=[*stored["cases"], *new][:FOUND_AT_MOST],
        total=stored["total"] + result.total - (len(result.cases) - len(new)),
        read=stored["read"] + result.read,
        unread=result.unread,
        partial=stored["partial"] + result.partial,
        left=result.left,
    )


def _filters_of(stored: StoredSearch) -> dict[str, str]:
    return queue_filters.filters_in(dict(parse_qsl(stored["within"])))


def _searched(request: StaffRequest, stored: StoredSearch) -> QuerySet[Case]:
    """Return the cases that are gone through: all that the person may find, or those of the list with its filters."""
    cases, values = access.cases_for(request.user), _filters_of(stored)
    if not values:
        return cases
    return queue_filters.narrow(cases, values, person=request.user, today=timezone.localdate())


def _show(request: StaffRequest, stored: StoredSearch) -> HttpResponse:
    first_look.process_new_reports(actor=request.actor)
    number = int(page) if (page := request.GET.get("page", "")).isascii() and page.isdigit() and len(page) < 4 else 1
    first = (max(number, 1) - 1) * queue_list.PAGE_SIZE
    place = {uuid.UUID(key): position for position, key in enumerate(stored["cases"])}
    keys = list(place)[first : first + queue_list.PAGE_SIZE]
    rows = list(queue_list.with_marks(access.cases_for(request.user).filter(pk__in=keys)))
    rows.sort(key=lambda case: place[case.pk])
    lines, columns = queue_list.queue_lines(request, rows, now=timezone.now()), queue_list.columns_of(request.user)
    ticked = request.GET.get("tick") == "all"
    drawn = (queue_list.draw_line(line, columns, may_tick=True, ticked=ticked) for line in lines)
    context = {
        "title": _("Search"),
        "search": stored,
        "in_words": queue_filters.filters_label(_filters_of(stored)),
        "is_more": stored["unread"] > WAITING_AT_MOST,
        "most": len(stored["cases"]) if stored["total"] > len(stored["cases"]) else 0,
        "cl": ResultList([line.case for line in lines]),
        "lines": format_html_join("\n", "{}", ((row,) for row in drawn)),
        "columns": columns,
        "is_triage": True,
        "place": {"page": number},
        "earlier": number - 1 if first else 0,
        "later": number + 1 if first + queue_list.PAGE_SIZE < len(place) else 0,
        "keys_on": queue_list.keys_on(request.user),
    }
    return render(request, "admin/search.html", context)
