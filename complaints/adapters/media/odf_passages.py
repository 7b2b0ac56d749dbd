"""OpenDocument files without passages of their text; what a person cannot read on the page is not kept.

Made of a working copy: its texts, tables and looks stay, pictures, objects, comments, formulas and links do not. In the
sandbox only.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from complaints.adapters.media import markup, zips
from complaints.adapters.media.odf import manifest
from complaints.adapters.media.odf_rules import TEXTS as READ
from complaints.adapters.media.odf_rules import UNWRAPPED, PartRules, Values, shows_text
from complaints.adapters.media.passages import Part, PartText, Passages
from complaints.adapters.media.refusal import Unreadable, refusal
from complaints.adapters.media.vocabulary import load

_PARTS: Final = ("styles.xml", "content.xml")
# Lists of choices, filters, conditions and names of cells hold what stands in cells.
_DROPPED: Final = markup.names(
    "text:tracked-changes office:annotation officeooo:annotation office:annotation-end table:content-validations",
    "table:named-expressions table:database-ranges table:data-pilot-tables table:filter table:scenario",
    "calcext:conditional-formats calcext:data-bar table:label-ranges table:dde-links table:consolidation draw:object",
    "draw:image text:variable-decls text:user-field-decls text:sequence-decls draw:plugin",
)
# What a cell or a field holds beside the text that it shows.
_VALUES: Final = markup.names(
    "table:formula office:value office:value-type office:string-value office:date-value office:time-value",
    "office:boolean-value office:currency calcext:value-type text:formula table:content-validation-name",
)
_SIGNS: Final = {"text:s": " ", "text:tab": "\t", "text:line-break": "\n"}
_PARAGRAPHS: Final = markup.names("text:p text:h")
_FRAME: Final = "draw:frame"
_TABLE: Final = "table:table"


@dataclass
class TextRules(PartRules):
    """Rules for a part of a working copy of which passages are removed."""

    shown: PartText = field(default_factory=lambda: PartText(Passages(), Part(), Part()))
    tables: int = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop what holds no text that a person sees on the page of marking."""
        if name in _DROPPED or (name == _FRAME and not self.shown.open_frame()):
            return None
        copied = super().start(name, {key: value for key, value in attributes.items() if key not in _VALUES})
        if copied is None:
            if name == _FRAME:
                self.shown.close_frame()
            return None
        if name in _SIGNS:
            self.shown.separate(_SIGNS[name])
        names = self.shown.passages.names
        changed = {key: value for key, value in copied.items() if not (shows_text(name, key) and names(value))}
        if name == _TABLE:
            self._name_table(copied.get("table:name", ""), changed)
        return changed

    def _name_table(self, title: str, changed: dict[str, str]) -> None:
        """Take the name of a table as a text that stays or goes as a whole."""
        self.tables += 1
        if title:
            kept = self.shown.whole(title)
            changed["table:name"] = title if kept is None else f"dihilangkan {self.tables}"
            self.shown.separate()

    def _target(self, name: str, target: str) -> str | None:
        return super()._target(name, target) if target.startswith("#") else None

    def text(self, text: str) -> str | None:
        """Take a text that people read; return it without what is removed."""
        inside, copied = self.path[-1], super().text(text)
        if not copied or inside not in READ | UNWRAPPED:
            return copied
        if inside.startswith("number:"):
            return "" if self.shown.passages.names(copied) else copied
        return self.shown.add(copied)

    def end(self, name: str) -> None:
        """Take note of the end of a paragraph, a line of a table, or a frame."""
        super().end(name)
        if name in _PARAGRAPHS:
            self.shown.separate("\t" if "table:table-cell" in self.path[:-1] else "\n")
        elif name == "table:table-row":
            self.shown.separate()
        elif name == _FRAME:
            self.shown.close_frame()


def write(source: BinaryIO, out: BinaryIO, media_type: str, passages: Passages) -> None:
    """Write a working copy as ``passages`` says, which learns its texts; raises Unreadable as :func:`odf.clean`."""
    try:
        with zips.opened(source) as archive, zips.writer(out) as writer:
            writer.add("mimetype", media_type.encode(), stored=True)
            values, written = Values(load("odf")), []
            for part in (name for name in _PARTS if name in archive):
                rules, rewritten = TextRules(values=values, shown=passages.part(part)), io.BytesIO()
                with archive.open(part) as stream:
                    if markup.rewrite(stream, rewritten, rules, archive.allowance):
                        writer.add(part, rewritten.getvalue())
                        written.append(part)
            if "content.xml" not in written:
                raise Unreadable
            writer.add(zips.ODF_MANIFEST, manifest(media_type, dict.fromkeys(written, "text/xml")).encode())
    except (OSError, MemoryError) as error:
        raise refusal(error) from error
