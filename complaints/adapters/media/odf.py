"""OpenDocument texts, tables and slides: a copy with the shown content, without authors, macros and embedded programs.

Runs in the sandbox only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.sax.saxutils import quoteattr

from complaints.adapters.media import markup, pieces, zips
from complaints.adapters.media.hidden_content import HiddenContent
from complaints.adapters.media.markup import local
from complaints.adapters.media.odf_rules import DefinedNames, PartRules, Values
from complaints.adapters.media.ooxml_parts import picture_type
from complaints.adapters.media.refusal import Unreadable, refusal
from complaints.adapters.media.vocabulary import load

_CONTENT: Final = re.compile(r"(Object \d+/)?(content|styles)\.xml")
_PICTURES: Final = re.compile(r"(Object \d+/)?(Pictures|ObjectReplacements|media)/[^/]+")
_FONTS: Final = re.compile("Fonts/.")
_REPLACEMENT: Final = re.compile(r"(Object \d+/)?ObjectReplacements/Object \d+")
_OBJECT_TYPE: Final = re.compile(
    r"application/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation|graphics|chart|formula)"
)


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write the document without authors, properties, macros and embedded programs; return its type.

    Comments and tracked changes stay, under aliases of their authors. Raises Unreadable: damaged, encrypted, a bomb,
    or without content. ``losses`` gets the codes of :mod:`losses` that apply.
    """
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            writer.add("mimetype", media_type.encode(), stored=True)
            lost = _copy(archive, writer, media_type)
    except (OSError, MemoryError) as error:
        raise refusal(error) from error
    if losses is not None:
        losses |= lost
    return media_type


def _copy(archive: zips.Archive, writer: zips.Writer, media_type: str) -> set[str]:
    """Write the copy; return the codes of what it lacks or hides."""
    zips.refuse_locked(archive)
    if "content.xml" not in archive:
        raise Unreadable
    parts = [name for name in archive if _CONTENT.fullmatch(name)]
    types = dict.fromkeys(parts, "text/xml") | _object_types(archive, parts)
    copied, losses, hidden = {name: name for name in parts}, set[str](), HiddenContent()
    if any(map(_FONTS.match, archive)):
        losses.add("fonts")
    types |= _copy_pictures(archive, writer, copied, losses)
    values = Values(load("odf"), _names_that_are_lost(archive))
    # Styles first, so that a name has its alias where it is defined.
    for part in sorted(parts, reverse=True):
        folder = part.rpartition("/")[0]
        rules = PartRules(
            copied=copied, folder=f"{folder}/" if folder else "", values=values, losses=losses, hidden=hidden
        )
        rewritten = io.BytesIO()
        with archive.open(part) as stream:
            is_written = markup.rewrite(stream, rewritten, rules, archive.allowance)
        if not is_written and part == "content.xml":
            raise Unreadable
        if is_written:
            writer.add(part, rewritten.getvalue())
        else:
            del types[part]
    writer.add(zips.ODF_MANIFEST, manifest(media_type, types).encode())
    return losses | hidden.codes


def _copy_pictures(
    archive: zips.Archive, writer: zips.Writer, copied: dict[str, str], losses: set[str]
) -> dict[str, str]:
    """Write the pictures and add their new names to ``copied``; return their types by these names."""
    types: dict[str, str] = {}
    for name in archive:
        if _PICTURES.fullmatch(name) and (picture := pieces.picture(archive.read(name), losses)) is not None:
            copied[name], type_of_picture = _picture_name(name, picture, len(copied))
            types |= type_of_picture
            writer.add(copied[name], picture, stored=True)
    return types


def _names_that_are_lost(archive: zips.Archive) -> frozenset[str]:
    names = DefinedNames()
    with archive.open("content.xml") as stream:
        markup.read(stream, names, archive.allowance)
    return frozenset(names.lost)


def _picture_name(name: str, picture: bytes, number: int) -> tuple[str, dict[str, str]]:
    """Return the name of a picture in the copy, which programs count up for objects, and its type by this name."""
    ending, kind = picture_type(picture)
    folder = name.rpartition("/")[0]
    new = name if _REPLACEMENT.fullmatch(name) else f"{folder}/image{number}.{ending}"
    return new, {new: kind}


def _object_types(archive: zips.Archive, parts: Iterable[str]) -> dict[str, str]:
    """Return the types of the folders of embedded objects, as far as they are known."""
    given = _manifest_types(archive)
    folders = {f"{part.rpartition('/')[0]}/" for part in parts} - {"/"}
    return {name: kind for name in sorted(folders) if _OBJECT_TYPE.fullmatch(kind := given.get(name, ""))}


def manifest(media_type: str, types: Mapping[str, str]) -> str:
    """Return a new manifest of the parts and pictures in ``types``."""
    rows = [("/", media_type), *types.items()]
    entries = "".join(
        f"<manifest:file-entry manifest:full-path={quoteattr(name)} manifest:media-type={quoteattr(kind)}/>"
        for name, kind in rows
    )
    space = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    head = f'<manifest:manifest xmlns:manifest="{space}" manifest:version="1.2">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{entries}</manifest:manifest>'


@dataclass
class _ManifestEntries(markup.Rules):
    types: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        values = {local(key): value for key, value in attributes.items()}
        if local(name) == "file-entry":
            self.types[values.get("full-path", "")] = values.get("media-type", "")
        return attributes


def _manifest_types(archive: zips.Archive) -> dict[str, str]:
    if zips.ODF_MANIFEST not in archive:
        return {}
    entries = _ManifestEntries()
    markup.read(io.BytesIO(archive.read(zips.ODF_MANIFEST, zips.MANIFEST_BYTES)), entries, archive.allowance)
    return entries.types
