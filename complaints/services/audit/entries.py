"""Verifies the entries of the audit chain in order: links, digests, signatures, signers, and heads from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import models

from complaints.domain import hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b, verify
from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import recorded_restorations
from complaints.services.audit.entitlement import RecordedAccounts
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import Head, is_genuine, payload, server_keys

CHUNK: Final = 500
# Prefixes of events of people. With an actor such an entry must carry that person's signature: the server's would be a
# forgery by somebody who holds its key.
PERSONAL: Final = (
    "case.",
    "message.",
    "note.",
    "assessment.",
    "redaction.",
    "object.",
    "release.",
    "decision.",
    "question.",
    "register.",
    "custody.",
    "finding.",
    "team.",
    "teamkey.",
    "fault.",
    "factor.reset",
    "confirmation.asked",
    "confirmation.given",
)


@dataclass
class ChainPosition:
    """How far the chain is verified: the last entry, and what is needed to go on behind it.

    Attributes:
        sequence: the number of the last verified entry, 0 before the first.
        digest: its stored digest; None where that cannot be read, so that the next link cannot be verified.
        signers: the signing keys of staff in force behind it, each with its owner's id.
        accounts: the rights and states of accounts in force behind it.
    """

    sequence: int = 0
    digest: bytes | None = hashchain.GENESIS
    signers: dict[bytes, str] = field(default_factory=dict)
    accounts: RecordedAccounts = field(default_factory=RecordedAccounts)

    def to_json(self) -> dict[str, Any]:
        """Return the position as JSON holds it."""
        signers = {key.hex(): owner for key, owner in self.signers.items()}
        return {
            "sequence": self.sequence,
            "digest": self.digest.hex() if self.digest else "",
            "signers": signers,
            "accounts": self.accounts.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ChainPosition:
        """Return the position that :meth:`to_json` wrote."""
        signers = {bytes.fromhex(key): str(owner) for key, owner in content["signers"].items()}
        accounts = RecordedAccounts(content["accounts"])
        return cls(int(content["sequence"]), bytes.fromhex(content["digest"]) or None, signers, accounts)


def chunks(after: int, end: int) -> Iterator[list[tuple[int, AuditEntry | None]]]:
    """Yield the entries after number ``after`` up to ``end`` in order, None for one that cannot be read.

    Entries that are appended during the run are left to the next one.
    """
    while True:
        rows = AuditEntry.objects.filter(sequence__gt=after, sequence__lte=end).order_by("sequence")
        numbers = list(rows.values_list("sequence", flat=True)[:CHUNK])
        if not numbers:
            return
        yield list(zip(numbers, _load(numbers), strict=True))
        after = numbers[-1]


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


class EntryVerifier:
    """Verifies entries in order and goes on after a fault: from the digest that is stored in the faulty entry."""

    def __init__(self, position: ChainPosition, heads: Iterable[Head] = ()) -> None:
        """Go on behind ``position``, which moves with each entry; ``heads`` have left the machine.

        A head that a restoration names as lost is not asked for.
        """
        self.position = position
        self._heads: dict[int, list[Head]] = {}
        for head in recorded_restorations.not_lost(heads):
            self._heads.setdefault(head.sequence, []).append(head)

    def faults(self, number: int, entry: AuditEntry | None) -> Iterator[Fault]:
        """Verify the next stored entry, which has this ``number``; None stands for one that cannot be read."""
        position = self.position
        missing = number != position.sequence + 1
        if missing:
            yield Fault(position.sequence + 1, "entry.missing", state=str(number - 1))
        expected = None if missing else position.digest
        if entry is None:
            position.sequence, position.digest = number, None
            yield Fault(number, "entry.unreadable")
            return
        code = self._link_fault(entry, expected) or self._signer_fault(entry) or self._account_fault(entry)
        if code:
            person = f"staff {entry.subject or entry.actor}" if code.startswith("signin.") else ""
            yield Fault(number, code, person, _state_of(entry))
        if any(not _is_head(entry, head) for head in self._heads.get(number, ())):
            yield Fault(number, "head.differs")
        position.sequence, position.digest = number, _bytes_of(entry.digest)
        # Also of a faulty entry: else one altered entry of a key would make all that its owner signed faulty.
        self._update_signers(entry)

    def end_faults(self, end: ChainHead) -> Iterator[Fault]:
        """Verify that the chain ends where ``end`` says, which was read before the first entry."""
        position = self.position
        if position.sequence != end.sequence or position.digest not in (None, bytes(end.digest)):
            yield Fault(position.sequence + 1, "chain.cut")
        if any(sequence > position.sequence for sequence in self._heads):
            yield Fault(position.sequence + 1, "head.beyond")
        number = ChainHead.objects.filter(pk=1).values("sequence")
        # The chain begins with number 1: what lies before is read by no verification, and by every query of entries.
        outside = models.Q(sequence__gt=models.Subquery(number)) | models.Q(sequence__lt=1)
        beyond = AuditEntry.objects.filter(outside).order_by("sequence")
        if (first := beyond.values_list("sequence", flat=True).first()) is not None:
            yield Fault(first, "chain.beyond")

    @staticmethod
    def _link_fault(entry: AuditEntry, expected: bytes | None) -> str:
        """Return the code of a wrong link or digest, or ""; where ``expected`` is None, any link is taken."""
        try:
            previous = bytes(entry.previous)
            link = hashchain.ChainLink(previous, payload(entry), bytes(entry.digest))
            follows = hashchain.follows(link, previous if expected is None else expected)
        except (AttributeError, TypeError, ValueError):
            follows = False
        return "" if follows else "entry.altered"

    def _signer_fault(self, entry: AuditEntry) -> str:
        signer, actor = bytes(entry.signer), str(entry.actor or "")
        if not is_genuine(entry):
            return "entry.not_by_portal"
        try:
            verify(signer, bytes(entry.digest), bytes(entry.signature))
        except (SealError, TypeError):
            return "entry.signature"
        if signer in server_keys(entry.sequence):
            is_of_another = entry.event == "staff.changed" and entry.actor != entry.subject
            is_personal = is_of_another or entry.event.startswith(PERSONAL)
            return "entry.not_by_person" if actor and is_personal else ""
        owner = self.position.signers.get(signer)
        if owner is None:
            return "entry.unknown_key"
        return "" if owner == actor else "entry.other_person"

    def _account_fault(self, entry: AuditEntry) -> str:
        """Return the code of an act without the right to it, or ""; a genuine entry moves what the chain records."""
        code = self.position.accounts.fault(entry)
        self.position.accounts.move(entry)
        return code

    def _update_signers(self, entry: AuditEntry) -> None:
        signers = self.position.signers
        if entry.event not in ("staff.key_made", "staff.key_retired"):
            return
        try:
            owner = str(entry.facts["staff"])
            made = bytes.fromhex(entry.facts["verify_key"]) if entry.event == "staff.key_made" else b""
        except (KeyError, TypeError, ValueError):
            return
        if made:
            signers[made] = owner
        else:
            for key in [key for key, holder in signers.items() if holder == owner]:
                del signers[key]


def _is_head(entry: AuditEntry, head: Head) -> bool:
    if not head.batch:
        return ((_bytes_of(entry.digest) or b"").hex(), entry.era) == (head.digest, head.era)
    facts = entry.facts if isinstance(entry.facts, dict) else {}
    stored = (_bytes_of(entry.digest) or b"").hex(), entry.era, facts.get("batch"), facts.get("day")
    return stored == (head.digest, head.era, head.batch, head.day)


def _bytes_of(value: object) -> bytes | None:
    """Return the bytes of a binary column; None where SQLite stores something else in it."""
    return bytes(value) if isinstance(value, bytes | memoryview) else None


def _state_of(entry: AuditEntry) -> str:
    """Return a digest of a faulty entry as it is stored, in whatever shape its columns are."""
    clear = (entry.at, entry.event, entry.actor, entry.case, entry.subject, entry.era, entry.facts)
    binary = (entry.signer, entry.previous, entry.digest, entry.signature)
    values = [*clear, *(value if (raw := _bytes_of(value)) is None else raw.hex() for value in binary)]
    return blake2b(repr(values).encode(), person=b"faulty entry").hex()
