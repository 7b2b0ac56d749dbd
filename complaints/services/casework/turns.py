"""Handing out new cases in turn, where the house has switched that on: to whoever has least, then waited longest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from complaints.domain.workflow import Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.duty import Absence, AssigningRule, Duty
from complaints.models.team import Staff
from complaints.services import audit
from complaints.services.casework.assigning import assignable, write_owner
from complaints.services.vault import Keyring

AT_ONCE: Final = 100
By = AssigningRule.By


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


def rule() -> AssigningRule:
    """Return how cases are handed out; not at all where nobody has said."""
    return AssigningRule.objects.filter(pk=1).first() or AssigningRule()


@transaction.atomic
def hand_out(*, now: datetime) -> int:
    """Give new cases to the officers whose turn it is; return how many. Safe to call by several at once.

    Only what a member's session has indexed, because before that nobody knows who stands in it. Never to somebody who
    is away, in conflict, switched off or not admitted. Whoever looks after a province comes before who looks after
    none; where nobody does either, the case stays nobody's.
    """
    if rule().by == By.OFF:
        return 0
    switch = AssigningRule.objects.select_for_update().get(pk=1)
    unmet = Complaint.objects.filter(case=OuterRef("pk"), is_indexed=False)
    new = Case.objects.standing().real().filter(status=Status.RECEIVED, assignee=None).exclude(Exists(unmet))
    rows = list(new.select_for_update(of=("self",), skip_locked=True).order_by("received_on", "pk")[:AT_ONCE])
    if not rows or switch.by == By.OFF:
        return 0
    today = timezone.localdate(now)
    candidates = _candidates(today)
    kept: set[tuple[object, object]] = set(
        Conflict.objects.standing().filter(complaint__case__in=rows).values_list("complaint__case", "staff")
    )
    given = 0
    for case in rows:
        able = [one for one in candidates if (case.pk, one.person.pk) not in kept]
        if chosen := _next(able, case, switch.by):
            switch.turn += 1
            chosen.duty.last_turn, chosen.load = switch.turn, chosen.load + 1
            chosen.duty.save()
            write_owner(case, chosen.person, by=None, today=today)
            facts = {"assignee": str(chosen.person.pk), "why": "turn"}
            audit.append(event="case.assigned", now=now, case=case.pk, facts=facts)
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
def set_rule(*, keyring: Keyring, by: str, now: datetime) -> None:
    """Switch the handing out on or off; the caller has made sure that an administrator asks."""
    AssigningRule.objects.update_or_create(pk=1, defaults={"by": By(by)})
    facts = {"by": by}
    audit.append(event="assigning.changed", now=now, actor=keyring.staff, signer=keyring.signer, facts=facts)


@transaction.atomic
def set_duty(*, keyring: Keyring, person: Staff, provinces: list[str], agency_kinds: list[str], now: datetime) -> None:
    """Say what an officer looks after; nothing of a kind stands for everything that nobody else does."""
    values = {"provinces": sorted(provinces), "agency_kinds": sorted(agency_kinds)}
    Duty.objects.update_or_create(staff=person, defaults=values)
    facts = {"staff": str(person.pk), "provinces": len(provinces), "agency_kinds": len(agency_kinds)}
    audit.append(event="assigning.changed", now=now, actor=keyring.staff, signer=keyring.signer, facts=facts)
