"""Writes the entries of reports in the blind index, by which services.similarity compares them.

It happens in sessions of triage, before anything of a report is displayed: the new entries may show that the person has
a conflict of interest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from complaints.adapters import image_hash, sandbox
from complaints.domain import normalization
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import encrypt, random_bytes
from complaints.models.blind_index import IndexEntry
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import conflict_detection, lane, search_documents
from complaints.services.audit import log, recorded_acts
from complaints.services.audit.state import IndexRoot, index_roots, states_of
from complaints.services.evidence import storage
from complaints.services.evidence.posts import read_post
from complaints.services.keyring import Actor, Keyring, Locked, read_answers
from complaints.services.similarity import BANDS, DIGEST_BYTES, digest, open_key, picture_digests, picture_key

Kind = IndexEntry.Kind
# New reports that one request indexes, and pictures that opening one case indexes; the next request continues.
REPORTS_AT_ONCE: Final = 50
PICTURES_AT_ONCE: Final = 4
# The copy of a picture is read in the sandbox: it was written beside a hostile file.
_LIMITS: Final = sandbox.Limits(memory_bytes=512 * 1024 * 1024, cpu_seconds=5, wall_seconds=10, output_bytes=64 * 1024)
_WAIT_SECONDS: Final = 2
# Posts, and files with a working copy, that lack an entry; a file without a working copy never gets one.
EVIDENCE_WITHOUT_ENTRIES: Final = Evidence.objects.filter(
    Q(kind=Evidence.Kind.POST) | Q(kind=Evidence.Kind.FILE, state=Evidence.State.READY)
).exclude(Exists(IndexEntry.objects.filter(evidence=OuterRef("pk"))))


def index_reports(*, actor: Actor, complaints: Sequence[Complaint], pictures: bool) -> None:
    """Write missing entries of reports that this person can open, and the conflicts of interest that they show.

    New reports get their search documents as well, and likely junk comes into its lane. An inquiry, which names no
    agency, gets no document: it is no report to be compared.

    Call it before displaying anything of the reports: a person with a conflict of interest must not see them, even in
    the session that detects the conflict.

    Args:
        pictures: also index posts and pictures that were added later; for one case, not for a page of the queue.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the blind index does not open; nothing was written.
    """
    # Reports in which this person has a conflict do not open here; a colleague's session indexes them.
    complaints = [complaint for complaint in complaints if not actor.keyring.has_conflict(complaint.case_id)]
    new = [complaint for complaint in complaints if not _is_indexed(complaint)][:REPORTS_AT_ONCE]
    items = _items_without_entries(complaints if pictures else new, pictures=pictures) if pictures or new else []
    if not new and not items:
        return
    for complaint in new:
        # Opens the keys while the prefetched grants are present; the locked rows below come without them.
        with suppress(Locked, SealError):
            actor.keyring.complaint(complaint)
    # Before any row is locked: each is read by a process of the sandbox.
    hashes = _picture_hashes(actor.keyring, items, complaints)
    with transaction.atomic():
        key = open_key(actor.keyring)
        ids = {complaint.pk for complaint in new} | {item.complaint_id for item in items}
        # Two sessions may index a report at once: under the lock, the second leaves what the first has written.
        rows = Complaint.objects.select_for_update(of=("self",)).annotate(has_index=recorded_acts.HAS_INDEX)
        locked = {complaint.pk: complaint for complaint in rows.filter(pk__in=ids).order_by("pk")}
        before = index_roots(ids)
        new = [complaint for complaint in locked.values() if not _is_indexed(complaint)]
        entries = [entry for complaint in new for entry in _entries_of_answers(actor.keyring, key, complaint)]
        indexed = IndexEntry.objects.filter(evidence__in=items).values_list("evidence", flat=True) if items else ()
        written = set(indexed)
        for item in items:
            if item.pk not in written:
                entries += _entries_of_item(actor.keyring, key, item, locked[item.complaint_id], hashes)
        IndexEntry.objects.bulk_create(entries)
        conflict_detection.record_matches(actor=actor, key=key, entries=entries)
        reports = [complaint for complaint in new if complaint.channel != Complaint.Channel.INQUIRY]
        search_documents.write_missing(keyring=actor.keyring, complaints=reports)
        changed = {complaint.pk for complaint in new} | {entry.complaint_id for entry in entries}
        _record(actor, [locked[pk] for pk in sorted(changed)], before)
    # In a transaction of its own: it locks other reports, and the chain is locked after all reports.
    lane.list_likely_junk(actor=actor, new={complaint.pk for complaint in new})


def _is_indexed(complaint: Complaint) -> bool:
    """Whether a session of triage has indexed a report; read with ``has_index``, it is the chain's word that counts."""
    return bool(getattr(complaint, "has_index", complaint.index_entry is not None))


def _record(actor: Actor, complaints: Sequence[Complaint], before: Mapping[uuid.UUID, IndexRoot]) -> None:
    """Record the entries of each report, and how its case is filed; without an actor, because nobody acted."""
    roots = index_roots([complaint.pk for complaint in complaints])
    filings = states_of({complaint.case_id for complaint in complaints}, "filing")
    for complaint in complaints:
        facts = {"complaint": str(complaint.pk), "count": roots[complaint.pk].count}
        facts |= {"before": before[complaint.pk].root, "state": roots[complaint.pk].root}
        facts["filing"] = filings[complaint.case_id]
        entry = log.append(
            event="index.written", now=actor.now, case=complaint.case_id, subject=complaint.pk, facts=facts
        )
        complaint.index_entry = entry.sequence
    Complaint.objects.bulk_update(complaints, ["index_entry"])


