"""Declaring a conflict of interest, and lifting one: what a person says of themselves, and what a colleague judges.

The lock itself stands in :mod:`complaints.access` and in the key ring; matches are found by services.conflict_detection.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from complaints import access
from complaints.domain.workflow import OPEN, Refusal, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Role, Staff, Team
from complaints.services import conflict_detection
from complaints.services.actor import Actor
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import write_note
from complaints.services.team_key_history import pinned_team

SHOWN = 200


@dataclass(frozen=True)
class ConflictInForce:
    """Somebody who is kept from a case; nothing of what the case holds."""

    case: Case
    person: Staff
    is_declared: bool


def _reason(reason: str) -> str:
    if not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    return reason.strip()


def _reports(case_id: uuid.UUID) -> list[Complaint]:
    # Complaints before their case, as everywhere (services.transitions).
    return list(Complaint.objects.select_for_update().filter(case=case_id).order_by("pk"))


@transaction.atomic
def declare_conflict(*, actor: Actor, case_id: uuid.UUID, reason: str) -> None:
    """Keep the person away from a case by their own word; ``reason`` becomes an internal note that others read.

    Raises:
        TransitionRefused(reason_missing): without a reason.
        Case.DoesNotExist, Locked: nothing for this person.
    """
    words, speaker = _reason(reason), actor.keyring.team(pinned_team(Team.Kind.TRIAGE))
    person = actor.staff
    if person is None or access.has_conflict(person, case_id):
        raise Case.DoesNotExist
    reports = _reports(case_id)
    if not reports:
        raise Case.DoesNotExist
    # Before the lock: afterwards this key ring opens nothing of the case.
    write_note(complaint=reports[0], text=words, actor=actor, speaker=speaker)
    for complaint in reports:
        values = {"kind": Conflict.Kind.DECLARED, "is_lifted": False}
        Conflict.objects.update_or_create(complaint=complaint, staff=person, defaults=values)
    facts = {"staff": str(person.pk)}
    actor.record("conflict.declared", case=case_id, facts=facts)
    conflict_detection.release_assignment(case_id=case_id, staff_id=person.pk, now=actor.now)
    actor.keyring.forget_conflicts()


def may_declare_conflict(keyring: Keyring) -> bool:
    """Whether somebody can say that they stand in a case: an admitted member with an open key."""
    return access.is_triage(keyring.staff) and keyring.unlocked


def may_lift(keyring: Keyring) -> bool:
    """Whether somebody may judge over conflicts of others: an admitted forwarder."""
    return access.may_lift_conflicts(keyring.staff)


@transaction.atomic
def lift_conflict(*, actor: Actor, case_id: uuid.UUID, staff_id: uuid.UUID, reason: str) -> None:
    """Let a person find a case again, with a reason that becomes an internal note.

    Raises:
        TransitionRefused(reason_missing): without a reason.
        Conflict.DoesNotExist: there is none, or none for this person to lift: not one's own, nor of a case that one
            stands in as well.
        Locked: not a forwarder of triage.
    """
    words, person = _reason(reason), actor.staff
    if person is None or not may_lift(actor.keyring):
        raise Locked(Role.FORWARDER)
    if person.pk == staff_id or access.has_conflict(person, case_id):
        raise Conflict.DoesNotExist
    reports = _reports(case_id)
    if not Conflict.objects.in_force().filter(complaint__in=reports, staff=staff_id).update(is_lifted=True):
        raise Conflict.DoesNotExist
    speaker = actor.keyring.team(pinned_team(Team.Kind.TRIAGE))
    write_note(complaint=reports[0], text=words, actor=actor, speaker=speaker)
    facts = {"staff": str(staff_id)}
    actor.record("conflict.lifted", case=case_id, facts=facts)


def conflicts_in_force(*, keyring: Keyring) -> list[ConflictInForce]:
    """Return who is kept from which case, for a forwarder: not themselves, and no case that they stand in."""
    if keyring.staff is None or not may_lift(keyring):
        return []
    rows = Conflict.objects.in_force().exclude(staff=keyring.staff)
    rows = rows.filter(complaint__case__in=access.cases_for(keyring.staff))
    found: dict[tuple[uuid.UUID, uuid.UUID], ConflictInForce] = {}
    ordered = rows.select_related("complaint__case", "staff").order_by("-complaint__case__received_on", "pk")
    for row in ordered[:SHOWN]:
        key = row.complaint.case_id, row.staff_id
        declared = row.kind == Conflict.Kind.DECLARED or (key in found and found[key].is_declared)
        found[key] = ConflictInForce(row.complaint.case, row.staff, declared)
    return list(found.values())


def cases_without_eligible_staff() -> int:
    """Count open cases that every admitted member of triage stands in: nobody is left to find them."""
    members = Staff.objects.filter(
        is_active=True,
        role__in=[Role.VERIFIER, Role.FORWARDER],
        memberships__team__kind=Team.Kind.TRIAGE,
        memberships__sealed_key__isnull=False,
    )
    people = set(members.values_list("pk", flat=True))
    if not people:
        return 0
    rows = (
        Conflict.objects.in_force()
        .filter(staff__in=people, complaint__case__status__in=OPEN)
        .filter(complaint__case__is_practice=False)
    )
    held = rows.order_by().values("complaint__case").annotate(number=Count("staff", distinct=True))
    return held.filter(number=len(people)).count()
