"""Reads a case for an admitted member of triage; one of its files alone is opened by ``file_viewing``.

Opening a case is audited, counted for the reporter, and marks messages as read. Originals are not displayed: they leave
only as attachments, by ``case_actions.open_object``. Rows are read for all reports of a page together, so that a page
of many costs no more queries than one report. A case of more reports than a page opens is read in pages.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Case as Either
from django.db.models import Exists, Q, Subquery, UUIDField, Value, When

from complaints import access
from complaints.domain.checklists import CheckedItem
from complaints.domain.completeness import days_of_acts
from complaints.domain.errors import SealError
from complaints.domain.retaliation import Marks
from complaints.domain.risk import RiskGrade
from complaints.domain.sealing.primitives import BoxPair
from complaints.fast_sql import ReportLine, read_written_records, report_lines, with_many
from complaints.models.case import Case, CaseQuerySet, CaseStep, InternalNote
from complaints.models.complaint import LIVE, Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import assessments, blind_index, conflict_detection, similarity, transitions, urgent_register
from complaints.services.assessments import OpenedAssessments, RiskAssessment, Statement
from complaints.services.assignment import record_owner_visit
from complaints.services.audit import log, recorded_acts, recorded_told
from complaints.services.evidence import posts, storage
from complaints.services.keyring import Actor, Keyring, Locked, is_kind_as_sent, read_answers
from complaints.services.legal_basis import is_for_bawaslu
from complaints.services.messages import read_marked, read_marked_note
from complaints.services.reference_data import codes_of, edition
from complaints.services.search_documents import catch_up_case, outdated
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.transitions import AvailableStep, CaseVersion, available_steps

EvidenceRows = dict[uuid.UUID, list[tuple[Evidence, list[EvidenceObject]]]]
Grants = dict[uuid.UUID, list[KeyGrant]]
Threads = dict[uuid.UUID, list["ThreadEntry"]]
Visible = Callable[[Staff], CaseQuerySet]
# Reports that one page of a case opens.
REPORTS_A_PAGE: Final = 25
# Most cases have no assessment yet, and need nothing of services.assessments.
NOT_ASSESSED: Final = OpenedAssessments()


@dataclass(frozen=True)
class ObjectInfo:
    """A stored object that an officer may open; ``number`` counts the pages of a document from 1, else 0."""

    id: uuid.UUID
    variant: str
    info: storage.FileInfo
    number: int = 0


@dataclass(frozen=True)
class EvidenceItem:
    """A file, the ``number``-th of its report, with what can be opened; ``findings`` is None until it was worked."""

    row: Evidence
    number: int
    original: ObjectInfo
    working: ObjectInfo | None
    preview: ObjectInfo | None
    pages: list[ObjectInfo]
    findings: storage.FileReport | None
    redacted: list[ObjectInfo] = field(default_factory=list)


@dataclass(frozen=True)
class PostItem:
    """One post on social media, opened."""

    row: Evidence
    info: posts.PostInfo


@dataclass(frozen=True)
class ThreadEntry:
    """A message, opened; ``is_new`` where no officer had read it before, ``marks`` as in domain.retaliation."""

    message: Message
    text: str
    marks: Marks
    is_new: bool


@dataclass(frozen=True)
class ComplaintFile:
    """One complaint, opened; ``risk_assessments`` and ``statements`` are oldest first, and the last one counts."""

    complaint: Complaint
    answers: dict[str, object]
    thread: list[ThreadEntry]
    evidence: list[EvidenceItem]
    posts: list[PostItem]
    risk_assessments: list[RiskAssessment] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    @property
    def risk(self) -> RiskAssessment | None:
        """The assessment that counts; None where nobody has assessed the risk yet."""
        return self.risk_assessments[-1] if self.risk_assessments else None


@dataclass(frozen=True)
class Note:
    """An internal note, opened; ``marks`` as in domain.retaliation."""

    row: InternalNote
    text: str
    marks: Marks


@dataclass(frozen=True)
class Paging:
    """Which of ``total`` reports were opened: those of ``page``, from 1; ``unread``: others with new messages."""

    total: int
    page: int
    unread: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The number of the page's first report."""
        return (self.page - 1) * REPORTS_A_PAGE + 1

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // REPORTS_A_PAGE)


