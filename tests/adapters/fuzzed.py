"""Files of every kind that the portal takes, altered by chance: flipped, cut, doubled, exchanged, emptied.

A seed gives the same file each time. A kind without a sample fails the test, so that a new one gets a maker in
``samples`` first; one that shares the sample of another kind, or has no reader, is named here.
"""

import random
from collections.abc import Callable
from typing import Final

from complaints.adapters.media import kinds
from tests.adapters.samples import SAMPLES, locked_zip, packed

_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


def _by_stream(name: str) -> bytes:
    return _OLE + name.encode("utf-16-le").ljust(512, b"\0") + bytes(2048)


def _first_of(media_type: str) -> Callable[[], bytes]:
    return next(make for kind, make in SAMPLES.values() if kind == media_type)


# What has no sample of its own: kinds with two names, and those of which no copy is made.
_OTHERS: Final[dict[str, Callable[[], bytes]]] = {
    "image/heif": _first_of("image/heic"),
    "audio/mp4": _first_of("audio/x-m4a"),
    "audio/aac": _first_of("audio/x-hx-aac-adts"),
    "application/msword": lambda: _by_stream("WordDocument"),
    "application/vnd.ms-excel": lambda: _by_stream("Workbook"),
    "application/vnd.ms-powerpoint": lambda: _by_stream("PowerPoint Document"),
    "application/x-ole-storage": lambda: _by_stream("Root Entry"),
    "application/zip": lambda: packed({"a.txt": "catatan", "b/c.txt": "catatan lagi"}),
    kinds.LOCKED_OFFICE: lambda: _by_stream("EncryptedPackage"),
    kinds.LOCKED_ZIP: lambda: locked_zip(packed({"a.txt": "catatan", "b/c.txt": "catatan lagi"})),
    "text/html": lambda: b'<!-- a -->\n<!DOCTYPE html><html><body class="from_name">Budi 09.12</body></html>\n' * 5,
    "text/rtf": lambda: b"{\\rtf1\\ansi{\\info{\\author Budi}}\\par besok kumpul di kantor}\n" * 5,
    "text/plain": lambda: b"09.12 Budi: besok kumpul di kantor\n" * 20,
}


def samples_of(media_type: str) -> list[bytes]:
    """Return the samples of a kind; raises LookupError with what is to be done where there is none."""
    made = [make() for kind, make in SAMPLES.values() if kind == media_type]
    made += [_OTHERS[media_type]()] if media_type in _OTHERS else []
    if not made:
        raise LookupError(f"{media_type} is taken and has no sample: add its maker to tests/adapters/samples.py")
    return made


def altered(media_type: str, seed: int) -> bytes:
    """Return a sample of a kind after one to three alterations; an empty file becomes one of a byte."""
    dice = random.Random(f"{media_type} {seed}")
    data = dice.choice(samples_of(media_type))
    for _ in range(dice.randint(1, 3)):
        data = dice.choice(_ALTERATIONS)(data, dice) or b"\0"
    return data


def _flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 4, 32))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _flip_in_head(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    changed[dice.randrange(min(len(changed), 64))] = dice.randrange(256)
    return bytes(changed)


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def _span(data: bytes, dice: random.Random) -> tuple[int, int]:
    start = dice.randrange(len(data))
    return start, min(len(data), start + dice.choice((1, 16, 512, 8_192)))


def _drop(data: bytes, dice: random.Random) -> bytes:
    start, end = _span(data, dice)
    return data[:start] + data[end:]


def _double(data: bytes, dice: random.Random) -> bytes:
    start, end = _span(data, dice)
    return data[:end] + data[start:end] + data[end:]


def _empty(data: bytes, dice: random.Random) -> bytes:
    start, end = _span(data, dice)
    return data[:start] + dice.choice((b"\0", b"\xff")) * (end - start) + data[end:]


def _exchange(data: bytes, dice: random.Random) -> bytes:
    first, middle, last = sorted(dice.randrange(len(data) + 1) for _ in range(3))
    return data[:first] + data[middle:last] + data[first:middle] + data[last:]


def _insert(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + dice.randbytes(dice.choice((1, 4, 100))) + data[start:]


def _large_number(data: bytes, dice: random.Random) -> bytes:
    """Write the largest number of four bytes somewhere: lengths and counts are what readers trust."""
    start = dice.randrange(len(data))
    return data[:start] + dice.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff" * 4)) + data[start + 4 :]


_ALTERATIONS: Final = (
    _flip, _flip_in_head, _cut, _drop, _double, _empty, _exchange, _insert, _large_number,
)  # fmt: skip


def everything() -> list[str]:
    """Return the kinds that the portal takes."""
    return sorted(kinds.ALLOWED)
