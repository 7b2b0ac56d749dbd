"""Who has a case: taking it, giving it to somebody who confirms, declining, handing over, standing in.

Every way goes through here: under the case's lock, checked against the conflict lock, written into the chain.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Subquery
from django.utils import timezone

from complaints import access
from complaints.domain import deadlines
from complaints.domain.workflow import Refusal, Status, TransitionRefused
from complaints.models.assignment import Absence, AutoAssignmentRule, Duty
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Role, Staff, Team
from complaints.services import conflict_detection, transitions
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import write_note
from complaints.services.team_key_history import pinned_team


class AlreadyTaken(Exception):  # noqa: N818  a colleague was faster: no fault
    """Somebody else has the case by now; nothing was written. ``owner`` is their name, "" for nobody."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner


class NotAssignable(Locked):
    """A person must not have a case: not admitted, or in conflict with it."""


def name_of(person: Staff | None) -> str:
    """Return a colleague's name as colleagues read it."""
    return (person.get_full_name() or person.username) if person else ""


def assignable(*, today: date | None = None) -> list[Staff]:
    """Return the admitted members of triage, by name; with ``today`` each with ``is_away`` where somebody stands in."""
    people = Staff.objects.filter(
        is_active=True,
        role__in=[Role.VERIFIER, Role.FORWARDER],
        memberships__team__kind=Team.Kind.TRIAGE,
        memberships__sealed_key__isnull=False,
    )
    if today:
        away = Absence.objects.on(today).filter(staff=OuterRef("pk")).order_by("from_on")
        people = people.annotate(is_away=Subquery(away.values("pk")[:1]))
    return list(people.order_by("first_name", "username"))


def _locked(keyring: Keyring, case_id: uuid.UUID) -> Case:
    """Return a case under its lock, for a member with an open key who may find it; raises Locked, Case.DoesNotExist."""
    keyring.team(pinned_team(Team.Kind.TRIAGE))
    mine = access.cases_for(keyring.staff)
    # Without the owner beside it: after a wait for the lock PostgreSQL would join the row that was there before.
    return Case.objects.select_for_update(of=("self",)).filter(pk__in=mine).get(pk=case_id)


def set_assignee(
    case: Case, person: Staff | None, *, by: Staff | None, today: date, instead: Staff | None = None
) -> None:
    """Write whose a case is, in the caller's transaction; who takes it themselves has confirmed it by that."""
    case.assignee, case.assigned_by, case.stands_for = person, by if person else None, instead
    case.assigned_on = case.owner_seen_on = today if person else None
    case.confirmed_on = today if person and by == person else None
    case.save(update_fields=conflict_detection.NOT_OWNED)


def _recorded(actor: Actor, case: Case, event: str = "case.assigned") -> None:
    facts = {"assignee": str(case.assignee_id or "")}
    if case.stands_for_id:
        facts["stands_for"] = str(case.stands_for_id)
    actor.record(event, case=case.pk, facts=facts)


@transaction.atomic
def claim(*, actor: Actor, case_id: uuid.UUID, seen: uuid.UUID | None) -> None:
    """Take a case whose owner was ``seen`` on the page; of two who do so at once one wins and the other is told.

    Raises:
        AlreadyTaken: it is somebody else's by now.
        Case.DoesNotExist, Locked: nothing for this person.
    """
    case = _locked(actor.keyring, case_id)
    me = actor.staff
    if me is None or case.assignee_id not in {seen, me.pk}:
        raise AlreadyTaken(name_of(case.assignee))
    set_assignee(case, me, by=me, today=timezone.localdate(actor.now))
    _recorded(actor, case)


@transaction.atomic
def assign(*, actor: Actor, case_id: uuid.UUID, assignee: Staff | None) -> Case:
    """Give a case to an admitted member of triage, who confirms it, or to nobody; an absent person's stand-in gets it.

    Raises:
        CannotHave: the person, or their stand-in, is not admitted, or in conflict with it.
        Case.DoesNotExist: nothing for the person who gives.
    """
    case, today = _locked(actor.keyring, case_id), timezone.localdate(actor.now)
    absence = Absence.objects.on(today).filter(staff=assignee).select_related("stand_in").order_by("from_on").first()
    # Whoever takes a case themselves is there.
    away = assignee if absence and assignee != actor.staff else None
    person = absence.stand_in if absence and away else assignee
    if person is not None and (not access.is_triage(person) or access.has_conflict(person, case.pk)):
        raise NotAssignable(Team.Kind.TRIAGE)
    set_assignee(case, person, by=actor.staff, today=today, instead=away)
    _recorded(actor, case)
    return case


