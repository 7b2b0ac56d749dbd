"""What a backup consists of, signed by the server: nobody else can make one that a restoration takes.

A folder of backups holds ``objects/NAME.age``, which all backups share because an object of evidence never changes, and
for each backup a folder named by its day with ``database.age`` and ``manifest.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from complaints.adapters.age_files import open_regular
from complaints.domain import hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair, verify

FORMAT: Final = 1
OBJECTS: Final = "objects"
DATABASE: Final = "database.age"
MANIFEST: Final = "manifest.json"
# The day on which a backup was made; a second one of a day has a number behind it.
NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(-[1-9]\d{0,3})?", re.ASCII)
_OBJECT: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# A million objects; nothing larger is read into memory.
_MAX_BYTES: Final = 64 * 1024 * 1024
_PURPOSE: Final = b"kanal netral backup 1"


class BackupError(Exception):
    """A backup cannot be made or is refused; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What one backup holds.

    Attributes:
        name: that of its folder.
        database: SHA-256 (hexadecimal) of the encrypted dump.
        sequence: the number of the chain's last entry in the dump.
        head: its digest (hexadecimal).
        objects: names of the objects that the dump's rows name.
        missing: those of them that the storage did not have.
    """

    name: str
    database: str
    sequence: int
    head: str
    objects: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        return day_of(self.name)

    @property
    def digest(self) -> str:
        """The SHA-256 (hexadecimal) by which the chain records the backup."""
        return hashlib.sha256(self._statement).hexdigest()

    @property
    def _statement(self) -> bytes:
        return _PURPOSE + hashchain.canonical({"format": FORMAT, **asdict(self)})

    def signed(self, server: SignPair) -> str:
        """Return the text of the manifest's file."""
        return json.dumps({"format": FORMAT, **asdict(self), "signature": server.sign(self._statement).hex()})


def day_of(name: str) -> date:
    """Return the day of a backup; raises ValueError where ``name`` is not one."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(name)
    return date.fromisoformat(match[1])


def read(folder: Path, keys: Sequence[bytes]) -> Manifest:
    """Return the manifest of a backup's folder.

    Raises:
        BackupError: it is missing, was altered, or was not signed by one of these keys (Ed25519, 32 bytes).
    """
    try:
        with open_regular(folder / MANIFEST) as file:
            fields: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
        signature = bytes.fromhex(fields.pop("signature"))
        if fields.pop("format") != FORMAT:
            raise ValueError("format")
        fields |= {key: tuple(fields[key]) for key in ("objects", "missing")}
        manifest = Manifest(**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(f"{folder.name} holds no whole backup: {MANIFEST} is missing or cannot be read.") from error
    if not _is_sound(manifest, folder.name):
        raise BackupError(f"{folder.name}: {MANIFEST} names what no backup of this portal holds.")
    if not any(_has_signed(key, manifest, signature) for key in keys):
        raise BackupError(f"{folder.name}: {MANIFEST} was not signed by the server's key of this portal.")
    return manifest


def _is_sound(manifest: Manifest, name: str) -> bool:
    """Whether every field has its form: a name of an object becomes a path."""
    names = (*manifest.objects, *manifest.missing)
    if manifest.name != name or not isinstance(manifest.sequence, int):
        return False
    digests = (manifest.database, manifest.head)
    return all(_matches(_DIGEST, text) for text in digests) and all(_matches(_OBJECT, text) for text in names)


def _matches(form: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and form.fullmatch(text) is not None


def _has_signed(key: bytes, manifest: Manifest, signature: bytes) -> bool:
    try:
        verify(key, manifest._statement, signature)
    except SealError:
        return False
    return True


def object_file(folder: Path, name: str) -> Path:
    """Return the file of an object in a folder of backups."""
    return folder / OBJECTS / f"{name}.age"


def present(folder: Path) -> list[str]:
    """Return the names of the backups in a folder, the newest last; raises OSError."""
    names = [entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name) and entry.is_dir()]
    return sorted(names, key=lambda name: (day_of(name), int(name[11:] or 0)))
