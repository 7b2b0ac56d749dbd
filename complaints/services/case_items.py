"""Reading single things of a case for an admitted member of triage: lines, evidence, posts, and what may be done."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from complaints import access
from complaints.domain import workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.team import Staff
from complaints.services import assessments, similarity
from complaints.services.actor import Actor
from complaints.services.evidence import posts, processing, storage
from complaints.services.keyring import Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey


@dataclass(frozen=True)
class ObjectInfo:
    """A stored object that an officer may open."""

    id: uuid.UUID
    variant: str
    info: storage.FileInfo
    number: int = 0


@dataclass(frozen=True)
class EvidenceItem:
    """One evidence item with what of it can be opened, and what the worker found; None where it is not done."""

    row: Evidence
    original: ObjectInfo
    working: ObjectInfo | None
    preview: ObjectInfo | None
    pages: list[ObjectInfo]
    findings: processing.FileReport | None


@dataclass(frozen=True)
class PostItem:
    """One post on social media, opened."""

    row: Evidence
    info: posts.PostInfo


@dataclass(frozen=True)
class AvailableStep:
    """A step that the table allows from here; ``refused`` says by a code why this person may not take it now."""

    action: Action
    row: workflow.Transition
    refused: str


def summaries(*, actor: Actor, cases: Iterable[Case], urgent: set[uuid.UUID] | None = None) -> dict[uuid.UUID, str]:
    """Return the sealed one-liners of a page of cases; "" where this person cannot open one.

    A case that the person turned out to stand in is missing: it must be taken off the page.

    Args:
        urgent: takes up the cases one of whose reporters is graded as in high danger; they cost no further query.

    One entry in the chain says how many were read; which they were is told by the officer's opening of a case.
    """
    found: dict[uuid.UUID, str] = {}
    grants = KeyGrant.objects.filter(complaint__case__in=[case.pk for case in cases]).select_related("complaint")
    complaints: dict[uuid.UUID, Complaint] = {}
    pairs: dict[uuid.UUID, BoxPair] = {}
    grants = grants.defer("complaint__sealed_answers")
    for grant in grants if urgent is None else assessments.with_last_risk(grants):
        if grant.complaint is None:
            continue
        complaint = complaints.setdefault(grant.complaint.pk, grant.complaint)
        with suppress(Locked, SealError):
            pairs[complaint.pk] = actor.keyring.complaint(complaint, [grant])
            if urgent is not None and assessments.is_high_risk(grant, pair=pairs[complaint.pk]):
                urgent.add(complaint.case_id)
    with suppress(Locked, SealError, UnpinnedKey):
        similarity.index_reports(actor=actor, complaints=list(complaints.values()), pictures=False)
    for complaint in complaints.values():
        if actor.keyring.has_conflict(complaint.case_id):
            found.pop(complaint.case_id, None)
            continue
        owner, line = str(complaint.pk), ""
        with suppress(KeyError, SealError):
            signer = bytes(complaint.reporter_verify_key)
            context = Context("summary", owner, owner)
            line = str(open_record(pairs[complaint.pk], complaint.sealed_summary, context, signer, sizes=(1024,)))
        found.setdefault(complaint.case_id, line)
    if shown := sum(1 for line in found.values() if line):
        facts = {"shown": shown}
        actor.record("queue.opened", facts=facts)
    return found


def open_evidence(*, complaint: Complaint, pair: BoxPair) -> list[EvidenceItem]:
    """Open what is sealed beside the objects of a complaint's evidence."""
    files = complaint.evidence.filter(kind=Evidence.Kind.FILE).prefetch_related("objects_stored")
    return [open_item(complaint=complaint, pair=pair, row=row) for row in files.order_by("sequence")]


