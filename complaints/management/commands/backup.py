"""``manage.py backup``: make an encrypted backup of database and evidence; record a rehearsal of a restoration."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from complaints.adapters.age_files import AgeError, recipients
from complaints.adapters.postgresql_dump import DumpError
from complaints.services.backup import making, restoring
from complaints.services.backup.manifest import BackupError


class Command(BaseCommand):
    """Exit status 1: nothing was made, or the storage lacked objects that rows name."""

    help = "Make a backup that only the holders of the private keys of BACKUP_RECIPIENTS can open, and delete old ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="Folder of all backups, on another machine's disk.")
        parser.add_argument("--rehearsed", metavar="LINE", help="Record the line that a rehearsed restoration printed.")

    def handle(
        self,
        *args: object,
        folder: Path | None = None,
        rehearsed: str | None = None,
        **options: object,
    ) -> None:
        try:
            if rehearsed:
                day = restoring.record_rehearsal(rehearsed, now=timezone.now())
                self.stdout.write(f"Recorded the rehearsal of {day.isoformat()}.")
                return
            self._make(folder)
        except (AgeError, BackupError, DumpError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"No backup was made: {error.strerror or error}.") from error

    def _make(self, folder: Path | None) -> None:
        if folder is None:
            raise CommandError("Name the folder of the backups.")
        if settings.BACKUP_KEEP_DAYS < 1:
            raise CommandError("BACKUP_KEEP_DAYS: a backup is kept for one day at least.")
        keys = recipients(settings.BACKUP_RECIPIENTS)
        if not keys:
            raise CommandError("Set BACKUP_RECIPIENTS to the public keys of those who may open a backup (age1…).")
        made = making.make(folder, recipients=keys, now=timezone.now())
        self.stdout.write(f"Backup {made.manifest.name}: database, {made.new_objects} new objects.")
        for name in made.deleted:
            self.stdout.write(f"Deleted {name}, which was older than {settings.BACKUP_KEEP_DAYS} days.")
        if made.manifest.missing:
            raise CommandError(
                f"The evidence storage lacks {len(made.manifest.missing)} objects that rows name: run evidence_check."
            )
