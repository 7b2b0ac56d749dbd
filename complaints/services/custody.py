"""The custody sheet: what was received, its hashes and those of every copy, and who opened what, when and why.

Hashes of plaintext stand sealed beside the objects and are opened for an admitted officer only; the rest is read out
of the audit chain. Whoever prints a sheet is written into the chain themselves, and stands on it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from complaints.domain.sealing.primitives import BoxPair
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint
from complaints.models.evidence import EvidenceObject
from complaints.models.team import Staff
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.audit.log import RecordedEntry
from complaints.services.case_items import open_item
from complaints.services.evidence import storage
from complaints.services.messages import read_note

# What of a case's chain tells of its files. A release hands over keys, so it stands here too.
EVENTS = frozenset(
    {"case.opened", "object.opened", "object.worked", "release.made", "release.opened", "custody.printed"}
)


@dataclass(frozen=True)
class StoredLine:
    """One stored object: the file as it was hashed, and the digest of its ciphertext as the chain knows it."""

    id: uuid.UUID
    variant: str
    number: int
    info: storage.FileInfo
    object_digest: str


@dataclass(frozen=True)
class Opening:
    """One entry of the chain in words' reach: who, and for an original why."""

    entry: RecordedEntry
    person: Staff | None
    variant: str = ""
    why: str = ""


@dataclass(frozen=True)
class ItemSheet:
    """One evidence item: what is stored of it and who opened it."""

    id: uuid.UUID
    report: int
    sequence: int
    received: date
    stored: list[StoredLine]
    openings: list[Opening]

    @property
    def original(self) -> StoredLine:
        """The file as it was sent."""
        return self.stored[0]


@dataclass(frozen=True)
class Sheet:
    """A custody sheet; ``head`` is the chain's last entry (number, digest), which is this sheet's own."""

    case: Case
    items: list[ItemSheet]
    others: list[Opening]
    head: tuple[int, str]
    at: datetime
    person: Staff | None


@transaction.atomic
def custody_sheet(*, actor: Actor, case_id: uuid.UUID, evidence_id: uuid.UUID | None = None) -> Sheet:
    """Make the sheet of a case, or of one item of it; written into the chain.

    Raises:
        Case.DoesNotExist, EvidenceObject.DoesNotExist, Locked: nothing for this person.
        SealError: something was swapped, forged or altered.
    """
    case = Case.objects.get(pk=case_id)
    complaints = list(case.complaints.prefetch_related("grants").order_by("day", "pk"))
    pairs = {complaint.pk: actor.keyring.complaint(complaint) for complaint in complaints}
    facts = {"item": str(evidence_id)} if evidence_id else {}
    actor.record("custody.printed", case=case.pk, facts=facts)
    entries = log.entries_of_case(case=case.pk, events=EVENTS)
    known = _known(entries, pairs)
    items = [
        item
        for report, complaint in enumerate(complaints, start=1)
        for item in _items(report, complaint, pairs[complaint.pk], evidence_id)
    ]
    if evidence_id and not items:
        raise EvidenceObject.DoesNotExist
    filled = [_with_openings(item, known) for item in items]
    others = [one for one in known if not one.variant and one.entry.event != "object.worked"]
    return Sheet(case, filled, others, log.head(), actor.now, actor.staff)


def _items(report: int, complaint: Complaint, pair: BoxPair, only: uuid.UUID | None) -> Iterable[ItemSheet]:
    rows = complaint.evidence.filter(kind="file").prefetch_related("objects_stored").order_by("sequence")
    for row in rows.filter(pk=only) if only else rows:
        opened = open_item(complaint=complaint, pair=pair, row=row)
        digests = {one.pk: bytes(one.object_digest).hex() for one in row.objects_stored.all()}
        found = [one for one in (opened.original, opened.working, opened.preview, *opened.pages) if one]
        stored = [StoredLine(one.id, one.variant, one.number, one.info, digests[one.id]) for one in found]
        yield ItemSheet(row.pk, report, row.sequence, row.day, stored, [])


def _with_openings(item: ItemSheet, known: list[Opening]) -> ItemSheet:
    objects = {str(one.id) for one in item.stored}
    openings = [one for one in known if one.entry.facts.get("object") in objects]
    return ItemSheet(item.id, item.report, item.sequence, item.received, item.stored, openings)


def _known(entries: list[RecordedEntry], pairs: Mapping[uuid.UUID, BoxPair]) -> list[Opening]:
    people = Staff.objects.in_bulk({one.actor for one in entries if one.actor})
    whys = _whys({str(one.facts["note"]) for one in entries if one.facts.get("note")}, pairs)
    return [
        Opening(
            entry=one,
            person=people.get(one.actor) if one.actor else None,
            variant=str(one.facts.get("variant", "")),
            why=whys.get(str(one.facts.get("note", "")), ""),
        )
        for one in entries
    ]


def _whys(notes: set[str], pairs: Mapping[uuid.UUID, BoxPair]) -> dict[str, str]:
    """Open the notes that say why originals were opened; the chain names them, their complaint opens them."""
    rows = InternalNote.objects.filter(pk__in=notes, complaint__in=pairs)
    return {str(row.pk): read_note(row, pair=pairs[row.complaint_id]) for row in rows}
