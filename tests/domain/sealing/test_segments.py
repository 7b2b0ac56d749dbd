"""Sealed files: they stream, seek and resume; a flipped bit, a cut, another order or another file is an error."""

import hashlib
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.errors import SealError
from complaints.domain.sealing import segments
from complaints.domain.sealing.primitives import NONCE_BYTES, TAG_BYTES
from complaints.domain.sealing.segments import (
    HEADER_BYTES,
    MAGIC,
    DigestMismatch,
    SegmentWriter,
    compared,
    header,
    padme,
    read_range,
)
from tests.domain.sealing.strategies import bits, flipped, places

KEY, FILE = bytes(range(32)), bytes(range(16))
SMALL = 64
STORED = SMALL + NONCE_BYTES + TAG_BYTES
BORDERS = [0, 1, SMALL - 1, SMALL, SMALL + 1, 2 * SMALL - 1, 2 * SMALL, 2 * SMALL + 1, 5 * SMALL]
sizes = st.sampled_from(BORDERS) | st.integers(0, 6 * SMALL)


@pytest.fixture(autouse=True, scope="module")
def _small_segments() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SEGMENT_BYTES", SMALL)
        patch.setattr(segments, "STORED_SEGMENT_BYTES", STORED)
        yield


def plaintext(size: int) -> bytes:
    return hashlib.shake_128(b"plain").digest(size)


def written(plain: bytes, *, file_id: bytes = FILE, piece: int = 10_000) -> bytes:
    writer = SegmentWriter(KEY, file_id)
    out = bytearray()
    for start in range(0, len(plain), piece):
        for stored in writer.update(plain[start : start + piece]):
            out += stored
    for stored in writer.finish():
        out += stored
    assert writer.length == len(plain)
    assert writer.sha256 == hashlib.sha256(plain).hexdigest()
    assert writer.object_digest == hashlib.sha256(out).digest()
    return bytes(out)


def read(stored: bytes, length: int, start: int = 0, end: int | None = None, *, file_id: bytes = FILE) -> bytes:
    return b"".join(read_range(io.BytesIO(stored), KEY, file_id, length, start, end))


