"""What a reader of files would try once a file has taken it over: each escape is one call of the kernel.

The server of a sandbox loads this module in place of the real jobs; run as a program it tries them without one. Those
that would harm the machine outside the sandbox are called so that the kernel refuses them for another reason than that
they are forbidden. The folder that escapes are aimed at is written by :func:`prepare`.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from complaints.adapters.media.jobs import Answer

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_AT_CWD: Final = -100
# Calls without a function of the C library: their numbers on x86_64 and aarch64. From 424 on they are the same.
_NUMBERS: Final[dict[str, tuple[int, int]]] = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "execveat": (322, 281),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "seccomp": (317, 277),
    "io_uring_setup": (425, 425),
    "pidfd_open": (434, 434),
    "openat2": (437, 437),
    "landlock_create_ruleset": (444, 444),
}
# A program that ends with this status and needs no library.
_STATUS: Final = 42
_CODE: Final = {
    "x86_64": (62, bytes.fromhex("bf2a000000b83c0000000f05")),
    "aarch64": (183, bytes.fromhex("400580d2a80b80d2010000d4")),
}


@dataclass(frozen=True)
class Place:
    """What escapes are aimed at: a folder of the portal's user, and the process of the portal."""

    folder: Path
    process: int

    def path(self, name: str) -> bytes:
        """Return the path of a file in the folder."""
        return bytes(self.folder / name)


def prepare(folder: Path) -> Place:
    """Write the files that escapes are aimed at; the process of the portal is this one."""
    for name in ("read", "cut", "gone", "moved", "modes", "owned", "marked", "timed", "linked"):
        (folder / name).write_text("portal")
    (folder / "emptied").mkdir()
    program = folder / "program"
    program.write_bytes(_static_program(*_CODE[platform.machine()]))
    program.chmod(0o755)
    return Place(folder, os.getpid())


def _static_program(machine: int, code: bytes) -> bytes:
    """Return an ELF file of one segment that holds its headers and its code."""
    start, size = 0x400000, 120 + len(code)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, start + 120, 64, 0, *_REST)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096) + code


_REST: Final = (0, 64, 56, 1, 64, 0, 0)