@dataclass(frozen=True)
class CaseFile:
    """A case as an admitted officer reads it: all of it, but of its reports and their notes those of one page.

    Attributes:
        is_high_risk: whether the reporter of any report is at high risk, on whatever page.
        checklists: by the id of the step that they were ticked for.
        history, choices: the steps, and those that the officer may take; none where ``under_check``.
        matches: what other cases share with this one; None where the key of the blind index does not open.
        is_compared: whether ``matches`` covers all of the case; else the next opening continues.
        version: what the page shows, to be posted with its forms.
        statement: what an officer stated last for the rules of the law, on a report of this page.
        is_for_bawaslu: whether only Bawaslu judges it, by what was stated and the rules of ``acts_on`` or of receipt.
        under_check: the case is not as its steps and entries record it: neither its status is shown nor its deadline.
        differing: its states (filing, assignment, lane) that the chain records otherwise; they are not shown either.
    """

    case: Case
    complaints: list[ComplaintFile]
    notes: list[Note]
    history: list[CaseStep]
    checklists: dict[uuid.UUID, dict[str, CheckedItem]]
    choices: list[AvailableStep]
    releases: list[Release]
    matches: similarity.Matches | None
    is_compared: bool
    version: CaseVersion
    paging: Paging
    is_high_risk: bool
    statement: Statement | None
    is_for_bawaslu: bool
    under_check: bool
    differing: frozenset[str]

    @property
    def acts_on(self) -> frozenset[str]:
        """The ISO days of the acts that the reports of the page tell."""
        return days_of_acts(file.answers for file in self.complaints)


@dataclass(frozen=True)
class _CaseRows:
    """The rows of a case and of the reports of a page, still sealed.

    Of all ``reports``: whether each was indexed, lacks words in its search document, was compared with this person.
    ``first_due_on`` is the deadline with which the case's own report came; None where that is in another case.
    """

    case: Case
    complaints: list[Complaint]
    grants: Grants
    page: int
    reports: list[ReportLine]
    is_indexed: bool
    is_outdated: bool
    was_compared: bool
    first_due_on: date | None

    @property
    def elsewhere(self) -> dict[int, ReportLine]:
        """The reports that are not opened, by their number."""
        opened = {complaint.pk for complaint in self.complaints}
        return {number: report for number, report in enumerate(self.reports, 1) if report.id not in opened}

    @property
    def unread(self) -> list[int]:
        """The numbers of those of them with messages that nobody has read."""
        return [number for number, report in self.elsewhere.items() if report.is_unread]


def open_case(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    page: int = 1,
    holding: uuid.UUID | None = None,
    is_whole: bool = False,
    visible: Visible = access.cases_for,
) -> CaseFile:
    """Open a case; recorded in the audit chain, counted for the reporter, messages that it shows marked as read.

    Args:
        page: which reports to open, counted from 1; the first page where there is none of this number.
        holding: a report of the case, in place of ``page``: the page that it is on.
        is_whole: open all reports, in place of a page.
        visible: the cases of the kind that is read here, by the rule of access that returns them for a person.

    Raises:
        Case.DoesNotExist: no such case for this person, who may have a conflict of interest in it.
        Locked: the person was not admitted to triage.
        SealError: something in the case was swapped, forged or altered.
    """
    if not access.is_triage(actor.staff):
        raise Locked("triage")
    page = page if holding is None else _page_of(case_id, holding)
    rows = _read_case(visible(actor.staff), actor.staff, case_id, None if is_whole else page)
    for complaint in rows.complaints:
        if not is_kind_as_sent(complaint, rows.case):
            raise SealError("kind")
        actor.keyring.complaint(complaint, rows.grants[complaint.pk])
    releases = _read_releases(actor.keyring, rows.case)
    evidence = _read_evidence(rows.complaints)
    # Committed before the case is opened: a conflict of interest that the index reveals must hold from now on.
    is_indexed = _index(actor, rows)
    if actor.keyring.has_conflict(rows.case.pk):
        raise Case.DoesNotExist
    if rows.is_outdated:
        catch_up_case(keyring=actor.keyring, case_id=case_id)
    try:
        return _open(actor, rows, evidence, releases, is_indexed)
    except conflict_detection.NamedInReports as named:
        conflict_detection.record_where_named(actor=actor, reports=named.reports)
        raise Case.DoesNotExist from None


