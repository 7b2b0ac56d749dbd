"""Blind indexes: how the office learns that reports name the same person, agency, post or picture.

Entries are digests under a random key that opens only for members of triage, so nobody else, the server included, can
try a name or a number against them. They are written and compared in members' sessions; what comes of it is a hint
for officers, never proof, and goes to no reporter and no body.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

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
# New reports per look, and pictures per opening: what is left waits for the next.
REPORTS_AT_ONCE: Final = 50
PICTURES_AT_ONCE: Final = 4
# Two hashes that differ in at most 6 of 64 bits agree in at least two of 8 bands.
BANDS: Final = 8
BANDS_ALIKE: Final = 2
MOST: Final = 200
SHOWN: Final = 10
EXACT: Final = (Kind.NIP, Kind.PERSON, Kind.POST)


@dataclass(frozen=True)
class Similar:
    """Another case that shares something."""

    case_id: uuid.UUID
    reference: str
    status: str = ""
    received_on: date | None = None


@dataclass(frozen=True)
class Group:
    """The reports of other cases that share one kind of thing; ``cases`` are the newest of them.

    ``is_more``: there are more than were counted.
    """

    kind: str
    reports: int
    is_more: bool
    cases: list[Similar]


@dataclass(frozen=True)
class Matches:
    """How many reports, those of the case included, name the same persons, posts or pictures, and how many posts.

    ``groups`` holds the agency too, which many reports share without being alike.
    """

    reports: int
    posts: int
    groups: list[Group]


# --- Writing


def digest_of(*, keyring: Keyring, kind: str, value: str) -> bytes:
    """Return what stands for a value among the entries, to be searched for; raises Locked without an admission."""
    return blind_index.digest(blind_index.open_key(keyring), kind, value)


def _picture_key(key: bytes) -> bytes:
    return blake2b(b"", person=b"index-hashes", key=key)


def index_reports(*, actor: Actor, complaints: Sequence[Complaint], pictures: bool) -> None:
    """Write the missing entries of reports that this person can open, and the conflicts of interest that come of them.

    Called before anything of them is displayed: whoever stands in one must not see it, be it in their own session.

    Args:
        pictures: also those of posts and pictures that came later; for one case, not for a page of the queue.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the entries does not open; nothing was written.
    """
    # Whoever stands in a case cannot open it; another member's session writes its entries.
    complaints = [complaint for complaint in complaints if not actor.keyring.has_conflict(complaint.case_id)]
    new = [complaint for complaint in complaints if not complaint.is_indexed][:REPORTS_AT_ONCE]
    items = _waiting(complaints if pictures else new, pictures=pictures) if pictures or new else []
    if not new and not items:
        return
    for complaint in new:
        # With the grants at hand; the locked rows come without.
        with suppress(Locked, SealError):
            actor.keyring.complaint(complaint)
    with transaction.atomic():
        key = blind_index.open_key(actor.keyring)
        wanted = {complaint.pk for complaint in new} | {item.complaint_id for item in items}
        # Two members may meet a report at once: the rows are locked, and what one has written the other leaves.
        locked = Complaint.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
        mine = {complaint.pk: complaint for complaint in locked}
        done = set(IndexEntry.objects.filter(evidence__in=items).values_list("evidence", flat=True)) if items else set()
        entries: list[IndexEntry] = []
        for complaint in mine.values():
            if not complaint.is_indexed:
                entries += _of_answers(actor.keyring, key, complaint)
        for item in items:
            if item.pk not in done:
                entries += _of_item(actor.keyring, key, item, mine[item.complaint_id])
        IndexEntry.objects.bulk_create(entries)
        conflict_detection.record_matches(actor=actor, key=key, entries=entries)
        Complaint.objects.filter(pk__in=mine, is_indexed=False).update(is_indexed=True)


def _waiting(complaints: Iterable[Complaint], *, pictures: bool) -> list[Evidence]:
    kinds = Q(kind=Evidence.Kind.POST)
    if pictures:
        kinds |= Q(kind=Evidence.Kind.FILE, state=Evidence.State.READY)
    rows = Evidence.objects.filter(kinds, complaint__in=complaints, index_entries__isnull=True)
    found = list(rows.order_by("complaint", "sequence").prefetch_related("objects_stored"))
    files = [row for row in found if row.kind == Evidence.Kind.FILE]
    return [row for row in found if row.kind == Evidence.Kind.POST] + files[:PICTURES_AT_ONCE]


def _of_answers(keyring: Keyring, key: bytes, complaint: Complaint) -> Iterator[IndexEntry]:
    try:
        pair, owner = keyring.complaint(complaint), str(complaint.pk)
        signer = bytes(complaint.reporter_verify_key)
        answers = open_record(pair, complaint.sealed_answers, Context("answers", owner, owner), signer)
    except (Locked, SealError):
        return  # opening its case says so
    for kind, value in _values(answers).items():
        if value:
            yield IndexEntry(complaint=complaint, kind=kind, digest=blind_index.digest(key, kind, value))


def _values(answers: dict[str, Any]) -> dict[str, str]:
    agency = str(answers.get("agency") or "")
    place = str(answers.get("regency") or answers.get("province") or "")
    return {
        Kind.NIP.value: normalization.nip(str(answers.get("accused_nip") or "")),
        Kind.PERSON.value: normalization.person(str(answers.get("accused_name") or ""), agency),
        Kind.NAME.value: normalization.name(str(answers.get("accused_name") or "")),
        Kind.OFFICE.value: normalization.office(agency),
        Kind.AGENCY.value: normalization.agency_key(agency, place),
    }


def _of_item(keyring: Keyring, key: bytes, item: Evidence, complaint: Complaint) -> list[IndexEntry]:
    try:
        if item.kind == Evidence.Kind.FILE:
            return _of_picture(keyring, key, item, complaint)
        post = read_post(keyring.complaint(complaint), item, complaint)
    except (Locked, SealError):
        return []
    # Text that is no link stands for itself: nothing can be told alike by it, and it is not looked at again.
    digest = blind_index.digest(key, Kind.POST, post.url) if post.is_link else random_bytes(DIGEST_BYTES)
    return [IndexEntry(complaint=complaint, evidence=item, kind=Kind.POST, digest=digest)]


def _of_picture(keyring: Keyring, key: bytes, item: Evidence, complaint: Complaint) -> list[IndexEntry]:
    value = _hash_of(keyring, item, complaint)
    blank = IndexEntry(complaint=complaint, evidence=item, kind=Kind.PICTURE, digest=random_bytes(DIGEST_BYTES))
    if value is None:
        return [blank]
    of_item: dict[str, Any] = {"complaint": complaint, "evidence": item, "kind": Kind.PICTURE}
    entries = [IndexEntry(digest=digest, **of_item) for digest in _bands(key, value)]
    entries[0].sealed = encrypt(_picture_key(key), value.to_bytes(BANDS, "big"), item.pk.bytes)
    return entries


def _bands(key: bytes, value: int) -> list[bytes]:
    return [
        blind_index.digest(key, Kind.PICTURE, f"{place}:{octet}")
        for place, octet in enumerate(value.to_bytes(BANDS, "big"))
    ]


def _hash_of(keyring: Keyring, item: Evidence, complaint: Complaint) -> int | None:
    """Return the hash of a picture's preview or working copy, None where there is nothing to compare."""
    stored = {one.variant: one for one in item.objects_stored.all()}
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


