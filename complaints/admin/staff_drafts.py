"""What is typed on the page of a case or a release is kept as a draft, and how long the session still lasts.

The script ``admin-session.js`` speaks with both addresses. Neither counts as activity, so an open page never keeps a
session alive; only the button "Stay signed in" does.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Final

from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.formats import date_format

from complaints import access
from complaints.admin.base import StaffRequest, is_staff, readable_case_or_404, staff_page
from complaints.admin.releases import release_or_404
from complaints.models.team import Staff
from complaints.services import staff_drafts
from complaints.services.staff_drafts import Draft, DraftRefused, Place

_REFUSED: Final = {"size": HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "often": HTTPStatus.TOO_MANY_REQUESTS}
_FORM_AT_MOST: Final = 80


def _writes(person: Staff) -> bool:
    return access.is_triage(person) or access.is_overseer(person)


@staff_page("GET", "POST", opens_for=_writes)
def on_object(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Answer with the person's drafts on a case or release; by POST keep one, or drop it where its fields are empty."""
    request.session.is_silent = True  # type: ignore[attr-defined]
    holder = _holder_or_404(request, object_id)
    now = request.actor.now
    if request.method != "POST":
        kept = staff_drafts.drafts_of(keyring=request.keyring, object_id=object_id, holder=holder, now=now)
        return JsonResponse({"drafts": {form: _shown(draft) for form, draft in kept.items()}})
    place = Place(object_id, request.POST.get("form", "")[:_FORM_AT_MOST], holder)
    typed = {name.removeprefix("text."): values for name, values in request.POST.lists() if name.startswith("text.")}
    texts = {name: str(values[-1]) for name, values in typed.items()}
    if not any(text.strip() for text in texts.values()):
        staff_drafts.forget(keyring=request.keyring, name=place.name, now=now)
        return JsonResponse({"stamp": 0, "replaced": False})
    base = request.POST.get("base", "")
    number = int(base) if base.isascii() and base.isdecimal() and len(base) < 16 else 0
    try:
        draft, is_replaced = staff_drafts.keep(keyring=request.keyring, place=place, texts=texts, base=number, now=now)
    except DraftRefused as refusal:
        return HttpResponse(status=_REFUSED[refusal.code])
    return JsonResponse({"stamp": draft.stamp, "replaced": is_replaced})


def _holder_or_404(request: StaffRequest, object_id: uuid.UUID) -> uuid.UUID | None:
    """Return who holds a case, None for nobody and for a release; Http404 where the person may not write on it."""
    if access.is_triage(request.user):
        return readable_case_or_404(request, object_id).assignee_id
    if not access.is_overseer(request.user):
        raise Http404
    release_or_404(request, object_id)
    return None


def _shown(draft: Draft) -> dict[str, object]:
    return {"texts": draft.texts, "stamp": draft.stamp, "at": date_format(draft.at, "j M, H:i")}


@staff_page("GET", "POST", opens_for=is_staff)
def session_left(request: StaffRequest) -> HttpResponseBase:
    """Answer with the seconds that the session still lasts; by POST move its end, as far as its whole limit allows."""
    request.session.is_silent = request.method != "POST"  # type: ignore[attr-defined]
    seconds = request.session.seconds_left(moved=request.method == "POST")  # type: ignore[attr-defined]
    return JsonResponse({"seconds": seconds, "longest": request.session.seconds_left(moved=True)})  # type: ignore[attr-defined]
