"""Reads cases for an admitted member of triage: a whole case, one of its files, the summaries of a list.

Opening a case is audited, counted for the reporter, and marks messages as read. Originals are not displayed: they leave
only as attachments, by ``case_actions.open_object``. Rows are read for all reports of a case together, so that a case
of forty reports costs no more queries than one.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, UUIDField, Value

from complaints import access
from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record
from complaints.fast_sql import read_written_records, with_many
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Assessment, Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import assessments, blind_index, conflict_detection, similarity, transitions
from complaints.services.actor import Actor
from complaints.services.assessments import RiskAssessment
from complaints.services.assignment import record_owner_visit
from complaints.services.audit import recorded_acts, recorded_index
from complaints.services.evidence import posts, processing, storage
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import read, read_note
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.transitions import AvailableStep, CaseVersion, available_steps

EvidenceRows = dict[uuid.UUID, list[tuple[Evidence, list[EvidenceObject]]]]
Grants = dict[uuid.UUID, list[KeyGrant]]


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
    findings: storage.FileReport | None


@dataclass(frozen=True)
class PostItem:
    """One post on social media, opened."""

    row: Evidence
    info: posts.PostInfo


@dataclass(frozen=True)
class ThreadEntry:
    """A message, opened; ``is_new`` where no officer had read it before."""

    message: Message
    text: str
    is_new: bool


@dataclass(frozen=True)
class ComplaintFile:
    """One complaint, opened; ``risk_assessments`` are oldest first, and the last one counts."""

    complaint: Complaint
    answers: dict[str, object]
    thread: list[ThreadEntry]
    evidence: list[EvidenceItem]
    posts: list[PostItem]
    risk_assessments: list[RiskAssessment] = field(default_factory=list)

    @property
    def risk(self) -> RiskAssessment | None:
        """The assessment that counts; None where nobody has assessed the risk yet."""
        return self.risk_assessments[-1] if self.risk_assessments else None


@dataclass(frozen=True)
class Note:
    """An internal note, opened."""

    author: Staff
    at: datetime
    text: str


@dataclass(frozen=True)
class CaseFile:
    """A case as an admitted officer reads it.

    Attributes:
        history: the steps; none where ``under_check``.
        checklists: by the id of the step that they were ticked for.
        choices: the steps that the officer may take; none where ``under_check``.
        matches: what other cases share with this one; None where the key of the blind index does not open.
        version: what the page shows, to be posted with its forms.
        under_check: the case is not as its steps and entries record it: neither its status is shown nor its deadline.
    """

    case: Case
    complaints: list[ComplaintFile]
    notes: list[Note]
    history: list[CaseStep]
    checklists: dict[uuid.UUID, dict[str, CheckedItem]]
    choices: list[AvailableStep]
    releases: list[Release]
    matches: similarity.Matches | None
    version: CaseVersion
    under_check: bool


def open_case(*, actor: Actor, case_id: uuid.UUID) -> CaseFile:
    """Open everything in a case; recorded in the audit chain, counted for the reporter, messages marked as read.

    Raises:
        Case.DoesNotExist: no such case for this person, who may have a conflict of interest in it.
        Locked: the person was not admitted to triage.
        SealError: something in the case was swapped, forged or altered.
    """
    if not access.is_triage(actor.staff):
        raise Locked("triage")
    case, complaints, grants = _read_case(actor.staff, case_id)
    for complaint in complaints:
        actor.keyring.complaint(complaint, grants[complaint.pk])
    releases = _read_releases(actor.keyring, case)
    evidence = _read_evidence(complaints)
    # Committed before the case is opened: a conflict of interest that the index reveals must hold from now on.
    is_indexed = _index(actor, complaints, evidence)
    if actor.keyring.has_conflict(case.pk):
        raise Case.DoesNotExist
    try:
        return _open(actor, case, complaints, evidence, releases, is_indexed)
    except conflict_detection.NamedInReports as named:
        conflict_detection.record_where_named(actor=actor, reports=named.reports)
        raise Case.DoesNotExist from None


@transaction.atomic
def _open(
    actor: Actor,
    case: Case,
    complaints: list[Complaint],
    evidence: EvidenceRows,
    releases: list[Release],
    is_indexed: bool,
) -> CaseFile:
    keyring = actor.keyring
    by_id = {complaint.pk: complaint for complaint in complaints}
    written = read_written_records(case=case, complaints=by_id)
    risks, checklists = _open_assessments(keyring, written.assessments, by_id)
    threads = _open_threads(keyring, written.messages, by_id, releases)
    opened = [
        _open_complaint(keyring, complaint, evidence[complaint.pk], threads[complaint.pk], risks[complaint.pk])
        for complaint in complaints
    ]
    if not all(getattr(complaint, "was_compared", False) for complaint in complaints):
        conflict_detection.refuse_where_named(actor=actor, answers={file.complaint.pk: file.answers for file in opened})
    notes = [
        Note(row.author, row.at, read_note(row, pair=keyring.complaint(by_id[row.complaint_id])))
        for row in written.notes
    ]
    matches = _matches(keyring, case, complaints) if is_indexed else None
    first_due_on = next((complaint.check_by for complaint in complaints if complaint.pk == case.pk), None)
    history, under_check = transitions.read_steps(case, first_due_on=first_due_on)
    _record_opening(actor, case, threads)
    return CaseFile(
        case=case,
        complaints=opened,
        notes=notes,
        history=[] if under_check else history,
        checklists=checklists,
        choices=[]
        if under_check
        else available_steps(staff=actor.staff, case=case, history=history, reports=complaints),
        releases=releases,
        matches=matches,
        version=transitions.case_version(case, {complaint.pk: complaint.next_sequence for complaint in complaints}),
        under_check=under_check,
    )


def _record_opening(actor: Actor, case: Case, threads: dict[uuid.UUID, list[ThreadEntry]]) -> None:
    new = [entry.message.pk for entries in threads.values() for entry in entries if entry.is_new]
    if new:
        Message.objects.filter(pk__in=new).update(is_read=True)
    record_owner_visit(case=case, person=actor.staff, today=actor.today)
    actor.record("case.opened", case=case.pk)


def _read_case(staff: Staff, case_id: uuid.UUID) -> tuple[Case, list[Complaint], Grants]:
    """Read a case, its reports and their grants in one query; raises Case.DoesNotExist.

    On a report: ``opened_count``, how often its case was opened, once for each person and day; ``has_index``, whether
    the chain says that it was indexed; ``was_compared``, whether this person's data were held against its answers.
    """
    reports = Complaint.objects.filter(case__in=access.cases_for(staff), case=case_id).order_by("day", "pk")
    parents = ("case", *(f"case__{name}" for name in ("category", "accused_kind", "province", "lead_body", "assignee")))
    reports = reports.annotate(
        reader=Value(staff.pk, UUIDField()),
        opened_count=recorded_acts.OPENINGS_OF_CASE,
        has_index=recorded_acts.HAS_INDEX,
        was_compared=recorded_acts.WAS_COMPARED,
    )
    rows = with_many(reports, "grants", KeyGrant, *parents)
    if not rows:
        raise Case.DoesNotExist
    case = rows[0][0].case
    for complaint, _grants in rows:
        complaint.case = case
    return case, [complaint for complaint, _grants in rows], {complaint.pk: grants for complaint, grants in rows}


def _read_releases(keyring: Keyring, case: Case) -> list[Release]:
    """Read the releases of a case and their grants in one query; the keyring then holds their key pairs."""
    if case.lead_body_id is None:
        return []
    rows = with_many(case.releases.order_by("number"), "grants", KeyGrant, "body", "released_by")
    for release, grants in rows:
        release.case = case
        keyring.release(release, grants)
    return [release for release, _grants in rows]


def _read_evidence(complaints: Iterable[Complaint]) -> EvidenceRows:
    """Read the evidence with its objects by complaint, in order; ``is_new`` on a row: it has no index entry."""
    entries = IndexEntry.objects.filter(evidence=OuterRef("pk"))
    evidence = Evidence.objects.filter(complaint__in=complaints).annotate(is_new=~Exists(entries))
    rows: EvidenceRows = defaultdict(list)
    for row, objects in with_many(evidence.order_by("sequence"), "objects_stored", EvidenceObject):
        rows[row.complaint_id].append((row, objects))
    return rows


def _index(actor: Actor, complaints: list[Complaint], evidence: EvidenceRows) -> bool:
    """Write missing entries of the blind index; return whether the reports can be compared."""
    has_new_evidence = any(getattr(row, "is_new", False) for rows in evidence.values() for row, _objects in rows)
    if not has_new_evidence and all(getattr(complaint, "has_index", False) for complaint in complaints):
        return True
    try:
        blind_index.index_reports(actor=actor, complaints=complaints, pictures=True)
    except (SealError, UnpinnedKey):
        return False
    return True


def _matches(keyring: Keyring, case: Case, complaints: list[Complaint]) -> similarity.Matches | None:
    try:
        return similarity.matches(keyring=keyring, case=case, complaints=complaints)
    except (SealError, UnpinnedKey):
        return None


def _open_complaint(
    keyring: Keyring,
    complaint: Complaint,
    evidence: list[tuple[Evidence, list[EvidenceObject]]],
    thread: list[ThreadEntry],
    risks: list[RiskAssessment],
) -> ComplaintFile:
    pair, owner = keyring.complaint(complaint), str(complaint.pk)
    context = Context("answers", owner, owner)
    return ComplaintFile(
        complaint=complaint,
        answers=dict(open_record(pair, complaint.sealed_answers, context, bytes(complaint.reporter_verify_key))),
        thread=thread,
        evidence=[
            open_item(complaint=complaint, pair=pair, row=row, objects=objects)
            for row, objects in evidence
            if row.kind == Evidence.Kind.FILE
        ],
        posts=[
            PostItem(row, posts.read_post(pair, row, complaint))
            for row, _objects in evidence
            if row.kind == Evidence.Kind.POST
        ],
        risk_assessments=risks,
    )


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
        findings=storage.read_file_report(pair, row),
    )


def _open_threads(
    keyring: Keyring, messages: Iterable[Message], by_id: Mapping[uuid.UUID, Complaint], releases: Iterable[Release]
) -> dict[uuid.UUID, list[ThreadEntry]]:
    released = {release.pk: release for release in releases}
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


def _open_assessments(
    keyring: Keyring, rows: Iterable[Assessment], by_id: Mapping[uuid.UUID, Complaint]
) -> tuple[dict[uuid.UUID, list[RiskAssessment]], dict[uuid.UUID, dict[str, CheckedItem]]]:
    """Return the risk assessments by complaint, oldest first, and the checklists by step."""
    risks: dict[uuid.UUID, list[RiskAssessment]] = defaultdict(list)
    checklists: dict[uuid.UUID, dict[str, CheckedItem]] = {}
    for row in rows:
        pair = keyring.complaint(by_id.get(row.complaint_id) or row.complaint)
        if row.step_id is None:
            risks[row.complaint_id].append(assessments.read_risk(row, pair=pair))
        else:
            checklists[row.step_id] = assessments.read_checklist(row, pair=pair).items
    return risks, checklists


# Single items, and the summaries of a list of cases


@transaction.atomic
def view_item(*, actor: Actor, evidence_id: uuid.UUID) -> EvidenceItem:
    """Open one file to display it; recorded where it has a working copy; raises Evidence.DoesNotExist, Locked."""
    row = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint").get(pk=evidence_id)
    item = open_item(complaint=row.complaint, pair=actor.keyring.complaint(row.complaint), row=row)
    if item.working:
        facts = {"object": str(item.working.id), "variant": item.working.variant}
        actor.record("object.opened", case=row.complaint.case_id, facts=facts)
    return item


def open_copy(*, keyring: Keyring, object_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a working copy, preview or page with the description that decrypts it; the caller has audited the item.

    Raises EvidenceObject.DoesNotExist, also for an original, and Locked.
    """
    copies = EvidenceObject.objects.exclude(variant=EvidenceObject.Variant.ORIGINAL)
    stored = copies.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    return stored, storage.read_info(keyring.complaint(complaint), stored, stored.evidence, complaint)


