"""The attack by a file that has taken over its reader (:mod:`bench.attack.escape_jobs`) on the machine around it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.attack import escape_jobs
from bench.attack.target import Target
from complaints.adapters import sandbox

# The kernel's answer by the list of system calls: no other wall was needed.
BY_THE_LIST = "EPERM"


def escapes(target: Target) -> int:
    """Return how many escapes the list did not refuse, and how many files aimed at are changed."""
    through = target.escapes()
    for name in through:
        print(f"not refused: {name}")
    return len(through)


def not_refused(folder: Path) -> list[str]:
    """Try every escape in a sandbox of this process, aimed at files in an empty folder and at this process.

    Returns the names of those that the list did not refuse, and of files that are changed. Raises sandbox.Unconfined
    where no file would be opened at all.
    """
    escape_jobs.prepare(folder)
    before, box = _contents(folder), sandbox.Sandbox(escape_jobs.__name__)
    try:
        with (
            sandbox.hold([bytes(folder)], 4096) as held,
            box.run("escape", held, process=os.getpid()) as result,
        ):
            answers: dict[str, str] = json.loads(result.parts[0].read())
    finally:
        box.close()
    after = _contents(folder)
    tried = [name for name in escape_jobs.ESCAPES if answers.get(name) != BY_THE_LIST]
    return tried + [name for name in before | after if before.get(name) != after.get(name)]


def _contents(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    contents = {path.name: (path, path.stat()) for path in folder.iterdir()}
    return {
        name: (status.st_mode, status.st_mtime, path.read_bytes() if path.is_file() else b"")
        for name, (path, status) in contents.items()
    }
