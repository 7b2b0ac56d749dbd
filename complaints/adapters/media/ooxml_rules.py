"""Rules for the XML in Word, Excel and PowerPoint files, element by element; for ``ooxml`` only.

The vocabulary says which elements and attributes a copy may hold, ``ooxml_values`` which values of attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from complaints.adapters.media import formulas, markup
from complaints.adapters.media.hidden_content import HiddenContent
from complaints.adapters.media.ooxml_values import Values
from complaints.adapters.media.vocabulary import Vocabulary, load, names_a_place

_UNWRAPPED: Final = markup.names(
    "w:fldChar w:fldSimple w:instrText w:smartTag w:customXml w:sdt w:sdtContent w:ffData w:checkBox w:ddList"
)
# Elements whose text people read.
_TEXTS: Final = markup.names(
    "w:t w:delText a:t m:t p:text p188:t x:t x:v c:v cx:v cx:pt c:separator c:formatCode",
    "x:oddHeader x:oddFooter x:evenHeader x:evenFooter x:firstHeader x:firstFooter",
)
_FORMULAS: Final = markup.names(
    "x:f x:formula x:formula1 x:formula2 x:definedName x:calculatedColumnFormula x:totalsRowFormula xm:f xm:sqref",
    "c:f c15:f c15:sqref cx:f cx:nf",
)
_UUIDS: Final = markup.names("a:tableStyleId x14:id")
# Elements that are valid without the file that they refer to; others are dropped with their relationship.
_VALID_WITHOUT_TARGET: Final = markup.names(
    "w:hyperlink x:hyperlink a:hlinkClick a:hlinkMouseOver a:blip v:imagedata x:pageSetup p:oleObj v:fill v:stroke",
    "w:background a14:imgLayer",
)
# The instruction of a field that leads to an address or a file, and not to a place of the document.
_LINK: Final = re.compile(r"\s*HYPERLINK\s+(?!\\l)", re.I)
_RESULTS: Final = markup.names("w:t w:delText w:drawing w:pict w:object")
_LOST_WITH: Final = {
    "control": "form-values",
    "altChunk": "embedded-page",
    "OLEObject": "embedded-files",
}
_OFF: Final = frozenset({"0", "false", "off"})
# Attributes whose values are prefixes.
_PREFIXES: Final = markup.names("mc:Ignorable Requires")


@dataclass
class FormField:
    """A check box or a list of choices in Word, whose state stands in its description and not in the text."""

    is_box: bool = False
    default: str = ""
    state: str = ""
    choices: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Take note of a part of the description; nothing of it is copied."""
        value = attributes.get("w:val", "")
        if name == "w:checkBox":
            self.is_box = True
        elif name == "w:default":
            self.default = value or "1"
        elif name in {"w:checked", "w:result"}:
            self.state = value or "1"
        elif name == "w:listEntry":
            self.choices.append(value)
        return {} if name in _UNWRAPPED else None

    def shown(self) -> str:
        """Return what Word draws for it; "" for a field whose value stands in the text."""
        state = self.state or self.default or "0"
        if self.is_box:
            return "\N{BALLOT BOX}" if state in _OFF else "\N{BALLOT BOX WITH X}"
        index = int(state) if state.isascii() and state.isdigit() and len(state) < 4 else 0
        return self.choices[index] if index < len(self.choices) else ""


