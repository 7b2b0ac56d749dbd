"""The server behind ``sandbox``: it forks one limited process for each job. The portal never imports it.

The server loads the readers once and reads no evidence. Each job runs in a process that can open nothing (no file, no
socket, no program) and has two memory files; a second process, its guard, enforces the time limit and reports how the
job ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, Final, TypedDict

_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWPID: Final = 0x20000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_REQUEST_BYTES: Final = 4_096
# Readers change the environment when they are imported: pylibmagic names its own folder in three variables.
_ALLOWED_VARIABLES: Final = {"LC_CTYPE"}


class Request(TypedDict):
    """What the portal asks for: a job, the media type, the options of the job, and the fields of ``sandbox.Limits``."""

    job: str
    type: str
    options: dict[str, int]
    limits: dict[str, int]


def _cut_network() -> bool:
    """Move into an empty network namespace; return False where that is forbidden. Jobs can open no socket anyway."""
    namespaces = _CLONE_NEWNET | _CLONE_NEWIPC
    return not _LIBC.unshare(_CLONE_NEWUSER | namespaces) or not _LIBC.unshare(namespaces)


def serve(control: socket.socket, jobs_module: str) -> None:
    """Answer requests on ``control`` until the process of the portal ends."""
    network_cut = _cut_network()
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    jobs = import_module(jobs_module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the guards
    control.send(json.dumps({"network_cut": network_cut}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 3)
        if not message:
            return
        request: Request = json.loads(message)
        jobs.preload(request["type"])
        if not os.fork():
            control.close()
            _guard(jobs, request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _guard(jobs: ModuleType, request: Request, source: int, out: int, reply: int) -> None:
    """Start the worker process, wait for it within the time limit, report its end, and exit."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    # Where the system allows it, the worker is process 1 of a new PID namespace: it sees no other process, and all that
    # it starts ends with it.
    _LIBC.unshare(_CLONE_NEWPID)
    worker = os.fork()
    if not worker:
        os.close(reply)
        os._exit(_work(jobs, request, source, out))
    exit_signal = signal.sigtimedwait({signal.SIGCHLD}, request["limits"]["wall_seconds"])
    if exit_signal is None:
        os.kill(worker, signal.SIGKILL)
    _, status, used = os.wait4(worker, 0)
    _end_orphans()
    # The kernel's signal comes first: it counts by ticks, so the clock may show a little less than the limit.
    out_of_cpu = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
    cpu_spent = used.ru_utime + used.ru_stime >= request["limits"]["cpu_seconds"]
    ending = "time" if exit_signal is None or out_of_cpu or cpu_spent else "crashed" if status else "done"
    os.write(reply, ending.encode())
    os._exit(0)


def _end_orphans() -> None:
    """Kill what the worker started: this process is their subreaper. In a PID namespace there is nothing left."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):
        while orphans := children.read_text(encoding="ascii").split():
            for identifier in orphans:
                os.kill(int(identifier), signal.SIGKILL)
            os.wait()


def _work(jobs: ModuleType, request: Request, source: int, out: int) -> int:
    """Do the job inside the limits; the answer or the refusal is written behind the output."""
    _limit(request["limits"], keep=(source, out))
    files: tuple[BinaryIO, BinaryIO] = (os.fdopen(source, "rb"), os.fdopen(out, "r+b"))
    try:
        answer = jobs.JOBS[request["job"]](*files, request["type"], request["options"]).dump()
    except MemoryError:
        answer = b'{"refused": "memory"}'
    except Exception as error:  # noqa: BLE001 - a reader of hostile bytes may raise anything; a code reports it
        answer = json.dumps({"refused": getattr(error, "code", "crashed")}).encode()
    try:
        end = files[1].seek(0, os.SEEK_END)
        files[1].write(answer + len(answer).to_bytes(8, "big"))
        files[1].flush()
    except OSError:
        os.ftruncate(out, 0)
        os.pwrite(out, b'{"refused": "too_large"}' + (24).to_bytes(8, "big"), 0)
        return 0
    return 0 if end >= 0 else 1


def _limit(limits: Mapping[str, int], keep: tuple[int, int]) -> None:
    """Remove all that a job does not need. The process cannot undo these limits."""
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    last = 3
    for descriptor in sorted(keep):
        os.closerange(last, descriptor)
        last = descriptor + 1
    os.closerange(last, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for name in set(os.environ) - _ALLOWED_VARIABLES:
        del os.environ[name]
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    for kind, limit in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["output_bytes"]),
        (resource.RLIMIT_NPROC, 0),
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
