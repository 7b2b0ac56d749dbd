"""The Merkle leaves of what reporters sent: one for each row that a batch takes, bound by the root of that batch."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias

from django.db.models import QuerySet

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import Stored, blake2b
from complaints.models.audit import AuditEntry
from complaints.models.batch import KeptLeaf
from complaints.models.case import CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.identity import Identity
from complaints.models.oversight import ReleaseStep
from complaints.services.audit import recorded_erasures
from complaints.services.audit.identity_signature import SIGNED_COLUMNS
from complaints.services.audit.state import NO_STATE, states_of

# The columns of a report that never change after it was sent.
COMPLAINT_COLUMNS = (
    "lookup", "reporter_key", "reporter_verify_key", "public_key", "key_signature", "commitment", "sealed_answers",
    "sealed_summary", "sealed_days",
)  # fmt: skip
IDENTITY_COLUMNS = (*SIGNED_COLUMNS, "signature")
STEP_COLUMNS = ("sequence", "action", "source", "target", "due_on", "body", "stage", "day")
RELEASE_STEP_COLUMNS = ("sequence", "action", "source", "target", "due_on", "day")
MOVE_COLUMNS = ("number", "source_steps", "target_steps", "target_due_on", "day")
# Rows are read in pieces of this size: a sealed text takes up to 64 KiB.
PIECE: Final = 100
# Rows of any table, each as its id, its batch and its columns for :func:`_leaf`.
LeafRows: TypeAlias = "QuerySet[Any, tuple[Any, ...]]"


class Leaf(NamedTuple):
    """The leaf of a row: its kind, its primary key, its batch, and the digest (32 bytes)."""

    kind: str
    row: uuid.UUID
    batch: int | None
    digest: bytes


def batch_root(number: int) -> tuple[bytes, int]:
    """Return the Merkle root of a batch (32 bytes) and the number of its leaves.

    Identities have a root of their own, which is a leaf of it: the kept leaf of a rewritten identity can stand in for
    an identity and for no row of another table, else whoever writes kept leaves could delete such rows unseen. A row
    that is rewritten or erased while it is read gives its leaf twice, from the table and as a kept leaf: the same one.
    """
    rows, identities = set(_batch_leaves(number)), set(_identity_leaves(number))
    bound = blake2b(hashchain.merkle_root(identities), person=b"identities")
    return hashchain.merkle_root(rows | {bound}), len(rows) + len(identities)


def leaves_by_kind(number: int) -> dict[str, Iterator[bytes]]:
    """Return the leaves of a batch without its identities, by kind; each kind is read when it is iterated.

    No leaf of a batch, open or closed, ever changes or goes: what is written again or erased keeps the leaf it had.
    """
    # Rows first, kept leaves after them: a row that is erased in between is met as a kept leaf, and never missed.
    return {kind: chain(digests, _kept_leaves(kind, number)) for kind, digests in _stored_by_kind(number).items()}


def _stored_by_kind(number: int) -> dict[str, Iterator[bytes]]:
    """Return the leaves of the rows of a batch that are stored, without its identities, by kind."""
    live = {**_sent_leaves({"batch": number}), "worked": _worked_leaves({"worked_batch": number})}
    retried = _retried_leaves(number)
    owned: dict[str, tuple[Sequence[str], LeafRows]] = {
        "step": (STEP_COLUMNS, CaseStep.objects.filter(batch=number).values_list(
            "pk", "batch", *STEP_COLUMNS, "case")),
        "releasestep": (RELEASE_STEP_COLUMNS, ReleaseStep.objects.filter(batch=number).values_list(
            "pk", "batch", *RELEASE_STEP_COLUMNS, "release")),
        "move": (MOVE_COLUMNS, CaseMove.objects.filter(batch=number).values_list(
            "pk", "batch", *MOVE_COLUMNS, "complaint", "source", "target")),
    }  # fmt: skip
    stay = {kind: _owned_leaves(kind, *columns) for kind, columns in owned.items()}
    stay["filing"] = _filing_leaves(
        Complaint.stored.filter(batch=number).values_list("pk", "batch", "pk"),
        CaseMove.objects.filter(batch=number).values_list("pk", "batch", "target"),
    )
    kinds: dict[str, Iterator[bytes]] = {kind: (leaf.digest for leaf in rows) for kind, rows in (live | stay).items()}
    kinds["worked"] = chain(kinds["worked"], retried)
    return kinds


def leaves_of_report(complaint: uuid.UUID) -> Iterator[Leaf]:
    """Yield the leaves that batches have of what a report consists of, its identity and no steps or moves among them.

    Locked by the caller, who deletes the rows.
    """
    yield from chain.from_iterable(_sent_leaves({"complaint": complaint}).values())
    yield from _worked_leaves({"complaint": complaint, "worked_batch__isnull": False})
    for identity in Identity.objects.filter(pk=complaint):
        yield Leaf("identity", identity.pk, identity.batch, identity_leaf(identity))


def filing_leaves_of(case: uuid.UUID) -> Iterator[Leaf]:
    """Yield the leaves that batches have of how a case is filed: of the report it came with, of moves of reporters."""
    yield from _filing_leaves(
        Complaint.stored.filter(pk=case).values_list("pk", "batch", "pk"),
        CaseMove.objects.filter(target=case, batch__isnull=False).values_list("pk", "batch", "target"),
    )


def _kept_leaves(kind: str, number: int) -> Iterator[bytes]:
    yield from recorded_erasures.kept_of_batch(number).get(kind, ())


def _sent_leaves(where: Mapping[str, object]) -> dict[str, Iterator[Leaf]]:
    """Return by kind the leaves of what reporters sent, of a batch (``batch``) or of a report (``complaint``)."""
    messages = Message.objects.filter(direction=Message.Direction.FROM_REPORTER, **where)
    of_evidence = {f"evidence__{name}": value for name, value in where.items()}
    originals = EvidenceObject.objects.filter(variant=EvidenceObject.Variant.ORIGINAL, **of_evidence)
    posts = Evidence.objects.filter(kind=Evidence.Kind.POST, **where)
    reports = Complaint.objects.filter(**{"pk" if name == "complaint" else name: key for name, key in where.items()})
    owned: dict[str, tuple[Sequence[str], LeafRows]] = {
        "complaint": (("channel", "day", "check_by"), reports.values_list(
            "pk", "batch", "channel", "day", "check_by", *COMPLAINT_COLUMNS)),
        "message": (("sequence", "day"), messages.values_list(
            "pk", "batch", "sequence", "day", "complaint", "release", "sealed", "sealed_for_release", "signer", "step",
            "release_step", "author")),
        "object": (("sequence", "day", "number"), originals.values_list(
            "pk", "evidence__batch", "evidence__sequence", "evidence__day", "number", "evidence__complaint", "sealed",
            "object_digest")),
        "post": (("sequence", "day"), posts.values_list(
            "pk", "batch", "sequence", "day", "complaint", "sealed_post")),
    }  # fmt: skip
    leaves = {kind: _owned_leaves(kind, *columns) for kind, columns in owned.items()}
    return leaves | {"grant": _grant_leaves(reports)}


def _owned_leaves(kind: str, clear: Sequence[str], rows: LeafRows) -> Iterator[Leaf]:
    for row, batch, *values in rows.iterator(chunk_size=PIECE):
        texts = dict(zip(clear, values, strict=False))
        yield Leaf(kind, row, batch, _leaf(kind, row, texts, values[len(clear) :]))


def _batch_leaves(number: int) -> Iterator[bytes]:
    """Yield the leaves of a batch without its identities: of reports, grants, messages, files, posts, steps, moves."""
    yield from chain.from_iterable(_stored_by_kind(number).values())
    for kind, digests in recorded_erasures.kept_of_batch(number).items():
        if kind != KeptLeaf.Kind.IDENTITY:
            yield from digests


def _identity_leaves(number: int) -> Iterator[bytes]:
    """Yield the leaf of each identity that a batch holds, and the kept leaves of those rewritten or erased since."""
    # Rows first, kept leaves after them: a row that is rewritten in between is met as a kept leaf, and never missed.
    for identity in Identity.objects.filter(batch=number).iterator(chunk_size=PIECE):
        yield identity_leaf(identity)
    kept = KeptLeaf.objects.filter(batch=number, kind="identity", erasure=None).values_list("digest", flat=True)
    yield from map(bytes, kept.iterator(chunk_size=PIECE))
    yield from _kept_leaves("identity", number)


def _grant_leaves(reports: QuerySet[Complaint]) -> Iterator[Leaf]:
    """Yield a leaf for each grant as the reporter sealed it; a grant that was sealed again keeps its first digest."""
    grants = KeyGrant.objects.filter(complaint__in=reports)
    columns = ("pk", "complaint__batch", "complaint", "team", "sealed", "first_digest")
    for row, batch, complaint, team, sealed, first_digest in grants.values_list(*columns).iterator(chunk_size=PIECE):
        digest = bytes(first_digest) if first_digest else _digest(sealed)
        yield Leaf("grant", row, batch, _leaf_of("grant", row, _digest(complaint), _digest(team), digest))


def _filing_leaves(*sources: LeafRows) -> Iterator[Leaf]:
    """Yield a leaf for each report and each move of a reporter: how the case is filed that came with it.

    Without its salt a case of which all reports are erased has no such leaf any more: erasing kept it.
    """
    # A report came with the case that has its key.
    for rows in sources:
        pairs = rows.order_by("pk").iterator(chunk_size=PIECE)
        while piece := list(islice(pairs, PIECE)):
            states = states_of({case for _row, _batch, case in piece}, "filing")
            for row, batch, case in piece:
                if states.get(case) != NO_STATE:
                    yield Leaf("filing", row, batch, _leaf("filing", row, {"state": states.get(case, "")}, []))


def _worked_leaves(where: Mapping[str, object]) -> Iterator[Leaf]:
    """Yield a leaf for each file that was worked on, of a batch or of a report, and for each of its copies.

    An entry of its own would tell the minute in which a reporter sent the file: the worker comes within one.
    """
    worked = Evidence.objects.filter(**where).values_list("pk", "worked_batch", "state", "sealed_report")
    for row, batch, state, report in worked.iterator(chunk_size=PIECE):
        yield Leaf("worked", row, batch, _leaf("worked", row, {"state": state}, [report]))
    # A redacted copy is made later, by a person, and is bound by an entry.
    elsewhere = [EvidenceObject.Variant.ORIGINAL, EvidenceObject.Variant.REDACTED]
    copies = EvidenceObject.objects.filter(**{f"evidence__{name}": value for name, value in where.items()})
    columns = ("pk", "evidence__worked_batch", "variant", "number", "evidence", "object_digest", "sealed")
    rows = copies.exclude(variant__in=elsewhere).values_list(*columns)
    for row, batch, variant, page, *values in rows.iterator(chunk_size=PIECE):
        yield Leaf("worked", row, batch, _leaf("copy", row, {"variant": variant, "number": page}, values))


def report_digest(report: Stored) -> bytes:
    """Return the digest of a failed file's report.

    It is kept in the entry of its retry, so that the old batch root can still be verified.
    """
    return _digest(report)


def _retried_leaves(number: int) -> Iterator[bytes]:
    """Yield the old leaf of each file of this batch that failed and waits again, from the entry in the chain.

    Its state is always "failed", so that no entry can stand in for a file that has copies.
    """
    entries = AuditEntry.objects.filter(event="object.retried").values_list("subject", "facts")
    for row, facts in entries.iterator(chunk_size=PIECE):
        if row is not None and facts["batch"] == number:
            state = _digest(hashchain.canonical({"state": "failed"}))
            yield _leaf_of("worked", row, state, bytes.fromhex(str(facts["report"])))


def identity_leaf(identity: Identity) -> bytes:
    """Return the leaf of an identity as the object holds it; that of each version differs."""
    values = [getattr(identity, name) for name in IDENTITY_COLUMNS]
    return _leaf("identity", identity.pk, {"version": identity.version, "body": identity.body_id or ""}, values)


def _leaf(kind: str, row: uuid.UUID, clear: Mapping[str, object], values: Sequence[Any]) -> bytes:
    """Return the leaf of a row: its id and values, so that ciphertexts exchanged between rows do not match."""
    texts = {name: value if isinstance(value, int) else str(value) for name, value in clear.items()}
    return _leaf_of(kind, row, _digest(hashchain.canonical(texts)), *map(_digest, values))


def _leaf_of(kind: str, row: uuid.UUID, *digests: bytes) -> bytes:
    return blake2b(kind.encode() + b"\0" + row.bytes + b"".join(digests), person=b"day leaf")


def _digest(value: bytes | memoryview | uuid.UUID | None) -> bytes:
    return blake2b(value.bytes if isinstance(value, uuid.UUID) else bytes(value or b""), person=b"ciphertext")
