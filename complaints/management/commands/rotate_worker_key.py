"""``manage.py rotate_worker_key``: replace the worker's key pair, once a week; the previous one is kept for a week."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from complaints.adapters import private_file
from complaints.services.evidence import worker_key


class Command(BaseCommand):
    """Writes the environment file; every process has to be restarted afterwards."""

    help = "Replace the worker's key in the environment file; what waits for the key before stays openable for a week."

    def handle(self, *args: object, **options: object) -> None:
        secret, public = worker_key.new_keys()
        private_file.put(settings.ENV_FILE, "WORKER_PREVIOUS_KEYS", settings.WORKER_PRIVATE_KEY)
        private_file.put(settings.ENV_FILE, "WORKER_PRIVATE_KEY", secret)
        private_file.put(settings.ENV_FILE, "WORKER_PUBLIC_KEY", public)
        self.stdout.write(
            f"The worker has a new key in {settings.ENV_FILE}. Put this line into every node, then restart them all:\n"
            f"WORKER_PUBLIC_KEY={public}"
        )
