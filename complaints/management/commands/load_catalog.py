"""``manage.py load_catalog``: load the reference data; it may run any number of times."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from complaints.services import reference_data


class Command(BaseCommand):
    """Adds and updates rows; what administrators edited stays as it is without --overwrite."""

    help = "Load categories, kinds, provinces, bodies and elections from complaints/data/catalog."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="Put the files' texts over edited ones.")

    def handle(self, *args: object, overwrite: bool = False, **options: object) -> None:
        report = reference_data.load(now=timezone.now(), overwrite=overwrite, sample=reference_data.sample_mode())
        for name, count in report.created.items():
            self.stdout.write(f"{name}: {count} new, {report.updated[name]} updated")
        for conflict in report.conflicts:
            self.stdout.write(f"changed by the update and edited here; the edit stays: {conflict}")
        for key in report.rules.conflicts:
            self.stdout.write(f"rule changed by the update and changed here; the change stays: {key}")
        for key in report.rules.left_out:
            self.stdout.write(f"change of a rule that does not fit the update and is left out: {key}")
