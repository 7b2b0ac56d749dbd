"""Opens hostile zip containers: only if their declared sizes and names are sane, and reads only what is declared.

For the office readers of this package; a zip that is evidence itself is never opened.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from complaints.adapters.media import markup
from complaints.adapters.media.refusal import Unreadable, refusal

MAX_ENTRIES: Final = 10_000
MAX_ENTRY_BYTES: Final = 256 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
# Spreadsheets of numbers reach 1:40; deflate's maximum is 1:1032, and small entries may come near it.
MAX_RATIO: Final = 150
RATIO_FREE_BYTES: Final = 16 * 1024 * 1024
_ENCRYPTED: Final = 0x1
_BAD_NAME: Final = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//|[\x00-\x1f]")
# The list of parts of an OpenDocument file; it names the cipher of those under a password.
ODF_MANIFEST: Final = "META-INF/manifest.xml"
MANIFEST_BYTES: Final = 4 * 1024 * 1024
_FAILURES: Final = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError, MemoryError)


class Archive:
    """The entries of a checked zip, by name without regard to case; ``allowance`` is shared by all XML read of it."""

    def __init__(self, archive: zipfile.ZipFile, packed_bytes: int) -> None:
        """Check what ``archive`` declares, whose file is ``packed_bytes`` long; raises Unreadable."""
        self._archive = archive
        self._names = _checked(archive.infolist(), packed_bytes)
        self._entries = {name.casefold(): entry for name, entry in self._names.items()}
        self.allowance = markup.Allowance(packed_bytes)

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def size(self, name: str) -> int:
        """Return the declared length of an entry in bytes; raises KeyError."""
        return self._entries[name.casefold()].file_size

    def read(self, name: str, limit: int = MAX_ENTRY_BYTES) -> bytes:
        """Return an entry; raises Unreadable: absent, above ``limit`` bytes, or not what its header declares."""
        if name not in self:
            raise Unreadable
        if self.size(name) > limit:
            raise Unreadable("bomb")
        try:
            return self._archive.read(self._entries[name.casefold()])
        except _FAILURES as error:
            raise refusal(error) from error

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Stream an entry; zipfile ends it at its declared length. Raises as :meth:`read`, while reading too."""
        if name not in self:
            raise Unreadable
        try:
            with self._archive.open(self._entries[name.casefold()]) as stream:
                yield stream  # type: ignore[misc]
        except _FAILURES as error:
            raise refusal(error) from error


@contextmanager
def opened(source: BinaryIO) -> Iterator[Archive]:
    """Open a zip; raises Unreadable: damaged, encrypted, with hostile names, or too large unpacked."""
    packed = source.seek(0, 2)
    source.seek(0)
    try:
        archive = zipfile.ZipFile(source)
    except (*_FAILURES, NotImplementedError) as error:
        raise refusal(error) from error
    with archive:
        yield Archive(archive, packed)


def refuse_locked(archive: Archive) -> None:
    """Raise Unreadable ("encrypted") for an OpenDocument file under a password, whose parts are ciphertext."""
    if ODF_MANIFEST in archive and b"encryption-data" in archive.read(ODF_MANIFEST, MANIFEST_BYTES):
        raise Unreadable("encrypted")


def _checked(entries: list[zipfile.ZipInfo], packed_bytes: int) -> dict[str, zipfile.ZipInfo]:
    files = [entry for entry in entries if not name_of(entry).endswith("/")]
    total = sum(entry.file_size for entry in files)
    if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
        raise Unreadable("bomb")
    if sum(entry.compress_size for entry in files) > packed_bytes:
        raise Unreadable("bomb")  # overlapping entries
    if total > RATIO_FREE_BYTES and total > MAX_RATIO * packed_bytes:
        raise Unreadable("bomb")
    by_name = {name_of(entry): entry for entry in files}
    for name, entry in by_name.items():
        _check(name, entry)
    # Of two entries with the same name, programs show different ones.
    if len({name.casefold() for name in by_name}) != len(files):
        raise Unreadable
    return by_name


def name_of(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry; some programs on Windows write it with backslashes, and office programs read it."""
    return entry.filename.replace("\\", "/")


def _check(name: str, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise Unreadable("encrypted")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Unreadable("unsupported")
    if entry.file_size > MAX_ENTRY_BYTES:
        raise Unreadable("bomb")
    # The upper half is the mode that a Unix program stored; no office program writes a link.
    if _BAD_NAME.search(name) or stat.S_ISLNK(entry.external_attr >> 16):
        raise Unreadable


@contextmanager
def writer(out: BinaryIO) -> Iterator[Writer]:
    """Write a new zip to ``out``, which must be empty and seekable; complete when the block ends without error."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        yield Writer(archive)


class Writer:
    """A new zip without times, owners or comments; the same entries give the same bytes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes, *, stored: bool = False) -> None:
        """Add an entry; ``stored`` leaves it uncompressed."""
        entry = zipfile.ZipInfo(name)  # its default time is 1 January 1980
        entry.create_system = 3
        entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, data)
