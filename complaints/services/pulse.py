"""Signs of life of the job cluster, for the watchdog outside of it."""

from __future__ import annotations

from datetime import datetime

from complaints.models.session import Heartbeat
from complaints.services import attempts


def beat(*, now: datetime) -> None:
    """Record that a job has passed through the queue; drop what the login remembers of sources, minutes old."""
    attempts.forget(now=now)
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now})


def last_beat() -> datetime | None:
    """Return when a job last passed, or None."""
    return Heartbeat.objects.values_list("beat_at", flat=True).filter(pk=1).first()
