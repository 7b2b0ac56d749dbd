"""Opening a whole case for an admitted member of triage: audited, counted for the reporter, unread marks taken off.

Everything is read by case and put together here, so that a case of forty reports costs no more queries than one.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from complaints import access
from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.sealing.records import Context, open_record
from complaints.fast_sql import read_written_records, with_many
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
    found = with_many(reports.annotate(was_opened=was_opened), "grants", KeyGrant, *ones)
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
    found = with_many(case.releases.order_by("number"), "grants", KeyGrant, "body", "released_by")
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
    for row, objects in with_many(found.order_by("sequence"), "objects_stored", EvidenceObject):
        rows[row.complaint_id].append((row, objects))
    return rows


def _item(keyring: Keyring, complaint: Complaint, row: Evidence, objects: list[EvidenceObject]) -> EvidenceItem:
    return open_item(complaint=complaint, pair=keyring.complaint(complaint), row=row, objects=objects)


def _post(keyring: Keyring, complaint: Complaint, row: Evidence) -> PostItem:
    return PostItem(row, read_post(keyring.complaint(complaint), row, complaint))
