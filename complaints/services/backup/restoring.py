"""Restores a backup into an empty portal, and says what of it is not as it was.

Nothing is written before the whole backup was looked at: the manifest's signature, the digest of the dump, and every
object. Until the restored portal was verified a comment on the database says that it is unfinished;
``check --deploy`` and ``database_roles`` refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

from django.db import connection
from django.utils import timezone

from complaints import database_schema
from complaints.adapters import age_files, postgresql_dump
from complaints.adapters.age_files import Identity
from complaints.database_roles import fetch
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import verify
from complaints.models.verification import FAULTS
from complaints.services import retention
from complaints.services.audit import log, recorded_backups
from complaints.services.audit import verify as chain
from complaints.services.audit.log import Head
from complaints.services.backup import manifest
from complaints.services.backup.making import sha256_of
from complaints.services.backup.manifest import BackupError, Manifest
from complaints.services.evidence import storage

UNFINISHED: Final = "Kanal Netral: a restoration began here and has not ended"
_REHEARSAL: Final = b"kanal netral rehearsal 1"
_WORD: Final = "rehearsed"


def restore(folder: Path, *, name: str, identities: Sequence[Identity]) -> Manifest:
    """Restore the backup ``name`` of ``folder``, the newest for ""; return its manifest. The database is marked.

    Raises:
        BackupError: the backup was altered or is not whole, or database or storage are not empty. Nothing was written.
        AgeError, DumpError, OSError: the key does not fit, or writing failed. The database is as empty as before, the
            storage may hold some objects.
    """
    name = name or _newest(folder)
    backup = _checked(folder, name)
    _demand_empty_portal()
    _mark(UNFINISHED)
    # The database comes last: it is whole or empty, and rows without their objects would look like a loss.
    for object_name in _held(backup):
        with storage.storage().open(object_name, "wb") as target:
            age_files.decrypt(manifest.object_file(folder, object_name), identities, target)
    with postgresql_dump.restore(connection.settings_dict) as target:
        age_files.decrypt(folder / name / manifest.DATABASE, identities, target)
    return backup


def finish() -> None:
    """Take the mark away, after :func:`faults` named nothing."""
    _mark(None)


def is_unfinished() -> bool:
    """Whether a restoration into this database began and has not ended."""
    if connection.vendor != "postgresql":
        return False
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    return fetch(comment) == [(UNFINISHED,)]


def _newest(folder: Path) -> str:
    names = manifest.present(folder)
    if not names:
        raise BackupError(f"{folder} holds no backup.")
    return names[-1]


def _held(backup: Manifest) -> list[str]:
    missing = set(backup.missing)
    return [name for name in backup.objects if name not in missing]


def _checked(folder: Path, name: str) -> Manifest:
    """Return the manifest of a backup all of whose files are there; what they hold is compared once it is restored."""
    try:
        manifest.day_of(name)
    except ValueError as error:
        raise BackupError(f"{name} is not the name of a backup, which is a day such as 2026-11-30.") from error
    backup = manifest.read(folder / name, log.server_keys())
    try:
        if sha256_of(folder / name / manifest.DATABASE) != backup.database:
            raise BackupError(f"{name}: {manifest.DATABASE} is not what was stored: it was cut or altered.")
        for object_name in _held(backup):
            age_files.open_regular(manifest.object_file(folder, object_name)).close()
    except OSError as error:
        raise BackupError(f"{name} is not whole: {error}") from error
    return backup


def _demand_empty_portal() -> None:
    if fetch("SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace LIMIT 1"):
        raise BackupError("The database is not empty. Make a new one; a restoration adds to nothing.")
    if next(storage.storage().present(), None) is not None:
        raise BackupError("The evidence storage is not empty. Give an empty one; a restoration adds to nothing.")


def _mark(comment: str | None) -> None:
    ((database, text),) = fetch("SELECT quote_ident(current_database()), quote_nullable(%s)", comment or "")
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON DATABASE {database} IS {text if comment else 'NULL'}")


def faults(backup: Manifest, *, heads: Sequence[Head]) -> Iterator[str]:
    """Yield in sentences what in the restored portal is not as it was; nothing where all is whole.

    Args:
        heads: of the chain, from outside; those from after the backup are for its entries and left out.
    """
    comparison = database_schema.compare()
    yield from (f"Missing in the database, or altered: {line}." for line in comparison.missing)
    yield from (f"Not the portal's: {line}." for line in comparison.surplus)
    sequence, head = recorded_backups.chain_end()
    if (sequence, head.hex()) != (backup.sequence, backup.head):
        yield "The chain does not end where the manifest says."
    era = log.era()
    yield from chain_faults([known for known in heads if known.sequence <= backup.sequence and known.era <= era])
    missing = set(backup.missing)
    yield from (f"Object {name} was missing when the backup was made." for name in sorted(missing))
    yield from (f"Object {name} {why}." for name, why in retention.damaged_objects() if name not in missing)


def chain_faults(heads: Sequence[Head]) -> list[str]:
    """Return in sentences what is not as the chain records it; ``heads`` are of entries that the backup has."""
    verdict = chain.verify_chain(heads=heads)
    return [f"The chain is broken: {fault.code}, {FAULTS[fault.code]}." for fault in verdict.faults]


# --- A rehearsal, told to the portal that the backup was made of ---


def rehearsal_line(backup: Manifest, *, now: datetime) -> str:
    """Return the line that says that a backup was restored whole today, signed by the server's key."""
    day = timezone.localdate(now).isoformat()
    return f"{_WORD} {backup.digest} {day} {log.server_signer().sign(_statement(backup.digest, day)).hex()}"


def record_rehearsal(line: str, *, now: datetime) -> date:
    """Record in the chain what a line says, and return the day; raises BackupError where it is not the server's."""
    try:
        word, digest, day, signature = line.split()
        rehearsed_on = date.fromisoformat(day)
        if word != _WORD:
            raise ValueError(word)
        verify(log.server_signer().public, _statement(digest, day), bytes.fromhex(signature))
    except (ValueError, SealError) as error:
        raise BackupError("This is no line that a restoration printed with this portal's server key.") from error
    if rehearsed_on > timezone.localdate(now):
        raise BackupError("The line is of a day that has not come: compare the clocks.")
    if not recorded_backups.record_rehearsed(digest=digest, day=rehearsed_on, now=now):
        raise BackupError("The line is of a backup that this portal has not recorded.")
    return rehearsed_on


def _statement(digest: str, day: str) -> bytes:
    return _REHEARSAL + f"{digest} {day}".encode()