@transaction.atomic
def _open(
    actor: Actor, rows: _CaseRows, evidence: EvidenceRows, releases: list[Release], is_indexed: bool | None
) -> CaseFile:
    keyring, case = actor.keyring, rows.case
    by_id = {complaint.pk: complaint for complaint in rows.complaints}
    written = read_written_records(case=case, complaints=by_id)
    assessed = assessments.open_all(keyring, written.assessments, by_id) if written.assessments else NOT_ASSESSED
    threads = _open_threads(keyring, written.messages, by_id, releases)
    opened = [
        _open_complaint(keyring, complaint, evidence[complaint.pk], threads[complaint.pk], assessed)
        for complaint in rows.complaints
    ]
    if not rows.was_compared:
        answers = {file.complaint.pk: file.answers for file in opened}
        answers |= _other_answers(keyring, rows.elsewhere.values()) if rows.elsewhere else {}
        conflict_detection.refuse_where_named(actor=actor, answers=answers)
    notes = [
        Note(row, *read_marked_note(row, pair=keyring.complaint(by_id[row.complaint_id]), team=case.held_by))
        for row in written.notes
    ]
    texts, due_on, reports = written.by_report(by_id), rows.first_due_on, rows.complaints
    history, under_check, differing = transitions.read_steps(case, first_due_on=due_on, texts=texts, releases=releases)
    under_check |= not recorded_told.are_threads_whole(reports, texts, evidence)
    choices = [] if under_check else available_steps(staff=actor.staff, case=case, history=history, reports=reports)
    _record_opening(actor, rows, threads, notes)
    return CaseFile(
        case=case,
        complaints=opened,
        notes=notes,
        history=[] if under_check else history,
        checklists=assessed.checklists,
        choices=choices,
        releases=releases,
        matches=_matches(keyring, rows) if is_indexed is not None else None,
        is_compared=bool(is_indexed),
        version=transitions.case_version(case, {report.id: report.next_sequence for report in rows.reports}),
        paging=Paging(len(rows.reports), rows.page, rows.unread),
        is_high_risk=_is_high_risk(keyring, rows, opened),
        statement=assessed.last,
        is_for_bawaslu=_is_for_bawaslu(case, opened, assessed.last),
        under_check=under_check,
        differing=differing,
    )


def _is_high_risk(keyring: Keyring, rows: _CaseRows, opened: Iterable[ComplaintFile]) -> bool:
    graded = [report.id for report in rows.elsewhere.values() if report.is_assessed]
    return any(file.risk and file.risk.grade is RiskGrade.HIGH for file in opened) or bool(
        graded and assessments.any_high_risk_of(keyring=keyring, complaint_ids=graded)
    )


def _is_for_bawaslu(case: Case, opened: Iterable[ComplaintFile], last: Statement | None) -> bool:
    days = days_of_acts(file.answers for file in opened) or frozenset((case.received_on.isoformat(),))
    return is_for_bawaslu(*codes_of(case), days, last and last.stated, edition())


def _record_opening(actor: Actor, rows: _CaseRows, threads: Threads, notes: list[Note]) -> None:
    entries = [entry for of_report in threads.values() for entry in of_report]
    if new := [entry.message.pk for entry in entries if entry.is_new]:
        Message.objects.filter(pk__in=new).update(is_read=True)
    if any(entry.message.direction == Message.Direction.FROM_REPORTER for entry in entries):
        urgent_register.note_reading(actor=actor, entries=entries, notes=notes)
    record_owner_visit(case=rows.case, person=actor.staff, today=actor.today)
    actor.record("case.opened", case=rows.case.pk, facts=log.opening_facts(rows.complaints, rows.reports))


