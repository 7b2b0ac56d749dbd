"""Searches cases by reference, by the accused's NIP or by name and agency, or by a post.

Except for references, the query is compared by digests under the key of the blind index, which opens only in sessions
of triage. The audit chain records that a search was made and its kind, neither the query nor the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from complaints import access
from complaints.domain import normalization
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import blind_index, similarity
from complaints.services.evidence import posts
from complaints.services.keyring import Actor

Kind = IndexEntry.Kind
REFERENCE: Final = "reference"
KINDS: Final = (REFERENCE, Kind.NIP.value, Kind.PERSON.value, Kind.POST.value)
# Slices of new reports that one search indexes first; the next search continues.
SLICES_AT_ONCE: Final = 4
WAITING_AT_MOST: Final = 1000


class NothingToSearch(Exception):
    """The query is no reference, NIP, link or name."""


@dataclass(frozen=True)
class Search:
    """A search, which the sealed session holds as JSON.

    ``values`` are references, or digests in hexadecimal, according to ``kind`` (one of KINDS); ``words`` the query as
    entered, shown on the officer's page; ``waiting`` the number of reports that are not indexed yet.
    """

    kind: str
    values: list[str]
    words: str
    waiting: int = 0


def parse_query(*, words: str, name: str, agency: str, year: int) -> tuple[str, list[str]]:
    """Return the kind of a query, and its references, completed by ``year``, or its value as the index spells it.

    Raises NothingToSearch.
    """
    words = words.strip()
    if references := normalization.references(words, year):
        return REFERENCE, references
    if addresses := posts.find(words):
        return Kind.POST.value, [address.text for address in addresses]
    if number := normalization.nip(words):
        return Kind.NIP.value, [number]
    if person := normalization.person(name, agency):
        return Kind.PERSON.value, [person]
    raise NothingToSearch


def search_cases(*, actor: Actor, words: str, name: str, agency: str) -> Search:
    """Prepare a search, which :func:`filter_cases` applies; the oldest reports without index entries are indexed first.

    Raises NothingToSearch, and Locked, UnpinnedKey or SealError where the key of the blind index does not open.
    """
    kind, values = parse_query(words=words, name=name, agency=agency, year=actor.today.year)
    waiting = 0
    if kind != REFERENCE:
        waiting = index_slices(actor=actor)
        values = [similarity.digest_of(keyring=actor.keyring, kind=kind, value=value).hex() for value in values]
    shown = words.strip() or ", ".join(part for part in (name.strip(), agency.strip()) if part)
    with transaction.atomic():
        actor.record("queue.searched", facts={"kind": kind})
    return Search(kind, values, shown, waiting)


def index_slices(*, actor: Actor) -> int:
    """Index new reports, oldest first, each slice in its own transaction; return how many are left.

    The number is counted up to WAITING_AT_MOST + 1. Raises as :func:`search_cases`.
    """
    unindexed = Complaint.objects.filter(index_entry=None, case__in=access.cases_for(actor.staff))
    for _slice in range(SLICES_AT_ONCE):
        rows = list(unindexed.order_by("day", "id").prefetch_related("grants")[: blind_index.REPORTS_AT_ONCE])
        if not rows:
            return 0
        blind_index.index_reports(actor=actor, complaints=rows, pictures=False)
    return unindexed.order_by()[: WAITING_AT_MOST + 1].count()


def filter_cases(cases: QuerySet[Case], wanted: Search) -> QuerySet[Case]:
    """Return the cases that match a search."""
    if wanted.kind == REFERENCE:
        # The reference of a linked case leads to the case that holds its reports now: its reporter knows no other.
        linked = Case.objects.filter(reference__in=wanted.values, linked_into__isnull=False)
        return cases.filter(Q(reference__in=wanted.values) | Q(pk__in=linked.values("linked_into")))
    digests = [bytes.fromhex(value) for value in wanted.values]
    entries = IndexEntry.objects.filter(kind=wanted.kind, digest__in=digests)
    return cases.filter(pk__in=entries.values("complaint__case"))
