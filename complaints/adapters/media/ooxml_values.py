"""Which texts attributes of Word, Excel and PowerPoint files keep in a copy; for ``ooxml_rules`` only.

Numbers, cells and enumerated words stay. Other texts stay where people see them, as the name of a font or the sign of a
list, get an alias where other places refer to them, as the name of a style, and are left out everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from complaints.adapters.media import formulas, markup
from complaints.adapters.media.markup import Aliases
from complaints.adapters.media.vocabulary import Vocabulary, names_a_place

_FONT: Final = re.compile(r"[\w +@.,&()'-]{1,64}")
_LANGUAGE: Final = re.compile(r"x-none|[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-[a-z]{4,6})?|zh-CH[ST]")
_UUID: Final = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_SHAPE: Final = re.compile(r"#?_x0000_[sti]\d{1,7}")
_TABLE_STYLE: Final = re.compile(r"(Table|Pivot|Slicer)Style(Light|Medium|Dark)\d{1,2}")
_DIAGRAM: Final = re.compile(
    r"urn:microsoft\.com/office/officeart/\d{4}/\d/[a-z]{1,20}/[a-z]{1,20}\d{0,2}(#\d+)?", re.I
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?)?")
# Names that drawings give to points by themselves; those that a program counted up, as "connsiteX0", get an alias.
_GUIDE: Final = re.compile(
    r"adj\d?|\d*(cd|wd|hd|ssd)\d+|[lrtbhwv]|ss|ls|hc|vc|[xy]?\d+|at2|cat2|sat2|mod|pin|abs|cos|sin|tan|max|min|sqrt|val"
)
_RUN_OF_LETTERS: Final = re.compile(r"[A-Za-z]+")
_DRAWING_OPERATORS: Final = re.compile(r"(n[fs]|a[elt]|ar|w[ar]|q[xyb]|[MLCZEQmlctrxevhb])+")
_DRAWING_SIGNS: Final = re.compile(r"[A-Za-z\d\s@,.;:+-]*")
_FIELD: Final = re.compile(r"slidenum|datetime\d{0,2}|datetimeFigureOut")
_ACTION: Final = re.compile(
    r"ppaction://(hlinksldjump|noaction|hlinkshowjump\?jump=(nextslide|previousslide|firstslide|lastslide|lastslideviewed))"
)
_KIND_OF_GRAPHIC: Final = re.compile(
    r"http://(schemas\.openxmlformats\.org|purl\.oclc\.org/ooxml)/(drawingml|presentationml)/(2006/)?"
    r"(chart|picture|table|diagram|ole|compatibility|lockedCanvas)"
    r"|http://schemas\.microsoft\.com/office/word/2010/wordprocessing(Shape|Group|Canvas)"
    r"|http://schemas\.microsoft\.com/office/drawing/(2014/chartex|2008/diagram)"
    r"|http://schemas\.microsoft\.com/office/word"
)
_STYLE_KEYS: Final = markup.names(
    "position left top right bottom width height margin margin-left margin-top margin-right margin-bottom z-index",
    "visibility rotation flip text-align vertical-align font font-family font-size font-weight font-style font-variant",
    "direction layout-flow mso-layout-flow-alt mso-direction-alt mso-fit-shape-to-text mso-wrap-style mso-rotate",
    "mso-position-horizontal mso-position-horizontal-relative mso-position-vertical mso-position-vertical-relative",
    "mso-width-percent mso-height-percent mso-width-relative mso-height-relative mso-left-percent mso-top-percent",
    "mso-wrap-edited mso-wrap-distance-left mso-wrap-distance-right mso-wrap-distance-top mso-wrap-distance-bottom",
    "mso-next-textbox v-text-anchor v-text-kern v-text-align v-text-spacing v-text-spacing-mode v-same-letter-heights",
    "v-rotate-letters v-text-reverse v-text-scale text-decoration mso-text-scale mso-fit-text-to-shape mso-text-shadow",
)
# Which rule holds for an attribute whose value is no number, cell or enumerated word: of an element, of all elements of
# a namespace, of all. An attribute that stands nowhere here is left out.
_RULES: Final = {
    place: rule
    for rule, places in {
        "font": "@typeface @w:ascii @w:hAnsi @w:cs @w:eastAsia w:font@w:name w:altName@w:val w:sym@w:font x:name@val"
        " x:rFont@val m:mathFont@m:val",
        "language": "w:lang@w:val w:lang@w:eastAsia w:lang@w:bidi w:themeFontLang@w:val w:themeFontLang@w:eastAsia"
        " w:themeFontLang@w:bidi @lang @altLang c:lang@val @xml:lang",
        "style": "w:style@w:styleId"
        " w:name@w:val w:basedOn@w:val w:next@w:val w:link@w:val w:pStyle@w:val w:rStyle@w:val"
        " w:tblStyle@w:val w:numStyleLink@w:val w:styleLink@w:val x:cellStyle@name @dataCellStyle @headerRowCellStyle"
        " @totalsRowCellStyle x:tableStyle@name x:tableStyleInfo@name x:pivotTableStyleInfo@name @pivotTableStyle"
        " @defaultTableStyle @defaultPivotStyle @vacatedStyle a:tblStyle@styleName",
        "bookmark": "w:bookmarkStart@w:name w:hyperlink@w:anchor w:moveFromRangeStart@w:name w:moveToRangeStart@w:name",
        "shape": "v:@id"
        " v:@type @o:spid o:r@id o:r@idref o:proxy@idref o:rel@idsrc o:rel@iddest o:rel@idcntr o:entry@new"
        " o:entry@old p:oleObj@spid",
        "relation": "@relId",
        "script": "a:font@script",
        "guide": "a:gd@name a:gd@fmla a:@x a:@y a:@l a:@t a:@r a:@b a:@ang a:@wR a:@hR a:@stAng a:@swAng a:@gdRefX"
        " a:@gdRefY a:@gdRefR a:@gdRefAng a:@minX a:@maxX a:@minY a:@maxY a:@minR a:@maxR a:@minAng a:@maxAng",
        "node": "dgm:@name dgm:@forName dgm:@refForName dgm:@ref dgm:@presName dgm:@styleLbl dgm:@presStyleLbl"
        " dgm:@moveWith dgm:param@val dgm:@uniqueId dgm:@loTypeId dgm:@qsTypeId dgm:@csTypeId dgm:cxn@presId",
        "uuid": "a:fld@id a:tblStyle@styleId a:tblStyleLst@def dgm:@modelId dgm:@srcId dgm:@destId dgm:@parTransId"
        " dgm:@sibTransId dgm:@presAssocID dgm:@cxnId dsp:@modelId x14:cfRule@id p188:@id p188:@authorId"
        " x14:sparklineGroup@id",
        "text": "w:lvlText@w:val a:buChar@char v:textpath@string @prompt @promptTitle @error @errorTitle x:cfRule@text"
        " x14:cfRule@text x:table@name x:table@displayName x:tableColumn@name @totalsRowLabel x:sheet@name"
        " x:definedName@name"
        " x:cacheField@name x:dataField@name x:pivotField@name x:s@v x:e@v x:pivotTableDefinition@name"
        " @dataCaption @rowHeaderCaption @colHeaderCaption @grandTotalCaption @errorCaption @missingCaption @formatCode"
        " x:worksheetSource@sheet x:worksheetSource@name x:filter@val x:customFilter@val w:numFmt@w:format",
        "formula": "x:hyperlink@location x:cfvo@val",
        "date": "x:d@v @minDate @maxDate x:filter@val",
        "blank": "p:cNvPr@name xdr:cNvPr@name pic:cNvPr@name wp:docPr@name wps:cNvPr@name wpg:cNvPr@name dsp:cNvPr@name"
        " cdr:cNvPr@name a:cNvPr@name p:oleObj@name a:clrScheme@name a:fontScheme@name a:fmtScheme@name"
        " p188:author@initials"
        " p:cmAuthor@initials w:comment@w:initials p188:author@userId",
        "provider": "p188:author@providerId",
        "moment": "p188:@created",
        "person": "@w:author p:cmAuthor@name p188:author@name",
        "css": "v:@style",
        "drawing": "v:@path v:@points v:@wrapcoords v:@adj v:@textboxrect v:@limo @o:connectlocs p:animMotion@path",
        "graphic": "a:graphicData@uri w:compatSetting@w:uri",
        "field": "a:fld@type",
        "action": "@action",
        "space": "@xml:space",
    }.items()
    for place in places.split()
}


class Values:
    """Decides on the values of one document; a name has the same alias in all of its parts."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Keep values that ``vocabulary`` lists."""
        self.vocabulary = vocabulary
        self.people = Aliases("Author ")
        self.styles = Aliases("Style")
        self.bookmarks = Aliases("Bookmark")
        self.shapes = Aliases("shape")
        self.guides = Aliases("g")
        self.nodes = Aliases("node")
        self._uuids = Aliases("")

    def attribute(self, name: str, key: str, value: str) -> str | None:
        """Return what the copy of element ``name`` has for its attribute ``key``; None for no attribute."""
        rule = _rule(name, key)
        if rule is None:
            return value if self.vocabulary.is_plain(value) else None
        if rule not in _WHATEVER and self.vocabulary.is_plain(value):
            return value
        return _HANDLERS[rule](self, value)

    def style(self, name: str) -> str:
        """Return a built-in style's name, or the alias of another's."""
        is_known = _TABLE_STYLE.fullmatch(name) or self.vocabulary.is_builtin_style(name)
        return name if is_known else self.styles(name)

    def shape(self, name: str) -> str:
        """Return an id that Office counted up, or the alias of another; a reference begins with "#"."""
        if _SHAPE.fullmatch(name):
            return name
        return "#" + self.shapes(name[1:]) if name.startswith("#") else self.shapes(name)

    def guide(self, words: str) -> str:
        """Return a formula of a drawing with aliases for the names of its points."""
        return " ".join(word if _is_guide(word) else self.guides(word) for word in words.split())

    def uuid(self, value: str) -> str:
        """Return the alias of a UUID in braces."""
        return f"{{00000000-0000-0000-0000-{int(self._uuids(value.upper())):012X}}}"