def sealed_size(length: int) -> int:
    """How many bytes of an object are not padding."""
    count = max(1, -(-length // SMALL))
    return HEADER_BYTES + length + count * (NONCE_BYTES + TAG_BYTES)


@given(sizes, st.integers(1, 200))
def test_round_trip_however_it_arrives(size: int, piece: int) -> None:
    plain = plaintext(size)
    stored = written(plain, piece=piece)
    assert read(stored, size) == plain
    assert len(stored) == padme(sealed_size(size))


@given(sizes, st.integers(0, 7 * SMALL), st.integers(0, 7 * SMALL))
def test_a_range_is_the_slice(size: int, start: int, end: int) -> None:
    plain = plaintext(size)
    stored = written(plain)
    assert read(stored, size, start, max(start, end)) == plain[start : max(start, end)]
    assert read(stored, size, start) == plain[start:]


@given(sizes, places, bits)
def test_any_flipped_bit_is_an_error(size: int, place: float, bit: int) -> None:
    stored, true = written(plaintext(size)), sealed_size(size)
    with pytest.raises(SealError):
        read(flipped(stored[:true], place, bit) + stored[true:], size)


@given(sizes, places)
def test_a_cut_object_is_an_error(size: int, place: float) -> None:
    stored = written(plaintext(size))
    with pytest.raises(SealError):
        read(stored[: int(place * sealed_size(size))], size)


def test_what_is_added_behind_the_end_is_never_read() -> None:
    plain = plaintext(3 * SMALL)
    assert read(written(plain) + b"more", 3 * SMALL) == plain


@given(st.permutations(range(4)))
def test_segments_in_another_order_are_an_error(order: list[int]) -> None:
    size = 4 * SMALL
    stored = written(plaintext(size))
    parts = [stored[HEADER_BYTES + n * STORED : HEADER_BYTES + (n + 1) * STORED] for n in range(4)]
    mixed = stored[:HEADER_BYTES] + b"".join(parts[n] for n in order) + stored[HEADER_BYTES + 4 * STORED :]
    if list(order) == [0, 1, 2, 3]:
        assert read(mixed, size) == plaintext(size)
    else:
        with pytest.raises(SealError):
            read(mixed, size)


def test_a_segment_of_another_file_is_an_error() -> None:
    """Even under the same key, and in its own place there."""
    size = 3 * SMALL
    mine, other = written(plaintext(size)), written(plaintext(size), file_id=bytes(16))
    for n in range(3):
        mixed = bytearray(mine)
        segment = slice(HEADER_BYTES + n * STORED, HEADER_BYTES + (n + 1) * STORED)
        mixed[segment] = other[segment]
        with pytest.raises(SealError):
            read(bytes(mixed), size)
    with pytest.raises(SealError):
        read(other, size)


@pytest.mark.parametrize("length", [2 * SMALL, 3 * SMALL, 3 * SMALL - 1, 4 * SMALL])
def test_another_length_than_the_true_one_is_an_error(length: int) -> None:
    """A file cut at the border of two segments does not pass for a whole one: the last segment knows that it is."""
    size = 3 * SMALL + 5
    with pytest.raises(SealError):
        read(written(plaintext(size)), length)


def test_another_key_or_beginning_is_an_error() -> None:
    stored = written(plaintext(10))
    with pytest.raises(SealError, match="object key"):
        b"".join(read_range(io.BytesIO(stored), bytes(32), FILE, 10))
    with pytest.raises(SealError, match="object"):
        read(b"PK" + stored[2:], 10)
    for version in (0, 2, 255):
        with pytest.raises(SealError, match=f"unknown version {version}"):
            read(MAGIC + bytes([version]) + stored[4:], 10)


def test_a_second_key_that_opens_every_segment_is_refused_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The segments' cipher does not bind a ciphertext to one key; here it is replaced by one that any key opens."""
    stored, opened = written(plaintext(3 * SMALL)), list[int]()
    monkeypatch.setattr(
        segments, "open_segment", lambda _key, _file, index, _sealed, last: opened.append(index) or b"x"
    )
    for key, file_id in ((bytes(32), FILE), (KEY, bytes(16)), (KEY[:31] + b"\x00", FILE)):
        with pytest.raises(SealError, match="object key"):
            b"".join(read_range(io.BytesIO(stored), key, file_id, 3 * SMALL))
    assert opened == []
    assert b"".join(read_range(io.BytesIO(stored), KEY, FILE, 3 * SMALL)) == b"xxx"


def test_a_header_tells_nothing_of_key_and_file() -> None:
    keys = [hashlib.sha256(bytes([number])).digest() for number in range(20)]
    assert len({header(key, FILE)[4:] for key in keys} | {header(KEY, key[:16])[4:] for key in keys}) == 40
    assert {header(key, FILE)[:4] for key in keys} == {b"KN\x00\x01"}


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_the_last_piece_waits_for_the_digest_of_all(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert b"".join(compared(pieces, hashlib.sha256(whole).hexdigest())) == whole
    seen = bytearray()
    with pytest.raises(DigestMismatch):
        for piece in compared(pieces, hashlib.sha256(whole + b"x").hexdigest()):
            seen += piece
    last = pieces[-1] if pieces else b""
    assert bytes(seen) == whole[: len(whole) - len(last)]


def test_a_store_that_gives_little_at_a_time_is_read_whole() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(7, size) if size and size > 0 else size)

    plain = plaintext(4 * SMALL + 3)
    assert b"".join(read_range(Trickle(written(plain)), KEY, FILE, len(plain))) == plain


def test_no_two_objects_of_one_plaintext_are_alike() -> None:
    assert written(plaintext(100))[HEADER_BYTES:] != written(plaintext(100))[HEADER_BYTES:]


@given(st.integers(0, 2**40), st.integers(0, 2**20))
def test_padme_costs_at_most_an_eighth_and_never_shrinks(size: int, more: int) -> None:
    padded = padme(size)
    assert padded >= size
    assert padded <= max(4096, size * 1.12)
    assert padme(size + more) >= padded
    assert padme(padded) == padded


def test_small_files_are_of_one_size() -> None:
    assert {len(written(plaintext(size))) for size in range(0, 2000, 37)} == {4096}


def test_nothing_is_held_back_but_one_segment() -> None:
    """What a server keeps of an upload in memory is one segment and the piece at hand, however long the file."""
    writer = SegmentWriter(KEY, FILE)
    for _ in range(50):
        list(writer.update(plaintext(SMALL)))
        assert writer._held <= SMALL
