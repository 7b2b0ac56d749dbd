"""Shows a reporter once what of their words may tell who they are, before it is sent; "keep everything" goes on.

Of a report it is a page between the third and the fourth. What is decided to be kept is remembered in the sealed draft,
so that it is not asked again. Of what is added later it is a page on which the text waits, in the session of the code.
What is chosen on either page is kept until it is applied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from complaints.domain.telling_passages import OF_WRITER, Tells
from complaints.domain.visible_text import visible
from complaints.forms import passages
from complaints.forms.fields import ReporterForm
from complaints.forms.passages import Passage
from complaints.forms.posts import PostForm
from complaints.forms.report import STORY_AT_LEAST, STORY_AT_MOST, StoryForm, WhoForm
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, has_room, keeping, page, unsent_words
from complaints.views.steps import STORY, missing_step

# The answers that are looked through. Where the accused and their place are asked for, a unit is what the report needs.
TEXTS: Final = ("story", "accused_name", "accused_position", "agency", "regency", "links")
_LOOKED_FOR: Final = dict.fromkeys(TEXTS[1:5], OF_WRITER - {Tells.UNIT, Tells.TALK})
_ABOUT: Final = ("accused_name", "accused_position", "agency")
# What the page itself sends, beside what is sent on from the form before it.
_OWN_FIELDS: Final = ("csrfmiddlewaretoken", "do", "go", "button")
_NUMBERED: Final = ("field-", "words-", "choice-", "own-", "proposed-")


# --- Before a report is sent ------------------------------------------------------------------------------------------


def undecided(draft: Draft) -> list[Passage]:
    """Return the passages of a draft that its reporter has not decided on."""
    return passages.find(
        _texts(draft),
        about=_about(draft),
        kinds=_LOOKED_FOR,
        known_number=draft.get("accused_nip", ""),
        kept=draft.get("kept", ()),
    )


def next_page(draft: Draft) -> HttpResponse:
    """Lead on from a draft whose pages are complete: to what may tell, else to the check page."""
    return redirect("report_leaks" if undecided(draft) else "report_check")


def leaks(request: ReporterRequest) -> HttpResponse:
    """Show the passages of the draft that may tell; by POST store what was decided, and go on whatever it is."""
    draft: Draft | None = request.reporter.get("draft")
    if draft is None or missing_step(draft):
        return redirect("report_check")  # which says what is missing
    if request.method == "POST":
        if request.POST.get("do") not in {"apply", "as_is"}:
            return _keep_choices(request, draft)
        request.reporter["draft"] = _decided(draft, request.POST)
        return redirect("report_check")
    listed = passages.with_chosen(undecided(draft), draft.get("chosen", {}))
    if not listed:
        return redirect("report_check")
    return page(request, "report/leaks", {"listed": [(passage, _label(passage.field)) for passage in listed]})


def _keep_choices(request: ReporterRequest, draft: Draft) -> HttpResponse:
    """Keep what was chosen so far without applying it, and answer the script or lead where the button leads."""
    go, out = request.POST.get("go"), keeping.way_out(request.POST.get("go"), request.path)
    changed = cast(Draft, {**draft, "chosen": passages.chosen(request.POST)})
    is_kept = has_room(changed, draft)
    if is_kept:
        request.reporter["draft"] = changed
    if go == keeping.KEEP:
        return keeping.answer_script(kept=is_kept)
    return redirect(out or (STORY.url if request.POST.get("do") == "change" else "report_leaks"))


def _label(field: str) -> str:
    fields = {**WhoForm.base_fields, **StoryForm.base_fields}
    return str((fields.get(field) or PostForm.base_fields["account"]).label)


def _texts(draft: Draft) -> dict[str, str]:
    """Return the texts of a draft by field; that of a described post by its id."""
    accounts = {post["id"]: post["account"] for post in draft.get("posts", ())}
    return {name: text for name in TEXTS if (text := str(draft.get(name) or ""))} | accounts


def _about(draft: Draft) -> list[str]:
    return [str(draft.get(name) or "") for name in _ABOUT]


def _decided(draft: Draft, posted: QueryDict) -> Draft:
    """Return the draft with other words where they were chosen; what was shown besides is kept and remembered."""
    shown = {passage.words for passage in undecided(draft)}
    before = _texts(draft)
    texts = passages.applied(before, posted, _about(draft))
    left = {name: value for name, value in draft.items() if name != "chosen"}
    changed = cast(Draft, {**left, **{name: text for name, text in texts.items() if name in TEXTS}})
    if draft.get("posts"):
        changed["posts"] = [{**post, "account": texts[post["id"]]} for post in draft["posts"]]
    if not has_room(changed, draft):
        changed = cast(Draft, {**draft})
    listed = {words for choices in passages.decisions(posted).values() for words in choices}
    # Only what stands there still: neither a hand-made form nor a story written anew makes the list grow.
    texts_now = _texts(changed)
    # Looking through a long text costs more than all else that a page does: not twice for the same.
    still_there = shown if texts_now == before else {passage.words for passage in undecided(changed)}
    kept_before = {words for words in draft.get("kept", ()) if any(words in text for text in texts_now.values())}
    changed["kept"] = sorted(kept_before | (shown & listed & still_there))
    if not has_room(changed, draft):
        changed["kept"] = sorted(kept_before)
    if not STORY_AT_LEAST <= len(visible(changed["story"])) <= STORY_AT_MOST:
        changed["done"] = [name for name in changed["done"] if name != STORY.name]
    return changed


# --- What is added to a report ----------------------------------------------------------------------------------------


def posted(request: ReporterRequest, name: str) -> QueryDict:
    """Return what was posted, in the text ``name`` with the words that the page of this module was told to change."""
    answers: QueryDict = request.POST
    if answers.get("do") != "apply":
        return answers
    changed = answers.copy()
    changed[name] = passages.applied({name: answers.get(name, "")}, answers)[name]
    return changed


def wants_change(request: ReporterRequest) -> bool:
    """Whether the reporter goes back from the page of this module to what they wrote."""
    return bool(request.POST.get("do") == "change")


def ask(
    request: ReporterRequest, form: ReporterForm, name: str, *, reader: Callable[[ReporterRequest], str] | None = None
) -> HttpResponse | None:
    """Show what of the text ``name`` of a valid form may tell; None where nothing may, or it is decided.

    ``reader`` returns the body that reads it beside the office, "" without one.
    """
    if request.POST.get("do") in {"apply", "as_is"}:
        return None
    kept = unsent_words.words_of(request, unsent_words.CHOSEN)
    listed = passages.with_chosen(passages.find({name: form.cleaned_data[name]}), kept)
    if not listed:
        return None
    context: dict[str, object] = {
        "listed": [(passage, "") for passage in listed],
        "sent_on": [item for item in request.POST.items() if _is_sent_on(item[0])],
        "button": request.POST.get("button") or request.POST.get("go", ""),
        "action": request.path,
        "reader": reader(request) if reader else "",
    }
    return page(request, "status/telling", context, path=reverse("status_page"))


def _is_sent_on(name: str) -> bool:
    return name not in _OWN_FIELDS and not name.startswith(_NUMBERED)
