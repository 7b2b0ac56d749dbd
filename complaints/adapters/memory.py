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
from typing import Final, NotRequired, Self, TypedDict

from complaints.adapters.media import kinds
from complaints.adapters.media.hints import CODES as HINTS
from complaints.adapters.media.losses import CODES as LOSSES
from complaints.adapters.media.refusal import CODES as REFUSALS

_CHUNK_BYTES: Final = 1024 * 1024
_ANSWER_BYTES: Final = 64 * 1024
# More pages have no document, and more files no job.
_MOST_PAGES: Final = 1_000_000
_MOST_PARTS: Final = 100
# What reading of an answer raises that was not written as it must be.
_MALFORMED: Final = (OSError, ValueError, TypeError, LookupError, RecursionError)
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class JobFailed(Exception):
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
    """What a job writes about its files: the fields of ``media.jobs.Answer``, each to be validated."""

    type: object
    codes: list[str]
    pages: int
    parts: list[tuple[str, int]]
    refused: NotRequired[object]


class Result(_MemoryFile):
    """The result of a job: media type, codes of media.hints and media.losses, number of pages, written files."""

    def __init__(self, descriptor: int, answer: Answer, start: int, length: int) -> None:
        """Validate the answer: a hostile file may have taken over the process that wrote it. Raises JobFailed.

        Args:
            descriptor: the output, in which the files of this answer begin at ``start``.
            length: the size of the output in bytes.
        """
        self.descriptor = descriptor
        self.type = str(answer["type"])
        self.codes = tuple(code for code in (*HINTS, *LOSSES) if code in answer["codes"])
        self.pages, parts = answer["pages"], list[Part]()
        if type(self.pages) is not int or not 0 <= self.pages <= _MOST_PAGES or len(answer["parts"]) > _MOST_PARTS:
            raise JobFailed("crashed")
        for media_type, size in answer["parts"]:
            if media_type not in kinds.ALLOWED or not isinstance(size, int) or size < 0:
                raise JobFailed("crashed")
            parts.append(Part(media_type, size, descriptor, start))
            start += size
        if start > length or (self.type and self.type not in kinds.ALLOWED):
            raise JobFailed("crashed")
        self.parts, self.end = tuple(parts), start


class Steps(_MemoryFile):
    """The results of a sequence of jobs on one file, by name; readable until closed.

    A step that was refused, or under way when a limit ended the process, stands in ``failed`` with its code. What
    would have come behind such an end stands in neither, and ``ended_early`` is set.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.done: dict[str, Result] = {}
        self.failed: dict[str, str] = {}
        self.ended_early = False

    def result(self, step: str) -> Result | None:
        """Return the result of a step, None where it was not reached; raises JobFailed where it failed."""
        if step in self.failed:
            raise JobFailed(self.failed[step])
        return self.done.get(step)


def memory_file() -> int:
    """Return the descriptor of a new memory file; the caller closes it."""
    return os.memfd_create("evidence", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_result(output: int, answers: int) -> Result:
    """Make the output of a job immutable and read its result; raises JobFailed."""
    try:
        _, answer = _records(output, answers)[-1]
        if answer is None:
            raise JobFailed("crashed")
        if "refused" in answer:
            raise JobFailed(str(answer["refused"]))
        return Result(output, answer, 0, os.fstat(output).st_size)
    except _MALFORMED as error:
        raise JobFailed("crashed") from error


def read_steps(output: int, answers: int, ending: str) -> Steps:
    """Make the output of a sequence immutable and read what it came to.

    Args:
        ending: "done", or the code of what ended the process; the step that was under way then failed by it.
    """
    steps, start, under_way = Steps(output), 0, ""
    try:
        for name, answer in _records(output, answers):
            under_way = name
            if answer is None:
                continue
            if "refused" in answer:
                steps.failed[name] = JobFailed(str(answer["refused"])).code
            else:
                steps.done[name] = Result(output, answer, start, os.fstat(output).st_size)
                start = steps.done[name].end
            under_way = ""
    except (JobFailed, *_MALFORMED):
        steps.failed[under_way], steps.ended_early = "crashed", True
    else:
        if ending != "done":
            steps.failed[under_way], steps.ended_early = JobFailed(ending).code, True
    return steps


def _records(output: int, answers: int) -> list[tuple[str, Answer | None]]:
    """Return the name of each step with what it came to, or with None where it began; raises one of _MALFORMED."""
    for descriptor in (output, answers):
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    size = os.fstat(answers).st_size
    if size > _ANSWER_BYTES:
        raise ValueError("size")
    lines = os.pread(answers, size, 0).split(b"\n")
    # What stands behind the last line end was cut off by the end of the process.
    return [(str(name), answer) for name, answer in map(json.loads, lines[:-1])]
