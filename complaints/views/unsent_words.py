"""What was typed on the pages of an open report and not sent: kept in the sealed session that the code has opened.

Whoever finds the code opens a session of their own, which holds nothing of it. It ends with the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from complaints.forms import passages
from complaints.forms.fields import TOO_MUCH, ReporterForm
from complaints.reporter_session import stored_size
from complaints.services.submission import page_version
from complaints.views import ReporterRequest, keeping

# The entry of the sealed session: by page, its words by field and the window that kept them.
UNSENT: Final = "unsent"
# In the place of a page: what was chosen on the page of telling places, and not applied yet.
CHOSEN: Final = "chosen"
BYTES_AT_MOST: Final = 60_000
# How much of other words is shown beside those that were typed.
SHOWN_CHARS: Final = 300

Words = dict[str, Any]


def words_of(request: ReporterRequest, page: str) -> Words:
    """Return what is kept of a page by field, as the initial values of its forms."""
    words: Words = request.reporter.get(UNSENT, {}).get(page, {}).get("words", {})
    return dict(words)


def version(request: ReporterRequest, page: str) -> str:
    """Return by what a page says which words it shows; "" for none."""
    return page_version(words_of(request, page))


def take(request: ReporterRequest, page: str, path: str, *forms: ReporterForm) -> HttpResponse | None:
    """Keep what was typed, for the script or a button that leads away; None where the form is sent or shown again.

    The first form is that of the pressed button: where another window kept other words, it gets an error, and the
    second press replaces them. ``path`` is the address of the page.
    """
    go = request.POST.get("go")
    out = keeping.way_out_of_report(go, path)
    if go != keeping.KEEP and not out:
        return None
    is_kept = keep(request, page, *forms)
    if go == keeping.KEEP:
        return keeping.answer_script(kept=is_kept, other_words=not is_kept and has_other_words(request, page, *forms))
    if is_kept:
        return redirect(out)
    forms[0].errors.clear()
    say_not_kept(request, page, *forms)
    return None


def keep(request: ReporterRequest, page: str, *forms: ReporterForm) -> bool:
    """Keep what was typed into ``forms``; return False where another window kept other words, or it is too much."""
    typed = _with(words_of(request, page), request, forms)
    if _is_older(request, page, typed) or not _store(request, page, typed):
        return False
    return "words-0" not in request.POST or _store(request, CHOSEN, passages.chosen(request.POST))


def has_more(request: ReporterRequest, page: str, *forms: ReporterForm) -> bool:
    """Whether what was typed into ``forms`` is not kept yet."""
    kept = words_of(request, page)
    return _with(kept, request, forms) != kept


def has_other_words(request: ReporterRequest, page: str, *forms: ReporterForm) -> bool:
    """Whether what is kept are other words than those that the page of this request showed or has."""
    return _is_older(request, page, _with(words_of(request, page), request, forms))


def say_not_kept(request: ReporterRequest, page: str, *forms: ReporterForm) -> None:
    """Let the first of ``forms`` say why nothing of them was kept."""
    is_older = has_other_words(request, page, *forms)
    form = forms[0]
    form.add_error(next(iter(form.fields)), _other_words(request, page) if is_older else str(TOO_MUCH))


def waiting(request: ReporterRequest, page: str, form: ReporterForm, shown: HttpResponse | None) -> HttpResponse | None:
    """Keep a form that waits while the page ``shown`` asks something of it; return that page, None for none."""
    typed = _with(words_of(request, page), request, [form])
    if shown is not None and not _is_older(request, page, typed):
        _store(request, page, typed)
    return shown


def forget(request: ReporterRequest, page: str, form: ReporterForm) -> None:
    """Delete what is kept of a form that was sent; what another window kept, and the sent page never had, stays."""
    _store(request, CHOSEN, {})
    kept = words_of(request, page)
    if kept and not _is_older(request, page, _with(kept, request, [form])):
        _store(request, page, {name: value for name, value in kept.items() if name not in form.fields})


def _with(kept: Words, request: ReporterRequest, forms: Sequence[ReporterForm]) -> Words:
    """Return the kept words with those of the forms that were posted in their place; blanks are no words."""
    for form in forms:
        if any(name in request.POST for name in form.fields):
            kept = {name: value for name, value in kept.items() if name not in form.fields} | form.typed()
    return {name: value for name, value in kept.items() if (value.strip() if isinstance(value, str) else value)}


def _is_older(request: ReporterRequest, page: str, typed: Words) -> bool:
    kept, (seen, window) = version(request, page), keeping.version_and_window(request)
    if not kept or kept in {seen, page_version(typed)}:
        return False
    return not window or request.reporter[UNSENT][page]["window"] != window


def _store(request: ReporterRequest, page: str, words: Words) -> bool:
    """Return whether there was room."""
    stored = request.reporter.get(UNSENT, {})
    changed = {name: kept for name, kept in stored.items() if name != page}
    if words:
        changed[page] = {"words": words, "window": keeping.version_and_window(request)[1]}
    if stored_size(changed) > BYTES_AT_MOST:
        return False
    if changed:
        request.reporter[UNSENT] = changed
    elif stored:
        request.reporter.pop(UNSENT)
    return True


def _other_words(request: ReporterRequest, page: str) -> str:
    kept = max(map(str, words_of(request, page).values()), key=len)
    words = _("Another window kept other words here: “%(words)s”. Press again to replace them with yours below.")
    return words % {"words": Truncator(kept).chars(SHOWN_CHARS)}
