"""Which start of which machine this process belongs to: what a machine had under way when it lost power is told apart
from what ended a process."""

from __future__ import annotations

import hashlib
import socket
from functools import cache
from pathlib import Path
from typing import Final

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MACHINE: Final = Path("/etc/machine-id")
_DIGITS: Final = 16


@cache
def this_start() -> str:
    """Return 32 hexadecimal digits: 16 of the machine, 16 of its start. They hold no time and name no host."""
    return _digits(_text(_MACHINE) + socket.gethostname()) + _digits(_text(_BOOT))


def restarted_since(start: str) -> bool:
    """Return whether ``start`` is an earlier start of this machine; of another machine nothing is known."""
    current = this_start()
    return start[:_DIGITS] == current[:_DIGITS] and start != current


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _digits(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_DIGITS // 2, person=b"kanal-netral").hexdigest()
