"""PDF files: codes of revealing metadata, and a copy that holds the pages only. Runs in the sandbox only.

The copy is a new document with the pages and the entries that draw them. All else (properties, scripts, actions,
attachments, forms, earlier versions) is not reachable from it and therefore not written.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from complaints.adapters.media import hints, images, pdf_content, pdf_fields, pieces
from complaints.adapters.media.pdf_rules import PAGE_ENTRIES, Pruner, filters_of, name_of
from complaints.adapters.media.refusal import Unreadable, refusal

MAX_PAGES: Final = 5_000
_INFO_CODES: Final = {
    "/Author": "author",
    "/Creator": "software",
    "/Producer": "software",
    "/CreationDate": "time",
    "/ModDate": "time",
    "/Title": "title",
    "/Subject": "title",
    "/Keywords": "title",
    "/Company": "organisation",
}
_SCRIPTED: Final = {"/JavaScript", "/Launch", "/Rendition"}
# Where an action leads, and what a file specification names.
_TARGETS: Final = ("/URI", "/F", "/UF")
_CALLING: Final = {"/SubmitForm", "/ImportData", "/GoToR", "/GoToE"}
_MEDIA: Final = frozenset({"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"})
# ISO 32000-2, table 171: annotations with which people mark and comment a page.
_REMARKS: Final = frozenset(
    {"/Text", "/FreeText", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine", "/Highlight", "/Underline"}
    | {"/Squiggly", "/StrikeOut", "/Caret", "/Stamp", "/Ink", "/Redact"}
)
_FOREIGN_LOCK: Final = "unsupported encryption filter"
_MAX_OBJECTS: Final = 20_000
_PICTURES_READ: Final = 40
_PAGES_READ: Final = 200
_SMALL_PIECE: Final = 256
# A thousandth of its length, at most, goes into what is unpacked of it at once.
_TRIMMED_PIECE: Final = 16 * 1024
_GREY: Final = b"\xd0"
_CLEANERS: Final = {"/DCTDecode": pieces.jpeg, "/JPXDecode": pieces.jp2, "/JBIG2Decode": pieces.jbig2}
_FAILURES: Final = (
    *(pikepdf.PdfError, pikepdf.DependencyError),
    *(OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError),
)


def load() -> None:
    """Open the library's source of random numbers, without which it reads no file under AES-256, while it still can."""
    with Pdf.new() as document:
        document.save(io.BytesIO(), encryption=pikepdf.Encryption(owner="", user="", R=6))


