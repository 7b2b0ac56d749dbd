"""Blind indexes: they show triage that reports name the same person, agency, post or picture.

Entries are digests under a random key that is sealed to triage, so that nobody else, the server included, can test a
name or a number against them. They are written and compared in sessions of triage. A match is a hint for officers and
no proof; it is shown to no reporter and no body.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Case as Either
from django.db.models import Count, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber

from complaints import access
from complaints.adapters import image_hash, media
from complaints.domain import normalization
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, random_bytes
from complaints.domain.sealing.records import Context, open_record
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import blind_index, conflict_detection
from complaints.services.actor import Actor
from complaints.services.blind_index import DIGEST_BYTES
from complaints.services.evidence import storage
from complaints.services.evidence.posts import read_post
from complaints.services.keyring import Keyring, Locked

Kind = IndexEntry.Kind
# New reports that one request indexes, and pictures that opening one case indexes; the next request continues.
REPORTS_AT_ONCE: Final = 50
PICTURES_AT_ONCE: Final = 4
# Two picture hashes that differ in at most 6 of 64 bits agree in at least 2 of 8 bands of one octet.
BANDS: Final = 8
BANDS_ALIKE: Final = 2
# Entries that one comparison reads, and cases that one group lists.
MOST: Final = 200
SHOWN: Final = 10
# Kinds that identify the same person or post; an agency alone does not.
EXACT: Final = (Kind.NIP, Kind.PERSON, Kind.POST)


@dataclass(frozen=True)
class Similar:
    """Another case with an equal or similar entry."""

    case_id: uuid.UUID
    reference: str
    status: str = ""
    received_on: date | None = None


@dataclass(frozen=True)
class Group:
    """The matches of one ``kind`` (IndexEntry.Kind): the number of ``reports``, and the newest SHOWN ``cases``.

    ``is_more`` says that there may be more than were read.
    """

    kind: str
    reports: int
    is_more: bool
    cases: list[Similar]


@dataclass(frozen=True)
class Matches:
    """What the reports of a case share with those of other cases.

    ``reports`` counts those with the same persons, posts or pictures, the case's own included, ``posts`` the shared
    posts. ``groups`` contain the agency too, which many reports share without being about one matter.
    """

    reports: int
    posts: int
    groups: list[Group]


# Writing entries


def digest_of(*, keyring: Keyring, kind: str, value: str) -> bytes:
    """Return the digest of a normalised value, to search entries for; raises Locked, UnpinnedKey, SealError."""
    return blind_index.digest(blind_index.open_key(keyring), kind, value)


def index_reports(*, actor: Actor, complaints: Sequence[Complaint], pictures: bool) -> None:
    """Write missing entries of reports that this person can open, and the conflicts of interest that they show.

    Call it before displaying anything of the reports: a person with a conflict of interest must not see them, even in
    the session that detects the conflict. With ``pictures``, posts and pictures that were added later are indexed too;
    that is for one case, not for a page of the queue.

    Raises Locked, UnpinnedKey or SealError where the key of the blind index does not open; nothing was written.
    """
    # Reports in which this person has a conflict do not open here; a colleague's session indexes them.
    complaints = [complaint for complaint in complaints if not actor.keyring.has_conflict(complaint.case_id)]
    new = [complaint for complaint in complaints if not complaint.is_indexed][:REPORTS_AT_ONCE]
    items = _items_without_entries(complaints if pictures else new, pictures=pictures) if pictures or new else []
    if not new and not items:
        return
    for complaint in new:
        # Opens the keys while the prefetched grants are present; the locked rows below come without them.
        with suppress(Locked, SealError):
            actor.keyring.complaint(complaint)
    with transaction.atomic():
        key = blind_index.open_key(actor.keyring)
        ids = {complaint.pk for complaint in new} | {item.complaint_id for item in items}
        # Two sessions may index a report at once: under the lock, the second leaves what the first has written.
        rows = Complaint.objects.select_for_update().filter(pk__in=ids).order_by("pk")
        locked = {complaint.pk: complaint for complaint in rows}
        entries = [
            entry
            for complaint in locked.values()
            if not complaint.is_indexed
            for entry in _entries_of_answers(actor.keyring, key, complaint)
        ]
        indexed = IndexEntry.objects.filter(evidence__in=items).values_list("evidence", flat=True) if items else ()
        written = set(indexed)
        for item in items:
            if item.pk not in written:
                entries += _entries_of_item(actor.keyring, key, item, locked[item.complaint_id])
        IndexEntry.objects.bulk_create(entries)
        conflict_detection.record_matches(actor=actor, key=key, entries=entries)
        Complaint.objects.filter(pk__in=locked, is_indexed=False).update(is_indexed=True)


def _items_without_entries(complaints: Iterable[Complaint], *, pictures: bool) -> list[Evidence]:
    kinds = Q(kind=Evidence.Kind.POST)
    if pictures:
        kinds |= Q(kind=Evidence.Kind.FILE, state=Evidence.State.READY)
    rows = Evidence.objects.filter(kinds, complaint__in=complaints, index_entries__isnull=True)
    items = list(rows.order_by("complaint", "sequence").prefetch_related("objects_stored"))
    files = [item for item in items if item.kind == Evidence.Kind.FILE]
    return [item for item in items if item.kind == Evidence.Kind.POST] + files[:PICTURES_AT_ONCE]


def _entries_of_answers(keyring: Keyring, key: bytes, complaint: Complaint) -> Iterator[IndexEntry]:
    try:
        pair, owner = keyring.complaint(complaint), str(complaint.pk)
        signer = bytes(complaint.reporter_verify_key)
        answers = open_record(pair, complaint.sealed_answers, Context("answers", owner, owner), signer)
    except (Locked, SealError):
        return  # opening the case reports the error
    for kind, value in _normalised(answers).items():
        if value:
            yield IndexEntry(complaint=complaint, kind=kind, digest=blind_index.digest(key, kind, value))


def _normalised(answers: Mapping[str, object]) -> dict[str, str]:
    """Return the values to index by kind, in a spelling that does not depend on who wrote them."""
    agency = str(answers.get("agency") or "")
    place = str(answers.get("regency") or answers.get("province") or "")
    return {
        Kind.NIP.value: normalization.nip(str(answers.get("accused_nip") or "")),
        Kind.PERSON.value: normalization.person(str(answers.get("accused_name") or ""), agency),
        Kind.NAME.value: normalization.name(str(answers.get("accused_name") or "")),
        Kind.OFFICE.value: normalization.office(agency),
        Kind.AGENCY.value: normalization.agency_key(agency, place),
    }


def _entries_of_item(keyring: Keyring, key: bytes, item: Evidence, complaint: Complaint) -> list[IndexEntry]:
    try:
        if item.kind == Evidence.Kind.FILE:
            return _entries_of_picture(keyring, key, item, complaint)
        post = read_post(keyring.complaint(complaint), item, complaint)
    except (Locked, SealError):
        return []
    # Text that is no link cannot be compared; a random digest marks the item as indexed.
    digest = blind_index.digest(key, Kind.POST, post.url) if post.is_link else random_bytes(DIGEST_BYTES)
    return [IndexEntry(complaint=complaint, evidence=item, kind=Kind.POST, digest=digest)]


def _entries_of_picture(keyring: Keyring, key: bytes, item: Evidence, complaint: Complaint) -> list[IndexEntry]:
    """Return one entry for each band of the hash, or one with a random digest; the first holds the sealed hash."""
    value = _picture_hash(keyring, item, complaint)
    octets = value.to_bytes(BANDS, "big") if value is not None else b""
    digests = [blind_index.digest(key, Kind.PICTURE, f"{band}:{octet}") for band, octet in enumerate(octets)]
    entries = [
        IndexEntry(complaint=complaint, evidence=item, kind=Kind.PICTURE, digest=digest)
        for digest in digests or [random_bytes(DIGEST_BYTES)]
    ]
    if octets:
        entries[0].sealed = encrypt(_picture_key(key), octets, item.pk.bytes)
    return entries


def _picture_key(key: bytes) -> bytes:
    return blake2b(b"", person=b"index-hashes", key=key)


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
    try:
        plain = b"".join(storage.stream(copy, storage.read_info(pair, copy, item, complaint)))
        value = image_hash.dhash(plain)
    except (media.Unreadable, OSError):
        return None
    return value if image_hash.says_something(value) else None


# Comparing


def matches(*, keyring: Keyring, case: Case, complaints: Sequence[Complaint]) -> Matches:
    """Return what a case's reports share with those of other visible cases; raises as :func:`index_reports`."""
    entries = list(IndexEntry.objects.filter(complaint__in=complaints))
    others = other_reports(keyring, case)
    matched = equal_entries(others, [entry for entry in entries if entry.kind in (*EXACT, Kind.AGENCY)])
    matched += similar_pictures(keyring, others, entries)
    by_kind: dict[str, list[IndexEntry]] = defaultdict(list)
    for entry in matched:
        by_kind[entry.kind].append(entry)
    similar = {entry.complaint_id for entry in matched if entry.kind != Kind.AGENCY}
    shared_posts = {bytes(entry.digest) for entry in by_kind[Kind.POST]}
    groups = [_group(kind, by_kind[kind]) for kind in (*EXACT, Kind.PICTURE, Kind.AGENCY) if by_kind[kind]]
    return Matches(len(similar) + len(complaints) if similar else 0, len(shared_posts), groups)


