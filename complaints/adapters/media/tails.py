"""Codes of what picture files hold beside the picture that is seen: remarks, small and second pictures, films, tails.

The containers are walked, no pixel is decoded. For ``images`` only, in the sandbox. What EXIF, XMP and IPTC tell is
read there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final, Literal

from complaints.adapters.media import hints
from complaints.adapters.media.refusal import Unreadable

# More segments than this are in no picture of a camera or a program.
_MAX_PIECES: Final = 200_000
# A JPEG marker; a stuffed zero and a restart belong to the compressed picture.
_MARKER: Final = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_END, _START, _ALONE = 0xD9, 0xD8, 0x01
_REMARK: Final = 0xFE
_MOTION: Final = re.compile(rb"(?:MotionPhoto|MicroVideo)(?:=[\"']|>)\s*1")
_FILM: Final = re.compile(rb"ftyp(?:mp4|isom|iso\d|avc1|qt  |MSNV|3gp|M4V)|MotionPhoto_Data")
_PICTURE: Final = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n")
_PADDING: Final = b"\0\xff \r\n\t"
# Remarks that libraries for JPEG write by themselves.
_ENCODERS: Final = (b"CREATOR: gd-jpeg", b"Lavc", b"LEAD Tech", b"Intel(R)", b"File written by Adobe", b"Optimized by")
# Names in Samsung's trailer, by what they tell.
_SAMSUNG: Final = ((b"Image_UTC_Data", "time"), (b"MCC_Data", "place"))
_SHOWN_CHUNKS: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP bKGD hIST pHYs sPLT acTL fcTL fdAT mDCV cLLI eXIf iDOT"
    b" orNT vpAg oFFs sTER".split()
)
_PNG_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_SHOWN_WEBP: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"EXIF", b"XMP "})
_SHOWN_BOXES: Final = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"moov"})
_GIF_PROGRAMS: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply beside those of notes; raises Unreadable: too many pieces."""
    walk = _WALKS.get(media_type)
    if walk is None:
        return set()
    source.seek(0)
    return walk(source.read())


def _counted(count: int) -> None:
    if count > _MAX_PIECES:
        raise Unreadable("bomb")


def _codes_of_tail(tail: bytes) -> set[str]:
    """Return the codes of what follows the end of a picture."""
    if not tail.strip(_PADDING):
        return set()
    tail = tail.lstrip(b"\0 \r\n\t")
    codes = {code for name, code in _SAMSUNG if name in tail}
    if _FILM.search(tail):
        codes |= {"film", "attachment"}
    if _PICTURE.match(tail) or (codes and _PICTURE.search(tail)):
        codes.add("second-picture")
    return codes or {"remnant"}


# --- JPEG


def _codes_of_jpeg(data: bytes) -> set[str]:
    codes, position, count = set[str](), 2, 0
    while match := _MARKER.search(data, position):
        count += 1
        _counted(count)
        marker, start = match.group(1)[0], match.end()
        if marker == _END:
            return codes | _codes_of_tail(data[start:])
        if marker in {_START, _ALONE}:
            position = start
            continue
        end = start + max(2, int.from_bytes(data[start : start + 2], "big"))
        codes |= _codes_of_segment(marker, data[start + 2 : end])
        position = end
    return codes


def _codes_of_segment(marker: int, body: bytes) -> set[str]:
    if marker == _REMARK:
        return _codes_of_remark(body)
    return _SEGMENTS.get(marker, _codes_of_other)(body) if 0xE0 <= marker <= 0xEF else set()


def _codes_of_remark(body: bytes) -> set[str]:
    body = body.strip(_PADDING)
    return {"software" if body.startswith(_ENCODERS) else "title"} if body else set()


def _codes_of_jfif(body: bytes) -> set[str]:
    has_thumbnail = body.startswith(b"JFXX\0") or (body.startswith(b"JFIF\0") and any(body[12:13]) and any(body[13:14]))
    return {"thumbnail"} if has_thumbnail else set()


def _codes_of_app1(body: bytes) -> set[str]:
    if body.startswith(b"http://ns.adobe.com/"):
        return {"film", "attachment"} if _MOTION.search(body) else set()
    return set() if body.startswith(b"Exif\0") else _codes_of_other(body)


def _codes_of_app2(body: bytes) -> set[str]:
    if body.startswith(b"MPF\0"):
        return {"second-picture"} if _pictures_in(body[4:]) > 1 else set()
    return set() if body.startswith(b"ICC_PROFILE\0") else _codes_of_other(body)


def _pictures_in(index: bytes) -> int:
    """Return how many pictures a multi-picture index (CIPA DC-007, 5.2.3) names; 2 where it cannot be read."""
    order: Literal["little", "big"] = "little" if index.startswith(b"II") else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(index[start : start + length], order)

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + 12 * min(number(first, 2), 64), 12):
        if number(entry, 2) == 0xB001:
            return number(entry + 8, 4)
    return 2


