"""What is said of a file before it is sent: what was found in it, what was looked at, and what was not.

A sentence says no more than a check behind it has seen (docs/adr/0050-said-of-a-file-is-what-was-checked.md);
``tests/forms/test_traces.py`` holds each against that check. The codes are those of ``adapters.media.hints`` and
``domain.file_names``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from complaints.adapters.media import inspection
from complaints.domain import file_names

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Only what leads to a person, a place, a time or a device, or is easily overlooked; the case page names the rest too.
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
    "film": _("a short film with sound, recorded with the photo"),
    "second-picture": _("a second picture"),
    "remnant": _("other data beside the picture, such as what was cropped away"),
    "provenance": _("a signed record of device, program and time"),
    "hidden": _("hidden sheets, rows, text or layers"),
    "names": _("names of those who write or are written to"),
    "phones": _("telephone numbers"),
    "emails": _("e-mail addresses"),
    "numbers": _("long numbers, such as NIP or NIK"),
    "addresses": _("postal addresses"),
    "hours": _("times of day"),
    "network": _("internet addresses of computers"),
}
NAME_TRACES: Final[dict[str, StrOrPromise]] = {
    "date": _("a date"),
    "hour": _("a time of day"),
    "app": _("an app"),
    "phone": _("a telephone number"),
    "number": _("a long number, such as a NIP"),
    "person": _("with whom somebody chats"),
}
# Of a file in which no code of TRACES was found, by the groups of adapters.media.inspection. Each names only what its
# reader looks at.
NOTHING_FOUND: Final[dict[str, StrOrPromise]] = {
    "picture": _("The hidden data of this file names no place, device, author or time."),
    "sound": _("The hidden data of this file names no place, device, author or time."),
    "film": _("The hidden data of this file names no place, device, author or time."),
    "document": _("The properties and comments of this document name no author, no other people and no time."),
    "text": _(
        "We looked for names of senders, telephone numbers, e-mail addresses, NIP and NIK, postal addresses and times "
        "of day, and recognised none."
    ),
    "archive": _(
        "In file names, texts and pictures inside it we recognised no senders, numbers, addresses, times or places."
    ),
}
# What was not looked at, of each file that was.
NOT_LOOKED_AT: Final[dict[str, StrOrPromise]] = {
    "picture": _("Look yourself at what the picture shows: faces, names, profile pictures, the status bar."),
    "sound": _("We do not listen to it: voices can be recognised."),
    "film": _("We do not watch it: faces, voices and places can be recognised."),
    "document": _("We did not read what it says and shows: check it for names, letter numbers and dates."),
    "text": _("Officers get the text as it is: take out names, numbers and times first."),
    "archive": _("Officers get it as it is. We did not open files in it other than texts and pictures."),
}
PARTLY: Final = _("We looked at a part of this file only.")
# Of a file that was not looked at.
CLOSED: Final = _(
    "We do not open this kind of file; officers get it as it is. Assume that it contains place, device, name and time."
)
LOCKED: Final = _(
    "This file is locked with a password: we could not look inside. Assume that it contains place, device, name and "
    "time."
)
UNREADABLE: Final = _("We could not check this file. Assume that it contains place, device, name and time.")
WAITING: Final = _(
    "This file was not checked yet. Open the page again, or assume that it contains place, device, name and time."
)


@dataclass(frozen=True)
class Told:
    """What the list of files says of one: what was found in it and in its name, and sentences on the check."""

    in_file: list[str]
    in_name: list[str]
    sentences: list[str]
    # Whether a reporter should see it before it is sent: something was found, or it is passed on unseen.
    is_warning: bool


def told(media_type: str, codes: Iterable[str], looked: str, name: str) -> Told:
    """Return what is said of a file; ``looked`` is that of ``services.evidence.storage.FileInfo``."""
    codes, kind = list(codes), inspection.GROUPS.get(media_type, "")
    # A film behind a photo is an attachment too; one of the two is told.
    labels = [str(TRACES[code]) for code in codes if code in TRACES and not (code == "attachment" and "film" in codes)]
    in_name = [str(NAME_TRACES[code]) for code in file_names.tells(name)]
    is_read = bool(kind) and looked == "read"
    sentences: list[StrOrPromise]
    if is_read:
        sentences = [PARTLY] if "partly" in codes else [] if labels else [NOTHING_FOUND[kind]]
        sentences.append(NOT_LOOKED_AT[kind])
    elif looked == "locked":
        sentences = [LOCKED]
    elif kind:
        sentences = [UNREADABLE if looked else WAITING]
    else:
        sentences = [CLOSED]
    is_warning = bool(labels or in_name) or not is_read or kind in {"text", "archive"}
    return Told(labels, in_name, [str(sentence) for sentence in sentences], is_warning)
