"""What a node that runs jobs remembers outside of the database, in files beside AUDIT_HEADS_FILE that it alone reads.

Whoever writes to the database can delete faults that were named, put back an older record that the server signed, and
cut the newest entries off. None of them reaches these files, which are written again as a whole, with mode 0600.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from complaints.adapters import private_file
from complaints.services.audit.faults import Fault

logger = logging.getLogger(__name__)

# As many faults and heads as a file holds: more than wait for acknowledgement, and few enough to be read at once.
FAULTS_AT_MOST: Final = 2000


@dataclass
class Memory:
    """What the verification has left behind on this node.

    Attributes:
        saves: how often the record of the verification had been stored, a number that only grows.
        faults: the faults that were stored in the database, by the key of their row.
        told_on: the day (ISO) of the last alarm about faults that could not be stored, "" for none.
        alarms: by the code of an alarm the day (ISO) of its last mail.
    """

    saves: int = 0
    faults: dict[uuid.UUID, Fault] = field(default_factory=dict)
    told_on: str = ""
    alarms: dict[str, str] = field(default_factory=dict)

    def remember(self, faults: Mapping[uuid.UUID, Fault]) -> None:
        """Add faults, and forget the oldest beyond FAULTS_AT_MOST."""
        self.faults |= {key: fault for key, fault in faults.items() if key not in self.faults}
        for key in list(self.faults)[: max(0, len(self.faults) - FAULTS_AT_MOST)]:
            del self.faults[key]

    def learn(self, faults: Mapping[uuid.UUID, Fault]) -> None:
        """Add faults that another node has stored, as far as there is room: none of this node's own goes for them."""
        room = max(0, FAULTS_AT_MOST - len(self.faults))
        self.faults |= dict([(key, fault) for key, fault in faults.items() if key not in self.faults][:room])


def path(name: str) -> Path:
    """Return the path of a file of this node."""
    return settings.AUDIT_HEADS_FILE.with_name(name)


def memory_path() -> Path:
    """Return the path of the memory of the verification."""
    return path("audit-verification.json")


def read_memory() -> Memory:
    """Return the memory of this node, an empty one where there is none or it cannot be read."""
    content = _read_json(memory_path())
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        faults = {uuid.UUID(key): Fault(*columns) for key, columns in content["faults"].items()}
        alarms = {str(code): str(day) for code, day in content.get("alarms", {}).items()}
        return Memory(int(content["saves"]), faults, str(content["told_on"]), alarms)
    return Memory()


@contextmanager
def changing_memory() -> Iterator[Memory]:
    """Give the memory to be changed, and store it durably at the end; other processes of this node wait meanwhile.

    Where this node cannot write, the log says so and the change is lost.
    """
    with _locked():
        memory = read_memory()
        yield memory
        faults = {
            str(key): [fault.sequence, fault.code, fault.subject, fault.state] for key, fault in memory.faults.items()
        }
        kept = {"saves": memory.saves, "told_on": memory.told_on, "alarms": memory.alarms, "faults": faults}
        write(memory_path(), json.dumps(kept))


@contextmanager
def _locked() -> Iterator[None]:
    try:
        memory_path().parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path("audit-verification.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:  # nothing can be written here either
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_faults(faults: Iterable[Fault], *, today: date) -> bool:
    """Add faults that the database did not take to a file of their own, a line each; return whether they are kept."""
    file = path("audit-faults.txt")
    lines = dict.fromkeys(read(file).splitlines())
    lines |= dict.fromkeys(
        f"{today.isoformat()} {fault.code} {fault.sequence or '-'} {fault.subject}".rstrip() for fault in faults
    )
    return write(file, "".join(f"{line}\n" for line in list(lines)[-FAULTS_AT_MOST:]))


def is_writable() -> bool:
    """Whether this process can write files beside AUDIT_HEADS_FILE, or make their folder."""
    folder = settings.AUDIT_HEADS_FILE.parent
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _read_json(file: Path) -> Any:
    return json.loads(text) if (text := read(file)).startswith("{") else {}


def read(file: Path) -> str:
    """Return the text of a file of this node, "" where there is none that can be read."""
    try:
        return file.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        logger.warning("A file of the verification cannot be read")
        return ""


def write(file: Path, text: str) -> bool:
    """Replace a file of this node atomically; return False where that is impossible, which the log says."""
    try:
        return private_file.write(file, text)
    except OSError:
        logger.warning("A file of the verification cannot be written")
        return False
