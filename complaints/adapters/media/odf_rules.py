"""Rules for the XML of OpenDocument files, element by element; for ``odf`` only.

The vocabulary says which elements and attributes a copy may hold. Numbers and enumerated words stay; other texts of
attributes stay where people see them, get an alias where other places refer to them, and are left out elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from complaints.adapters.media import formulas, markup
from complaints.adapters.media.hidden_content import HiddenContent
from complaints.adapters.media.markup import Aliases, local
from complaints.adapters.media.vocabulary import Vocabulary, load, names_a_place

# Fields that a program would fill in again, with the reader's name, folder or clock, or whose data do not come along.
UNWRAPPED: Final = markup.names(
    "text:author-name text:author-initials text:initial-creator text:creator text:file-name text:template-name",
    "text:sender-firstname text:sender-lastname text:sender-initials text:sender-title text:sender-position",
    "text:sender-email text:sender-phone-private text:sender-fax text:sender-company text:sender-phone-work",
    "text:sender-street text:sender-city text:sender-postal-code text:sender-country text:sender-state-or-province",
    "text:modification-date text:modification-time text:creation-date text:creation-time text:printed-by",
    "text:print-date text:print-time text:editing-cycles text:editing-duration text:execute-macro text:date text:time",
    "text:title text:subject text:keywords text:description text:user-defined text:chapter text:placeholder",
    "text:variable-set text:variable-get text:variable-input text:user-field-get text:user-field-input text:sequence",
    "text:expression text:text-input text:conditional-text text:bookmark-ref text:reference-ref text:note-ref",
    "text:sequence-ref text:database-display text:database-name text:database-row-number text:dde-connection",
    "text:measure text:table-formula text:drop-down text:meta text:meta-field text:bibliography-mark",
    "field:fieldmark loext:content-control",
    "text:page-variable-get text:page-variable-set text:word-count text:character-count text:paragraph-count",
    "text:table-count text:image-count text:object-count",
)
# Elements whose text people read; all their children are such too.
TEXTS: Final = markup.names(
    "text:p text:h text:span text:a text:ruby-base text:ruby-text text:note-citation text:index-title-template",
    "text:index-entry-span text:linenumbering-separator text:list-header text:page-number text:page-count text:number",
    "text:sheet-name text:bibliography-entry-template presentation:header-decl presentation:footer-decl",
    "presentation:date-time-decl number:text number:currency-symbol number:embedded-text style:region-left",
    "style:region-center style:region-right math:mi math:mo math:mn math:mtext math:ms loext:text loext:fill-character",
)
_AUTHORED: Final = markup.names("office:annotation officeooo:annotation office:change-info")
# LibreOffice puts a deleted text in front of the document where its change has no date.
_NO_DATE: Final = "1970-01-01T00:00:00"
_NEEDS_TARGET: Final = markup.names("draw:image draw:object draw:fill-image style:background-image")
_PICTURES: Final = _NEEDS_TARGET | {"text:list-level-style-image"}
# What stands in the fields of headers and footers of tables until a program fills them in.
_EMPTY_FIELD: Final = re.compile(r"\?+|[0/.:-]+")
_LOST_WITH: Final = {
    "control": "form-values",
    "script": "macros",
    "plugin": "media",
    **dict.fromkeys(("object-ole", "applet", "floating-frame"), "embedded-files"),
}
_LINK_SCHEMES: Final = ("http://", "https://", "mailto:")
_AUTOMATIC: Final = re.compile(r"[A-Za-z]{1,4}\d{1,6}(P\d{1,4})?")
_FONT: Final = re.compile(r"[\w +@.,;&()'-]{1,64}")
_CELL: Final = r"\$?(?:'(?:[^'#/\\]|'')*'|[\w-]+)?\.\$?[A-Z]{1,3}\$?\d{0,7}"
_CELLS: Final = re.compile(rf"{_CELL}(?:[: ]{_CELL})*|#REF!")
_CONDITIONS: Final = re.compile(
    r"\b(cell-content(-text-length)?(-is-(not-)?[a-z-]+)?|is-true-formula|value|begins-with|ends-with|contains-text"
    r"|not-contains-text|formula-is|between|not-between|duplicate|unique|(top|bottom)-(elements|percent)|is-(no-)?error"
    r"|(above|below)(-equal)?-average)(?=\(|\b)"
)
_PREFIXED: Final = re.compile(r"([A-Za-z][\w-]{0,20}):(?=[=\w\[(])")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d+)?)?)?Z?|P[0-9YMDTHS.]+")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}|[A-Z][a-z]{3}|[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_EQUATION_WORDS: Final = markup.names(
    "sin cos tan atan atan2 sqrt abs min max if pi left top right bottom xstretch ystretch hasstroke hasfill width",
    "height logwidth logheight",
)
_WORD: Final = re.compile(r"\??[A-Za-z]\w*")
_POINT: Final = re.compile(r"\?f\d{1,4}|[MLCZEQmlctrxevhbsapnzqATUBWVXYNFSHKGJD]{1,2}")
_EQUATION_NAME: Final = re.compile(r"f\d{1,4}")

_RULES: Final = {
    place: rule
    for rule, places in {
        "style": "@chart:style-name"
        " @draw:fill-gradient-name @draw:fill-hatch-name @draw:fill-image-name @draw:marker-end"
        " @draw:marker-start @draw:master-page-name @draw:opacity-name @draw:stroke-dash @draw:style-name"
        " @draw:text-style-name @presentation:presentation-page-layout-name @presentation:style-name"
        " @style:apply-style-name @style:data-style-name @style:leader-text-style @style:master-page-name"
        " @style:next-style-name @style:num-list-format-name @style:page-layout-name @style:parent-style-name"
        " @style:percentage-data-style-name @style:style-name @style:text-line-through-text-style"
        " @table:default-cell-style-name @table:paragraph-style-name @table:style-name @text:citation-body-style-name"
        " @text:citation-style-name @text:cond-style-name @text:default-style-name @text:main-entry-style-name"
        " @text:master-page-name @text:style-name @text:style-override @text:visited-style-name @style:list-style-name"
        " @style:name @style:display-name @draw:display-name draw:gradient@draw:name draw:hatch@draw:name"
        " draw:fill-image@draw:name draw:marker@draw:name draw:stroke-dash@draw:name draw:opacity@draw:name"
        " @svg:name svg:linearGradient@draw:name svg:radialGradient@draw:name @calcext:apply-style-name"
        " @table:template-name",
        "styles": "@draw:class-names @draw:stroke-dash-names @presentation:class-names @text:class-names",
        "font": "@fo:font-family @svg:font-family @style:font-family-asian @style:font-family-complex @style:font-name"
        " @style:font-name-asian @style:font-name-complex style:font-face@style:name @style:font-style-name"
        " @style:font-style-name-asian @style:font-style-name-complex @style:font-adornments",
        "id": "@xml:id @draw:id @text:id @text:list-id @anim:id @text:continue-list @text:change-id @draw:caption-id"
        " @draw:end-shape @draw:shape-id @draw:start-shape @smil:targetElement @draw:nav-order @office:name"
        " @calcext:id",
        "mark": "@text:name @text:ref-name @text:caption-sequence-name @text:index-name @presentation:use-header-name"
        " @presentation:use-footer-name @presentation:use-date-time-name presentation:header-decl@presentation:name"
        " presentation:footer-decl@presentation:name presentation:date-time-decl@presentation:name"
        " @table:content-validation-name table:content-validation@table:name @draw:chain-next-name",
        "page": "draw:page@draw:name",
        "layer": "@draw:layer draw:layer@draw:name",
        "cells": "@style:base-cell-address @table:base-cell-address @table:cell-address @table:end-cell-address"
        " @table:target-cell-address @table:cell-range-address @table:condition-source-range-address"
        " @table:data-cell-range-address @table:label-cell-range-address @table:target-range-address"
        " @chart:error-lower-range @chart:error-upper-range @chart:label-cell-address @chart:values-cell-range-address"
        " @table:cell-range @table:print-ranges @calcext:target-range-address @calcext:base-cell-address"
        " @calcext:cell-address @calcext:data-range @loext:cell-range-address",
        "formula": "@table:formula @table:expression",
        "condition": "@style:condition @table:condition @calcext:value",
        "text": "@style:num-prefix"
        " @style:num-suffix @style:leader-text @text:bullet-char @office:string-value @table:title"
        " @table:value @loext:num-list-format table:table@table:name table:named-range@table:name"
        " table:named-expression@table:name table:database-range@table:name @style:text-line-through-text @text:prefix"
        " @text:suffix @table:table-name",
        "date": "@office:date-value @office:time-value @table:date-start @table:date-end @table:date-value"
        " @presentation:duration @presentation:delay",
        "language": "@fo:language @number:language @style:language-asian @style:language-complex @table:language"
        " @fo:script @number:script @style:script-asian @style:script-complex",
        "currency": "@office:currency",
        "class": "@chart:class",
        "shape": "draw:enhanced-geometry@draw:type",
        "equation": "@draw:formula @draw:modifiers",
        "equation-name": "draw:equation@draw:name",
        "drawing": "@draw:enhanced-path @draw:glue-points @draw:text-areas @svg:d @svg:path @draw:points"
        " @draw:handle-position @draw:handle-range-x-minimum @draw:handle-range-x-maximum @draw:handle-range-y-minimum"
        " @draw:handle-range-y-maximum @draw:handle-polar @draw:handle-radius-range-minimum"
        " @draw:handle-radius-range-maximum @draw:glue-point-leaving-directions @drawooo:enhanced-path",
        "space": "@xml:space",
    }.items()
    for place in places.split()
}


class Values:
    """Decides on the values of one document; a name has the same alias in all of its parts."""

    def __init__(self, vocabulary: Vocabulary, lost_names: frozenset[str] = frozenset()) -> None:
        """Keep values that ``vocabulary`` lists; ``lost_names`` are those of cells that the copy does not define."""
        self.vocabulary = vocabulary
        self.lost_names = lost_names
        self.people = Aliases("Author ")
        self.styles = Aliases("Style")
        self.ids = Aliases("id")
        self.marks = Aliases("Mark")
        self.pages = Aliases("Page")
        self.layers = Aliases("Layer")
        self.points = Aliases("g")

    def attribute(self, name: str, key: str, value: str, prefixes: Mapping[str, str]) -> str | None:
        """Return what the copy of element ``name`` has for its attribute ``key``; None for no attribute.

        ``prefixes`` holds the vocabulary's prefixes for those of the file.
        """
        rule = _rule(name, key)
        if rule == "class":
            prefix, _, word = value.rpartition(":")
            return f"{prefixes[prefix]}:{word}" if prefix in prefixes and self.vocabulary.is_plain(word) else None
        if rule in {"formula", "condition"}:
            return self._formula(value, prefixes)
        if self.vocabulary.is_plain(value):
            return value
        return _HANDLERS[rule](self, value) if rule else None

    def _formula(self, value: str, prefixes: Mapping[str, str]) -> str | None:
        """Return a formula with the vocabulary's prefix, None where it does more than calculate."""
        match = _PREFIXED.match(value)
        prefix, rest = (match.group(1), value[match.end() :]) if match else ("", value)
        if prefix and prefix not in prefixes:
            return None
        bare = _PREFIXED.sub("", _CONDITIONS.sub("", rest))
        if not formulas.only_calculates(bare, lost=self.lost_names, odf=True):
            return None
        return f"{prefixes[prefix]}:{rest}" if prefix else rest

    def style(self, name: str) -> str:
        """Return a built-in style's name, one that a program counted up, or the alias of another's."""
        is_known = _AUTOMATIC.fullmatch(name) or self.vocabulary.is_builtin_style(name)
        return name if is_known else self.styles(name)

    def points_of(self, value: str) -> str | None:
        """Return the operators of a drawing, with aliases for the names of its points."""
        unknown = [word for word in _WORD.findall(value) if not _POINT.fullmatch(word)]
        if any(not word.startswith("?") for word in unknown):
            words = "".join(unknown)
            # Orders may stand without a space between them.
            if "?" in words or not set(words) <= set("MLCZEQmlctvhszaeAH0123456789"):
                return None
        return _WORD.sub(lambda match: self._point(match.group()), value)

    def _point(self, word: str) -> str:
        return f"?{self.points(word[1:])}" if word.startswith("?") and not _POINT.fullmatch(word) else word

    def equation(self, value: str) -> str | None:
        """Return a formula of a drawing, with aliases for the names of its points."""
        words = _WORD.findall(value)
        if not all(word.startswith("?") or word.lower() in _EQUATION_WORDS or len(word) == 1 for word in words):
            return None
        return _WORD.sub(lambda match: self._point(match.group()), value)

    def shape(self, value: str) -> str | None:
        """Return the kind of a drawing: of LibreOffice's list, or of Office's behind "ooxml-"."""
        word = value.removeprefix("ooxml-").removeprefix("mso-spt")
        return value if word.isdigit() or word in load("ooxml").values else None


