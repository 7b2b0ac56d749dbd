"""The keyed digest of a row's deciding columns, which the entry of each act holds: the newest entry of a row decides.

A state is BLAKE2b-128 over the canonical columns, keyed by the random salt of the row. Without the salt a state tells
nothing, so the salt goes when the row is erased: the digest of a name without a key could be guessed for ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from allauth.mfa.models import Authenticator
from django.db import models

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import KeyGrant
from complaints.models.oversight import Release, ReleasedFile, ReleasedReport, ReleasePart
from complaints.models.rule_change import RuleChange
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services.audit import recorded_erasures
from complaints.services.audit.coverage import state_columns
from complaints.services.audit.log import plain

DIGEST_BYTES: Final = 16
# Of a case without its salt: all its reports are erased, and no state of it can be computed again.
NO_STATE: Final = "erased"
# Reference data is public: nothing would be hidden by a salt.
_PUBLIC: Final = b"reference data"
_INDEX_COLUMNS: Final = ("id", "evidence", "kind", "digest", "sealed")


@dataclass(frozen=True)
class State:
    """A state: the table, the events that hold it, and the tables of which all rows with the owner's id are part.

    ``parts`` are models with the name of their foreign key to the owner.
    """

    model: type[models.Model]
    events: tuple[str, ...]
    parts: tuple[tuple[type[models.Model], str], ...] = ()


STATES: Final[Mapping[str, State]] = {
    "staff": State(
        Staff,
        (
            *("staff.changed", "staff.key_made", "staff.compared", "practice.switched"),
            *("confirmation.asked", "confirmation.used"),
        ),
    ),
    "team": State(
        Team,
        ("team.made", "team.asked", "team.admitted", "team.left", "teamkey.rotated", "teamkey.finished"),
        ((TeamKey, "team"), (TeamMembership, "team")),
    ),
    # All second factors of a person, none included: added, removed or exchanged rows are seen alike.
    "factors": State(
        Staff,
        ("factor.added", "factor.removed", "factor.codes_made", "factor.ended", "factor.reset"),
        ((Authenticator, "user"),),
    ),
    "rule": State(RuleChange, ("rule.proposed", "rule.confirmed", "rule.declined", "rule.withdrawn")),
    "filing": State(Case, ("case.changed",)),
    "assignment": State(Case, ("case.assigned", "case.taken_on", "case.declined")),
    "lane": State(Case, ("lane.set", "lane.left")),
}


def state_of(row: models.Model, state: str) -> str:
    """Return the state of a stored row (32 hexadecimal digits), read as the database holds it; "" where there is none.

    Call it in the transaction of the act, with the row locked or just written.
    """
    return states_of([row.pk], state).get(row.pk, "")


def locked_state(row: models.Model, state: str) -> str:
    """Lock a row until the transaction ends and return its state before an act; "" where it is not stored yet.

    An entry holds the state before its act as well as the one after: else an act would record, as its own, what
    somebody altered in the database before it.
    """
    list(STATES[state].model._base_manager.select_for_update().filter(pk=row.pk).values_list("pk"))
    return state_of(row, state)


def change_facts(row: models.Model, state: str, *, before: str) -> dict[str, str]:
    """Return what an entry records of the states of a row before and after an act; of an account also its rights."""
    facts = {"before": before, "state": state_of(row, state)}
    return facts | {"rights": Staff.objects.get(pk=row.pk).rights} if state == "staff" else facts


def states_of(keys: Collection[uuid.UUID], state: str) -> dict[uuid.UUID, str]:
    """Return the states of the rows with these primary keys that exist; two queries and one for each kind of part."""
    kind = STATES[state]
    parts: dict[uuid.UUID, list[object]] = {}
    for model, owner in kind.parts:
        columns = state_columns(model.__name__, state)
        rows = model._base_manager.filter(**{f"{owner}__in": keys}).order_by("pk")
        for owner_id, *values in rows.values_list(owner, *columns):
            parts.setdefault(owner_id, []).append([model.__name__, plain(zip(columns, values, strict=True))])
    columns = state_columns(kind.model.__name__, state)
    states = {}
    for key, salt, *values in kind.model._base_manager.filter(pk__in=keys).values_list("pk", "salt", *columns):
        content = {"row": plain(zip(columns, values, strict=True)), "parts": parts.get(key, [])}
        states[key] = _digest(content, bytes(salt))
    return states


def loaded_state(row: models.Model, state: str) -> str:
    """Return the state of a row without parts from its columns as they were read, all of them; no query."""
    columns = state_columns(type(row).__name__, state)
    content = {"row": plain((name, row.serializable_value(name)) for name in columns), "parts": []}
    return _digest(content, bytes(row.serializable_value("salt")))


def blank_states(keys: Collection[uuid.UUID], state: str) -> dict[uuid.UUID, str]:
    """Return the states that rows have before any act: of an unassigned or normal case, of a person without a factor.

    It is "" where an act made the row.
    """
    if state not in ("assignment", "factors", "lane"):
        return {}
    model = STATES[state].model
    columns = state_columns(model.__name__, state)
    blank = "" if state == "lane" else None
    content: dict[str, object] = {"row": dict.fromkeys(columns, blank), "parts": []}
    salts = model._base_manager.filter(pk__in=keys).values_list("pk", "salt")
    return {key: _digest(content, bytes(salt)) for key, salt in salts}


def table_state(model: type[models.Model]) -> str:
    """Return the state of a whole table of reference data (32 hexadecimal digits)."""
    columns = state_columns(model.__name__, "catalog")
    rows = model._base_manager.order_by("pk").values_list(*columns)
    return _digest({"rows": [plain(zip(columns, row, strict=True)) for row in rows]}, _PUBLIC)


def table_subject(model: type[models.Model]) -> uuid.UUID:
    """Return the subject of the entries on a whole table: an id that follows from the table's name."""
    return uuid.UUID(bytes=blake2b(model.__name__.encode(), person=b"table", size=16))


