"""Reads parts of a case for an admitted member of triage: summaries, evidence items and the available steps.

Originals are not displayed: they leave only as attachments, by ``case_actions.open_object``.
"""

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
    """A stored object that an officer may open; ``number`` counts the pages of a document from 1, else 0."""

    id: uuid.UUID
    variant: str
    info: storage.FileInfo
    number: int = 0


@dataclass(frozen=True)
class EvidenceItem:
    """One evidence item with the objects that can be opened; ``findings`` is the file report, None until processed."""

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
    """A transition out of the case's status.

    ``refused`` is "same_person" or "no_reporter" where this person may not take it, else "".
    """

    action: Action
    row: workflow.Transition
    refused: str


def summaries(*, actor: Actor, cases: Iterable[Case], urgent: set[uuid.UUID] | None = None) -> dict[uuid.UUID, str]:
    """Return the sealed one-line summaries of a page of cases, by case; "" where this person cannot open one.

    New reports are indexed first. A case is missing from the result where that showed that the person has a conflict
    of interest in it: the page must not display it. One audit entry records how many summaries were read.

    Args:
        urgent: receives the ids of cases with a reporter at high risk; costs no further query.
    """
    grants = KeyGrant.objects.filter(complaint__case__in=[case.pk for case in cases]).select_related("complaint")
    grants = grants.defer("complaint__sealed_answers")
    complaints: dict[uuid.UUID, Complaint] = {}
    pairs: dict[uuid.UUID, BoxPair] = {}
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
    lines: dict[uuid.UUID, str] = {}
    for complaint in complaints.values():
        if actor.keyring.has_conflict(complaint.case_id):
            lines.pop(complaint.case_id, None)
        else:
            lines.setdefault(complaint.case_id, _summary(complaint, pairs.get(complaint.pk)))
    if shown := sum(1 for line in lines.values() if line):
        actor.record("queue.opened", facts={"shown": shown})
    return lines


def _summary(complaint: Complaint, pair: BoxPair | None) -> str:
    """Open the summary of a report; "" where there is no key pair or it does not open."""
    if pair is None:
        return ""
    context = Context("summary", str(complaint.pk), str(complaint.pk))
    try:
        signer = bytes(complaint.reporter_verify_key)
        return str(open_record(pair, complaint.sealed_summary, context, signer, sizes=(1024,)))
    except SealError:
        return ""


def open_item(
    *, complaint: Complaint, pair: BoxPair, row: Evidence, objects: Iterable[EvidenceObject] | None = None
) -> EvidenceItem:
    """Open the descriptions of one item's objects.

    Args:
        objects: the item's objects, where the caller has read them already.
    """
    stored = sorted(row.objects_stored.all() if objects is None else objects, key=lambda item: item.number)
    infos = {
        (item.variant, item.number): ObjectInfo(
            item.pk, item.variant, storage.read_info(pair, item, row, complaint), item.number
        )
        for item in stored
    }
    return EvidenceItem(
        row=row,
        original=infos["original", 0],
        working=infos.get(("working", 0)),
        preview=infos.get(("preview", 0)),
        pages=[info for info in infos.values() if info.variant == "page"],
        findings=processing.read_file_report(pair, row),
    )


def available_steps(
    *,
    staff: Staff | None,
    case: Case,
    history: Sequence[CaseStep] | None = None,
    reports: Iterable[Complaint] | None = None,
) -> list[AvailableStep]:
    """Return the transitions of staff out of the case's status that this person's role may take.

    Args:
        history: the case's steps in order, where the caller has read them already.
        reports: the case's complaints, likewise; a case of monitoring reports alone has no reporter to ask.
    """
    permissions = access.permissions_of(staff)
    rows = workflow.allowed(Status(case.status), ActorKind.STAFF, permissions)
    if history is None:
        history = list(case.transitions.order_by("sequence")) if any(row.second_person_than for row in rows) else []
    steps = []
    for row in rows:
        last = next((step for step in reversed(history) if step.action == row.second_person_than), None)
        refused = "same_person" if last is not None and staff is not None and last.actor_id == staff.pk else ""
        if row.action is Action.ASK_REPORTER:
            complaints = reports or case.complaints.all()
            refused = "" if any(complaint.has_reporter for complaint in complaints) else "no_reporter"
        steps.append(AvailableStep(row.action, row, refused))
    return steps


@transaction.atomic
def view_item(*, actor: Actor, evidence_id: uuid.UUID) -> EvidenceItem:
    """Open one file to display it; recorded in the audit chain where it has a working copy.

    Raises:
        Evidence.DoesNotExist, Locked: no such item for this person.
    """
    row = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint").get(pk=evidence_id)
    item = open_item(complaint=row.complaint, pair=actor.keyring.complaint(row.complaint), row=row)
    if item.working:
        facts = {"object": str(item.working.id), "variant": item.working.variant}
        actor.record("object.opened", case=row.complaint.case_id, facts=facts)
    return item


def open_copy(*, keyring: Keyring, object_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a working copy, preview or page with the description that decrypts it; the caller has audited the item.

    Raises:
        EvidenceObject.DoesNotExist, Locked: no such object for this person; originals never.
    """
    copies = EvidenceObject.objects.exclude(variant=EvidenceObject.Variant.ORIGINAL)
    stored = copies.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    return stored, storage.read_info(keyring.complaint(complaint), stored, stored.evidence, complaint)


def process_for_officer(*, actor: Actor, evidence_id: uuid.UUID) -> None:
    """Process, in the officer's session, an item that the worker cannot open; audited first.

    Raises:
        Evidence.DoesNotExist, Locked: no such item for this person, or none that waits for an officer.
        processing.ScannerDown, sandbox.Unavailable: the item waits for another try.
    """
    row = Evidence.objects.filter(state=Evidence.State.OFFICER).select_related("complaint").get(pk=evidence_id)
    original = row.objects_stored.get(variant=EvidenceObject.Variant.ORIGINAL)
    pair = actor.keyring.complaint(row.complaint)
    actor.record("object.worked", case=row.complaint.case_id, facts={"object": str(original.pk)})
    processing.process_for_officer(pair=pair, evidence=row)
