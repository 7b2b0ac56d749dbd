"""Colour profiles without the texts in them: who made them, for which device, and when. For the copies."""

from __future__ import annotations

from typing import Final

_HEADER: Final = 128
_MOST_TAGS: Final = 100
# ICC.1:2022, table 17: version, class, colour space, connection space, signature, flags, intent, illuminant.
_KEPT_OF_HEADER: Final = ((0, 4), (8, 24), (36, 40), (44, 48), (64, 80))
_DRAWING: Final = frozenset(
    {
        *("wtpt", "bkpt", "chad", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "gamt", "cicp", "lumi"),
        *("A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "D2B0", "D2B1", "D2B2", "B2D0", "B2D1", "B2D2"),
    }
)
# The beginning of an empty text of each type: without records, or one character long.
_EMPTY: Final = {b"mluc": bytes(8) + b"\x00\x00\x00\x0c", b"desc": bytes(7) + b"\x01", b"text": bytes(5)}


def bare(data: bytes) -> bytes | None:
    """Return a colour profile with the tables that convert colours and empty texts; None if malformed."""
    if len(data) < _HEADER + 4 or data[36:40] != b"acsp":
        return None
    count = int.from_bytes(data[_HEADER : _HEADER + 4], "big")
    table_end = _HEADER + 4 + 12 * count
    if count > _MOST_TAGS or table_end > len(data):
        return None
    out = bytearray(len(data))
    for start, end in _KEPT_OF_HEADER:
        out[start:end] = data[start:end]

    out[_HEADER : _HEADER + 4] = data[_HEADER : _HEADER + 4]
    for at in range(_HEADER + 4, table_end, 12):
        offset, size = int.from_bytes(data[at + 4 : at + 8], "big"), int.from_bytes(data[at + 8 : at + 12], "big")
        if offset < table_end or offset + size > len(data):
            return None
        out[at : at + 12] = data[at : at + 12]
        if data[at : at + 4].decode("latin-1") in _DRAWING:
            out[offset : offset + size] = data[offset : offset + size]
        elif not any(out[offset : offset + size]):
            kind = data[offset : offset + 4]
            empty = (kind + _EMPTY.get(kind, b""))[:size]
            out[offset : offset + len(empty)] = empty
    return bytes(out)
