"""Public pages without answers and empty forms, rendered once per language and kept in this process.

A cached page holds no token, no answer and nothing of a request: placeholders ("holes") stand where those belong, and
each response fills them in, so nothing of one visitor can be shown to another.

What it gains, in CPU time of the view without middleware: the front page takes
0.04 ms instead of 0.6 ms; the first page of a report 0.15 ms instead of 0.6 ms with its form cached, and 1.9 ms with
neither; the page that asks for the code 0.13 ms instead of 0.4 and 1.5 ms. A report opens four such pages, and README's
budget of 75 reports a second leaves 13 ms of a processor for all of a report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext

from complaints.forms.fields import ReporterForm
from complaints.services import reference_data

Context = dict[str, object]
Value = TypeVar("Value")

_forms: dict[Hashable, list[SafeString]] = {}
_pages: dict[Hashable, list[bytes]] = {}
# More variants than arise before the reference data's edition, which is part of each key, changes.
MAX_ENTRIES: Final = 256
_HOLES: Final = re.compile(rb"hole-([a-z]+[0-9]?)-here")
_NO_HOLES: Final[Mapping[str, str]] = MappingProxyType({})


def base_context(path: str) -> Context:
    """Return what public pages show: their twin's address, whether data is sample, how long a report is kept unsent.

    Args:
        path: of the page, with the prefix of the site.
    """
    prefix = get_script_prefix()
    inside = path.removeprefix(prefix)
    twin = inside.removeprefix("en/") if get_language() == "en" else f"en/{inside}"
    return {"elsewhere": prefix + twin, "sample": reference_data.sample_mode(), "kept_for": kept_for()}


def kept_for() -> str:
    """Return in words how long an unfinished report is kept after its last touch, in whole hours or minutes."""
    minutes = settings.REPORTER_IDLE_SECONDS["draft"] // 60
    if minutes % 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = minutes // 60
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}


def hole(name: str) -> str:
    """Return the placeholder of ``name`` (lower-case letters, at most one digit behind them) for a cached page."""
    return f"hole-{name}-here"


def still_page(
    request: HttpRequest,
    template: str,
    context: Callable[[], Context],
    key: tuple[Hashable, ...],
    holes: Mapping[str, str] = _NO_HOLES,
    *,
    path: str = "",
) -> HttpResponse:
    """Answer with a page that is the same for everybody with the same ``key``, except for its holes.

    Args:
        context: called only where the page is not cached; it must hold nothing that ``key`` does not determine, and
            ``hole(name)`` wherever something of this request belongs.
        key: with the template, path and edition of the reference data, all that the page depends on.
        holes: what to fill in by name, escaped unless it is safe already; the CSRF token and the nonce of scripts are
            filled in without it.
        path: the page's own address, where it answers another one.

    Raises:
        KeyError: the page has a hole that ``holes`` does not fill.
    """
    path = path or request.path
    entry = (template, path, reference_data.edition(), *key)
    pieces = _pages.get(entry)
    if pieces is None:
        own_holes = {"csrf_token": hole("token"), "script_nonce": hole("nonce")}
        values = {**base_context(path), **context(), **own_holes}
        pieces = _HOLES.split(render_to_string(f"complaints/{template}.html", values).encode())
        _store(_pages, entry, pieces)
    if len(pieces) == 1:
        return HttpResponse(pieces[0])
    # Texts and names of holes alternate, so nothing that is filled in is ever searched for holes.
    names = [name.decode() for name in pieces[1::2]]
    contents = dict(holes)
    if "token" in names:
        contents["token"] = get_token(request)
    if "nonce" in names:
        contents["nonce"] = str(getattr(request, "script_nonce", ""))
    filled = list(pieces)
    filled[1::2] = [conditional_escape(contents[name]).encode() for name in names]
    return HttpResponse(b"".join(filled))


def empty_fields(make: Callable[[], ReporterForm], key: tuple[Hashable, ...]) -> list[SafeString]:
    """Return the rendered parts of a form without answers; ``make`` is called once per language and ``key``."""
    entry = (get_language(), *key)
    parts = _forms.get(entry)
    if parts is None:
        parts = make().rendered()
        _store(_forms, entry, parts)
    return parts


def _store(cache: dict[Hashable, Value], entry: Hashable, value: Value) -> None:
    if len(cache) >= MAX_ENTRIES:
        cache.clear()
    cache[entry] = value
