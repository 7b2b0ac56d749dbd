"""Practice mode: a person leaves the real cases for a while and works on made-up ones, through the same services.

A practice case is sealed and audited like any other, because only so it can be practised on. It is told apart by a
column, by its reference, and in the chain; whoever practises sees nothing else, and whoever does not sees none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints import access
from complaints.domain import codes
from complaints.models.case import Case
from complaints.models.team import Staff, Team
from complaints.services import submission
from complaints.services.actor import Actor
from complaints.services.keyring import Locked
from complaints.services.samples.desk import files_of
from complaints.services.samples.stories import planned

AT_ONCE: Final = 10


@dataclass(frozen=True)
class PracticeResult:
    """A practice case, and the ticket code with which its reporter can be played; shown once and not kept."""

    reference: str
    code: str


@transaction.atomic
def switch_practice(*, actor: Actor, on: bool) -> None:
    """Begin or end practising; whoever left their team meanwhile can still end it.

    Raises:
        Locked: this person works on no cases, or is nobody.
    """
    person = actor.staff
    if person is None or (on and not access.may_practise(person)):
        raise Locked("practice")
    Staff.objects.filter(pk=person.pk).update(practising=on)
    # On both sides of it the entry is marked: what lies between two such entries was practice.
    person.practising = True
    actor.record("practice.switched", facts={"on": int(on)})
    person.practising = on


@transaction.atomic
def make_practice_cases(*, actor: Actor, count: int = AT_ONCE) -> list[PracticeResult]:
    """Send ``count`` made-up reports as reporters would; all of today, because days that are over are closed.

    Raises:
        Locked: this person does not practise, or is no member of triage.
    """
    person, today = actor.staff, timezone.localdate(actor.now)
    if person is None or not person.practising or not access.is_triage(person):
        raise Locked(Team.Kind.TRIAGE)
    plans = planned()
    # Each time others, until all have been met.
    first = Case.objects.filter(is_practice=True).count()
    made = []
    for place in range(first, first + count):
        plan = plans[place % len(plans)]
        draft = plan.draft(today)
        code = submission.start_code(draft)
        receipt = submission.submit(draft=draft, files=files_of(plan), today=today, practice=True)
        made.append(PracticeResult(receipt.reference, codes.grouped(code)))
    actor.record("practice.made", facts={"count": count})
    return made