def process_for_officer(*, actor: Actor, evidence_id: uuid.UUID) -> None:
    """Process, in the officer's session, an item that the worker cannot open; audited first.

    Raises Evidence.DoesNotExist where it does not wait for an officer, Locked, and processing.ScannerDown or
    sandbox.Unavailable where it waits for another try.
    """
    row = Evidence.objects.filter(state=Evidence.State.OFFICER).select_related("complaint").get(pk=evidence_id)
    original = row.objects_stored.get(variant=EvidenceObject.Variant.ORIGINAL)
    pair = actor.keyring.complaint(row.complaint)
    actor.record("object.worked", case=row.complaint.case_id, facts={"object": str(original.pk)})
    processing.process_for_officer(pair=pair, evidence=row)


def summaries(*, actor: Actor, cases: Iterable[Case], urgent: set[uuid.UUID] | None = None) -> dict[uuid.UUID, str]:
    """Return the sealed one-line summaries of a page of cases, by case; "" where this person cannot open one.

    It is "" too where the index of a report is not as recorded: the report may name this person unnoticed.

    New reports are indexed first. A case is missing from the result where that showed that the person has a conflict
    of interest in it: the page must not display it. One audit entry records how many summaries were read.

    Args:
        urgent: receives the ids of cases with a reporter at high risk; costs no further query.
    """
    grants = KeyGrant.objects.filter(complaint__case__in=[case.pk for case in cases]).select_related("complaint")
    grants = grants.defer("complaint__sealed_answers").annotate(has_index=recorded_acts.GRANT_HAS_INDEX)
    grants = grants.annotate(reader=Value(actor.staff.pk, UUIDField())).annotate(**recorded_index.GRANT_INDEX)
    complaints: dict[uuid.UUID, Complaint] = {}
    pairs: dict[uuid.UUID, BoxPair] = {}
    for grant in grants if urgent is None else assessments.with_last_risk(grants):
        if grant.complaint is None:
            continue
        complaint = complaints.setdefault(grant.complaint.pk, grant.complaint)
        complaint.has_index = grant.has_index  # type: ignore[attr-defined]
        if not recorded_index.has_recorded_index(grant):
            continue
        with suppress(Locked, SealError):
            pairs[complaint.pk] = actor.keyring.complaint(complaint, [grant])
            if urgent is not None and assessments.is_high_risk(grant, pair=pairs[complaint.pk]):
                urgent.add(complaint.case_id)
    with suppress(Locked, SealError, UnpinnedKey):
        blind_index.index_reports(actor=actor, complaints=list(complaints.values()), pictures=False)
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
