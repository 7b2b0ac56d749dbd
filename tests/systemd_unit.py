"""What a shipped unit of systemd says, and its list of system calls put upon this process: no systemd runs in tests.

No module of the portal and no package is imported here: .ci/systemctl runs it with the system's Python.
"""

from __future__ import annotations

import ctypes
import errno
import re
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

LIBRARY = "libseccomp.so.2"
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_UNKNOWN = -1


def settings(*files: Path) -> dict[str, list[str]]:
    """Return the lines of the section [Service] by name; an empty one takes back those before, as in a drop-in."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        section = ""
        for line in file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif section == "Service" and re.match(r"\w+=", line):
                name, _, value = line.partition("=")
                if value:
                    found[name].append(value)
                else:
                    found.pop(name, None)
    return dict(found)


def allowed_calls(lines: Sequence[str]) -> set[str]:
    """Return the names that lines of SystemCallFilter= allow together, of which the first is a list of allowed ones."""
    names: set[str] = set()
    for line in lines:
        words = {name for word in line.lstrip("~").split() for name in _expanded(word)}
        names = names - words if line.startswith("~") else names | words
    return names


def _expanded(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    command = ["systemd-analyze", "syscall-filter", word]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = [line.strip() for line in listed[1:] if line.startswith("    ") and not line.strip().startswith("#")]
    return {name for inner in names for name in _expanded(inner)}


def restrict(calls: set[str]) -> None:
    """Refuse this process and what it starts every other system call with EPERM. Raises OSError where that fails."""
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_REFUSE | errno.EPERM)))
    for name in sorted(calls):
        number = library.seccomp_syscall_resolve_name(name.encode())
        # Negative numbers are calls of other machines.
        if number > _UNKNOWN:
            library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0)
    if failed := library.seccomp_load(context):
        raise OSError(-failed, "The list of system calls was not taken.")
