"""Rows whose content only the holder of a cookie can open, and the pulse of the job cluster."""

from __future__ import annotations

from django.db import models


class SealedSessionQuerySet(models.QuerySet["SealedSession"]):
    """Sessions by what is visible of them: the day on which they end at the latest."""

    def expired(self, today) -> SealedSessionQuerySet:  # type: ignore[no-untyped-def]
        """Sessions whose last day is over."""
        return self.filter(expires_on__lt=today)


class SealedSession(models.Model):
    """A staff or reporter session. Its id and its key are both derived from the cookie, which is stored nowhere."""

    id = models.CharField(primary_key=True, max_length=64)
    data = models.BinaryField()
    # A whole day: the exact end stands inside, because a reporter's hour is nobody's business.
    expires_on = models.DateField(db_index=True)

    objects = SealedSessionQuerySet.as_manager()

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
