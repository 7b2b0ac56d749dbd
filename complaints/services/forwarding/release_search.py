"""Search in the releases of a body: they are opened and read in the member's own session, the newest first.

Nothing that is searched for, and no digest of a word, is stored: the chain records that a search was made and its kind.
Releases are read themselves, in place of search documents beside them: ADR 0063 says what that costs.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Q

from complaints import access
from complaints.domain import normalization
from complaints.domain.errors import SealError
from complaints.domain.sealing.records import JSON, open_record
from complaints.models.complaint import Message
from complaints.models.oversight import Release, ReleasePart
from complaints.services.forwarding.contents import ANSWERS, PartBody
from complaints.services.forwarding.reading import part_context, release_context
from complaints.services.keyring import Actor, Keyring, Locked, signer_of
from complaints.services.messages import read_released
from complaints.services.team_key_history import UnpinnedKey

# Forwardings that one search reads; the next one goes on with the older ones.
READ_AT_MOST: Final = 400
_SLICE: Final = 50
FOUND_AT_MOST: Final = 100
REFERENCE: Final = "reference"
RELEASED: Final = "release"
# Where a word was read, the best place first: whoever types a name looks for the accused.
_NAMES: Final = frozenset({*ANSWERS["accused"], *ANSWERS["position"], *ANSWERS["nip"]})
_AGENCIES: Final = frozenset({"agency"})
_PLACES: Final = frozenset({"regency"})


class NothingToSearch(Exception):
    """The words hold no letter and no digit."""


@dataclass(frozen=True)
class ReleaseSearch:
    """What a search has brought: the forwardings, the best and newest first, and how many were read and are left."""

    releases: list[uuid.UUID]
    read: int
    left: int


def search(*, actor: Actor, words: str, skip: int = 0) -> ReleaseSearch:
    """Return the forwardings to the person's body in which all ``words`` stand, in whole or in part.

    Args:
        skip: how many of the newest were read before.

    Raises NothingToSearch, and Locked for who is no liaison or whose key of the body is not open.
    """
    terms = normalization.fold(words).split()
    if not terms:
        raise NothingToSearch
    if not access.is_overseer(actor.staff):
        raise Locked("body")
    actor.keyring.keys_of(f"body-{actor.staff.body_id}")
    firsts = access.releases_for(actor.staff).filter(first=None).order_by("-at", "pk")
    # A word of six letters can be a reference, so that the words are read where there is no such case.
    references = normalization.references(words, actor.today.year)
    referred = list(firsts.filter(case__reference__in=references).values_list("pk", flat=True)[:FOUND_AT_MOST])
    with transaction.atomic():
        actor.record("queue.searched", facts={"kind": REFERENCE if referred else RELEASED})
    if referred:
        return ReleaseSearch(referred, 0, 0)
    ids = list(firsts.values_list("pk", flat=True))
    wanted = ids[skip : skip + READ_AT_MOST]
    ranked = []
    for start in range(0, len(wanted), _SLICE):
        chunk = wanted[start : start + _SLICE]
        of_chunk = _texts(actor.keyring, chunk)
        ranked += [(place, first) for first in chunk if (place := _place(of_chunk[first], terms)) is not None]
    # The sort keeps the order of time among those of one place.
    best = [first for _place_of, first in sorted(ranked, key=lambda entry: entry[0])]
    return ReleaseSearch(best[:FOUND_AT_MOST], len(wanted), len(ids) - skip - len(wanted))


def _place(texts: Sequence[str], terms: Iterable[str]) -> int | None:
    """Return the number of the first of ``texts`` up to which all terms have been read, None where one is missing."""
    places = [next((place for place, text in enumerate(texts) if term in text), None) for term in terms]
    return None if None in places else max(place for place in places if place is not None)


def _texts(keyring: Keyring, firsts: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Sequence[str]]:
    """Return by forwarding its folded names, agencies, places and other words; what does not open has none."""
    words: dict[uuid.UUID, list[list[str]]] = defaultdict(lambda: [[], [], [], []])
    releases = Release.objects.filter(Q(pk__in=firsts) | Q(first__in=firsts)).exclude(state=Release.State.RECALLED)
    rows = list(releases.select_related("case").prefetch_related("grants"))
    parts, messages = defaultdict[uuid.UUID, list[ReleasePart]](list), defaultdict[uuid.UUID, list[Message]](list)
    for part in ReleasePart.objects.filter(release__in=rows):
        parts[part.release_id].append(part)
    for message in Message.objects.from_reporter().filter(release__in=rows):
        messages[message.release_id or uuid.UUID(int=0)].append(message)
    for release in rows:
        with suppress(Locked, SealError, UnpinnedKey):
            for place, text in _read(keyring, release, parts[release.pk], messages[release.pk]):
                words[release.first_id or release.pk][place].append(text)
    return {
        first: [normalization.fold(" \n".join(texts)) for texts in words[first]] if first in words else []
        for first in firsts
    }


def _read(
    keyring: Keyring, release: Release, parts: Iterable[ReleasePart], messages: Iterable[Message]
) -> Iterator[tuple[int, str]]:
    """Yield the texts of a release, each with the number of its place."""
    pair, signer = keyring.release(release), signer_of(release)
    manifest = open_record(pair, release.sealed, release_context(release), signer)
    yield 3, str(manifest["cover"])
    for part in parts:
        yield from _texts_of(open_record(pair, part.sealed, part_context(part), signer))
    # With the key that the office released, as on the page: a row may hold another one.
    keys = {report["complaint"]: bytes.fromhex(report["reporter"]) for report in manifest["reports"]}
    for message in messages:
        text, _marks = read_released(message, pair=pair, signer=keys.get(str(message.complaint_id), b""))
        yield 3, text


def _texts_of(part: PartBody) -> Iterator[tuple[int, str]]:
    named: Mapping[str, JSON] = part.get("answers") or part.get("post") or {"text": part.get("text", "")}
    for name, value in named.items():
        if isinstance(value, str):
            places = (_NAMES, _AGENCIES, _PLACES)
            yield next((place for place, names in enumerate(places) if name in names), 3), value
