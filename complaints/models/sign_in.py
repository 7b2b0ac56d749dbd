"""What went wrong at the door of the staff and what was changed there, counted by day; accounts that wait for an
administrator's confirmation."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

# Stands for every name that no account has: a row for each would tell what strangers typed.
UNKNOWN_ACCOUNT = uuid.UUID(int=0)
# Older counts are deleted.
COUNTS_KEPT: Final = timedelta(days=400)


class SigninCountQuerySet(models.QuerySet["SigninCount"]):
    """Filters on clear columns."""

    def refused(self) -> SigninCountQuerySet:
        """Counts of refused sign-ins, without those of changes."""
        return self.filter(kind__in=REFUSED)

    def unrecorded(self, today: date) -> SigninCountQuerySet:
        """Refused sign-ins of days before ``today`` of which the audit chain does not know yet."""
        return self.refused().filter(day__lt=today, n__gt=F("recorded"))


class SigninCount(models.Model):
    """How often something happened to an account on a day: refused sign-ins, and changes of how a person signs in.

    It holds neither a source nor an hour.
    """

    class Kind(models.TextChoices):
        PASSWORD = "password", _("wrong passwords")
        CODE = "code", _("wrong codes")
        ADDRESS = "address", _("attempts during a delay")
        FACTOR_ADDED = "factor_added", _("second factor added")
        FACTOR_REMOVED = "factor_removed", _("second factor removed")
        FACTOR_RESET = "factor_reset", _("second factor reset by an administrator")
        CODES_MADE = "codes_made", _("recovery codes made")
        PASSWORD_CHANGED = "password_changed", _("password changed")
        PASSWORD_RESET = "password_reset", _("password reset by an administrator")

    # No foreign key: the same statement counts for a person and for UNKNOWN_ACCOUNT, at the same cost.
    account = models.UUIDField()
    day = models.DateField()
    kind = models.CharField(max_length=16, choices=Kind)
    n = models.PositiveIntegerField()
    # How many of ``n`` the person was told of at a sign-in, and how many the audit chain knows.
    notified = models.PositiveIntegerField(default=0)
    recorded = models.PositiveIntegerField(default=0)
    # Whether the administrators were told of the account's day.
    is_mailed = models.BooleanField(default=False)

    objects = SigninCountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day", "kind"], name="signin_count_once"),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=[
                        "password",
                        "code",
                        "address",
                        "factor_added",
                        "factor_removed",
                        "factor_reset",
                        "codes_made",
                        "password_changed",
                        "password_reset",
                    ]
                ),
                name="signin_count_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.n}"


REFUSED = (SigninCount.Kind.PASSWORD, SigninCount.Kind.CODE, SigninCount.Kind.ADDRESS)


class AccountConfirmation(models.Model):
    """An account that stays closed until another administrator than those who asked has confirmed it.

    The confirming administrator is shown a code and hands it to the person, who gives it after the password. The row is
    deleted then.
    """

    class Cause(models.TextChoices):
        PASSWORD = "password", _("new initial password")
        FACTOR = "factor", _("second factor reset")
        ADMIN = "admin", _("made an administrator")

    staff = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="confirmation"
    )
    cause = models.CharField(max_length=8, choices=Cause)
    # The ids of all administrators who asked since the last confirmation that was used: none of them can confirm.
    askers = models.JSONField(default=list)
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    # A digest of the code, 125 bits of which cannot be searched through.
    code_digest = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cause__in=["password", "factor", "admin"]), name="confirmation_cause"
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True, code_digest__isnull=True)
                | models.Q(confirmed_at__isnull=False, code_digest__isnull=False),
                name="confirmation_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} {self.cause}"
