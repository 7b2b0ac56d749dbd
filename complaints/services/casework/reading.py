"""Opening a case for an admitted member of triage: audited, counted for the reporter, unread marks taken off."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from complaints import access
from complaints.domain import workflow
from complaints.domain.sealing.primitives import BoxPair, SealError
from complaints.domain.sealing.records import Context, open_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case, Transition
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import audit, evidence, indexing, thread
from complaints.services.vault import Keyring, Locked, UnpinnedKey


@dataclass(frozen=True)
class ObjectInfo:
    """A stored object that an officer may open."""

    id: uuid.UUID
    variant: str
    info: evidence.FileInfo
    number: int = 0


@dataclass(frozen=True)
class EvidenceItem:
    """One evidence item with what of it can be opened, and what the worker found; None where it is not done."""

    row: Evidence
    original: ObjectInfo
    working: ObjectInfo | None
    preview: ObjectInfo | None
    pages: list[ObjectInfo]
    findings: evidence.Findings | None


@dataclass(frozen=True)
class PostItem:
    """One post on social media, opened."""

    row: Evidence
    info: evidence.PostInfo


@dataclass(frozen=True)
class ThreadEntry:
    """A message as staff read it."""

    message: Message
    text: str
    is_new: bool


@dataclass(frozen=True)
class ComplaintFile:
    """One complaint, opened."""

    complaint: Complaint
    answers: dict[str, Any]
    thread: list[ThreadEntry]
    evidence: list[EvidenceItem]
    posts: list[PostItem]


@dataclass(frozen=True)
class Note:
    """An internal note, opened."""

    author: Staff
    at: datetime
    text: str


@dataclass(frozen=True)
class Choice:
    """A step that the table allows from here; ``refused`` says by a code why this person may not take it now."""

    action: Action
    row: workflow.Transition
    refused: str


@dataclass(frozen=True)
class CaseFile:
    """A case as an admitted officer sees it."""

    case: Case
    complaints: list[ComplaintFile]
    notes: list[Note]
    history: list[Transition]
    choices: list[Choice]
    releases: list[Release]
    # None where the key of the index does not open: the reports are readable all the same.
    matches: indexing.Matches | None


def summaries(*, keyring: Keyring, cases: Iterable[Case], now: datetime) -> dict[uuid.UUID, str]:
    """Return the sealed one-liners of a page of cases; "" where this person cannot open one.

    One entry in the chain says how many were read; which they were is told by the officer's opening of a case.
    """
    found: dict[uuid.UUID, str] = {}
    grants = KeyGrant.objects.filter(complaint__case__in=[case.pk for case in cases]).select_related("complaint")
    complaints: dict[uuid.UUID, Complaint] = {}
    for grant in grants.defer("complaint__sealed_answers"):
        if grant.complaint is None:
            continue
        complaint = complaints.setdefault(grant.complaint.pk, grant.complaint)
        with suppress(Locked, SealError):
            keyring.complaint(complaint, [grant])
    with suppress(Locked, SealError, UnpinnedKey):
        indexing.keep(keyring=keyring, complaints=list(complaints.values()), pictures=False)
    for complaint in complaints.values():
        try:
            pair = keyring.complaint(complaint, [])
            owner = str(complaint.pk)
            signer = bytes(complaint.reporter_verify_key)
            context = Context("summary", owner, owner)
            line = str(open_record(pair, complaint.sealed_summary, context, signer, sizes=(1024,)))
        except (Locked, SealError):
            line = ""
        found.setdefault(complaint.case_id, line)
    if shown := sum(1 for line in found.values() if line):
        facts = {"shown": shown}
        audit.append(event="queue.opened", now=now, actor=keyring.staff, signer=keyring.signer, facts=facts)
    return found


@transaction.atomic
def open_case(*, keyring: Keyring, case_id: uuid.UUID, now: datetime) -> CaseFile:
    """Open everything in a case; counted for the reporter, written into the chain, unread marks taken off.

    Raises:
        Case.DoesNotExist: there is none for this person.
        Locked: the person was not admitted to triage.
        SealError: something in the case was swapped, forged or altered.
    """
    mine = access.cases_for(keyring.staff)
    case = mine.select_related("category", "accused_kind", "province", "lead_body", "assignee").get(pk=case_id)
    complaints = list(case.complaints.prefetch_related("grants").order_by("day", "pk"))
    opened = [_open_complaint(keyring, complaint) for complaint in complaints]
    notes = [_open_note(keyring, complaint) for complaint in complaints]
    matches = _compare(keyring, case, complaints)
    if not audit.was_recorded(case=case.pk, event="case.opened", actor=keyring.staff, day=timezone.localdate(now)):
        # Once for each officer and day: coming back to the page after every act is no new look.
        Complaint.objects.filter(case=case).update(opened_count=F("opened_count") + 1)
    Message.objects.unread().filter(complaint__case=case).update(is_read=True)
    audit.append(event="case.opened", now=now, actor=keyring.staff, signer=keyring.signer, case=case.pk)
    return CaseFile(
        case=case,
        complaints=opened,
        notes=sorted((note for part in notes for note in part), key=lambda note: note.at),
        history=list(case.transitions.select_related("actor").order_by("sequence")),
        choices=choices(staff=keyring.staff, case=case),
        releases=list(case.releases.select_related("body", "released_by").order_by("number")),
        matches=matches,
    )


def _compare(keyring: Keyring, case: Case, complaints: list[Complaint]) -> indexing.Matches | None:
    try:
        indexing.keep(keyring=keyring, complaints=complaints, pictures=True)
        return indexing.matches(keyring=keyring, case=case, complaints=complaints)
    except (SealError, UnpinnedKey):
        return None


def _open_complaint(keyring: Keyring, complaint: Complaint) -> ComplaintFile:
    pair, owner = keyring.complaint(complaint), str(complaint.pk)
    signer = bytes(complaint.reporter_verify_key)
    answers = open_record(pair, complaint.sealed_answers, Context("answers", owner, owner), signer)
    return ComplaintFile(
        complaint=complaint,
        answers=answers,
        thread=_open_thread(keyring, complaint, pair),
        evidence=open_evidence(complaint=complaint, pair=pair),
        posts=open_posts(complaint=complaint, pair=pair),
    )


def _open_thread(keyring: Keyring, complaint: Complaint, pair: BoxPair) -> list[ThreadEntry]:
    entries = []
    for message in complaint.messages.select_related("release", "author").order_by("sequence"):
        by_body = message.release is not None and message.direction != Message.Direction.FROM_REPORTER
        key = keyring.release(message.release) if by_body and message.release else pair
        text = thread.read(message, pair=key, complaint=complaint)
        is_new = message.direction == Message.Direction.FROM_REPORTER and not message.is_read
        entries.append(ThreadEntry(message, text, is_new))
    return entries


def _open_note(keyring: Keyring, complaint: Complaint) -> list[Note]:
    rows = complaint.notes.select_related("author").order_by("sequence")
    pair = keyring.complaint(complaint)
    return [Note(row.author, row.at, thread.read_note(row, pair=pair)) for row in rows]


def open_evidence(*, complaint: Complaint, pair: BoxPair) -> list[EvidenceItem]:
    """Open what is sealed beside the objects of a complaint's evidence."""
    files = complaint.evidence.filter(kind=Evidence.Kind.FILE).prefetch_related("objects_stored")
    return [open_item(complaint=complaint, pair=pair, row=row) for row in files.order_by("sequence")]


