"""Verifies how cases are handed out: absences with their stand-ins, duties of officers, and the rule.

None of it opens anything. But who gets a case follows from it, and officers read who is away and who stands in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from django.db import transaction

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.models.assignment import Absence, AutoAssignmentRule, Duty
from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, once

AWAY: Final = "staff.away"
CHANGED: Final = "assigning.changed"


def absence_facts(row: Absence) -> dict[str, str]:
    """Return the facts of the entry of an absence."""
    facts = {"staff": str(row.staff_id), "stand_in": str(row.stand_in_id)}
    return facts | {"from": _day(row.from_on), "until": _day(row.until_on)}


def _day(value: date) -> str:
    return value.isoformat()


def duty_digest(provinces: Sequence[str], agency_kinds: Sequence[str]) -> str:
    """Return the digest (32 hexadecimal digits) by which an entry records the duties of an officer."""
    content = {"provinces": sorted(map(str, provinces)), "agency_kinds": sorted(map(str, agency_kinds))}
    return blake2b(hashchain.canonical(content), person=b"duty", size=16).hex()


def is_absence_recorded(row: Absence) -> bool:
    """Whether a genuine entry, the newest about an absence, says the same of it; one query."""
    entry = AuditEntry.objects.filter(subject=row.pk, event=AWAY).order_by("-sequence").first()
    return entry is not None and log.is_genuine(entry) and _without_practice(entry.facts) == absence_facts(row)


def _without_practice(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name != "practice"}


def _assigning_faults(_head: Sequence[object]) -> Iterator[Fault]:
    """Yield the faults of all these rows, which are few; with the head locked, behind which each change waits."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        yield from _absence_faults()
        yield from _duty_faults()


def _absence_faults() -> Iterator[Fault]:
    entries = AuditEntry.objects.filter(event=AWAY, subject__isnull=False).order_by("sequence")
    recorded: dict[uuid.UUID, tuple[int, dict[str, object]]] = {}
    for sequence, subject, facts in entries.values_list("sequence", "subject", "facts").iterator():
        if subject is not None:
            recorded[subject] = sequence, _without_practice(facts) if facts.get("stand_in") else {}
    stored: dict[uuid.UUID, dict[str, str]] = {row.pk: absence_facts(row) for row in Absence.objects.all()}
    for key in sorted(stored.keys() | recorded.keys()):
        place, expected = recorded.get(key, (None, {}))
        if stored.get(key, {}) != expected:
            yield _fault(place, f"absence {key}", stored.get(key))


def _duty_faults() -> Iterator[Fault]:
    by, rule = "off", None
    duties: dict[str, tuple[int, str]] = {}
    entries = AuditEntry.objects.filter(event=CHANGED).order_by("sequence")
    for sequence, facts in entries.values_list("sequence", "facts").iterator():
        if "by" in facts:
            by, rule = str(facts["by"]), sequence
        else:
            duties[str(facts.get("staff"))] = sequence, str(facts.get("state"))
    present = AutoAssignmentRule.objects.filter(pk=1).values_list("by", flat=True).first() or "off"
    if present != by:
        yield _fault(rule, "auto-assignment rule", present)
    # A turn makes a row without duties.
    none = duty_digest([], [])
    stored = {str(row.pk): duty_digest(row.provinces, row.agency_kinds) for row in Duty.objects.all()}
    for person in sorted(stored.keys() | duties.keys()):
        place, state = duties.get(person, (None, none))
        if stored.get(person, none) != state:
            yield _fault(place, f"duty of staff {person}", stored.get(person))


def _fault(sequence: int | None, subject: str, stored: object) -> Fault:
    state = blake2b(repr(stored).encode(), person=b"assigning", size=16).hex()
    return Fault(sequence, "state.altered" if sequence else "state.unrecorded", subject, state)


CHECKS: Final = (RowCheck("assigning", once, _assigning_faults),)
