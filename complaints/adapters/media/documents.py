"""What an office document betrays, Word to OpenDocument: read from its parts, nothing run. For the sandbox only."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from complaints.adapters.media import hints, images, kinds, markup, ooxml, zips
from complaints.adapters.media.markup import local
from complaints.adapters.media.refusal import Unreadable

_LARGE: Final = 64 * 1024 * 1024
_PICTURES_READ: Final = 20
# Parts whose being there says it all.
_BY_NAME: Final = (
    (re.compile(r"vbaProject|/macrosheets/|^Basic/|^Scripts/|vbaData", re.I), "script"),
    (re.compile(r"/embeddings/|/activeX/|^Object \d+$|\.ole$", re.I), "attachment"),
    (re.compile(r"docProps/thumbnail|^Thumbnails/", re.I), "thumbnail"),
    (re.compile(r"people\.xml$|/persons/|[cC]ommentAuthors|/authors\.xml$"), "people"),
    (re.compile(r"xl/revisions/|changesInfos/", re.I), "history"),
    (re.compile(r"printerSettings", re.I), "device"),
)
_PROPERTIES: Final = re.compile(r"docProps/(core|app)\.xml|meta\.xml", re.I)
_CUSTOM: Final = re.compile(r"docProps/custom\.xml", re.I)
_PARTS: Final = re.compile(r"(word|xl|ppt)/[\w/]*\w\.xml|(content|styles|settings)\.xml", re.I)
_RELATIONSHIPS: Final = re.compile(r"(.*/)?_rels/.*\.rels", re.I)
_PICTURE: Final = re.compile(r"(.*/media|Pictures)/.*", re.I)
_CHANGES: Final = markup.names("ins del moveFrom moveTo tracked-changes")
_SOFTWARE_FIELDS: Final = markup.names("Application AppVersion generator")


@dataclass
class _Properties(markup.Rules):
    """Fields of the property parts that hold something."""

    found: set[str] = field(default_factory=set)

    def text(self, text: str) -> str | None:
        if text.strip():
            self.found.add("software" if self.path[-1] in _SOFTWARE_FIELDS else hints.code_of(self.path[-1]))
        return text


@dataclass
class _Content(markup.Rules):
    """Names, changes and folders in the parts that hold the text."""

    found: set[str] = field(default_factory=set)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        tag, values = local(name), {local(key): value for key, value in attributes.items()}
        if tag in _CHANGES and (tag == "tracked-changes" or "author" in values):
            self.found.add("history")
        if values.get("author") or values.get("refreshedBy") or values.get("userName"):
            self.found.add("people")
        if tag == "absPath":
            self.found.add("path")
        return attributes

    def text(self, text: str) -> str | None:
        inside, outside = self.path[-1], self.path[-2:-1]
        if text.strip() and (inside == "author" or (inside == "creator" and outside != ["meta"])):
            self.found.add("people")
        if text.strip() and inside == "config-item" and "rinter" in "".join(self.path):
            self.found.add("device")
        return text


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply to an office document.

    Raises:
        Unreadable: damaged, encrypted or a bomb.
    """
    with zips.opened(source) as archive:
        found = {code for name in archive for pattern, code in _BY_NAME if pattern.search(name)}
        for name in archive:
            if _PROPERTIES.fullmatch(name):
                found |= _read(archive, name, _Properties())
            elif _CUSTOM.fullmatch(name):
                found.add("title")
            elif _PARTS.fullmatch(name) and archive.size(name) <= _LARGE:
                found |= _read(archive, name, _Content())
            elif _RELATIONSHIPS.fullmatch(name):
                found |= _outside(archive, name)
        found |= _pictures(archive)
    return found & set(hints.CODES)


def _read(archive: zips.Archive, name: str, rules: _Properties | _Content) -> set[str]:
    with archive.open(name) as stream:
        markup.rewrite(stream, None, rules)
    return rules.found


def _outside(archive: zips.Archive, name: str) -> set[str]:
    """What is fetched from outside by itself, or names a folder of the writer's computer."""
    folder, _, part = name.rpartition("_rels/")
    found = set()
    for item in ooxml.relationships(archive, folder + part.removesuffix(".rels")):
        if item.external and re.match(r"file:|[A-Za-z]:|\\\\|/", item.target):
            found.add("path")
        elif item.external and not item.type.endswith("/hyperlink"):
            found.add("remote")
    return found


def _pictures(archive: zips.Archive) -> set[str]:
    found: set[str] = set()
    names = [name for name in archive if _PICTURE.fullmatch(name) and archive.size(name) <= _LARGE]
    for name in names[:_PICTURES_READ]:
        data = archive.read(name)
        try:
            found |= images.inspect(io.BytesIO(data), kinds.recognise(data))
        except Unreadable:
            continue  # not a picture that carries anything
    return found
