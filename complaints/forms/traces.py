"""What a file tells of whoever made it, in words for the reporter. Codes of ``adapters.media.hints`` come in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

# Only what leads to a person, a place, a moment or a device; the officer is told the rest as well.
TRACES: Final[dict[str, Any]] = {
    "place": _("where it was taken or made"),
    "device": _("which phone or computer it was made with"),
    "author": _("the name of whoever made or changed it"),
    "people": _("names of other people"),
    "organisation": _("the office that the program belongs to"),
    "time": _("when it was made or changed"),
    "path": _("a folder on somebody's computer"),
    "title": _("a title or a note"),
    "thumbnail": _("a small picture of how it looked before"),
    "history": _("earlier or deleted text"),
    "attachment": _("other files inside it"),
}


def traces(codes: Iterable[str]) -> list[str]:
    """Return in words what the reporter should know before they send a file."""
    return [str(TRACES[code]) for code in codes if code in TRACES]
