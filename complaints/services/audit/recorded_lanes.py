"""What the chain records about the lane of likely junk: which cases are in it and why, who has read, what is proposed.

The columns of the rows alone decide nothing here: somebody who writes to the database could put a report into the lane,
and have it closed with the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import Stored, blake2b
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Lane
from complaints.models.lane import LaneProposal
from complaints.models.search_document import SearchDoc
from complaints.services.audit import log
from complaints.services.audit.batches import last_batch
from complaints.services.audit.faults import Fault, RowCheck, once
from complaints.services.audit.state import STATES

State = LaneProposal.State
PROPOSED: Final = "lane.proposed"
_SET: Final = "lane.set"
FINISHED: Final = "lane.finished"
_DECISIONS: Final = {PROPOSED: State.OPEN, "lane.confirmed": State.CONFIRMED, "lane.withdrawn": State.WITHDRAWN}
ID_BYTES: Final = 16


@dataclass(frozen=True)
class LaneEntry:
    """Why a case is in the lane: the rule (``domain.lane.LaneRule``) and how many said the same at that time."""

    rule: str
    count: int


def lane_entries(cases: Collection[uuid.UUID]) -> dict[uuid.UUID, LaneEntry]:
    """Return the cases of which the newest entry says that they are in the lane, as long as it is genuine; two queries.

    Left out are those whose search document says otherwise how many files and posts its report had then: what was sent
    since would not be seen. The signature of each is verified, in about a tenth of a millisecond.
    """
    newest = _newest_entries(cases)
    counted = _evidence_of(newest)
    return {
        case: LaneEntry(str(entry.facts.get("rule", "")), int(entry.facts.get("count", 0)))
        for case, entry in newest.items()
        if entry.event == _SET and log.is_genuine(entry) and entry.facts.get("evidence") == counted.get(case)
    }


def _newest_entries(cases: Collection[uuid.UUID]) -> dict[uuid.UUID, AuditEntry]:
    newest: dict[uuid.UUID, AuditEntry] = {}
    entries = AuditEntry.objects.filter(subject__in=cases, event__in=STATES["lane"].events)
    for entry in entries.order_by("sequence").iterator():
        if entry.subject is not None:
            newest[entry.subject] = entry
    return newest


def _evidence_of(cases: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return by case how many files and posts its report had when its document was written; both have one key."""
    documents = SearchDoc.objects.filter(complaint__in=cases, team__kind=F("complaint__case__held_by"))
    return dict(documents.values_list("complaint", "evidence"))


def _document_faults(cases: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield a fault for each case of the lane whose search document is gone, or counts files and posts otherwise."""
    counted = _evidence_of(cases)
    for case, entry in _newest_entries(cases).items():
        if entry.event == _SET and entry.facts.get("evidence") != counted.get(case):
            yield Fault(entry.sequence, "state.altered", f"search document of case {case}", str(counted.get(case, "")))


def opened_by(person: uuid.UUID, cases: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the cases that a person has opened; one query."""
    entries = AuditEntry.objects.filter(case__in=cases, actor=person, event="case.opened")
    return {entry.case for entry in entries.iterator() if entry.case is not None and log.is_genuine(entry)}


def batch_roots(numbers: Collection[int]) -> dict[int, bytes]:
    """Return the root (32 bytes) of each of these batches that is closed and has its genuine entry; two queries."""
    if not numbers:
        return {}
    closed = AuditEntry.objects.filter(event="day.closed").order_by("-sequence")
    # The newest entries down to the oldest batch in question; the chain has no index by event.
    since = max(0, last_batch() - min(numbers) + 1)
    rows = {int(entry.facts["batch"]): entry for entry in closed[:since]}
    wanted = {number: rows[number] for number in numbers if number in rows}
    return {
        number: bytes.fromhex(str(entry.facts["root"])) for number, entry in wanted.items() if log.is_genuine(entry)
    }


# --- Proposals


@dataclass(frozen=True)
class Decision:
    """Who proposed, confirmed or withdrew, and when; ``read`` counts the cases that were read before a proposal."""

    actor: uuid.UUID | None
    at: datetime
    read: int = 0


def ids_of(cases: Stored) -> list[uuid.UUID]:
    """Return the ids in the column ``cases`` of a proposal."""
    octets = bytes(cases)
    whole = len(octets) - len(octets) % ID_BYTES
    return [uuid.UUID(bytes=octets[start : start + ID_BYTES]) for start in range(0, whole, ID_BYTES)]


def cases_root(cases: Stored) -> str:
    """Return the Merkle root (hexadecimal) of the ids in the column ``cases``."""
    return hashchain.merkle_root([blake2b(case.bytes, person=b"lane case") for case in ids_of(cases)]).hex()


def decisions(proposal: LaneProposal) -> dict[State, Decision]:
    """Return by state who brought a proposal there, by genuine entries; one query.

    Without State.OPEN in it, or with another state or other cases than the row has, the row is not as recorded.
    """
    newest: dict[State, Decision] = {}
    for entry in _entries_about(proposal.pk):
        if not log.is_genuine(entry):
            continue
        if entry.event == PROPOSED and entry.facts.get("root") != cases_root(proposal.cases):
            continue
        newest[_DECISIONS[entry.event]] = Decision(entry.actor, entry.at, int(entry.facts.get("read", 0)))
    return newest


def is_recorded(proposal: LaneProposal, decided: dict[State, Decision]) -> bool:
    """Whether the row of a proposal is as :func:`decisions` says."""
    last = list(decided)[-1] if decided else None
    return State.OPEN in decided and last == proposal.state


def _entries_about(proposal: uuid.UUID) -> Iterator[AuditEntry]:
    entries = AuditEntry.objects.filter(subject=proposal, event__in=_DECISIONS)
    yield from entries.order_by("sequence").iterator()


def _proposal_faults(_head: object) -> Iterator[Fault]:
    """Yield the faults of all proposals, which are few; with the head locked, behind which each change waits."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        recorded = _recorded_proposals()
        stored = {
            row.pk: f"{row.state}.{cases_root(row.cases)}.{row.is_finished}" for row in LaneProposal.objects.all()
        }
        for key in sorted(stored.keys() | recorded.keys()):
            sequence, columns = recorded.get(key, (None, ""))
            if stored.get(key, "") != columns:
                code = "state.altered" if sequence else "state.unrecorded"
                yield Fault(sequence, code, f"lane proposal {key}", stored.get(key, ""))


def _recorded_proposals() -> dict[uuid.UUID, tuple[int, str]]:
    """Return by proposal the number of its newest entry, and its columns as its entries say."""
    entries = AuditEntry.objects.filter(event__in=[*_DECISIONS, FINISHED]).order_by("sequence")
    roots: dict[uuid.UUID, str] = {}
    states: dict[uuid.UUID, str] = {}
    recorded = {}
    for subject, sequence, event, facts in entries.values_list("subject", "sequence", "event", "facts").iterator():
        if subject is None:
            continue
        if event == PROPOSED:
            roots[subject] = str(facts.get("root"))
        if event in _DECISIONS:
            states[subject] = _DECISIONS[event].value
        columns = f"{states.get(subject, '')}.{roots.get(subject, '')}.{event == FINISHED}"
        recorded[subject] = (sequence, columns)
    return recorded


CHECKS: tuple[RowCheck, ...] = (
    RowCheck("lane_proposal", once, _proposal_faults),
    RowCheck("lane_documents", lambda scope: scope.cases().filter(lane=Lane.JUNK), _document_faults),
)
