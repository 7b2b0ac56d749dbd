"""Which entries of a PDF's objects a copy may hold: those that draw, by the kind of the object; for ``pdf`` only.

The copy is walked from its pages. An entry that its kind does not list is deleted, and with it whatever is reachable by
it only. Names of resources that programs do not count up, as /Im1, get an alias.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream

from complaints.adapters.media import font_programs, icc, pdf_content, pieces
from complaints.adapters.media.refusal import Unreadable

# ISO 32000-2: of each kind of object the entries that draw, with the kind of their values; "" is a value of numbers and
# names. "each " is a dictionary of any names, "many " one object or an array of them.
_KINDS: Final[dict[str, dict[str, str]]] = {
    kind: {f"/{key}": rest for entry in entries.split() for key, _, rest in [entry.partition(":")]}
    for kind, entries in {
        "page": "Type Parent MediaBox CropBox Rotate UserUnit Resources:resources Contents:contents Group:group",
        "resources": "ExtGState:each-state ColorSpace:each-colours Pattern:each-pattern Shading:each-shading"
        " XObject:each-xobject Font:each-font Properties:each-property ProcSet",
        "group": "Type S CS:colours I K",
        "form": "Type Subtype FormType BBox Matrix Resources:resources Group:group OC:property",
        "image": "Type Subtype Width Height BitsPerComponent Intent ImageMask Interpolate Decode Matte SMaskInData"
        " ColorSpace:colours Mask:mask SMask:image OC:property",
        "font": "Type"
        " Subtype BaseFont FirstChar LastChar Widths FontMatrix FontBBox DW W DW2 W2 FontDescriptor:descriptor"
        " Encoding:encoding ToUnicode:table DescendantFonts:many-font CIDSystemInfo:collection CIDToGIDMap:plain-stream"
        " CharProcs:each-contents Resources:resources",
        "descriptor": "Type FontName FontStretch FontWeight Flags FontBBox ItalicAngle Ascent Descent Leading CapHeight"
        " XHeight StemV StemH AvgWidth MaxWidth MissingWidth FontFile:program FontFile2:program FontFile3:program"
        " CIDSet:plain-stream",
        "program": "Length1 Length2 Length3 Subtype",
        "encoding": "Type BaseEncoding Differences CMapName CIDSystemInfo:collection WMode UseCMap:encoding",
        "table": "Type CMapName CIDSystemInfo:collection WMode UseCMap:encoding",
        "collection": "Registry:registry Ordering:registry Supplement",
        "state": "Type LW LC LJ ML D RI OP op OPM FL SM SA BM CA ca AIS TK UseBlackPtComp Font:font-and-size"
        " BG:function BG2:function UCR:function UCR2:function TR:many-function TR2:many-function SMask:soft-mask",
        "soft-mask": "Type S BC G:form TR:function",
        "pattern": "Type PatternType PaintType TilingType BBox XStep YStep Matrix Resources:resources Shading:shading"
        " ExtGState:state",
        "shading": "ShadingType"
        " BBox AntiAlias Background Domain Coords Extend Matrix BitsPerCoordinate BitsPerComponent"
        " BitsPerFlag Decode VerticesPerRow ColorSpace:colours Function:many-function",
        "function": "FunctionType Domain Range Size BitsPerSample Order Encode Decode C0 C1 N Bounds"
        " Functions:many-function",
        "calibrated": "WhitePoint BlackPoint Gamma Matrix Range",
        "profile": "N Range Alternate:colours",
        "property": "Type OCGs:many-property P VE:visibility Name:label Intent",
        "contents": "",
        "plain-stream": "",
        "symbols": "",
        "parameters": "Predictor"
        " Colors BitsPerComponent Columns EarlyChange K EndOfLine EncodedByteAlign Rows EndOfBlock"
        " BlackIs1 DamagedRowsBeforeError ColorTransform JBIG2Globals:symbols",
    }.items()
}
PAGE_ENTRIES: Final = frozenset(_KINDS["page"])
_OF_STREAMS: Final = {"/Length": "", "/Filter": "", "/DecodeParms": "many-parameters"}
_USUAL_NAME: Final = re.compile(rb"/[A-Za-z]{0,3}\d{0,6}|/Default(Gray|RGB|CMYK)")
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STANDARD_NAMES: Final = frozenset(
    b"/DeviceGray /DeviceRGB /DeviceCMYK /Pattern /CalRGB /CalGray /Lab /Indexed /Separation /DeviceN"
    b" /AbsoluteColorimetric /RelativeColorimetric /Saturation /Perceptual /Artifact /Span".split()
)
_COLLECTIONS: Final = re.compile(r"Adobe|Identity|UCS2?|Japan[12]|GB1|CNS1|Korea1|KR|Manga1")
_INKS: Final = frozenset(
    {"/All", "/None", "/Cyan", "/Magenta", "/Yellow", "/Black", "/Red", "/Green", "/Blue", "/Gray"}
)
_PICTURE_FILTERS: Final = frozenset({"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/Crypt"})
_MAX_DEPTH: Final = 60


class Pruner:
    """Deletes from the objects of one new document what does not draw."""

    def __init__(self, document: pikepdf.Pdf) -> None:
        """Work on ``document``, whose pages are all that is reachable."""
        self._document = document
        # Codes of ``losses``.
        self.losses: set[str] = set()
        self._done: set[tuple[tuple[int, int], str]] = set()
        self._names: dict[bytes, bytes] = {}

    def prune(self, page: Object) -> None:
        """Prune a page and all that it draws; raises Unreadable."""
        self._holder(page, "page", 0)

    def layer(self, group: Object) -> None:
        """Prune an optional content group."""
        self._holder(group, "property", 0)

    def rename(self, name: bytes) -> bytes:
        """Return the copy's name of a resource, or of a value that is no resource."""
        plain = _ESCAPED.sub(lambda match: bytes([int(match.group(1), 16)]), name)
        if plain in _STANDARD_NAMES or _USUAL_NAME.fullmatch(plain):
            return name
        return self._names.setdefault(plain, b"/N%d" % (1_000_000 + len(self._names)))

    def _holder(self, item: Object, kind: str, depth: int) -> None:
        """Prune a dictionary or stream of this kind."""
        if depth > _MAX_DEPTH:
            raise Unreadable("bomb")
        if item.is_indirect:
            mark = (item.objgen, kind)
            if mark in self._done:
                return
            self._done.add(mark)
        holder = item.stream_dict if isinstance(item, Stream) else item
        if kind == "xobject":
            kind = "image" if holder.get("/Subtype") == Name.Image else "form"
        allowed = _KINDS[kind] | _OF_STREAMS if isinstance(item, Stream) else _KINDS[kind]
        for key in list(holder.keys()):
            if key not in allowed or not self._keeps(holder, key, allowed[key], depth + 1):
                del holder[key]
        if isinstance(item, Stream):
            self._data(item, kind)

    def _data(self, item: Stream, kind: str) -> None:
        """Clean the data of a stream that is not a picture; what cannot be read is left out."""
        try:
            self._rewrite_data(item, kind)
        except (pikepdf.PdfError, Unreadable):
            item.write(b"")
            self.losses.add("damaged-parts")

    def _rewrite_data(self, item: Stream, kind: str) -> None:
        holder = item.stream_dict
        is_content = kind in {"contents", "form"} or (kind == "pattern" and holder.get("/PatternType") == 1)
        if is_content:
            _rewrite(item, self._content)
        elif kind in {"table", "encoding"} or (kind == "function" and holder.get("/FunctionType") == 4):
            _rewrite(item, pdf_content.without_comments)
        elif kind == "profile":
            _rewrite(item, lambda data: icc.bare(data) or b"")
        elif kind == "program":
            _rewrite(item, font_programs.bare)
        elif kind == "symbols":
            _rewrite(item, lambda data: pieces.jbig2(data) or b"")

    def _content(self, data: bytes) -> bytes:
        if pdf_content.draws_no_text(data):
            self.losses.add("undrawn-text")
        return pdf_content.bare(data, self.rename, self.losses)

    def _keeps(self, holder: Object, key: str, kind: str, depth: int) -> bool:
        """Prune the value of an entry; return False where the entry is to be deleted."""
        value = holder[key]
        if key == "/Parent":
            return True
        if kind == "label":
            holder[key] = pikepdf.String("Layer")
            return True
        if kind == "registry":
            is_known = isinstance(value, pikepdf.String) and _COLLECTIONS.fullmatch(str(value))
            holder[key] = value if is_known else pikepdf.String("Identity")
            return True
        if kind.startswith("each-"):
            return self._each(value, kind.removeprefix("each-"), depth)
        if kind.startswith("many-") and isinstance(value, Array):
            return self._all(value, kind.removeprefix("many-"), depth)
        return self._value(value, kind.removeprefix("many-"), depth)

    def _all(self, values: Array, kind: str, depth: int) -> bool:
        """Prune all values of an array; return False where one is of another kind."""
        results = [self._value(value, kind, depth) for value in values]
        return all(results)

    def _each(self, holder: Object, kind: str, depth: int) -> bool:
        """Prune a dictionary of resources, and give them their names in the copy."""
        if not isinstance(holder, Dictionary):
            return False
        if holder.is_indirect and (holder.objgen, f"each-{kind}") in self._done:
            return True
        if holder.is_indirect:
            self._done.add((holder.objgen, f"each-{kind}"))
        for key in list(holder.keys()):
            value = holder[key]
            if not self._value(value, kind, depth):
                del holder[key]
            elif (name := self._renamed_key(key)) != key and kind != "contents":
                del holder[key]
                holder[name] = value
        return True

    def _renamed_key(self, key: str) -> str:
        return self.rename(key.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _value(self, value: object, kind: str, depth: int) -> bool:
        """Prune a value of this kind; return False where it is none."""
        if kind == "":
            return _is_plain(value)
        if kind == "colours":
            return self._colours(value, depth)
        if kind == "mask" and isinstance(value, Array):
            return _is_plain(value)
        if kind == "visibility":
            return isinstance(value, Array) and self._visibility(value, depth)
        if kind == "font-and-size":
            return isinstance(value, Array) and len(value) == 2 and self._value(value[0], "font", depth)
        if isinstance(value, Dictionary | Stream):
            self._holder(value, "image" if kind == "mask" else kind, depth)
            return True
        return isinstance(value, Name) or (value is None)

    def _colours(self, value: object, depth: int) -> bool:
        """Prune a colour space: a name, or an array that begins with its family."""
        if isinstance(value, Name):
            return True
        if not isinstance(value, Array) or not len(value) or depth > _MAX_DEPTH:
            return False
        family = name_of(value[0])
        if family in {"/Separation", "/DeviceN"}:
            return self._inks(value, depth)
        for inner in list(value)[1:]:
            if isinstance(inner, Stream):
                self._holder(inner, "profile" if family == "/ICCBased" else "plain-stream", depth)
            elif isinstance(inner, Dictionary):
                self._holder(inner, "calibrated", depth)
            else:
                self._colours(inner, depth + 1)
        return True

    def _visibility(self, value: object, depth: int) -> bool:
        """Prune a part of an expression of layers: an operator, a layer or an expression."""
        if isinstance(value, Array):
            results = [depth < _MAX_DEPTH and self._visibility(inner, depth + 1) for inner in value]
            return all(results)
        return self._value(value, "property", depth)

    def _inks(self, value: Array, depth: int) -> bool:
        """Prune a colour space of named inks, and number those that are no process colours."""
        while len(value) > 4:
            del value[4]
        if len(value) < 4:
            return False
        names = value[1]
        if isinstance(names, Name):
            value[1] = Name(self._ink(name_of(names)))
        elif isinstance(names, Array):
            value[1] = Array([Name(self._ink(name_of(name))) for name in names])
        return self._colours(value[2], depth + 1) and self._value(value[3], "function", depth + 1)

    def _ink(self, name: str) -> str:
        return name if name in _INKS else self.rename(name.encode() + b" ink").decode()


def _rewrite(item: Stream, change: Callable[[bytes], bytes]) -> None:
    if set(filters_of(item)) & _PICTURE_FILTERS:
        raise Unreadable  # no text, whatever stands in its place
    data = item.read_bytes()
    changed = change(data)
    if changed != data:
        item.write(changed)


def filters_of(item: Stream) -> list[str]:
    """Return the names of a stream's filters, the outermost first."""
    value = item.stream_dict.get("/Filter")
    if value is None:
        return []
    return [name_of(name) for name in value] if isinstance(value, Array) else [name_of(value)]


def name_of(value: object) -> str:
    """Return a name as a file writes it, because its bytes may be no text; "" for another value."""
    return value.unparse().decode("ascii", "replace") if isinstance(value, Name) else ""


def _is_plain(value: object) -> bool:
    """Return whether a value consists of numbers and names."""
    if isinstance(value, Array):
        return all(map(_is_plain, value))
    return not isinstance(value, pikepdf.String | Dictionary | Stream | str | bytes)