def _call(result: int) -> int:
    """Return what the C library returned; raises OSError for an error."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _kernel(name: str, *arguments: object) -> int:
    number = _NUMBERS[name][0 if platform.machine() == "x86_64" else 1]
    return _call(_LIBC.syscall(ctypes.c_long(number), *arguments))


def _memory(place: Place, *, write: bool) -> int:
    """Read or write a word of another process; at this address this process has one too, with the same content."""
    word = ctypes.create_string_buffer(8)
    vector = struct.pack("=QQ", ctypes.addressof(word), 8)
    function = _LIBC.process_vm_writev if write else _LIBC.process_vm_readv
    return _call(function(place.process, vector, ctypes.c_ulong(1), vector, ctypes.c_ulong(1), ctypes.c_ulong(0)))


def _execute(start: Callable[[], int]) -> int:
    """Start a program in a child where there may be one, else in place of this process."""
    try:
        child = os.fork()
    except PermissionError:
        return start()
    if not child:
        try:
            start()
        except OSError as error:
            os._exit(error.errno or 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != _STATUS:
        raise OSError(status, os.strerror(status))
    return 0


def _execveat() -> int:
    descriptor = os.memfd_create("program")
    os.write(descriptor, _static_program(*_CODE[platform.machine()]))
    return _kernel("execveat", descriptor, b"", None, None, 0x1000)


def _socket(family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> Callable[[Place], int]:
    return lambda _place: _call(_LIBC.socket(family, kind, protocol))


def _message_queue(_place: Place) -> int:
    name = f"/escape{os.getpid()}".encode()
    descriptor = _call(_LIBC.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None))
    _LIBC.mq_unlink(name)
    return descriptor


def _shared(get: Callable[[], int], remove: Callable[[int], int]) -> int:
    identifier = _call(get())
    remove(identifier)
    return identifier


_ZEROS: Final = bytes(256)
_PRIVATE: Final = 0o1600  # IPC_CREAT, for its owner only

FILES: Final[dict[str, Callable[[Place], int]]] = {
    "open to read": lambda place: os.open(place.path("read"), os.O_RDONLY),
    "open to write": lambda place: os.open(place.path("read"), os.O_WRONLY),
    "create": lambda place: os.open(place.path("made"), os.O_CREAT | os.O_WRONLY),
    "openat2": lambda place: _kernel("openat2", _AT_CWD, place.path("read"), _ZEROS[:24], ctypes.c_size_t(24)),
    "open the memory of another": lambda place: os.open(f"/proc/{place.process}/mem", os.O_RDONLY),
    "open a device": lambda _place: os.open("/dev/null", os.O_RDWR),
    "list": lambda place: len(os.listdir(place.folder)),  # noqa: PTH208  the call itself is tried
    "stat": lambda place: os.stat(place.path("read")).st_mode,  # noqa: PTH116  the call itself is tried
    "access": lambda place: _call(_LIBC.access(place.path("read"), 0)),
    "readlink": lambda _place: len(os.readlink("/proc/self/exe")),  # noqa: PTH115  the call itself is tried
    "unlink": lambda place: _call(_LIBC.unlink(place.path("gone"))),
    "rename": lambda place: _call(_LIBC.rename(place.path("moved"), place.path("elsewhere"))),
    "truncate": lambda place: _call(_LIBC.truncate(place.path("cut"), ctypes.c_long(0))),
    "chmod": lambda place: _call(_LIBC.chmod(place.path("modes"), 0o644)),
    "chown": lambda place: _call(_LIBC.chown(place.path("owned"), os.getuid(), -1)),
    "mkdir": lambda place: _call(_LIBC.mkdir(place.path("folder"), 0o700)),
    "rmdir": lambda place: _call(_LIBC.rmdir(place.path("emptied"))),
    "symlink": lambda place: _call(_LIBC.symlink(b"words of a report", place.path("words"))),
    "link": lambda place: _call(_LIBC.link(place.path("linked"), place.path("second"))),
    "mknod": lambda place: _call(_LIBC.mkfifo(place.path("fifo"), 0o600)),
    "setxattr": lambda place: _call(_LIBC.setxattr(place.path("marked"), b"user.a", b"b", ctypes.c_size_t(1), 0)),
    "utimensat": lambda place: _call(_LIBC.utimensat(_AT_CWD, place.path("timed"), None, 0)),
    "chdir": lambda place: _call(_LIBC.chdir(bytes(place.folder))),
    "execve of a static program": lambda place: _execute(
        lambda: _call(_LIBC.execve(place.path("program"), (ctypes.c_char_p * 2)(b"program", None), None))
    ),
}
PROCESSES: Final[dict[str, Callable[[Place], int]]] = {
    "fork": lambda _place: _fork(),
    "execveat of memory": lambda _place: _execute(_execveat),
    "ptrace": lambda place: _call(_LIBC.ptrace(0x4206, place.process, None, None)),  # PTRACE_SEIZE stops nobody
    "process_vm_readv": lambda place: _memory(place, write=False),
    "process_vm_writev": lambda place: _memory(place, write=True),
    "signal to the portal": lambda place: _call(_LIBC.kill(place.process, 0)),
    "signal to all": lambda _place: _call(_LIBC.kill(-1, 0)),
    "signal by descriptor": lambda place: _kernel("pidfd_open", place.process, 0),
    "limits of another": lambda place: _call(_LIBC.prlimit(place.process, 7, None, ctypes.create_string_buffer(16))),
    "limits of its own": lambda _place: _call(_LIBC.getrlimit(7, ctypes.create_string_buffer(16))),
    "kcmp": lambda place: _kernel("kcmp", os.getpid(), place.process, 1, ctypes.c_ulong(0), ctypes.c_ulong(0)),
    "priority of another": lambda place: _call(_LIBC.setpriority(0, place.process, 0)),
    "processors of another": lambda place: _call(
        _LIBC.sched_getaffinity(place.process, ctypes.c_size_t(128), ctypes.create_string_buffer(128))
    ),
    "personality": lambda _place: _call(_LIBC.personality(ctypes.c_ulong(0xFFFFFFFF))),
    "prctl dumpable": lambda _place: _call(_LIBC.prctl(4, 1, 0, 0, 0)),
    "new session": lambda _place: os.getsid(0),
}
CHANNELS: Final[dict[str, Callable[[Place], int]]] = {
    "internet socket": _socket(socket.AF_INET),
    "IPv6 datagrams": _socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "raw packets": _socket(17, socket.SOCK_RAW),
    "unix socket": _socket(socket.AF_UNIX),
    "netlink socket": _socket(16, socket.SOCK_RAW),
    "vsock": _socket(40),
    "socketpair": lambda _place: _call(_LIBC.socketpair(1, 1, 0, ctypes.create_string_buffer(8))),
    "pipe": lambda _place: _call(_LIBC.pipe2(ctypes.create_string_buffer(8), 0)),
    "memory file": lambda _place: os.memfd_create("x"),
    "eventfd": lambda _place: _call(_LIBC.eventfd(0, 0)),
    "inotify": lambda _place: _call(_LIBC.inotify_init1(0)),
    "add_key": lambda _place: _kernel("add_key", b"user", b"escape", b"words", ctypes.c_size_t(5), -2),
    "keyctl": lambda _place: _kernel("keyctl", 0, -2, 1),
    "shared memory": lambda _place: _shared(
        lambda: _LIBC.shmget(0, ctypes.c_size_t(4096), _PRIVATE), lambda segment: _LIBC.shmctl(segment, 0, None)
    ),
    "semaphores": lambda _place: _shared(
        lambda: _LIBC.semget(0, 1, _PRIVATE), lambda semaphores: _LIBC.semctl(semaphores, 0, 0, None)
    ),
    "System V messages": lambda _place: _shared(
        lambda: _LIBC.msgget(0, _PRIVATE), lambda messages: _LIBC.msgctl(messages, 0, None)
    ),
    "POSIX messages": _message_queue,
}
KERNEL: Final[dict[str, Callable[[Place], int]]] = {
    "io_uring_setup": lambda _place: _kernel("io_uring_setup", 1, ctypes.create_string_buffer(120)),
    "bpf": lambda _place: _kernel("bpf", 0, struct.pack("=IIII", 2, 4, 4, 1) + _ZEROS, 72),
    "perf_event_open": lambda _place: _kernel(
        "perf_event_open", struct.pack("=IIQ", 1, 128, 0) + _ZEROS[:112], 0, -1, -1, ctypes.c_ulong(0)
    ),
    "userfaultfd": lambda _place: _kernel("userfaultfd", 1),
    "mount": lambda place: _call(_LIBC.mount(b"none", bytes(place.folder), b"no such kind", ctypes.c_ulong(0), None)),
    "umount": lambda place: _call(_LIBC.umount2(bytes(place.folder), 0)),
    "chroot": lambda place: _call(_LIBC.chroot(place.path("absent"))),
    "unshare": lambda _place: _call(_LIBC.unshare(0x04000000)),  # CLONE_NEWUTS
    "setns": lambda _place: _call(_LIBC.setns(-1, 0)),
    "landlock": lambda _place: _kernel("landlock_create_ruleset", None, ctypes.c_size_t(0), 1),
    "seccomp": lambda _place: _kernel("seccomp", 2, 0, struct.pack("=I", 0)),  # asks whether an action is known
    "reboot": lambda _place: _call(_LIBC.reboot(1)),
    "kexec_load": lambda _place: _kernel("kexec_load", None, ctypes.c_ulong(17), None, ctypes.c_ulong(0)),
    "finit_module": lambda _place: _kernel("finit_module", -1, b"", 0),
    "syslog": lambda _place: _call(_LIBC.klogctl(10, None, 0)),
    "sethostname": lambda _place: _call(_LIBC.sethostname(b"x", ctypes.c_size_t(1 << 20))),
    "swapon": lambda place: _call(_LIBC.swapon(place.path("absent"), 0)),
}
ESCAPES: Final = FILES | PROCESSES | CHANNELS | KERNEL


def _fork() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def attempts(place: Place, escapes: Mapping[str, Callable[[Place], int]] = ESCAPES) -> dict[str, str]:
    """Try each escape; return for each the name of the kernel's error, "" where it worked."""
    results = {}
    for name, escape in escapes.items():
        try:
            escape(place)
        except OSError as error:
            results[name] = errno.errorcode.get(error.errno or 0, str(error.errno))
        else:
            results[name] = ""
    return results


def attempts_outside(folder: Path) -> dict[str, str]:
    """Try each escape in a process of its own without walls, aimed at this one."""
    place, results = prepare(folder), {}
    for name, escape in ESCAPES.items():
        receiver, sender = os.pipe()
        child = os.fork()
        if not child:
            os.write(sender, attempts(place, {name: escape})[name].encode())
            os._exit(0)
        os.close(sender)
        results[name] = os.read(receiver, 100).decode()
        os.close(receiver)
        os.waitpid(child, 0)
    return results


# --- The jobs of the sandbox


def preload(media_type: str) -> None:
    """Load nothing: all is loaded."""


def _try_all(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Try every escape, aimed at the folder that the input names and at the process in the options."""
    place = Place(Path(os.fsdecode(source.read())), options["process"])
    out.write(json.dumps(attempts(place)).encode())
    answer = Answer()
    answer.add(out, "text/plain")
    return answer


JOBS: Final = {"escape": _try_all}

if __name__ == "__main__":
    signal.alarm(60)
    print(json.dumps(attempts_outside(Path(sys.argv[1]))))
