"""Detects conflicts of interest: compares the accused of each report with the staff, before anybody reads the report.

A wrong match costs a colleague's attention and can be lifted; a missed one shows a report to the person it accuses.
Therefore a NIP, a name or an agency that agrees is enough by itself.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain import normalization
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Staff, Team
from complaints.services import similarity
from complaints.services.audit import log
from complaints.services.audit.state import change_facts, state_of, states_of
from complaints.services.keyring import Actor


class NamedInReports(Exception):
    """Reports name the person who opens them; ``reports`` are their ids."""

    def __init__(self, reports: Collection[uuid.UUID]) -> None:
        super().__init__()
        self.reports = reports


Kind = IndexEntry.Kind
# By team, the mark of a person whose changed data its sessions have not compared with its reports yet.
RECHECK_OF = {Team.Kind.TRIAGE: "must_recheck", Team.Kind.SEPARATE: "must_recheck_separate"}
OWNER_COLUMNS = ("assignee", "assigned_by", "stands_for", "assigned_on", "confirmed_on", "owner_seen_on")


def accused_identifiers(answers: Mapping[str, object]) -> dict[str, str]:
    """Return the NIP, name and agency of the accused by kind of entry, normalised as a person's are; "" where missing.

    ``answers`` are those of a report, by their names.
    """
    return {
        Kind.NIP.value: normalization.nip(str(answers.get("accused_nip") or "")),
        Kind.NAME.value: normalization.name(str(answers.get("accused_name") or "")),
        Kind.OFFICE.value: normalization.office(str(answers.get("agency") or "")),
    }


def _identifiers(person: Staff) -> dict[str, str]:
    """Return a person's NIP, name and agency by kind of entry, normalised as the entries are."""
    values = {
        Kind.NIP.value: normalization.nip(person.nip),
        Kind.NAME.value: normalization.name(person.get_full_name()),
        Kind.OFFICE.value: normalization.office(person.agency),
    }
    return {kind: value for kind, value in values.items() if value}


def refuse_where_named(*, actor: Actor, answers: Mapping[uuid.UUID, Mapping[str, object]]) -> None:
    """Raise NamedInReports where opened answers, by report, name the actor and no colleague has lifted that conflict.

    It needs neither the blind index nor a row of a conflict: both can be altered in the database before anybody looks.
    """
    identifiers = _identifiers(actor.staff)
    accused = {report: accused_identifiers(content) for report, content in answers.items()}
    naming = {
        report
        for report, values in accused.items()
        if any(values[kind] == value for kind, value in identifiers.items())
    }
    recorded = access.recorded_conflicts([actor.staff.pk]) if naming else {}
    if naming := {report for report in naming if recorded.get((report, actor.staff.pk), True)}:
        raise NamedInReports(naming)


@transaction.atomic
def record_where_named(*, actor: Actor, reports: Collection[uuid.UUID]) -> None:
    """Store the conflicts of interest that :func:`refuse_where_named` found."""
    _store_conflicts({(report, actor.staff.pk) for report in reports}, actor)


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
    """Compare staff whose data changed with all reports of the actor's team; return how many were compared.

    Earlier conflicts stay in force: nobody can open a case for themselves by changing their own agency.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the blind index does not open; nobody was compared.
    """
    mark = RECHECK_OF[actor.keyring.report_team]
    changed = list(Staff.objects.select_for_update().filter(**{mark: True}).order_by("pk"))
    if not changed:
        return 0
    key = similarity.open_key(actor.keyring)
    pairs: set[tuple[uuid.UUID, uuid.UUID]] = set()
    for person in changed:
        for kind, value in _identifiers(person).items():
            entries = IndexEntry.objects.filter(kind=kind, digest=similarity.digest(key, kind, value))
            pairs |= {(complaint, person.pk) for complaint in entries.values_list("complaint", flat=True)}
    _store_conflicts(pairs, actor)
    ids = [person.pk for person in changed]
    before = states_of(ids, "staff")
    Staff.objects.filter(pk__in=ids).update(**{mark: False})
    for person in changed:
        # Recorded without an actor: the officer in whose session it happens did not act.
        facts = {"staff": str(person.pk), **change_facts(person, "staff", before=before[person.pk])}
        log.append(event="staff.compared", now=actor.now, subject=person.pk, facts=facts)
    setattr(actor.staff, mark, False)
    return len(changed)


def _store_conflicts(pairs: set[tuple[uuid.UUID, uuid.UUID]], actor: Actor) -> None:
    """Store conflicts that the chain does not know yet, and unassign the cases; a lifted conflict stays lifted."""
    if not pairs:
        return
    complaints = {complaint for complaint, _person in pairs}
    # Cases are locked before the chain; two sessions that find the same conflict record it once.
    cases = dict(Complaint.objects.filter(pk__in=complaints).values_list("pk", "case"))
    list(Case.objects.select_for_update().filter(pk__in=cases.values()).order_by("pk").values_list("pk"))
    known = access.recorded_conflicts({person for _complaint, person in pairs})
    for complaint, person in sorted(pairs - known.keys()):
        values = {"kind": Conflict.Kind.MATCHED, "is_lifted": False}
        Conflict.objects.update_or_create(complaint_id=complaint, staff_id=person, defaults=values)
        # Recorded without an actor: the officer in whose session the match was found did not act, and may not know.
        facts = {"staff": str(person), "complaint": str(complaint)}
        log.append(event="conflict.matched", now=actor.now, case=cases[complaint], subject=person, facts=facts)
        release_assignment(case_id=cases[complaint], staff_id=person, now=actor.now)
    actor.keyring.forget_conflicts()


def release_assignment(*, case_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> None:
    """Unassign a case from an officer with a conflict of interest; recorded where they owned it."""
    case = Case.objects.select_for_update(of=("self",)).filter(pk=case_id, assignee=staff_id).first()
    if case is None:
        return
    before = state_of(case, "assignment")
    Case.objects.filter(pk=case_id).update(**dict.fromkeys(OWNER_COLUMNS))
    facts = {"assignee": "", "why": "conflict", **change_facts(case, "assignment", before=before)}
    log.append(event="case.assigned", now=now, case=case_id, subject=case_id, facts=facts)
