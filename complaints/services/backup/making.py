"""Makes a backup: a dump of one snapshot of the database, and the objects that its rows name."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from complaints.adapters import age_files, postgresql_dump, private_file
from complaints.models.draft import Draft, DraftDoor
from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.models.oversight import DecisionCopy
from complaints.models.session import SealedSession
from complaints.services.audit import log, recorded_backups
from complaints.services.backup import manifest
from complaints.services.backup.manifest import BackupError, Manifest
from complaints.services.evidence import storage

# What ends within hours is in no backup: with a cookie or a code somebody could open it long after its end.
WITHOUT_ROWS: Final = (SealedSession, Draft, DraftDoor, DraftFile)


@dataclass(frozen=True)
class Made:
    """A backup that was made: its manifest, how many objects were new, and the names of backups that were deleted."""

    manifest: Manifest
    new_objects: int
    deleted: tuple[str, ...]


def make(folder: Path, *, recipients: Sequence[age_files.Recipient], now: datetime) -> Made:
    """Make a backup in ``folder``, delete those older than BACKUP_KEEP_DAYS, and record it in the chain.

    Args:
        folder: of all backups; it is made where it is missing. What an earlier backup holds is not copied again.
        recipients: who can open it.

    Raises:
        BackupError: another backup is being made in the folder, or the database is not PostgreSQL.
        DumpError: pg_dump failed.
        OSError: a file could not be read or written. A backup that was begun leaves nothing but objects.
    """
    if connection.vendor != "postgresql":
        raise BackupError("Backups are made of PostgreSQL. Stop a portal on SQLite and copy its folder instead.")
    today = timezone.localdate(now)
    with _only_one(folder):
        name = _free_name(folder, today)
        draft = folder / f".{name}"
        _forget_unfinished(folder)
        draft.mkdir(mode=0o700)
        try:
            made, new_objects = _write(folder, draft, name, recipients)
            draft.rename(folder / name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        private_file.sync_folder(folder)
        recorded_backups.record_made(digest=made.digest, now=now)
        deleted = _delete_old(folder, until=today - timedelta(days=settings.BACKUP_KEEP_DAYS))
    return Made(made, new_objects, deleted)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / manifest.OBJECTS).mkdir(mode=0o700, exist_ok=True)
    with open(folder / ".lock", "wb", opener=private_file.open_private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(f"Another backup is being made in {folder}. Wait for its end.") from error
        yield


def _forget_unfinished(folder: Path) -> None:
    """Delete what a backup that was killed has left; the lock says that none is being made."""
    for draft in folder.glob(".[0-9]*"):
        shutil.rmtree(draft, ignore_errors=True)
    for part in (folder / manifest.OBJECTS).glob(".*"):
        part.unlink()


def _free_name(folder: Path, today: date) -> str:
    taken, number, name = set(manifest.present(folder)), 1, today.isoformat()
    while name in taken:
        number += 1
        name = f"{today.isoformat()}-{number}"
    return name


def _write(folder: Path, draft: Path, name: str, recipients: Sequence[age_files.Recipient]) -> tuple[Manifest, int]:
    target = draft / manifest.DATABASE
    with _snapshot() as snapshot:
        objects, (sequence, head) = _named_objects(), recorded_backups.chain_end()
        tables = [model._meta.db_table for model in WITHOUT_ROWS]
        dumping = postgresql_dump.dump(connection.settings_dict, snapshot=snapshot, without_rows=tables)
        with age_files.encrypt(target, recipients) as encrypting, dumping as dump:
            encrypting.take(dump)
    # After the dump: an object is durable before a row names it, so each one is there.
    new, missing = _copy_objects(folder, objects, recipients)
    made = Manifest(name, sha256_of(target), sequence, head.hex(), tuple(sorted(objects)), tuple(sorted(missing)))
    private_file.write(draft / manifest.MANIFEST, made.signed(log.server_signer()))
    return made, new


@contextlib.contextmanager
def _snapshot() -> Iterator[str]:
    """Give the name of a snapshot of the database that lasts as long as the context."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def _named_objects() -> set[str]:
    named = (model.objects.values_list("object_name", flat=True) for model in (EvidenceObject, DecisionCopy))
    return {name for names in named for name in names.iterator()}


def _copy_objects(
    folder: Path, names: Collection[str], recipients: Sequence[age_files.Recipient]
) -> tuple[int, set[str]]:
    """Copy the objects that no backup has yet; return how many, and the names of those that the storage lacks."""
    new, missing, store = 0, set(), storage.storage()
    for name in names:
        path = manifest.object_file(folder, name)
        if path.exists():
            continue
        try:
            stored: IO[bytes] = store.open(name, "rb")
        except FileNotFoundError:
            missing.add(name)
            continue
        with stored, age_files.encrypt(path, recipients) as encrypting:
            encrypting.take(stored)
        new += 1
    return new, missing


def sha256_of(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a file; raises OSError, also where it is no regular one."""
    with age_files.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _delete_old(folder: Path, *, until: date) -> tuple[str, ...]:
    """Delete the backups from before ``until``, then the objects that none of the others names.

    The newest backup stays, however old it is. Where a manifest cannot be read, no object is deleted.
    """
    names = manifest.present(folder)
    old = [name for name in names[:-1] if manifest.day_of(name) < until]
    for name in old:
        shutil.rmtree(folder / name)
    if old:
        _delete_objects(folder)
    return tuple(old)


def _delete_objects(folder: Path) -> None:
    named: set[str] = set()
    for name in manifest.present(folder):
        try:
            named.update(manifest.read(folder / name, log.server_keys()).objects)
        except BackupError:
            return
    for path in (folder / manifest.OBJECTS).glob("*.age"):
        if path.stem not in named:
            path.unlink(missing_ok=True)
