"""Codes of what a zip file tells, such as an exported chat: names and times of entries, texts, pictures.

Runs in the sandbox only. A zip has no clean copy. Files in it of other kinds are not opened.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from complaints.adapters.media import images, kinds, texts, zips
from complaints.adapters.media.refusal import Unreadable
from complaints.domain import file_names

_TEXTS_READ: Final = 20
_TEXT_BYTES: Final = 512 * 1024
# Of all texts together: a small file may hold very long ones.
_ALL_TEXT_BYTES: Final = 2 * 1024 * 1024
_PICTURES_READ: Final = 20
_PICTURE_BYTES: Final = 8 * 1024 * 1024
_NAMES_READ: Final = 1000
_TEXT_SUFFIXES: Final = frozenset(
    {".txt", ".csv", ".tsv", ".vcf", ".eml", ".html", ".htm", ".json", ".ics", ".md", ".log"}
)
_PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})
# What names of entries tell, as codes of hints.
_CODE_OF_NAME: Final = {
    "date": "time",
    "hour": "hours",
    "app": "software",
    "phone": "phones",
    "number": "numbers",
    "person": "names",
}
_NO_TIME: Final = (1980, 1, 1)  # the first day that a zip can name


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply; "partly" where texts, pictures or names were left out.

    Raises Unreadable: damaged, protected by a password, or a bomb.
    """
    with zips.opened(source) as archive:
        codes = _codes_of_directory(source)
        by_suffix = [(name, PurePosixPath(name).suffix.lower()) for name in archive]
        if len(by_suffix) > _NAMES_READ:
            codes.add("partly")
        for name, _suffix in by_suffix[:_NAMES_READ]:
            codes |= {_CODE_OF_NAME[code] for code in file_names.tells(PurePosixPath(name).name)}
        codes |= _codes_of_texts(archive, [name for name, suffix in by_suffix if suffix in _TEXT_SUFFIXES])
        codes |= _codes_of_pictures(archive, [name for name, suffix in by_suffix if suffix in _PICTURE_SUFFIXES])
    return codes


def _codes_of_directory(source: BinaryIO) -> set[str]:
    source.seek(0)
    with zipfile.ZipFile(source) as archive:  # checked by zips.opened before
        codes = {"time"} if any(entry.date_time[:3] > _NO_TIME for entry in archive.infolist()) else set()
        return codes | ({"title"} if archive.comment.strip() else set())


def _codes_of_texts(archive: zips.Archive, names: list[str]) -> set[str]:
    codes, allowance = {"partly"} if len(names) > _TEXTS_READ else set[str](), _ALL_TEXT_BYTES
    for name in names[:_TEXTS_READ]:
        with archive.open(name) as stream:
            data = stream.read(min(_TEXT_BYTES, allowance))
        allowance -= len(data)
        if archive.size(name) > len(data):
            codes.add("partly")
        try:
            codes |= texts.codes_of_text(texts.decoded(data))
        except Unreadable:
            codes.add("partly")  # no text
    return codes


def _codes_of_pictures(archive: zips.Archive, names: list[str]) -> set[str]:
    codes = {"partly"} if len(names) > _PICTURES_READ else set[str]()
    for name in names[:_PICTURES_READ]:
        if archive.size(name) > _PICTURE_BYTES:
            codes.add("partly")
            continue
        data = archive.read(name)
        try:
            codes |= images.inspect(io.BytesIO(data), kinds.recognise(data))
        except Unreadable:
            codes.add("partly")
    return codes
