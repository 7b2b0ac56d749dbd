"""Keeping what was typed without going on: for the pages' script, and for the buttons in the place of links.

A page carries which answers it showed (``submission.page_version``), and with script which window it is: a window may
replace what it kept itself, also where the answer to that never reached it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from complaints.page_cache import base_context

# What the script of a page sends as "go".
KEEP: Final = "keep"
WINDOW_CHARS: Final = 24


def version_and_window(request: HttpRequest) -> tuple[str, str]:
    """Return the version of the answers that a page showed ("": none), and its window ("": it has no script)."""
    version, _dot, window = request.POST.get("version", "").partition(".")
    return version, window[:WINDOW_CHARS]


def windows_after(windows: Mapping[str, str], step: str, window: str) -> dict[str, str]:
    """Return by page which window kept its answers last, after ``window`` ("": one without script) kept ``step``."""
    others = {name: kept_by for name, kept_by in windows.items() if name != step}
    return others | ({step: window} if window else {})


def way_out(go: str | None, path: str) -> str:
    """Return where a button leads that stands in the place of a link on the page ``path``; "" for any other button."""
    if go == "lang":
        return str(base_context(path)["elsewhere"])
    names = {"home": "home", "status": "status_enter", "guide": "guide", "exit": "quick_exit_explained"}
    return reverse(names[go]) if go in names else ""


def answer_script(*, kept: bool, is_older: bool = False, token: str = "") -> JsonResponse:
    """Answer the script: whether it is kept, in which words, and the page's new token where it has one."""
    words = ""
    if kept:
        words = _("Kept.")
    elif is_older:
        words = _("Not kept: newer answers were kept in another window. A button here shows you both.")
    return JsonResponse({"kept": kept, "words": words, "token": token})