def _open(source: BinaryIO) -> Pdf:
    source.seek(0)
    try:
        return Pdf.open(source)
    except pikepdf.PasswordError as error:
        raise Unreadable("encrypted") from error
    except pikepdf.PdfError as error:
        # Under the certificate of a reader, or by the scheme of a shop.
        raise Unreadable("encrypted" if _FOREIGN_LOCK in str(error) else "damaged") from error
    except _FAILURES as error:
        raise refusal(error) from error


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write the pages, with what annotations and forms show on them, as a new document; return its type.

    ``losses`` gets the codes of :mod:`losses` that apply. Raises Unreadable: damaged, under a password, without pages,
    or with too many.
    """
    lost = set[str]() if losses is None else losses
    with _open(source) as old, Pdf.new() as new:
        try:
            lost |= pdf_fields.draw(old) | _losses(old) | _losses_of_revisions(source)
            # Draws annotations and form fields into their pages.
            old.flatten_annotations("screen")
            lost |= _take_pages(old, new)
            lost |= _clean_streams(new)
            new.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        except _FAILURES as error:
            raise refusal(error) from error
    return media_type


def _losses(document: Pdf) -> set[str]:
    """Return the codes of what pages and catalogue have beside what a copy draws."""
    root, losses = document.Root, set[str]()
    names, form = root.get("/Names"), root.get("/AcroForm")
    if isinstance(names, Dictionary) and "/EmbeddedFiles" in names:
        losses.add("embedded-files")
    if isinstance(form, Dictionary) and "/XFA" in form:
        losses.add("form-values")  # a form that one program draws by itself, beside or instead of its pages
    if _has_layers_off(document):
        losses.add("layers")
    for page in islice(document.pages, MAX_PAGES):
        for note in pdf_fields.annotations_of(page.obj):
            losses |= _losses_of_annotation(note)
    return losses


def _has_layers_off(document: Pdf) -> bool:
    layers = document.Root.get("/OCProperties")
    default = layers.get("/D") if isinstance(layers, Dictionary) else None
    return isinstance(default, Dictionary) and bool(default.get("/OFF") or default.get("/BaseState") == Name.OFF)


def _losses_of_annotation(note: Object) -> set[str]:
    kind, action = name_of(note.get("/Subtype")), note.get("/A")
    if kind in _MEDIA:
        return {"media"}
    if kind == "/FileAttachment":
        return {"embedded-files"}
    if kind == "/Link":
        leads_out = isinstance(action, Dictionary) and action.get("/S") not in {None, Name.GoTo, Name.Named}
        return {"links"} if leads_out else set()
    is_drawn = isinstance(note.get("/AP"), Dictionary)
    if kind == "/Widget":
        return {"form-values"} if note.get("/V", Name.Off) != Name.Off and not is_drawn else set()
    has_text = kind != "/FreeText" and _has_text(note.get("/Contents"))
    return {"page-comments"} if kind in _REMARKS and (has_text or not is_drawn) else set()


def _losses_of_revisions(source: BinaryIO) -> set[str]:
    return {"earlier-revisions"} if _codes_of_revisions(source) else set()


def _take_pages(old: Pdf, new: Pdf) -> set[str]:
    """Move the pages, pruned, to the copy; return the codes of what could not be read of them."""
    if not 0 < len(old.pages) <= MAX_PAGES:
        raise Unreadable("bomb" if len(old.pages) else "damaged")
    losses = set[str]()
    for page in old.pages:
        losses |= _mend_contents(page.obj)
        page.contents_coalesce()
        # What a page draws with may stand at the node above it, which does not come along.
        if "/Resources" not in page.obj:
            page.obj.Resources = page.resources
        for key in set(page.obj.keys()) - PAGE_ENTRIES:
            del page.obj[key]
    new.pages.extend(old.pages)
    pruner = Pruner(new)
    for page in new.pages:
        pruner.prune(page.obj)
    _take_layers(old, new, pruner)
    return losses | pruner.losses


def _mend_contents(page: Object) -> set[str]:
    """Give each content stream that breaks off what can be read of it, and nothing where that is nothing."""
    contents = page.get("/Contents")
    for item in contents if isinstance(contents, Array) else [contents]:
        if not isinstance(item, Stream):
            continue
        try:
            item.read_bytes()
        except pikepdf.PdfError:
            item.write(_readable_part(item))
            return {"damaged-parts"} | _mend_contents(page)
    return set()


def _readable_part(item: Stream) -> bytes:
    """Return what a compressed stream holds before its fault."""
    if filters_of(item) != ["/FlateDecode"] or "/DecodeParms" in item.stream_dict:
        return b""
    unpacker, data, parts = zlib.decompressobj(), item.read_raw_bytes(), list[bytes]()
    with contextlib.suppress(zlib.error):
        for start in range(0, len(data), _SMALL_PIECE):
            parts.append(unpacker.decompress(data[start : start + _SMALL_PIECE]))
    return b"".join(parts)


def _take_layers(old: Pdf, new: Pdf, pruner: Pruner) -> None:
    layers = old.Root.get("/OCProperties")
    if isinstance(layers, Dictionary) and isinstance(default := layers.get("/D"), Dictionary):
        # Without these, layers that are off would be shown.
        states = {key: default[key] for key in ("/ON", "/OFF", "/BaseState") if key in default}
        groups = layers.get("/OCGs", Array())
        properties = old.make_indirect(Dictionary(OCGs=groups, D=Dictionary(states)))
        new.Root.OCProperties = new.copy_foreign(properties)
        for group in new.Root.OCProperties.get("/OCGs", Array()):
            if isinstance(group, Dictionary):
                pruner.layer(group)


def _all_containers(document: Pdf) -> Iterator[Object]:
    """Yield every stream and dictionary of a document, also those inside others."""
    for item in document.objects:
        waiting = [item]
        while waiting:
            value = waiting.pop()
            holder = value.stream_dict if isinstance(value, Stream) else value
            if isinstance(holder, Dictionary):
                yield value
                waiting += [inner for inner in holder.values() if _is_inside(inner)]
            elif isinstance(holder, Array):
                waiting += [inner for inner in holder if _is_inside(inner)]


def _is_inside(value: object) -> bool:
    return isinstance(value, Dictionary | Array) and not value.is_indirect


def _clean_streams(document: Pdf) -> set[str]:
    """Clean the data of all streams; return the code of pictures that cannot be read."""
    losses = set[str]()
    for item in document.objects:
        if not isinstance(item, Stream):
            continue
        _trim(item)
        if not _clean_pixels(document, item):
            _blank(item)
            losses.add("pictures")
    return losses


def _trim(item: Stream) -> None:
    """Drop what stands behind the end of compressed data: no program reads it."""
    if filters_of(item)[:1] != ["/FlateDecode"]:
        return
    unpacker, data, end = zlib.decompressobj(), item.read_raw_bytes(), 0
    with contextlib.suppress(zlib.error):
        while not unpacker.eof and end < len(data):
            piece = data[end : end + _TRIMMED_PIECE]
            unpacker.decompress(piece)
            end += len(piece) - len(unpacker.unused_data)
    if unpacker.eof and end < len(data):
        parameters = item.stream_dict.get("/DecodeParms")
        known = parameters if isinstance(parameters, Dictionary | Array) else None
        item.write(data[:end], filter=Array([Name(name) for name in filters_of(item)]), decode_parms=known)


def _clean_pixels(document: Pdf, item: Stream) -> bool:
    """Remove remarks from pictures that are embedded as whole files; return False where one cannot be read."""
    filters = filters_of(item)
    if not set(filters) & _CLEANERS.keys():
        return True
    cleaner = _CLEANERS.get(filters[-1])
    try:
        cleaned = cleaner(_unwrapped(document, item)) if cleaner else None
    except pikepdf.PdfError:
        return False
    if cleaned is None:
        return False
    parameters = item.stream_dict.get("/DecodeParms")
    last = parameters[-1] if isinstance(parameters, Array) and len(parameters) else parameters
    item.write(cleaned, filter=Name(filters[-1]), decode_parms=last if isinstance(last, Dictionary) else None)
    return True


def _blank(picture: Stream) -> None:
    """Draw grey in place of a picture; a mask lets everything through, a stencil draws nothing."""
    holder = picture.stream_dict
    is_stencil = bool(holder.get("/ImageMask", False))
    for key in set(holder.keys()) - {"/Type", "/Subtype", "/ImageMask", "/OC"}:
        del holder[key]
    holder.Width, holder.Height, holder.BitsPerComponent = 1, 1, 1 if is_stencil else 8
    if not is_stencil:
        holder.ColorSpace = Name.DeviceGray
    picture.write(b"\x80" if is_stencil else _GREY)


def _unwrapped(document: Pdf, item: Stream) -> bytes:
    """Return the data of a picture without the filters before its own."""
    outer = filters_of(item)[:-1]
    if not outer:
        return item.read_raw_bytes()
    parameters = item.stream_dict.get("/DecodeParms")
    wrapped = document.make_stream(item.read_raw_bytes(), Filter=Array([Name(name) for name in outer]))
    if isinstance(parameters, Array) and len(parameters) > len(outer):
        wrapped.DecodeParms = Array(list(parameters)[:-1])
    # Run lengths are "specialized" to the library.
    return wrapped.read_bytes(pikepdf.StreamDecodeLevel.specialized)


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply; raises Unreadable (damaged or under a password)."""
    with _open(source) as document:
        try:
            hidden = {"hidden"} if _has_layers_off(document) or _has_undrawn_text(document) else set()
            return _codes_of_document(document) | _codes_of_revisions(source) | hidden
        except _FAILURES as error:
            raise refusal(error) from error


