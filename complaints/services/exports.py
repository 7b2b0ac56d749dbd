"""Taking clear columns of many cases out of the house: for members of triage, counted and written into the chain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Team
from complaints.services.actor import Actor
from complaints.services.keyring import Locked
from complaints.services.team_key_history import pinned_team

AT_MOST: Final = 50_000
# So few rows that somebody who knows the place may guess whose they are.
FEW: Final = 5
CHUNK: Final = 2000


class TooManyCases(Exception):  # noqa: N818  said to an officer, not a fault of the program
    """More cases than one export takes; nothing was exported."""


def indexed_cases(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Return the cases less those of which a report was not compared with the officers: its conflicts are not known."""
    return cases.exclude(pk__in=Complaint.objects.filter(is_indexed=False).values("case"))


def count(cases: QuerySet[Case]) -> int:
    """Return how many cases an export would hold, AT_MOST + 1 standing for more."""
    return int(cases.order_by().values("pk")[: AT_MOST + 1].count())


@transaction.atomic
def export(
    *,
    actor: Actor,
    cases: QuerySet[Case],
    columns: Collection[str],
    filters: Mapping[str, str],
    form: str,
    reason: str,
) -> tuple[int, Iterator[Case]]:
    """Record an export before its first byte, and return how many cases it holds, and the cases.

    Args:
        cases: from ``access.cases_for``, narrowed by ``filters`` (codes by code); what is not :func:`indexed_cases` stays here.
        columns, form, reason: codes; the chain takes them as they are.

    Raises:
        Locked: the person was not admitted to triage, or their key is not open.
        TooMany: narrow it first.
    """
    if not access.is_triage(actor.staff):
        raise Locked(Team.Kind.TRIAGE)
    actor.keyring.team(pinned_team(Team.Kind.TRIAGE))
    cases = indexed_cases(cases)
    number = count(cases)
    if number > AT_MOST:
        raise TooManyCases
    facts = {
        "count": number,
        "columns": "+".join(columns),
        "filters": "+".join(f"{name}:{value}" for name, value in sorted(filters.items())),
        "format": form,
        "reason": reason,
    }
    actor.record("cases.exported", facts=facts)
    related = cases.select_related("category", "accused_kind", "province", "lead_body", "assignee")
    # No more than were counted: what comes in meanwhile is no part of what the chain speaks of.
    return number, related.order_by("received_on", "reference")[:number].iterator(CHUNK)