@dataclass(frozen=True)
class IndexRoot:
    """The entries of a report in the blind index: their number and their Merkle root (hexadecimal)."""

    count: int
    root: str


def index_roots(reports: Collection[uuid.UUID]) -> dict[uuid.UUID, IndexRoot]:
    """Return the number and the root of each report's entries in the blind index; one query."""
    leaves: dict[uuid.UUID, list[bytes]] = {report: [] for report in reports}
    rows = IndexEntry.objects.filter(complaint__in=reports)
    for report, *values in rows.values_list("complaint", *_INDEX_COLUMNS).iterator():
        leaves[report].append(_leaf("index", zip(_INDEX_COLUMNS, values, strict=True)))
    return {report: IndexRoot(len(rows), hashchain.merkle_root(rows).hex()) for report, rows in leaves.items()}


def index_root_of(text: str) -> str:
    """Return the root of a report's rows in the blind index from their columns as text.

    ``text`` has the rows with spaces between them, each ``id:evidence:kind:digest:sealed``; ids and binary columns in
    hexadecimal, "-" where there is none.
    """
    leaves = []
    for row in text.split():
        key, evidence, kind, digest, sealed = row.split(":")
        values = [uuid.UUID(key), None if evidence == "-" else uuid.UUID(evidence), kind, bytes.fromhex(digest)]
        values.append(None if sealed == "-" else bytes.fromhex(sealed))
        leaves.append(_leaf("index", zip(_INDEX_COLUMNS, values, strict=True)))
    return hashchain.merkle_root(leaves).hex()


# What of a release its manifest covers, by kind of leaf.
CONTENT: Final[Mapping[str, tuple[type[models.Model], tuple[str, ...]]]] = {
    "part": (ReleasePart, ("id", "number", "report", "sealed")),
    "file": (ReleasedFile, ("id", "stored", "sealed")),
    "report": (ReleasedReport, ("id", "complaint", "number", "told")),
}
_RELEASE_COLUMNS: Final = (
    "id", "case", "number", "body", "first", "after_step", "is_further", "public_key", "key_signature", "signer",
    "sealed",
)  # fmt: skip


