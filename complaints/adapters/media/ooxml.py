"""Word, Excel and PowerPoint files: a copy with the shown content, without authors, macros and embedded objects.

Parts are copied by the type of their relationship, not by name: a type that is not known to be shown is left out. Runs
in the sandbox only.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

from complaints.adapters.media import markup, pieces, zips
from complaints.adapters.media.markup import Aliases, local
from complaints.adapters.media.ooxml_rules import PartRules
from complaints.adapters.media.refusal import Unreadable, refusal

# Relationship types whose parts are shown, without their namespaces: ECMA-376 part 1 and Microsoft's extensions.
_SHOWN: Final = markup.names(
    "officeDocument styles stylesWithEffects numbering settings fontTable theme themeOverride header footer",
    "footnotes endnotes comments image hyperlink chart chartEx chartUserShapes chartStyle chartColorStyle diagramData",
    "diagramLayout diagramQuickStyle diagramColors diagramDrawing worksheet chartsheet sharedStrings drawing",
    "vmlDrawing table pivotTable pivotCacheDefinition pivotCacheRecords sheetMetadata slideMaster slideLayout slide",
    "notesMaster notesSlide handoutMaster presProps viewProps tableStyles commentAuthors authors",
)
_MACRO_MAINS: Final = {
    "application/vnd.ms-word.document.macroEnabled.main+xml": "wordprocessingml.document.main+xml",
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml": "wordprocessingml.template.main+xml",
    "application/vnd.ms-excel.sheet.macroEnabled.main+xml": "spreadsheetml.sheet.main+xml",
    "application/vnd.ms-excel.template.macroEnabled.main+xml": "spreadsheetml.template.main+xml",
    "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml": "presentationml.presentation.main+xml",
    "application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml": "presentationml.slideshow.main+xml",
    "application/vnd.ms-powerpoint.template.macroEnabled.main+xml": "presentationml.template.main+xml",
}
_PREFIX: Final = "application/vnd.openxmlformats-officedocument."
_TYPES: Final = "[Content_Types].xml"
_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES_SPACE: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_XML_SUFFIXES: Final = (".xml", ".vml")
_LINK_SCHEMES: Final = ("http://", "https://", "mailto:")
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SMALL: Final = 4 * 1024 * 1024


@dataclass
class _Relationship:
    identifier: str
    type: str
    target: str
    external: bool


@dataclass
class _ElementList(markup.Rules):
    """Collects the elements of a relationships or content types part."""

    elements: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        self.elements.append((local(name), attributes))
        return attributes


def _elements(archive: zips.Archive, name: str) -> list[tuple[str, Mapping[str, str]]]:
    rules = _ElementList()
    markup.rewrite(io.BytesIO(archive.read(name, _SMALL)), None, rules, archive.allowance)
    return rules.elements


def _relationships_name(part: str) -> str:
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relationships(archive: zips.Archive, part: str) -> list[_Relationship]:
    """Return the relationships of ``part`` ("" is the package), internal targets as names in the archive."""
    name = _relationships_name(part)
    if name not in archive:
        return []
    result = []
    for tag, attributes in _elements(archive, name):
        if tag != "Relationship":
            continue
        external = attributes.get("TargetMode", "").lower() == "external"
        target = attributes.get("Target", "")
        if not external:
            base = "" if target.startswith("/") else posixpath.dirname(part)
            target = posixpath.normpath(posixpath.join(base, unquote(target).lstrip("/")))
        kind = attributes.get("Type", "")
        result.append(_Relationship(attributes.get("Id", ""), kind, target, external))
    return result


class _Copy:
    def __init__(self, archive: zips.Archive, writer: zips.Writer) -> None:
        self._archive = archive
        self._writer = writer
        self._aliases = Aliases()
        self._copied: dict[str, bool] = {}

    def write(self) -> None:
        mains = [item for item in relationships(self._archive, "") if item.type.endswith("/officeDocument")]
        if not mains or _TYPES not in self._archive:
            raise Unreadable
        copied = [item for item in mains if not item.external and self._copy(item.target, main=True)]
        self._write_relationships("", copied)
        self._write_types()

    def _copy(self, part: str, *, main: bool = False) -> bool:
        """Copy a part after the parts that it shows, so that references to parts that were left out can be removed."""
        if part in self._copied:
            return self._copied[part]
        if part not in self._archive or posixpath.basename(posixpath.dirname(part)) == "_rels":
            return False
        self._copied[part] = True
        references = relationships(self._archive, part)
        shown = [item for item in references if self._is_shown(item)]
        lost = frozenset(item.identifier for item in references) - {item.identifier for item in shown}
        try:
            self._copied[part] = self._write_part(part, lost)
        except Unreadable:
            # Excel's legacy drawing parts are often not well-formed XML; the sheet is shown without them.
            if main or not part.endswith(".vml"):
                raise
            self._copied[part] = False
        if self._copied[part] and shown:
            self._write_relationships(part, shown)
        return self._copied[part]

    def _is_shown(self, item: _Relationship) -> bool:
        kind = item.type.rpartition("/")[2]
        if item.external:
            return kind == "hyperlink" and item.target.lower().startswith(_LINK_SCHEMES)
        return kind in _SHOWN and self._copy(item.target)

    def _write_part(self, part: str, lost: frozenset[str]) -> bool:
        if not part.lower().endswith(_XML_SUFFIXES):
            picture = pieces.picture(self._archive.read(part))
            if picture is not None:
                self._writer.add(part, picture, stored=True)
            return picture is not None
        rewritten = io.BytesIO()
        with self._archive.open(part) as source:
            rules = PartRules(lost=lost, aliases=self._aliases)
            markup.rewrite(source, rewritten, rules, self._archive.allowance)
        self._writer.add(part, rewritten.getvalue())
        return True

    def _write_relationships(self, part: str, items: list[_Relationship]) -> None:
        folder = posixpath.dirname(part)
        rows = []
        for item in items:
            target = item.target if item.external else posixpath.relpath(f"/{item.target}", f"/{folder}")
            mode = ' TargetMode="External"' if item.external else ""
            identity = f"Id={quoteattr(item.identifier)} Type={quoteattr(item.type)}"
            rows.append(f"<Relationship {identity} Target={quoteattr(target)}{mode}/>")
        text = f'{_HEAD}<Relationships xmlns="{_RELATIONSHIPS}">{"".join(rows)}</Relationships>'
        self._writer.add(_relationships_name(part), text.encode())

    def _write_types(self) -> None:
        rows = ['<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>']
        parts = {f"/{part}".lower() for part, was_copied in self._copied.items() if was_copied}
        suffixes = {part.rpartition(".")[2] for part in parts}
        for tag, attributes in _elements(self._archive, _TYPES):
            kind = attributes.get("ContentType", "")
            kind = _PREFIX + _MACRO_MAINS[kind] if kind in _MACRO_MAINS else kind
            extension, name = attributes.get("Extension", ""), attributes.get("PartName", "")
            if tag == "Default" and extension.lower() in suffixes - {"rels"}:
                rows.append(f"<Default Extension={quoteattr(extension)} ContentType={quoteattr(kind)}/>")
            if tag == "Override" and name.lower() in parts:
                rows.append(f"<Override PartName={quoteattr(name)} ContentType={quoteattr(kind)}/>")
        self._writer.add(_TYPES, f'{_HEAD}<Types xmlns="{_TYPES_SPACE}">{"".join(rows)}</Types>'.encode())


def clean(source: BinaryIO, out: BinaryIO, media_type: str) -> str:
    """Write the document without authors, revision ids, properties, macros and embedded objects; return its type.

    Comments stay, under aliases of their authors. Fields keep their last result; live links to other files are removed.
    Raises Unreadable: damaged, encrypted, a bomb, or without a main part.
    """
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            _Copy(archive, writer).write()
    except (OSError, MemoryError, RecursionError) as error:
        raise refusal(error) from error
    return media_type
