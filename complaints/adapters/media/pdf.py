"""PDF files: codes of revealing metadata, and a copy that holds the pages only. Runs in the sandbox only.

The copy is a new document with the pages and the entries that draw them. All else (properties, scripts, actions,
attachments, forms, earlier versions) is not reachable from it and therefore not written.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from complaints.adapters.media import hints, images, pieces
from complaints.adapters.media.pdf_rules import PAGE_ENTRIES, Pruner, filters_of
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
_CALLING: Final = {"/SubmitForm", "/ImportData", "/GoToR", "/GoToE"}
_MEDIA: Final = frozenset({"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"})
_FOREIGN_LOCK: Final = "unsupported encryption filter"
_MAX_OBJECTS: Final = 20_000
_PICTURES_READ: Final = 40
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
    with _open(source) as old, Pdf.new() as new:
        try:
            _draw_fields(old)
            if losses is not None:
                losses |= _losses(old) | _losses_of_revisions(source)
            # Draws annotations and form fields into their pages.
            old.flatten_annotations("screen")
            lost = _take_pages(old, new)
            for item in new.objects:
                if isinstance(item, Stream):
                    lost |= _clean_pixels(new, item)
            if losses is not None:
                losses |= lost
            new.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        except _FAILURES as error:
            raise refusal(error) from error
    return media_type


def _draw_fields(document: Pdf) -> None:
    """Give an appearance to the fields of a form that have a value and none: programs draw them when they open it."""
    form = document.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        return
    if form.get("/NeedAppearances"):
        document.generate_appearance_streams()
        return
    fields = [note for page in document.pages for note in _annotations(page.obj) if note.get("/Subtype") == Name.Widget]
    appearances = [field.get("/AP") for field in fields]
    if not any(appearance is None and _has_value(field) for field, appearance in zip(fields, appearances, strict=True)):
        return
    form.NeedAppearances = True
    document.generate_appearance_streams()
    # The library draws the others anew as well, and knows few fonts.
    for field, appearance in zip(fields, appearances, strict=True):
        if appearance is not None:
            field.AP = appearance
        elif not _has_value(field) and "/AP" in field:
            del field.AP


def _has_value(field: Object) -> bool:
    parent = field.get("/Parent")
    return "/V" in field or (isinstance(parent, Dictionary) and "/V" in parent)


def _annotations(page: Object) -> list[Object]:
    notes = page.get("/Annots")
    return [note for note in notes if isinstance(note, Dictionary)] if isinstance(notes, Array) else []


def _losses(document: Pdf) -> set[str]:
    """Return the codes of what pages and catalogue have beside what a copy draws."""
    root, losses = document.Root, set[str]()
    names = root.get("/Names")
    if isinstance(names, Dictionary) and "/EmbeddedFiles" in names:
        losses.add("embedded-files")
    layers = root.get("/OCProperties")
    default = layers.get("/D") if isinstance(layers, Dictionary) else None
    if isinstance(default, Dictionary) and (default.get("/OFF") or default.get("/BaseState") == Name.OFF):
        losses.add("layers")
    for page in islice(document.pages, MAX_PAGES):
        for note in _annotations(page.obj):
            losses |= _losses_of_annotation(note)
    return losses


def _losses_of_annotation(note: Object) -> set[str]:
    kind = str(note.get("/Subtype", ""))
    if kind in _MEDIA:
        return {"media"}
    if kind == "/FileAttachment":
        return {"embedded-files"}
    is_drawn = isinstance(note.get("/AP"), Dictionary)
    return {"form-values"} if kind == "/Widget" and "/V" in note and not is_drawn else set()


def _losses_of_revisions(source: BinaryIO) -> set[str]:
    return {"earlier-revisions"} if _codes_of_revisions(source) else set()


def _take_pages(old: Pdf, new: Pdf) -> set[str]:
    """Take over the pages with what they draw with; return the codes of what is lost."""
    lost = set[str]()
    if not 0 < len(old.pages) <= MAX_PAGES:
        raise Unreadable("bomb" if len(old.pages) else "damaged")
    for page in old.pages:
        if not _is_readable(page.obj.get("/Contents")):
            page.obj.Contents = old.make_stream(b"")
            lost.add("pages")
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
    return lost


def _is_readable(contents: Object | None) -> bool:
    """Return whether the orders of a page can be decoded; one that cannot would cost the whole document its copy."""
    streams = list(contents) if isinstance(contents, Array) else [contents]
    try:
        for stream in streams:
            if isinstance(stream, Stream):
                stream.read_bytes()
    except pikepdf.PdfError:
        return False
    return True


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


def _clean_pixels(document: Pdf, item: Stream) -> set[str]:
    """Remove EXIF and the like from pictures that are embedded as whole JPEG or JPEG 2000 files.

    A picture that cannot be read is emptied; return the codes of what is lost.
    """
    filters = filters_of(item)
    if not {"/DCTDecode", "/JPXDecode"} & set(filters):
        return set()
    cleaned = None
    with suppress(pikepdf.PdfError):
        data = _unwrapped(document, item)
        cleaned = pieces.jpeg(data) if filters[-1] == "/DCTDecode" else pieces.jp2(data)
    if cleaned is None or filters[-1] not in {"/DCTDecode", "/JPXDecode"}:
        item.write(b"")
        return {"pictures"}
    parameters = item.stream_dict.get("/DecodeParms")
    last = parameters[-1] if isinstance(parameters, Array) and len(parameters) else parameters
    item.write(cleaned, filter=Name(filters[-1]), decode_parms=last if isinstance(last, Dictionary) else None)
    return set()


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
            return _codes_of_document(document) | _codes_of_revisions(source)
        except _FAILURES as error:
            raise refusal(error) from error


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
    action = str(item.get("/S", ""))
    if action in _SCRIPTED or "/JS" in item:
        codes.add("script")
    if action in _CALLING:
        codes.add("remote")
    if item.get("/Type") == Name.EmbeddedFile or "/EF" in item:
        codes.add("attachment")
    annotated = "/Subtype" in item and "/Rect" in item and item.get("/Subtype") != Name.Widget
    if (annotated and str(item.get("/T", "")).strip()) or (item.get("/Type") == Name.Sig and "/Name" in item):
        codes.add("people")
    if "/PieceInfo" in item:
        codes.add("software")
    # pdfTeX copies both of each figure that it takes from another file.
    if isinstance(figure := item.get("/PTEX.InfoDict"), Dictionary):
        codes |= _codes_of_info(figure)
    if "/PTEX.FileName" in item:
        codes.add("path")
    return codes


def _codes_of_info(info: Dictionary) -> set[str]:
    return {code for key, code in _INFO_CODES.items() if str(info.get(key, "")).strip()}


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
