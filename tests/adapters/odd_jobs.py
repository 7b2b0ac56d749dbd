"""Jobs that do what a file might make a reader do once it has taken it over. The sandbox's server loads this module in
place of the real list."""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from complaints.adapters import confinement
from complaints.adapters.media.jobs import Answer
from complaints.adapters.media.refusal import Unreadable

# As pylibmagic does on its import.
os.environ["SET_BY_A_READER"] = "/opt/reader"


class Forged(Answer):
    """An answer in the words of an attacker."""

    def __init__(self, words: bytes) -> None:
        super().__init__()
        self.words = words

    def dump(self) -> bytes:
        return self.words


def preload(media_type: str) -> None:
    if media_type == "fatal":
        raise RuntimeError
    if media_type == "no list any more":
        confinement.restrict_calls = lambda: False


def attempt(call: Callable[[], object]) -> str:
    try:
        call()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "worked"


def look_around(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    results = {
        "open": attempt(lambda: Path("/etc/hostname").read_bytes()),
        "create": attempt(lambda: Path("/tmp/left-behind").write_bytes(b"x")),  # noqa: S108
        "list": attempt(lambda: list(Path("/").iterdir())),
        "internet": attempt(lambda: socket.socket(socket.AF_INET)),
        "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
        "pipe": attempt(os.pipe),
        "memory": attempt(lambda: os.memfd_create("x")),
        "files": attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))),
        "core": attempt(lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1))),
        "change the input": attempt(lambda: os.pwrite(source.fileno(), b"x", 0)),
        "environment": dict(os.environ),
        "arguments": sys.argv[1:],
        "descriptors": [number for number in range(256) if _is_open(number)],
        "session": attempt(lambda: os.getsid(0)),
    }
    out.write(json.dumps(results).encode())
    answer = Answer()
    answer.add(out, "text/plain")
    return answer


def _is_open(number: int) -> bool:
    try:
        os.lseek(number, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno != errno.EBADF
    return True


def echo(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    answer = Answer(type="text/plain", pages=options.get("pages", 0))
    while piece := source.read(65_536):
        out.write(piece)
    answer.add(out, "text/plain")
    return answer


def misbehave(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Does what the input says."""
    deeds: dict[str, Callable[[], object]] = {
        "crash": lambda: ctypes.string_at(0),
        "abort": os.abort,
        "exit": lambda: os._exit(0),
        "exit with a number": lambda: os._exit(3),
        "eat memory": lambda: [bytearray(64 * 1024 * 1024) for _ in range(10_000)],
        "eat memory in C": lambda: ctypes.CDLL(None).memset(ctypes.c_void_p(1), 0, 10),
        "spin": _spin,
        "spin deaf": _spin_deaf,
        "sleep": lambda: time.sleep(1_000),
        "sleep deaf": _sleep_deaf,
        "write too much": lambda: [out.write(bytes(1024 * 1024)) for _ in range(10_000)],
        "leave a child": _leave_a_child,
        "shout": lambda: sys.stderr.write("SAKSI7731" * 10_000),
        "raise": lambda: 1 / 0,
        "refuse": lambda: (_ for _ in ()).throw(Unreadable("bomb")),
    }
    deeds[source.read().decode()]()
    return Answer()


def _spin() -> None:
    while True:
        pass


def _spin_deaf() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    _spin()


def _sleep_deaf() -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1_000)


def _leave_a_child() -> None:
    for _ in range(3):
        if not os.fork():
            os.setsid()
            _sleep_deaf()


def forge(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Answers in the words of the input."""
    return Forged(source.read())


JOBS = {"look_around": look_around, "echo": echo, "misbehave": misbehave, "forge": forge}
