"""Likely duplicates, for whoever links or enters: cases of one matter, and posts that somebody reported already."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from complaints import access
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.index import IndexEntry
from complaints.services import indexing
from complaints.services.indexing import Kind, Similar
from complaints.services.vault import Keyring

# Who does it again months later does another thing.
NEAR_DAYS: Final = 30


def likely(*, keyring: Keyring, case: Case, complaints: Sequence[Complaint]) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the cases that may speak of the same matter, each with what it shares: "accused", "picture", "post".

    The same accused counts where both cases came in within NEAR_DAYS.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the entries does not open.
    """
    own = list(IndexEntry.objects.filter(complaint__in=complaints))
    others = indexing.others_of(keyring, case)
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for entry in indexing.equal(others, [entry for entry in own if entry.kind in indexing.EXACT]):
        other = entry.complaint.case
        if entry.kind == Kind.POST:
            found[other.pk].add("post")
        elif abs((other.received_on - case.received_on).days) <= NEAR_DAYS:
            found[other.pk].add("accused")
    for entry in indexing.near(keyring, others, own):
        found[entry.complaint.case_id].add("picture")
    return {pk: tuple(sorted(why)) for pk, why in found.items()}


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by link in its one spelling, the cases of this person that hold the same post; raises as :func:`likely`.

    Reports that no member has met yet are not compared.
    """
    digests = {indexing.digest_of(keyring=keyring, kind=Kind.POST, value=url): url for url in urls}
    entries = IndexEntry.objects.filter(kind=Kind.POST, digest__in=digests)
    entries = entries.filter(complaint__case__in=access.cases_for(keyring.staff))
    found: dict[str, dict[uuid.UUID, Similar]] = defaultdict(dict)
    for entry in entries.select_related("complaint__case").order_by("-complaint__day", "pk"):
        case = entry.complaint.case
        found[digests[bytes(entry.digest)]][case.pk] = Similar(case.pk, case.reference)
    return {url: list(cases.values()) for url, cases in found.items()}
