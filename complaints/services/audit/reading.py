"""Reading out of the chain what it says of one case; for the custody sheet. It verifies nothing."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

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


def recorded_today(event: str, actor: Staff | None, day: date, *, case: str = "pk") -> Exists:
    """Return the condition that a person's act stands in the chain for ``day`` (portal time).

    Args:
        case: the column of the query that names the case.
    """
    actor_id = actor.pk if actor else None
    return Exists(AuditEntry.objects.filter(case=OuterRef(case), event=event, actor=actor_id, at__date=day))


def last_of(event: str) -> Recorded | None:
    """Return the newest entry of a kind."""
    row = AuditEntry.objects.filter(event=event).order_by("-sequence").first()
    if row is None:
        return None
    return Recorded(row.sequence, bytes(row.digest).hex(), row.at, row.event, row.actor, row.facts)


def last_days(*, actors: Collection[uuid.UUID], events: Collection[str]) -> dict[uuid.UUID, date]:
    """Return the last day (of the portal's time zone) on which each of these people did one of these acts."""
    rows = AuditEntry.objects.filter(actor__in=actors, event__in=events).order_by().values("actor")
    found = rows.annotate(last=Max("at")).values_list("actor", "last")
    return {actor: timezone.localdate(last) for actor, last in found if actor is not None}


def head() -> tuple[int, str]:
    """Return the number and the digest (hexadecimal) of the chain's last entry."""
    row = ChainHead.objects.get(pk=1)
    return row.sequence, bytes(row.digest).hex()
