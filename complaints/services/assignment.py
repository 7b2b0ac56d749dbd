"""Assigns cases to officers: claiming, assigning with confirmation, declining, handing over, absence, auto-assignment.

Every change is made under the case's lock, checked for conflicts of interest, and recorded in the audit chain.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from complaints import access
from complaints.domain import deadlines
from complaints.domain.workflow import Refusal, Status, TransitionRefused
from complaints.fast_sql import CappedCount
from complaints.models.assignment import Absence, AutoAssignmentRule, Duty
from complaints.models.case import IS_JUNK, Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Role, Staff
from complaints.services import conflict_detection, reference_data, staff_drafts
from complaints.services.audit import log, recorded_acts, verify_assigning
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import Actor, Locked
from complaints.services.lane import leave_lane
from complaints.services.messages import write_note

# Open cases that count as somebody's load; whoever has more gets new ones in turn.
LOAD_AT_MOST: Final = 1000


class AlreadyTaken(Exception):
    """Somebody else owns the case by now; nothing was written. ``owner`` is their name, "" for nobody."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner


class NotAssignable(Locked):
    """A person cannot own a case: not admitted to triage, or with a conflict of interest in it."""


def name_of(person: Staff | None) -> str:
    """Return the full name of a person, else the user name; "" for nobody."""
    return (person.get_full_name() or person.username) if person else ""


def absences_on(day: date) -> QuerySet[Absence]:
    """Return the absences that include ``day``."""
    return Absence.objects.filter(from_on__lte=day, until_on__gte=day)


def assignable(team: str, *, today: date | None = None) -> list[Staff]:
    """Return the admitted members of a team, to whom its cases can go, by name; ``team`` is of access.REPORT_TEAMS.

    ``today`` annotates ``is_away``, the id of an absence or None.
    """
    people = Staff.objects.filter(
        is_active=True,
        role__in=[Role.VERIFIER, Role.FORWARDER],
        memberships__team__kind=team,
        memberships__sealed_key__isnull=False,
    )
    if today:
        away = absences_on(today).filter(staff=OuterRef("pk")).order_by("from_on")
        people = people.annotate(is_away=Subquery(away.values("pk")[:1]))
    return list(people.order_by("first_name", "username"))


def _lock_case(actor: Actor, case_id: uuid.UUID) -> Case:
    """Return a case under its lock, for a member of triage who may see it; raises Locked, Case.DoesNotExist."""
    actor.keyring.keys_of(actor.keyring.report_team)
    visible = access.cases_for(actor.staff)
    # The owner is not joined: after waiting for the lock, PostgreSQL would return the owner from before the wait.
    return Case.objects.select_for_update(of=("self",)).filter(pk__in=visible).get(pk=case_id)


def _lock_owned_case(actor: Actor, case_id: uuid.UUID) -> Case:
    """Return a case that the actor owns, under its lock; raises AlreadyTaken, Locked, Case.DoesNotExist."""
    case = _lock_case(actor, case_id)
    if case.assignee_id != actor.staff.pk:
        raise AlreadyTaken(name_of(case.assignee))
    return case


def set_assignee(
    case: Case, person: Staff | None, *, by: Staff | None, today: date, instead: Staff | None = None
) -> dict[str, str]:
    """Write the owner of a locked case in the caller's transaction; claiming a case confirms it at the same time.

    ``by`` is None for auto-assignment, ``instead`` the absent colleague for whom ``person`` stands in. Return the
    states before and after, for the entry.
    """
    before = state_of(case, "assignment")
    case.assignee, case.assigned_by, case.stands_for = person, by if person else None, instead
    case.assigned_on = case.owner_seen_on = today if person else None
    case.confirmed_on = today if person and by == person else None
    case.save(update_fields=conflict_detection.OWNER_COLUMNS)
    return change_facts(case, "assignment", before=before)


