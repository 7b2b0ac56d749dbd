"""Social media posts on page 3: the form that describes one, the list of those described, and their text on page 4.

The form is stored in the draft like the rest of the page. The plain field of links needs none of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.forms.fields import TOO_MUCH, latest_day
from complaints.forms.posts import ACT_LABELS, PLATFORM_LABELS, PostForm
from complaints.page_cache import empty_fields
from complaints.services.evidence import drafts, intake, posts
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, has_room

# Posts described one by one; lines in the field of links are not counted.
MOST = 20


def _form(files: Sequence[drafts.DraftFileInfo], *args: Any, **kwargs: Any) -> PostForm:
    choices = [(item.id, f"{place}. {item.name}") for place, item in enumerate(files, start=1)]
    return PostForm(*args, today=latest_day(timezone.now()), files=choices, **kwargs)


def take(request: ReporterRequest, draft: Draft) -> PostForm | None:
    """Store the posted form of a post in ``draft``, as a described post if valid; return it if it needs correction.

    An invalid form without link and account does not stop the reporter from going on; it is stored as typed.
    """
    if intake.ended_early(request):
        return None  # the form of the post comes after the files
    draft.pop("post", None)
    adds_post = request.POST.get("go") == "post"
    if not adds_post and not any(request.POST.get(name) for name in PostForm.base_fields):
        return None
    form = _form(drafts.draft_files(session=request.reporter), request.POST)
    if _is_last(form, draft):
        return None
    if form.is_valid() and len(draft.get("posts", ())) >= MOST:
        form.add_error("url", _("There is room for %(count)d posts here. Add more later.") % {"count": MOST})
    if form.is_valid():
        changes: Draft = {"posts": [*draft.get("posts", ()), posts.describe(form.answers())]}
    else:
        changes = {"post": form.typed()}
    if not has_room(draft | changes, draft):
        form.add_error("url", TOO_MUCH)
        return form
    draft.update(changes)
    must_correct = adds_post or form.data.get("url") or form.data.get("account")
    return form if form.errors and must_correct else None


def _is_last(form: PostForm, draft: Draft) -> bool:
    """Whether a posted form has the post that was described last, as where a button was clicked twice."""
    described = draft.get("posts")
    if not (described and form.is_valid()):
        return False
    post, last = posts.describe(form.answers()), described[-1]
    post["id"] = last["id"]
    return post == last


def typed(request: ReporterRequest, draft: Draft) -> dict[str, str | bool]:
    """Return what the posted form of a post has, as typed.

    Empty where nothing was typed, where ``draft`` has it as its last post, or where the body ended early.
    """
    if intake.ended_early(request):
        return {}
    answers: dict[str, str | bool] = {
        name: value for name in PostForm.base_fields if (value := request.POST.get(name, ""))
    }
    if answers and _is_last(_form(drafts.draft_files(session=request.reporter), request.POST), draft):
        return {}
    return answers


def begun_in_words(post: Mapping[str, str | bool]) -> str:
    """Return a post that is not added yet in one line, its day and its choices as typed where they are not valid."""
    labels = {code: str(label) for choices in (PLATFORM_LABELS, ACT_LABELS) for code, label in choices.items()}
    names = ("platform", "account", "act", "seen_on", "url")
    return " · ".join(labels.get(value, value) for name in names if (value := str(post.get(name) or "")))


def shown(draft: Draft, files: Sequence[drafts.DraftFileInfo] = (), form: PostForm | None = None) -> dict[str, Any]:
    """Return the context of the posts on page 3: the list, and the form, which is open where it was begun."""
    begun = draft.get("post")
    if form or begun or files:
        parts = (form or _form(files, initial=begun or {})).rendered()
    else:
        parts = empty_fields(lambda: _form(()), ("post",))
    listed = [(post["id"], in_words(post), typed_in_words(post)) for post in draft.get("posts", ())]
    return {"post_parts": parts, "post_open": bool(form or begun), "posts": listed}


def in_words(post: Mapping[str, Any]) -> str:
    """Return a post in one line, as the reporter described it."""
    day = date_format(date.fromisoformat(post["seen_on"]), "j F Y") if post["seen_on"] else ""
    parts = (PLATFORM_LABELS.get(post["platform"], ""), post["account"], ACT_LABELS.get(post["act"], ""), day)
    return " · ".join(str(part) for part in (*parts, post["url"]) if part)


def typed_in_words(post: posts.Post) -> list[str]:
    """Return what is stored beside the normal form of a link, in lines; none where nothing else is."""
    lines = []
    if post["is_link"] and post["typed"] != post["url"]:
        lines.append(_("As you typed it: %(typed)s") % {"typed": post["typed"]})
    if post["sharer"] == "typed":
        lines.append(
            _("What you typed can name who shared the link. Only officers who open the report read it in full.")
        )
    if post["sharer"] == "link":
        lines.append(
            _(
                "The platform made this link when somebody shared the post, and can tell who. "
                "If you can, use the address of the post itself instead."
            )
        )
    return lines
