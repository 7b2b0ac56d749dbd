"""Which reports are due for erasure, and who agrees to it: one officer proposes, another one confirms or refuses.

The retention page shows what is due as a dry run; nothing here erases. A confirmed erasure is carried out by a job,
which asks again what stops it (services.erasure.obstacles).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from complaints import access
from complaints.domain import retention_periods
from complaints.domain.retention_periods import PERIODS, RUNS_IN, ErasureDays
from complaints.domain.workflow import Status
from complaints.models.case import Case, CaseKind
from complaints.models.complaint import Complaint
from complaints.models.erasure import Erasure
from complaints.models.oversight import Release, ReleasedReport
from complaints.models.team import Staff
from complaints.services import case_membership, erasure_days
from complaints.services.audit import erasure_decisions, log, recorded_acts, recorded_lines
from complaints.services.audit.erasure_decisions import Answer, ErasureRequest
from complaints.services.audit.recorded_erasures import CONFIRMED, PROPOSED, REFUSED, decision_facts
from complaints.services.erasure import obstacles
from complaints.services.erasure.obstacles import Obstacle
from complaints.services.keyring import Actor, require_admission
from complaints.services.messages import write_note
from complaints.services.transitions import CaseChanged

Ground = Erasure.Ground
State = Erasure.State
# Grounds that wait for no day: somebody asked for it, or a court ordered it.
AT_ANY_TIME: Final = frozenset({Ground.REQUEST, Ground.COURT})
# So many reports are listed, and proposed or confirmed by one act.
LISTED: Final = 50


class ErasureRefused(Exception):
    """Nothing was written. ``code``: a value of Obstacle, or due, proposed, decided, same_person, reason, request."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class DueReport:
    """A report of the dry run: on which ground and by which rule it is due, and what stops it now."""

    complaint: Complaint
    ground: Ground
    days: ErasureDays
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True)
class ProposedErasure:
    """A proposal that waits, with what stops it now and the days of its rule; None for a ground without one."""

    erasure: Erasure
    complaint: Complaint
    days: ErasureDays | None
    obstacles: tuple[Obstacle, ...]


# --- What is due ------------------------------------------------------------------------------------------------------


def _reports(person: Staff) -> QuerySet[Complaint]:
    """Return the real reports and inquiries that a person may see, with their cases and whether a body got them."""
    got = ReleasedReport.objects.filter(complaint=OuterRef("pk")).exclude(release__state=Release.State.RECALLED)
    cases = access.files_for(person).values("pk")
    reports = Complaint.objects.filter(case__in=cases).select_related("case").annotate(was_forwarded=Exists(got))
    return reports.none() if person.practising or not access.is_triage(person) else reports


def due_reports(person: Staff, today: date) -> QuerySet[Complaint]:
    """Return the reports whose period is over and whose erasure nobody has proposed, by the columns of their cases."""
    is_due, since = Q(), {rule: erasure_days.latest_start(rule, today) for rule in PERIODS}
    for rule, is_inquiry, was_forwarded in product(PERIODS, (False, True), (False, True)):
        statuses = _statuses(rule, is_inquiry=is_inquiry, was_forwarded=was_forwarded)
        kind = CaseKind.INQUIRY if is_inquiry else CaseKind.REPORT
        of_case = Q(case__kind=kind, case__status__in=statuses, case__status_on__lte=since[rule])
        is_due |= of_case & Q(was_forwarded=was_forwarded)
    # For an index: no period has ended of a case that came to where it stands later, or that is blank.
    kept = {"case__status__in": sorted(RUNS_IN), "case__status_on__lte": max(since.values())}
    rows = Erasure.objects.filter(complaint_id=OuterRef("pk")).exclude(state=State.REFUSED)
    return _reports(person).filter(is_due, case__category__isnull=False, **kept).filter(~Exists(rows))


def _statuses(rule: str, *, is_inquiry: bool, was_forwarded: bool) -> list[str]:
    def period(status: Status) -> str:
        return retention_periods.period_of(status, is_inquiry=is_inquiry, was_forwarded=was_forwarded)

    return [status.value for status in Status if period(status) == rule]


def days_of(complaint: Complaint) -> ErasureDays | None:
    """Return the days of a report that ``_reports`` read; None while somebody works on it."""
    case = complaint.case
    was_forwarded = bool(getattr(complaint, "was_forwarded", False))
    return erasure_days.days_of(
        Status(case.status), since=case.status_on, is_inquiry=case.is_inquiry, was_forwarded=was_forwarded
    )


