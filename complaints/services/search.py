"""Searching the cases: by reference, by the accused's NIP or name and agency, by a post.

What was typed is compared by digests under the key of the blind indexes, which opens in members' sessions only. The
chain says that somebody searched, and by which kind of thing; never for what, nor what was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from complaints import access
from complaints.domain import normalization, posts
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import similarity
from complaints.services.actor import Actor

Kind = IndexEntry.Kind
REFERENCE: Final = "reference"
KINDS: Final = (REFERENCE, Kind.NIP.value, Kind.PERSON.value, Kind.POST.value)
# Reports that nobody has met yet are indexed first, so many at once with each search; the next search goes on.
SLICES_AT_ONCE: Final = 4
WAITING_AT_MOST: Final = 1000


class NothingToSearch(Exception):  # noqa: N818  said to an officer, not a fault of the program
    """What was typed is no reference, no NIP, no link and no name."""


@dataclass(frozen=True)
class Search:
    """A search as a session keeps it: its kind, references or hex digests, and how many reports are not indexed yet.

    ``words`` is what was typed, for the page of the person who typed it.
    """

    kind: str
    values: tuple[str, ...]
    words: str
    waiting: int = 0

    def kept(self) -> dict[str, Any]:
        """Return it as a sealed session holds it."""
        return {"kind": self.kind, "values": list(self.values), "words": self.words, "waiting": self.waiting}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Search:
        """Return what :meth:`kept` made."""
        return cls(str(kept["kind"]), tuple(kept["values"]), str(kept["words"]), int(kept["waiting"]))


def parse_query(*, words: str, name: str, agency: str, year: int) -> tuple[str, list[str]]:
    """Return what is searched for: its kind, and the references or the one spelling of the indexes.

    Raises:
        NothingToSearch: it is none of what can be searched for.
    """
    words = words.strip()
    if found := normalization.references(words, year):
        return REFERENCE, found
    post = posts.read(words)
    if post.is_link:
        return Kind.POST.value, [post.text]
    if number := normalization.nip(words):
        return Kind.NIP.value, [number]
    if person := normalization.person(name, agency):
        return Kind.PERSON.value, [person]
    raise NothingToSearch


def search_cases(*, actor: Actor, words: str, name: str, agency: str) -> Search:
    """Prepare a search; :func:`filter_cases` then finds. Reports that nobody has met are indexed first, some at a time.

    Raises:
        NothingToSearch: see :func:`parse_query`.
        Locked, UnpinnedKey, SealError: the key of the indexes does not open.
    """
    kind, values = parse_query(words=words, name=name, agency=agency, year=timezone.localdate(actor.now).year)
    waiting = 0
    if kind != REFERENCE:
        waiting = index_slice(actor=actor)
        values = [similarity.digest_of(keyring=actor.keyring, kind=kind, value=value).hex() for value in values]
    shown = words.strip() or ", ".join(part for part in (name.strip(), agency.strip()) if part)
    with transaction.atomic():
        facts = {"kind": kind}
        actor.record("queue.searched", facts=facts)
    return Search(kind, tuple(values), shown, waiting)


def index_slice(*, actor: Actor) -> int:
    """Index reports that nobody has met yet, the oldest first, in slices of their own; return how many still wait.

    The number is counted up to WAITING_AT_MOST + 1. Raises as :func:`search_cases`.
    """
    unmet = Complaint.objects.filter(is_indexed=False, case__in=access.cases_for(actor.staff))
    for _slice in range(SLICES_AT_ONCE):
        rows = list(unmet.order_by("day", "id").prefetch_related("grants")[: similarity.REPORTS_AT_ONCE])
        if not rows:
            return 0
        similarity.index_reports(actor=actor, complaints=rows, pictures=False)
    return unmet.order_by()[: WAITING_AT_MOST + 1].count()


def filter_cases(cases: QuerySet[Case], wanted: Search) -> QuerySet[Case]:
    """Narrow cases to those that a search finds."""
    if wanted.kind == REFERENCE:
        # A reference that was linked leads to where its reports are now: its reporter knows no other.
        linked = Case.objects.filter(reference__in=wanted.values, linked_into__isnull=False)
        return cases.filter(Q(reference__in=wanted.values) | Q(pk__in=linked.values("linked_into")))
    digests = [bytes.fromhex(value) for value in wanted.values]
    entries = IndexEntry.objects.filter(kind=wanted.kind, digest__in=digests)
    return cases.filter(pk__in=entries.values("complaint__case"))
