"""The list of system calls that a process with a hostile file may make, as a filter of the kernel (seccomp).

All that is not named is refused with EPERM. Not with the end of the process: readers and the C library try calls that
they can do without, and another release of either tries others; a refusal costs nothing then, an end the file.
Numbers are those of Linux on x86_64 and aarch64; elsewhere there is no list, and so no file is opened.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_RET_KILL_PROCESS: Final = 0x80000000
_RET_ERRNO: Final = 0x00050000
_RET_ALLOW: Final = 0x7FFF0000
_REFUSED: Final = _RET_ERRNO | errno.EPERM
# The C library makes threads by another call then, whose flags a filter can read (clone3 keeps them in memory).
_UNKNOWN: Final = _RET_ERRNO | errno.ENOSYS
_CLONE3: Final = 435
# Exactly the flags with which glibc starts a thread of the same process: no process, no namespace.
_THREAD_FLAGS: Final = 0x003D0F00
# Instructions of the classic Berkeley packet filter: load a word, compare with a constant, return.
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_RETURN: Final = 0x06
# Offsets in struct seccomp_data.
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = (16, 20)


@dataclass(frozen=True)
class Machine:
    """A processor architecture: the kernel's constant for it, its clone, and the numbers of the allowed calls."""

    architecture: int
    clone: int
    numbers: Mapping[str, int]


# What the readers call on every kind of file, and what the C library and Python may call in their place. None of them
# names a file, a process or an address of another machine: descriptors are those that the process was given.
# fstat has the form without a path; newfstatat would tell which files exist, so it is not here and its callers do
# without. sysinfo sizes the buffer of qsort. A thread may be started, because the decoder
# of HEIC has one at its work; glibc ends a process whose new thread may not call rseq.
X86_64: Final = Machine(
    0xC000003E,
    56,
    {
        "read": 0,
        "write": 1,
        "close": 3,
        "fstat": 5,
        "lseek": 8,
        "pread64": 17,
        "pwrite64": 18,
        "ftruncate": 77,
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "mremap": 25,
        "madvise": 28,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "restart_syscall": 219,
        "futex": 202,
        "sched_yield": 24,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "getrandom": 318,
        "sysinfo": 99,
        "exit": 60,
        "exit_group": 231,
        "set_robust_list": 273,
        "rseq": 334,
    },
)
AARCH64: Final = Machine(
    0xC00000B7,
    220,
    {
        "read": 63,
        "write": 64,
        "close": 57,
        "fstat": 80,
        "lseek": 62,
        "pread64": 67,
        "pwrite64": 68,
        "ftruncate": 46,
        "mmap": 222,
        "mprotect": 226,
        "munmap": 215,
        "brk": 214,
        "mremap": 216,
        "madvise": 233,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "restart_syscall": 128,
        "futex": 98,
        "sched_yield": 124,
        "clock_gettime": 113,
        "clock_getres": 114,
        "clock_nanosleep": 115,
        "getrandom": 278,
        "sysinfo": 179,
        "exit": 93,
        "exit_group": 94,
        "set_robust_list": 99,
        "rseq": 293,
    },
)
MACHINES: Final[Mapping[str, Machine]] = {"x86_64": X86_64, "aarch64": AARCH64}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def program(machine: Machine) -> bytes:
    """Return the filter that allows the calls of a machine, and ends a process that calls as another machine."""
    numbers = sorted(machine.numbers.values())
    low, high = _FIRST_ARGUMENT_AT
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, machine.architecture, if_true=1),
        _step(_RETURN, _RET_KILL_PROCESS),
        _step(_LOAD, _NUMBER_AT),
        _step(_EQUAL, _CLONE3, if_false=1),
        _step(_RETURN, _UNKNOWN),
        _step(_EQUAL, machine.clone, if_false=6),
        _step(_LOAD, low),
        _step(_EQUAL, _THREAD_FLAGS, if_false=2),
        _step(_LOAD, high),
        _step(_EQUAL, 0, if_true=1),
        _step(_RETURN, _REFUSED),
        _step(_RETURN, _RET_ALLOW),
    ]
    # Each comparison that holds jumps behind the ones that are left and the refusal.
    steps += [_step(_EQUAL, number, if_true=len(numbers) - place) for place, number in enumerate(numbers)]
    return b"".join([*steps, _step(_RETURN, _REFUSED), _step(_RETURN, _RET_ALLOW)])


def _step(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return an instruction; a comparison passes over so many instructions where it holds, or where it does not."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def restrict(machine: str | None = None) -> bool:
    """Put this process under the list, for good; return False where the system or its machine knows no such list.

    Args:
        machine: the name of the architecture; by default this one's.
    """
    known = MACHINES.get(machine or platform.machine())
    return known is not None and install(program(known))


def install(steps: bytes) -> bool:
    """Put this process under a filter of :func:`program`; return whether the kernel took it."""
    libc = ctypes.CDLL(None, use_errno=True)
    filter_program = _Program(len(steps) // 8, steps)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0)
