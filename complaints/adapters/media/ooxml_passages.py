"""Word, Excel and PowerPoint files without passages of their text; what a person cannot read on the page is not kept.

Made of a working copy: its texts, tables and looks stay, pictures, diagrams, comments, formulas and links do not. In
the sandbox only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Final

from complaints.adapters.media import markup, zips
from complaints.adapters.media.ooxml import ROOTS, Copy, Relationship, relationships
from complaints.adapters.media.ooxml_rules import PartRules
from complaints.adapters.media.ooxml_values import shows_text
from complaints.adapters.media.passages import Part, PartText, Passages
from complaints.adapters.media.refusal import refusal

# Relationships of the parts that hold texts and how they look.
_KEPT: Final = markup.names(
    "officeDocument styles numbering settings fontTable theme themeOverride header footer footnotes endnotes worksheet",
    "slide slideLayout slideMaster notesSlide notesMaster tableStyles",
)
# Of a workbook and a sheet; lists of choices, filters, conditions and names of cells hold what stands in cells.
_KEPT_IN: Final = {
    "x:workbook": markup.names("x:fileVersion x:workbookPr x:bookViews x:sheets x:calcPr"),
    "x:worksheet": markup.names(
        "x:sheetPr x:dimension x:sheetViews x:sheetFormatPr x:cols x:sheetData x:mergeCells x:printOptions",
        "x:pageMargins x:pageSetup x:headerFooter x:rowBreaks x:colBreaks",
    ),
}
_DROPPED: Final = markup.names(
    "x:f x:extLst x:phoneticPr x:rPh p:pic p:oleObj p:custDataLst p:extLst w:del w:moveFrom w:object v:textpath",
    "w:commentReference w:commentRangeStart w:commentRangeEnd w:hyperlinkBase",
)
_FRAMES: Final = markup.names("w:drawing w:pict p:graphicFrame")
_PARAGRAPHS: Final = markup.names("w:p a:p x:row x:oddHeader x:oddFooter x:evenHeader x:evenFooter x:firstHeader")
# What stands between two texts: the beginning of a paragraph inside of another, or of a cell.
_SIGNS: Final = {
    **dict.fromkeys(("w:p", "w:br", "w:cr", "a:br"), "\n"),
    **dict.fromkeys(("w:tab", "x:c"), "\t"),
    "w:noBreakHyphen": "-",
}
_TEXTS: Final = markup.names(
    "w:t a:t m:t x:t x:oddHeader x:oddFooter x:evenHeader x:evenFooter x:firstHeader x:firstFooter"
)
# Slides show no prompt of what they are made from.
_PATTERNS: Final = markup.names("p:sldLayout p:sldMaster p:notesMaster")
_STRING: Final = "str"
_GENERAL: Final = "General"
_BUILT_IN_DATES: Final = frozenset({*range(14, 23), *range(45, 48)})
_DATE_SIGNS: Final = re.compile(r"[dmyhs]", re.I)
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_FIRST_DAY: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - the day zero of a table, without a zone
_DAYS: Final = 2_958_466


@dataclass
class _Strings(markup.Rules):
    """Collects the shared texts of a workbook, without their looks."""

    strings: list[list[str]] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        if self.path[-1] == "si":
            self.strings.append([])
        return None if self.path[-1] == "rPh" else attributes

    def text(self, text: str) -> str | None:
        if self.path[-1] == "t" and self.strings:
            self.strings[-1].append(text)
        return text


@dataclass
class _Formats(markup.Rules):
    """Collects which looks of cells show a number as a day or an hour."""

    codes: dict[str, str] = field(default_factory=dict)
    dates: list[bool] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        if self.path[-1] == "numFmt":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif self.path[-2:] == ["cellXfs", "xf"]:
            number = attributes.get("numFmtId", "0")
            is_built_in = number.isascii() and number.isdigit() and int(number) in _BUILT_IN_DATES
            code = _QUOTED.sub("", self.codes.get(number, ""))
            self.dates.append(is_built_in or (code != _GENERAL and _DATE_SIGNS.search(code) is not None))
        return attributes


@dataclass
class TextRules(PartRules):
    """Rules for a part of a working copy of which passages are removed."""

    shown: PartText = field(default_factory=lambda: PartText(Passages(), Part(), Part()))
    strings: Sequence[str] = ()
    dates: Sequence[bool] = ()
    # The type of the open cell, and whether its number is a day.
    cell: str = ""
    is_date: bool = False
    # Whether the open shape of a layout is one that a slide fills in.
    is_prompt: bool = False
    # Of each open choice between two ways to show something, whether the first was taken.
    choices: list[bool] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop what holds no text that a person sees on the page of marking."""
        kept_in = _KEPT_IN.get(self.path[0])
        if name in _DROPPED or (kept_in and len(self.path) == len(("part", "child")) and name not in kept_in):
            return None
        if name == "mc:Fallback" and self.choices and self.choices[-1]:
            return None
        if name in _FRAMES and not self.shown.open_frame():
            return None
        copied = super().start(name, attributes)
        if copied is None:
            if name in _FRAMES:
                self.shown.close_frame()
            return None
        self._note(name, copied)
        return self._changed(name, copied)

    def _note(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take note of what stands between texts, and of where the next one stands."""
        if name == "mc:AlternateContent":
            self.choices.append(False)
        elif name == "mc:Choice" and self.choices:
            self.choices[-1] = True
        elif name == "p:sp":
            self.is_prompt = False
        elif name == "p:ph":
            self.is_prompt = self.path[0] in _PATTERNS
        elif name in _SIGNS and (name != "w:tab" or self.path[-2] == "w:r"):
            self.shown.separate(_SIGNS[name])

    def _changed(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str]:
        """Return the attributes without names that hold a removed word, and those of a cell as its text needs them."""
        changed = dict(attributes)
        for key, value in attributes.items():
            if shows_text(name, key) and self.shown.passages.names(value):
                changed.pop(key)
                if key == "formatCode":
                    changed[key] = _GENERAL
        if name == "x:sheet":
            title = self.shown.whole(attributes.get("name", ""))
            changed["name"] = (
                attributes.get("name", "") if title is None else f"dihilangkan {attributes.get('sheetId', '')}"
            )
            self.shown.separate()
        elif name == "x:c":
            self.cell, style = attributes.get("t", "n"), attributes.get("s", "0")
            place = int(style) if style.isascii() and style.isdigit() and len(style) < len("100000") else 0
            self.is_date = place < len(self.dates) and self.dates[place]
            is_text = self.cell in {"s", _STRING} or (self.cell != "inlineStr" and self.shown.loses_next_whole())
            changed |= {"t": _STRING} if is_text else {}
        return changed

    def text(self, text: str) -> str | None:
        """Take a text that people read; return it without what is removed."""
        inside, copied = self.path[-1], super().text(text)
        if inside == "x:v":
            return self._value(text.strip())
        if inside not in _TEXTS or copied is None:
            return copied
        return "" if self.is_prompt and inside == "a:t" else self.shown.add(copied)

    def _value(self, value: str) -> str:
        """Return the value of a cell: a text in which a passage may go, or a number that goes as a whole."""
        if self.cell == "s":
            place = int(value) if value.isascii() and value.isdigit() and len(value) < len("100000000") else -1
            return self.shown.add(self.strings[place] if 0 <= place < len(self.strings) else "")
        if self.cell == _STRING:
            return self.shown.add(value)
        kept = self.shown.whole(_shown_number(value) if self.is_date else value)
        return value if kept is None else kept

    def end(self, name: str) -> None:
        """Take note of the end of a paragraph, a line of a table, or a frame."""
        super().end(name)
        if name in _PARAGRAPHS:
            self.shown.separate()
        elif name in _FRAMES:
            self.shown.close_frame()
        elif name == "mc:AlternateContent" and self.choices:
            self.choices.pop()


def _shown_number(value: str) -> str:
    """Return a number of days as a person reads it; the number where it is none."""
    try:
        days = float(value)
    except ValueError:
        return value
    if not 0 <= days < _DAYS:
        return value
    at = _FIRST_DAY + timedelta(seconds=round(days * 86_400))
    return at.strftime("%d-%m-%Y %H.%M" if at.time() != datetime.min.time() else "%d-%m-%Y")


class _TextCopy(Copy):
    """Copies the parts that hold texts."""

    def __init__(self, archive: zips.Archive, writer: zips.Writer, root: str, passages: Passages) -> None:
        super().__init__(archive, writer, root)
        self._passages = passages
        self._strings, self._formats = _Strings(), _Formats()
        if root == "xl":
            self._read(self._strings, "sharedStrings")
            self._read(self._formats, "styles")

    def _read(self, rules: markup.Rules, kind: str) -> None:
        for main in relationships(self._archive, "")[:1]:
            for item in relationships(self._archive, main.target):
                if item.type.endswith(f"/{kind}") and item.target in self._archive:
                    with self._archive.open(item.target) as stream:
                        markup.read(stream, rules, self._archive.allowance)

    def _is_shown(self, item: Relationship) -> bool:
        return not item.external and item.type.rpartition("/")[2] in _KEPT and self._copy(item)

    def _rules(self, part: str, ids: Mapping[str, str], lost_pictures: Set[str]) -> PartRules:
        return TextRules(
            relationships=ids,
            values=self._values,
            shown=self._passages.part(part),
            strings=["".join(pieces) for pieces in self._strings.strings],
            dates=self._formats.dates,
        )


def write(source: BinaryIO, out: BinaryIO, media_type: str, passages: Passages) -> None:
    """Write a working copy as ``passages`` says, which learns its texts; raises Unreadable as :func:`ooxml.clean`."""
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            _TextCopy(archive, writer, ROOTS[media_type], passages).write()
    except (OSError, MemoryError, RecursionError) as error:
        raise refusal(error) from error
