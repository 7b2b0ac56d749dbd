"""The chain-of-custody sheet of evidence: what was received, the hashes of each copy, who opened what, when and why.

Plaintext hashes are sealed beside the objects and opened for an admitted officer only; the rest comes from the audit
chain. Making a sheet is itself recorded in the chain, and the sheet lists that entry.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from complaints.models.case import Case, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.team import Staff
from complaints.services import case_membership
from complaints.services.audit import log
from complaints.services.audit.log import RecordedEntry
from complaints.services.case_file import open_item
from complaints.services.evidence import storage
from complaints.services.forwarding import dossier
from complaints.services.keyring import Actor, Keyring
from complaints.services.messages import read_note

# Events about the files of a case. A release belongs to them because it gives a body the keys of files.
EVENTS = frozenset(
    {
        *("case.opened", "object.opened", "object.worked", "object.retried", "redaction.made"),
        *("release.made", "release.opened", dossier.DOWNLOADED, "release.recalled"),
        *("custody.printed", "letter.printed"),
    }
)


@dataclass(frozen=True)
class StoredLine:
    """One stored object; ``number`` is that of a page from 1, else 0.

    ``info`` holds name, type, size and plaintext hash, ``object_digest`` the hash of the ciphertext in hexadecimal, as
    the audit chain records it. ``losses`` are the codes of what a working copy lacks or hides.
    """

    id: uuid.UUID
    variant: str
    number: int
    info: storage.FileInfo
    object_digest: str
    losses: Sequence[str] = ()


@dataclass(frozen=True)
class Opening:
    """One audit entry with the person who acted, and for an original the reason of opening it."""

    entry: RecordedEntry
    person: Staff | None
    variant: str = ""
    why: str = ""


@dataclass(frozen=True)
class ItemSheet:
    """One file, the ``number``-th of the ``report``-th report of the case; ``stored`` begins with the original."""

    id: uuid.UUID
    report: int
    number: int
    received: date
    stored: list[StoredLine]
    openings: list[Opening]

    @property
    def original(self) -> StoredLine:
        return self.stored[0]


@dataclass(frozen=True)
class Sheet:
    """A custody sheet that ``person`` made; ``others`` are entries about the case as a whole.

    ``head`` is number and digest of the chain's last entry, the one that records this sheet. ``former`` are the
    references of the cases that its reports stood in before.
    """

    case: Case
    items: list[ItemSheet]
    others: list[Opening]
    head: tuple[int, str]
    at: datetime
    person: Staff | None
    former: list[str]


@transaction.atomic
def custody_sheet(*, actor: Actor, case_id: uuid.UUID, evidence_id: uuid.UUID | None = None) -> Sheet:
    """Make the sheet of a case, or of one item of it; recorded in the audit chain.

    Raises Case.DoesNotExist, EvidenceObject.DoesNotExist or Locked where there is nothing for this person, and
    SealError.
    """
    case = Case.objects.get(pk=case_id)
    complaints = list(case.complaints.defer("sealed_answers", "sealed_summary", "sealed_days").order_by("day", "pk"))
    prefetch_related_objects(complaints, "grants")
    if complaints:
        actor.keyring.complaint(complaints[0])  # also of a case without files: Locked for whom it is closed to
    facts = {"item": str(evidence_id)} if evidence_id else {}
    actor.record("custody.printed", case=case.pk, facts=facts)
    stays = _stays(case, complaints)
    cases = {stay.case_id for stay in stays}
    # A report brings with it what happened to it in its former cases, and keeps it when it leaves.
    entries = log.entries_of_cases(cases=cases, events=EVENTS)
    openings = _openings(entries, actor.keyring, complaints)
    items = list(_items(actor.keyring, complaints, evidence_id, openings))
    if evidence_id and not items:
        raise EvidenceObject.DoesNotExist
    of_files = {"object.worked", "object.retried", "redaction.made"}
    others = [
        opening
        for opening in openings
        if not opening.variant and opening.entry.event not in of_files and any(stay.covers(opening) for stay in stays)
    ]
    former = Case.objects.filter(pk__in=cases - {case.pk}).order_by("reference")
    references = list(former.values_list("reference", flat=True))
    return Sheet(case, items, others, log.head(), actor.now, actor.staff, references)


@dataclass(frozen=True)
class _Stay:
    """The days that a report of a sheet was in a case; without limits for the case of the sheet."""

    case_id: uuid.UUID
    since: date | None = None
    until: date | None = None

    def covers(self, opening: Opening) -> bool:
        """Whether an entry about a case as a whole concerns the report."""
        day = timezone.localdate(opening.entry.at)
        is_within = (self.since is None or self.since <= day) and (self.until is None or day <= self.until)
        return opening.entry.case == self.case_id and is_within


def _stays(case: Case, complaints: Sequence[Complaint]) -> list[_Stay]:
    """Return the case of a sheet, and the former cases of its reports with the days that they were there."""
    moves: dict[uuid.UUID, list[CaseMove]] = defaultdict(list)
    for row in CaseMove.objects.filter(complaint__in=complaints).order_by("complaint", "number"):
        moves[row.complaint_id].append(row)
    stays = [_Stay(case.pk)]
    for of_report in moves.values():
        days = [None, *(move.day for move in of_report)]
        stays += [
            _Stay(move.source_id, since, move.day)
            for since, move in zip(days, of_report, strict=False)
            if move.source_id != case.pk
        ]
    return stays


def opened_objects(complaints: Sequence[Complaint]) -> dict[str, int]:
    """Return how often the files of reports were opened here, by the id of the object, in whatever case they stood."""
    cases = case_membership.cases_of(complaints)
    counts: dict[str, int] = defaultdict(int)
    for entry in log.entries_of_cases(cases=cases, events={"object.opened"}):
        # What a body opened says nothing of the office.
        if "release" not in entry.facts:
            counts[str(entry.facts.get("object"))] += 1
    return counts


def _items(
    keyring: Keyring, complaints: Sequence[Complaint], only: uuid.UUID | None, openings: Sequence[Opening]
) -> Iterator[ItemSheet]:
    """Yield the files in the order of the reports; two queries, however many reports there are."""
    by_object: dict[str, list[Opening]] = defaultdict(list)
    for opening in openings:
        by_object[str(opening.entry.facts.get("object"))].append(opening)
    people = {opening.entry.sequence: opening for opening in openings}
    downloads = dossier.downloads_by_object(keyring=keyring, entries=[opening.entry for opening in openings])
    for stored_id, entries in downloads.items():
        by_object[stored_id] += [people[entry.sequence] for entry in entries]
    numbers = {complaint.pk: number for number, complaint in enumerate(complaints, start=1)}
    rows = Evidence.objects.filter(complaint__in=complaints, kind=Evidence.Kind.FILE)
    rows = (rows.filter(pk=only) if only else rows).order_by("sequence").prefetch_related("objects_stored")
    places: dict[uuid.UUID, int] = defaultdict(int)
    for row in sorted(rows, key=lambda row: numbers[row.complaint_id]):
        report = numbers[row.complaint_id]
        places[row.complaint_id] += 1
        number = row.file_number() if only else places[row.complaint_id]
        complaint = complaints[report - 1]
        item = open_item(complaint=complaint, pair=keyring.complaint(complaint), row=row, number=number)
        digests = {stored.pk: bytes(stored.object_digest).hex() for stored in row.objects_stored.all()}
        infos = [info for info in (item.original, item.working, item.preview, *item.pages, *item.redacted) if info]
        losses = {"working": item.findings.losses if item.findings else []}
        lines = [
            StoredLine(info.id, info.variant, info.number, info.info, digests[info.id], losses.get(info.variant, []))
            for info in infos
        ]
        of_item = [opening for line in lines for opening in by_object[str(line.id)]]
        of_item.sort(key=lambda opening: opening.entry.sequence)
        yield ItemSheet(row.pk, report, number, row.day, lines, of_item)


def _openings(entries: list[RecordedEntry], keyring: Keyring, complaints: Iterable[Complaint]) -> list[Opening]:
    people = Staff.objects.in_bulk({entry.actor for entry in entries if entry.actor})
    note_ids = {str(entry.facts["note"]) for entry in entries if entry.facts.get("note")}
    reasons = _reasons(note_ids, keyring, {complaint.pk: complaint for complaint in complaints})
    return [
        Opening(
            entry=entry,
            person=people.get(entry.actor) if entry.actor else None,
            variant=str(entry.facts.get("variant", "")),
            why=reasons.get(str(entry.facts.get("note", "")), ""),
        )
        for entry in entries
    ]


def _reasons(note_ids: set[str], keyring: Keyring, complaints: Mapping[uuid.UUID, Complaint]) -> dict[str, str]:
    """Open the notes with the reasons for opening originals, by id; audit entries name them."""
    rows = InternalNote.objects.filter(pk__in=note_ids, complaint__in=complaints)
    team = keyring.report_team
    return {
        str(row.pk): read_note(row, pair=keyring.complaint(complaints[row.complaint_id]), team=team) for row in rows
    }
