"""Messages for the metadata in a file that may identify the reporter, by the codes of ``adapters.media.hints``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Only metadata that leads to a person, a place, a time or a device; the case page names the rest as well.
TRACES: Final[dict[str, StrOrPromise]] = {
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
    "hidden": _("sheets, rows, text or layers that are not shown"),
}


def traces(codes: Iterable[str]) -> list[str]:
    """Return the messages of ``codes``; codes that need no warning are left out."""
    return [str(TRACES[code]) for code in codes if code in TRACES]
