"""``manage.py evidence_check``: name the stored objects that rows refer to and the storage lacks."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from complaints.services import retention


class Command(BaseCommand):
    """Exit status 1: objects are missing."""

    help = "Names stored objects that are missing; ends with status 1 where there are any. Deletes nothing."

    def handle(self, *args: object, **options: object) -> None:
        try:
            missing = retention.missing_objects()
        except OSError as error:
            raise CommandError("The evidence storage does not answer.") from error
        for name in missing:
            self.stdout.write(name)
        if missing:
            raise CommandError(f"Missing objects: {len(missing)}")
        self.stdout.write("No object is missing.")
