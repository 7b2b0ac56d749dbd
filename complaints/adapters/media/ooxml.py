"""Word, Excel and PowerPoint files: a copy with the shown content, without authors, macros and embedded objects.

Parts are copied by the type of their relationship, not by name: a type that is not known to be shown is left out. What
of a part is copied is decided by ``ooxml_rules``. Runs in the sandbox only.
"""

from __future__ import annotations

import io
import itertools
import posixpath
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

from complaints.adapters.media import kinds, markup, pieces, zips
from complaints.adapters.media.hidden_content import HiddenContent
from complaints.adapters.media.markup import local
from complaints.adapters.media.ooxml_parts import HYPERLINKS, content_type, new_name, picture_type
from complaints.adapters.media.ooxml_rules import DefinedNames, PartRules
from complaints.adapters.media.ooxml_values import Values
from complaints.adapters.media.refusal import Unreadable, refusal
from complaints.adapters.media.vocabulary import load

ROOTS: Final = {kinds.DOCX: "word", kinds.XLSX: "xl", kinds.PPTX: "ppt"}
# Relationships of what people would see or run, and the code of its loss.
_LOST_KINDS: Final = {
    **dict.fromkeys(("video", "audio", "media"), "media"),
    "aFChunk": "embedded-page",
    **dict.fromkeys(("oleObject", "package"), "embedded-files"),
    **dict.fromkeys(("control", "ctrlProp", "dialogsheet"), "form-values"),
    # Pictures in cells, as WPS and newer Excels write them.
    **dict.fromkeys(("cellImage", "richValueRel"), "pictures"),
    **dict.fromkeys(("vbaProject", "xlMacrosheet", "xlIntlMacrosheet"), "macros"),
    **dict.fromkeys(("revisionHeaders", "changesInfo"), "earlier-revisions"),
    "font": "fonts",
}
_TYPES: Final = "[Content_Types].xml"
_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES_SPACE: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONSHIPS_TYPE: Final = "application/vnd.openxmlformats-package.relationships+xml"
_USUAL_ID: Final = re.compile(r"rId\d{1,6}")
_LINK_SCHEMES: Final = ("http://", "https://", "mailto:")
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SMALL: Final = 4 * 1024 * 1024


@dataclass
class Relationship:
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
    markup.read(io.BytesIO(archive.read(name, _SMALL)), rules, archive.allowance)
    return rules.elements


def _relationships_name(part: str) -> str:
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relationships(archive: zips.Archive, part: str) -> list[Relationship]:
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
        result.append(Relationship(attributes.get("Id", ""), kind, target, external))
    return result


