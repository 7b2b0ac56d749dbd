"""Cleans pictures embedded in other files: only the blocks needed for drawing are copied, or the pixels alone.

For the PDF and office readers of this package. An unknown picture gives None and must be left out of the copy.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Final

from PIL import Image, ImageOps

from complaints.adapters.media import decoders, icc, metafiles
from complaints.adapters.media.refusal import MAX_PIXELS

# JFIF and Adobe's colour transform; EXIF, XMP, IPTC, colour profiles, comments and previews are dropped.
_JPEG_APPLICATIONS: Final = {0xE0: (b"JFIF\x00", 12), 0xEE: (b"Adobe", 12)}
_JPEG_MARKER: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
_PNG_DRAWING: Final = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"),
    *(b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"),
}
# The chunk that announces an animation stands before the pixels.
_FIRST_CHUNKS: Final = 4_096
_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_JP2_MAGIC: Final = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_JP2_DRAWING: Final = {b"jP  ", b"ftyp"}
_JP2_HEADER: Final = {b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef"}
_CODESTREAM: Final = b"\xff\x4f\xff\x51"
_REDRAWN: Final = {b"GIF8": "GIF", b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"BM": "BMP", b"RIFF": "WEBP"}
# The kinds of photos, which take much more room without loss.
_PHOTOS: Final = {"WEBP", "HEIF", "AVIF"}
_MOVING: Final = {"GIF", "WEBP", "AVIF"}
# A segment of comments, and the length of one that does not tell it.
_JBIG2_EXTENSION: Final = 62
_JBIG2_UNKNOWN: Final = 0xFFFFFFFF
_EMF_SIGNATURE: Final = (40, b" EMF")


def load() -> None:
    """Register the decoders of photos in documents; a limited process can no longer load them."""
    decoders.load()


def picture(data: bytes, losses: set[str] | None = None) -> bytes | None:
    """Return the picture without metadata, or None where that is not possible.

    JPEG, PNG and metafiles stay what they are; others become a PNG, photos of newer kinds a JPEG. ``losses`` gets
    "animations" where only the first of several pictures stays.
    """
    if data.startswith(b"\xff\xd8"):
        return jpeg(data)
    if data.startswith(_PNG_MAGIC):
        if losses is not None and b"acTL" in data[:_FIRST_CHUNKS]:
            losses.add("animations")
        return png(data)
    if metafiles.is_wmf(data):
        return metafiles.wmf(data)
    if data[_EMF_SIGNATURE[0] : _EMF_SIGNATURE[0] + 4] == _EMF_SIGNATURE[1]:
        return metafiles.emf(data)
    form = _heif_form(data) or next((form for magic, form in _REDRAWN.items() if data.startswith(magic)), "")
    return _redrawn(data, form, losses) if form else None


def _heif_form(data: bytes) -> str:
    """Return Pillow's name of the format of a photo in boxes (ISO 23008-12), "" for no such photo."""
    if data[4:8] != b"ftyp":
        return ""
    return "AVIF" if data[8:12] in {b"avif", b"avis"} else "HEIF"


def jpeg(data: bytes) -> bytes | None:
    """Return a JPEG without its application segments and without data behind its end; None if malformed.

    One that breaks off within its scan gets an end marker, because scanners leave it out.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    out, position = [b"\xff\xd8"], 2
    while match := _JPEG_MARKER.search(data, position):
        marker = match.group(1)[0]
        if marker == 0xD9:
            out += [data[position : match.start()] if _in_scan(out) else b"", b"\xff\xd9"]
            return b"".join(out)
        if _in_scan(out):
            out.append(data[position : match.start()])
        end = match.end() + int.from_bytes(data[match.end() : match.end() + 2], "big")
        if end > len(data) or end < match.end() + 2:
            return None
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            out.append(b"\xff" + bytes([marker]) + data[match.end() : end])
        elif segment := _application(marker, data[match.end() + 2 : end]):
            out.append(segment)
        position = end
    return b"".join([*out, data[position:], b"\xff\xd9"]) if _in_scan(out) else None


def _application(marker: int, data: bytes) -> bytes:
    """Return the segment of JFIF or of Adobe without a preview, b"" for any other."""
    begins, length = _JPEG_APPLICATIONS.get(marker, (b"", 0))
    if not length or not data.startswith(begins) or len(data) < length:
        return b""
    # The last two bytes of JFIF's segment are the size of its preview.
    content = data[:length] + (bytes(2) if marker == 0xE0 else b"")
    return b"\xff" + bytes([marker]) + (len(content) + 2).to_bytes(2, "big") + content


def _in_scan(out: list[bytes]) -> bool:
    """Return whether entropy-coded data follows the last copied segment; between other segments nothing is copied."""
    return out[-1][:2] == b"\xff\xda"


def png(data: bytes) -> bytes | None:
    """Return a PNG with the chunks needed for drawing only; None if malformed."""
    out, position = [_PNG_MAGIC], len(_PNG_MAGIC)
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        end = position + 12 + length
        if end > len(data):
            return None
        if kind in _PNG_DRAWING:
            out.append(data[position:end])
        if kind == b"IEND":
            return b"".join(out)
        position = end
    return None


def jp2(data: bytes) -> bytes | None:
    """Return a JPEG 2000 file without XML and UUID boxes, and with blank comments; None if malformed."""
    if data.startswith(_CODESTREAM):
        return _without_comments(data)
    if not data.startswith(_JP2_MAGIC):
        return None
    boxes = _boxes(data)
    if boxes is None:
        return None
    out = []
    for kind, content in boxes:
        if kind == b"jp2c":
            out.append(_box(kind, _without_comments(content) if content.startswith(_CODESTREAM) else content))
        elif kind == b"jp2h":
            inner = [_header_box(*box) for box in _boxes(content) or [] if box[0] in _JP2_HEADER]
            out.append(_box(kind, b"".join(inner)))
        elif kind in _JP2_DRAWING:
            out.append(_box(kind, content))
    return b"".join(out)


def _boxes(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return kind and content of each box; None if malformed."""
    out, position = [], 0
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if length == 0:
            length = len(data) - position
        if length < 8 or position + length > len(data):
            return None
        out.append((kind, data[position + 8 : position + length]))
        position += length
    return out


