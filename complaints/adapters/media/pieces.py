"""Cleans pictures embedded in other files without decoding pixels: only the blocks needed for drawing are copied.

For the PDF and office readers of this package. An unknown picture gives None and must be left out of the copy.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Final

from PIL import Image

from complaints.adapters.media.images import MAX_PIXELS

# JFIF and Adobe's colour transform; EXIF, XMP, IPTC, colour profiles, comments and previews are dropped.
_JPEG_DRAWING: Final = {0xE0, 0xEE}
_JPEG_MARKER: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
_PNG_DRAWING: Final = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"),
    *(b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"),
}
_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_JP2_MAGIC: Final = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_JP2_DRAWING: Final = {b"jP  ", b"ftyp", b"jp2h", b"jp2c"}
_REDRAWN: Final = {b"GIF8": "GIF", b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"BM": "BMP"}
_EMF_SIGNATURE: Final = (40, b" EMF")
_WMF_MAGIC: Final = b"\xd7\xcd\xc6\x9a"


def picture(data: bytes) -> bytes | None:
    """Return the picture without metadata, in its own format, or None where that is not possible."""
    if data.startswith(b"\xff\xd8"):
        return jpeg(data)
    if data.startswith(_PNG_MAGIC):
        return png(data)
    if data.startswith(_WMF_MAGIC):
        return data  # a placeable metafile has drawing records only
    if data[_EMF_SIGNATURE[0] : _EMF_SIGNATURE[0] + 4] == _EMF_SIGNATURE[1]:
        return emf(data)
    form = next((form for magic, form in _REDRAWN.items() if data.startswith(magic)), "")
    return _redrawn(data, form) if form else None


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
        if marker in _JPEG_DRAWING or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            out.append(b"\xff" + bytes([marker]) + data[match.end() : end])
        position = end
    return b"".join([*out, data[position:], b"\xff\xd9"]) if _in_scan(out) else None


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
    """Return a JPEG 2000 file without XML and UUID boxes; a bare codestream as it is; None if malformed."""
    if data.startswith(b"\xff\x4f\xff\x51"):
        return data
    if not data.startswith(_JP2_MAGIC):
        return None
    out, position = [], 0
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if length == 0:
            length = len(data) - position
        if length < 8 or position + length > len(data):
            return None
        if kind in _JP2_DRAWING:
            out.append(data[position : position + length])
        position += length
    return b"".join(out)


def emf(data: bytes) -> bytes | None:
    """Return an enhanced metafile with a blank description (program and title); None if malformed."""
    if len(data) < 88:
        return None
    count, offset = struct.unpack("<II", data[60:68])
    end = offset + 2 * count
    blank = bytearray(data)
    if count:
        if end > len(data) or offset < 88:
            return None
        blank[offset:end] = bytes(end - offset)
    blank[60:68] = bytes(8)
    return bytes(blank)


def _redrawn(data: bytes, form: str) -> bytes | None:
    try:
        with Image.open(io.BytesIO(data), formats=[form]) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            flat = image.convert("RGBA" if form == "TIFF" and "A" in image.getbands() else "RGB")
        flat.info = {}
        out = io.BytesIO()
        flat.save(out, form)
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, RuntimeError):
        return None
    return out.getvalue()