class Copy:
    """Copies the parts that are shown, from the main one on; ``root`` is its folder, "word", "xl" or "ppt"."""

    def __init__(self, archive: zips.Archive, writer: zips.Writer, root: str) -> None:
        self._archive = archive
        self._writer = writer
        self._root = root
        self._values = Values(load("ooxml"))
        self.losses: set[str] = set()
        self._hidden = HiddenContent()
        self._lost_names: frozenset[str] = frozenset()
        # The names of the copied parts by their old ones in lower case; "" for a part that is left out.
        self._names: dict[str, str] = {}
        self._types: dict[str, str] = {}

    def write(self) -> None:
        mains = [item for item in relationships(self._archive, "") if item.type.endswith("/officeDocument")]
        if not mains or mains[0].external or _TYPES not in self._archive:
            raise Unreadable
        self._lost_names = self._names_that_are_lost(mains[0].target)
        if not self._copy(mains[0], is_main=True):
            raise Unreadable
        self._write_relationships("", {"rId1": mains[0]})
        self._write_types()
        self.losses |= self._hidden.codes

    def _names_that_are_lost(self, main: str) -> frozenset[str]:
        names = DefinedNames()
        if self._root == "xl" and main in self._archive:
            with self._archive.open(main) as stream:
                markup.read(stream, names, self._archive.allowance)
        return frozenset(names.lost)

    def _copy(self, item: Relationship, *, is_main: bool = False) -> bool:
        """Copy a part after the parts that it shows, so that references to parts that were left out can be removed."""
        part, kind = item.target, content_type(item.type, self._root)
        if kind is None or part not in self._archive or posixpath.basename(posixpath.dirname(part)) == "_rels":
            return False
        if part.casefold() not in self._names:
            try:
                self._write_part(part, kind)
            except Unreadable:
                # Excel's legacy drawing parts are often not well-formed XML; the sheet is shown without them.
                if is_main or not kind.endswith("vmlDrawing"):
                    raise
                self._names[part.casefold()] = ""
        return bool(self._names[part.casefold()])

    def _write_part(self, part: str, kind: str) -> None:
        if not kind:
            self._write_picture(part)
            return
        ending = "vml" if kind.endswith("vmlDrawing") else "xml"
        name = self._name(part, ending)
        items = relationships(self._archive, part)
        shown = {item.identifier: item for item in items if self._is_shown(item)}
        ids = _new_ids(shown)
        rewritten = io.BytesIO()
        with self._archive.open(part) as source:
            pictures = {item.identifier for item in items if item.type.endswith("/image")}
            rules = self._rules(part, ids, pictures - shown.keys())
            if not markup.rewrite(source, rewritten, rules, self._archive.allowance):
                self._names[part.casefold()] = ""
                return
        self._writer.add(name, rewritten.getvalue())
        self._types[name] = kind
        if shown:
            self._write_relationships(name, {ids[identifier]: item for identifier, item in shown.items()})

    def _rules(self, part: str, ids: Mapping[str, str], lost_pictures: Set[str]) -> PartRules:
        """Return the rules for a part; ``ids`` has the new ids of its relationships that stay."""
        return PartRules(
            relationships=ids,
            lost_pictures=lost_pictures,
            lost_names=self._lost_names,
            values=self._values,
            losses=self.losses,
            hidden=self._hidden,
        )

    def _write_picture(self, part: str) -> None:
        picture = pieces.picture(self._archive.read(part), self.losses)
        self._names[part.casefold()] = ""
        if picture is not None:
            ending, kind = picture_type(picture)
            name = self._name(part, ending)
            self._writer.add(name, picture, stored=True)
            self._types[name] = kind

    def _name(self, part: str, ending: str) -> str:
        used = self._names.values()
        name = new_name(part, len(self._names) + 1, self._root, ending)
        if name.casefold() in {other.casefold() for other in used}:
            raise Unreadable
        self._names[part.casefold()] = name
        return name

    def _is_shown(self, item: Relationship) -> bool:
        self.losses |= {code for kind, code in _LOST_KINDS.items() if item.type.endswith(f"/{kind}")}
        if item.external:
            is_kept = item.type in HYPERLINKS and item.target.lower().startswith(_LINK_SCHEMES)
            self.losses |= {"links"} if item.type in HYPERLINKS and not is_kept else set()
            return is_kept
        # A link to another slide of the document.
        if item.type in HYPERLINKS:
            return bool(self._names.get(item.target.casefold()))
        return self._copy(item)

    def _write_relationships(self, part: str, items: Mapping[str, Relationship]) -> None:
        folder = posixpath.dirname(part)
        rows = []
        for identifier, item in items.items():
            name = item.target if item.external else self._names[item.target.casefold()]
            target = name if item.external else posixpath.relpath(f"/{name}", f"/{folder}")
            mode = ' TargetMode="External"' if item.external else ""
            identity = f"Id={quoteattr(identifier)} Type={quoteattr(item.type)}"
            rows.append(f"<Relationship {identity} Target={quoteattr(target)}{mode}/>")
        text = f'{_HEAD}<Relationships xmlns="{_RELATIONSHIPS}">{"".join(rows)}</Relationships>'
        self._writer.add(_relationships_name(part), text.encode())

    def _write_types(self) -> None:
        rows = [f'<Default Extension="rels" ContentType="{_RELATIONSHIPS_TYPE}"/>']
        rows += [f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in self._types.items()]
        self._writer.add(_TYPES, f'{_HEAD}<Types xmlns="{_TYPES_SPACE}">{"".join(rows)}</Types>'.encode())


def _new_ids(items: Iterable[str]) -> dict[str, str]:
    """Return the ids of relationships in a copy: those that programs count up stay."""
    usual = {item for item in items if _USUAL_ID.fullmatch(item)}
    free = (name for number in itertools.count(1) if (name := f"rId{number}") not in usual)
    return {item: item if item in usual else next(free) for item in items}


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write the document without authors, revision ids, properties, macros and embedded objects; return its type.

    Comments stay, under aliases of their authors. Fields keep their last result; formulas and links that lead outside
    of the file are removed. ``losses`` gets the codes of :mod:`losses` that apply.
    Raises Unreadable: damaged, encrypted, a bomb, or without a main part.
    """
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            copy = Copy(archive, writer, ROOTS[media_type])
            copy.write()
    except (OSError, MemoryError, RecursionError) as error:
        raise refusal(error) from error
    if losses is not None:
        losses |= copy.losses
    return media_type
