"""Windows metafiles (EMF, WMF) without comments, escapes and descriptions; for ``pieces`` only.

Records that draw are copied as they are. The lengths and counts in the headers are those of the copy.
"""

from __future__ import annotations

import struct
from typing import Final

_EMF_HEADER: Final = 88
_EMF_COMMENT: Final = 70
_EMF_LAST: Final = 122
_EMF_END: Final = 14
# MS-EMF 2.1.1: escapes of printers, and colour profiles, which name files.
_EMF_DROPPED: Final = frozenset({99, 100, 101, 105, 106, 110, 111, 112, 113, 121, 122})
# What a comment holds that draws: records of EMF+, among which comments have this type.
_EMF_PLUS: Final = b"EMF+"
_EMF_PLUS_COMMENT: Final = 0x4003
PLACEABLE: Final = b"\xd7\xcd\xc6\x9a"
_PLACEABLE_BYTES: Final = 22
_WMF_HEADER: Final = 18
_WMF_HEADERS: Final = tuple(kind + b"\x00\x09\x00" for kind in (b"\x01", b"\x02"))
_WMF_ESCAPE: Final = 0x0626


def is_wmf(data: bytes) -> bool:
    """Return whether these are the bytes of a Windows metafile, with or without its placeable header."""
    return data.startswith((PLACEABLE, *_WMF_HEADERS))


def emf(data: bytes) -> bytes | None:
    """Return an enhanced metafile without description (program and title) and comments; None if malformed."""
    if len(data) < _EMF_HEADER:
        return None
    count, offset = struct.unpack("<II", data[60:68])
    first = int.from_bytes(data[4:8], "little")
    if first < _EMF_HEADER or first > len(data):
        return None
    header = bytearray(data[:first])
    if count:
        if offset < _EMF_HEADER or offset + 2 * count > len(data):
            return None
        end = min(offset + 2 * count, first)
        header[offset:end] = bytes(max(0, end - offset))
    header[60:68] = bytes(8)
    records = _emf_records(data, first)
    if records is None:
        return None
    total = first + sum(map(len, records))
    header[48:56] = struct.pack("<II", total, len(records) + 1)
    return bytes(header) + b"".join(records)


def _emf_records(data: bytes, position: int) -> list[bytes] | None:
    records = []
    while position + 8 <= len(data):
        kind, size = struct.unpack("<II", data[position : position + 8])
        if size < 8 or position + size > len(data):
            return None
        record = _emf_record(kind, data[position : position + size])
        if record:
            records.append(record)
        position += size
        if kind == _EMF_END:  # nothing behind it is drawn
            break
    return records


def _emf_record(kind: int, record: bytes) -> bytes:
    if kind == _EMF_COMMENT:
        return _emf_plus(record) if record[12:16] == _EMF_PLUS else b""
    return record if 0 < kind <= _EMF_LAST and kind not in _EMF_DROPPED else b""


def _emf_plus(record: bytes) -> bytes:
    """Return a record of EMF+ in which its own comments are blank."""
    blank, position = bytearray(record), 16
    while position + 12 <= len(record):
        kind, _, size = struct.unpack("<HHI", record[position : position + 8])
        if size < 12 or position + size > len(record):
            return b""
        if kind == _EMF_PLUS_COMMENT:
            blank[position + 12 : position + size] = bytes(size - 12)
        position += size
    return bytes(blank)


def wmf(data: bytes) -> bytes | None:
    """Return a Windows metafile without escapes, which hold comments and operators to printers; None if malformed."""
    start = _PLACEABLE_BYTES if data.startswith(PLACEABLE) else 0
    if not data.startswith(_WMF_HEADERS, start):
        return None
    header, records, position = data[start : start + _WMF_HEADER], list[bytes](), start + _WMF_HEADER
    while position + 6 <= len(data):
        size, kind = struct.unpack("<IH", data[position : position + 6])
        if size < 3 or position + 2 * size > len(data):
            return None
        if kind != _WMF_ESCAPE:
            records.append(data[position : position + 2 * size])
        position += 2 * size
        if kind == 0:  # the end; nothing behind it is drawn
            break
    words = (_WMF_HEADER + sum(map(len, records))) // 2
    return data[:start] + header[:6] + struct.pack("<I", words) + header[10:] + b"".join(records)