def _rule(name: str, key: str) -> str | None:
    return _RULES.get(f"{name}@{key}") or _RULES.get(f"@{key}")


def shows_text(name: str, key: str) -> bool:
    """Whether an attribute of element ``name`` holds a text as people wrote it."""
    return _rule(name, key) == "text"


def _only(pattern: re.Pattern[str]) -> _Handler:
    return lambda _, value: value if pattern.fullmatch(value) else None


_Handler = Callable[["Values", str], str | None]
_HANDLERS: Final[Mapping[str, _Handler]] = {
    "style": lambda values, value: values.style(value),
    "styles": lambda values, value: " ".join(map(values.style, value.split())),
    "font": lambda _, value: value if _FONT.fullmatch(value) and not names_a_place(value) else None,
    "id": lambda values, value: " ".join(map(values.ids, value.split())),
    "mark": lambda values, value: values.marks(value),
    "page": lambda values, value: values.pages(value),
    "layer": lambda values, value: values.layers(value),
    "cells": _only(_CELLS),
    "text": lambda _, value: None if names_a_place(value) else value,
    "date": _only(_DATE),
    "language": _only(_LANGUAGE),
    "currency": _only(_CURRENCY),
    "shape": lambda values, value: values.shape(value),
    "equation": lambda values, value: values.equation(value),
    "equation-name": lambda values, value: value if _EQUATION_NAME.fullmatch(value) else values.points(value),
    "drawing": lambda values, value: values.points_of(value),
    "space": _only(re.compile("preserve|default")),
}


