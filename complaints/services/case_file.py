"""Opening a whole case for an admitted member of triage: audited, counted for the reporter, unread marks taken off.

Everything is read by case and put together here, so that a case of forty reports costs no more queries than one.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    Exists,
    F,
    Field,
    OuterRef,
    Q,
    QuerySet,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast
from django.utils import timezone

from complaints import access
from complaints.domain.checklists import CheckedItem
from complaints.domain.sealing.primitives import SealError
from complaints.domain.sealing.records import Context, open_record
from complaints.fast_sql import with_many
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import assessments, similarity, transitions
from complaints.services.actor import Actor
from complaints.services.assessments import RiskAssessment
from complaints.services.assignment import record_owner_visit
from complaints.services.audit import log
from complaints.services.case_items import AvailableStep, EvidenceItem, PostItem, available_steps, open_item
from complaints.services.evidence.posts import read_post
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import read, read_note
from complaints.services.team_key_history import UnpinnedKey

Items = dict[uuid.UUID, list[tuple[Evidence, list[EvidenceObject]]]]
Grants = dict[uuid.UUID, list[KeyGrant]]


@dataclass(frozen=True)
class ThreadEntry:
    """A message as staff read it."""

    message: Message
    text: str
    is_new: bool


@dataclass(frozen=True)
class ComplaintFile:
    """One complaint, opened; ``dangers`` are the gradings of its reporter's danger, the last one counts."""

    complaint: Complaint
    answers: dict[str, Any]
    thread: list[ThreadEntry]
    evidence: list[EvidenceItem]
    posts: list[PostItem]
    dangers: list[RiskAssessment] = field(default_factory=list)


@dataclass(frozen=True)
class Note:
    """An internal note, opened."""

    author: Staff
    at: datetime
    text: str


@dataclass(frozen=True)
class CaseFile:
    """A case as an admitted officer sees it."""

    case: Case
    complaints: list[ComplaintFile]
    notes: list[Note]
    history: list[CaseStep]
    # What was ticked before a step, by the step.
    checklists: dict[uuid.UUID, dict[str, CheckedItem]]
    choices: list[AvailableStep]
    releases: list[Release]
    # None where the key of the index does not open: the reports are readable all the same.
    matches: similarity.Matches | None
    # What the officer sees here, for the forms: see ``transitions.case_version``.
    mark: str


def open_case(*, actor: Actor, case_id: uuid.UUID) -> CaseFile:
    """Open everything in a case; counted for the reporter, written into the chain, unread marks taken off.

    Raises:
        Case.DoesNotExist: there is none for this person, who may stand in it.
        Locked: the person was not admitted to triage.
        SealError: something in the case was swapped, forged or altered.
    """
    if not access.is_triage(actor.staff):
        raise Locked("triage")
    case, complaints, grants = _read(actor.keyring, case_id, timezone.localdate(actor.now))
    for complaint in complaints:
        actor.keyring.complaint(complaint, grants[complaint.pk])
    releases = _releases(actor.keyring, case)
    # Stays written whatever comes after: a conflict that shows itself here must hold for every later look.
    items = _evidence(complaints)
    is_indexed = _index(actor, complaints, items)
    if actor.keyring.has_conflict(case.pk):
        raise Case.DoesNotExist
    return _open(actor, case, complaints, items, releases, is_indexed)


@transaction.atomic
def _open(
    actor: Actor,
    case: Case,
    complaints: list[Complaint],
    items: Items,
    releases: list[Release],
    is_indexed: bool,
) -> CaseFile:
    by_id = {complaint.pk: complaint for complaint in complaints}
    written = read_written_records(case=case, complaints=by_id)
    dangers, checklists = _judged(actor.keyring, written.assessments, by_id)
    threads = _threads(actor.keyring, written.messages, by_id, releases)
    opened = [
        ComplaintFile(
            complaint=complaint,
            answers=_answers(actor.keyring, complaint),
            thread=threads[complaint.pk],
            evidence=[
                _item(actor.keyring, complaint, row, of) for row, of in items[complaint.pk] if row.kind == "file"
            ],
            posts=[_post(actor.keyring, complaint, row) for row, _none in items[complaint.pk] if row.kind == "post"],
            dangers=dangers[complaint.pk],
        )
        for complaint in complaints
    ]
    notes = [_note(actor.keyring, row, by_id[row.complaint_id]) for row in written.notes]
    matches = _compare(actor.keyring, case, complaints) if is_indexed else None
    history = list(case.transitions.select_related("actor").order_by("sequence"))
    _record(actor, case, threads, was_opened=any(getattr(one, "was_opened", False) for one in complaints))
    return CaseFile(
        case=case,
        complaints=opened,
        notes=notes,
        history=history,
        checklists=checklists,
        choices=available_steps(staff=actor.staff, case=case, history=history, reports=complaints),
        releases=releases,
        matches=matches,
        mark=transitions.case_version(case, {complaint.pk: complaint.next_sequence for complaint in complaints}),
    )


