"""What a report consists of in every table, and the leaf that each of its rows leaves when it is deleted.

Nothing here opens anything: the erasing has no key of a team, and finds its rows by clear columns alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Model, Q, QuerySet

from complaints.domain.sealing.primitives import blake2b
from complaints.models.batch import KeptLeaf
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Assessment, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.conflict import Conflict
from complaints.models.erasure import ErasedObject, Erasure
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.identity import Identity, NameRequest, ReadName
from complaints.models.oversight import (
    BodyNote,
    DecisionCopy,
    Finding,
    FindingProposal,
    Hearing,
    Recommendation,
    Release,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    Sanction,
)
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.models.redaction import Redaction
from complaints.models.search_document import SearchDoc
from complaints.services.audit import leaves, recorded_erasures
from complaints.services.audit.faults import Rows
from complaints.services.audit.state import release_leaves
from complaints.services.audit.verify_rows import KEPT_KINDS, text_leaves

Kind = KeptLeaf.Kind
# Of the empty columns of what is left of a report.
BLANK: Final[dict[str, bytes]] = dict.fromkeys(
    (
        *("reporter_key", "public_key", "key_signature", "commitment"),
        *("sealed_answers", "sealed_summary", "sealed_days"),
    ),
    b"",
)


@dataclass(frozen=True)
class Remains:
    """What of a report an erasure deletes: the report, and the releases that hold no other report any more."""

    complaint: uuid.UUID
    releases: frozenset[uuid.UUID]


def of_report(complaint: uuid.UUID) -> Remains:
    """Return what is to be deleted of a report that is still whole and locked.

    A forwarding and its supplements are one: what the body wrote on it is read with the key of the forwarding.
    """
    holding = ReleasedReport.objects.filter(complaint=complaint).values_list("release", "release__first")
    firsts = {first or release for release, first in holding}
    family = Q(release__in=firsts) | Q(release__first__in=firsts)
    live = ReleasedReport.objects.filter(family, complaint__erased_on=None).exclude(complaint=complaint)
    shared = {first or release for release, first in live.values_list("release", "release__first")}
    alone = firsts - shared
    releases = Release.stored.filter(Q(pk__in=alone) | Q(first__in=alone)).values_list("pk", flat=True)
    return Remains(complaint, frozenset(releases))


def begun(erasure: Erasure) -> Remains:
    """Return what is to be deleted of a report that was made unreadable: its releases are those whose leaf was kept."""
    releases = KeptLeaf.objects.filter(erasure=erasure, kind=Kind.RELEASE).values_list("row", flat=True)
    return Remains(erasure.complaint_id, frozenset(releases))


# --- At once: whatever some key opens ---------------------------------------------------------------------------------


def readable_rows(remains: Remains) -> list[Rows]:
    """Return the rows that are deleted in one transaction, each table after those that refer to it.

    After it no key of a team, a person, the worker or the reporter opens anything of the report.
    """
    of_report = {"complaint": remains.complaint}
    questions = ReleaseQuestion.objects.filter(release__in=remains.releases)
    return [
        ReleasedFile.objects.filter(stored__evidence__complaint=remains.complaint),
        _parts(remains),
        QuestionReader.objects.filter(Q(**of_report) | Q(question__in=questions)),
        BodyNote.objects.filter(release__in=remains.releases),
        KeyGrant.objects.filter(Q(**of_report) | Q(release__in=remains.releases)),
        ReadName.objects.filter(**of_report),
        NameRequest.objects.filter(**of_report),
        Identity.objects.filter(**of_report),
        SearchDoc.objects.filter(**of_report),
        IndexEntry.objects.filter(**of_report),
        Redaction.objects.filter(**of_report),
        EvidenceObject.objects.filter(evidence__complaint=remains.complaint),
        Evidence.objects.filter(**of_report),
        Message.objects.filter(**of_report),
    ]


def _parts(remains: Remains) -> QuerySet[ReleasePart]:
    """Return the parts of a report in every release, and all parts of releases that hold no other report."""
    condition = Q(release__in=remains.releases)
    for release, number in ReleasedReport.objects.filter(complaint=remains.complaint).values_list("release", "number"):
        condition |= Q(release=release, report=number)
    return ReleasePart.objects.filter(condition)


def readable_leaves(remains: Remains) -> Iterator[KeptLeaf]:
    """Yield the leaves to keep of :func:`readable_rows`, and of the rows that stay without content."""
    for leaf in leaves.leaves_of_report(remains.complaint):
        yield KeptLeaf(kind=leaf.kind, row=leaf.row, batch=leaf.batch, digest=leaf.digest)
    yield from _release_leaves(remains)
    for event, rows in _texts(remains).items():
        yield from _text_leaves(event, rows.values_list("pk", flat=True))
    for rows, columns in _others(remains):
        for row, *values in rows.values_list("pk", *columns).iterator():
            yield KeptLeaf(kind=Kind.ROW, row=row, digest=_row_leaf(values))


def _release_leaves(remains: Remains) -> Iterator[KeptLeaf]:
    parts = set(_parts(remains).values_list("pk", flat=True))
    files = ReleasedFile.objects.filter(stored__evidence__complaint=remains.complaint)
    told = ReleasedReport.objects.filter(Q(complaint=remains.complaint) | Q(release__in=remains.releases))
    going = parts | set(files.values_list("pk", flat=True)) | set(told.values_list("pk", flat=True))
    touched = {*ReleasedReport.objects.filter(complaint=remains.complaint).values_list("release", flat=True)}
    for leaf in release_leaves(touched | remains.releases):
        if leaf.release in remains.releases or leaf.row in going:
            yield KeptLeaf(kind=leaf.kind, row=leaf.row, release=leaf.release, digest=leaf.digest)


def _texts(remains: Remains) -> dict[str, Rows]:
    """Return by the event of its entry what staff or a body wrote and some key opens beside that of the report."""
    questions = ReleaseQuestion.objects.filter(release__in=remains.releases)
    return {
        "message.sent": Message.objects.filter(complaint=remains.complaint).exclude(
            direction=Message.Direction.FROM_REPORTER
        ),
        "redaction.made": Redaction.objects.filter(complaint=remains.complaint),
        "question.addressed": QuestionReader.objects.filter(Q(complaint=remains.complaint) | Q(question__in=questions)),
        "release.made": Release.stored.filter(pk__in=remains.releases),
    }


def _others(remains: Remains) -> list[tuple[Rows, tuple[str, ...]]]:
    """Return the rows that nothing has a digest of by itself, each with the columns of its leaf."""
    return [
        (IndexEntry.objects.filter(complaint=remains.complaint), ("kind", "digest", "sealed")),
        (NameRequest.objects.filter(complaint=remains.complaint), ("sealed", "sealed_for_reporter")),
        (ReadName.objects.filter(complaint=remains.complaint), ("sealed",)),
        (BodyNote.objects.filter(release__in=remains.releases), ("sealed",)),
    ]


def _row_leaf(values: Iterable[object]) -> bytes:
    texts = (value.encode() if isinstance(value, str) else bytes(value or b"") for value in values)  # type: ignore[call-overload]  # of binary and text columns
    return blake2b(b"".join(blake2b(text, person=b"ciphertext") for text in texts), person=b"kept row")


def _text_leaves(event: str, rows: Iterable[uuid.UUID]) -> Iterator[KeptLeaf]:
    for row, digest in text_leaves(event, list(rows)):
        yield KeptLeaf(kind=KEPT_KINDS[event], row=row, digest=digest)


def objects_of(remains: Remains) -> list[str]:
    """Return the names of the stored objects of a report's files."""
    rows = EvidenceObject.objects.filter(evidence__complaint=remains.complaint)
    return list(rows.values_list("object_name", flat=True))


