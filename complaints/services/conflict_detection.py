"""Detects conflicts of interest: compares the accused of each report with the staff, before anybody reads the report.

A wrong match costs a colleague's attention and can be lifted; a missed one shows a report to the person it accuses.
Therefore a NIP, a name or an agency that agrees is enough by itself.
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
from complaints.services import similarity
from complaints.services.actor import Actor
from complaints.services.audit import log

Kind = IndexEntry.Kind
OWNER_COLUMNS = ("assignee", "assigned_by", "stands_for", "assigned_on", "confirmed_on", "owner_seen_on")


def _identifiers(person: Staff) -> dict[str, str]:
    """Return a person's NIP, name and agency by kind of entry, normalised as the entries are."""
    values = {
        Kind.NIP.value: normalization.nip(person.nip),
        Kind.NAME.value: normalization.name(person.get_full_name()),
        Kind.OFFICE.value: normalization.office(person.agency),
    }
    return {kind: value for kind, value in values.items() if value}


def record_matches(*, actor: Actor, key: bytes, entries: Iterable[IndexEntry]) -> None:
    """Store the conflicts of interest that new index entries show, in the transaction that stores the entries."""
    people: dict[tuple[str, bytes], set[uuid.UUID]] = defaultdict(set)
    for person in Staff.objects.order_by("pk"):
        for kind, value in _identifiers(person).items():
            people[kind, similarity.digest(key, kind, value)].add(person.pk)
    pairs = {
        (entry.complaint_id, person)
        for entry in entries
        for person in people.get((str(entry.kind), bytes(entry.digest)), ())
    }
    _store_conflicts(pairs, actor)


@transaction.atomic
def recheck_staff(*, actor: Actor) -> int:
    """Compare staff whose data changed with all reports; return how many were compared.

    Earlier conflicts stay in force: nobody can open a case for themselves by changing their own agency.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the blind index does not open; nobody was compared.
    """
    changed = list(Staff.objects.select_for_update().filter(must_recheck=True).order_by("pk"))
    if not changed:
        return 0
    key = similarity.open_key(actor.keyring)
    pairs: set[tuple[uuid.UUID, uuid.UUID]] = set()
    for person in changed:
        for kind, value in _identifiers(person).items():
            entries = IndexEntry.objects.filter(kind=kind, digest=similarity.digest(key, kind, value))
            pairs |= {(complaint, person.pk) for complaint in entries.values_list("complaint", flat=True)}
    _store_conflicts(pairs, actor)
    Staff.objects.filter(pk__in=[person.pk for person in changed]).update(must_recheck=False)
    actor.staff.must_recheck = False
    return len(changed)


def _store_conflicts(pairs: set[tuple[uuid.UUID, uuid.UUID]], actor: Actor) -> None:
    """Store conflicts that have no row yet, and unassign the cases; a lifted conflict has a row and stays lifted."""
    if not pairs:
        return
    complaints = {complaint for complaint, _person in pairs}
    known = set(Conflict.objects.filter(complaint__in=complaints).values_list("complaint", "staff"))
    new = sorted(pairs - known)
    cases = dict(Complaint.objects.filter(pk__in=complaints).values_list("pk", "case"))
    rows = [Conflict(complaint_id=complaint, staff_id=person, kind=Conflict.Kind.MATCHED) for complaint, person in new]
    Conflict.objects.bulk_create(rows, ignore_conflicts=True)
    for complaint, person in new:
        # Recorded without an actor: the officer in whose session the match was found did not act, and may not know.
        facts = {"staff": str(person), "complaint": str(complaint)}
        log.append(event="conflict.matched", now=actor.now, case=cases[complaint], facts=facts)
        release_assignment(case_id=cases[complaint], staff_id=person, now=actor.now)
    actor.keyring.forget_conflicts()


def release_assignment(*, case_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> None:
    """Unassign a case from an officer with a conflict of interest; recorded where they owned it."""
    if Case.objects.filter(pk=case_id, assignee=staff_id).update(**dict.fromkeys(OWNER_COLUMNS)):
        log.append(event="case.assigned", now=now, case=case_id, facts={"assignee": "", "why": "conflict"})