def _record_assignment(actor: Actor, case: Case, states: dict[str, str], event: str = "case.assigned") -> None:
    facts = {"assignee": str(case.assignee_id or ""), **states}
    if case.stands_for_id:
        facts["stands_for"] = str(case.stands_for_id)
    actor.record(event, case=case.pk, subject=case.pk, facts=facts)
    leave_lane(actor=actor, case=case, why="act")
    if case.assignee_id != actor.staff.pk:
        staff_drafts.forget_all_on(keyring=actor.keyring, object_id=case.pk, now=actor.now)


@transaction.atomic
def claim(*, actor: Actor, case_id: uuid.UUID, seen: uuid.UUID | None) -> None:
    """Take a case that showed the owner ``seen``; of two who do so at once, the second gets AlreadyTaken.

    Raises Case.DoesNotExist or Locked where there is nothing for this person.
    """
    case = _lock_case(actor, case_id)
    if case.assignee_id not in {seen, actor.staff.pk}:
        raise AlreadyTaken(name_of(case.assignee))
    states = set_assignee(case, actor.staff, by=actor.staff, today=actor.today)
    _record_assignment(actor, case, states)


@transaction.atomic
def assign(*, actor: Actor, case_id: uuid.UUID, assignee: Staff | None) -> Case:
    """Assign a case to a member of triage, who confirms it, or to nobody; an absent person's stand-in receives it.

    Raises NotAssignable where they are not admitted or have a conflict of interest; Case.DoesNotExist, Locked.
    """
    case, today = _lock_case(actor, case_id), actor.today
    absence = absences_on(today).filter(staff=assignee).select_related("stand_in").order_by("from_on").first()
    # A person who assigns a case to themselves is present, whatever their absence says.
    # Nor is somebody away of whom only a row says so: it would give the case to whom its writer likes.
    is_away = absence is not None and assignee != actor.staff and verify_assigning.is_absence_recorded(absence)
    away = assignee if is_away else None
    person = absence.stand_in if absence and away else assignee
    if person is not None and not _may_own(person, case):
        raise NotAssignable(case.held_by)
    states = set_assignee(case, person, by=actor.staff, today=today, instead=away)
    _record_assignment(actor, case, states)
    return case


def _may_own(person: Staff, case: Case) -> bool:
    if not access.is_triage(person) or access.report_team(person) != case.held_by:
        return False
    return not access.has_conflict(person, case.pk)


@transaction.atomic
def offer(*, actor: Actor, case_id: uuid.UUID, assignee: Staff | None, words: str) -> Case:
    """Assign a case as :func:`assign` does; ``words``, where not blank, become an internal note."""
    if words.strip():
        _write_note(actor, _lock_case(actor, case_id), words)
    return assign(actor=actor, case_id=case_id, assignee=assignee)


@transaction.atomic
def confirm(*, actor: Actor, case_id: uuid.UUID) -> None:
    """Confirm that the actor takes on a case assigned to them; raises AlreadyTaken where they no longer own it."""
    case = _lock_owned_case(actor, case_id)
    if case.confirmed_on is None:
        before = state_of(case, "assignment")
        case.confirmed_on = case.owner_seen_on = actor.today
        case.save(update_fields=["confirmed_on", "owner_seen_on"])
        _record_assignment(actor, case, change_facts(case, "assignment", before=before), "case.taken_on")


@transaction.atomic
def decline(*, actor: Actor, case_id: uuid.UUID, reason: str) -> None:
    """Give a case back, the reason as an internal note; raises TransitionRefused(reason_missing), AlreadyTaken."""
    if not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    case = _lock_owned_case(actor, case_id)
    _write_note(actor, case, reason)
    states = set_assignee(case, None, by=None, today=actor.today)
    _record_assignment(actor, case, states, "case.declined")


