"""Recognises the type of a file by content, never by name. The upload path may call it."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from complaints.adapters.media.refusal import Unreadable, refusal

try:
    import magic
except ImportError:  # no libmagic on the system: pylibmagic bundles one
    import pylibmagic  # noqa: F401

    # isort: split
    import magic

# Accepted types, with the names that reporters and officers read.
ALLOWED: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/heic": "HEIC",
    "image/heif": "HEIF",
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
    "application/zip": "ZIP",
    "text/plain": "TXT",
    "audio/mpeg": "MP3",
    "audio/mp4": "M4A",
    "audio/x-m4a": "M4A",
    "audio/ogg": "OGG",
    "audio/x-wav": "WAV",
    "audio/amr": "AMR",
    "audio/aac": "AAC",
    "audio/x-hx-aac-adts": "AAC",
    "video/mp4": "MP4",
    "video/quicktime": "MOV",
    "video/webm": "WebM",
    "video/3gpp": "3GP",
    "video/x-matroska": "MKV",
}
# With less than the first 2 KiB, libmagic takes an office document for a zip.
HEAD_BYTES: Final = 64 * 1024

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODF: Final = "application/vnd.oasis.opendocument."
OLE: Final = "application/x-ole-storage"
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
# A stream that only one kind of OLE file has; stream names are UTF-16.
_OLE_STREAMS: Final = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "Workbook": "application/vnd.ms-excel",
}
_MAIN_PARTS: Final = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX, "ppt/presentation.xml": PPTX}
# libmagic takes chat exports for tables, mails or program code; all of them are text.
_TEXT_LIKE: Final = {"application/json", "application/csv", "message/rfc822"}
_NOT_TEXT: Final = {"text/html", "text/xml", "text/rtf"}

# The module of this package that makes the clean copy.
FAMILIES: Final = {
    **dict.fromkeys(("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"), "images"),
    "application/pdf": "pdf",
    **dict.fromkeys((DOCX, XLSX, PPTX), "ooxml"),
    **dict.fromkeys((ODF + "text", ODF + "spreadsheet", ODF + "presentation"), "odf"),
    **{name: "tracks" for name in ALLOWED if name.startswith(("audio/", "video/"))},
}
_SUFFIXES: Final = {
    "image/jpeg": "jpg jpeg jpe jfif",
    "image/heic": "heic heif",
    "image/heif": "heic heif hif",
    "application/zip": "zip",
    OLE: "doc xls ppt dot pps msg",
    "application/msword": "doc dot",
    "application/vnd.ms-excel": "xls xlt",
    "application/vnd.ms-powerpoint": "ppt pps pot",
    DOCX: "docx docm dotx",
    XLSX: "xlsx xlsm xltx",
    PPTX: "pptx pptm ppsx potx",
    "text/plain": "txt csv json log md eml vcf",
    "audio/mp4": "m4a mp4 aac m4b",
    "audio/x-m4a": "m4a mp4 aac m4b",
    "audio/ogg": "ogg oga opus",
    "audio/x-wav": "wav wave",
    "audio/mpeg": "mp3 mpga mpeg",
    "video/mp4": "mp4 m4v m4a mov",
    "video/quicktime": "mov qt mp4",
    "video/webm": "webm weba",
    "video/3gpp": "3gp 3gpp amr mp4",
    "video/x-matroska": "mkv mka webm",
}


def recognise(head: bytes) -> str:
    """Return the media type of a file from its first 64 KiB."""
    media_type = str(magic.from_buffer(head[:HEAD_BYTES], mime=True))
    if media_type in _TEXT_LIKE or (media_type.startswith("text/") and media_type not in _NOT_TEXT):
        return "text/plain"
    # An office document with its entries in an order that libmagic does not know.
    if head.startswith(b"PK\x03\x04") and media_type == "application/octet-stream":
        return next((kind for part, kind in _MAIN_PARTS.items() if part.encode() in head), "application/zip")
    # The directory of an OLE file tells its program; it may be at the end of the file.
    if head.startswith(_OLE_MAGIC) and media_type not in ALLOWED:
        return OLE
    return media_type


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
        return next((kind for name, kind in _OLE_STREAMS.items() if name.encode("utf-16-le") in data), OLE)
    return _zip_kind(source) if is_container(media_type) else media_type


def is_container(media_type: str) -> bool:
    """Return whether only the whole file tells which kind of document it is."""
    return media_type in {"application/zip", OLE, DOCX, XLSX, PPTX}


def _zip_kind(source: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(source) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                named = archive.read("mimetype").decode("ascii", "replace").strip()
                return named if named in FAMILIES and named.startswith(ODF) else "application/zip"
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, MemoryError) as error:
        raise refusal(error) from error
    # Names of parts compare without case, and some programs on Windows write them with backslashes.
    parts = {name.lower().replace("\\", "/") for name in names}
    if "[content_types].xml" in parts:
        return next((kind for part, kind in _MAIN_PARTS.items() if part in parts), "application/zip")
    return "application/zip"


def disagrees(name: str, media_type: str) -> bool:
    """Return whether the suffix of a file's name contradicts its media type; a name without a suffix never does."""
    suffix = PurePosixPath(name.strip(" .\u202c\u200e\u200f")).suffix.lower().removeprefix(".")
    if not suffix:
        return False
    suffixes = _SUFFIXES.get(media_type) or ALLOWED.get(media_type, "").lower()
    return suffix not in suffixes.split()


def no_copy_reason(media_type: str) -> str:
    """Return "" where a clean copy can be made of this type, else the reason: a code of ``refusal.CODES``."""
    if media_type in FAMILIES:
        return ""
    legacy = media_type == OLE or media_type in _OLE_STREAMS.values()
    return "legacy" if legacy else "opaque" if media_type in ALLOWED else "unsupported"


def family(media_type: str) -> str:
    """Return the module here that cleans ``media_type``; raises Unreadable with the reason where none does."""
    if reason := no_copy_reason(media_type):
        raise Unreadable(reason)
    return FAMILIES[media_type]