def content_root(rows: Mapping[str, Iterable[models.Model]], erased: Iterable[bytes] = ()) -> str:
    """Return the Merkle root (hexadecimal) of what a release consists of; ``rows`` by kind, the keys of CONTENT.

    ``erased`` are the kept leaves of what it consisted of, too, until a report was erased.
    """
    leaves = {
        _leaf(kind, [(name, row.serializable_value(name)) for name in CONTENT[kind][1]])
        for kind, of_kind in rows.items()
        for row in of_kind
        if not _is_erased(row)
    }
    return hashchain.merkle_root({*leaves, *erased}).hex()


def kept_content(reports: Iterable[ReleasedReport]) -> dict[uuid.UUID, list[bytes]]:
    """Return by release the kept leaves for :func:`content_root`; no query where none of its reports is erased."""
    releases = {row.release_id for row in reports if _is_erased(row)}
    if not releases:
        return {}
    kept = recorded_erasures.kept_of_releases(releases)
    return {release: [digest for kind, digest in leaves if kind in CONTENT] for release, leaves in kept.items()}


def _is_erased(row: models.Model) -> bool:
    """Whether a row names a report that is erased, without what its reporter was told: its kept leaf counts."""
    return isinstance(row, ReleasedReport) and not bytes(row.told)


def release_roots(releases: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the Merkle root (hexadecimal) of each release with its parts, files, reports and grants; seven queries.

    A grant counts as it was first sealed: its team signs what it is sealed to later. What was erased counts by its kept
    leaves.
    """
    leaves: dict[uuid.UUID, set[bytes]] = {
        release: set() for release in Release.stored.filter(pk__in=releases).values_list("pk", flat=True)
    }
    # Rows first, kept leaves after them: a row that is erased in between is met twice, and never missed.
    for leaf in release_leaves(leaves):
        leaves[leaf.release].add(leaf.digest)
    for release, kept in recorded_erasures.kept_of_releases(leaves).items():
        leaves[release] |= {digest for _kind, digest in kept}
    return {release: hashchain.merkle_root(rows).hex() for release, rows in leaves.items()}


class ReleaseLeaf(NamedTuple):
    """A leaf of a release: its kind as kept leaves name it, the row, the release, and the digest (32 bytes)."""

    kind: str
    row: uuid.UUID
    release: uuid.UUID
    digest: bytes


def release_leaves(releases: Collection[uuid.UUID]) -> Iterator[ReleaseLeaf]:
    """Yield the leaves of some releases with all that belongs to them, as they are stored; five queries."""
    # An erased release has no manifest: its kept leaf counts.
    for row in Release.stored.filter(pk__in=releases).values_list(*_RELEASE_COLUMNS):
        if row[-1]:
            yield ReleaseLeaf("release", row[0], row[0], _leaf("release", zip(_RELEASE_COLUMNS, row, strict=True)))
    for kind, (model, columns) in CONTENT.items():
        rows = model._base_manager.filter(release__in=releases)
        for release, *values in rows.values_list("release", *columns):
            if kind != "report" or values[-1]:
                yield ReleaseLeaf(kind, values[0], release, _leaf(kind, zip(columns, values, strict=True)))
    grants = KeyGrant.objects.filter(release__in=releases)
    for release, row, team, sealed, first in grants.values_list("release", "id", "team", "sealed", "first_digest"):
        digest = bytes(first) if first else blake2b(bytes(sealed), person=b"ciphertext")
        if release is not None:
            yield ReleaseLeaf("key", row, release, _leaf("grant", [("id", row), ("team", team), ("first", digest)]))


def _leaf(kind: str, pairs: Iterable[tuple[str, object]]) -> bytes:
    return blake2b(hashchain.canonical({"kind": kind, "row": plain(pairs)}), person=b"row leaf")


def _digest(content: Mapping[str, object], salt: bytes) -> str:
    if not salt:
        return NO_STATE
    return blake2b(hashchain.canonical(content), person=b"row state", key=salt, size=DIGEST_BYTES).hex()