@transaction.atomic
def hand_over(*, actor: Actor, case_ids: Collection[uuid.UUID], to: Staff, words: str) -> tuple[int, int]:
    """Assign the actor's cases to a colleague, each with the same note; return how many were assigned and how many not.

    Those that the actor does not own or the colleague cannot own are not assigned. Raises TransitionRefused without a
    note.
    """
    if not words.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    assigned = 0
    owned = access.cases_for(actor.staff).filter(assignee=actor.staff, pk__in=case_ids)
    ids = sorted(owned.values_list("pk", flat=True))
    list(Complaint.objects.select_for_update().filter(case__in=ids).order_by("pk").values_list("pk"))
    for case_id in ids:
        try:
            offer(actor=actor, case_id=case_id, assignee=to, words=words)
            assigned += 1
        except (Locked, Case.DoesNotExist):
            continue
    return assigned, len(set(case_ids)) - assigned


def _write_note(actor: Actor, case: Case, text: str) -> None:
    complaint = case.complaints.order_by("day", "pk")[0]
    write_note(complaint=complaint, text=text.strip(), actor=actor)


def record_owner_visit(*, case: Case, person: Staff | None, today: date) -> None:
    """Store that the owner opened their case today; at most one write a day."""
    if person and case.assignee_id == person.pk and case.owner_seen_on != today:
        Case.objects.filter(pk=case.pk).update(owner_seen_on=today)


def idle_since(today: date) -> date:
    """Return the day IDLE_OWNER_DAYS working days ago; an owner who opened their case then or earlier is idle."""
    return deadlines.subtract_working_days(today, settings.IDLE_OWNER_DAYS, reference_data.closed_days(today.year))


# Absence


@transaction.atomic
def start_absence(*, actor: Actor, stand_in: Staff, from_on: date, until_on: date) -> None:
    """Name a colleague who stands in for the actor; raises Locked unless both are in one team, and not one person."""
    person, team = actor.staff, actor.keyring.report_team
    are_members = access.is_triage(person) and access.is_triage(stand_in)
    if stand_in == person or not are_members or access.report_team(stand_in) != team:
        raise Locked(team)
    row = Absence.objects.create(staff=person, stand_in=stand_in, from_on=from_on, until_on=until_on)
    actor.record(verify_assigning.AWAY, subject=row.pk, facts=verify_assigning.absence_facts(row))


@transaction.atomic
def end_absence(*, actor: Actor, absence_id: uuid.UUID) -> None:
    """End an absence of the actor; raises Absence.DoesNotExist for any other."""
    row = Absence.objects.select_for_update().get(pk=absence_id, staff=actor.staff)
    facts = {"staff": str(row.staff_id), "stand_in": ""}
    row.delete()
    actor.record(verify_assigning.AWAY, subject=absence_id, facts=facts)


# Auto-assignment: new cases go to the officer with the fewest open cases, then to the one who has waited longest.

AT_ONCE: Final = 100
By = AutoAssignmentRule.By


@dataclass
class _Candidate:
    """An officer who may receive new cases of their ``team``; ``load`` is the number of their open cases."""

    person: Staff
    team: str
    duty: Duty
    load: int

    def covers(self, case: Case, by: str) -> bool | None:
        """Whether a case falls under this person's duties; None where they have no duty of that kind."""
        duties = self.duty.provinces if by == By.PROVINCE else self.duty.agency_kinds
        value = case.province_id if by == By.PROVINCE else case.agency_kind
        return value in duties if duties else None


def auto_assignment_rule() -> AutoAssignmentRule:
    """Return the rule of auto-assignment; off where none was set."""
    return AutoAssignmentRule.objects.filter(pk=1).first() or AutoAssignmentRule()