def _box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def _header_box(kind: bytes, content: bytes) -> bytes:
    """Return a box of the header; a colour profile in it loses its words."""
    if kind == b"colr" and content[:1] == b"\x02":
        content = content[:3] + (icc.bare(content[3:]) or b"")
    return _box(kind, content)


def _without_comments(data: bytes) -> bytes:
    """Return a codestream (ISO 15444-1, annex A) whose comments are blank, so that all lengths stay right."""
    blank, position, part_end = bytearray(data), 2, len(data)
    while position + 4 <= len(data):
        marker, length = struct.unpack(">HH", data[position : position + 4])
        if marker == 0xFF93:  # data begin; the next part of a tile follows where they end
            position = part_end
            continue
        if marker == 0xFFD9:
            break
        if marker == 0xFF90:
            part_length = int.from_bytes(data[position + 6 : position + 10], "big")
            part_end = position + part_length if part_length >= 14 else len(data)
        if marker == 0xFF64:
            blank[position + 6 : position + 2 + length] = bytes(max(0, length - 4))
        position += 2 + length
    return bytes(blank)


def jbig2(data: bytes) -> bytes | None:
    """Return the segments of a JBIG2 picture in a PDF (ISO 14492) without comments; None if malformed."""
    out, position = [], 0
    while position < len(data):
        header = _jbig2_header(data, position)
        if header is None:
            return None
        kind, start, length = header
        if length == _JBIG2_UNKNOWN:
            length = _jbig2_length(data, start)
        if length is None or start + length > len(data):
            return None
        if kind != _JBIG2_EXTENSION:
            out.append(data[position : start + length])
        position = start + length
    return b"".join(out)


def _jbig2_header(data: bytes, position: int) -> tuple[int, int, int | None] | None:
    """Return kind of a segment, where its data begin, and how long they are by its header; None if malformed."""
    if position + 6 > len(data):
        return None
    number, flags, referred = int.from_bytes(data[position : position + 4], "big"), data[position + 4], position + 5
    count, referred = data[referred] >> 5, referred + 1
    if count == 7:
        count = int.from_bytes(data[referred - 1 : referred + 3], "big") & 0x1FFFFFFF
        referred += 3 + (count + 8) // 8
    width = 1 if number <= 256 else 2 if number <= 65536 else 4
    start = referred + count * width + (4 if flags & 0x40 else 1) + 4
    return (flags & 0x3F, start, int.from_bytes(data[start - 4 : start], "big")) if start <= len(data) else None


def _jbig2_length(data: bytes, start: int) -> int | None:
    """Return the length of a region that does not tell it: it ends with a mark and the number of its rows."""
    if start + 18 > len(data):
        return None
    is_mmr = data[start + 17] & 1
    end = data.find(b"\x00\x00" if is_mmr else b"\xff\xac", start + 18)
    return end + 2 + 4 - start if end >= 0 else None


def _redrawn(data: bytes, form: str, losses: set[str] | None) -> bytes | None:
    try:
        with Image.open(io.BytesIO(data), formats=[form]) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            if losses is not None and form in _MOVING and getattr(image, "n_frames", 1) > 1:
                losses.add("animations")
            flat = ImageOps.exif_transpose(image).convert("RGBA" if _is_transparent(image) else "RGB")
        flat.info = {}
        out = io.BytesIO()
        flat.save(out, "JPEG" if form in _PHOTOS and flat.mode == "RGB" else "PNG", quality=90)
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, RuntimeError):
        return None
    return out.getvalue()


def _is_transparent(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info