def other_reports(keyring: Keyring, case: Case) -> QuerySet[IndexEntry]:
    """Return the entries of all other cases that this person may see."""
    others = IndexEntry.objects.filter(complaint__case__in=access.cases_for(keyring.staff))
    return others.exclude(complaint__case=case).select_related("complaint__case")


def equal_entries(others: QuerySet[IndexEntry], entries: list[IndexEntry]) -> list[IndexEntry]:
    """Return the newest MOST of ``others`` equal to one of ``entries``; agencies, which many share, count apart."""
    if not entries:
        return []
    kinds, digests = {entry.kind for entry in entries}, {bytes(entry.digest) for entry in entries}
    is_agency = Either(When(kind=Kind.AGENCY, then=1), default=0)
    place = Window(RowNumber(), partition_by=is_agency, order_by="-complaint__day")
    equal = others.filter(kind__in=kinds, digest__in=digests).annotate(place=place)
    return list(equal.filter(place__lte=MOST).order_by("place"))


def similar_pictures(keyring: Keyring, others: QuerySet[IndexEntry], entries: list[IndexEntry]) -> list[IndexEntry]:
    """Return entries of pictures that look nearly the same: preselected by bands, then compared by whole hashes."""
    pictures = [entry for entry in entries if entry.kind == Kind.PICTURE]
    with_hash = [entry for entry in pictures if entry.sealed is not None]
    if not with_hash:
        return []
    key = _picture_key(blind_index.open_key(keyring))
    hashes = [_open_hash(key, entry) for entry in with_hash]
    banded = others.filter(kind=Kind.PICTURE, digest__in={bytes(entry.digest) for entry in pictures}).order_by()
    candidates = banded.values("evidence").annotate(alike=Count("pk")).filter(alike__gte=BANDS_ALIKE)
    evidence_ids = [row["evidence"] for row in candidates.order_by("-alike")[:MOST]]
    rows = others.filter(evidence__in=evidence_ids, sealed__isnull=False).order_by("-complaint__day")
    return [
        row
        for row in rows
        if min(image_hash.distance(_open_hash(key, row), value) for value in hashes) <= image_hash.NEAR
    ]


