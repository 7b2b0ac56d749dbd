"""Verifies the counts of sign-ins, how much of them the chain took and of what people were told.

And the accounts that wait for a second administrator.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Final, cast

from django.db import transaction
from django.utils import timezone

from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry
from complaints.models.sign_in import COUNTS_KEPT, REFUSED, UNKNOWN_ACCOUNT, AccountConfirmation, SigninCount
from complaints.models.team import Staff
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock, once

COUNTED: Final = "signin.counted"
CHANGED: Final = "signin.changed"
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
    recorded = _recorded(people)
    differing: dict[Key, str] = {}
    for key, row in rows.items():
        is_untrue = row.is_mailed and key[:2] not in recorded.mailed
        # Of a change there is an entry each, of a refused sign-in one for the day once it is over.
        is_other = row.n < row.recorded if key[2] in REFUSED else row.n != recorded.changed[key]
        if (row.recorded, row.notified) != (recorded.counted[key], recorded.told[key]) or is_other or is_untrue:
            differing[key] = f"{row.n}.{row.recorded}.{row.notified}.{row.is_mailed:d}"
    oldest = _oldest_kept()
    kept = [*recorded.counted, *recorded.changed]
    return differing | {key: "gone" for key in kept if key not in rows and key[1] >= oldest}


@dataclass
class _Recorded:
    """What entries hold: how many were counted, changed and told, by count; of which days administrators had a mail."""

    counted: Counter[Key] = field(default_factory=Counter)
    changed: Counter[Key] = field(default_factory=Counter)
    told: Counter[Key] = field(default_factory=Counter)
    mailed: set[tuple[uuid.UUID, str]] = field(default_factory=set)


def _recorded(people: Collection[uuid.UUID]) -> _Recorded:
    recorded = _Recorded()
    entries = AuditEntry.objects.filter(subject__in=people, event__in=(COUNTED, CHANGED, TOLD, MAILED))
    for person, event, facts in entries.values_list("subject", "event", "facts").iterator():
        if person is None or not isinstance(facts, dict):
            continue
        day = str(facts.get("day", ""))
        if event == MAILED:
            recorded.mailed.add((person, day))
        elif event == CHANGED:
            recorded.changed[person, day, str(facts.get("kind"))] += 1
        elif event == COUNTED:
            recorded.counted.update({(person, day, kind): number for kind, number in _numbers(facts).items()})
        else:
            names = ((name.partition("."), number) for name, number in _numbers(facts).items())
            recorded.told.update({(person, day, kind): number for (day, _dot, kind), number in names})
    return recorded


def _numbers(facts: Mapping[str, object]) -> dict[str, int]:
    return {name: value for name, value in facts.items() if isinstance(value, int) and name != "practice"}


def _oldest_kept() -> str:
    newest = AuditEntry.objects.order_by("-sequence").values_list("at", flat=True).first()
    return (timezone.localdate(newest) - COUNTS_KEPT + _SLACK).isoformat() if newest else ""


# --- Accounts that wait for a second administrator: each row follows from the entries on the account ------------------


def _confirmation_faults(people: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for person in _waiting_otherwise(people):
        with transaction.atomic():
            lock(AccountConfirmation.objects.filter(staff=person))
            still = _waiting_otherwise([person])
        if still:
            yield Fault(None, "state.altered", f"confirmation of staff {person}", still[person])


def _waiting_otherwise(people: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the people whose row is not as their entries lead to, each with a digest of the row, "" for none."""
    rows = {row.staff_id: _columns_of(row) for row in AccountConfirmation.objects.filter(staff__in=people)}
    recorded: dict[uuid.UUID, dict[str, object]] = {}
    entries = AuditEntry.objects.filter(subject__in=people, event__startswith="confirmation.").order_by("sequence")
    for entry in entries.iterator():
        person, actor = entry.subject or uuid.UUID(int=0), str(entry.actor or "")
        if entry.event == "confirmation.used":
            recorded.pop(person, None)
        elif entry.event == "confirmation.asked":
            askers = sorted({*cast("list[str]", recorded.get(person, {}).get("askers", [])), *filter(None, [actor])})
            asked = {
                "cause": entry.facts.get("cause"),
                "askers": askers,
                "asked_at": entry.at.astimezone(UTC).isoformat(),
            }
            recorded[person] = {**asked, "confirmed_by": "", "confirmed_at": "", "code": ""}
        elif person in recorded:
            given = {
                "confirmed_by": actor,
                "confirmed_at": entry.at.astimezone(UTC).isoformat(),
                "code": entry.facts.get("code"),
            }
            recorded[person] |= given
    differing = [person for person in rows.keys() | recorded.keys() if rows.get(person) != recorded.get(person)]
    states = {person: repr(rows.get(person, "")).encode() for person in differing}
    return {person: blake2b(state, person=b"confirmation", size=16).hex() for person, state in states.items()}


def _columns_of(row: AccountConfirmation) -> dict[str, object]:
    asked = {"cause": row.cause, "askers": row.askers, "asked_at": row.asked_at.astimezone(UTC).isoformat()}
    confirmed_at = row.confirmed_at.astimezone(UTC).isoformat() if row.confirmed_at else ""
    given = {"confirmed_by": str(row.confirmed_by_id or ""), "confirmed_at": confirmed_at}
    return {**asked, **given, "code": bytes(row.code_digest or b"").hex()}


def _staff(_scope: Scope) -> Rows:
    return Staff.objects.all()


CHECKS: tuple[RowCheck, ...] = (
    RowCheck("signins", _staff, _signin_faults),
    RowCheck("signins_unknown", once, _unknown_faults),
    RowCheck("confirmations", _staff, _confirmation_faults),
)
