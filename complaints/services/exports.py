"""Exports plaintext columns of many cases: for members of triage, limited in number and recorded in the audit chain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.models.case import Case, with_wait
from complaints.models.complaint import Complaint
from complaints.services.actor import Actor
from complaints.services.keyring import Locked

AT_MOST: Final = 50_000
# Below this number of rows, somebody with local knowledge may identify a reporter.
FEW: Final = 5
CHUNK: Final = 2000


class TooManyCases(Exception):
    """More than AT_MOST cases; nothing was exported."""


def indexed_cases(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Leave out cases with a report that was not indexed: conflicts of interest in them are not known yet."""
    return cases.exclude(pk__in=Complaint.objects.filter(index_entry=None).values("case"))


def count(cases: QuerySet[Case]) -> int:
    """Return how many cases an export would hold; AT_MOST + 1 means more than AT_MOST."""
    return int(cases.order_by().values("pk")[: AT_MOST + 1].count())


@transaction.atomic
def export(
    *, actor: Actor, cases: QuerySet[Case], columns: Collection[str], filters: Mapping[str, str], form: str, reason: str
) -> tuple[int, Iterator[Case]]:
    """Record an export before its first byte; return the number of cases, and the cases by date of receipt.

    ``cases`` are those of ``access.cases_for``, narrowed by ``filters`` (codes of values by codes of filters); those
    that are not indexed are left out. Raises Locked outside of triage, and TooManyCases.
    """
    if not access.is_triage(actor.staff):
        raise Locked(actor.keyring.report_team)
    actor.keyring.keys_of(actor.keyring.report_team)
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
    related = with_wait(cases).select_related("category", "accused_kind", "province", "lead_body", "assignee")
    # Cases received since the count are left out: the audit entry says how many were exported.
    return number, related.order_by("received_on", "reference")[:number].iterator(CHUNK)