def _has_undrawn_text(document: Pdf) -> bool:
    """Return whether one of the first pages holds text that it does not draw, as that behind a scanned page."""
    for page in islice(document.pages, _PAGES_READ):
        contents = page.obj.get("/Contents")
        for item in contents if isinstance(contents, Array) else [contents]:
            with contextlib.suppress(pikepdf.PdfError):
                if isinstance(item, Stream) and pdf_content.draws_no_text(item.read_bytes()):
                    return True
    return False


def _codes_of_document(document: Pdf) -> set[str]:
    info = document.trailer.get("/Info")
    codes = _codes_of_info(info) if isinstance(info, Dictionary) else set()
    pictures = 0
    for item in islice(_all_containers(document), _MAX_OBJECTS):
        holder = item.stream_dict if isinstance(item, Stream) else item
        codes |= _codes_of_dictionary(holder)
        if not isinstance(item, Stream):
            continue
        if holder.get("/Type") == Name.Metadata:
            with suppress(pikepdf.PdfError):
                codes |= hints.codes_of_xmp(item.read_bytes())
        elif "/DCTDecode" in filters_of(item) and pictures < _PICTURES_READ:
            pictures += 1
            codes |= _codes_of_picture(document, item)
    return codes


def _codes_of_dictionary(item: Object) -> set[str]:
    codes = set()
    action = name_of(item.get("/S"))
    if action in _SCRIPTED or "/JS" in item:
        codes.add("script")
    if action in _CALLING:
        codes.add("remote")
    if item.get("/Type") == Name.EmbeddedFile or "/EF" in item:
        codes.add("attachment")
    annotated = "/Subtype" in item and "/Rect" in item and item.get("/Subtype") != Name.Widget
    if (annotated and _has_text(item.get("/T"))) or (item.get("/Type") == Name.Sig and "/Name" in item):
        codes.add("people")
    if "/PieceInfo" in item:
        codes.add("software")
    # pdfTeX copies both of each figure that it takes from another file.
    if isinstance(figure := item.get("/PTEX.InfoDict"), Dictionary):
        codes |= _codes_of_info(figure)
    if "/PTEX.FileName" in item or any(map(_names_own_place, map(item.get, _TARGETS))):
        codes.add("path")
    return codes


def _names_own_place(target: object) -> bool:
    return isinstance(target, pikepdf.String) and hints.names_own_place(str(target))


def _codes_of_info(info: Dictionary) -> set[str]:
    return {code for key, code in _INFO_CODES.items() if _has_text(info.get(key))}


def _has_text(value: object) -> bool:
    """Return whether a value is a text that is not blank."""
    return isinstance(value, pikepdf.String) and bool(bytes(value).strip(b" \0\t\r\n\xfe\xff"))


def _codes_of_picture(document: Pdf, item: Stream) -> set[str]:
    try:
        return images.inspect(io.BytesIO(_unwrapped(document, item)), "image/jpeg")
    except (Unreadable, pikepdf.PdfError):
        return set()


def _codes_of_revisions(source: BinaryIO) -> set[str]:
    """Return "history" where the file has more than one end: changes are appended, so earlier states are readable."""
    source.seek(0)
    ends, tail = 0, b""
    while piece := source.read(1024 * 1024):
        ends += (tail + piece).count(b"startxref") - tail.count(b"startxref")
        tail = piece[-8:]
    source.seek(0)
    # A linearized file has two ends from the start.
    expected = 2 if b"/Linearized" in source.read(1024) else 1
    return {"history"} if ends > expected else set()