def open_item(*, complaint: Complaint, pair: BoxPair, row: Evidence) -> EvidenceItem:
    """Open what is sealed beside the objects of one item."""
    found = {}
    for stored in sorted(row.objects_stored.all(), key=lambda one: one.number):
        info = evidence.read_info(pair, stored, row, complaint)
        found[stored.variant, stored.number] = ObjectInfo(stored.pk, stored.variant, info, stored.number)
    return EvidenceItem(
        row=row,
        original=found["original", 0],
        working=found.get(("working", 0)),
        preview=found.get(("preview", 0)),
        pages=[one for one in found.values() if one.variant == "page"],
        findings=evidence.read_findings(pair, row),
    )


def open_posts(*, complaint: Complaint, pair: BoxPair) -> list[PostItem]:
    """Open the posts of a complaint's evidence."""
    rows = complaint.evidence.filter(kind=Evidence.Kind.POST).order_by("sequence")
    return [PostItem(row, evidence.read_post(pair, row, complaint)) for row in rows]


def choices(*, staff: Staff | None, case: Case) -> list[Choice]:
    """Return the staff steps out of the case's state that this person's role has, each with why not, where not."""
    permissions = access.permissions_of(staff)
    rows = workflow.allowed(Status(case.status), ActorKind.STAFF, permissions)
    found = []
    for row in rows:
        refused = ""
        if row.second_person_than:
            last = case.transitions.filter(action=row.second_person_than).order_by("-sequence").first()
            refused = "same_person" if last and staff and last.actor_id == staff.pk else ""
        found.append(Choice(row.action, row, refused))
    return found