def _page_of(case_id: uuid.UUID, complaint_id: uuid.UUID) -> int:
    """Return the page that a report of a case is on; 1 where it is no report of the case."""
    reports = list(Complaint.objects.filter(case=case_id).order_by("day", "pk").values_list("pk", flat=True))
    return reports.index(complaint_id) // REPORTS_A_PAGE + 1 if complaint_id in reports else 1


def _read_case(visible: CaseQuerySet, staff: Staff, case_id: uuid.UUID, page: int | None) -> _CaseRows:
    """Read a case, the reports of a page (None: all reports) and their grants in one query.

    Raises Case.DoesNotExist. On each report: ``has_index``, whether the chain says that it was indexed; on the first:
    ``opened_count``, how often the case was opened, once for each person and day.
    """
    of_case = Complaint.stored.filter(LIVE, case=case_id)
    # Erased or not: the case has its deadline until its first step.
    first_report = Complaint.stored.filter(case=case_id, pk=case_id)
    reports = of_case.filter(case__in=visible).order_by("day", "pk")
    keys, first = of_case.order_by("day", "pk").values("pk"), ((page or 1) - 1) * REPORTS_A_PAGE
    if page is not None:
        reports = reports.filter(pk__in=keys[first : first + REPORTS_A_PAGE])
    parents = ("case", *(f"case__{name}" for name in ("category", "accused_kind", "province", "lead_body", "assignee")))
    is_first = Q(pk=Subquery(keys[first : first + 1]))
    reports = reports.annotate(
        reader=Value(staff.pk, UUIDField()),
        has_index=recorded_acts.HAS_INDEX,
        # What depends on the case alone is worked out for its first row, and not for each report.
        opened_count=Either(When(is_first, then=recorded_acts.OPENINGS_OF_CASE)),
        was_compared=Either(When(is_first, then=recorded_acts.WAS_COMPARED)),
        first_due_on=Either(When(is_first, then=Subquery(first_report.values("check_by")))),
        all_reports=Either(When(is_first, then=report_lines(of_case))),
        is_missing=Exists(of_case.annotate(has_index=recorded_acts.HAS_INDEX).filter(has_index=False)),
        is_new=Exists(blind_index.EVIDENCE_WITHOUT_ENTRIES.filter(complaint__case=case_id)),
        is_outdated=Exists(outdated(case_id)),
    )
    rows = with_many(reports, "grants", KeyGrant, *parents)
    if not rows:
        if page is None or page <= 1:
            raise Case.DoesNotExist
        return _read_case(visible, staff, case_id, 1)
    case, facts = rows[0][0].case, vars(rows[0][0])
    for complaint, _grants in rows:
        complaint.case = case
    return _CaseRows(
        case=case,
        complaints=[complaint for complaint, _grants in rows],
        grants={complaint.pk: grants for complaint, grants in rows},
        page=page or 1,
        reports=[ReportLine.parse(text) for text in sorted(str(facts["all_reports"]).split())],
        is_indexed=not (facts["is_missing"] or facts["is_new"]),
        is_outdated=facts["is_outdated"],
        was_compared=facts["was_compared"],
        first_due_on=facts["first_due_on"],
    )


def _other_answers(keyring: Keyring, reports: Iterable[ReportLine]) -> dict[uuid.UUID, dict[str, object]]:
    """Return what reports that are not shown answer: none of them may name the person who opens the case."""
    complaints = Complaint.objects.filter(pk__in=[report.id for report in reports]).order_by("pk")
    others = with_many(complaints, "grants", KeyGrant)
    return {complaint.pk: read_answers(keyring.complaint(complaint, grants), complaint) for complaint, grants in others}


def _read_releases(keyring: Keyring, case: Case) -> list[Release]:
    """Read the releases of a case and their grants in one query; the keyring then holds their key pairs."""
    if case.lead_body_id is None:
        return []
    rows = with_many(case.releases.order_by("at", "number"), "grants", KeyGrant, "body", "released_by")
    for release, grants in rows:
        release.case = case
        keyring.release(release, grants)
    return [release for release, _grants in rows]