# --- Comparing


def matches(*, keyring: Keyring, case: Case, complaints: Sequence[Complaint]) -> Matches:
    """Return what the reports of a case share with those of other cases that this person may see.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the entries does not open.
    """
    own = list(IndexEntry.objects.filter(complaint__in=complaints))
    others = other_reports(keyring, case)
    found = equal_entries(others, [entry for entry in own if entry.kind in (*EXACT, Kind.AGENCY)])
    found += similar_pictures(keyring, others, own)
    by_kind: dict[str, list[IndexEntry]] = defaultdict(list)
    for entry in found:
        by_kind[entry.kind].append(entry)
    alike = {entry.complaint_id for entry in found if entry.kind != Kind.AGENCY}
    shared = {bytes(entry.digest) for entry in by_kind[Kind.POST]}
    groups = [_group(kind, by_kind[kind]) for kind in (*EXACT, Kind.PICTURE, Kind.AGENCY) if by_kind[kind]]
    return Matches(len(alike) + len(complaints) if alike else 0, len(shared), groups)


def other_reports(keyring: Keyring, case: Case) -> QuerySet[IndexEntry]:
    """Return the entries of all other cases that this person may see."""
    others = IndexEntry.objects.filter(complaint__case__in=access.cases_for(keyring.staff))
    return others.exclude(complaint__case=case).select_related("complaint__case")


