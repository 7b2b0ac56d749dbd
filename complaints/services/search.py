"""Searches the cases that a person may find, by reference or by what their reports say, in the person's own session.

The words are compared with the sealed documents of the reports (services.search_scan). The audit chain records that a
search was made and its kind, neither the words nor the result; nothing else is written down.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from complaints import access
from complaints.domain import normalization, search_words
from complaints.domain.search_document import is_partial, texts_in
from complaints.domain.search_words import Rank, Terms
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import blind_index
from complaints.services.evidence import posts
from complaints.services.keyring import Actor, Locked
from complaints.services.search_scan import SearchScan

# Kinds of a search, as the chain records them.
REFERENCE: Final = "reference"
NUMBER: Final = "number"
POST: Final = "post"
WORDS: Final = "words"
# Cases that one search lists: the best of them.
FOUND_AT_MOST: Final = 200
# Slices of new reports that one search meets first; the next search continues.
SLICES_AT_ONCE: Final = 4
WAITING_AT_MOST: Final = 1000


class NothingToSearch(Exception):
    """The words hold no letter and no digit."""


@dataclass(frozen=True)
class SearchResult:
    """What a search has brought.

    Attributes:
        cases: the best first, then the newest; at most FOUND_AT_MOST.
        total: how many there are.
        read: how many reports were gone through.
        unread: how many of them, and of new ones up to WAITING_AT_MOST + 1, could not be read yet or any more.
        partial: how many of them hold more words than can be searched.
        left: how many older reports a next search goes through.
    """

    cases: list[uuid.UUID]
    total: int = 0
    read: int = 0
    unread: int = 0
    partial: int = 0
    left: int = 0


def search_cases(*, actor: Actor, words: str, cases: QuerySet[Case], skip: int = 0) -> SearchResult:
    """Return the cases in which all ``words`` stand, whole or in part, or that have them as their reference.

    New reports are met first, the oldest before the others, as on a page of the queue.

    Args:
        actor: a member of the team that holds the cases.
        words: as typed.
        cases: from ``access.cases_for``, narrowed or not; a reference is looked for in all of them.
        skip: how many of the newest reports were read by the searches before.

    Raises NothingToSearch, and Locked, UnpinnedKey or SealError where a key of the team does not open.
    """
    kind, terms = _terms_of(words)
    if not terms:
        raise NothingToSearch
    if not access.is_triage(actor.staff):
        raise Locked("triage")
    # A word of six letters can be a reference, so that the words are read where there is no such case.
    referred = _by_reference(actor, words)
    if referred:
        _record(actor, REFERENCE)
        return SearchResult(referred, len(referred))
    waiting = _meet_new_reports(actor)
    scan, ranks, partial = SearchScan(actor=actor, cases=cases, skip=skip), dict[uuid.UUID, Rank](), 0
    for case, content in scan:
        partial += is_partial(content)
        rank = search_words.rank(texts_in(content), terms)
        if rank is not None:
            ranks[case] = min(rank, ranks.get(case, rank))
    _record(actor, kind)
    # The sort keeps the order of time among those of one rank.
    best = sorted(ranks, key=ranks.__getitem__)[:FOUND_AT_MOST]
    return SearchResult(best, len(ranks), scan.read, scan.unread + waiting, partial, scan.left)


def _terms_of(words: str) -> tuple[str, Terms]:
    """Return the kind of a search, and its terms: each link in its normal form, a number, or each word."""
    if addresses := posts.find(words):
        return POST, tuple((search_words.fold(address.text),) for address in addresses)
    return NUMBER if normalization.number_alone(words) else WORDS, search_words.terms_of(words)


def _by_reference(actor: Actor, words: str) -> list[uuid.UUID]:
    """Return the cases of this reference; a linked one leads to the case that holds its reports now.

    Its reporter knows no other reference.
    """
    references = normalization.references(words, actor.today.year)
    if not references:
        return []
    linked = Case.objects.filter(reference__in=references, linked_into__isnull=False).values("linked_into")
    matches = access.cases_for(actor.staff).filter(Q(reference__in=references) | Q(pk__in=linked))
    return list(matches.order_by("-received_on", "pk").values_list("pk", flat=True)[:FOUND_AT_MOST])


def _record(actor: Actor, kind: str) -> None:
    with transaction.atomic():
        actor.record("queue.searched", facts={"kind": kind})


def _meet_new_reports(actor: Actor) -> int:
    """Index new reports, oldest first, each slice in its own transaction; return how many are left.

    The number is counted up to WAITING_AT_MOST + 1.
    """
    unindexed = Complaint.objects.filter(index_entry=None, case__in=access.cases_for(actor.staff))
    for _slice in range(SLICES_AT_ONCE):
        rows = list(unindexed.order_by("day", "id").prefetch_related("grants")[: blind_index.REPORTS_AT_ONCE])
        if not rows:
            return 0
        blind_index.index_reports(actor=actor, complaints=rows, pictures=False)
    return unindexed.order_by()[: WAITING_AT_MOST + 1].count()
