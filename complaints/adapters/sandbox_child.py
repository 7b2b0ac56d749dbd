"""The server behind ``sandbox``: it forks one limited process for each job. The portal never imports it.

The server loads the readers once and reads no evidence. Each job runs in a process that finds no file system, may make
only the system calls of a list, and has three memory files; a second process, its guard, enforces the time limit and
reports how the job ended. Where the walls do not stand, the guard says so and no byte of the file is read.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, Final, TypedDict

from complaints.adapters import confinement

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
# As many as the passages of a document take that a form marks.
_REQUEST_BYTES: Final = 16_384
_MAX_THREADS: Final = 512
# Readers change the environment when they are imported: pylibmagic names its own folder in three variables.
_ALLOWED_VARIABLES: Final = {"LC_CTYPE"}


class Request(TypedDict):
    """What the portal asks for: a job, the media type, the options of the job, and the fields of ``sandbox.Limits``."""

    job: str
    type: str
    options: dict[str, int]
    limits: dict[str, int]


class Walls(TypedDict):
    """Which walls stand around a job on this system; ``network`` is beside the list, which has no socket either."""

    network: bool
    root: bool
    landlock: bool
    calls: bool


def _tried_walls(*, network: bool) -> Walls:
    """Put up each wall in a process of its own, and return those that stood."""
    tried = {"root": confinement.empty_root, "landlock": confinement.deny_files, "calls": confinement.restrict_calls}
    stood = {name: _holds_in_a_process(wall) for name, wall in tried.items()}
    return Walls(network=network, root=stood["root"], landlock=stood["landlock"], calls=stood["calls"])


def _holds_in_a_process(wall: Callable[[], bool]) -> bool:
    child = os.fork()
    if not child:
        stands = False
        with contextlib.suppress(OSError):
            stands = wall()
        os._exit(0 if stands else 1)
    return os.waitpid(child, 0)[1] == 0


def serve(control: socket.socket, jobs_module: str) -> None:
    """Answer requests on ``control`` until the process of the portal ends."""
    network = confinement.cut_network()
    confinement.keep_memory_private()
    walls = _tried_walls(network=network)
    jobs = import_module(jobs_module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the guards
    control.send(json.dumps(walls).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 4)
        if not message:
            return
        request: Request = json.loads(message)
        jobs.preload(request["type"])
        if not os.fork():
            control.close()
            _guard(jobs, request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _guard(jobs: ModuleType, request: Request, source: int, out: int, answers: int, reply: int) -> None:
    """Start the worker process behind its walls, wait for it within the time limit, report its end, and exit."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    confinement.hide_processes()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    root = confinement.empty_root()
    enclosed, ready = os.pipe()
    worker = os.fork()
    if not worker:
        landlock = confinement.deny_files()  # takes a descriptor, and so comes before the limits
        _limit(request["limits"], pages, keep=(source, out, answers, ready))
        confinement.drop_rights()
        if not confinement.restrict_calls() or not (root or landlock):
            os._exit(1)
        os._exit(_work(jobs, request, source, out, answers, ready))
    os.close(ready)
    # Written by the worker before it has read a byte, so that no file can pretend that it was not opened.
    if not os.read(enclosed, 1):
        os.write(reply, b"unconfined")
        os._exit(0)
    exit_signal = signal.sigtimedwait({signal.SIGCHLD}, request["limits"]["wall_seconds"])
    if exit_signal is None:
        os.kill(worker, signal.SIGKILL)
    _, status, used = os.wait4(worker, 0)
    # The kernel's signal comes first: it counts by ticks, so the clock may show a little less than the limit.
    out_of_cpu = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
    cpu_spent = used.ru_utime + used.ru_stime >= request["limits"]["cpu_seconds"]
    ending = "time" if exit_signal is None or out_of_cpu or cpu_spent else "crashed" if status else "done"
    os.write(reply, ending.encode())
    os._exit(0)


def _work(jobs: ModuleType, request: Request, source: int, out: int, answers: int, ready: int) -> int:
    """Do the job, or the sequence of jobs, behind the walls; a line of JSON tells what each came to."""
    os.write(ready, b"1")
    os.close(ready)
    files: tuple[BinaryIO, BinaryIO] = (os.fdopen(source, "rb"), os.fdopen(out, "r+b"))
    name, arguments = request["job"], (*files, request["type"], request["options"])
    sequence = getattr(jobs, "SEQUENCES", {}).get(name)
    # The portal knows by these lines which step was under way when the process ended.
    for step, do in sequence(*arguments) if sequence else [(name, lambda: jobs.JOBS[name](*arguments))]:
        _tell(answers, step, b"null")
        size = files[1].seek(0, os.SEEK_END)
        try:
            answer = do().dump()
            files[1].flush()
        except MemoryError:
            answer = _refusal("memory")
        except Exception as error:  # noqa: BLE001 - a reader of hostile bytes may raise anything; a code reports it
            is_large = isinstance(error, OSError) and error.errno == errno.EFBIG
            answer = _refusal("too_large" if is_large else getattr(error, "code", "crashed"))
            _take_back(files[1], size)
        _tell(answers, step, answer)
    return 0


def _refusal(code: str) -> bytes:
    return json.dumps({"refused": code}).encode()


def _tell(answers: int, step: str, answer: bytes) -> None:
    os.write(answers, b"[" + json.dumps(step).encode() + b"," + answer.replace(b"\n", b" ") + b"]\n")


def _take_back(out: BinaryIO, size: int) -> None:
    """Cut the output back to what it was before a step that failed."""
    # What is buffered may not fit any more; it goes to where it is cut off.
    with contextlib.suppress(OSError):
        out.flush()
    os.ftruncate(out.fileno(), size)


def _limit(limits: Mapping[str, int], pages: int, keep: tuple[int, ...]) -> None:
    """Remove all that a job does not need. The process cannot undo these limits.

    Args:
        pages: of memory that the loaded readers take.
        keep: the descriptors that stay open.
    """
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    last = 3
    for descriptor in sorted(keep):
        os.closerange(last, descriptor)
        last = descriptor + 1
    os.closerange(last, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for name in set(os.environ) - _ALLOWED_VARIABLES:
        del os.environ[name]
    for kind, limit in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["output_bytes"]),
        # The list forbids processes. Threads count too: in a user namespace those of this server alone.
        (resource.RLIMIT_NPROC, _MAX_THREADS),
        # With a limit of 0, open descriptors stay open and no file, socket or pipe can be opened.
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    # At the first limit SIGXCPU ends the process and tells why; one that ignores it is killed a second later.
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"] + 1))


def main() -> None:
    """Serve on the descriptor named first, with the jobs of the module named second."""
    with socket.socket(fileno=int(sys.argv[1])) as control:
        serve(control, sys.argv[2])