def _open_hash(key: bytes, entry: IndexEntry) -> int:
    associated = entry.evidence_id.bytes if entry.evidence_id else b""
    return int.from_bytes(decrypt(key, bytes(entry.sealed or b""), associated), "big")


def _group(kind: str, entries: list[IndexEntry]) -> Group:
    cases = {entry.complaint.case_id: entry.complaint.case for entry in entries}
    newest = [Similar(case.pk, case.reference, case.status, case.received_on) for case in list(cases.values())[:SHOWN]]
    return Group(str(kind), len({entry.complaint_id for entry in entries}), len(entries) >= MOST, newest)


# Likely duplicates, for linking cases and for entering monitoring reports

# The same person after a longer time is likely to have done something else.
NEAR_DAYS: Final = 30


def likely_duplicates(
    *, keyring: Keyring, case: Case, complaints: Sequence[Complaint]
) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the cases that may be about the same matter, each with what it shares: "accused", "picture", "post".

    The same accused counts where both cases were received within NEAR_DAYS. Raises as :func:`index_reports`.
    """
    entries = list(IndexEntry.objects.filter(complaint__in=complaints))
    others = other_reports(keyring, case)
    shared: dict[uuid.UUID, set[str]] = defaultdict(set)
    for entry in equal_entries(others, [entry for entry in entries if entry.kind in EXACT]):
        other = entry.complaint.case
        if entry.kind == Kind.POST:
            shared[other.pk].add("post")
        elif abs((other.received_on - case.received_on).days) <= NEAR_DAYS:
            shared[other.pk].add("accused")
    for entry in similar_pictures(keyring, others, entries):
        shared[entry.complaint.case_id].add("picture")
    return {pk: tuple(sorted(codes)) for pk, codes in shared.items()}


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by canonical URL, the visible cases that report the same post; raises as :func:`likely_duplicates`.

    Reports that are not indexed yet are not compared.
    """
    digests = {digest_of(keyring=keyring, kind=Kind.POST, value=url): url for url in urls}
    entries = IndexEntry.objects.filter(kind=Kind.POST, digest__in=digests)
    entries = entries.filter(complaint__case__in=access.cases_for(keyring.staff))
    by_url: dict[str, dict[uuid.UUID, Similar]] = defaultdict(dict)
    for entry in entries.select_related("complaint__case").order_by("-complaint__day", "pk"):
        case = entry.complaint.case
        by_url[digests[bytes(entry.digest)]][case.pk] = Similar(case.pk, case.reference)
    return {url: list(cases.values()) for url, cases in by_url.items()}
