"""What stops the erasure of a report: asked for the dry run, at the proposal, at its confirmation, and before the work.

Each obstacle ends by an act of somebody: a hold is lifted, a body ends its examination, a day passes.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date
from enum import StrEnum

from django.db.models import Subquery

from complaints.domain import retention_periods, workflow
from complaints.domain.workflow import Status
from complaints.models.complaint import Complaint
from complaints.models.oversight import FURTHER, Release, ReleasedReport
from complaints.services import urgent_register
from complaints.services.audit import erasure_decisions
from complaints.services.keyring import Keyring
from complaints.services.release_steps import LAST_OF_RELEASE
from complaints.services.retaliation import check_in_days
from complaints.services.transitions import last_day_of


class Obstacle(StrEnum):
    """Why a report is not erased now."""

    HOLD = "hold"
    EXAMINED = "examined"
    OPEN = "open"
    OBJECTION = "objection"
    RETALIATION = "retaliation"
    RECORD = "record"


def of_reports(
    complaints: Collection[Complaint], *, today: date, keyring: Keyring | None = None
) -> dict[uuid.UUID, tuple[Obstacle, ...]]:
    """Return what stops the erasure of each of some reports, read with their cases, in the order of Obstacle.

    Six queries at most, however many reports. With ``keyring`` the team's register of retaliation is asked too: only a
    member can read it. Raises as ``urgent_register.read``.
    """
    ids = [complaint.pk for complaint in complaints]
    held, examined = erasure_decisions.held(ids), _examined_beside(ids)
    watched = _watched(keyring) if keyring else set()
    by_report: dict[uuid.UUID, tuple[Obstacle, ...]] = {}
    for complaint in complaints:
        of_case = _of_case(complaint, today)
        stops = {
            Obstacle.HOLD: complaint.pk in held,
            Obstacle.EXAMINED: complaint.pk in examined or of_case is Obstacle.EXAMINED,
            Obstacle.OPEN: of_case is Obstacle.OPEN,
            Obstacle.OBJECTION: of_case is Obstacle.OBJECTION,
            Obstacle.RETALIATION: complaint.pk in watched,
        }
        by_report[complaint.pk] = tuple(obstacle for obstacle, is_there in stops.items() if is_there)
    return by_report


def _of_case(complaint: Complaint, today: date) -> Obstacle | None:
    """Return what the status of a report's case says: somebody works on it, or its reporter may still object."""
    case = complaint.case
    status, asked_from = Status(case.status), Status(case.asked_from) if case.asked_from else None
    if not retention_periods.period_of(status, is_inquiry=case.is_inquiry, was_forwarded=False):
        return Obstacle.EXAMINED if workflow.with_body(status, asked_from) else Obstacle.OPEN
    may_object = status in workflow.OBJECTABLE and complaint.has_reporter
    return Obstacle.OBJECTION if may_object and today <= last_day_of(workflow.OBJECTION, case.status_on) else None


def _examined_beside(complaints: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the reports that a body examines beside the one that leads their case, or led it."""
    standing_at = Subquery(LAST_OF_RELEASE.values("target")[:1])
    working = Release.objects.filter(FURTHER).annotate(standing_at=standing_at).exclude(standing_at__in=workflow.ENDED)
    rows = ReleasedReport.objects.filter(complaint__in=complaints)
    of_first, of_supplement = rows.filter(release__in=working), rows.filter(release__first__in=working)
    return {*of_first.values_list("complaint", flat=True), *of_supplement.values_list("complaint", flat=True)}


def _watched(keyring: Keyring) -> set[uuid.UUID]:
    """Return the reports whose reporter told of retaliation and is still to be asked whether they are safe."""
    matters = urgent_register.read(keyring).matters
    return {report for report, matter in matters.items() if check_in_days(matter.told_on).keys() - matter.checked}
