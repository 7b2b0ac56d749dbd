"""Font programs inside of a PDF without the texts of their makers, licences and dates; for ``pdf_rules`` only.

Texts become blanks of the same length, so that whatever points behind them stays right. What cannot be read as a font
stays as it is: it is drawn by nobody.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

_SFNT: Final = (b"\x00\x01\x00\x00", b"true", b"OTTO")
# The tables of TrueType and OpenType that draw or place glyphs; others, as those of editors of fonts, become zeros.
_DRAWING: Final = frozenset(
    {b"cmap", b"cvt ", b"fpgm", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"name", b"post", b"prep"}
    | {b"CFF ", b"OS/2", b"VORG", b"vhea", b"vmtx", b"gasp", b"hdmx", b"kern", b"GDEF", b"GPOS", b"GSUB", b"BASE"}
)
# Fonts have some thirty; each of more could cover the whole file.
_MOST_TABLES: Final = 64
_DATES: Final = slice(20, 36)  # of the table "head"
# Operators of CFF's first dictionary whose value is a text: version, notice, full name, family, copyright, PostScript.
_TEXTS: Final = frozenset({0, 1, 2, 3, 0x0C00, 0x0C15})
_STANDARD_STRINGS: Final = 391
_TYPE1_TEXTS: Final = re.compile(rb"%[^\r\n]*|\((?:\\.|[^()\\])*\)", re.DOTALL)
_FIRST_LINE: Final = re.compile(rb"[^\r\n]*")
_ENCRYPTED: Final = b"eexec"


def bare(data: bytes) -> bytes:
    """Return a font program, of the same length, with blanks in place of its texts."""
    try:
        if data.startswith(_SFNT):
            return _sfnt(data)
        if data.startswith(b"%!"):
            return _type1(data)
        return _cff(data) if data.startswith(b"\x01") else data
    except (IndexError, ValueError):
        return data


def _sfnt(data: bytes) -> bytes:
    out, tables = bytearray(data), _number(data, 4, 2)
    if tables > _MOST_TABLES:
        return data
    for number in range(tables):
        record = 12 + 16 * number
        tag, start, length = data[record : record + 4], _number(data, record + 8, 4), _number(data, record + 12, 4)
        table = data[start : start + length]
        out[start : start + length] = _table(tag, table) if table else b""
    return bytes(out) if len(out) == len(data) else data


def _table(tag: bytes, table: bytes) -> bytes:
    if tag not in _DRAWING:
        return bytes(len(table))
    if tag == b"CFF ":
        return _cff(table)
    if tag == b"head" and len(table) >= _DATES.stop:
        return table[: _DATES.start] + bytes(_DATES.stop - _DATES.start) + table[_DATES.stop :]
    if tag == b"name":
        texts = min(_number(table, 4, 2), len(table))
        return table[:texts] + bytes(len(table) - texts)
    return table


def _type1(data: bytes) -> bytes:
    clear, separator, rest = data.partition(_ENCRYPTED)
    first = _FIRST_LINE.match(clear)
    start = first.end() if first else 0
    return clear[:start] + _TYPE1_TEXTS.sub(_blank_text, clear[start:]) + separator + rest


def _blank_text(match: re.Match[bytes]) -> bytes:
    text = match.group()
    return b"(" + b" " * (len(text) - 2) + b")" if text.startswith(b"(") else b" " * len(text)


def _cff(data: bytes) -> bytes:
    """Blank the texts that the first dictionary names (Adobe Technical Note 5176, sections 5 to 10)."""
    _, end = _index(data, data[2])
    dictionaries, end = _index(data, end)
    strings, _ = _index(data, end)
    entries = (entry for start, stop in dictionaries for entry in _entries(data[start:stop]))
    texts = {value - _STANDARD_STRINGS for operator, value in entries if operator in _TEXTS}
    out = bytearray(data)
    for start, stop in (strings[number] for number in texts if 0 <= number < len(strings)):
        out[start:stop] = b" " * (stop - start)
    return bytes(out)


def _index(data: bytes, position: int) -> tuple[list[tuple[int, int]], int]:
    """Return where each item of an index stands, and where the index ends."""
    count, size = _number(data, position, 2), data[position + 2]
    if not count:
        return [], position + 2
    first = position + 3 + (count + 1) * size - 1
    offsets = [first + _number(data, position + 3 + number * size, size) for number in range(count + 1)]
    if offsets != sorted(offsets) or offsets[-1] > len(data):
        raise ValueError("index")
    return list(itertools.pairwise(offsets)), offsets[-1]


def _entries(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each operator of a dictionary with the last whole number before it, -1 where there is none."""
    position, value = 0, -1
    while position < len(data):
        byte = data[position]
        position += 1
        if byte <= 21:
            is_long = byte == 12
            yield (0x0C00 | data[position], value) if is_long else (byte, value)
            position, value = position + is_long, -1
        elif byte == 30:
            while data[position] & 0x0F != 0x0F:
                position += 1
            position, value = position + 1, -1
        else:
            length = _OPERAND_BYTES.get(byte, 1 if byte >= 247 else 0)
            value = _operand(byte, data[position : position + length])
            position += length


_OPERAND_BYTES: Final = {28: 2, 29: 4}


def _operand(byte: int, rest: bytes) -> int:
    """Return a whole number (section 4, table 3); those below zero name no text."""
    if byte in _OPERAND_BYTES:
        return int.from_bytes(rest, "big", signed=True)
    return (byte - 247) * 256 + rest[0] + 108 if 247 <= byte <= 250 else byte - 139


def _number(data: bytes, position: int, size: int) -> int:
    if position + size > len(data):
        raise ValueError("number")
    return int.from_bytes(data[position : position + size], "big")