@transaction.atomic
def auto_assign(*, now: datetime) -> int:
    """Assign new cases by the rule and return how many; concurrent calls do not assign a case twice.

    Only indexed cases are assigned, because conflicts of interest are unknown before. Candidates are admitted, present
    and compared for conflicts. An officer whose duties cover the case comes before those without duties; where there
    is neither, the case stays unassigned.
    """
    if auto_assignment_rule().by == By.OFF:
        return 0
    rule = AutoAssignmentRule.objects.select_for_update().get(pk=1)
    reports = Complaint.objects.annotate(has_index=recorded_acts.HAS_INDEX)
    unindexed = reports.filter(has_index=False, case=OuterRef("pk"))
    new = Case.objects.active().real().filter(status=Status.RECEIVED, assignee=None)
    new = new.exclude(IS_JUNK).exclude(Exists(unindexed))
    cases = list(new.select_for_update(of=("self",), skip_locked=True).order_by("received_on", "pk")[:AT_ONCE])
    if not cases or rule.by == By.OFF:
        return 0
    today = timezone.localdate(now)
    candidates = _candidates(today)
    conflicts: set[tuple[object, object]] = set(
        Conflict.objects.in_force().filter(complaint__case__in=cases).values_list("complaint__case", "staff")
    )
    assigned = 0
    for case in cases:
        eligible = [
            candidate
            for candidate in candidates
            if candidate.team == case.held_by and (case.pk, candidate.person.pk) not in conflicts
        ]
        if chosen := _choose(eligible, case, rule.by):
            rule.turn += 1
            chosen.duty.last_turn, chosen.load = rule.turn, chosen.load + 1
            Duty.objects.update_or_create(staff=chosen.person, defaults={"last_turn": rule.turn})
            states = set_assignee(case, chosen.person, by=None, today=today)
            facts = {"assignee": str(chosen.person.pk), "why": "turn", **states}
            log.append(event="case.assigned", now=now, case=case.pk, subject=case.pk, facts=facts)
            assigned += 1
    rule.save(update_fields=["turn"])
    return assigned


def _candidates(today: date) -> list[_Candidate]:
    away = set(absences_on(today).values_list("staff", flat=True))
    teams = {person: team.value for team in access.REPORT_TEAMS for person in assignable(team)}
    people = [
        person
        for person in teams
        if person.pk not in away and not access.must_be_compared(person) and not person.is_superuser
    ]
    duties = Duty.objects.in_bulk([person.pk for person in people])
    open_cases = Case.objects.real().open().exclude(IS_JUNK).filter(assignee=OuterRef("pk")).order_by().values("pk")
    rows = Staff.objects.filter(pk__in=[person.pk for person in people])
    loads = dict(rows.annotate(load=CappedCount(open_cases[:LOAD_AT_MOST])).values_list("pk", "load"))
    return [
        _Candidate(person, teams[person], duties.get(person.pk) or Duty(staff=person), loads.get(person.pk, 0))
        for person in people
    ]


def _choose(eligible: list[_Candidate], case: Case, by: str) -> _Candidate | None:
    covering = [candidate for candidate in eligible if candidate.covers(case, by)]
    without_duty = [candidate for candidate in eligible if candidate.covers(case, by) is None]
    return min(
        covering or without_duty,
        key=lambda candidate: (candidate.load, candidate.duty.last_turn, candidate.person.username),
        default=None,
    )


@transaction.atomic
def set_auto_assignment_rule(*, actor: Actor, by: str) -> None:
    """Set the rule of auto-assignment, a value of AssigningRule.By; the caller has checked for an administrator."""
    AutoAssignmentRule.objects.update_or_create(pk=1, defaults={"by": By(by)})
    actor.record(verify_assigning.CHANGED, facts={"by": by})


@transaction.atomic
def set_duty(*, actor: Actor, person: Staff, provinces: list[str], agency_kinds: list[str]) -> None:
    """Set the duties of an officer; an empty list means cases that no colleague's duties cover."""
    values = {"provinces": sorted(provinces), "agency_kinds": sorted(agency_kinds)}
    Duty.objects.update_or_create(staff=person, defaults=values)
    facts = {"staff": str(person.pk), "provinces": len(provinces), "agency_kinds": len(agency_kinds)}
    facts["state"] = verify_assigning.duty_digest(provinces, agency_kinds)
    actor.record(verify_assigning.CHANGED, facts=facts)
