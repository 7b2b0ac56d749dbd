"""The reporter's door: a view parses a form, calls one service and answers. Here stands what all share.

Forms without answers and pages without any state are rendered once per language and kept in this process.
What is kept holds no token, no answer and nothing of a request: where those belong there are holes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from complaints.forms.fields import ReporterForm
from complaints.services import reference_data


class ReporterRequest(HttpRequest):
    """A request with the sealed session that the middleware gives it, a portal.sessions.ReporterSession."""

    reporter: Any


_forms: dict[Hashable, list[SafeString]] = {}
_pages: dict[Hashable, list[bytes]] = {}
# More variants than a minute can need; the catalogue's edition is part of the key.
MOST = 256
HOLES = re.compile(rb"hole-([a-z]+[0-9]?)-here")
NOTHING: Mapping[str, str] = MappingProxyType({})


def hole(name: str) -> str:
    """Return what stands in a kept page for what each answer fills in."""
    return f"hole-{name}-here"


def elsewhere(path: str) -> str:
    """Return the address of the same page in the other language."""
    prefix = get_script_prefix()
    inside = path.removeprefix(prefix)
    if get_language() == "en":
        return prefix + inside.removeprefix("en/")
    return f"{prefix}en/{inside}"


def page(request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, path: str = "") -> HttpResponse:
    """Answer with a page; ``path`` says where its twin in the other language is, if not at its own path."""
    values = {
        "elsewhere": elsewhere(path or request.path),
        "sample": reference_data.sample_mode(),
        **(context or {}),
    }
    return render(request, f"complaints/{template}.html", values)


def uploads(request: HttpRequest) -> list[Any]:
    """Return the files of a request as the sealing handler left them: evidence.SealedUpload objects."""
    return list(request.FILES.getlist("evidence"))


def still_page(
    request: HttpRequest,
    template: str,
    context: Callable[[], dict[str, Any]],
    key: tuple[Hashable, ...],
    holes: Mapping[str, str] = NOTHING,
) -> HttpResponse:
    """Answer with a page that is the same for everybody with the same ``key``, except for its holes.

    Args:
        context: called only where the page is not kept yet; it must hold nothing that ``key`` does not determine,
            and ``hole(name)`` wherever something of this request belongs.
        holes: what to fill in by name, escaped unless it is safe already; the token of forms is filled in by itself.
    """
    entry = (template, request.path, reference_data.edition(), *key)
    kept = _pages.get(entry)
    if kept is None:
        values = {"elsewhere": elsewhere(request.path), "sample": reference_data.sample_mode(), **context()}
        values["csrf_token"] = hole("token")
        kept = HOLES.split(render_to_string(f"complaints/{template}.html", values).encode())
        if len(_pages) >= MOST:
            _pages.clear()
        _pages[entry] = kept
    if len(kept) == 1:
        return HttpResponse(kept[0])
    # Text and names of holes take turns, so nothing that is filled in is ever searched for holes.
    pieces = list(kept)
    filling = {"token": get_token(request), **holes} if b"token" in kept[1::2] else holes
    pieces[1::2] = [conditional_escape(filling[name.decode()]).encode() for name in kept[1::2]]
    return HttpResponse(b"".join(pieces))


def empty_fields(make: Callable[[], ReporterForm], key: tuple[Hashable, ...]) -> list[SafeString]:
    """Return the parts of a form without answers; ``make`` is called once per language and ``key``."""
    entry = (get_language(), *key)
    parts = _forms.get(entry)
    if parts is None:
        parts = make().rendered()
        if len(_forms) >= MOST:
            _forms.clear()
        _forms[entry] = parts
    return parts
