"""Reading out of the chain what it says of one case; for the custody sheet. It verifies nothing."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.team import Staff


@dataclass(frozen=True)
class Recorded:
    """One entry: its number and digest (hexadecimal) in the chain, and what it says."""

    sequence: int
    digest: str
    at: datetime
    event: str
    actor: uuid.UUID | None
    facts: dict[str, Any]


def recorded(*, case: uuid.UUID, events: Collection[str]) -> list[Recorded]:
    """Return a case's entries of these kinds, in order."""
    rows = AuditEntry.objects.filter(case=case, event__in=events).order_by("sequence")
    return [Recorded(row.sequence, bytes(row.digest).hex(), row.at, row.event, row.actor, row.facts) for row in rows]


def was_recorded(*, case: uuid.UUID, event: str, actor: Staff | None, day: date) -> bool:
    """Whether a person's act on a case stands in the chain for ``day`` (of the portal's time zone)."""
    actor_id = actor.pk if actor else None
    return AuditEntry.objects.filter(case=case, event=event, actor=actor_id, at__date=day).exists()


def head() -> tuple[int, str]:
    """Return the number and the digest (hexadecimal) of the chain's last entry."""
    row = ChainHead.objects.get(pk=1)
    return row.sequence, bytes(row.digest).hex()
