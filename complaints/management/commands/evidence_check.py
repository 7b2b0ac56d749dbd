"""Compare rows and stored objects and say which are missing; deletes nothing. For the operator, and after a restore."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from complaints.services import retention


class Command(BaseCommand):
    """Names objects that a row speaks of and the storage does not have."""

    help = "Names stored objects that are missing; ends with status 1 where there are any. Deletes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one name a line.

        Raises:
            CommandError: objects are missing, or the storage does not answer.
        """
        try:
            missing = retention.missing_objects()
        except OSError as error:
            raise CommandError("The evidence storage does not answer.") from error
        for name in missing:
            self.stdout.write(name)
        if missing:
            raise CommandError(f"Missing objects: {len(missing)}")
        self.stdout.write("No object is missing.")
