"""Recognises the type of a file by content, never by name. The upload path may call it."""

from __future__ import annotations

import codecs
import mimetypes
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from complaints.adapters.media.refusal import Unreadable, refusal

try:
    import magic
except ImportError:  # no libmagic on the system: pylibmagic bundles one
    import pylibmagic  # noqa: F401

    # isort: split
    import magic

# Office documents and zips under a password; the first is libmagic's name.
LOCKED_OFFICE: Final = "application/encrypted"
LOCKED_ZIP: Final = "application/x-zip-encrypted"
# Accepted types, with the names that reporters and officers read.
ALLOWED: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/heic": "HEIC",
    "image/heif": "HEIF",
    "image/avif": "AVIF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "application/pdf": "PDF",
    "application/msword": "DOC",
    "application/vnd.ms-excel": "XLS",
    "application/vnd.ms-powerpoint": "PPT",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX",
    "application/vnd.oasis.opendocument.text": "ODT",
    "application/vnd.oasis.opendocument.spreadsheet": "ODS",
    "application/vnd.oasis.opendocument.presentation": "ODP",
    "application/x-ole-storage": "DOC/XLS/PPT",
    LOCKED_OFFICE: "DOCX/XLSX/PPTX",
    "text/rtf": "RTF",
    "text/html": "HTML",
    "text/plain": "TXT",
    "application/zip": "ZIP",
    LOCKED_ZIP: "ZIP",
    "audio/mpeg": "MP3",
    "audio/mp4": "M4A",
    "audio/x-m4a": "M4A",
    "audio/ogg": "OGG",
    "audio/x-wav": "WAV",
    "audio/amr": "AMR",
    "audio/aac": "AAC",
    "audio/x-hx-aac-adts": "AAC",
    "audio/flac": "FLAC",
    "video/mp4": "MP4",
    "video/x-m4v": "M4V",
    "video/quicktime": "MOV",
    "video/webm": "WebM",
    "video/3gpp": "3GP",
    "video/3gpp2": "3G2",
    "video/x-matroska": "MKV",
    "video/x-msvideo": "AVI",
}
# With less than the first 2 KiB, libmagic takes an office document for a zip.
HEAD_BYTES: Final = 64 * 1024

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODF: Final = "application/vnd.oasis.opendocument."
OLE: Final = "application/x-ole-storage"
_ZIP_ENCRYPTED: Final = 0x1
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
# A stream that only one kind of OLE file has; stream names are UTF-16.
_OLE_STREAMS: Final = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "Workbook": "application/vnd.ms-excel",
}
_MAIN_PARTS: Final = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX, "ppt/presentation.xml": PPTX}
# Streams of an office document under a password, and of one whose rights are managed.
_LOCKED_STREAMS: Final = ("EncryptedPackage", "EncryptionInfo")
# Names that libmagic gave the same kinds in other releases.
_SAME: Final = {
    "application/rtf": "text/rtf",
    "audio/x-flac": "audio/flac",
    "image/x-ms-bmp": "image/bmp",
    "video/avi": "video/x-msvideo",
}
# Files of letters that are more than text: what else is made of letters is text, whatever libmagic takes it for.
_MORE_THAN_TEXT: Final = {"application/pdf", "image/svg+xml", "text/rtf"}
_PAGE: Final = re.compile(r"<(?:!doctype\s+html|html|head)\b", re.I)
# What may stand before it, by how it begins and ends.
_BEFORE_PAGE: Final = (("<?xml", ">"), ("<!--", "-->"))
# No text has them; \x1b, \x0c and the like stand in captured terminals and old mails.
_CONTROLS: Final = re.compile(r"[\x00-\x06\x0e-\x19\x7f]")
# Of Latin letters under UTF-16 without a mark at least this share is ASCII; by chance hardly any is.
_ASCII_SHARE: Final = 0.7

