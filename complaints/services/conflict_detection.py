"""Whose own data are the accused's: compared in members' sessions, before a report is shown to anybody.

A wrong match costs a colleague's look and can be lifted; a missed one hands a report to the person it is about. So
each of NIP, name and agency locks by itself.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from complaints.domain import normalization
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Staff
from complaints.services import blind_index
from complaints.services.actor import Actor
from complaints.services.audit import log

Kind = IndexEntry.Kind
NOT_OWNED = ("assignee", "assigned_by", "stands_for", "assigned_on", "confirmed_on", "owner_seen_on")


def _own(person: Staff) -> dict[str, str]:
    """Return what of a person can be the accused's, each in the one spelling of the entries."""
    values = {
        Kind.NIP.value: normalization.nip(person.nip),
        Kind.NAME.value: normalization.name(person.get_full_name()),
        Kind.OFFICE.value: normalization.office(person.agency),
    }
    return {kind: value for kind, value in values.items() if value}


def record_matches(*, actor: Actor, key: bytes, entries: Iterable[IndexEntry]) -> None:
    """Write the conflicts that new entries bring, in the transaction that writes the entries."""
    people: dict[tuple[str, bytes], set[uuid.UUID]] = defaultdict(set)
    for person in Staff.objects.order_by("pk"):
        for kind, value in _own(person).items():
            people[kind, blind_index.digest(key, kind, value)].add(person.pk)
    pairs = {
        (entry.complaint_id, person)
        for entry in entries
        for person in people.get((str(entry.kind), bytes(entry.digest)), ())
    }
    _write(pairs, actor)


@transaction.atomic
def recheck_staff(*, actor: Actor) -> int:
    """Compare everybody whose data changed with all reports; return how many people that were.

    Nothing is taken back: whoever changes their own agency must not unlock a case by it.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the entries does not open; they still wait.
    """
    waiting = list(Staff.objects.select_for_update().filter(must_recheck=True).order_by("pk"))
    if not waiting:
        return 0
    key = blind_index.open_key(actor.keyring)
    pairs: set[tuple[uuid.UUID, uuid.UUID]] = set()
    for person in waiting:
        for kind, value in _own(person).items():
            found = IndexEntry.objects.filter(kind=kind, digest=blind_index.digest(key, kind, value))
            pairs |= {(complaint, person.pk) for complaint in found.values_list("complaint", flat=True)}
    _write(pairs, actor)
    Staff.objects.filter(pk__in=[person.pk for person in waiting]).update(must_recheck=False)
    if actor.staff:
        actor.staff.must_recheck = False
    return len(waiting)


def _write(pairs: set[tuple[uuid.UUID, uuid.UUID]], actor: Actor) -> None:
    """Write the conflicts that are not known yet, lifted ones included, and take the cases from their officers."""
    if not pairs:
        return
    complaints = {complaint for complaint, _person in pairs}
    known = set(Conflict.objects.filter(complaint__in=complaints).values_list("complaint", "staff"))
    new = sorted(pairs - known)
    cases = dict(Complaint.objects.filter(pk__in=complaints).values_list("pk", "case"))
    rows = [Conflict(complaint_id=one, staff_id=person, kind=Conflict.Kind.MATCHED) for one, person in new]
    Conflict.objects.bulk_create(rows, ignore_conflicts=True)
    for complaint, person in new:
        # The code's own finding, so nobody's act: the officer in whose session it came up may not even know of it.
        facts = {"staff": str(person), "complaint": str(complaint)}
        log.append(event="conflict.matched", now=actor.now, case=cases[complaint], facts=facts)
        release_assignment(case_id=cases[complaint], staff_id=person, now=actor.now)
    actor.keyring.forget_conflicts()


def release_assignment(*, case_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> None:
    """Take a case from the officer who must not have it; written into the chain where they had it."""
    if Case.objects.filter(pk=case_id, assignee=staff_id).update(**dict.fromkeys(NOT_OWNED)):
        log.append(event="case.assigned", now=now, case=case_id, facts={"assignee": "", "why": "conflict"})
