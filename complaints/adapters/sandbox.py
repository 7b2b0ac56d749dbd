"""Runs one job on one hostile file in a process that can do nothing else.

Plaintext goes in and out by memory files only: never on a disk, in arguments or in the environment. A process of the
portal starts one small server (``sandbox_child``) at its first job; the server forks for each job, which takes
milliseconds where starting Python takes a quarter of a second. The server ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from complaints.adapters.memory import Held, JobFailed, Part, Result, Steps, memory_file, read_result, read_steps

__all__ = [
    "DEFAULT",
    "Held",
    "JobFailed",
    "Limits",
    "Part",
    "Result",
    "Sandbox",
    "Steps",
    "Unavailable",
    "Unconfined",
    "Walls",
    "hold",
    "limits_of",
    "run",
    "run_steps",
]

_ROOT: Final = Path(__file__).resolve().parents[2]
_ENTRY: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from complaints.adapters.sandbox_child import main; main()"
)
_START_SECONDS: Final = 30
# Added to the job's time limit: forking and loading the readers take this long on a busy machine.
_GRACE_SECONDS: Final = 30


class Unavailable(Exception):
    """No process was available; the file should be tried again."""


class Unconfined(Unavailable):
    """This system does not give the walls without which no file is opened; the file waits for one that does."""


@dataclass(frozen=True)
class Walls:
    """Which walls this system puts around a job.

    ``network``: it has none; beside the list, in which there is no socket. ``root``: it sees an empty file system.
    ``landlock``: it can name no file. ``calls``: it makes the system calls of a list and no others.
    """

    network: bool
    root: bool
    landlock: bool
    calls: bool

    @property
    def stand(self) -> bool:
        """Whether files may be opened: the list, and at least one of the walls before the file system."""
        return self.calls and (self.root or self.landlock)


@dataclass(frozen=True)
class Limits:
    """The limits of one job; memory is counted on top of what the loaded readers take."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: int = 240
    output_bytes: int = 300 * 1024 * 1024