def due(*, actor: Actor) -> list[DueReport]:
    """Return the dry run of today: the reports that are due, those longest due first, at most LISTED.

    A case that is not as the chain records it has the obstacle RECORD. Raises Locked, UnpinnedKey, SealError.
    """
    require_admission(actor.keyring)
    rows = list(due_reports(actor.staff, actor.today).order_by("case__status_on", "pk")[:LISTED])
    stops = _obstacles(actor, rows)
    lines = []
    for complaint in rows:
        if (days := days_of(complaint)) is not None:
            ground = Ground.WITHDRAWN if days.rule == retention_periods.WITHDRAWN else Ground.PERIOD
            lines.append(DueReport(complaint, ground, days, stops[complaint.pk]))
    return lines


def _obstacles(actor: Actor, complaints: Sequence[Complaint]) -> Mapping[uuid.UUID, tuple[Obstacle, ...]]:
    stops = obstacles.of_reports(complaints, today=actor.today, keyring=actor.keyring)
    differing = recorded_lines.differing([complaint.case for complaint in complaints])
    record = (Obstacle.RECORD,)
    return {row.pk: (stops[row.pk] + record if row.case_id in differing else stops[row.pk]) for row in complaints}


# --- Proposing, confirming, refusing ----------------------------------------------------------------------------------


@transaction.atomic
def propose(*, actor: Actor, complaints: Collection[uuid.UUID], ground: Ground) -> int:
    """Propose to erase some reports, all or none; return how many.

    Raises:
        ErasureRefused: an obstacle, due (the period of one is not over, or it is no longer here), proposed (another
            officer was quicker), request (nobody has asked for it).
        Locked, UnpinnedKey, SealError: the person was not admitted.
    """
    require_admission(actor.keyring)
    for complaint in _locked(actor, complaints):
        _check(actor, complaint, ground)
        if Erasure.objects.filter(complaint_id=complaint.pk).exclude(state=State.REFUSED).exists():
            raise ErasureRefused("proposed")
        days = days_of(complaint)
        rule = days.rule if days and ground not in AT_ANY_TIME else ""
        row = Erasure(complaint_id=complaint.pk, ground=ground, rule=rule)
        row.proposed_by, row.proposed_on = actor.staff, actor.today
        row.save(force_insert=True)
        _record(actor, PROPOSED, row, complaint)
    return len(set(complaints))


@transaction.atomic
def propose_due(*, actor: Actor, complaints: Collection[uuid.UUID]) -> int:
    """Propose reports of the dry run, each on the ground on which it is due, all or none; as :func:`propose`."""
    grounds = {row.complaint.pk: row.ground for row in due(actor=actor)}
    if not grounds.keys() >= set(complaints):
        raise ErasureRefused("due")
    # All are locked before the first entry is appended: the chain is locked last.
    _locked(actor, complaints)
    of_ground: dict[Ground, list[uuid.UUID]] = {}
    for complaint_id in complaints:
        of_ground.setdefault(grounds[complaint_id], []).append(complaint_id)
    return sum(propose(actor=actor, complaints=ids, ground=ground) for ground, ids in of_ground.items())


@transaction.atomic
def confirm(*, actor: Actor, erasures: Collection[uuid.UUID]) -> int:
    """Confirm some proposals of others, all or none; return how many. From here on a job carries them out.

    Raises as :func:`propose`, and ErasureRefused: decided, same_person.
    """
    require_admission(actor.keyring)
    for row, complaint in _locked_proposals(actor, erasures):
        if row.proposed_by_id == actor.staff.pk:
            raise ErasureRefused("same_person")
        _check(actor, complaint, Ground(row.ground))
        row.state, row.confirmed_by, row.confirmed_on = State.CONFIRMED, actor.staff, actor.today
        row.save(update_fields=["state", "confirmed_by", "confirmed_on"])
        _record(actor, CONFIRMED, row, complaint)
    return len(set(erasures))


@transaction.atomic
def refuse(*, actor: Actor, erasure_id: uuid.UUID, reason: str) -> None:
    """Refuse a proposal, or take one's own back; the reason becomes an internal note of the report.

    Raises as :func:`confirm`, and ErasureRefused: reason.
    """
    require_admission(actor.keyring)
    if not reason.strip():
        raise ErasureRefused("reason")
    row, complaint = _locked_proposals(actor, [erasure_id])[0]
    note = write_note(complaint=complaint, text=reason, actor=actor)
    row.state, row.refused_by, row.refused_on = State.REFUSED, actor.staff, actor.today
    row.save(update_fields=["state", "refused_by", "refused_on"])
    _record(actor, REFUSED, row, complaint, note=str(note.pk))


