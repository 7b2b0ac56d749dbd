"""The walls around a process that reads a hostile file: an empty root, Landlock, no rights, the list of system calls.

Where a wall cannot be had, its function says so and changes nothing; :mod:`complaints.adapters.sandbox_child` opens no
file unless the list and one of the two walls before the file system stand (docs/adr/0042).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from pathlib import Path
from typing import Final

from complaints.adapters import system_calls

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE: Final = 4
_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWPID: Final = 0x20000000
_CLONE_NEWNET: Final = 0x40000000
_MS_RDONLY_NOSUID_NODEV_NOEXEC: Final = 1 | 2 | 4 | 8
_MS_REC_PRIVATE: Final = 16384 | 1 << 18
_MNT_DETACH: Final = 2
# A folder of every system; the empty file system is mounted over it, in a namespace of its own.
_MOUNT_POINT: Final = b"/proc"
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION: Final = 0x20080522
# The same numbers on every machine.
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_VERSION: Final = 1
# The first version under which a file cannot be cut either (TRUNCATE).
LANDLOCK_AT_LEAST: Final = 3
# All accesses of version 3 (15 bits), and IOCTL_DEV of version 5.
_FILES: Final = (1 << 15) - 1
_FILES_OF_5: Final = 1 << 15
# TCP bind and connect, since version 4; abstract sockets and signals outside, since version 6.
_NETWORK: Final = 0b11
_SCOPES: Final = 0b11


def keep_memory_private() -> None:
    """Deny other processes of this user to read this process's memory, and the kernel to write it to a disk.

    Holds for forked processes too, until they run another program. ``/proc`` then belongs to root for them.
    """
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def cut_network() -> bool:
    """Move into an empty network and a user namespace; return False where that is forbidden.

    The user namespace gives the right to make the other namespaces, and none outside of it.
    """
    namespaces = _CLONE_NEWNET | _CLONE_NEWIPC
    return not _LIBC.unshare(_CLONE_NEWUSER | namespaces) or not _LIBC.unshare(namespaces)


def hide_processes() -> bool:
    """Let the next child be process 1 of a namespace of its own: it sees no other, and all that it starts ends with it.

    Returns False where that is forbidden.
    """
    return not _LIBC.unshare(_CLONE_NEWPID)


def empty_root() -> bool:
    """Exchange the file system of this process for an empty one that nobody can write to; return whether it was done.

    Until it returns True nothing has changed for other processes; where it returns False, nothing that counts has
    changed for this one.
    """
    pivot_root = _PIVOT_ROOT.get(platform.machine())
    if pivot_root is None or _LIBC.unshare(_CLONE_NEWNS):
        return False
    if _LIBC.mount(None, b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None):
        return False
    flags = ctypes.c_ulong(_MS_RDONLY_NOSUID_NODEV_NOEXEC)
    if _LIBC.mount(b"none", _MOUNT_POINT, b"tmpfs", flags, b"size=4k,nr_inodes=2"):
        return False
    os.chdir(_MOUNT_POINT)
    # With one folder for both, the old root lies on top of the new one, and is taken off (pivot_root(2)).
    if _LIBC.syscall(pivot_root, b".", b"."):
        os.chdir("/")
        return False
    return not _LIBC.umount2(b".", _MNT_DETACH) and not any(Path("/").iterdir())


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers, 0 where it offers none."""
    return int(max(0, _LIBC.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)))


def deny_files() -> bool:
    """Deny this process every file system access by name, for good; return False below version 3 of Landlock.

    What is open already stays open. Newer versions also deny TCP, and signals and abstract sockets to the outside.
    """
    version = landlock_version()
    if version < LANDLOCK_AT_LEAST or _LIBC.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        return False
    handled = [_FILES | (_FILES_OF_5 if version >= 5 else 0)]
    handled += [_NETWORK] if version >= 4 else []
    handled += [_SCOPES] if version >= 6 else []
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = _LIBC.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        return not _LIBC.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def drop_rights() -> None:
    """Give up every capability, also those inside the user namespace."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _LIBC.capset(header, bytes(24))


def restrict_calls() -> bool:
    """Put this process under the list of system calls, for good; return False where there is none."""
    return system_calls.restrict()