@dataclass
class PartRules(markup.Rules):
    """Rules for one part; ``relationships`` has the new ids of those that stay.

    ``lost_pictures`` holds the ids of those to pictures that the copy lacks, ``lost_names`` the names of cells and
    formulas, in lower case, that the copy does not define.
    """

    vocabulary: Vocabulary | None = field(default_factory=lambda: load("ooxml"))
    unwrap: frozenset[str] = _UNWRAPPED
    relationships: Mapping[str, str] = field(default_factory=dict)
    lost_pictures: Set[str] = frozenset()
    lost_names: frozenset[str] = frozenset()
    values: Values = field(default_factory=lambda: Values(load("ooxml")))
    # For each open Word field, whether its instruction is being read and not its result.
    fields: list[bool] = field(default_factory=list)
    unsafe: set[str] = field(default_factory=set)
    share: str = ""
    # Codes of ``losses``.
    losses: set[str] = field(default_factory=set)
    hidden: HiddenContent = field(default_factory=HiddenContent)
    form_field: FormField = field(default_factory=FormField)
    # The depth of the open field that was drawn, 0 for none.
    drawn: int = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop elements that refer to what is lost, and values that are not known to tell nothing."""
        if name == "w:fldChar":
            self._update_fields(attributes.get("w:fldCharType", ""))
            return {}
        self._note_link(attributes.get("w:instr", ""))
        self.hidden.note(self.path, attributes)
        if "w:ffData" in self.path:
            return self.form_field.start(name, attributes)
        if self._is_dropped(name, attributes):
            return None
        if not attributes:
            return None if self._shares_unsafe_formula(name, attributes) else attributes
        remaining = self._referring(name, attributes)
        if remaining is None or self._shares_unsafe_formula(name, remaining):
            return None
        kept = {}
        for key, value in remaining.items():
            done = _is_reference(key) or key in _PREFIXES
            copied = value if done else self.values.attribute(name, key, value)
            if copied is not None:
                kept[key] = copied
        return kept

    def text(self, text: str) -> str | None:
        """Keep what people read and formulas that only calculate; replace the names of comment authors."""
        inside = self.path[-1]
        if inside in _TEXTS:
            self.hidden.note_text(self.path, text)
            return self.values.people.relabelled(text) if inside == "x:t" and "x:comment" in self.path else text
        if inside == "x:author":
            return self.values.people(text)
        if inside == "w:instrText":
            return self._note_link(text)
        if inside in _FORMULAS:
            return self._formula(inside, text)
        if text.isspace() or self.values.vocabulary.is_plain(text):
            return text
        return self.values.uuid(text) if inside in _UUIDS else ""

    def _note_link(self, instruction: str) -> str:
        """Take note of a field whose result stays without the address behind it; nothing of an instruction does."""
        if _LINK.match(instruction):
            self.losses.add("links")
        return ""

    def left_out(self, name: str) -> None:
        """Take note of what people would see."""
        if name in _LOST_WITH:
            self.losses.add(_LOST_WITH[name])

    def written(self, name: str) -> tuple[str, str] | None:
        """Draw a check box or a list of choices as the text that it shows."""
        if name != "w:ffData" or any(self.fields[:-1]) or not (text := self.form_field.shown()):
            return None
        self.drawn = len(self.fields)
        return "w:t", text

    def end(self, name: str) -> None:
        """End all field instructions with their paragraph: a field that never ends must not hide the rest."""
        if name == "w:p":
            self.fields = [False] * len(self.fields)

    def _is_dropped(self, name: str, attributes: Mapping[str, str]) -> bool:
        if name in _RESULTS:
            return any(self.fields)
        if name == "mc:Choice":
            return not all(word in self.prefixes for word in attributes.get("Requires", "").split())
        if name == "x:definedName":
            return attributes.get("name", "").lower() in self.lost_names
        # Extensions of programs that are not known to draw something.
        return "uri" in attributes and self.values.attribute("a:graphicData", "uri", attributes["uri"]) is None

    def _formula(self, inside: str, text: str) -> str | None:
        if formulas.only_calculates(text, lost=self.lost_names):
            return text
        self.unsafe.add(self.share)
        self.losses.add("formulas")
        return None if inside.startswith(("x:", "xm:")) else ""

    def _shares_unsafe_formula(self, name: str, attributes: Mapping[str, str]) -> bool:
        """Return whether a cell shares a formula that was dropped in its first cell."""
        if name != "x:f":
            return False
        self.share = attributes.get("si", "")
        return bool(self.share) and self.share in self.unsafe

    def _update_fields(self, char_type: str) -> None:
        if char_type == "begin":
            self.fields.append(True)
            self.form_field = FormField()
        elif self.fields and char_type == "separate":
            # What a program wrote there for a field that is drawn already says the same.
            self.fields[-1] = self.drawn == len(self.fields)
        elif self.fields and char_type == "end":
            self.drawn = 0 if self.drawn == len(self.fields) else self.drawn
            self.fields.pop()

    def _referring(self, name: str, attributes: Mapping[str, str]) -> dict[str, str] | None:
        """Give references the new ids; return None where the element is nothing without what is lost."""
        remaining, is_lost = {}, False
        self._note_lost_pictures(attributes)
        for key, value in attributes.items():
            if not _is_reference(key) or not value:
                remaining[key] = self._prefixes(value) if key in _PREFIXES else value
            elif value in self.relationships:
                remaining[key] = self.relationships[value]
            else:
                is_lost = True
        if is_lost and name not in _VALID_WITHOUT_TARGET:
            return None
        return None if is_lost and name == "x:hyperlink" and "location" not in remaining else remaining

    def _note_lost_pictures(self, attributes: Mapping[str, str]) -> None:
        """Take note of a picture that is shown by no other file either; those in extensions have another."""
        ids = {value for key, value in attributes.items() if _is_reference(key) and value}
        if ids & self.lost_pictures and not ids & self.relationships.keys():
            self.losses.add("pictures")

    def _prefixes(self, words: str) -> str:
        """Return the vocabulary's prefixes for those of the file."""
        known = (self.prefixes[word].prefix for word in words.split() if word in self.prefixes)
        return " ".join(dict.fromkeys(known))


def _is_reference(key: str) -> bool:
    return key.startswith("r:") or key == "o:relid"


@dataclass
class DefinedNames(markup.Rules):
    """Collects the names of cells and formulas in a workbook that a copy cannot define, in lower case."""

    lost: set[str] = field(default_factory=set)
    name: str = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Take note of the name that is being defined."""
        self.name = attributes.get("name", "") if markup.local(name) == "definedName" else ""
        if names_a_place(self.name):
            self.lost.add(self.name.lower())
        return attributes

    def text(self, text: str) -> str | None:
        """Judge the formula of a name."""
        if self.name and not formulas.only_calculates(text):
            self.lost.add(self.name.lower())
        return text
