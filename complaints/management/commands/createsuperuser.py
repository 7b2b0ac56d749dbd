"""``manage.py createsuperuser``: Django's command, in whose place it stands, and an entry in the audit chain.

Without the entry ``audit_verify`` names the account: an account that somebody wrote into the database looks the same.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction
from django.utils import timezone

from complaints.models.team import Staff
from complaints.services.team_keys import personal


class Command(createsuperuser.Command):
    """Takes the same options, and records each account that it makes."""

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        present = set(Staff.objects.values_list("pk", flat=True))
        super().handle(*args, **options)
        for staff in Staff.objects.exclude(pk__in=present):
            personal.record_change(staff=staff, change="made", before="", now=timezone.now())