def waiting_for(person: Staff) -> QuerySet[Erasure]:
    """Return the proposals of somebody else on reports that this person may see."""
    return proposed(person).exclude(proposed_by=person.pk)


def proposed(person: Staff) -> QuerySet[Erasure]:
    """Return the proposals that wait, on reports that this person may see."""
    return Erasure.objects.filter(state=State.PROPOSED, complaint_id__in=_reports(person).values("pk"))


def proposals(*, actor: Actor) -> list[ProposedErasure]:
    """Return the proposals that wait, the oldest first, at most LISTED; raises as :func:`due`."""
    require_admission(actor.keyring)
    rows = list(proposed(actor.staff).select_related("proposed_by").order_by("proposed_on", "pk")[:LISTED])
    reports = _reports(actor.staff).in_bulk([row.complaint_id for row in rows])
    stops = _obstacles(actor, list(reports.values()))
    return [
        ProposedErasure(row, reports[row.complaint_id], days_of(reports[row.complaint_id]), stops[row.complaint_id])
        for row in rows
        if row.complaint_id in reports
    ]


def find(person: Staff, complaint_id: uuid.UUID) -> Complaint | None:
    """Return a report that a person may see, with its case and whether a body got it."""
    return _reports(person).select_related("case__lead_body").filter(pk=complaint_id).first()


def standing(*, actor: Actor, complaint: Complaint) -> tuple[Obstacle, ...]:
    """Return what stops the erasure of one report now; raises as :func:`due`."""
    return _obstacles(actor, [complaint])[complaint.pk]


def current(complaint_id: uuid.UUID) -> Erasure | None:
    """Return the erasure of a report that was not refused, None without one."""
    rows = Erasure.objects.exclude(state=State.REFUSED).select_related("proposed_by", "confirmed_by")
    return rows.filter(complaint_id=complaint_id).first()


def _locked(actor: Actor, complaints: Collection[uuid.UUID]) -> list[Complaint]:
    """Lock reports with their cases, then the chain, and return them as ``_reports`` reads them."""
    reports = _reports(actor.staff).filter(pk__in=complaints)
    try:
        cases = case_membership.lock(reports.values_list("case", flat=True))
    except (Case.DoesNotExist, CaseChanged):
        raise ErasureRefused("due") from None
    log.lock_head()
    locked = list(reports.order_by("pk"))
    if {row.pk for row in locked} != set(complaints) or not {row.case_id for row in locked} <= cases.keys():
        raise ErasureRefused("due")
    if not recorded_acts.are_all_steps_recorded(cases.values()):
        raise ErasureRefused(Obstacle.RECORD)
    return locked


def _locked_proposals(actor: Actor, erasures: Collection[uuid.UUID]) -> list[tuple[Erasure, Complaint]]:
    """Lock proposals that wait and the reports that they are of, none where one of them waits no more."""
    reports = dict(Erasure.objects.filter(pk__in=erasures).values_list("complaint_id", "pk"))
    complaints = {row.pk: row for row in _locked(actor, reports)}
    rows = list(Erasure.objects.select_for_update(of=("self",)).filter(pk__in=reports.values()).order_by("pk"))
    if len(rows) != len(set(erasures)) or not rows or any(row.state != State.PROPOSED for row in rows):
        raise ErasureRefused("decided")
    if not all(map(erasure_decisions.is_recorded, rows)):
        raise ErasureRefused(Obstacle.RECORD)
    return [(row, complaints[row.complaint_id]) for row in rows]


def _check(actor: Actor, complaint: Complaint, ground: Ground) -> None:
    """Raise ErasureRefused where the ground does not hold, or something stops the erasure now."""
    if stops := obstacles.of_reports([complaint], today=actor.today, keyring=actor.keyring)[complaint.pk]:
        raise ErasureRefused(stops[0])
    days = days_of(complaint)
    if ground not in AT_ANY_TIME and (days is None or actor.today < days.due_on):
        raise ErasureRefused("due")
    if (ground is Ground.WITHDRAWN) and complaint.case.status != Status.WITHDRAWN:
        raise ErasureRefused("due")
    if ground is Ground.REQUEST and not is_asked_for(erasure_decisions.requests_of([complaint.pk]).get(complaint.pk)):
        raise ErasureRefused("request")


def is_asked_for(request: ErasureRequest | None) -> bool:
    """Whether there is a request for erasure that nobody has answered."""
    return request is not None and request.answer is Answer.OPEN


def _record(actor: Actor, event: str, row: Erasure, complaint: Complaint, **more: str) -> None:
    actor.record(event, case=complaint.case_id, subject=row.pk, facts={**decision_facts(row), **more})
