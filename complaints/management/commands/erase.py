"""``manage.py erase``: go on with each erasure that two people have entered, until it is done or something stops it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from complaints.services.erasure import erasing


class Command(BaseCommand):
    """Run by a timer, as a database role of its own. Exit status 1: the evidence storage kept an object."""

    help = "Erase the reports of which two people have entered that they are erased."

    def handle(self, *args: object, **options: object) -> None:
        try:
            done = erasing.work(now=timezone.now())
        except OSError as error:
            raise CommandError(
                "The evidence storage kept objects of an erased report; the next run goes on."
            ) from error
        self.stdout.write(f"Erased: {done}.")
