"""``manage.py evidence_check``: name the stored objects that the storage lacks, and count the files by their state."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from complaints.services import retention
from complaints.services.evidence import processing


class Command(BaseCommand):
    """Exit status 1: objects are missing."""

    help = (
        "Names stored objects that are missing, and ends with status 1 where there are any. Counts the files that wait "
        "for their working copies and those without one. Deletes nothing."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            missing = retention.missing_objects()
        except OSError as error:
            raise CommandError("The evidence storage does not answer.") from error
        for name in missing:
            self.stdout.write(name)
        for label, number in processing.counts():
            self.stdout.write(f"{label}: {number}")
        if missing:
            raise CommandError(f"Missing objects: {len(missing)}")
        self.stdout.write("No object is missing.")
