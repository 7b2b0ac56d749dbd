"""Stores sealed objects on disk: written once, durable before a row names them, with a day and no hour as their time.

``store_s3`` does the same in an object store. Services use both through :class:`EvidenceStore`; every error of either
is an OSError.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Protocol

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from complaints.adapters.private_file import open_private, sync_folder

# After so many bytes the kernel is asked to begin writing, so that the final fsync is short.
WRITE_BEHIND_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class StoredObject:
    """An entry of a listing: an object's name, its size in bytes, and the day on which it was stored."""

    name: str
    size: int
    day: date


class NewObject(Protocol):
    """An object that is being written; it exists only once :meth:`close` has returned."""

    def write(self, data: bytes | memoryview) -> object:
        """Add bytes; raises OSError."""

    def close(self) -> None:
        """Make the object durable; raises OSError, and then no row may name it."""

    def abandon(self) -> None:
        """Delete what was written; never raises."""


class EvidenceStore(Protocol):
    """What services need of a storage. All methods raise OSError; FileNotFoundError where an object is missing."""

    def open(self, name: str, mode: str = "rb") -> Any:
        """Open an object: "rb" gives a seekable file, "wb" a :class:`NewObject`."""

    def put(self, name: str, data: bytes) -> None:
        """Store a small object whole and durably, in place of an older one of that name."""

    def get(self, name: str) -> bytes:
        """Return a small object whole."""

    def delete(self, name: str) -> None:
        """Delete an object; an absent one is no error."""

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete objects whole or begun; absent ones are no error."""

    def present(self) -> Iterator[StoredObject]:
        """List all objects."""

    def abandoned(self, *, until: date) -> int:
        """Abort uploads that were begun up to ``until`` and never completed; return how many."""

    def free_bytes(self) -> int | None:
        """Return the free space in bytes, None where the store does not report it."""


class DurableFile(File):  # type: ignore[type-arg]
    """A new file that is on the disk once :meth:`close` returns."""

    _written = _begun = _left = 0

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        file = self._open_file
        _write_all(file, data)
        self._written += len(data)
        if self._written - self._begun >= WRITE_BEHIND_BYTES and hasattr(os, "posix_fadvise"):
            self._write_behind(file.fileno())
        return len(data)

    def _write_behind(self, handle: int) -> None:
        # On dirty pages this call starts writing back without waiting; clean pages are freed. Otherwise a large file
        # would fill the page cache, and touching unused memory takes longer than encrypting.
        for start, end in ((self._begun, self._written), (self._left, self._begun)):
            os.posix_fadvise(handle, start, end - start, os.POSIX_FADV_DONTNEED)
        self._left, self._begun = self._begun, self._written

    @property
    def _open_file(self) -> IO[bytes]:
        file = self.file
        if file is None:
            raise ValueError("closed")
        return file

    def close(self) -> None:
        """Flush file and folder to the disk, and take the time of day off the file; raises OSError."""
        if self.closed:
            return
        file = self._open_file
        path = Path(file.name)
        file.flush()
        os.fsync(file.fileno())
        file.close()
        _stamp_with_day(path)
        sync_folder(path.parent)

    def abandon(self) -> None:
        """Close and delete the file; if the disk fails, the scheduled clean-up deletes it."""
        file = self._open_file
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            Path(file.name).unlink(missing_ok=True)


class EvidenceFileStorage(FileSystemStorage):
    """Django's FileSystemStorage, with new files that never overwrite others and that survive a power cut."""

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        path = Path(self.path(name))
        if "r" in mode:
            return File(path.open(mode), name)
        self._make_folder()
        # Unbuffered: data is written in whole segments, and an abandoned file must not be flushed again.
        return DurableFile(open(path, "xb", buffering=0, opener=open_private), name)

    def _make_folder(self) -> None:
        Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Store a small object atomically; where the disk fails (OSError), an older object is unchanged."""
        self._make_folder()
        draft = Path(self.path(secrets.token_hex(16)))
        try:
            with open(draft, "xb", buffering=0, opener=open_private) as file:
                _write_all(file, data)
                os.fsync(file.fileno())
            _stamp_with_day(draft)
            draft.replace(self.path(name))
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(draft.parent)

    def get(self, name: str) -> bytes:
        return Path(self.path(name)).read_bytes()

    def delete_all(self, names: Sequence[str]) -> None:
        for name in names:
            self.delete(name)

    def present(self) -> Iterator[StoredObject]:
        """List all objects; a missing folder is empty."""
        try:
            entries = os.scandir(self.location)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    stored_at = datetime.fromtimestamp(status.st_mtime, timezone.get_default_timezone())
                    yield StoredObject(entry.name, status.st_size, stored_at.date())

    def abandoned(self, *, until: date) -> int:
        """Return 0: an interrupted upload leaves a file, which :meth:`present` lists."""
        return 0

    def free_bytes(self) -> int | None:
        self._make_folder()
        return shutil.disk_usage(self.location).free


def _write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _stamp_with_day(path: Path) -> None:
    # Midnight of the portal's time zone, as rows have its day: UTC's would tell what came before seven o'clock.
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    os.utime(path, (midnight, midnight))
