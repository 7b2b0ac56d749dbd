"""``manage.py rotate_server_key``: replace the key with which the server signs the audit chain, while nothing runs."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Max

from complaints.adapters import private_file
from complaints.models.batch import Batch
from complaints.services.audit import log


class Command(BaseCommand):
    """Writes the environment file; every process has to be stopped before and started afterwards."""

    help = "Replace the server's signing key in the environment file; the earlier one counts for what it has signed."

    def handle(self, *args: object, **options: object) -> None:
        last, _digest = log.head()
        batch = Batch.objects.aggregate(last=Max("number"))["last"] or 0
        earlier = f"{last}:{batch}={log.server_signer().public.hex()}"
        keys = ",".join(filter(None, (settings.SERVER_VERIFY_KEYS_OLD, earlier if last else "")))
        seed, public = log.new_server_key()
        private_file.put(settings.ENV_FILE, "SERVER_VERIFY_KEYS_OLD", keys)
        private_file.put(settings.ENV_FILE, "SERVER_SIGNING_KEY", seed)
        self.stdout.write(
            f"The server signs with a new key, {public}. Put both lines of {settings.ENV_FILE} into every node, "
            f"SERVER_SIGNING_KEY and SERVER_VERIFY_KEYS_OLD, then start them:\nSERVER_VERIFY_KEYS_OLD={keys}"
        )