def _rule(name: str, key: str) -> str | None:
    return _RULES.get(f"{name}@{key}") or _RULES.get(f"{name.partition(':')[0]}:@{key}") or _RULES.get(f"@{key}")


def shows_text(name: str, key: str) -> bool:
    """Whether an attribute of element ``name`` holds a text as people wrote it."""
    return _rule(name, key) == "text"


def _is_guide(word: str) -> bool:
    return len(word) <= 2 or _GUIDE.fullmatch(word) is not None or word.lstrip("+-").isdigit()


def _font(values: Values, value: str) -> str | None:
    return value if _FONT.fullmatch(value) and not names_a_place(value) else None


def _shown(values: Values, value: str) -> str | None:
    return None if names_a_place(value) else value


def _formula(values: Values, value: str) -> str | None:
    return value if formulas.only_calculates(value) else None


def _uuid(values: Values, value: str) -> str | None:
    return values.uuid(value) if _UUID.fullmatch(value) else None


def _node(values: Values, value: str) -> str | None:
    return value if _DIAGRAM.fullmatch(value) else values.nodes(value)


def _drawing(values: Values, value: str) -> str | None:
    """Return the operators of a drawing: letters of operators, numbers and signs."""
    if not _DRAWING_SIGNS.fullmatch(value):
        return None
    return value if all(map(_DRAWING_OPERATORS.fullmatch, _RUN_OF_LETTERS.findall(value))) else None


