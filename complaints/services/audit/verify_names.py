"""Verifies requests for reporters' names, and what bodies have read of them, against the entries of the chain."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.identity import NameRequest, ReadName
from complaints.services.audit.coverage import COVERAGE
from complaints.services.audit.faults import Fault, RowCheck
from complaints.services.audit.log import digest_of_columns
from complaints.services.audit.recorded_acts import NAME_CLOSED, NAME_READ, NAME_REQUESTED


def name_faults(complaint_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each report of which a request for the name, or what was read, is not as recorded."""
    for report in _altered(complaint_ids):
        with transaction.atomic():
            # Again without an act under way: each appends its entry after its rows.
            ChainHead.objects.select_for_update().get(pk=1)
            state = _altered([report]).get(report)
        if state is not None:
            yield Fault(None, "name.altered", f"complaint {report}", state)


def _altered(complaint_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the reports whose rows and entries differ, each with what only one of the two has."""
    stored, recorded = _stored(complaint_ids), _recorded(complaint_ids)
    differing = {report: stored[report] ^ recorded[report] for report in [*stored, *recorded]}
    return {report: min(lines)[:200] for report, lines in sorted(differing.items()) if lines}


def _stored(complaint_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, set[str]]:
    lines: dict[uuid.UUID, set[str]] = defaultdict(set)
    columns = COVERAGE["NameRequest"].recorded
    requests = NameRequest.objects.filter(complaint__in=complaint_ids)
    for report, pk, closed_on, *values in requests.values_list("complaint", "pk", "closed_on", *columns):
        lines[report].add(f"{pk}.{digest_of_columns(columns, values)}.{closed_on or ''}")
    columns = COVERAGE["ReadName"].recorded
    for report, body, *values in ReadName.objects.filter(complaint__in=complaint_ids).values_list(
        "complaint", "body", *columns
    ):
        lines[report].add(f"{body}.{digest_of_columns(columns, values)}")
    return lines


def _recorded(complaint_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, set[str]]:
    lines: dict[uuid.UUID, set[str]] = defaultdict(set)
    requested: dict[tuple[uuid.UUID, str], str] = {}
    closed: dict[str, str] = {}
    entries = AuditEntry.objects.filter(subject__in=complaint_ids, event__in=(NAME_REQUESTED, NAME_CLOSED, NAME_READ))
    for report, event, at, facts in entries.order_by("sequence").values_list("subject", "event", "at", "facts"):
        if report is None or not isinstance(facts, dict):
            continue
        if event == NAME_READ:
            lines[report].add(f"{facts.get('body')}.{facts.get('row')}")
        elif event == NAME_CLOSED:
            closed[str(facts.get("request"))] = timezone.localdate(at).isoformat()
        else:
            requested[report, str(facts.get("request"))] = str(facts.get("row"))
    for (report, request), digest in requested.items():
        lines[report].add(f"{request}.{digest}.{closed.get(request, '')}")
    return lines


CHECKS: Final = (RowCheck("names", lambda scope: scope.reports(), name_faults),)
