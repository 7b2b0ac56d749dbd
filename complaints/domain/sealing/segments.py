"""Sealed files: segments of 1 MiB that can be streamed, sought and resumed; a cut, reordered or mixed file is an error.

An object begins with a header: three fixed bytes, the version, and a commitment to its key. Segments follow, each
XChaCha20-Poly1305 under the file's own key, with its own nonce and (file, index, last) as associated data. Random bytes
pad the object to a Padme size; true length and SHA-256 of the plaintext are sealed beside the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import (
    NONCE_BYTES,
    TAG_BYTES,
    blake2b,
    decrypt,
    encrypt_apart,
    encrypt_in_place,
    random_bytes,
    unknown_version,
)

MAGIC = b"KN\x00"
VERSION = b"\x01"
COMMITMENT_BYTES = 32
HEADER_BYTES = len(MAGIC) + len(VERSION) + COMMITMENT_BYTES
SEGMENT_BYTES = 1024 * 1024
Piece = bytes | memoryview
STORED_SEGMENT_BYTES = SEGMENT_BYTES + NONCE_BYTES + TAG_BYTES


class DigestMismatch(SealError):
    """All segments opened, but the file is not the one whose SHA-256 is sealed beside its key."""


def padme(size: int) -> int:
    """Return the padded size in bytes: the Padme rule leaks O(log log size) bits and costs at most 12 %.

    Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019.
    """
    size = max(size, 4096)
    exponent = size.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (size + mask) & ~mask


def padding(stored: int) -> Iterator[bytes]:
    """Yield the random bytes that fill an object of ``stored`` bytes up to its Padme size."""
    missing = padme(stored) - stored
    while missing > 0:
        piece = min(missing, SEGMENT_BYTES)
        yield random_bytes(piece)
        missing -= piece


def object_bytes(length: int) -> int:
    """Return the size of the stored object of a file of ``length`` bytes, its padding included."""
    segments = max(1, -(-length // SEGMENT_BYTES))
    return padme(HEADER_BYTES + length + segments * (NONCE_BYTES + TAG_BYTES))


def part_bytes(length: int) -> int:
    """Return the size of an object that is one segment of ``length`` bytes, its padding included."""
    return padme(length + NONCE_BYTES + TAG_BYTES)


def header(key: bytes, file_id: bytes) -> bytes:
    """Return the HEADER_BYTES with which the object of ``file_id`` (16 bytes) under ``key`` (32 bytes) begins.

    XChaCha20-Poly1305 alone does not bind a ciphertext to one key: segments can be made that open to two texts under
    two keys. The commitment leaves one key for each object.
    """
    return MAGIC + VERSION + blake2b(key + file_id, person=b"object key", size=COMMITMENT_BYTES)


def _associated(file_id: bytes, index: int, *, last: bool) -> bytes:
    return b"file" + file_id + index.to_bytes(8, "big") + (b"\x01" if last else b"\x00")


def seal_segment(key: bytes, file_id: bytes, index: int, data: bytes, *, last: bool) -> tuple[bytes, bytes]:
    """Return nonce and ciphertext of segment ``index``; all but the last hold exactly SEGMENT_BYTES."""
    return encrypt_apart(key, data, _associated(file_id, index, last=last))


def open_segment(key: bytes, file_id: bytes, index: int, sealed: bytes, *, last: bool) -> bytes:
    """Undo :func:`seal_segment`; raises SealError for a cut, altered or other segment."""
    return decrypt(key, sealed, _associated(file_id, index, last=last))


def _new_buffer() -> memoryview:
    return memoryview(bytearray(NONCE_BYTES + SEGMENT_BYTES + TAG_BYTES))


class SegmentWriter:
    """Turns plaintext pushed in pieces of any size into the bytes of the stored object.

    Plaintext is copied once, into the buffer in which it is then encrypted; yielded buffers must be written at once.
    """

    def __init__(self, key: bytes, file_id: bytes) -> None:
        """Seal under ``key`` (32 bytes) for the file ``file_id`` (16 bytes)."""
        self._key, self._file_id = key, file_id
        # Made with the first byte: a file that is refused before takes no memory.
        self._space: memoryview | None = None
        self._held = 0
        self._index = 0
        self._sha256 = hashlib.sha256()
        self._object = hashlib.sha256()
        self._stored = 0
        self.length = 0

    def _emit(self, data: Piece) -> Piece:
        self._object.update(data)
        self._stored += len(data)
        return data

    def gather(self, data: bytes) -> Iterator[memoryview]:
        """Take and hash plaintext; yield every full segment, which the caller passes to :meth:`seal` in order.

        One full segment is held back, because only :meth:`finish` knows which is the last.
        """
        self._sha256.update(data)
        self.length += len(data)
        rest = memoryview(data)
        while rest:
            if self._held == SEGMENT_BYTES:
                yield self._take()
            if self._space is None:
                self._space = _new_buffer()
            piece = rest[: SEGMENT_BYTES - self._held]
            start = NONCE_BYTES + self._held
            self._space[start : start + len(piece)] = piece
            self._held += len(piece)
            rest = rest[len(piece) :]

    def _take(self) -> memoryview:
        space, held = self._space or memoryview(bytearray(NONCE_BYTES + TAG_BYTES)), self._held
        self._space, self._held = None, 0
        return space[: NONCE_BYTES + held + TAG_BYTES]

    def seal(self, segment: memoryview, *, last: bool = False) -> Iterator[Piece]:
        """Yield the stored bytes of the next segment; may run in another thread than :meth:`gather`."""
        encrypt_in_place(self._key, segment, _associated(self._file_id, self._index, last=last))
        if self._index == 0:
            yield self._emit(header(self._key, self._file_id))
        self._index += 1
        yield self._emit(segment)

    def update(self, data: bytes) -> Iterator[Piece]:
        """Take plaintext; yield the stored bytes of every segment that is now full."""
        for segment in self.gather(data):
            yield from self.seal(segment)

    def finish(self) -> Iterator[Piece]:
        yield from self.seal(self._take(), last=True)
        yield from map(self._emit, padding(self._stored))

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the plaintext so far; to be stored sealed only."""
        return self._sha256.hexdigest()

    @property
    def object_digest(self) -> bytes:
        """SHA-256 of the stored bytes so far (docs/adr/0014): it tells nothing of the plaintext."""
        return self._object.digest()