def _css(values: Values, value: str) -> str | None:
    kept = []
    for declaration in value.split(";"):
        key, _, text = (part.strip() for part in declaration.partition(":"))
        if key not in _STYLE_KEYS:
            continue
        if key == "mso-next-textbox":
            kept.append(f"{key}:{values.shape(text)}")
        elif values.vocabulary.is_plain(text) or (key == "font-family" and _FONT.fullmatch(text.strip("\"'"))):
            kept.append(f"{key}:{text}")
    return ";".join(kept)


def _only(pattern: re.Pattern[str]) -> _Handler:
    return lambda _, value: value if pattern.fullmatch(value) else None


def _always(text: str) -> _Handler:
    return lambda _, __: text


_Handler = Callable[["Values", str], str | None]
_HANDLERS: Final[Mapping[str, _Handler]] = {
    "font": _font,
    "language": _only(_LANGUAGE),
    "style": lambda values, value: values.style(value),
    "bookmark": lambda values, value: values.bookmarks(value),
    "shape": lambda values, value: values.shape(value),
    "guide": lambda values, value: values.guide(value),
    "node": _node,
    "uuid": _uuid,
    "text": _shown,
    "formula": _formula,
    "date": _only(_DATE),
    "css": _css,
    "drawing": _drawing,
    "graphic": _only(_KIND_OF_GRAPHIC),
    "script": _only(re.compile("[A-Z][a-z]{3}")),
    "relation": _only(re.compile(r"rId\d{1,6}")),
    "field": _only(_FIELD),
    "action": _only(_ACTION),
    "space": _only(re.compile("preserve|default")),
    # The following hold whatever the value is.
    "person": lambda values, value: values.people(value),
    "blank": _always(""),
    "provider": _always("None"),
    "moment": _always("1980-01-01T00:00:00"),
}
_WHATEVER: Final = frozenset({"person", "blank", "provider", "moment"})