def equal_entries(others: QuerySet[IndexEntry], own: list[IndexEntry]) -> list[IndexEntry]:
    """Return the newest entries that say the same as ``own``; the agency, which many share, crowds out no other."""
    if not own:
        return []
    wanted = {"kind__in": {entry.kind for entry in own}, "digest__in": {bytes(entry.digest) for entry in own}}
    is_agency = Either(When(kind=Kind.AGENCY, then=1), default=0)
    place = Window(RowNumber(), partition_by=is_agency, order_by="-complaint__day")
    return list(others.filter(**wanted).annotate(place=place).filter(place__lte=MOST).order_by("place"))


def similar_pictures(keyring: Keyring, others: QuerySet[IndexEntry], own: list[IndexEntry]) -> list[IndexEntry]:
    """Return the entries of pictures that look nearly the same: by bands first, then by their whole hashes."""
    pictures = [entry for entry in own if entry.kind == Kind.PICTURE]
    hashed = [entry for entry in pictures if entry.sealed is not None]
    if not hashed:
        return []
    key = _picture_key(blind_index.open_key(keyring))
    mine = [_opened(key, entry) for entry in hashed]
    banded = others.filter(kind=Kind.PICTURE, digest__in={bytes(entry.digest) for entry in pictures}).order_by()
    candidates = banded.values("evidence").annotate(alike=Count("pk")).filter(alike__gte=BANDS_ALIKE)
    likely = [row["evidence"] for row in candidates.order_by("-alike")[:MOST]]
    rows = others.filter(evidence__in=likely, sealed__isnull=False).order_by("-complaint__day")
    return [row for row in rows if min(image_hash.distance(_opened(key, row), one) for one in mine) <= image_hash.NEAR]


def _opened(key: bytes, entry: IndexEntry) -> int:
    place = entry.evidence_id.bytes if entry.evidence_id else b""
    return int.from_bytes(decrypt(key, bytes(entry.sealed or b""), place), "big")


def _group(kind: str, entries: list[IndexEntry]) -> Group:
    cases = {entry.complaint.case_id: entry.complaint.case for entry in entries}
    listed = [Similar(one.pk, one.reference, one.status, one.received_on) for one in list(cases.values())[:SHOWN]]
    return Group(str(kind), len({entry.complaint_id for entry in entries}), len(entries) >= MOST, listed)


# Likely duplicates, for whoever links or enters: cases of one matter, and posts that somebody reported already.


# Who does it again months later does another thing.
NEAR_DAYS: Final = 30


def likely_duplicates(
    *, keyring: Keyring, case: Case, complaints: Sequence[Complaint]
) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the cases that may speak of the same matter, each with what it shares: "accused", "picture", "post".

    The same accused counts where both cases came in within NEAR_DAYS.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the entries does not open.
    """
    own = list(IndexEntry.objects.filter(complaint__in=complaints))
    others = other_reports(keyring, case)
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for entry in equal_entries(others, [entry for entry in own if entry.kind in EXACT]):
        other = entry.complaint.case
        if entry.kind == Kind.POST:
            found[other.pk].add("post")
        elif abs((other.received_on - case.received_on).days) <= NEAR_DAYS:
            found[other.pk].add("accused")
    for entry in similar_pictures(keyring, others, own):
        found[entry.complaint.case_id].add("picture")
    return {pk: tuple(sorted(why)) for pk, why in found.items()}


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by link in its one spelling, the cases of this person that hold the same post; raises as :func:`likely_duplicates`.

    Reports that no member has met yet are not compared.
    """
    digests = {digest_of(keyring=keyring, kind=Kind.POST, value=url): url for url in urls}
    entries = IndexEntry.objects.filter(kind=Kind.POST, digest__in=digests)
    entries = entries.filter(complaint__case__in=access.cases_for(keyring.staff))
    found: dict[str, dict[uuid.UUID, Similar]] = defaultdict(dict)
    for entry in entries.select_related("complaint__case").order_by("-complaint__day", "pk"):
        case = entry.complaint.case
        found[digests[bytes(entry.digest)]][case.pk] = Similar(case.pk, case.reference)
    return {url: list(cases.values()) for url, cases in found.items()}
