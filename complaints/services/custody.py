"""The chain-of-custody sheet of evidence: what was received, the hashes of each copy, who opened what, when and why.

Plaintext hashes are sealed beside the objects and opened for an admitted officer only; the rest comes from the audit
chain. Making a sheet is itself recorded in the chain, and the sheet lists that entry.
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
from complaints.services.case_file import open_item
from complaints.services.evidence import storage
from complaints.services.messages import read_note

# Events about the files of a case. A release belongs to them because it gives a body the keys of files.
EVENTS = frozenset(
    {
        *("case.opened", "object.opened", "object.worked", "object.retried"),
        *("release.made", "release.opened", "custody.printed"),
    }
)


@dataclass(frozen=True)
class StoredLine:
    """One stored object; ``number`` is that of a page from 1, else 0.

    ``info`` holds name, type, size and plaintext hash, ``object_digest`` the hash of the ciphertext in hexadecimal, as
    the audit chain records it.
    """

    id: uuid.UUID
    variant: str
    number: int
    info: storage.FileInfo
    object_digest: str


@dataclass(frozen=True)
class Opening:
    """One audit entry with the person who acted, and for an original the reason of opening it."""

    entry: RecordedEntry
    person: Staff | None
    variant: str = ""
    why: str = ""


@dataclass(frozen=True)
class ItemSheet:
    """One evidence item; ``report`` counts the reports of the case from 1, ``stored`` begins with the original."""

    id: uuid.UUID
    report: int
    sequence: int
    received: date
    stored: list[StoredLine]
    openings: list[Opening]

    @property
    def original(self) -> StoredLine:
        return self.stored[0]


@dataclass(frozen=True)
class Sheet:
    """A custody sheet that ``person`` made; ``others`` are entries about the case as a whole.

    ``head`` is number and digest of the chain's last entry, the one that records this sheet.
    """

    case: Case
    items: list[ItemSheet]
    others: list[Opening]
    head: tuple[int, str]
    at: datetime
    person: Staff | None


@transaction.atomic
def custody_sheet(*, actor: Actor, case_id: uuid.UUID, evidence_id: uuid.UUID | None = None) -> Sheet:
    """Make the sheet of a case, or of one item of it; recorded in the audit chain.

    Raises Case.DoesNotExist, EvidenceObject.DoesNotExist or Locked where there is nothing for this person, and
    SealError.
    """
    case = Case.objects.get(pk=case_id)
    complaints = list(case.complaints.prefetch_related("grants").order_by("day", "pk"))
    pairs = {complaint.pk: actor.keyring.complaint(complaint) for complaint in complaints}
    facts = {"item": str(evidence_id)} if evidence_id else {}
    actor.record("custody.printed", case=case.pk, facts=facts)
    entries = log.entries_of_case(case=case.pk, events=EVENTS)
    openings = _openings(entries, pairs)
    items = [
        item
        for report, complaint in enumerate(complaints, start=1)
        for item in _items(report, complaint, pairs[complaint.pk], evidence_id, openings)
    ]
    if evidence_id and not items:
        raise EvidenceObject.DoesNotExist
    of_files = {"object.worked", "object.retried"}
    others = [opening for opening in openings if not opening.variant and opening.entry.event not in of_files]
    return Sheet(case, items, others, log.head(), actor.now, actor.staff)


def _items(
    report: int, complaint: Complaint, pair: BoxPair, only: uuid.UUID | None, openings: list[Opening]
) -> Iterable[ItemSheet]:
    rows = complaint.evidence.filter(kind="file").prefetch_related("objects_stored").order_by("sequence")
    for row in rows.filter(pk=only) if only else rows:
        item = open_item(complaint=complaint, pair=pair, row=row)
        digests = {stored.pk: bytes(stored.object_digest).hex() for stored in row.objects_stored.all()}
        infos = [info for info in (item.original, item.working, item.preview, *item.pages) if info]
        lines = [StoredLine(info.id, info.variant, info.number, info.info, digests[info.id]) for info in infos]
        ids = {str(line.id) for line in lines}
        of_item = [opening for opening in openings if opening.entry.facts.get("object") in ids]
        yield ItemSheet(row.pk, report, row.sequence, row.day, lines, of_item)


def _openings(entries: list[RecordedEntry], pairs: Mapping[uuid.UUID, BoxPair]) -> list[Opening]:
    people = Staff.objects.in_bulk({entry.actor for entry in entries if entry.actor})
    reasons = _reasons({str(entry.facts["note"]) for entry in entries if entry.facts.get("note")}, pairs)
    return [
        Opening(
            entry=entry,
            person=people.get(entry.actor) if entry.actor else None,
            variant=str(entry.facts.get("variant", "")),
            why=reasons.get(str(entry.facts.get("note", "")), ""),
        )
        for entry in entries
    ]


def _reasons(note_ids: set[str], pairs: Mapping[uuid.UUID, BoxPair]) -> dict[str, str]:
    """Open the notes with the reasons for opening originals, by id; audit entries name them."""
    rows = InternalNote.objects.filter(pk__in=note_ids, complaint__in=pairs)
    return {str(row.pk): read_note(row, pair=pairs[row.complaint_id]) for row in rows}
