"""``manage.py rotate_worker_key``: replace the worker's key pair, once a week; earlier ones are kept for eight days.

It may run twice in a row: what reporters sealed meanwhile stays openable.
"""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from complaints.adapters import private_file
from complaints.services.evidence import worker_key


class Command(BaseCommand):
    """Writes the environment file; every process has to be restarted afterwards, those that run jobs first."""

    help = "Replace the worker's key in the environment file; what waits for earlier keys stays openable for a week."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.WORKER_PRIVATE_KEY:
            raise CommandError(
                "This node has only the public half of the worker's key, and must not get a private one. Run it on the "
                "node that runs the jobs, and bring the line that it prints."
            )
        previous = ",".join(worker_key.previous_after(timezone.localdate()))
        secret, public = worker_key.new_keys()
        try:
            # The earlier keys first: whatever ends this run, no key is lost.
            private_file.put(settings.ENV_FILE, "WORKER_PREVIOUS_KEYS", previous)
            private_file.put(settings.ENV_FILE, "WORKER_PRIVATE_KEY", secret)
            private_file.put(settings.ENV_FILE, "WORKER_PUBLIC_KEY", public)
        except OSError as error:
            raise CommandError(f"{settings.ENV_FILE} cannot be written: {error.strerror}.") from error
        self.stdout.write(
            f"The worker has a new key in {settings.ENV_FILE}. Put this line into every node, then restart them all:\n"
            f"WORKER_PUBLIC_KEY={public}"
        )
