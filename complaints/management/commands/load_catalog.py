"""``manage.py load_catalog``: load the reference data; it may run any number of times."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from complaints.services import reference_data


class Command(BaseCommand):
    """Adds what is missing; rows that administrators edited stay as they are without --overwrite."""

    help = "Load categories, kinds, provinces, bodies and elections from complaints/data/catalog."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="Put the files' texts over edited ones.")

    def handle(self, *args: object, overwrite: bool = False, **options: object) -> None:
        new_rows = reference_data.load(now=timezone.now(), overwrite=overwrite)
        self.stdout.write(", ".join(f"{name}: {count} new" for name, count in new_rows.items()))