def reports_without_entries(ids: Iterable[uuid.UUID]) -> QuerySet[Complaint]:
    """Return those of some reports that lack an entry or have evidence that lacks one, the oldest first."""
    new = Exists(EVIDENCE_WITHOUT_ENTRIES.filter(complaint=OuterRef("pk")))
    reports = Complaint.objects.filter(pk__in=list(ids)).annotate(has_index=recorded_acts.HAS_INDEX, is_new=new)
    return reports.exclude(has_index=True, is_new=False).order_by("day", "pk")


def _items_without_entries(complaints: Iterable[Complaint], *, pictures: bool) -> list[Evidence]:
    rows = EVIDENCE_WITHOUT_ENTRIES.filter(complaint__in=complaints)
    if not pictures:
        rows = rows.filter(kind=Evidence.Kind.POST)
    items = list(rows.order_by("complaint", "sequence").prefetch_related("objects_stored"))
    files = [item for item in items if item.kind == Evidence.Kind.FILE]
    return [item for item in items if item.kind == Evidence.Kind.POST] + files[:PICTURES_AT_ONCE]


def _entries_of_answers(keyring: Keyring, key: bytes, complaint: Complaint) -> Iterator[IndexEntry]:
    try:
        answers = read_answers(keyring.complaint(complaint), complaint)
    except (Locked, SealError):
        return  # opening the case reports the error
    for kind, value in _normalised(answers).items():
        if value:
            yield IndexEntry(complaint=complaint, day=complaint.day, kind=kind, digest=digest(key, kind, value))


def _normalised(answers: Mapping[str, object]) -> dict[str, str]:
    """Return the values to index by kind, in a spelling that does not depend on who wrote them."""
    agency = str(answers.get("agency") or "")
    place = str(answers.get("regency") or answers.get("province") or "")
    return {
        **conflict_detection.accused_identifiers(answers),
        Kind.PERSON.value: normalization.person(str(answers.get("accused_name") or ""), agency),
        Kind.AGENCY.value: normalization.agency_key(agency, place),
    }


def _entries_of_item(
    keyring: Keyring, key: bytes, item: Evidence, complaint: Complaint, hashes: Mapping[uuid.UUID, int | None]
) -> list[IndexEntry]:
    try:
        if item.kind == Evidence.Kind.FILE:
            return _entries_of_picture(key, item, complaint, hashes[item.pk]) if item.pk in hashes else []
        post = read_post(keyring.complaint(complaint), item, complaint)
    except (Locked, SealError):
        return []
    # Text that is no link cannot be compared; a random digest marks the item as indexed.
    value = digest(key, Kind.POST, post.url) if post.is_link else random_bytes(DIGEST_BYTES)
    return [IndexEntry(complaint=complaint, day=complaint.day, evidence=item, kind=Kind.POST, digest=value)]


def _entries_of_picture(key: bytes, item: Evidence, complaint: Complaint, value: int | None) -> list[IndexEntry]:
    """Return the entries of a picture, or one with a random digest; the first holds the sealed hash."""
    digests = picture_digests(key, value) if value is not None else []
    entries = [
        IndexEntry(complaint=complaint, day=complaint.day, evidence=item, kind=Kind.PICTURE, digest=digest)
        for digest in digests or [random_bytes(DIGEST_BYTES)]
    ]
    if value is not None:
        entries[0].sealed = encrypt(picture_key(key), value.to_bytes(BANDS, "big"), item.pk.bytes)
    return entries


def _picture_hashes(
    keyring: Keyring, items: Iterable[Evidence], complaints: Iterable[Complaint]
) -> dict[uuid.UUID, int | None]:
    """Return the hashes of files that open here, None for one that has none; a later session reads what is missing."""
    reports, hashes = {complaint.pk: complaint for complaint in complaints}, dict[uuid.UUID, int | None]()
    for item in items:
        if item.kind == Evidence.Kind.FILE:
            with suppress(Locked, SealError, sandbox.Unavailable, sandbox.Unconfined):
                hashes[item.pk] = _picture_hash(keyring, item, reports[item.complaint_id])
    return hashes


def _picture_hash(keyring: Keyring, item: Evidence, complaint: Complaint) -> int | None:
    """Return the 64-bit hash of a picture's preview or working copy; None for other files and featureless pictures."""
    stored = {row.variant: row for row in item.objects_stored.all()}
    variants = EvidenceObject.Variant
    original, copy = stored.get(variants.ORIGINAL), stored.get(variants.PREVIEW) or stored.get(variants.WORKING)
    if original is None or copy is None:
        return None
    pair = keyring.complaint(complaint)
    if not storage.read_info(pair, original, item, complaint).type.startswith("image/"):
        return None
    info = storage.read_info(pair, copy, item, complaint)
    try:
        with (
            sandbox.hold(storage.stream(copy, info), settings.EVIDENCE_CLEAN_MAX_BYTES) as held,
            sandbox.run("compare", held, info.type, limits=_LIMITS, wait_seconds=_WAIT_SECONDS) as result,
        ):
            (part,) = result.parts
            # A process that was taken over may answer anything: 64 bits of it count.
            value = int.from_bytes(next(part.chunks(image_hash.HASH_BYTES)), "big")
    except (sandbox.JobFailed, OSError, ValueError, StopIteration):
        return None
    return value if image_hash.says_something(value) else None