@dataclass
class PartRules(markup.Rules):
    """Rules for one part in ``folder``; ``copied`` has the new names of the pictures and parts that stay."""

    vocabulary: Vocabulary | None = field(default_factory=lambda: load("odf"))
    unwrap: frozenset[str] = UNWRAPPED
    copied: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    values: Values = field(default_factory=lambda: Values(load("odf")))
    # Codes of ``losses``.
    losses: set[str] = field(default_factory=set)
    hidden: HiddenContent = field(default_factory=HiddenContent)
    # Of each open frame, whether a picture in it was lost, and whether it shows anything: it may hold one of each.
    frames: list[set[bool]] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop elements that refer to what is lost, and values that are not known to tell nothing."""
        self.hidden.note_open(self.path, attributes)
        if self._is_dropped(name, attributes):
            return None
        if name == "draw:frame":
            self.frames.append(set())
        prefixes = {prefix: space.prefix for prefix, space in self.prefixes.items()}
        kept = {}
        for key, value in attributes.items():
            if key == "xlink:href":
                copied = self._target(name, value)
                self._note_target(name, copied)
                if copied is None and name in _NEEDS_TARGET:
                    return None
            else:
                copied = self.values.attribute(name, key, value, prefixes)
                if copied is None and key == "table:formula":
                    self.losses.add("formulas")
            if copied is not None:
                kept[key] = copied
        return kept

    def _note_target(self, name: str, target: str | None) -> None:
        if self.frames and "draw:frame" in self.path[-2:-1] and name in _NEEDS_TARGET:
            self.frames[-1].add(target is None)
        elif target is None and name in _PICTURES:
            self.losses.add("pictures")
        elif target is None and local(name) == "a":
            self.losses.add("links")

    def end(self, name: str) -> None:
        """Take note of a frame whose picture was lost and that shows nothing in its place."""
        if name == "draw:frame" and self.frames.pop() == {True}:
            self.losses.add("pictures")

    def left_out(self, name: str) -> None:
        """Take note of what people would see or run."""
        if name in _LOST_WITH:
            self.losses.add(_LOST_WITH[name])

    def text(self, text: str) -> str | None:
        """Keep what people read; replace the names of authors."""
        inside = self.path[-1]
        if inside == "dc:date":
            return _NO_DATE
        if inside == "dc:creator":
            return self.values.people(text) if self.path[-2] in _AUTHORED else None
        if inside in UNWRAPPED:
            return "" if _EMPTY_FIELD.fullmatch(text) else text
        if inside in TEXTS:
            self.hidden.note_text(self.path, text)
        return text if inside in TEXTS or text.isspace() or self.values.vocabulary.is_plain(text) else ""

    def _is_dropped(self, name: str, attributes: Mapping[str, str]) -> bool:
        if name in {"text:hidden-text", "text:hidden-paragraph"}:
            return attributes.get("text:is-hidden") == "true"
        if name == "dc:date":
            return self.path[-2] != "office:change-info"
        # The copied cells of another file, or a name that the copy cannot define.
        label = attributes.get("table:name", "")
        is_named = name in {"table:table", "table:named-range", "table:named-expression"}
        return is_named and (
            names_a_place(label) or (name != "table:table" and label.lower() in self.values.lost_names)
        )

    def _target(self, name: str, target: str) -> str | None:
        """Return the target of a link or picture in the copy, None where it is not in it or leads to a file."""
        if target.lower().startswith(_LINK_SCHEMES):
            return target if local(name) == "a" else None
        if target.startswith("#"):
            return self._inner_target(target)
        path = self.folder + target.removeprefix("./").rstrip("/")
        if path in self.copied:
            return self.copied[path].removeprefix(self.folder)
        return target if f"{path}/content.xml" in self.copied else None

    def _inner_target(self, target: str) -> str | None:
        if "." in target or "|" in target:
            return None if names_a_place(target) else target
        name = target[1:]
        return f"#{self.values.pages(name) if 'draw:page' in self.path else self.values.marks(name)}"


@dataclass
class DefinedNames(markup.Rules):
    """Collects the names of cells and formulas that a copy cannot define, in lower case."""

    lost: set[str] = field(default_factory=set)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Judge the formula of a name."""
        if local(name) in {"named-range", "named-expression"}:
            values = {local(key): value for key, value in attributes.items()}
            formula = _PREFIXED.sub("", values.get("expression", ""))
            if names_a_place("".join(values.values())) or not formulas.only_calculates(formula, odf=True):
                self.lost.add(values.get("name", "").lower())
        return attributes