@transaction.atomic
def offer(*, actor: Actor, case_id: uuid.UUID, assignee: Staff | None, words: str) -> Case:
    """Give a case away as :func:`assign` does, with a note where there are ``words``."""
    if words.strip():
        _note(actor, _locked(actor.keyring, case_id), words)
    return assign(actor=actor, case_id=case_id, assignee=assignee)


@transaction.atomic
def confirm(*, actor: Actor, case_id: uuid.UUID) -> None:
    """Say that one takes a case on that somebody gave; raises AlreadyTaken where it is not one's own any more."""
    case = _locked(actor.keyring, case_id)
    if actor.staff is None or case.assignee_id != actor.staff.pk:
        raise AlreadyTaken(name_of(case.assignee))
    if case.confirmed_on is None:
        case.confirmed_on = case.owner_seen_on = timezone.localdate(actor.now)
        case.save(update_fields=["confirmed_on", "owner_seen_on"])
        _recorded(actor, case, "case.taken_on")


@transaction.atomic
def decline(*, actor: Actor, case_id: uuid.UUID, reason: str) -> None:
    """Give a case back that somebody gave; the reason becomes an internal note.

    Raises:
        TransitionRefused(reason_missing): without one.
        AlreadyTaken: it is not one's own any more.
    """
    if not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    case = _locked(actor.keyring, case_id)
    if actor.staff is None or case.assignee_id != actor.staff.pk:
        raise AlreadyTaken(name_of(case.assignee))
    _note(actor, case, reason)
    set_assignee(case, None, by=None, today=timezone.localdate(actor.now))
    _recorded(actor, case, "case.declined")


@transaction.atomic
def hand_over(*, actor: Actor, case_ids: Collection[uuid.UUID], to: Staff, words: str) -> tuple[int, int]:
    """Give one's own cases to a colleague with one note for all; return how many were given and how many not.

    Not given is what is not one's own (any more), and what the colleague must not have.
    """
    if not words.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    given = 0
    mine = access.cases_for(actor.staff).filter(assignee=actor.staff, pk__in=case_ids)
    ids = sorted(mine.values_list("pk", flat=True))
    list(Complaint.objects.select_for_update().filter(case__in=ids).order_by("pk").values_list("pk"))
    for case_id in ids:
        try:
            with transaction.atomic():
                _note(actor, _locked(actor.keyring, case_id), words)
                assign(actor=actor, case_id=case_id, assignee=to)
                given += 1
        except (Locked, Case.DoesNotExist):
            continue
    return given, len(set(case_ids)) - given


def _note(actor: Actor, case: Case, words: str) -> None:
    speaker = actor.keyring.team(pinned_team(Team.Kind.TRIAGE))
    complaint = case.complaints.order_by("day", "pk")[0]
    write_note(complaint=complaint, text=words.strip(), actor=actor, speaker=speaker)


def record_owner_visit(*, case: Case, person: Staff | None, today: date) -> None:
    """Note that the owner looked at their case today; once a day."""
    if person and case.assignee_id == person.pk and case.owner_seen_on != today:
        Case.objects.filter(pk=case.pk).update(owner_seen_on=today)


def idle_since(today: date) -> date:
    """Return the day on or before which an owner must have looked last to count as idle (IDLE_OWNER_DAYS)."""
    holidays = transitions.public_holidays()
    return deadlines.subtract_working_days(today, settings.IDLE_OWNER_DAYS, holidays)


# --- Absence


def substituted_staff(person: Staff, today: date) -> list[Staff]:
    """Return the colleagues for whom a person stands in today."""
    rows = Absence.objects.on(today).filter(stand_in=person).select_related("staff").order_by("until_on", "pk")
    return list(dict.fromkeys(row.staff for row in rows))


@transaction.atomic
def start_absence(*, actor: Actor, stand_in: Staff, from_on: date, until_on: date) -> None:
    """Name a colleague who stands in for oneself; raises Locked where they cannot."""
    person = actor.staff
    if person is None or stand_in == person or not access.is_triage(person) or not access.is_triage(stand_in):
        raise Locked(Team.Kind.TRIAGE)
    Absence.objects.create(staff=person, stand_in=stand_in, from_on=from_on, until_on=until_on)
    facts = {"staff": str(person.pk), "stand_in": str(stand_in.pk)}
    facts |= {"from": from_on.isoformat(), "until": until_on.isoformat()}
    actor.record("staff.away", facts=facts)