def _record(actor: Actor, case: Case, threads: dict[uuid.UUID, list[ThreadEntry]], *, was_opened: bool) -> None:
    if not was_opened:
        # Once for each officer and day: coming back to the page after every act is no new look.
        Complaint.objects.filter(case=case).update(opened_count=F("opened_count") + 1)
    new = [entry.message.pk for entries in threads.values() for entry in entries if entry.is_new]
    if new:
        Message.objects.filter(pk__in=new).update(is_read=True)
    record_owner_visit(case=case, person=actor.staff, today=timezone.localdate(actor.now))
    actor.record("case.opened", case=case.pk)


def _read(keyring: Keyring, case_id: uuid.UUID, today: date) -> tuple[Case, list[Complaint], Grants]:
    """Read a case, its reports and their grants in one query; raises Case.DoesNotExist."""
    reports = Complaint.objects.filter(case__in=access.cases_for(keyring.staff), case=case_id).order_by("day", "pk")
    was_opened = log.recorded_today("case.opened", keyring.staff, today, case="case")
    ones = ("case", *(f"case__{name}" for name in ("category", "accused_kind", "province", "lead_body", "assignee")))
    found = with_many(reports.annotate(was_opened=was_opened), "grants", *ones)
    if not found:
        raise Case.DoesNotExist
    case = found[0][0].case
    for complaint, _grants in found:
        complaint.case = case
    return case, [complaint for complaint, _grants in found], {complaint.pk: grants for complaint, grants in found}


def _releases(keyring: Keyring, case: Case) -> list[Release]:
    """Read the releases of a case and their grants in one query, and open their pairs; the key ring keeps them."""
    if case.lead_body_id is None:
        return []
    found = with_many(case.releases.order_by("number"), "grants", "body", "released_by")
    for release, grants in found:
        release.case = case
        keyring.release(release, grants)
    return [release for release, _grants in found]


def _index(actor: Actor, complaints: list[Complaint], items: Items) -> bool:
    waits = any(getattr(row, "is_new", False) for rows in items.values() for row, _objects in rows)
    if not waits and all(complaint.is_indexed for complaint in complaints):
        return True
    try:
        similarity.index_reports(actor=actor, complaints=complaints, pictures=True)
    except (SealError, UnpinnedKey):
        return False
    return True


def _compare(keyring: Keyring, case: Case, complaints: list[Complaint]) -> similarity.Matches | None:
    try:
        return similarity.matches(keyring=keyring, case=case, complaints=complaints)
    except (SealError, UnpinnedKey):
        return None


def _answers(keyring: Keyring, complaint: Complaint) -> dict[str, Any]:
    owner = str(complaint.pk)
    signer = bytes(complaint.reporter_verify_key)
    context = Context("answers", owner, owner)
    return dict(open_record(keyring.complaint(complaint), complaint.sealed_answers, context, signer))


def _threads(
    keyring: Keyring, messages: Iterable[Message], by_id: Mapping[uuid.UUID, Complaint], releases: Iterable[Release]
) -> dict[uuid.UUID, list[ThreadEntry]]:
    released = {one.pk: one for one in releases}
    threads: dict[uuid.UUID, list[ThreadEntry]] = defaultdict(list)
    for message in messages:
        if message.release_id in released:
            message.release = released[message.release_id]
        complaint = by_id[message.complaint_id]
        from_reporter = message.direction == Message.Direction.FROM_REPORTER
        by_body = message.release is not None and not from_reporter
        pair = keyring.release(message.release) if by_body and message.release else keyring.complaint(complaint)
        text = read(message, pair=pair, complaint=complaint)
        threads[complaint.pk].append(ThreadEntry(message, text, from_reporter and not message.is_read))
    return threads


def _note(keyring: Keyring, row: InternalNote, complaint: Complaint) -> Note:
    return Note(row.author, row.at, read_note(row, pair=keyring.complaint(complaint)))


def _judged(
    keyring: Keyring, rows: Iterable[Assessment], by_id: Mapping[uuid.UUID, Complaint]
) -> tuple[dict[uuid.UUID, list[RiskAssessment]], dict[uuid.UUID, dict[str, CheckedItem]]]:
    """Return the gradings by complaint, oldest first, and the checklists by step."""
    dangers: dict[uuid.UUID, list[RiskAssessment]] = defaultdict(list)
    checklists: dict[uuid.UUID, dict[str, CheckedItem]] = {}
    for row in rows:
        pair = keyring.complaint(by_id.get(row.complaint_id) or row.complaint)
        if row.transition_id is None:
            dangers[row.complaint_id].append(assessments.read_risk(row, pair=pair))
        else:
            checklists[row.transition_id] = assessments.read_checklist(row, pair=pair).items
    return dangers, checklists


