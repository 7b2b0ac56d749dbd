"""``manage.py restore``: restore a backup into an empty database and storage, and verify all of it."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from complaints.adapters.age_files import AgeError, identities
from complaints.adapters.postgresql_dump import DumpError
from complaints.services.audit import log, recorded_restorations
from complaints.services.backup import restoring
from complaints.services.backup.manifest import BackupError
from complaints.services.erasure import listed
from complaints.services.erasure.listed import ErasureList, ListRefused

_NO_LIST = (
    "Name the list of erasures that left the machine with the heads: --heads or --erasures. Without it, reports that "
    "were erased since the backup could be read again. A portal that has erased nothing gives an empty file."
)


class Command(BaseCommand):
    """Exit status 0: everything is as it was. 1: refused, or a line for each difference."""

    help = "Restore a backup into an empty database and an empty evidence storage, and verify it whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="Folder of all backups.")
        parser.add_argument("--name", default="", help="Day of the backup; the newest where it is not given.")
        parser.add_argument("--identity", type=Path, required=True, help="File of the private key of age.")
        parser.add_argument(
            "--heads", type=Path, help="Heads and list of erasures that left the machine, to compare and to apply."
        )
        parser.add_argument(
            "--erasures", type=Path, help="The list of erasures, where it is in another file; an empty one for none."
        )

    def handle(
        self,
        *args: object,
        folder: Path,
        identity: Path,
        name: str = "",
        heads: Path | None = None,
        erasures: Path | None = None,
        **options: object,
    ) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Backups are restored into PostgreSQL: set DATABASE_ADMIN_URL to an empty database.")
        if heads is None and erasures is None:
            raise CommandError(_NO_LIST)
        try:
            published = _heads(heads) if heads else []
            gone = _erasures([path for path in (heads, erasures) if path])
            listed.demand_whole(gone, heads=published)
            backup = restoring.restore(folder, name=name, identities=identities(identity))
        except (AgeError, BackupError, DumpError, ListRefused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Nothing was restored: {error.strerror or error}.") from error
        if faults := list(restoring.faults(backup, heads=published)):
            raise CommandError("\n".join([*faults, "Do not serve this portal."]))
        again, lost = _erase_again(gone, published)
        restoring.finish()
        held = len(backup.objects)
        self.stdout.write(f"Restored {backup.name}: {backup.sequence} entries of the chain, {held} objects, all whole.")
        self.stdout.write(f"The list names {len(gone.lines)} erasures; {again} reports were erased again.")
        if lost > backup.sequence:
            self.stdout.write(f"Lost are at least {lost - backup.sequence} entries that came after the backup.")
        self.stdout.write("Next: manage.py database_roles. If this was a rehearsal, tell the portal:")
        self.stdout.write(f'manage.py backup --rehearsed "{restoring.rehearsal_line(backup, now=timezone.now())}"')


def _erase_again(gone: ErasureList, published: list[log.Head]) -> tuple[int, int]:
    """Begin an era and erase what was erased since the backup, before anybody is served; where it fails the mark stays.

    Returns how many reports were erased and the number of the newest entry that was lost, 0 where none is known.
    """
    now, until = timezone.now(), gone.until
    try:
        listed.demand_of_chain(gone)
        restoration = recorded_restorations.record(
            heads=published, lost=until.sequence, list_era=until.era, erasures=len(gone.lines), now=now
        )
        again = listed.apply(gone.lines, now=now)
    except ListRefused as error:
        raise CommandError(f"{error} Do not serve this portal.") from error
    except OSError as error:
        raise CommandError("An object of an erased report was not deleted. Do not serve this portal.") from error
    if faults := restoring.chain_faults(published):
        raise CommandError("\n".join([*faults, "Do not serve this portal."]))
    return again, restoration.lost


def _erasures(paths: list[Path]) -> ErasureList:
    text = "\n".join(path.read_text(encoding="ascii") for path in paths)
    try:
        return listed.parse(text)
    except ValueError as error:
        raise CommandError(f"Line {error} of the list of erasures was cut, or is not signed by the server.") from error


def _heads(path: Path) -> list[log.Head]:
    try:
        return log.parse_heads(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise CommandError(f"{path} holds something else than heads of the chain: {error}") from error