def empty(remains: Remains) -> None:
    """Take the content out of the rows that stay: of releases, and of what the reporter was told of them."""
    told = ReleasedReport.objects.filter(Q(complaint=remains.complaint) | Q(release__in=remains.releases))
    told.update(told=b"")
    Release.stored.filter(pk__in=remains.releases).update(public_key=b"", key_signature=b"", signer=b"", sealed=b"")


# --- In slices: what is sealed to a key that is gone ------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A table of which rows are deleted in slices; ``event`` is that of their entries, "" where there is none."""

    model: type[Model]
    event: str
    condition: Callable[[Remains], Q]

    def rows(self, remains: Remains) -> Rows:
        """Return the rows that are still there."""
        return self.model._default_manager.filter(self.condition(remains)).order_by("pk")


def _of_report(remains: Remains) -> Q:
    return Q(complaint=remains.complaint)


def _of_releases(remains: Remains) -> Q:
    return Q(release__in=remains.releases)


# Each table after those that refer to it.
TABLES: Final[tuple[Table, ...]] = (
    Table(InternalNote, "note.written", _of_report),
    Table(Assessment, "assessment.recorded", _of_report),
    Table(Conflict, "", _of_report),
    Table(QuestionReply, "question.replied", lambda remains: Q(question__release__in=remains.releases)),
    Table(ReleaseQuestion, "question.asked", _of_releases),
    Table(DecisionCopy, "decision.filed", lambda remains: Q(sanction__release__in=remains.releases)),
    *(
        Table(model, "decision.recorded", _of_releases)
        for model in (Hearing, FindingProposal, Finding, Recommendation, Sanction)
    ),
)


def slice_leaves(table: Table, rows: Collection[uuid.UUID]) -> Iterator[KeptLeaf]:
    """Yield the leaves to keep of some rows of a table."""
    if table.event:
        yield from _text_leaves(table.event, rows)


def slice_objects(table: Table, rows: Collection[uuid.UUID]) -> list[str]:
    """Return the names of the stored objects of some rows of a table: of copies of decisions, which have some."""
    if table.model is not DecisionCopy:
        return []
    return list(DecisionCopy.objects.filter(pk__in=rows).values_list("object_name", flat=True))


def keep(erasure: Erasure, kept: Iterable[KeptLeaf], objects: Sequence[str]) -> None:
    """Store leaves and the names of objects that are deleted later, in the transaction that deletes the rows."""
    rows = list(kept)
    for leaf in rows:
        leaf.erasure = erasure
    KeptLeaf.objects.bulk_create(rows)
    ErasedObject.objects.bulk_create([ErasedObject(object_name=name, erasure=erasure) for name in objects])


def delete(rows: Rows) -> None:
    """Delete rows by one statement; nothing that refers to them is read, and the database refuses what would dangle."""
    rows.order_by()._raw_delete(rows.db)


def erased_on(case: uuid.UUID) -> date | None:
    """Return on which day the last report of a case was erased; None where one is left, or nobody entered it."""
    if Complaint.objects.filter(case=case).exists():
        return None
    rows = dict(Complaint.stored.filter(case=case, erased_on__isnull=False).values_list("pk", "erased_on"))
    entered = recorded_erasures.erased_reports(rows) if rows else set()
    return max((day for report, day in rows.items() if day and report in entered), default=None)


def is_called_erased(case: uuid.UUID) -> bool:
    """Whether the rows alone say that every report of a case is erased, and two people have not entered it."""
    return Complaint.stored.filter(case=case).exclude(erased_on=None).exists() and erased_on(case) is None


def report_of(complaint: uuid.UUID) -> Complaint | None:
    """Return a report that exists, erased or not, locked until the transaction ends."""
    return Complaint.stored.select_for_update().filter(pk=complaint).first()
