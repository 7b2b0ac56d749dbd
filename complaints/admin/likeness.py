"""How posts read to staff, and what is said of reports that share something; only the pages of the admin call it.

Links are text everywhere: opening one can show the accused that somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.models.post import Act, Platform
from complaints.services import case_items, similarity
from complaints.services.evidence.posts import PostInfo

PLATFORMS, ACTS = dict(Platform.choices), dict(Act.choices)
SHARED = {
    "post": gettext_lazy("The same post"),
    "nip": gettext_lazy("The same NIP"),
    "person": gettext_lazy("The same name at the same agency"),
    "picture": gettext_lazy("Nearly the same picture"),
    "agency": gettext_lazy("The same agency"),
}


@dataclass(frozen=True)
class PostLine:
    """A post in words; ``url`` is text."""

    title: str
    rows: list[tuple[str, str]]
    url: str
    is_link: bool


def post_line(post: PostInfo) -> PostLine:
    """Return a post in words."""
    title = " · ".join(str(part) for part in (PLATFORMS.get(post.platform, ""), ACTS.get(post.act, "")) if part)
    seen = date_format(date.fromisoformat(post.seen_on), "l, j M Y") if post.seen_on else ""
    shot = _("evidence %(number)d") % {"number": post.screenshot} if post.screenshot else ""
    rows = [(_("Account"), post.account), (_("Seen on"), seen), (_("Screenshot"), shot)]
    return PostLine(title, [(label, value) for label, value in rows if value], post.url, post.is_link)


def of_items(items: Iterable[case_items.PostItem]) -> list[PostLine]:
    """Return the posts of an opened report in words."""
    return [post_line(item.info) for item in items]


def of_release(contents: Iterable[dict[str, Any]]) -> list[PostLine]:
    """Return the posts of a release in words; its screenshots count among the released files."""
    return [post_line(PostInfo(**content)) for content in contents]


def in_short(matches: similarity.Matches) -> str:
    """Return how many reports speak of how many posts: "7 reports, 2 posts"."""
    reports = ngettext("%(number)d report", "%(number)d reports", matches.reports) % {"number": matches.reports}
    posts = ngettext("%(number)d post", "%(number)d posts", matches.posts) % {"number": matches.posts}
    return f"{reports}, {posts}" if matches.posts else reports


def groups(matches: similarity.Matches) -> list[tuple[str, similarity.Group]]:
    """Return what is shared, in words, each with the cases that share it."""
    return [(str(SHARED[group.kind]), group) for group in matches.groups]
