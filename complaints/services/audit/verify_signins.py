"""Verifies the counts of refused sign-ins: how much of them the chain took, and of what people were told."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.sign_in import COUNTS_KEPT, UNKNOWN_ACCOUNT, SigninCount
from complaints.models.team import Staff
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock, once

COUNTED: Final = "signin.counted"
TOLD: Final = "signin.told"
MAILED: Final = "signin.mailed"
# Counts are deleted by a job, whose day may be later than that of the chain's newest entry.
_SLACK: Final = timedelta(days=2)
# The account, the day (ISO) and the kind of a count.
Key = tuple[uuid.UUID, str, str]


def told_fact(day: date, kind: str) -> str:
    """Return the name of the fact that says of how many of a count's attempts a person was told."""
    return f"{day.isoformat()}.{kind}"


def _signin_faults(people: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield a fault for each count that differs from its entries; again with the account's counts locked."""
    for person in sorted({key[0] for key in _differing(people)}, key=str):
        with transaction.atomic():
            lock(SigninCount.objects.filter(account=person))
            differing = _differing([person])
        for (_account, day, kind), state in sorted(differing.items()):
            subject = "staff unknown" if person == UNKNOWN_ACCOUNT else f"staff {person}"
            yield Fault(None, "signin.count", subject, f"{day}.{kind}.{state}")


def _unknown_faults(_once: Sequence[int]) -> Iterator[Fault]:
    """Yield the faults of the counts of names that no account has."""
    yield from _signin_faults([UNKNOWN_ACCOUNT])


def _differing(people: Collection[uuid.UUID]) -> dict[Key, str]:
    """Return the counts that are not as recorded, each with what stands there now."""
    rows = {(row.account, row.day.isoformat(), row.kind): row for row in SigninCount.objects.filter(account__in=people)}
    counted, told, mailed = _recorded(people)
    differing: dict[Key, str] = {}
    for key, row in rows.items():
        is_untrue = row.is_mailed and key[:2] not in mailed
        if (row.recorded, row.notified) != (counted[key], told[key]) or row.n < row.recorded or is_untrue:
            differing[key] = f"{row.n}.{row.recorded}.{row.notified}.{row.is_mailed:d}"
    oldest = _oldest_kept()
    gone = {key: "gone" for key in counted if key not in rows and key[1] >= oldest}
    return differing | gone


def _recorded(people: Collection[uuid.UUID]) -> tuple[Counter[Key], Counter[Key], set[tuple[uuid.UUID, str]]]:
    """Return what entries hold: how many were counted, and told, by count; of which days administrators had a mail."""
    counted: Counter[Key] = Counter()
    told: Counter[Key] = Counter()
    mailed: set[tuple[uuid.UUID, str]] = set()
    entries = AuditEntry.objects.filter(subject__in=people, event__in=(COUNTED, TOLD, MAILED))
    for person, event, facts in entries.values_list("subject", "event", "facts").iterator():
        if person is None or not isinstance(facts, dict):
            continue
        day = str(facts.get("day", ""))
        if event == MAILED:
            mailed.add((person, day))
        elif event == COUNTED:
            counted.update({(person, day, kind): number for kind, number in _numbers(facts).items()})
        else:
            names = ((name.partition("."), number) for name, number in _numbers(facts).items())
            told.update({(person, day, kind): number for (day, _dot, kind), number in names})
    return counted, told, mailed


def _numbers(facts: Mapping[str, object]) -> dict[str, int]:
    return {name: value for name, value in facts.items() if isinstance(value, int) and name != "practice"}


def _oldest_kept() -> str:
    newest = AuditEntry.objects.order_by("-sequence").values_list("at", flat=True).first()
    return (timezone.localdate(newest) - COUNTS_KEPT + _SLACK).isoformat() if newest else ""


def _staff(_scope: Scope) -> Rows:
    return Staff.objects.all()


CHECKS: tuple[RowCheck, ...] = (
    RowCheck("signins", _staff, _signin_faults),
    RowCheck("signins_unknown", once, _unknown_faults),
)
