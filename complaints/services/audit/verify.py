"""Verifies the whole audit chain and the rows it refers to.

Nothing is decrypted, and only the server's public key is needed: read access to the database is enough to verify it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from complaints.models.audit import ChainHead
from complaints.services.audit import (
    erasure_decisions,
    recorded_codes,
    recorded_lanes,
    recorded_lost_codes,
    recorded_release_steps,
    recorded_releases,
    recorded_rules,
    report_signature,
    verify_assigning,
    verify_batches,
    verify_cases,
    verify_erasures,
    verify_names,
    verify_registers,
    verify_relations,
    verify_rows,
    verify_signins,
    verify_states,
    verify_two_people,
)
from complaints.services.audit.entries import ChainPosition, EntryVerifier, chunks
from complaints.services.audit.faults import Fault, RowCheck, Scope
from complaints.services.audit.log import Head

# Number of primary keys that a check of rows takes at a time.
CHUNK: Final = 500
# Of more faults than this only the number is kept.
FAULTS_AT_MOST: Final = 1000
# All checks of rows, in the order in which they run.
ROW_CHECKS: Final[tuple[RowCheck, ...]] = (
    *verify_batches.CHECKS,
    *report_signature.CHECKS,
    *verify_rows.CHECKS,
    *verify_states.CHECKS,
    *verify_cases.CHECKS,
    *verify_relations.CHECKS,
    *recorded_release_steps.CHECKS,
    *verify_names.CHECKS,
    *verify_registers.CHECKS,
    *recorded_releases.CHECKS,
    *recorded_lanes.CHECKS,
    *verify_signins.CHECKS,
    *recorded_codes.CHECKS,
    *recorded_rules.CHECKS,
    *verify_assigning.CHECKS,
    *verify_two_people.CHECKS,
    *recorded_lost_codes.CHECKS,
    *verify_erasures.CHECKS,
    *erasure_decisions.CHECKS,
)


@dataclass(frozen=True)
class Verdict:
    """The result: the number of the last entry, the faults in the order in which they were met, how many more."""

    entries: int
    faults: tuple[Fault, ...] = ()
    more: int = 0

    @property
    def whole(self) -> bool:
        """Whether no fault was met."""
        return not self.faults


def verify_chain(*, heads: Collection[Head] = ()) -> Verdict:
    """Verify the whole chain and all rows that it refers to, and go on after each fault.

    Verified are the links, digests, signatures and signers of all entries, and the rows by ROW_CHECKS. A chain that was
    cut off or written again differs from ``heads``, which have left the machine.
    """
    position = ChainPosition()
    faults: dict[Fault, None] = {}
    more = 0
    for fault in _all_faults(EntryVerifier(position, heads)):
        if fault in faults or len(faults) < FAULTS_AT_MOST:
            faults[fault] = None
        else:
            more += 1
    return Verdict(position.sequence, tuple(faults), more)


def faults_as_met(*, heads: Collection[Head] = ()) -> Iterator[Fault]:
    """Yield the faults of :func:`verify_chain` one by one; what comes after the last one asked for is not verified."""
    return _all_faults(EntryVerifier(ChainPosition(), heads))


def _all_faults(verifier: EntryVerifier) -> Iterator[Fault]:
    end = ChainHead.objects.get(pk=1)
    for chunk in chunks(0, end.sequence):
        for number, entry in chunk:
            yield from verifier.faults(number, entry)
    yield from verifier.end_faults(end)
    for check in ROW_CHECKS:
        for keys in key_chunks(check, Scope()):
            yield from check.faults(keys)


def key_chunks(check: RowCheck, scope: Scope, after: object = None) -> Iterator[list[Any]]:
    """Yield the primary keys of a check's rows in order, CHUNK at a time, from behind the key ``after``."""
    while True:
        rows = check.rows(scope).order_by("pk")
        if after is not None:
            rows = rows.filter(pk__gt=after)
        keys = list(rows.values_list("pk", flat=True)[:CHUNK])
        if keys:
            yield keys
        # A chunk that is not full is the last one: no query more, of which a run on few rows makes one for each check.
        if len(keys) < CHUNK:
            return
        after = keys[-1]
