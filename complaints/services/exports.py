"""Exports plaintext columns of many cases: for members of triage, limited in number and recorded in the audit chain."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from complaints import access
from complaints.models.case import Case, with_wait
from complaints.models.complaint import Complaint
from complaints.models.oversight import FURTHER, Release
from complaints.services import release_steps
from complaints.services.audit import recorded_lines
from complaints.services.keyring import Actor, Locked

AT_MOST: Final = 50_000
# Below this number of rows, somebody with local knowledge may identify a reporter.
FEW: Final = 5
# So many rows are read and held against the chain at once.
CHUNK: Final = 500


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
) -> tuple[int, Iterator[tuple[Case, bool]]]:
    """Record an export before its first byte; return the number of cases, and the cases by date of receipt.

    Each comes with whether it differs from what the chain records, so that nothing but its reference may be written,
    and with the short names of the bodies that have it beside the one that leads it (:func:`further_bodies`).

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
    related = recorded_lines.with_first(with_wait(cases)).select_related(
        "category", "accused_kind", "province", "lead_body", "assignee"
    )
    further = Release.objects.filter(FURTHER).select_related("body").order_by("at", "pk")
    related = related.prefetch_related(Prefetch("releases", further))
    # Cases received since the count are left out: the audit entry says how many were exported.
    return number, _compared(related.order_by("received_on", "reference")[:number].iterator(CHUNK))


def record_figures(*, actor: Actor, filters: Mapping[str, str]) -> None:
    """Record that a sheet of figures with small cells is taken out; raises Locked outside of triage."""
    if not access.is_triage(actor.staff):
        raise Locked(actor.keyring.report_team)
    named = "+".join(f"{name}:{value}" for name, value in sorted(filters.items()))
    actor.record("figures.printed", facts={"filters": named})


def further_bodies(case: Case) -> list[str]:
    """Return the short names of the bodies that have a case of :func:`export` beside the one that leads it.

    The releases of such a case are fetched for this: they are the further ones alone.
    """
    return [release.body.short_name for release in case.releases.all()]


def _compared(cases: Iterable[Case]) -> Iterator[tuple[Case, bool]]:
    rows = iter(cases)
    while some := list(islice(rows, CHUNK)):
        differing = set(recorded_lines.differing(some)) | _differing_further(some)
        yield from ((case, case.pk in differing) for case in some)


def _differing_further(cases: Collection[Case]) -> set[uuid.UUID]:
    """Return the cases with a further release of which the steps are not as recorded."""
    further = [release for case in cases for release in case.releases.all()]
    histories = release_steps.read(further)
    return {release.case_id for release in further if not histories[release.pk].is_recorded}
