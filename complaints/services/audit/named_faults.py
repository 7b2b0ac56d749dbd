"""The faults that verification has named: stored as rows, and told until two auditors have acknowledged each."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import DatabaseError, transaction

from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry
from complaints.models.verification import VerificationFault
from complaints.services.audit import node_files, recorded_accounts
from complaints.services.audit.faults import Fault

# Of more faults that wait for acknowledgement than this only the number is kept.
FAULTS_AT_MOST: Final = 1000
AUDITORS_NEEDED: Final = 2
EVENT: Final = "fault.acknowledged"
# Tells that others were left out, and so is stored however many wait.
MORE: Final = "faults.more"


@dataclass(frozen=True)
class NamedFault:
    """A stored fault and the people who have acknowledged it as it stands, in the order of their entries."""

    id: uuid.UUID
    fault: Fault
    day: date
    acknowledged_by: tuple[uuid.UUID, ...]

    @property
    def is_settled(self) -> bool:
        """Whether enough people have acknowledged it, so that it is told no more."""
        return len(self.acknowledged_by) >= AUDITORS_NEEDED


class FaultsNotStored(Exception):
    """Faults were met that the database does not keep; whoever runs the verification tells them in another way."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Hold the faults, whose codes are the text."""
        self.faults = tuple(faults)
        super().__init__(", ".join(sorted({fault.code for fault in faults})))


def keep(faults: Sequence[Fault], *, today: date) -> None:
    """Store faults that a job has met beside the nightly run, read them again, and let the node remember them.

    Raises FaultsNotStored for those that the database refuses or does not give back.
    """
    if not faults:
        return
    try:
        with transaction.atomic():
            stored = store(faults, today=today).faults
    except DatabaseError as error:
        raise FaultsNotStored(faults) from error
    with node_files.changing_memory() as memory:
        memory.remember(stored)
    if missing := lost(stored):
        raise FaultsNotStored(missing)


@dataclass(frozen=True)
class Stored:
    """The faults that have a row now, by its key, and how many were left out because too many wait already."""

    faults: dict[uuid.UUID, Fault]
    left_out: int = 0


def store(faults: Iterable[Fault], *, today: date) -> Stored:
    """Store the faults that are not stored yet."""
    by_id = {_id_of(fault): fault for fault in faults}
    if not by_id:
        return Stored({})
    rows = list(VerificationFault.objects.filter(pk__in=by_id))
    known = {row.pk for row in rows if _fault_of(row) == by_id[row.pk]}
    for row in rows:
        if row.pk not in known:
            # Somebody has put another fault in its place; what nobody can foresee makes the row of this one free.
            fault = Fault(by_id.pop(row.pk).sequence, "faults.gone", f"fault {row.pk}", uuid.uuid4().hex)
            by_id[_id_of(fault)] = fault
    new = [
        VerificationFault(
            pk=pk, sequence=fault.sequence, code=fault.code, subject=fault.subject, state=fault.state, day=today
        )
        for pk, fault in by_id.items()
        if pk not in known
    ]
    room = max(0, FAULTS_AT_MOST - waiting()) if new else 0
    left_out = [row for row in new if row.code != MORE][room:]
    left_out_keys = {row.pk for row in left_out}
    # A run on another node may have stored the same fault meanwhile.
    VerificationFault.objects.bulk_create([row for row in new if row.pk not in left_out_keys], ignore_conflicts=True)
    return Stored({pk: fault for pk, fault in by_id.items() if pk not in left_out_keys}, len(left_out))


def stored_faults(*, limit: int) -> dict[uuid.UUID, Fault]:
    """Return stored faults by the key of their row, the newest day first; a row that is not its fault is left out."""
    rows = VerificationFault.objects.order_by("-day", "pk")[:limit]
    return {row.pk: fault for row in rows if _id_of(fault := _fault_of(row)) == row.pk}


def lost(faults: Mapping[uuid.UUID, Fault]) -> list[Fault]:
    """Return those of ``faults``, by the keys of their rows, that are not stored as they are."""
    rows = VerificationFault.objects.filter(pk__in=list(faults))
    present = {row.pk for row in rows if _fault_of(row) == faults[row.pk]}
    return [fault for key, fault in faults.items() if key not in present]


def without_row(faults: Mapping[uuid.UUID, Fault]) -> list[Fault]:
    """Return those of ``faults`` whose row is gone; an altered row stands among the faults as one that was altered."""
    present = set(VerificationFault.objects.filter(pk__in=list(faults)).values_list("pk", flat=True))
    return [fault for key, fault in faults.items() if key not in present]


def waiting() -> int:
    """Return the number of stored faults that two auditors have not acknowledged."""
    if not VerificationFault.objects.exists():
        return 0
    return sum(not fault.is_settled for fault in named_faults())


def named_faults() -> list[NamedFault]:
    """Return all stored faults, the newest day first."""
    rows = list(VerificationFault.objects.order_by("-day", "sequence", "pk"))
    people = _acknowledged_by()
    return [
        NamedFault(row.pk, fault := _fault_of(row), row.day, tuple(people.get((row.pk, fault.digest), ())))
        for row in rows
    ]


def named_fault(fault_id: uuid.UUID) -> NamedFault | None:
    """Return a stored fault, or None."""
    return next((fault for fault in named_faults() if fault.id == fault_id), None)


def _id_of(fault: Fault) -> uuid.UUID:
    return uuid.UUID(fault.digest[:32])


def _fault_of(row: VerificationFault) -> Fault:
    """Return the fault of a row; where the row is not as :func:`store` writes one, the fault that it is not."""
    columns = (row.sequence, row.code, row.subject, row.state)
    try:
        fault = Fault(*columns)
        if _id_of(fault) == row.pk:
            return fault
    except ValueError:
        pass
    state = blake2b(repr(columns).encode(), person=b"altered fault").hex()
    return Fault(None, "faults.gone", f"fault {row.pk}", state)


def _acknowledged_by() -> dict[tuple[uuid.UUID, str], Sequence[uuid.UUID]]:
    """Return the people of all acknowledgements by fault and digest, each once.

    Each must bear the person's signature: an entry that somebody has only written into the table makes no fault quiet.
    """
    entries = AuditEntry.objects.filter(event=EVENT, subject__in=VerificationFault.objects.values("pk"))
    people: dict[tuple[uuid.UUID, str], dict[uuid.UUID, None]] = defaultdict(dict)
    for entry in entries.order_by("sequence"):
        if entry.subject is not None and entry.actor is not None and recorded_accounts.is_signed_by_actor(entry):
            people[entry.subject, str(entry.facts.get("digest"))][entry.actor] = None
    return {key: tuple(actors) for key, actors in people.items()}
