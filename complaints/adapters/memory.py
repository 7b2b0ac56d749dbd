"""Memory files (memfd) as input and output of the sandbox, and the result of a job.

They are on no disk unless the system swaps: a machine with evidence runs without swap, or with encrypted swap.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypedDict

from complaints.adapters.media import kinds
from complaints.adapters.media.hints import CODES as HINTS
from complaints.adapters.media.losses import CODES as LOSSES
from complaints.adapters.media.refusal import CODES as REFUSALS

_CHUNK_BYTES: Final = 1024 * 1024
_ANSWER_BYTES: Final = 64 * 1024
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class JobFailed(Exception):  # noqa: N818
    """The job gave no result, and would give none if repeated.

    ``code`` is one of ``media.refusal.CODES``, or "memory", "time" or "crashed" (limits of the process).
    """

    def __init__(self, code: str) -> None:
        self.code = code if code in REFUSALS | {"memory", "time"} else "crashed"
        super().__init__(self.code)


class _MemoryFile:
    """A memory file by its descriptor; close it, or use it as a context manager."""

    descriptor: int

    def close(self) -> None:
        """Free the memory."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Held(_MemoryFile):
    """An immutable file in memory as the input of jobs; close it, or use it as a context manager."""

    def __init__(self, pieces: Iterable[tuple[int, bytes]], limit: int) -> None:
        """Take the pieces of a file, each with its offset; gaps are zeros and take no memory.

        Raises JobFailed ("too_large") above ``limit`` bytes.
        """
        self.descriptor = memory_file()
        self.size = 0
        try:
            for start, piece in pieces:
                self.size = max(self.size, start + len(piece))
                if self.size > limit:
                    raise JobFailed("too_large")
                os.lseek(self.descriptor, start, os.SEEK_SET)
                _write_all(self.descriptor, piece)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True)
class Part:
    """One file that a job wrote; readable until its result is closed."""

    type: str
    size: int
    _descriptor: int
    _start: int

    def chunks(self, length: int = _CHUNK_BYTES) -> Iterator[bytes]:
        """Yield the file in pieces of at most ``length`` bytes."""
        position, end = self._start, self._start + self.size
        while position < end:
            piece = os.pread(self._descriptor, min(length, end - position), position)
            position += len(piece)
            yield piece

    def read(self) -> bytes:
        return b"".join(self.chunks())


class Answer(TypedDict):
    """What a job writes behind its files: the fields of ``media.jobs.Answer``, each to be validated."""

    type: object
    codes: list[str]
    pages: int
    parts: list[tuple[str, int]]


class Result(_MemoryFile):
    """The result of a job: media type, codes of media.hints and media.losses, number of pages, written files."""

    def __init__(self, descriptor: int, answer: Answer, length: int) -> None:
        """Validate the answer: a hostile file may have taken over the process that wrote it. Raises JobFailed."""
        self.descriptor = descriptor
        self.type = str(answer["type"])
        self.codes = tuple(code for code in (*HINTS, *LOSSES) if code in answer["codes"])
        self.pages = int(answer["pages"])
        parts, start = [], 0
        for media_type, size in answer["parts"]:
            if media_type not in kinds.ALLOWED or not isinstance(size, int) or size < 0:
                raise JobFailed("crashed")
            parts.append(Part(media_type, size, descriptor, start))
            start += size
        if start != length or (self.type and self.type not in kinds.ALLOWED):
            raise JobFailed("crashed")
        self.parts = tuple(parts)


def memory_file() -> int:
    """Return the descriptor of a new memory file; the caller closes it."""
    return os.memfd_create("evidence", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_answer(output: int) -> Result:
    """Make the output of a job immutable and read its result; raises JobFailed."""
    try:
        fcntl.fcntl(output, fcntl.F_ADD_SEALS, _SEALS)
        end = os.fstat(output).st_size - 8
        size = int.from_bytes(os.pread(output, 8, max(end, 0)), "big")
        if not 0 < size <= min(end, _ANSWER_BYTES):
            raise JobFailed("crashed")
        answer = json.loads(os.pread(output, size, end - size))
        if "refused" in answer:
            raise JobFailed(str(answer["refused"]))
        return Result(output, answer, end - size)
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise JobFailed("crashed") from error