def _evidence(complaints: Iterable[Complaint]) -> Items:
    """Return the evidence with its objects by complaint, in order; ``is_new`` on a row: it may not be indexed yet."""
    known = IndexEntry.objects.filter(evidence=OuterRef("pk"))
    found = Evidence.objects.filter(complaint__in=complaints).annotate(is_new=~Exists(known))
    rows: Items = defaultdict(list)
    for row, objects in with_many(found.order_by("sequence"), "objects_stored"):
        rows[row.complaint_id].append((row, objects))
    return rows


def _item(keyring: Keyring, complaint: Complaint, row: Evidence, objects: list[EvidenceObject]) -> EvidenceItem:
    return open_item(complaint=complaint, pair=keyring.complaint(complaint), row=row, objects=objects)


def _post(keyring: Keyring, complaint: Complaint, row: Evidence) -> PostItem:
    return PostItem(row, read_post(keyring.complaint(complaint), row, complaint))


# What was written on some reports, messages, notes and assessments alike, read in one query and still sealed.


_AUTHOR: Final = ("username", "first_name", "last_name")
_OWN: Final = ("id", "complaint_id", "sequence", "transition_id", "author_id", "sealed")
# What not every kind has; the others say none. One kind's name of the signing key stands for both.
_SOME: Final[dict[str, Field[Any, Any]]] = {
    "at": DateTimeField(),
    "day": DateField(),
    "direction": CharField(),
    "release_id": UUIDField(),
    "is_read": BooleanField(),
}
_KEYS: Final = {Message: "signer", InternalNote: "author_key", Assessment: "author_key"}


@dataclass
class WrittenRecords:
    """Messages by report and number, notes by time, assessments by number; authors have their names and no more."""

    messages: list[Message] = field(default_factory=list)
    notes: list[InternalNote] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)


def read_written_records(*, case: Case, complaints: Collection[uuid.UUID]) -> WrittenRecords:
    """Read what was written on ``complaints``, the reports of ``case``, and the checklists of its steps."""
    ours = Q(complaint__in=complaints)
    # A checklist stays with its step, also where its report has been moved to another case since.
    steps = Assessment.objects.filter(transition__case=case).exclude(complaint__in=complaints)
    parts = (
        (Message, Message.objects.filter(ours)),
        (InternalNote, InternalNote.objects.filter(ours)),
        (Assessment, Assessment.objects.filter(ours)),
        (Assessment, steps),
    )
    first, *others = (_columns(model, rows) for model, rows in parts)
    found: dict[type[Any], list[Any]] = {model: [] for model in _KEYS}
    models = {model.__name__: model for model in _KEYS}
    for name, *values in first.union(*others, all=True):
        model = models[name]
        found[model].append(_made(model, values))
    return WrittenRecords(
        messages=sorted(found[Message], key=lambda row: (str(row.complaint_id), row.sequence)),
        notes=sorted(found[InternalNote], key=lambda row: (row.at, row.sequence)),
        assessments=sorted(found[Assessment], key=lambda row: row.sequence),
    )


def _columns(model: type[Any], rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Give each kind the same columns in the same order and of the same types, as a union asks for them."""
    has = {one.attname for one in model._meta.concrete_fields}
    none = {f"no_{name}": Cast(Value(None), kind) for name, kind in _SOME.items() if name not in has}
    some = (name if name in has else f"no_{name}" for name in _SOME)
    authors = (f"author__{name}" for name in _AUTHOR)
    rows = rows.annotate(model=Cast(Value(model.__name__), CharField()), **none).order_by()
    return rows.values_list("model", *_OWN, _KEYS[model], *some, *authors)


def _made(model: type[Any], values: list[Any]) -> Any:
    row = _with(model, dict(zip([*_OWN, _KEYS[model], *_SOME], values, strict=False)))
    names = dict(zip(_AUTHOR, values[-len(_AUTHOR) :], strict=True))
    row.author = _with(Staff, names | {"id": row.author_id}) if row.author_id else None
    return row


def _with(model: type[Any], cells: dict[str, Any]) -> Any:
    """Make a row of some columns; ``from_db`` takes them in the model's own order."""
    known = [one.attname for one in model._meta.concrete_fields if one.attname in cells]
    return model.from_db(None, known, [cells[name] for name in known])
