"""What the chain records of erasures, and which kept leaves therefore stand in for rows that are gone.

A row may be missing where a kept leaf stands for it, and a kept leaf counts where an erasure holds it: two people
entered that erasure, and the server entered the Merkle root of all leaves that it has kept so far. Whoever writes to
the database can delete a row and plant a leaf, and has neither a person's key nor the server's to enter it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry
from complaints.models.batch import KeptLeaf
from complaints.models.erasure import Erasure
from complaints.services.audit import log, recorded_restorations

PROPOSED: Final = "erasure.proposed"
REFUSED: Final = "erasure.refused"
CONFIRMED: Final = "erasure.confirmed"
LISTED: Final = "erasure.listed"
UNREADABLE: Final = "erasure.unreadable"
SLICE: Final = "erasure.slice"
CASE: Final = "erasure.case"
DONE: Final = "erasure.done"
# By these the server binds the leaves that an erasure has kept.
BINDING: Final = (UNREADABLE, SLICE, DONE)
_EVENTS: Final = (PROPOSED, REFUSED, CONFIRMED, LISTED, *BINDING)
_LEAF_COLUMNS: Final = ("kind", "row", "batch", "release", "digest")


def decision_facts(erasure: Erasure) -> dict[str, object]:
    """Return the facts of an entry by which a person proposes, refuses or confirms; its subject is the erasure."""
    return {"complaint": str(erasure.complaint_id), "ground": erasure.ground, "rule": erasure.rule}


@dataclass(frozen=True)
class RecordedErasure:
    """What genuine entries record of one erasure.

    Attributes:
        complaint: the report, "" where nobody has entered any.
        by: who proposed and who confirmed, None where nobody did.
        is_listed: taken over from a list that had left the machine, after a backup was restored, and as one of those
            that the entry of the restoration counts.
        root: Merkle root (hexadecimal) and number of its kept leaves by the newest entry, None before the first.
        is_done: nothing is left to be erased.
        sequence: the number of the newest entry.
    """

    complaint: str = ""
    by: tuple[uuid.UUID | None, uuid.UUID | None] = (None, None)
    is_listed: bool = False
    root: tuple[str, int] | None = None
    is_done: bool = False
    sequence: int | None = None

    @property
    def is_agreed(self) -> bool:
        """Whether two people have entered it, here or before a backup was restored."""
        proposed, confirmed = self.by
        return self.is_listed or (proposed is not None and confirmed is not None and proposed != confirmed)


def recorded(erasures: Collection[uuid.UUID]) -> Mapping[uuid.UUID, RecordedErasure]:
    """Return what the chain records of each of these erasures; one query."""
    entries: dict[uuid.UUID, list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject__in=erasures, event__in=_EVENTS).order_by("sequence"):
        if entry.subject is not None and log.is_genuine(entry):
            entries[entry.subject].append(entry)
    # Of the list that a restoration applied; without one no entry counts that speaks of a list.
    is_any_listed = any(entry.event == LISTED for of_one in entries.values() for entry in of_one)
    restored = {item.era: item.erasures for item in recorded_restorations.recorded()} if is_any_listed else {}
    return {erasure: _recorded(entries[erasure], restored) for erasure in erasures}


def _recorded(entries: Sequence[AuditEntry], restored: Mapping[int, int]) -> RecordedErasure:
    recorded = RecordedErasure()
    for entry in entries:
        facts = entry.facts
        complaint, by, is_listed = recorded.complaint, recorded.by, recorded.is_listed
        root, is_done = recorded.root, recorded.is_done
        is_by_server = log.is_signed_by_server(entry)
        if entry.event == PROPOSED and root is None:
            complaint, by = str(facts.get("complaint")), (entry.actor, None)
        elif entry.event == REFUSED and root is None:
            by = (None, None)
        elif entry.event == CONFIRMED and root is None and facts.get("complaint") == complaint:
            by = (by[0], entry.actor)
        elif entry.event == LISTED and is_by_server and _number_of(entry) in range(1, restored.get(entry.era, 0) + 1):
            complaint, is_listed = str(facts.get("complaint")), True
        elif entry.event in BINDING and is_by_server:
            root, is_done = (str(facts.get("root")), int(facts.get("count", 0))), entry.event == DONE
        recorded = RecordedErasure(complaint, by, is_listed, root, is_done, entry.sequence)
    return recorded


def unreadable_entries() -> list[AuditEntry]:
    """Return the entries with which the server made reports unreadable, each with its running number; one query."""
    entries = AuditEntry.objects.filter(event=UNREADABLE).order_by("sequence")
    return [entry for entry in entries if _number_of(entry) and log.is_signed_by_server(entry)]


def next_number() -> int:
    """Return the running number of the next report that is made unreadable; the caller has locked the chain's head."""
    for entry in AuditEntry.objects.filter(event=UNREADABLE).order_by("-sequence").iterator(chunk_size=1):
        if _number_of(entry) and log.is_signed_by_server(entry):
            return _number_of(entry) + 1
    return 1