def _codes_of_photoshop(body: bytes) -> set[str]:
    # Resources 1033 and 1036 are thumbnails.
    return {"thumbnail"} if b"8BIM\x04\x09" in body or b"8BIM\x04\x0c" in body else set()


def _codes_of_other(body: bytes) -> set[str]:
    return {"remnant"} if body.strip(_PADDING) else set()


_SEGMENTS: Final[Mapping[int, Callable[[bytes], set[str]]]] = {
    0xE0: _codes_of_jfif,
    0xE1: _codes_of_app1,
    0xE2: _codes_of_app2,
    0xEB: lambda body: {"provenance"} if body.startswith(b"JP") else _codes_of_other(body),
    0xEC: lambda body: {"software"} if body.startswith(b"Ducky") else _codes_of_other(body),
    0xED: _codes_of_photoshop,
    0xEE: lambda body: set() if body.startswith(b"Adobe") else _codes_of_other(body),
}


# --- PNG


def _codes_of_png(data: bytes) -> set[str]:
    codes, position, count = set[str](), 8, 0
    while position + 8 <= len(data):
        count += 1
        _counted(count)
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + 12 + length
        if kind == b"IEND":
            return codes | _codes_of_tail(data[end:])
        if kind not in _SHOWN_CHUNKS:
            codes |= _codes_of_chunk(kind, data[position + 8 : position + 8 + length])
        position = end
    return codes


def _codes_of_chunk(kind: bytes, body: bytes) -> set[str]:
    if kind == b"tIME":
        return {"time"}
    if kind == b"caBX":
        return {"provenance"}
    if kind not in _PNG_TEXTS:
        return {"remnant"}
    keyword = body.partition(b"\0")[0][:80].decode("latin-1")
    if keyword == "XML:com.adobe.xmp":
        return set()  # read with the notes
    return {"time"} if keyword.lower().startswith("date") else {hints.code_of(keyword) or "title"}


# --- WebP, GIF, BMP, HEIF


def _codes_of_webp(data: bytes) -> set[str]:
    end, codes = 8 + int.from_bytes(data[4:8], "little"), set[str]()
    for kind in _riff_chunks(data[:end]):
        if kind not in _SHOWN_WEBP:
            codes.add("remnant")
    return codes | _codes_of_tail(data[end:])


def _riff_chunks(data: bytes) -> Iterator[bytes]:
    position, count = 12, 0
    while position + 8 <= len(data):
        count += 1
        _counted(count)
        yield data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length + (length & 1)


def _after_blocks(data: bytes, position: int) -> int:
    """Return the position behind a row of sub-blocks, each led by its length, that a zero ends."""
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return position + 1


def _colours(packed: int) -> int:
    """Return the length in bytes of a table of colours from the byte that describes it."""
    return 3 << (1 + (packed & 7)) if packed & 0x80 else 0


def _codes_of_gif(data: bytes) -> set[str]:
    codes, position, count = set[str](), 13 + _colours(data[10] if len(data) > 10 else 0), 0
    while position < len(data):
        count += 1
        _counted(count)
        kind = data[position]
        if kind == 0x3B:
            return codes | _codes_of_tail(data[position + 1 :])
        if kind == 0x21:
            end = _after_blocks(data, position + 2)
            codes |= _codes_of_extension(data[position:end])
            position = end
        elif kind == 0x2C:
            position = _after_blocks(
                data, position + 11 + _colours(data[position + 9] if position + 9 < len(data) else 0)
            )
        else:
            return codes | {"remnant"}
    return codes


def _codes_of_extension(data: bytes) -> set[str]:
    label, program = data[1:2], data[3:14]
    if label in {b"\xfe", b"\x01"}:
        return {"title"}
    if label != b"\xff" or program in _GIF_PROGRAMS:
        return set()
    return hints.codes_of_xmp(data) if program == b"XMP DataXMP" else {"remnant"}


def _codes_of_bmp(data: bytes) -> set[str]:
    end = int.from_bytes(data[2:6], "little")
    return _codes_of_tail(data[end:]) if end >= 26 else set()


def _codes_of_heif(data: bytes) -> set[str]:
    codes, position, count = set[str](), 0, 0
    while position + 8 <= len(data):
        count += 1
        _counted(count)
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if length == 1:
            length = int.from_bytes(data[position + 8 : position + 16], "big")
        if kind == b"mpvd":
            codes |= {"film", "attachment"}
        elif kind not in _SHOWN_BOXES:
            codes |= _codes_of_tail(data[position : position + 64])
        if length < 8:  # 0: to the end of the file
            return codes
        position += length
    return codes | _codes_of_tail(data[position:])


_WALKS: Final[Mapping[str, Callable[[bytes], set[str]]]] = {
    "image/jpeg": _codes_of_jpeg,
    "image/png": _codes_of_png,
    "image/webp": _codes_of_webp,
    "image/gif": _codes_of_gif,
    "image/bmp": _codes_of_bmp,
    **dict.fromkeys(("image/heic", "image/heif", "image/avif"), _codes_of_heif),
}