@transaction.atomic
def end_absence(*, actor: Actor, absence_id: uuid.UUID) -> None:
    """End an absence of one's own; raises Absence.DoesNotExist where it is none."""
    row = Absence.objects.select_for_update().get(pk=absence_id, staff=actor.staff)
    facts = {"staff": str(row.staff_id), "stand_in": ""}
    row.delete()
    actor.record("staff.away", facts=facts)


# Handing out new cases in turn, where the house has switched that on: to whoever has least, then waited longest.


AT_ONCE: Final = 100
By = AutoAssignmentRule.By


@dataclass
class _Candidate:
    person: Staff
    duty: Duty
    load: int

    def looks_after(self, case: Case, by: str) -> bool | None:
        """Whether a case falls into this person's duties; None where they have none of that kind."""
        own = self.duty.provinces if by == By.PROVINCE else self.duty.agency_kinds
        value = case.province_id if by == By.PROVINCE else case.agency_kind
        return value in own if own else None


def auto_assignment_rule() -> AutoAssignmentRule:
    """Return how cases are handed out; not at all where nobody has said."""
    return AutoAssignmentRule.objects.filter(pk=1).first() or AutoAssignmentRule()


@transaction.atomic
def auto_assign(*, now: datetime) -> int:
    """Give new cases to the officers whose turn it is; return how many. Safe to call by several at once.

    Only what a member's session has indexed, because before that nobody knows who stands in it. Never to somebody who
    is away, in conflict, switched off or not admitted. Whoever looks after a province comes before who looks after
    none; where nobody does either, the case stays nobody's.
    """
    if auto_assignment_rule().by == By.OFF:
        return 0
    switch = AutoAssignmentRule.objects.select_for_update().get(pk=1)
    unmet = Complaint.objects.filter(case=OuterRef("pk"), is_indexed=False)
    new = Case.objects.active().real().filter(status=Status.RECEIVED, assignee=None).exclude(Exists(unmet))
    rows = list(new.select_for_update(of=("self",), skip_locked=True).order_by("received_on", "pk")[:AT_ONCE])
    if not rows or switch.by == By.OFF:
        return 0
    today = timezone.localdate(now)
    candidates = _candidates(today)
    kept: set[tuple[object, object]] = set(
        Conflict.objects.in_force().filter(complaint__case__in=rows).values_list("complaint__case", "staff")
    )
    given = 0
    for case in rows:
        able = [one for one in candidates if (case.pk, one.person.pk) not in kept]
        if chosen := _next(able, case, switch.by):
            switch.turn += 1
            chosen.duty.last_turn, chosen.load = switch.turn, chosen.load + 1
            chosen.duty.save()
            set_assignee(case, chosen.person, by=None, today=today)
            facts = {"assignee": str(chosen.person.pk), "why": "turn"}
            log.append(event="case.assigned", now=now, case=case.pk, facts=facts)
            given += 1
    switch.save(update_fields=["turn"])
    return given


def _candidates(today: date) -> list[_Candidate]:
    away = set(Absence.objects.on(today).values_list("staff", flat=True))
    people = [one for one in assignable() if one.pk not in away and not one.must_recheck and not one.is_superuser]
    duties = Duty.objects.in_bulk([one.pk for one in people])
    open_cases = Case.objects.real().open().filter(assignee__in=people).order_by().values("assignee")
    loads = dict(open_cases.annotate(number=Count("pk")).values_list("assignee", "number"))
    return [_Candidate(one, duties.get(one.pk) or Duty(staff=one), loads.get(one.pk, 0)) for one in people]


def _next(able: list[_Candidate], case: Case, by: str) -> _Candidate | None:
    own = [one for one in able if one.looks_after(case, by)]
    everywhere = [one for one in able if one.looks_after(case, by) is None]
    return min(own or everywhere, key=lambda one: (one.load, one.duty.last_turn, one.person.username), default=None)


@transaction.atomic
def set_auto_assignment_rule(*, actor: Actor, by: str) -> None:
    """Switch the handing out on or off; the caller has made sure that an administrator asks."""
    AutoAssignmentRule.objects.update_or_create(pk=1, defaults={"by": By(by)})
    facts = {"by": by}
    actor.record("assigning.changed", facts=facts)


@transaction.atomic
def set_duty(*, actor: Actor, person: Staff, provinces: list[str], agency_kinds: list[str]) -> None:
    """Say what an officer looks after; nothing of a kind stands for everything that nobody else does."""
    values = {"provinces": sorted(provinces), "agency_kinds": sorted(agency_kinds)}
    Duty.objects.update_or_create(staff=person, defaults=values)
    facts = {"staff": str(person.pk), "provinces": len(provinces), "agency_kinds": len(agency_kinds)}
    actor.record("assigning.changed", facts=facts)
