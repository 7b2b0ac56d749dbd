"""Declares and lifts conflicts of interest of staff.

The lock itself is in :mod:`complaints.access` and in the keyring; services.conflict_detection finds conflicts by
comparing staff with the accused.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from complaints import access
from complaints.domain.workflow import OPEN, Refusal, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Role, Staff
from complaints.services import assignment, conflict_detection, staff_drafts
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.messages import write_note

# Conflicts that the page of lifting lists.
SHOWN = 200
# Cases without eligible staff that are counted.
COUNTED_AT_MOST = 1000


@dataclass(frozen=True)
class ConflictInForce:
    """A person who has no access to a case; ``is_declared`` where they declared the conflict themselves."""

    case: Case
    person: Staff
    is_declared: bool


def _checked_reason(reason: str) -> str:
    if not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    return reason.strip()


def _lock_reports(case_id: uuid.UUID) -> list[Complaint]:
    """Return the reports of a case, locked; the case is locked as well, because its owner may have to go."""
    reports = list(Complaint.objects.select_for_update().filter(case=case_id).order_by("pk"))
    list(Case.objects.select_for_update().filter(pk=case_id).values_list("pk"))
    return reports


@transaction.atomic
def declare_conflict(*, actor: Actor, case_id: uuid.UUID, reason: str) -> None:
    """Declare the actor's own conflict of interest in a case, which ends their access to it at once.

    ``reason`` becomes an internal note, which colleagues read. Raises TransitionRefused(reason_missing);
    Case.DoesNotExist or Locked where there is nothing for this person.
    """
    reason, person = _checked_reason(reason), actor.staff
    if access.has_conflict(person, case_id):
        raise Case.DoesNotExist
    reports = _lock_reports(case_id)
    if not reports:
        raise Case.DoesNotExist
    # The note comes first: once the conflict is stored, this keyring opens nothing of the case.
    write_note(complaint=reports[0], text=reason, actor=actor)
    for complaint in reports:
        values = {"kind": Conflict.Kind.DECLARED, "is_lifted": False}
        Conflict.objects.update_or_create(complaint=complaint, staff=person, defaults=values)
        _record(actor, "conflict.declared", complaint, person.pk)
    conflict_detection.release_assignment(case_id=case_id, staff_id=person.pk, now=actor.now)
    staff_drafts.forget_all_on(keyring=actor.keyring, object_id=case_id, now=actor.now)
    actor.keyring.forget_conflicts()


def may_declare_conflict(keyring: Keyring) -> bool:
    """Whether a person may declare a conflict of interest: a member of triage with an unlocked key."""
    return access.is_triage(keyring.staff) and keyring.unlocked


@transaction.atomic
def lift_conflict(*, actor: Actor, case_id: uuid.UUID, staff_id: uuid.UUID, reason: str) -> None:
    """Lift a colleague's conflict of interest, so that the case opens for them again; ``reason`` becomes a note.

    Raises TransitionRefused(reason_missing); Locked but for a forwarder in triage; Conflict.DoesNotExist for the
    actor's own, and in a case in which they have one themselves.
    """
    reason, person = _checked_reason(reason), actor.staff
    if not access.may_lift_conflicts(person):
        raise Locked(Role.FORWARDER)
    if person.pk == staff_id or access.has_conflict(person, case_id):
        raise Conflict.DoesNotExist
    reports = _lock_reports(case_id)
    in_force = Conflict.objects.in_force().filter(complaint__in=reports, staff=staff_id)
    lifted = list(Complaint.objects.filter(conflicts__in=in_force).order_by("pk"))
    if not in_force.update(is_lifted=True):
        raise Conflict.DoesNotExist
    write_note(complaint=reports[0], text=reason, actor=actor)
    for complaint in lifted:
        _record(actor, "conflict.lifted", complaint, staff_id)


def _record(actor: Actor, event: str, complaint: Complaint, staff_id: uuid.UUID) -> None:
    """Record a conflict by its report and its person: a row that was deleted is known from these entries."""
    facts = {"staff": str(staff_id), "complaint": str(complaint.pk)}
    actor.record(event, case=complaint.case_id, subject=staff_id, facts=facts)


def conflicts_in_force(*, keyring: Keyring) -> list[ConflictInForce]:
    """Return the conflicts that a forwarder may lift: of colleagues, in cases visible to the forwarder."""
    if keyring.staff is None or not access.may_lift_conflicts(keyring.staff):
        return []
    visible = access.files_for(keyring.staff)
    rows = Conflict.objects.in_force().exclude(staff=keyring.staff).filter(complaint__case__in=visible)
    rows = rows.select_related("complaint__case", "staff").order_by("-complaint__case__received_on", "pk")
    # A case of several reports has one conflict for each; it is listed once for each person.
    conflicts: dict[tuple[uuid.UUID, uuid.UUID], ConflictInForce] = {}
    for row in rows[:SHOWN]:
        key = row.complaint.case_id, row.staff_id
        is_declared = row.kind == Conflict.Kind.DECLARED or (key in conflicts and conflicts[key].is_declared)
        conflicts[key] = ConflictInForce(row.complaint.case, row.staff, is_declared)
    return list(conflicts.values())


def cases_without_eligible_staff() -> int:
    """Count open cases in which every member of their team has a conflict of interest, up to COUNTED_AT_MOST + 1.

    Somebody outside makes conflicts grow by naming an office; the cases are looked for from those of each member.
    """
    counts = (_without_eligible_staff(team) for team in access.REPORT_TEAMS)
    return min(sum(counts), COUNTED_AT_MOST + 1)


def _without_eligible_staff(team: str) -> int:
    member_ids = sorted(person.pk for person in assignment.assignable(team))
    if not member_ids:
        return 0
    cases = Case.objects.real().filter(status__in=OPEN, held_by=team)
    for member_id in member_ids:
        in_force = Conflict.objects.in_force().filter(staff=member_id)
        cases = cases.filter(pk__in=in_force.values("complaint__case"))
    return cases.order_by().values("pk")[: COUNTED_AT_MOST + 1].count()