def _number_of(entry: AuditEntry) -> int:
    number = entry.facts.get("number") if isinstance(entry.facts, dict) else None
    return number if isinstance(number, int) else 0


def leaves_root(leaves: Iterable[Sequence[object]]) -> bytes:
    """Return the Merkle root (32 bytes) of kept leaves, each as its columns kind, row, batch, release, digest."""
    return hashchain.merkle_root(
        blake2b(hashchain.canonical(log.plain(zip(_LEAF_COLUMNS, leaf, strict=True))), person=b"kept leaf")
        for leaf in leaves
    )


def stored_root(erasure: uuid.UUID) -> tuple[str, int]:
    """Return the Merkle root (hexadecimal) and the number of the leaves that are stored of an erasure; one query."""
    leaves = list(KeptLeaf.objects.filter(erasure=erasure).values_list(*_LEAF_COLUMNS))
    return leaves_root(leaves).hex(), len(leaves)


def holding(erasures: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some erasures whose kept leaves count; a query and one for each of them."""
    rows = dict(Erasure.objects.filter(pk__in=erasures).values_list("pk", "complaint_id"))
    known = recorded(rows)
    return {erasure for erasure, complaint in rows.items() if _holds(erasure, complaint, known[erasure])}


def _holds(erasure: uuid.UUID, complaint: uuid.UUID, known: RecordedErasure) -> bool:
    if not known.is_agreed or known.complaint != str(complaint):
        return False
    if known.root == stored_root(erasure):
        return True
    with transaction.atomic():
        # Again without a slice under way, which appends its entry after its leaves.
        log.lock_head()
        return recorded([erasure])[erasure].root == stored_root(erasure)


def kept(**conditions: object) -> list[tuple[str, uuid.UUID, bytes]]:
    """Return kind, row and digest of the kept leaves that meet the conditions and that an erasure holds."""
    rows = KeptLeaf.objects.filter(erasure__isnull=False, **conditions)
    leaves = list(rows.values_list("kind", "row", "digest", "erasure"))
    held = holding({erasure for *_leaf, erasure in leaves if erasure}) if leaves else set()
    return [(kind, row, bytes(digest)) for kind, row, digest, erasure in leaves if erasure in held]


def kept_of_batch(number: int) -> dict[str, set[bytes]]:
    """Return by kind the digests of the leaves of a batch that erasures have kept."""
    leaves: dict[str, set[bytes]] = defaultdict(set)
    for kind, _row, digest in kept(batch=number):
        leaves[kind].add(digest)
    return leaves


def kept_of_releases(releases: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, bytes]]]:
    """Return by release the kind and the digest of its leaves that erasures have kept; the rows may be gone."""
    kept: dict[uuid.UUID, list[tuple[str, bytes]]] = {release: [] for release in releases}
    rows = KeptLeaf.objects.filter(release__in=releases, erasure__isnull=False)
    leaves = list(rows.values_list("release", "kind", "digest", "erasure"))
    held = holding({erasure for *_leaf, erasure in leaves if erasure}) if leaves else set()
    for release, kind, digest, erasure in leaves:
        if erasure in held and release is not None:
            kept[release].append((kind, bytes(digest)))
    return kept


def erased_releases(releases: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some releases of which an erasure that counts has kept the release's own leaf."""
    if not releases:
        return set()
    return {row for _kind, row, _digest in kept(kind=KeptLeaf.Kind.RELEASE, release__in=releases)}


def people_of(cases: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return who of the staff has acted on some cases, openings included."""
    actors = AuditEntry.objects.filter(case__in=cases, actor__isnull=False).order_by()
    return {actor for actor in actors.values_list("actor", flat=True).distinct() if actor}


def text_leaf(facts: Mapping[str, object]) -> bytes:
    """Return the leaf of what staff or a body wrote: of the digests that its entry says of it."""
    return blake2b(hashchain.canonical({name: facts[name] for name in sorted(facts)}), person=b"kept text")


def erased_since(number: int) -> list[uuid.UUID]:
    """Return the reports of which an erasure has kept the leaf of an identity in a batch from ``number`` on."""
    return [row for _kind, row, _digest in kept(kind=KeptLeaf.Kind.IDENTITY, batch__gte=number)]


def erased_cases(cases: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some cases of which the server entered that all their reports are erased; one query."""
    entries = AuditEntry.objects.filter(case__in=cases, event=CASE)
    return {entry.case for entry in entries if entry.case is not None and log.is_signed_by_server(entry)}


def erased_reports(complaints: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some reports that are unreadable by genuine entries of two people and of the server; two queries.

    The leaves that were kept of them are not looked at.
    """
    rows = dict(Erasure.objects.filter(complaint_id__in=complaints).values_list("pk", "complaint_id"))
    known = recorded(rows)
    return {
        complaint
        for erasure, complaint in rows.items()
        if known[erasure].is_agreed and known[erasure].root and known[erasure].complaint == str(complaint)
    }