def open_item(
    *, complaint: Complaint, pair: BoxPair, row: Evidence, objects: Iterable[EvidenceObject] | None = None
) -> EvidenceItem:
    """Open what is sealed beside the objects of one item; ``objects`` where they are at hand."""
    found = {}
    for stored in sorted(row.objects_stored.all() if objects is None else objects, key=lambda one: one.number):
        info = storage.read_info(pair, stored, row, complaint)
        found[stored.variant, stored.number] = ObjectInfo(stored.pk, stored.variant, info, stored.number)
    return EvidenceItem(
        row=row,
        original=found["original", 0],
        working=found.get(("working", 0)),
        preview=found.get(("preview", 0)),
        pages=[one for one in found.values() if one.variant == "page"],
        findings=processing.read_file_report(pair, row),
    )


def open_posts(*, complaint: Complaint, pair: BoxPair) -> list[PostItem]:
    """Open the posts of a complaint's evidence."""
    rows = complaint.evidence.filter(kind=Evidence.Kind.POST).order_by("sequence")
    return [PostItem(row, posts.read_post(pair, row, complaint)) for row in rows]


def available_steps(
    *,
    staff: Staff | None,
    case: Case,
    history: Sequence[CaseStep] | None = None,
    reports: Iterable[Complaint] | None = None,
) -> list[AvailableStep]:
    """Return the staff steps out of the case's state that this person's role has, each with why not, where not.

    Args:
        history: the case's steps in order, where they are at hand.
        reports: the case's complaints, where they are at hand: findings alone have nobody who could answer.
    """
    permissions = access.permissions_of(staff)
    rows = workflow.allowed(Status(case.status), ActorKind.STAFF, permissions)
    if history is None:
        history = list(case.transitions.order_by("sequence")) if any(row.second_person_than for row in rows) else []
    found = []
    for row in rows:
        last = next((step for step in reversed(history) if step.action == row.second_person_than), None)
        same = last is not None and staff is not None and last.actor_id == staff.pk
        refused = "same_person" if same else ""
        if row.action is Action.ASK_REPORTER:
            refused = "" if any(one.has_reporter for one in reports or case.complaints.all()) else "no_reporter"
        found.append(AvailableStep(row.action, row, refused))
    return found


# Looking at evidence in the admin: an item opened once in the chain, its copies read in pieces after that.
#
# Originals are never looked at here; they leave as attachments only (``acting.open_object``).


ORIGINAL = EvidenceObject.Variant.ORIGINAL


def _found(evidence_id: uuid.UUID) -> Evidence:
    files = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint")
    return files.get(pk=evidence_id)


@transaction.atomic
def view_item(*, actor: Actor, evidence_id: uuid.UUID) -> EvidenceItem:
    """Open one item to look at; written into the chain once, where there is a copy to look at.

    Raises:
        Evidence.DoesNotExist, Locked: nothing for this person.
    """
    row = _found(evidence_id)
    item = open_item(complaint=row.complaint, pair=actor.keyring.complaint(row.complaint), row=row)
    if item.working:
        facts = {"object": str(item.working.id), "variant": item.working.variant}
        actor.record("object.opened", case=row.complaint.case_id, facts=facts)
    return item


def open_copy(*, keyring: Keyring, object_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a working copy, preview or page with what opens it; the caller has made sure that the looking is recorded.

    Raises:
        EvidenceObject.DoesNotExist, Locked: nothing for this person; originals are never given out here.
    """
    stored = EvidenceObject.objects.exclude(variant=ORIGINAL).select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    return stored, storage.read_info(keyring.complaint(complaint), stored, stored.evidence, complaint)


def process_for_officer(*, actor: Actor, evidence_id: uuid.UUID) -> None:
    """Do the worker's work on an item that waits for an officer, in this session; written into the chain before.

    Raises:
        Evidence.DoesNotExist, Locked: nothing for this person, or nothing to do.
        evidence.ScannerDown, sandbox.Unavailable: nothing was decided about the file.
    """
    row = Evidence.objects.filter(state=Evidence.State.OFFICER).select_related("complaint").get(pk=evidence_id)
    pair, original = actor.keyring.complaint(row.complaint), row.objects_stored.get(variant=ORIGINAL)
    actor.record("object.worked", case=row.complaint.case_id, facts={"object": str(original.pk)})
    processing.process_for_officer(pair=pair, evidence=row)
