"""``manage.py load_catalog``: fill the reference data; run it as often as you like."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from complaints.services import reference_data


class Command(BaseCommand):
    """Loads what is missing; what administrators edited stays, unless --overwrite."""

    help = "Load categories, kinds, provinces, bodies and elections from complaints/data/catalog."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --overwrite."""
        parser.add_argument("--overwrite", action="store_true", help="Put the files' texts over edited ones.")

    def handle(self, *args: Any, overwrite: bool = False, **options: Any) -> None:
        """Load and report."""
        gained = reference_data.load(overwrite=overwrite)
        self.stdout.write(", ".join(f"{name}: {count} new" for name, count in gained.items()))
