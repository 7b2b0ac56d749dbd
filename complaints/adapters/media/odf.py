"""OpenDocument texts, tables and slides: a copy with the shown content, without authors, macros and embedded programs.

Runs in the sandbox only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.sax.saxutils import quoteattr

from complaints.adapters.media import markup, pieces, zips
from complaints.adapters.media.markup import Aliases, local
from complaints.adapters.media.refusal import Unreadable, refusal

_CONTENT: Final = re.compile(r"(Object \d+/)?(content|styles)\.xml")
_PICTURES: Final = re.compile(r"(Object \d+/)?(Pictures|ObjectReplacements)/[^/]+")
_MANIFEST: Final = "META-INF/manifest.xml"
_SMALL: Final = 4 * 1024 * 1024
# OpenDocument 1.3: programs, forms and their data sources, live links to other files, plug-ins.
_DROPPED: Final = markup.names(
    "scripts event-listeners event-listener script forms control object-ole plugin applet floating-frame",
    "dde-connection-decls dde-connection-decl dde-source dde-link table-source cell-range-source section-source",
    "creator-initials sender-initials database-source-table database-source-sql database-source-query",
)
# Fields that a program would fill in again, with the reader's name or folder.
_UNWRAPPED: Final = markup.names(
    "author-name author-initials initial-creator file-name template-name sender-firstname sender-lastname",
    "sender-initials sender-title sender-position sender-email sender-company modification-date modification-time",
    "creation-date creation-time printed-by print-date print-time editing-cycles editing-duration execute-macro",
)
_LINK_SCHEMES: Final = ("http://", "https://", "mailto:", "#")
_AUTHORED: Final = markup.names("annotation change-info")
_NEEDS_TARGET: Final = markup.names("image object fill-image background-image a")


@dataclass
class _OdfRules(markup.Rules):
    drop: frozenset[str] = _DROPPED
    unwrap: frozenset[str] = _UNWRAPPED
    copied: frozenset[str] = frozenset()
    folder: str = ""
    aliases: Aliases = field(default_factory=Aliases)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        tag = local(name)
        if tag in self.drop or (tag == "date" and self._names_author()):
            return None
        allowed = {key: value for key, value in attributes.items() if not local(key).endswith("rsid")}
        lost = [key for key, value in allowed.items() if local(key) == "href" and not self._reachable(tag, value)]
        if lost and tag in _NEEDS_TARGET - {"a"}:
            return None
        return {key: value for key, value in allowed.items() if key not in lost}

    def text(self, text: str) -> str | None:
        return self.aliases(text) if self.path[-1] == "creator" and self._names_author() else text

    def _names_author(self) -> bool:
        return len(self.path) > 1 and self.path[-2] in _AUTHORED

    def _reachable(self, tag: str, target: str) -> bool:
        if target.lower().startswith(_LINK_SCHEMES):
            return tag == "a" or target.startswith("#")
        name = self.folder + target.removeprefix("./").rstrip("/")
        return name in self.copied or f"{name}/content.xml" in self.copied


def clean(source: BinaryIO, out: BinaryIO, media_type: str) -> str:
    """Write the document without authors, properties, macros and embedded programs; return its type.

    Comments and tracked changes stay, under aliases of their authors. Raises Unreadable: damaged, encrypted, a bomb,
    or without content.
    """
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            writer.add("mimetype", media_type.encode(), stored=True)
            _copy(archive, writer, media_type)
    except (OSError, MemoryError) as error:
        raise refusal(error) from error
    return media_type


def _copy(archive: zips.Archive, writer: zips.Writer, media_type: str) -> None:
    if "content.xml" not in archive:
        raise Unreadable
    if _MANIFEST in archive and b"encryption-data" in archive.read(_MANIFEST, _SMALL):
        raise Unreadable("encrypted")
    pictures = {}
    for name in archive:
        if _PICTURES.fullmatch(name) and (picture := pieces.picture(archive.read(name))) is not None:
            pictures[name] = picture
            writer.add(name, picture, stored=True)
    parts = [name for name in archive if _CONTENT.fullmatch(name)]
    copied, aliases = frozenset([*parts, *pictures]), Aliases()
    for part in parts:
        folder = part.rpartition("/")[0]
        rules = _OdfRules(copied=copied, folder=f"{folder}/" if folder else "", aliases=aliases)
        rewritten = io.BytesIO()
        with archive.open(part) as stream:
            markup.rewrite(stream, rewritten, rules, archive.allowance)
        writer.add(part, rewritten.getvalue())
    writer.add(_MANIFEST, _manifest(archive, media_type, copied).encode())


def _manifest(archive: zips.Archive, media_type: str, copied: frozenset[str]) -> str:
    """Return a new manifest; the types of copied parts are taken from the old one."""
    rows = [("/", media_type)]
    for name, kind in _manifest_types(archive).items():
        if name in copied or f"{name}content.xml" in copied - {"content.xml"}:
            rows.append((name, kind))
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
    if _MANIFEST not in archive:
        return {}
    entries = _ManifestEntries()
    markup.rewrite(io.BytesIO(archive.read(_MANIFEST, _SMALL)), None, entries, archive.allowance)
    return entries.types
