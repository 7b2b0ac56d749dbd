"""``manage.py evidence_retry``: let files that could not be read wait for an officer again."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils import timezone

from complaints.services.evidence import processing


class Command(BaseCommand):
    """It opens no file: that takes an officer's key, on the page of the case."""

    help = "Lets each file of which no working copy could be made wait for an officer again; recorded in the chain."

    def handle(self, *args: object, **options: object) -> None:
        count = processing.retry_failed(now=timezone.now())
        self.stdout.write(f"Files that wait for an officer again: {count}")
