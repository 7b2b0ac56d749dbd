"""Verifies the whole audit chain and the rows it refers to.

Nothing is decrypted, and only the server's public key is needed: read access to the database is enough to verify it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import models

from complaints.domain import hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import verify
from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import verify_rows
from complaints.services.audit.log import day_digests, payload, server_signer

CHUNK: Final = 500
# Prefixes of events of people. With an actor such an entry must carry that person's signature: the server's would be a
# forgery by somebody who holds its key.
PERSONAL: Final = (
    "case.",
    "message.",
    "note.",
    "assessment.",
    "object.",
    "release.",
    "decision.",
    "custody.",
    "finding.",
    "teamkey.",
)


@dataclass(frozen=True)
class Head:
    """An exported day entry: the ISO day, its sequence number, its digest in hexadecimal."""

    day: str
    sequence: int
    digest: str


@dataclass(frozen=True)
class Verdict:
    """The result: the number of entries read and, for a fault, the entry, the reason, and the case or row."""

    entries: int
    broken_at: int | None = None
    why: str = ""
    subject: str = ""

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.why


def parse_heads(text: str) -> list[Head]:
    """Read lines of ``day sequence hexdigest``; raises ValueError(line number) for any other line."""
    heads = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split()
        if parts and (len(parts) != 3 or not parts[1].isdecimal()):
            raise ValueError(number)
        if parts:
            heads.append(Head(parts[0], int(parts[1]), parts[2].lower()))
    return heads


def verify_chain(*, heads: Collection[Head] = ()) -> Verdict:
    """Verify the whole chain, the rows it refers to, and that every case has the status that its steps lead to.

    Checked are the links, digests, signatures and signers of all entries; the Merkle roots of closed days; the digests
    of what staff and bodies wrote, and that no such row is unrecorded; the steps of every case against the workflow;
    the moves of every report. A chain that was cut off or written again differs from ``heads``, the exported day
    entries.
    """
    end = ChainHead.objects.get(pk=1)
    verifier = _ChainVerifier(heads)
    for chunk in _chunks(end.sequence):
        stored = verify_rows.stored_digests(entry for entry in chunk if entry is not None)
        for entry in chunk:
            if why := verifier.entry_fault(entry, stored):
                return Verdict(verifier.count, verifier.count, why)
    if why := verifier.end_fault(end):
        return Verdict(verifier.count, verifier.count + 1, why)
    fault = (
        verify_rows.unrecorded_rows()
        or verify_rows.resealing_fault()
        or verify_rows.status_fault()
        or verify_rows.membership_fault()
    )
    return Verdict(verifier.count, *fault) if fault else Verdict(verifier.count)


def _chunks(end: int) -> Iterator[list[AuditEntry | None]]:
    """Yield the entries up to number ``end`` in order, None for one with column values that cannot be read.

    Entries that are appended during the run are left to the next one.
    """
    last = 0
    while True:
        rows = AuditEntry.objects.filter(sequence__gt=last, sequence__lte=end).order_by("sequence")
        numbers = list(rows.values_list("sequence", flat=True)[:CHUNK])
        if not numbers:
            return
        yield _load(numbers)
        last = numbers[-1]


def _load(numbers: list[int]) -> list[AuditEntry | None]:
    try:
        return list(AuditEntry.objects.filter(sequence__in=numbers).order_by("sequence"))
    except (TypeError, ValueError):
        return [_load_one(number) for number in numbers]


def _load_one(number: int) -> AuditEntry | None:
    try:
        return AuditEntry.objects.get(sequence=number)
    except (TypeError, ValueError):
        return None


class _ChainVerifier:
    """Verifies entries in order; keeps their number, the last digest, and the signing keys of staff at that entry."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self.count = 0
        self._previous = hashchain.GENESIS
        self._server = server_signer().public
        self._owners: dict[bytes, str] = {}
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            self._heads.setdefault(head.sequence, []).append(head)

    def entry_fault(self, entry: AuditEntry | None, stored: verify_rows.Digests) -> str:
        """Verify the next entry; return the fault, or ""."""
        self.count += 1
        if entry is None:
            return "unreadable"
        why = self._link_fault(entry) or self._signer_fault(entry) or self._head_fault(entry)
        why = why or (_day_fault(entry) if entry.event == "day.closed" else verify_rows.row_fault(entry, stored))
        if not why:
            self._previous = bytes(entry.digest)
            self._update_owners(entry)
        return why

    def end_fault(self, end: ChainHead) -> str:
        """Return the fault of a chain that does not end at its head, or ""."""
        if (end.sequence, bytes(end.digest)) != (self.count, self._previous):
            return "cut off: it does not end where the head of the chain says"
        if any(sequence > self.count for sequence in self._heads):
            return "cut off: a head that left the machine lies beyond the end"
        number = ChainHead.objects.filter(pk=1).values("sequence")
        if AuditEntry.objects.filter(sequence__gt=models.Subquery(number)).exists():
            return "an entry lies beyond the head of the chain"
        return ""

    def _link_fault(self, entry: AuditEntry) -> str:
        if entry.sequence != self.count:
            return "missing"
        try:
            link = hashchain.ChainLink(bytes(entry.previous), payload(entry), bytes(entry.digest))
        except (AttributeError, TypeError, ValueError):
            return "altered"
        return "" if hashchain.follows(link, self._previous) else "altered"

    def _signer_fault(self, entry: AuditEntry) -> str:
        signer, actor = bytes(entry.signer), str(entry.actor or "")
        try:
            verify(signer, bytes(entry.digest), bytes(entry.signature))
        except SealError:
            return "wrong signature"
        if signer == self._server:
            return "not signed by the person" if actor and entry.event.startswith(PERSONAL) else ""
        owner = self._owners.get(signer)
        if owner is None:
            return "unknown key"
        return "" if owner == actor else "signed by somebody else"

    def _head_fault(self, entry: AuditEntry) -> str:
        for head in self._heads.get(entry.sequence, ()):
            if (head.digest, head.day) != (bytes(entry.digest).hex(), entry.facts.get("day")):
                return "not the head that left the machine"
        return ""

    def _update_owners(self, entry: AuditEntry) -> None:
        if entry.event == "staff.key_made":
            self._owners[bytes.fromhex(entry.facts["verify_key"])] = entry.facts["staff"]
        elif entry.event == "staff.key_retired":
            retired = entry.facts["staff"]
            self._owners = {key: owner for key, owner in self._owners.items() if owner != retired}


def _day_fault(entry: AuditEntry) -> str:
    day = entry.facts["day"]
    digests = list(day_digests(date.fromisoformat(day)))
    if len(digests) != entry.facts["count"]:
        return f"what reporters sent on {day} became more or less"
    root = hashchain.merkle_root(digests).hex()
    return "" if root == entry.facts["root"] else f"what reporters sent on {day} was altered"
