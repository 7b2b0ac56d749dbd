"""What a person sent with a session that had ended by a limit: it waits for their next sign-in, on a page of its own.

Nothing of it is done meanwhile. It lies in the sealed session in which the person signs in anew, for MINUTES, and is
shown to the person alone whose session it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Final, TypedDict, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.accounts.sessions import SessionStore

KEY: Final = "unsent"
# Beside it the session of a sign-in holds a key and a few numbers.
BYTES_AT_MOST: Final = 48_000
MINUTES: Final = 30
# A field of a code or a tick is no text that somebody would miss.
_NEVER: Final = frozenset({"csrfmiddlewaretoken"})
_SECRET: Final = ("password", "code", "credential")


class Unsent(TypedDict):
    """A form that was not taken: whose, when (seconds since the epoch), where to, from which page, and its fields."""

    staff: str
    at: float
    address: str
    page: str
    fields: list[tuple[str, str]]


def hold(request: HttpRequest, page: str) -> HttpResponse | None:
    """Keep the form of a request that came after the end of its session; return the way to sign in, else None.

    The check against forged requests has passed. ``page`` is where the form stands, "" where nobody knows.
    """
    session = cast(SessionStore, request.session)
    fields = [(name, value) for name, values in request.POST.lists() if name not in _NEVER for value in values]
    is_large = len(json.dumps(fields)) > BYTES_AT_MOST
    is_secret = any(word in name for name, _value in fields for word in _SECRET)
    # Only a text is missed; what is ticked or pressed alone is done again in a moment.
    has_text = any(len(value.split()) > 1 for _name, value in fields)
    # A draft that a script keeps is shown by its page once more; what came after the end of the session is not stored.
    is_draft = request.resolver_match is not None and request.resolver_match.view_name == "admin:drafts"
    if is_draft or not session.ended_for or is_large or is_secret or not has_text or request.FILES:
        return None
    held: Unsent = {
        "staff": session.ended_for,
        "at": time.time(),
        "address": request.get_full_path(),
        "page": page,
        "fields": fields,
    }
    session[KEY] = held
    return redirect_to_login(reverse("unsent"), settings.LOGIN_URL)


@require_http_methods(["GET", "POST"])
@login_required
def unsent(request: HttpRequest) -> HttpResponse:
    """Show what was not sent to whoever typed it, with a button that sends it now; by POST, drop it."""
    held = cast("Unsent | None", request.session.get(KEY))
    is_own = held is not None and held["staff"] == str(request.user.pk)
    if held is None or not is_own or request.method == "POST" or held["at"] < time.time() - MINUTES * 60:
        request.session.pop(KEY, None)
        return redirect((held["page"] if held and is_own else "") or "admin:index")
    texts = [value for _name, value in held["fields"] if len(value.split()) > 1]
    context: Mapping[str, object] = {"held": held, "texts": texts, "minutes": MINUTES}
    return render(request, "account/unsent.html", context)
