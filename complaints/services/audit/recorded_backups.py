"""What the chain records of backups: on which day one was made, and when one was last restored as a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import log

MADE: Final = "backup.made"
REHEARSED: Final = "backup.rehearsed"
# A backup each night may fail once; a restoration is rehearsed each quarter.
MADE_EVERY: Final = timedelta(days=2)
REHEARSED_EVERY: Final = timedelta(days=92)


@dataclass(frozen=True)
class LastBackups:
    """On which days a backup was last made and last restored as a rehearsal, None for never, and what is overdue."""

    made_on: date | None
    rehearsed_on: date | None
    is_late: bool
    is_rehearsal_late: bool


def chain_end() -> tuple[int, bytes]:
    """Return number and digest of the chain's last entry; one query."""
    sequence, digest = ChainHead.objects.values_list("sequence", "digest").get(pk=1)
    return sequence, bytes(digest)


def record_made(*, digest: str, now: datetime) -> None:
    """Record that a backup was made, by the digest (hexadecimal) of its manifest."""
    with transaction.atomic():
        log.append(event=MADE, now=now, facts={"digest": digest})


def record_rehearsed(*, digest: str, day: date, now: datetime) -> bool:
    """Record that a backup was restored as a rehearsal on ``day``; return False where no entry says it was made.

    A rehearsal that is recorded already is not recorded again.
    """
    with transaction.atomic():
        log.lock_head()
        if not _entries(MADE, digest):
            return False
        if not any(entry.facts.get("day") == day.isoformat() for entry in _entries(REHEARSED, digest)):
            log.append(event=REHEARSED, now=now, facts={"digest": digest, "day": day.isoformat()})
    return True


def _entries(event: str, digest: str) -> list[AuditEntry]:
    entries = AuditEntry.objects.filter(event=event, facts__digest=digest)
    return [entry for entry in entries if log.is_signed_by_server(entry)]


def last_days(*, today: date) -> LastBackups:
    """Return when a backup was last made and rehearsed; two queries."""
    made_on, rehearsed_on = last_day_of(MADE), last_day_of(REHEARSED)
    return LastBackups(
        made_on,
        rehearsed_on,
        is_late=made_on is None or today - made_on > MADE_EVERY,
        is_rehearsal_late=rehearsed_on is None or today - rehearsed_on > REHEARSED_EVERY,
    )


def last_day_of(event: str) -> date | None:
    """Return the day on which a backup was last made (MADE) or rehearsed (REHEARSED), None for never; one query."""
    for entry in AuditEntry.objects.filter(event=event).order_by("-sequence")[:1]:
        if log.is_signed_by_server(entry):
            return date.fromisoformat(str(entry.facts.get("day") or timezone.localdate(entry.at).isoformat()))
    return None
