"""Blind indexes: they show triage that reports name the same person, agency, post or picture.

Entries are digests under a random key that is sealed to the team that holds the reports, so that nobody else, the
server included, can test a name or a number against them. They are written and compared in sessions of that team. A
match is a hint for officers and no proof; it is shown to no reporter and no body.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Case as Either
from django.db.models import CharField, Count, F, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat

from complaints import access
from complaints.adapters import image_hash
from complaints.domain.sealing.primitives import blake2b, decrypt, random_bytes
from complaints.domain.sealing.records import KEY_SIZES, Context
from complaints.domain.workflow import Status
from complaints.fast_sql import JoinedRows
from complaints.models.blind_index import IndexEntry, IndexKey
from complaints.models.case import IS_JUNK, Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff, Team
from complaints.services import resealing_registry
from complaints.services.keyring import Keyring
from complaints.services.team_key_history import pinned_team

Kind = IndexEntry.Kind
DIGEST_BYTES: Final = 16
# Two picture hashes that differ in at most 6 of 64 bits agree in at least 2 of 8 bands of one octet, so an entry for
# each of the 28 pairs of bands finds them. One for each band would find a 256th of all pictures, which is too many.
BANDS: Final = 8
# Entries that one comparison reads of each digest and shows of each kind, newest first; cases that one group lists.
MOST: Final = 200
SHOWN: Final = 10
# Digests of a case that one comparison looks for, those of most reports first, and pictures whose whole hashes it
# compares: a case of hundreds of reports costs no more than one of a few.
DIGESTS: Final = 1000
PICTURES: Final = 200
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
    """Return the index key (32 bytes) of the person's team, drawing it at first use; raises Locked outside triage.

    Raises also UnpinnedKey and SealError where the team's key or the index key was altered.
    """
    team = pinned_team(keyring.report_team)
    keyring.team(team)
    row = IndexKey.objects.filter(pk=team.pk).first() or _create_key(keyring, team)
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
        rows=lambda team: IndexKey.objects.filter(pk=team.pk),
        reseal=_reseal,
        columns=("sealed", "signer"),
    )
)


def _create_key(keyring: Keyring, team: Team) -> IndexKey:
    row = IndexKey(team=team)
    try:
        with transaction.atomic():
            _seal(row, keyring, team, random_bytes(32).hex())
            row.save(force_insert=True)
            # Entries under an earlier key match nothing any more; the reports are indexed again.
            IndexEntry.objects.filter(complaint__case__held_by=team.kind).delete()
            Complaint.objects.exclude(index_entry=None).filter(case__held_by=team.kind).update(index_entry=None)
    except IntegrityError:  # another member of the team created it first
        return IndexKey.objects.get(pk=team.pk)
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


def matches(*, keyring: Keyring, case: Case, reports: int) -> Matches:
    """Return what a case of so many reports shares with other visible cases; raises as :func:`open_key`."""
    alike = _alike_entries(keyring, case, (*EXACT, Kind.PICTURE, Kind.AGENCY))
    similar = {
        entry.complaint_id for kind, entries in alike.by_kind.items() if kind != Kind.AGENCY for entry in entries
    }
    shared_posts = {bytes(entry.digest) for entry in alike.by_kind[Kind.POST]}
    groups = [
        _group(kind, alike.by_kind[kind], is_more=kind in alike.cut)
        for kind in (*EXACT, Kind.PICTURE, Kind.AGENCY)
        if alike.by_kind[kind]
    ]
    return Matches(len(similar) + reports if similar else 0, len(shared_posts), groups)


# Of a match, the sealed answers of its report stay where they are.
_OF_CASE: Final = tuple(f"complaint__case__{name}" for name in ("reference", "status", "received_on"))
_COLUMNS: Final = ("kind", "digest", "sealed", "evidence", "complaint__case", *_OF_CASE)


@dataclass(frozen=True)
class _Alike:
    """Entries of other cases, newest first, at most MOST of each kind; ``cut`` are the kinds that have more."""

    by_kind: dict[str, list[IndexEntry]]
    cut: frozenset[str]


def _alike_entries(keyring: Keyring, case: Case, kinds: Collection[str]) -> _Alike:
    """Return the entries of other cases that this person may see and that are like those of a case's reports.

    The database reads at most MOST of each kind and digest, so that an agency which every twentieth report names costs
    no more than one that few name. Of what was read, the newest MOST of each kind are returned.
    """
    others = IndexEntry.objects.filter(complaint__case__in=access.cases_for(keyring.staff))
    others = others.exclude(complaint__case=case)
    keys, cut = _newest_keys(others, case, kinds)
    pictures = keys.pop(Kind.PICTURE.value, [])
    of_pictures = Q(evidence__in=pictures, kind=Kind.PICTURE, sealed__isnull=False)
    wanted = Q(pk__in=[key for of_kind in keys.values() for key in of_kind]) | of_pictures
    by_kind: dict[str, list[IndexEntry]] = defaultdict(list)
    if pictures or any(keys.values()):
        # Without the filter of visible cases, by which the keys were found: with it the database reads every case.
        rows = IndexEntry.objects.filter(wanted).select_related("complaint__case").only(*_COLUMNS)
        for entry in rows.order_by("-day", "pk"):
            by_kind[entry.kind].append(entry)
    if pictures:
        by_kind[Kind.PICTURE], is_whole = _near_pictures(keyring, case, by_kind[Kind.PICTURE])
        cut |= frozenset() if is_whole else {Kind.PICTURE.value}
    return _Alike(by_kind, cut)


def _newest_keys(
    others: QuerySet[IndexEntry], case: Case, kinds: Collection[str]
) -> tuple[dict[str, list[uuid.UUID]], frozenset[str]]:
    """Return by kind the newest equal entries, of pictures the files that share most digests; and the kinds cut."""
    key = Concat(Cast("day", CharField()), Value("="), Cast(_key_column(), CharField()), output_field=TextField())
    equal = others.filter(kind=OuterRef("kind"), digest=OuterRef("digest")).order_by("-day", "pk")
    of_case = IndexEntry.objects.filter(complaint__case=case, kind__in=kinds)
    # Grouped first, so that the database looks once for an agency that all reports of the case share.
    digests = of_case.values("kind", "digest").annotate(
        reports=Count("pk"), keys=JoinedRows(equal.values(row=key)[:MOST])
    )
    is_picture = Either(When(kind=Kind.PICTURE, then=Value(1)), default=Value(0))
    rows = digests.order_by(is_picture, "-reports", "kind", "digest").values_list("kind", "keys")[: DIGESTS + 1]
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    cut = set()
    for place, (kind, keys_of_kind) in enumerate(rows):
        if place == DIGESTS:
            cut |= {Kind.PICTURE.value} if kind == Kind.PICTURE else {str(name) for name in kinds}
            break
        newest = (keys_of_kind or "").split()
        counted[kind].update(newest)
        if len(newest) >= MOST:
            cut.add(kind)
    keys: dict[str, list[uuid.UUID]] = {}
    for kind, counts in counted.items():
        # The day stands before the key, so that the newest come first; of pictures those with the most equal pairs.
        first = sorted(counts, key=lambda text: (counts[text] if kind == Kind.PICTURE else 1, text), reverse=True)
        keys[kind] = [uuid.UUID(text.partition("=")[2]) for text in first[:MOST]]
        if len(first) > MOST:
            cut.add(kind)
    return keys, frozenset(cut)


def _key_column() -> Either:
    return Either(When(kind=Kind.PICTURE, then=F("evidence")), default=F("pk"))


def _near_pictures(keyring: Keyring, case: Case, entries: Iterable[IndexEntry]) -> tuple[list[IndexEntry], bool]:
    """Return the entries of pictures that look nearly the same as one of the case, and whether all its were compared.

    The whole hashes are compared, of the newest PICTURES of the case.
    """
    key = picture_key(open_key(keyring))
    of_case = IndexEntry.objects.filter(complaint__case=case, kind=Kind.PICTURE, sealed__isnull=False)
    hashes = [_open_hash(key, entry) for entry in of_case.order_by("-day", "pk")[: PICTURES + 1]]
    near = [
        entry
        for entry in entries
        if min((_open_hash(key, entry) ^ value).bit_count() for value in hashes[:PICTURES]) <= image_hash.NEAR
    ]
    return near, len(hashes) <= PICTURES


def picture_digests(key: bytes, value: int) -> list[bytes]:
    """Return the digests under the index key for the 64-bit hash of a picture, one for each pair of its 8 bands."""
    bands = list(enumerate(value.to_bytes(BANDS, "big")))
    return [
        digest(key, Kind.PICTURE, f"{band}:{octet},{other}:{other_octet}")
        for (band, octet), (other, other_octet) in combinations(bands, 2)
    ]


def _open_hash(key: bytes, entry: IndexEntry) -> int:
    associated = entry.evidence_id.bytes if entry.evidence_id else b""
    return int.from_bytes(decrypt(key, bytes(entry.sealed or b""), associated), "big")


def _group(kind: str, entries: list[IndexEntry], *, is_more: bool) -> Group:
    cases = {entry.complaint.case_id: entry.complaint.case for entry in entries}
    newest = [Similar(case.pk, case.reference, case.status, case.received_on) for case in list(cases.values())[:SHOWN]]
    return Group(str(kind), len({entry.complaint_id for entry in entries}), is_more, newest)


# Likely duplicates, for linking cases and for entering monitoring reports

# The same person after a longer time is likely to have done something else.
NEAR_DAYS: Final = 30
# Kinds that tell of the same matter whenever it was reported.
_SHARED: Final = {Kind.POST.value: "post", Kind.PICTURE.value: "picture"}
# So many cases that name one agency within so many days are a wave; it is looked for among the newest open ones.
WAVE_DAYS: Final = 7
WAVE_AT_LEAST: Final = 5
WAVE_AMONG: Final = 1000
WAVES_SHOWN: Final = 3


def likely_duplicates(*, keyring: Keyring, case: Case, in_wave: bool = False) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the cases that may be about the same matter, each with what it shares: "accused", "picture", "post".

    The same accused counts where both cases were received within NEAR_DAYS, and ``in_wave`` the same "agency" within
    WAVE_DAYS. Raises as :func:`open_key`.
    """
    alike = _alike_entries(keyring, case, (*EXACT, Kind.PICTURE, *((Kind.AGENCY,) if in_wave else ())))
    shared: dict[uuid.UUID, set[str]] = defaultdict(set)
    for kind, entries in alike.by_kind.items():
        days, code = (WAVE_DAYS, "agency") if kind == Kind.AGENCY else (NEAR_DAYS, _SHARED.get(kind, "accused"))
        for other in (entry.complaint.case for entry in entries):
            if kind in _SHARED or abs((other.received_on - case.received_on).days) <= days:
                shared[other.pk].add(code)
    return {pk: tuple(sorted(codes)) for pk, codes in shared.items()}


