"""Posts on page 3: the fold that describes one, the list of those described, and how they read on page 4.

What stands in the fold is kept like everything typed on that page; the plain box of links needs none of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.forms.fields import KEPT_BYTES, TOO_MUCH, stored_size
from complaints.forms.posts import ACT_LABELS, PLATFORM_LABELS, PostForm
from complaints.page_cache import empty_fields
from complaints.services.evidence import drafts, posts
from complaints.services.submission import Draft
from complaints.views import ReporterRequest

# Those described one by one; lines in the box of links come on top.
MOST = 20


def _form(files: Sequence[drafts.DraftFileInfo], *args: Any, **kwargs: Any) -> PostForm:
    choices = [(item.id, f"{place}. {item.name}") for place, item in enumerate(files, start=1)]
    return PostForm(*args, today=timezone.localdate(), files=choices, **kwargs)


def take(request: ReporterRequest, draft: Draft) -> PostForm | None:
    """Move what stands in the fold into ``draft``; return its form where something in it must be mended first.

    A fold that was hardly begun stops nobody from going on; it is kept as it stands.
    """
    draft.pop("post", None)
    asked = request.POST.get("go") == "post"
    if not asked and not any(request.POST.get(name) for name in PostForm.base_fields):
        return None
    form = _form(drafts.draft_files(session=request.reporter), request.POST)
    if form.is_valid() and len(draft.get("posts", ())) >= MOST:
        form.add_error("url", _("There is room for %(count)d posts here. Add more later.") % {"count": MOST})
    if form.is_valid():
        kept: Draft = {"posts": [*draft.get("posts", ()), posts.describe(form.answers())]}
    else:
        kept = {"post": form.typed()}
    if stored_size(draft | kept) > KEPT_BYTES:
        form.add_error("url", TOO_MUCH)
        return form
    draft.update(kept)
    named = asked or form.data.get("url") or form.data.get("account")
    return form if form.errors and named else None


def kept(draft: Draft) -> bool:
    """Whether the page has more to show of posts than an empty fold."""
    return bool(draft.get("posts") or draft.get("post"))


def shown(draft: Draft, files: Sequence[drafts.DraftFileInfo] = (), form: PostForm | None = None) -> dict[str, Any]:
    """Return what page 3 shows of posts: the list, and the fold, closed where nothing stands in it."""
    begun = draft.get("post")
    if form or begun or files:
        parts = (form or _form(files, initial=begun or {})).rendered()
    else:
        parts = empty_fields(lambda: _form(()), ("post",))
    listed = [(post["id"], in_words(post)) for post in draft.get("posts", ())]
    return {"post_parts": parts, "post_open": bool(form or begun), "posts": listed}


def drop(draft: Draft, identifier: str) -> None:
    """Take one described post out; an unknown id does nothing."""
    if draft.get("posts"):
        draft["posts"] = [post for post in draft["posts"] if post["id"] != identifier]


def in_words(post: Mapping[str, Any]) -> str:
    """Return a post in one line, as its own reporter typed it."""
    day = date_format(date.fromisoformat(post["seen_on"]), "j F Y") if post["seen_on"] else ""
    said = (PLATFORM_LABELS.get(post["platform"], ""), post["account"], ACT_LABELS.get(post["act"], ""), day)
    return " · ".join(str(part) for part in (*said, post["url"]) if part)
