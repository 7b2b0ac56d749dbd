"""Practice mode: a person works on made-up cases, through the same services as on real ones.

A practice case is sealed and audited like any other. A column, its reference and the audit entries mark it as practice.
A person in practice mode sees only practice cases, and everybody else sees none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints import access
from complaints.domain import codes
from complaints.models.case import Case, Holder
from complaints.models.team import Staff
from complaints.services import submission
from complaints.services.audit.state import change_facts, locked_state
from complaints.services.keyring import Actor, Locked
from complaints.services.samples.desk import files_of
from complaints.services.samples.stories import planned

AT_ONCE: Final = 10


@dataclass(frozen=True)
class PracticeResult:
    """A practice case: its reference, and the ticket code (grouped), which is shown once and not kept."""

    reference: str
    code: str


@transaction.atomic
def switch_practice(*, actor: Actor, on: bool) -> None:
    """Begin or end a person's practice mode; raises Locked where it begins for one who does not work on cases."""
    person = actor.staff
    if on and not access.may_practise(person):
        raise Locked("practice")
    before = locked_state(person, "staff")
    Staff.objects.filter(pk=person.pk).update(practising=on)
    # The entries of both switches are marked as practice, so that they enclose the practice period.
    person.practising = True
    facts = {"on": int(on), **change_facts(person, "staff", before=before)}
    actor.record("practice.switched", subject=person.pk, facts=facts)
    person.practising = on


@transaction.atomic
def make_practice_cases(*, actor: Actor, count: int = AT_ONCE) -> list[PracticeResult]:
    """Send reports of today, as a reporter does; raises Locked but for triage in practice."""
    person, today = actor.staff, timezone.localdate(actor.now)
    if not person.practising or not access.is_triage(person):
        raise Locked("practice")
    team = Holder(access.report_team(person))
    plans = planned()
    # Continues in the plan where the last call ended.
    first = Case.objects.filter(is_practice=True, held_by=team).count()
    results = []
    for number in range(first, first + count):
        plan = plans[number % len(plans)]
        draft = plan.draft(today)
        code = submission.start_code(draft)
        receipt = submission.submit(draft=draft, files=files_of(plan), today=today, practice_of=team)
        results.append(PracticeResult(receipt.reference, codes.grouped(code)))
    actor.record("practice.made", facts={"count": count})
    return results