def limits_of(held: Held, jobs: int = 1) -> Limits:
    """Return the limits of a job on this file: 10 seconds of processor time and 2 for each MiB, at most 45.

    So a small file that was made to be slow costs little, and the work on a file ends before the worker is ended. A
    sequence gets the processor time of ``jobs`` of its jobs. The clock may run four times as long, because other work
    may hold the processor, and at most three minutes.
    """
    seconds = jobs * min(45, 10 + 2 * held.size // (1024 * 1024))
    return Limits(cpu_seconds=seconds, wall_seconds=min(180, 4 * seconds))


class Sandbox:
    """A server of limited processes, started at the first job; may be used from many threads."""

    def __init__(self, jobs: str = "complaints.adapters.media.jobs", parallel: int = 2) -> None:
        """Offer the jobs of one module, at most ``parallel`` at a time."""
        self._jobs = jobs
        self._parallel = parallel
        self._reset()
        os.register_at_fork(after_in_child=self._after_fork)

    def _reset(self) -> None:
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._parallel)
        self._walls = Walls(network=False, root=False, landlock=False, calls=False)

    def _after_fork(self) -> None:
        """Let a forked process start its own server; the inherited socket would keep the parent's alive."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.returncode = 0  # not our child
        self._reset()

    def close(self) -> None:
        """End the server; the next job starts another."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            self._server.wait(timeout=_START_SECONDS)
            self._server = None

    def start_soon(self) -> None:
        """Start the server in a thread, for a caller that has other work to do before its first job."""
        if self._control is None:
            threading.Thread(target=self._start_quietly, name="sandbox", daemon=True).start()

    def _start_quietly(self) -> None:
        with self._lock, contextlib.suppress(Unavailable):  # the first job raises it
            self._started()

    @property
    def walls(self) -> Walls:
        """Which walls this system puts around a job. Starts the server; raises Unavailable."""
        with self._lock:
            self._started()
            return self._walls

    def run(
        self,
        job: str,
        held: Held,
        media_type: str = "",
        *,
        limits: Limits | None = None,
        wait_seconds: float = 300,
        **options: int,
    ) -> Result:
        """Run one job of the closed list; the caller closes the result.

        Raises:
            JobFailed: refused, or ended by a limit.
            Unavailable: no process within ``wait_seconds``, or the server is gone.
            Unconfined: the walls do not stand here; nothing was read.
        """
        with self._output(job, held, media_type, limits or Limits(), wait_seconds, options) as result:
            output, answers, ending = result
            if ending != "done":
                raise JobFailed(ending)
            return read_result(output, answers)

    def run_steps(
        self,
        sequence: str,
        held: Held,
        media_type: str = "",
        *,
        limits: Limits | None = None,
        wait_seconds: float = 300,
        **options: int,
    ) -> Steps:
        """Run a sequence of jobs of the closed list in one process; the caller closes the result.

        A step that is refused costs no other. Where a limit ended the process, what was done until then is there.
        Raises Unavailable and Unconfined as :meth:`run`.
        """
        with self._output(sequence, held, media_type, limits or Limits(), wait_seconds, options) as result:
            return read_steps(*result)

    @contextlib.contextmanager
    def _output(
        self, job: str, held: Held, media_type: str, limits: Limits, wait_seconds: float, options: dict[str, int]
    ) -> Iterator[tuple[int, int, str]]:
        """Give the output of a job, its answers, and how it ended; the output stays open unless the caller raises."""
        request = {"job": job, "type": media_type, "options": options, "limits": asdict(limits)}
        if not self._slots.acquire(timeout=wait_seconds):
            raise Unavailable("busy")
        output, answers = memory_file(), memory_file()
        try:
            yield output, answers, self._ending(json.dumps(request).encode(), limits, held, (output, answers))
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(answers)
            self._slots.release()

    def _ending(self, request: bytes, limits: Limits, held: Held, written: tuple[int, int]) -> str:
        """Have the job done; return how it ended, as its guard reports: "done", "time" or "crashed"."""
        receiver, reply = os.pipe()
        source = os.open(f"/proc/self/fd/{held.descriptor}", os.O_RDONLY)  # a new descriptor has its own position
        try:
            try:
                self._send(request, [source, *written, reply])
            finally:
                os.close(source)
                os.close(reply)
            readable, _, _ = select.select([receiver], [], [], limits.wall_seconds + _GRACE_SECONDS)
            if not readable:
                self.close()
                raise Unavailable("no answer")
            ending = os.read(receiver, 100).decode("ascii", "replace")
            if ending == "unconfined":
                raise Unconfined(ending)
            if not ending:  # the guard ended too: a fault of the system, not of the file
                raise Unavailable("no answer")
            return ending
        finally:
            os.close(receiver)

    def _send(self, message: bytes, descriptors: list[int]) -> None:
        with self._lock:
            for attempt in (1, 2):
                try:
                    control = self._started()
                    if not self._walls.stand:
                        raise Unconfined("walls")
                    socket.send_fds(control, [message], descriptors)
                    return
                except OSError as error:
                    self._end()
                    if attempt == 2:
                        raise Unavailable("no server") from error

    def _started(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._server = _server_process(theirs.fileno(), self._jobs)
            except OSError as error:
                ours.close()
                raise Unavailable("no server") from error
        self._control = ours
        ours.settimeout(_START_SECONDS)
        with contextlib.suppress(OSError):
            hello = ours.recv(1024)
            if hello:
                self._walls = Walls(**json.loads(hello))
                return ours
        self._server.kill()
        self._end()
        raise Unavailable("no server")


def _server_process(control: int, jobs: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", _ENTRY, str(_ROOT), str(control), jobs]
    silent = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - this interpreter with fixed arguments
        command,
        env={},
        cwd="/",
        stdin=silent,
        stdout=silent,
        stderr=silent,
        pass_fds=(control,),
        start_new_session=True,
    )


DEFAULT: Final = Sandbox()
run = DEFAULT.run
run_steps = DEFAULT.run_steps


def hold(chunks: Iterable[bytes], limit: int) -> Held:
    """Take a file into memory for jobs; raises JobFailed("too_large") above ``limit`` bytes."""
    return Held(_with_offsets(chunks), limit)


def _with_offsets(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    start = 0
    for chunk in chunks:
        yield start, chunk
        start += len(chunk)
