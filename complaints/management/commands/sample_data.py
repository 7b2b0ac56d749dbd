"""``manage.py sample_data``: sixty fictional reports in every state, to try the portal."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from complaints.services.samples import people, play


class Command(BaseCommand):
    """Does nothing where there are reports already; refuses outside sample mode."""

    help = "Make the sample reports (needs setup_keys --sample before)."

    def handle(self, *args: object, **options: object) -> None:
        path = settings.VAR_DIR / "sample.json"
        try:
            count = play.load(now=timezone.now(), into=path)
        except people.SamplesRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{count} sample reports made; accounts and codes in {path}" if count else "No samples needed"
        )
