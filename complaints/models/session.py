"""Sealed sessions, which only the holder of the cookie can open; forms that outlive them; login throttling; the
heartbeat of the job queue."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.db import models


class SealedSessionQuerySet(models.QuerySet["SealedSession"]):
    """Filters on clear columns."""

    def expired(self, today: date) -> SealedSessionQuerySet:
        """Sessions whose last day is over."""
        return self.filter(expires_on__lt=today)

    def signed_in_since(self, moment: datetime) -> SealedSessionQuerySet:
        """Sessions of staff that began after ``moment``, newest first."""
        return self.filter(began_at__gt=moment).order_by("-began_at", "pk")


class SealedSession(models.Model):
    """A session of staff or of a reporter. Its id and key are derived from the cookie, which is not stored."""

    id = models.CharField(primary_key=True, max_length=64)
    data = models.BinaryField()
    # A day only: the exact end is sealed, because no row may tell the hour of a reporter's act.
    expires_on = models.DateField(db_index=True)
    # The end of a reporter's session, sealed to the job worker, which deletes the row; None for staff.
    ends = models.BinaryField(null=True)
    # For staff from the password step on, so that their sessions can be ended; None for reporters.
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    # When the second factor was accepted; None before that.
    began_at = models.DateTimeField(null=True)

    objects = SealedSessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(began_at__isnull=True) | models.Q(staff__isnull=False), name="session_hour_of_staff"
            )
        ]

    def __str__(self) -> str:
        return self.id[:8]


class KeptForms(models.Model):
    """What a member of staff has ticked, typed or marked and not sent: one row a person, sealed to their own key."""

    staff = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    sealed = models.BinaryField()
    # From this day on the row is deleted.
    expires_on = models.DateField()

    def __str__(self) -> str:
        return str(self.pk)[:8]


class LoginDelay(models.Model):
    """Failed attempts to sign in, by a keyed digest of account and source; deleted within the hour."""

    id = models.CharField(primary_key=True, max_length=64)
    failures = models.PositiveIntegerField(default=0)
    # The next attempt is accepted from this time on.
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.id[:8]


class Heartbeat(models.Model):
    """The last heartbeat job: when it ran, and its node's key for files. A single row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    beat_at = models.DateTimeField()
    # The public half of the worker's key that the job runner has: other nodes compare theirs, and seal to their own.
    worker_key = models.BinaryField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="heartbeat_single")]

    def __str__(self) -> str:
        return self.beat_at.isoformat()
