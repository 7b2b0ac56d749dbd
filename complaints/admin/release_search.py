"""The search of a liaison in the releases of their body: a list of its own, which ends when one leaves it.

What is searched for comes by POST, stays in the sealed session, and stands in no address.
"""

from __future__ import annotations

import uuid
from typing import Final, TypedDict

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.releases import SEARCH_KEY, release_lines, releases_of, with_news_and_owner
from complaints.models.oversight import Release
from complaints.services.forwarding import release_search
from complaints.services.forwarding.release_search import NothingToSearch

WORDS_AT_MOST: Final = 200


class StoredSearch(TypedDict):
    """A search as the sealed session holds it: the words, the releases found, how many were read and are left."""

    words: str
    releases: list[str]
    read: int
    left: int


@staff_page("GET", "POST", opens_for=access.is_overseer)
def search(request: StaffRequest) -> HttpResponseBase:
    """Show what the last search of the session has found; by POST search, or go on with the older releases."""
    stored: StoredSearch | None = request.session.get(SEARCH_KEY)
    if request.method == "POST":
        return _search(request, stored)
    return _show(request, stored) if stored else redirect("admin:complaints_release_changelist")


def _search(request: StaffRequest, stored: StoredSearch | None) -> HttpResponseBase:
    goes_on = stored is not None and request.POST.get("do") == "more"
    words = stored["words"] if stored and goes_on else request.POST.get("words", "").strip()[:WORDS_AT_MOST]
    earlier, skip = (stored["releases"], stored["read"]) if stored and goes_on else ([], 0)
    try:
        result = release_search.search(actor=request.actor, words=words, skip=skip)
    except NothingToSearch:
        messages.error(request, _("Type a name, an agency, a place, a number or other words."))
        return redirect("admin:complaints_release_changelist")
    if len(result.releases) == 1 and not result.read:
        return redirect("admin:complaints_release_change", result.releases[0])
    keys = [*earlier, *(str(key) for key in result.releases)][: release_search.FOUND_AT_MOST]
    request.session[SEARCH_KEY] = StoredSearch(words=words, releases=keys, read=skip + result.read, left=result.left)
    return redirect("admin:complaints_release_search")


def _show(request: StaffRequest, stored: StoredSearch) -> HttpResponse:
    keys = [uuid.UUID(key) for key in stored["releases"]]
    place = {key: number for number, key in enumerate(keys)}
    rows = list(with_news_and_owner(releases_of(request.user)).filter(pk__in=keys))
    lines = sorted(release_lines(request, rows), key=lambda line: place[line.release.pk])
    context = {"title": _("Search in releases"), "search": stored, "lines": lines}
    return render(request, "admin/releases_found.html", context, model=Release)