# The module of this package that makes the clean copy.
FAMILIES: Final = {
    **{name: "images" for name in ALLOWED if name.startswith("image/")},
    "image/tiff": "scans",
    "application/pdf": "pdf",
    **dict.fromkeys((DOCX, XLSX, PPTX), "ooxml"),
    **dict.fromkeys((ODF + "text", ODF + "spreadsheet", ODF + "presentation"), "odf"),
    **{name: "tracks" for name in ALLOWED if name.startswith(("audio/", "video/"))},
}
_SUFFIXES: Final = {
    "image/jpeg": "jpg jpeg jpe jfif",
    "image/heic": "heic heif",
    "image/heif": "heic heif hif",
    "image/avif": "avif avifs",
    "image/bmp": "bmp dib",
    "image/tiff": "tif tiff",
    LOCKED_OFFICE: "docx docm dotx xlsx xlsm xltx xlsb pptx pptm ppsx potx",
    LOCKED_ZIP: "zip",
    "text/rtf": "rtf doc",
    "text/html": "html htm xhtml",
    OLE: "doc xls ppt dot pps msg",
    "application/msword": "doc dot",
    "application/vnd.ms-excel": "xls xlt",
    "application/vnd.ms-powerpoint": "ppt pps pot",
    DOCX: "docx docm dotx",
    XLSX: "xlsx xlsm xltx",
    PPTX: "pptx pptm ppsx potx",
    "text/plain": "txt csv tsv json jsonl ndjson log md eml vcf ics srt vtt xml",
    "audio/mp4": "m4a mp4 aac m4b",
    "audio/x-m4a": "m4a mp4 aac m4b",
    "audio/ogg": "ogg oga opus",
    "audio/x-wav": "wav wave",
    "audio/mpeg": "mp3 mpga mpeg",
    "video/mp4": "mp4 m4v m4a mov",
    "video/x-m4v": "m4v mp4",
    "video/quicktime": "mov qt mp4",
    "video/webm": "webm weba",
    "video/3gpp": "3gp 3gpp amr mp4",
    "video/3gpp2": "3g2 3gp2 3gpp2 3gp mp4",
    "video/x-matroska": "mkv mka webm",
}
# What browsers and file managers put behind the name of a second copy.
_COUNTED: Final = re.compile(r"(?:\s{0,2}\(\d{1,4}\)|\s{1,2}-\s{1,2}(?:copy|salinan)){1,8}$", re.I)
_RUNNABLE: Final = "apk app bat cmd com desktop dll dmg exe hta iso jar js jse lnk msi ps1 py reg scr sh url vbs wsf"
_PACKED: Final = "7z bz2 gz rar tar xz zst"
# Other words behind a dot are part of a name: of a date, of a degree ("S.Sos").
_ENDINGS: Final = frozenset(
    suffix
    for suffixes in (
        *_SUFFIXES.values(),
        *(label.lower() for label in ALLOWED.values()),
        *(" ".join(known).replace(".", "") for known in mimetypes.MimeTypes().types_map),
        *(_RUNNABLE, _PACKED),
    )
    for suffix in suffixes.split()
)


def recognise(head: bytes) -> str:
    """Return the media type of a file from its first 64 KiB."""
    head = head[:HEAD_BYTES]
    media_type = str(magic.from_buffer(head, mime=True))
    media_type = _SAME.get(media_type, media_type)
    if (text := _text(head)) is not None and media_type not in _MORE_THAN_TEXT:
        return "text/html" if _is_page(text) else "text/plain"
    # Text of an older coding, whose bytes could be anything.
    if media_type.startswith("text/") and media_type not in _MORE_THAN_TEXT:
        return "text/html" if _is_page(head.decode("latin-1")) else "text/plain"
    # An office document with its entries in an order that libmagic does not know.
    if head.startswith(b"PK\x03\x04") and media_type == "application/octet-stream":
        return next((kind for part, kind in _MAIN_PARTS.items() if part.encode() in head), "application/zip")
    # The directory of an OLE file tells its program; it may be at the end of the file.
    if head.startswith(_OLE_MAGIC):
        return media_type if media_type in ALLOWED else OLE
    return "application/octet-stream" if media_type == LOCKED_OFFICE else media_type


def _is_page(text: str) -> bool:
    """Return whether a text is a page of the web; each character before its first tag is looked at once."""
    position = _after_space(text, 0)
    while ends := [end for start, end in _BEFORE_PAGE if text.startswith(start, position)]:
        position = text.find(ends[0], position)
        if position < 0:
            return False
        position = _after_space(text, position + len(ends[0]))
    return _PAGE.match(text, position) is not None


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _text(head: bytes) -> str | None:
    """Return the beginning of a file as text, None where it is none: of UTF-8, or of UTF-16 with or without a mark."""
    for coding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        if coding == "utf-16" and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            continue
        try:
            text = codecs.getincrementaldecoder(coding)().decode(head)  # the last character may be cut
        except UnicodeDecodeError:
            continue
        is_guess = coding.endswith(("le", "be"))
        if text and not _CONTROLS.search(text) and not (is_guess and _is_foreign(text)):
            return text
    return None


def _is_foreign(text: str) -> bool:
    """Return whether few of the characters are ASCII, as in bytes that are no UTF-16 at all."""
    return sum(map(str.isascii, text)) < _ASCII_SHARE * len(text)


