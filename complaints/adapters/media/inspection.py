"""Which module of this package looks into a kind of file. Services ask whether one does; jobs run it."""

from __future__ import annotations

from typing import Final

from complaints.adapters.media import kinds

_READERS: Final = {"ooxml": "documents", "odf": "documents"}
# Kinds without a clean copy that are looked into all the same, because they are passed on as they are.
TEXTS: Final = frozenset({"text/plain", "text/html", "text/rtf", "application/rtf"})
_WITHOUT_COPY: Final = {**dict.fromkeys(TEXTS, "texts"), "application/zip": "archives"}
_GROUP_OF: Final = {"image": "picture", "audio": "sound", "video": "film"}
# By media type, for the words on what was looked at. Other kinds are not looked into.
GROUPS: Final = {
    **{media_type: _GROUP_OF.get(media_type.partition("/")[0], "document") for media_type in kinds.FAMILIES},
    **dict.fromkeys(TEXTS, "text"),
    "application/zip": "archive",
}


def reader(media_type: str) -> str:
    """Return the module with ``inspect`` for a kind; raises Unreadable with the reason where none looks into it."""
    if media_type in _WITHOUT_COPY:
        return _WITHOUT_COPY[media_type]
    family = kinds.family(media_type)
    return _READERS.get(family, family)


def looks_into(media_type: str) -> bool:
    """Return whether a module looks into this kind of file."""
    return media_type in GROUPS