def read_range(
    stored: BinaryIO, key: bytes, file_id: bytes, length: int, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """Yield the plaintext bytes ``start`` to ``end`` (exclusive) of a stored object of true ``length`` bytes.

    Raises SealError: unknown version; the object was cut, altered, reordered, or belongs to another file or key. A
    wrong key is refused before any segment is opened.
    """
    end = length if end is None else min(end, length)
    stored.seek(0)
    head = _read_exactly(stored, len(MAGIC) + len(VERSION))
    if not head.startswith(MAGIC):
        raise SealError("object")
    reader = _READERS.get(head[len(MAGIC) :])
    if reader is None:
        raise unknown_version(head[len(MAGIC) :])
    return reader(stored, key, file_id, length, start, end)


def _read_segments(stored: BinaryIO, key: bytes, file_id: bytes, length: int, start: int, end: int) -> Iterator[bytes]:
    """Yield the plaintext of an object of version 1, which is read up to the end of its version byte."""
    if MAGIC + VERSION + _read_exactly(stored, COMMITMENT_BYTES) != header(key, file_id):
        raise SealError("object key")
    final = max(0, (length - 1) // SEGMENT_BYTES)
    first, until = start // SEGMENT_BYTES, max(start, end - 1) // SEGMENT_BYTES
    stored.seek(HEADER_BYTES + first * STORED_SEGMENT_BYTES)
    for index in range(first, min(until, final) + 1):
        size = SEGMENT_BYTES if index < final else length - final * SEGMENT_BYTES
        sealed = _read_exactly(stored, size + NONCE_BYTES + TAG_BYTES)
        plain = open_segment(key, file_id, index, sealed, last=index == final)
        base = index * SEGMENT_BYTES
        yield plain[max(0, start - base) : max(0, end - base)]


_Reader = Callable[[BinaryIO, bytes, bytes, int, int, int], Iterator[bytes]]
_READERS: Final[Mapping[bytes, _Reader]] = {b"\x01": _read_segments}


def compared(pieces: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    """Yield the pieces of a whole file, the last only once the SHA-256 of all is ``sha256`` (hexadecimal).

    Raises DigestMismatch in place of the last piece, so that nobody gets another file whole.
    """
    digest, held = hashlib.sha256(), b""
    for piece in pieces:
        digest.update(piece)
        if held:
            yield held
        held = piece
    if digest.hexdigest() != sha256:
        raise DigestMismatch("digest")
    yield held


def _read_exactly(stored: BinaryIO, size: int) -> bytes:
    pieces = []
    while size > 0:
        piece = stored.read(size)
        if not piece:
            raise SealError("cut")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