def recognise_whole(source: BinaryIO) -> str:
    """Return the media type of a whole file; reads zip containers, so call it in the sandbox only.

    libmagic recognises an office document by its first entry, but programs may write the entries in any order. Raises
    Unreadable: a zip whose directory cannot be read.
    """
    source.seek(0)
    media_type = recognise(source.read(HEAD_BYTES))
    source.seek(0)
    if media_type == OLE:
        data = source.read()
        if any(name.encode("utf-16-le") in data for name in _LOCKED_STREAMS):
            return LOCKED_OFFICE
        return next((kind for name, kind in _OLE_STREAMS.items() if name.encode("utf-16-le") in data), OLE)
    return _zip_kind(source) if is_container(media_type) else media_type


def is_container(media_type: str) -> bool:
    """Return whether only the whole file tells which kind of document it is."""
    return media_type in {"application/zip", OLE, DOCX, XLSX, PPTX}


# What the library raises for a damaged zip; an entry that was cut ends in EOFError, one that was altered in zlib.error.
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, MemoryError,
)  # fmt: skip


def _zip_kind(source: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if any(entry.flag_bits & _ZIP_ENCRYPTED for entry in entries):
                return LOCKED_ZIP
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                named = archive.read("mimetype").decode("ascii", "replace").strip()
                return named if named in FAMILIES and named.startswith(ODF) else "application/zip"
    except _ZIP_FAULTS as error:
        raise refusal(error) from error
    # Names of parts compare without case, and some programs on Windows write them with backslashes.
    parts = {name.lower().replace("\\", "/") for name in names}
    if "[content_types].xml" in parts:
        return next((kind for part, kind in _MAIN_PARTS.items() if part in parts), "application/zip")
    return "application/zip"


def disagrees(name: str, media_type: str) -> bool:
    """Return whether the suffix of a file's name contradicts its media type; a name without a suffix never does."""
    name = _COUNTED.sub("", name.strip(" .\u202c\u200e\u200f")).lower()
    # WhatsApp names a document whose ending it does not know by the end of its media type.
    if any(name.endswith(f".{kind.partition('/')[2]}") for kind in _same_names(media_type)):
        return False
    suffix = PurePosixPath(name).suffix.removeprefix(".")
    if suffix not in _ENDINGS:
        return False
    suffixes = _SUFFIXES.get(media_type) or ALLOWED.get(media_type, "").lower()
    return suffix not in suffixes.split()


def _same_names(media_type: str) -> tuple[str, ...]:
    return (DOCX, XLSX, PPTX) if media_type == LOCKED_OFFICE else (media_type,)


def labels() -> list[str]:
    """Return the names of all accepted kinds, each once."""
    return list(dict.fromkeys(name for label in ALLOWED.values() for name in label.split("/")))


def ending(media_type: str, name: str) -> str:
    """Return the ending under which a file of this type is given out.

    Where the type stands for several programs, ``name``, under which the file came, tells which of them it is. A page
    of the web gets one that no browser opens: it would run its scripts and ask for what it names.
    """
    if media_type == "text/html":
        return "html.txt"
    if media_type == "image/jpeg":
        return "jpg"
    first, *others = ALLOWED.get(media_type, "bin").lower().split("/")
    suffix = PurePosixPath(name.lower()).suffix.removeprefix(".")
    return suffix if others and suffix in _SUFFIXES[media_type].split() else first


def no_copy_reason(media_type: str) -> str:
    """Return "" where a clean copy can be made of this type, else the reason: a code of ``refusal.CODES``."""
    if media_type in FAMILIES:
        return ""
    if media_type in {LOCKED_OFFICE, LOCKED_ZIP}:
        return "encrypted"
    legacy = media_type == OLE or media_type in _OLE_STREAMS.values()
    return "legacy" if legacy else "opaque" if media_type in ALLOWED else "unsupported"


def is_shown(media_type: str) -> bool:
    """Return whether pictures can be drawn of a clean copy of this type."""
    return media_type == "application/pdf" or media_type.startswith(("image/", "video/"))


def copy_types(media_type: str) -> frozenset[str]:
    """Return the types that a clean copy of this type may have."""
    if media_type == "image/tiff":
        return frozenset({"image/png", "application/pdf"})
    if media_type.startswith("image/"):
        return frozenset({"image/jpeg", "image/png", "image/webp"})
    return frozenset({media_type, "video/mp4"} if media_type == "video/x-m4v" else {media_type})


def family(media_type: str) -> str:
    """Return the module here that cleans ``media_type``; raises Unreadable with the reason where none does."""
    if reason := no_copy_reason(media_type):
        raise Unreadable(reason)
    return FAMILIES[media_type]
