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
# What the button sends that deletes a draft.
DELETE: Final = "delete"
WINDOW_CHARS: Final = 24
# Where the buttons of an open report's pages lead, and those of an open inquiry's, beside those of way_out.
_FROM_REPORT: Final = {
    "report": "status_page",
    "happened": "status_retaliation",
    "withdraw": "status_withdraw",
    "object": "status_object",
    "erasure": "status_erasure",
    "never": "never_asked",
    "name": "status_name",
    "inquiry": "inquiry_page",
    "begin": "inquiry_report",
    "stop": "inquiry_withdraw",
}


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


def way_out_of_report(go: str | None, path: str) -> str:
    """Return where such a button leads on the pages of an open report, of which ``path`` is one; "" for any other."""
    if go in _FROM_REPORT:
        return reverse(_FROM_REPORT[go])
    return reverse("door_elsewhere", args=["bawaslu"]) if go == "bring" else way_out(go, path)


def answer_script(*, kept: bool, is_older: bool = False, other_words: bool = False, token: str = "") -> JsonResponse:
    """Answer the script: whether it is kept, in which words, and the page's new token where it has one."""
    words = ""
    if kept:
        words = _("Kept.")
    elif other_words:
        words = _("Not kept: another window kept other words here.")
    elif is_older:
        words = _("Not kept: newer answers were kept in another window. A button here shows you both.")
    return JsonResponse({"kept": kept, "words": words, "token": token})
