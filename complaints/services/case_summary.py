"""Reads the one-line summaries of a list of cases for an admitted member of triage."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, UUIDField, Value

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record
from complaints.models.case import Assessment, Case
from complaints.models.complaint import Complaint, KeyGrant
from complaints.services import assessments, blind_index
from complaints.services.audit import recorded_acts, recorded_index
from complaints.services.keyring import Actor, Locked
from complaints.services.team_key_history import UnpinnedKey


def summaries(*, actor: Actor, cases: Iterable[Case], urgent: set[uuid.UUID] | None = None) -> dict[uuid.UUID, str]:
    """Return the sealed one-line summaries of a page of cases, by case; "" where this person cannot open one.

    It is "" too where the index of a report is not as recorded: the report may name this person unnoticed.

    New reports are indexed first. A case is missing from the result where that showed that the person has a conflict
    of interest in it: the page must not display it. One audit entry records how many summaries were read.

    Args:
        urgent: receives the ids of cases with a reporter at high risk; costs no further query.
    """
    grants = _grants_to_read([case.pk for case in cases], with_risk=urgent is not None)
    grants = grants.annotate(reader=Value(actor.staff.pk, UUIDField())).annotate(**recorded_index.GRANT_INDEX)
    complaints: dict[uuid.UUID, Complaint] = {}
    pairs: dict[uuid.UUID, BoxPair] = {}
    for grant in grants if urgent is None else assessments.with_last_risk(grants):
        if grant.complaint is None:
            continue
        complaint = complaints.setdefault(grant.complaint.pk, grant.complaint)
        complaint.has_index = grant.has_index  # type: ignore[attr-defined]
        if not recorded_index.has_recorded_index(grant):
            continue
        with suppress(Locked, SealError):
            pairs[complaint.pk] = actor.keyring.complaint(complaint, [grant])
            if urgent is not None and assessments.is_high_risk(
                grant, pair=pairs[complaint.pk], team=actor.keyring.report_team
            ):
                urgent.add(complaint.case_id)
    with suppress(Locked, SealError, UnpinnedKey):
        blind_index.index_reports(actor=actor, complaints=list(complaints.values()), pictures=False)
    lines: dict[uuid.UUID, str] = {}
    for complaint in complaints.values():
        if actor.keyring.has_conflict(complaint.case_id):
            lines.pop(complaint.case_id, None)
        else:
            lines.setdefault(complaint.case_id, _summary(complaint, pairs.get(complaint.pk)))
    if shown := sum(1 for line in lines.values() if line):
        actor.record("queue.opened", facts={"shown": shown})
    return lines


def _grants_to_read(case_ids: list[uuid.UUID], *, with_risk: bool) -> QuerySet[KeyGrant]:
    """Return the grants of the first report of each case, of those without an index and, on request, with a risk.

    The others of a case of hundreds of reports stay sealed: a line shows none of them.
    """
    of_case = Complaint.objects.filter(case=OuterRef("pk")).order_by("day", "pk")
    first = Case.objects.filter(pk__in=case_ids).values(first=Subquery(of_case.values("pk")[:1]))
    wanted = Q(complaint__in=first) | Q(has_index=False)
    if with_risk:
        wanted |= Q(Exists(Assessment.objects.filter(complaint=OuterRef("complaint"), kind=Assessment.Kind.RISK)))
    grants = KeyGrant.objects.filter(complaint__case__in=case_ids).annotate(has_index=recorded_acts.GRANT_HAS_INDEX)
    grants = grants.filter(wanted).order_by("complaint__day", "complaint")
    return grants.select_related("complaint").defer("complaint__sealed_answers")


def _summary(complaint: Complaint, pair: BoxPair | None) -> str:
    """Open the summary of a report; "" where there is no key pair or it does not open."""
    if pair is None:
        return ""
    context = Context("summary", str(complaint.pk), str(complaint.pk))
    try:
        signer = bytes(complaint.reporter_verify_key)
        return str(open_record(pair, complaint.sealed_summary, context, signer, sizes=(1024,)))
    except SealError:
        return ""