@dataclass(frozen=True)
class Wave:
    """The number of new ``cases`` that name one agency, the ``first`` of them, and the day on which that came in."""

    cases: int
    first: uuid.UUID
    since: date


def waves(*, person: Staff, today: date) -> list[Wave]:
    """Return the agencies that many of the newest open cases name, those of most cases first; one query or two.

    No key is needed: equal digests are told apart from others, and the agency stays unknown.
    """
    begun = [Status.RECEIVED, Status.IN_REVIEW]
    newest = access.cases_for(person).exclude(IS_JUNK).filter(status__in=begun, linked_into=None)
    newest = newest.filter(received_on__gte=today - timedelta(days=WAVE_DAYS)).order_by("-received_on", "pk")
    entries = IndexEntry.objects.filter(kind=Kind.AGENCY, complaint__case__in=newest.values("pk")[:WAVE_AMONG])
    counted = entries.order_by().values("digest").annotate(cases=Count("complaint__case", distinct=True))
    groups = counted.filter(cases__gte=WAVE_AT_LEAST).order_by("-cases", "digest")[:WAVES_SHOWN]
    cases = {bytes(digest): number for digest, number in groups.values_list("digest", "cases")}
    if not cases:
        return []
    first: dict[bytes, Wave] = {}
    rows = entries.filter(digest__in=list(cases)).order_by("day", "complaint__case")
    for digest, case_id, day in rows.values_list("digest", "complaint__case", "day"):
        first.setdefault(bytes(digest), Wave(cases[bytes(digest)], case_id, day))
    return [first[digest] for digest in cases]


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by canonical URL, the newest visible cases that report the same post, of at most MOST reports.

    Raises as :func:`likely_duplicates`.

    Reports that are not indexed yet are not compared.
    """
    digests = {digest_of(keyring=keyring, kind=Kind.POST, value=url): url for url in urls}
    visible = IndexEntry.objects.filter(complaint__case__in=access.cases_for(keyring.staff))
    equal = visible.filter(kind=Kind.POST, digest=OuterRef("digest")).order_by("-day", "pk")
    key = Cast("pk", TextField())
    same = IndexEntry.objects.filter(kind=Kind.POST, digest__in=digests).values("digest")
    known = same.annotate(reports=Count("pk"), keys=JoinedRows(equal.values(row=key)[:MOST])).values_list("keys")
    keys = [uuid.UUID(text) for (joined,) in known for text in (joined or "").split()]
    entries = IndexEntry.objects.filter(pk__in=keys).select_related("complaint__case").only("digest", *_COLUMNS)
    by_url: dict[str, dict[uuid.UUID, Similar]] = defaultdict(dict)
    for entry in entries.order_by("-day", "pk"):
        case = entry.complaint.case
        by_url[digests[bytes(entry.digest)]][case.pk] = Similar(case.pk, case.reference)
    return {url: list(cases.values()) for url, cases in by_url.items()}
