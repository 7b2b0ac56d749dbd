"""Blind indexes: they show triage that reports name the same person, agency, post or picture.

Entries are digests under a random key that is sealed to triage, so that nobody else, the server included, can test a
name or a number against them. They are written and compared in sessions of triage. A match is a hint for officers and
no proof; it is shown to no reporter and no body.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Case as Either
from django.db.models import Count, QuerySet, When, Window
from django.db.models.functions import RowNumber

from complaints import access
from complaints.adapters import image_hash
from complaints.domain.sealing.primitives import blake2b, decrypt, random_bytes
from complaints.domain.sealing.records import KEY_SIZES, Context
from complaints.models.blind_index import IndexEntry, IndexKey
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Team
from complaints.services import resealing_registry
from complaints.services.keyring import Keyring
from complaints.services.team_key_history import pinned_team

Kind = IndexEntry.Kind
DIGEST_BYTES: Final = 16
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


# The key and the digests


def open_key(keyring: Keyring) -> bytes:
    """Return the index key (32 bytes), drawing it at first use; raises Locked for a person outside the triage team.

    Raises also UnpinnedKey and SealError where the team's key or the index key was altered.
    """
    team = pinned_team(Team.Kind.TRIAGE)
    keyring.team(team)
    row = IndexKey.objects.filter(pk=1).first() or _create_key(keyring)
    return bytes.fromhex(_open(row, keyring, team))


def _open(row: IndexKey, keyring: Keyring, team: Team) -> str:
    secret = keyring.read_for_team(team, row.sealed, _context(team), number=row.sealed_number, sizes=KEY_SIZES)
    return str(secret)


def _context(team: Team) -> Context:
    return Context("index-key", "1", str(team.pk))


def _seal(row: IndexKey, keyring: Keyring, team: Team, secret: str) -> None:
    row.sealed = keyring.seal_for_team(team, _context(team), secret, sizes=KEY_SIZES)
    row.signer, row.sealed_number = keyring.team(team).sign.public, team.key_number


def _reseal(row: IndexKey, keyring: Keyring, team: Team) -> None:
    _seal(row, keyring, team, _open(row, keyring, team))


resealing_registry.register(
    resealing_registry.SealedTable(
        "index_key",
        rows=lambda team: IndexKey.objects.filter(pk=1) if team.kind == Team.Kind.TRIAGE else IndexKey.objects.none(),
        reseal=_reseal,
        columns=("sealed", "signer"),
    )
)


def _create_key(keyring: Keyring) -> IndexKey:
    row = IndexKey(pk=1)
    try:
        with transaction.atomic():
            _seal(row, keyring, pinned_team(Team.Kind.TRIAGE), random_bytes(32).hex())
            row.save(force_insert=True)
            # Entries under an earlier key match nothing any more; the reports are indexed again.
            IndexEntry.objects.all().delete()
            Complaint.objects.exclude(index_entry=None).update(index_entry=None)
    except IntegrityError:  # another member of triage created it first
        return IndexKey.objects.get(pk=1)
    return row


def digest(key: bytes, kind: str, value: str) -> bytes:
    """Return the digest (16 bytes) of ``value`` for entries of ``kind``, under the index key."""
    return blake2b(value.encode(), person=f"index-{kind}".encode(), key=key, size=DIGEST_BYTES)


def picture_key(key: bytes) -> bytes:
    """Return the key (32 bytes) that the hashes of pictures are encrypted under, derived from the index key."""
    return blake2b(b"", person=b"index-hashes", key=key)


def digest_of(*, keyring: Keyring, kind: str, value: str) -> bytes:
    """Return the digest of a normalised value, to search entries for; raises Locked, UnpinnedKey, SealError."""
    return digest(open_key(keyring), kind, value)


# Comparing


def matches(*, keyring: Keyring, case: Case, complaints: Sequence[Complaint]) -> Matches:
    """Return what a case's reports share with those of other visible cases; raises as :func:`open_key`."""
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
    key = picture_key(open_key(keyring))
    hashes = [_open_hash(key, entry) for entry in with_hash]
    banded = others.filter(kind=Kind.PICTURE, digest__in={bytes(entry.digest) for entry in pictures}).order_by()
    candidates = banded.values("evidence").annotate(alike=Count("pk")).filter(alike__gte=BANDS_ALIKE)
    evidence_ids = [row["evidence"] for row in candidates.order_by("-alike")[:MOST]]
    rows = others.filter(evidence__in=evidence_ids, sealed__isnull=False).order_by("-complaint__day")
    return [
        row for row in rows if min((_open_hash(key, row) ^ value).bit_count() for value in hashes) <= image_hash.NEAR
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

    The same accused counts where both cases were received within NEAR_DAYS. Raises as :func:`open_key`.
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
