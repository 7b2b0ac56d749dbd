"""``manage.py sample_data``: sixty fictional reports in every state, for a portal that is tried out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from complaints.services.samples import people, play


class Command(BaseCommand):
    """Does nothing where there are reports already; refuses outside of sample mode."""

    help = "Make the sample reports (needs setup_keys --sample before)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them and say how many. Raises CommandError where samples are refused."""
        path = settings.VAR_DIR / "sample.json"
        try:
            made = play.load(now=timezone.now(), into=path)
        except people.SamplesRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{made} sample reports made; accounts and codes in {path}" if made else "No samples needed")
