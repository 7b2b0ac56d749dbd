"""Rows whose content only the holder of a cookie can open, delays at the staff's login, the pulse of jobs."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models


class SealedSessionQuerySet(models.QuerySet["SealedSession"]):
    """Sessions by what is visible of them: the day on which they end at the latest; for staff also whose."""

    def expired(self, today) -> SealedSessionQuerySet:  # type: ignore[no-untyped-def]
        """Sessions whose last day is over."""
        return self.filter(expires_on__lt=today)

    def signed_in_since(self, moment: datetime) -> SealedSessionQuerySet:
        """Sessions of staff that began after ``moment``, newest first."""
        return self.filter(began_at__gt=moment).order_by("-began_at", "pk")


class SealedSession(models.Model):
    """A staff or reporter session. Its id and its key are both derived from the cookie, which is stored nowhere."""

    id = models.CharField(primary_key=True, max_length=64)
    data = models.BinaryField()
    # A whole day: the exact end stands inside, because a reporter's hour is nobody's business.
    expires_on = models.DateField(db_index=True)
    # Staff only, from their password on, so that their sessions can be ended; a reporter's row has neither.
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    # When the person was signed in; none before the second factor.
    began_at = models.DateTimeField(null=True)

    objects = SealedSessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(began_at__isnull=True) | models.Q(staff__isnull=False),
                name="session_hour_of_staff",
            )
        ]

    def __str__(self) -> str:
        return self.id[:8]


class LoginDelay(models.Model):
    """Failed attempts at the staff's door under a keyed digest of account and source; forgotten within the hour."""

    id = models.CharField(primary_key=True, max_length=64)
    failures = models.PositiveIntegerField(default=0)
    # The next attempt is taken from then on.
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.id[:8]


class Heartbeat(models.Model):
    """The last sign of life that went through the job queue; the watchdog outside the cluster reads it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    beat_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="heartbeat_single")]

    def __str__(self) -> str:
        return self.beat_at.isoformat()
