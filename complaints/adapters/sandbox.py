"""Runs one job on one hostile file in a process that can do nothing else. For services and tasks.

Plaintext goes in and out by memory files only: never on a disk, in arguments or in the environment. A process of the
portal starts one small server (``sandbox_child``) at its first job and keeps it; the server forks per job, which costs
milliseconds where starting Python costs a quarter of a second. The server ends with the process that started it.
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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from complaints.adapters.memory import Held, JobFailed, Part, Result, memory_file, read_answer

__all__ = [
    "DEFAULT",
    "Held",
    "JobFailed",
    "Limits",
    "Part",
    "Result",
    "Sandbox",
    "Unavailable",
    "hold",
    "hold_pieces",
    "run",
]

_ROOT: Final = Path(__file__).resolve().parents[2]
_ENTRY: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from complaints.adapters.sandbox_child import main; main()"
)
_START_SECONDS: Final = 30
# Beyond the job's own clock: the time that forking and loading the readers may take on a busy machine.
_GRACE_SECONDS: Final = 30


class Unavailable(Exception):  # noqa: N818
    """No process could be had now; says nothing about the file, which should be tried again."""


@dataclass(frozen=True)
class Limits:
    """What one job may use. Memory is counted beyond what the loaded readers take."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: int = 240
    output_bytes: int = 300 * 1024 * 1024


class Sandbox:
    """A server of limited processes, started at the first job; may be used from many threads."""

    def __init__(self, jobs: str = "complaints.adapters.media.jobs", parallel: int = 2) -> None:
        """Offer the jobs of one module, at most ``parallel`` at a time."""
        self._jobs = jobs
        self._parallel = parallel
        self._forget()
        os.register_at_fork(after_in_child=self._after_fork)

    def _forget(self) -> None:
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._parallel)
        self._network_cut = False

    def _after_fork(self) -> None:
        """A copy of the process has its own server; the inherited end would keep the other one alive."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.returncode = 0  # not our child
        self._forget()

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

    @property
    def network_cut(self) -> bool:
        """Whether jobs run in a network of nothing; without it they still can open no socket. Starts the server."""
        with self._lock:
            self._started()
            return self._network_cut

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
        """
        request = {"job": job, "type": media_type, "options": options, "limits": asdict(limits or Limits())}
        if not self._slots.acquire(timeout=wait_seconds):
            raise Unavailable("busy")
        output = memory_file()
        try:
            ending = self._ending(request, held, output)
            if ending != "done":
                raise JobFailed(ending)
            return read_answer(output)
        except BaseException:
            os.close(output)
            raise
        finally:
            self._slots.release()

    def _ending(self, request: Mapping[str, Any], held: Held, output: int) -> str:
        """Have the job done; return the word of its guard."""
        receiver, reply = os.pipe()
        source = os.open(f"/proc/self/fd/{held.descriptor}", os.O_RDONLY)  # with a position of its own
        try:
            try:
                self._send(json.dumps(request).encode(), [source, output, reply])
            finally:
                os.close(source)
                os.close(reply)
            readable, _, _ = select.select([receiver], [], [], request["limits"]["wall_seconds"] + _GRACE_SECONDS)
            if not readable:
                self.close()
                raise Unavailable("no answer")
            word = os.read(receiver, 100).decode("ascii", "replace")
            if not word:  # the guard is gone too: a fault here, not of the file
                raise Unavailable("no answer")
            return word
        finally:
            os.close(receiver)

    def _send(self, message: bytes, descriptors: list[int]) -> None:
        with self._lock:
            for attempt in (1, 2):
                try:
                    socket.send_fds(self._started(), [message], descriptors)
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
                self._network_cut = bool(json.loads(hello)["network_cut"])
                return ours
        self._server.kill()
        self._end()
        raise Unavailable("no server")


def _server_process(control: int, jobs: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", _ENTRY, str(_ROOT), str(control), jobs]
    silent = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - our own interpreter with fixed arguments
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


def hold(chunks: Iterable[bytes], limit: int) -> Held:
    """Take a file into memory for jobs; raises JobFailed("too_large") above ``limit`` bytes."""
    return Held(_placed(chunks), limit)


def hold_pieces(pieces: Iterable[tuple[int, bytes]], size: int) -> Held:
    """Take some pieces of a file of ``size`` bytes into memory, each with where it begins; the rest reads as zeros."""
    return Held(pieces, size)


def _placed(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    start = 0
    for chunk in chunks:
        yield start, chunk
        start += len(chunk)