def _read_evidence(complaints: Iterable[Complaint]) -> EvidenceRows:
    """Read the evidence with its objects by complaint, in order."""
    evidence = Evidence.objects.filter(complaint__in=complaints)
    rows: EvidenceRows = defaultdict(list)
    for row, objects in with_many(evidence.order_by("sequence"), "objects_stored", EvidenceObject):
        rows[row.complaint_id].append((row, objects))
    return rows


def _index(actor: Actor, rows: _CaseRows) -> bool | None:
    """Write missing entries of the blind index; return whether none is missing now, None if its key does not open."""
    if rows.is_indexed:
        return True
    try:
        blind_index.index_reports(actor=actor, complaints=_reports_to_index(rows), pictures=True)
    except (SealError, UnpinnedKey):
        return None
    return not blind_index.reports_without_entries(report.id for report in rows.reports).exists()


def _reports_to_index(rows: _CaseRows) -> list[Complaint]:
    """Return the opened reports and, of the others, the first REPORTS_AT_ONCE that lack an entry."""
    if not rows.elsewhere:
        return rows.complaints
    others = blind_index.reports_without_entries(report.id for report in rows.elsewhere.values())
    return [*rows.complaints, *others.prefetch_related("grants")[: blind_index.REPORTS_AT_ONCE]]


def _matches(keyring: Keyring, rows: _CaseRows) -> similarity.Matches | None:
    try:
        return similarity.matches(keyring=keyring, case=rows.case, reports=len(rows.reports))
    except (SealError, UnpinnedKey):
        return None


def _open_complaint(
    keyring: Keyring,
    complaint: Complaint,
    evidence: list[tuple[Evidence, list[EvidenceObject]]],
    thread: list[ThreadEntry],
    assessed: OpenedAssessments,
) -> ComplaintFile:
    pair, files = keyring.complaint(complaint), [entry for entry in evidence if entry[0].kind == Evidence.Kind.FILE]
    return ComplaintFile(
        complaint=complaint,
        answers=read_answers(pair, complaint),
        thread=thread,
        evidence=[
            open_item(complaint=complaint, pair=pair, row=row, number=number, objects=objects)
            for number, (row, objects) in enumerate(files, start=1)
        ],
        posts=[
            PostItem(row, posts.read_post(pair, row, complaint))
            for row, _objects in evidence
            if row.kind == Evidence.Kind.POST
        ],
        risk_assessments=assessed.risks.get(complaint.pk, []),
        statements=assessed.statements.get(complaint.pk, []),
    )


def open_item(
    *, complaint: Complaint, pair: BoxPair, row: Evidence, number: int, objects: Iterable[EvidenceObject] | None = None
) -> EvidenceItem:
    """Open the descriptions of one item's ``objects``; None where the caller has not read these yet."""
    stored = sorted(row.objects_stored.all() if objects is None else objects, key=lambda item: item.number)
    infos = {
        (item.variant, item.number): ObjectInfo(
            item.pk, item.variant, storage.read_info(pair, item, row, complaint), item.number
        )
        for item in stored
    }
    return EvidenceItem(
        row=row,
        number=number,
        original=infos["original", 0],
        working=infos.get(("working", 0)),
        preview=infos.get(("preview", 0)),
        pages=[info for info in infos.values() if info.variant == "page"],
        findings=storage.read_file_report(pair, row),
        redacted=[info for info in infos.values() if info.variant == "redacted"],
    )


def _open_threads(
    keyring: Keyring, messages: Iterable[Message], by_id: Mapping[uuid.UUID, Complaint], releases: Iterable[Release]
) -> Threads:
    released = {release.pk: release for release in releases}
    threads: Threads = defaultdict(list)
    for message in messages:
        if message.release_id in released:
            message.release = released[message.release_id]
        complaint = by_id[message.complaint_id]
        from_reporter = message.direction == Message.Direction.FROM_REPORTER
        by_body = message.release is not None and not from_reporter
        pair = keyring.release(message.release) if by_body and message.release else keyring.complaint(complaint)
        text, marks = read_marked(message, pair=pair, complaint=complaint, team=keyring.report_team)
        threads[complaint.pk].append(ThreadEntry(message, text, marks, from_reporter and not message.is_read))
    return threads
