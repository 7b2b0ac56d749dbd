"""Whether cases stand in a list as the chain records them: asked before a page of lines, or an export, tells of them.

The page of one case asks :func:`differing_states` beside its steps.

A line shows what the columns of its case say: status, deadline, officer, category, place. Verification at night holds
every case against steps, moves and entries; this does the same for the few that are about to be shown, by the newest
step and the newest entry of each kind. What lies before them is compared when the case is opened.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.db import models, transaction
from django.db.models import F, Max, OuterRef, Q, Subquery, Value, When
from django.utils import timezone

from complaints.domain.workflow import FIRST_STATUS, ActorKind
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.services.audit import log, recorded_acts, recorded_erasures, report_signature
from complaints.services.audit.coverage import state_columns
from complaints.services.audit.recorded_acts import MOVE_EVENTS, facts_without_practice, follows_step
from complaints.services.audit.state import STATES, loaded_state

logger = logging.getLogger(__name__)

_STEP: Final = "step"
_ERASED: Final = "erased"
# The states of a case, each with the fact that holds it; the index of a report holds the filing of its case.
STATES_OF_CASE: Final[Mapping[str, str]] = {"filing": "state", "assignment": "state", "lane": "state"}
_KINDS: Final[Mapping[str, str]] = {
    "case.transition": _STEP,
    "index.written": "filing",
    recorded_erasures.CASE: _ERASED,
    **{event: name for name in STATES_OF_CASE for event in STATES[name].events},
}
_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(event for event, kind in _KINDS.items() if kind == name) for name in STATES_OF_CASE
}
# What a case has before the first act of each kind; of the filing nothing is recorded before a report is first read.
_BLANK: Final[Mapping[str, Mapping[str, object]]] = {
    "assignment": dict.fromkeys(state_columns("Case", "assignment")),
    "lane": {"lane": ""},
    "filing": {},
}


@dataclass
class _Record:
    """What is stored of a case beside its row.

    Attributes:
        entries: the newest entry of each kind.
        step: the last step, None without one; ``too_many`` tells of steps beyond the case's number.
        first: deadline and day of the report that the case came with.
        as_inquiry: whether that is an inquiry.
        reporters: the signing keys of the reporters whose reports are in it.
    """

    entries: dict[str, AuditEntry] = field(default_factory=dict)
    step: CaseStep | None = None
    too_many: bool = False
    first: tuple[date | None, date] | None = None
    as_inquiry: bool = False
    reporters: list[bytes] = field(default_factory=list)


def with_first(cases: models.QuerySet[Case]) -> models.QuerySet[Case]:
    """Read along with the cases what :func:`_is_recorded` needs of the report that each came with: saves a query."""
    first = Complaint.stored.filter(pk=OuterRef("pk"))
    return cases.annotate(
        first_due_on=Subquery(first.values("check_by")),
        first_day=Subquery(first.values("day")),
        as_inquiry=recorded_acts.CAME_AS_INQUIRY,
    )


def differing(cases: Collection[Case]) -> set[uuid.UUID]:
    """Return those of some cases, read with all their columns, that differ from their record; two queries.

    Cases with a deadline that came with another report cost two more. Cases that seem to differ are read once more
    while they are locked: a step may have come between the queries.
    """
    suspects = _differing(cases)
    if not suspects:
        return set()
    with transaction.atomic():
        # In this order, in which acts on several cases lock them.
        again = with_first(Case.objects.select_for_update(of=("self",)).filter(pk__in=suspects)).order_by("pk")
        differing = _differing(list(again))
    if differing:
        logger.error("Lists leave out what is stored of %d cases: it is not as the chain records it", len(differing))
    return differing


def _differing(cases: Collection[Case]) -> set[uuid.UUID]:
    if not cases:
        return set()
    records = _records(cases)
    suspects = {case.pk for case in cases if not _is_recorded(case, records[case.pk])}
    # Of an inquiry its sender says that it is one, not the row alone; a query more where any is listed.
    inquiries = [case.pk for case in cases if case.is_inquiry]
    suspects |= {report.pk for report in report_signature.unsigned(inquiries)} if inquiries else set()
    moved = [case for case in cases if case.pk not in suspects and case.due_on != _due_on(records[case.pk])]
    return suspects | {case.pk for case in moved} - _with_deadline_of_move(moved)


def _records(cases: Collection[Case]) -> dict[uuid.UUID, _Record]:
    records = {case.pk: _Record() for case in cases}
    counts = {case.pk: case.step_count for case in cases}
    steps = CaseStep.objects.filter(case__in=records, sequence__gte=F("case__step_count"))
    history = log.read_steps_and_entries(steps, _newest_entries(records))
    for entry in history.entries:
        if entry.case is not None:
            records[entry.case].entries[_KINDS[entry.event]] = entry
    for step in history.steps:
        record = records[step.case_id]
        record.too_many |= step.sequence != counts[step.case_id]
        record.step = step
    _read_reports(cases, records)
    return records


def _read_reports(cases: Collection[Case], records: Mapping[uuid.UUID, _Record]) -> None:
    """Note what the reports of the cases say; no query where :func:`with_first` read it and no reporter took a step."""
    by_reporters = {key for key, record in records.items() if record.step and _is_by_reporter(record.step)}
    unread = set()
    for case in cases:
        if "first_day" in vars(case):
            records[case.pk].first = vars(case)["first_due_on"], vars(case)["first_day"]
            records[case.pk].as_inquiry = vars(case)["as_inquiry"]
        elif records[case.pk].step is None:
            unread.add(case.pk)
    if not (by_reporters or unread):
        return
    reports = Complaint.stored.filter(Q(pk__in=unread) | Q(case__in=by_reporters))
    columns = ("pk", "case", "check_by", "day", "reporter_verify_key", "channel")
    for key, case_id, due_on, day, reporter, channel in reports.values_list(*columns):
        if key in unread:
            records[key].first = due_on, day
            records[key].as_inquiry = channel == Complaint.Channel.INQUIRY
        if case_id in by_reporters and len(reporter or b"") == recorded_acts.KEY_BYTES:
            records[case_id].reporters.append(bytes(reporter))


def _newest_entries(cases: Iterable[uuid.UUID]) -> models.QuerySet[AuditEntry]:
    """Return the newest entry of each kind about each case."""
    kinds = [When(event=event, then=Value(kind)) for event, kind in _KINDS.items()]
    about = AuditEntry.objects.filter(case__in=list(cases), event__in=list(_KINDS)).order_by()
    kind = models.Case(*kinds, output_field=models.CharField())
    newest = about.annotate(kind=kind).values("case", "kind").annotate(last=Max("sequence")).values("last")
    return AuditEntry.objects.filter(sequence__in=newest)


def newest_states(case: uuid.UUID) -> Q:
    """Return the condition for the newest entry of each state of a case, each found by the index of its case."""
    return Q(sequence__in=[recorded_acts.last_entry(case=case, event__in=events) for events in _EVENTS.values()])


def differing_states(case: Case, entries: Iterable[AuditEntry]) -> frozenset[str]:
    """Return which states of a case (filing, assignment, lane) are not as their newest entries record them.

    Args:
        case: read with all its columns.
        entries: those of :func:`newest_states`, and any others about the case.
    """
    newest: dict[str, AuditEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.sequence):
        newest[_KINDS.get(entry.event, "")] = entry
    return frozenset(
        name
        for name in STATES_OF_CASE
        if not _is_state_recorded(case, name, newest.get(name))
        or not (name not in newest or log.is_genuine(newest[name]))
    )


def _is_by_reporter(step: CaseStep) -> bool:
    return step.actor_kind == ActorKind.REPORTER.value


def _is_recorded(case: Case, record: _Record) -> bool:
    """Whether a case is as its record says; its deadline is left out."""
    if not all(log.is_genuine(entry) for entry in record.entries.values()):
        return False
    is_moved = _is_step_recorded(case, record) if record.step else _is_new(case, record)
    if case.is_erased:
        erased = record.entries.get(_ERASED)
        return is_moved and erased is not None and log.is_signed_by_server(erased)
    return is_moved and all(_is_state_recorded(case, name, record.entries.get(name)) for name in STATES_OF_CASE)


def _is_new(case: Case, record: _Record) -> bool:
    since = record.first[1] if record.first else None
    is_unmoved = _STEP not in record.entries and case.step_count == 0 and case.status == FIRST_STATUS[case.kind]
    is_as_sent = case.status_on == since and case.is_inquiry == record.as_inquiry
    return is_unmoved and is_as_sent and follows_step(case, None)


def _is_step_recorded(case: Case, record: _Record) -> bool:
    step, entry = record.step, record.entries.get(_STEP)
    if step is None or record.too_many or (case.step_count, case.status) != (step.sequence, step.target):
        return False
    if not follows_step(case, step) or case.status_on != step.day:
        return False
    if not _is_by_reporter(step):
        facts = (entry.actor, entry.at, facts_without_practice(entry.facts)) if entry else None
        is_on_day = step.at is not None and step.day == timezone.localdate(step.at)
        return is_on_day and facts == (step.actor_id, step.at, log.step_facts(step))
    if entry is not None and _number_of(entry) >= step.sequence:
        return False
    statement = recorded_acts.step_statement(case.pk, log.step_facts(step))
    if recorded_acts.is_by_reporter(step.signature, statement, record.reporters):
        return True
    # The report whose reporter took the step may have moved to another case since.
    return recorded_acts.is_by_reporter(step.signature, statement, recorded_acts.reporters_of([case.pk])[case.pk])


def _number_of(entry: AuditEntry) -> int:
    number = entry.facts.get("step")
    return number if isinstance(number, int) else 0


def _is_state_recorded(case: Case, name: str, entry: AuditEntry | None) -> bool:
    if entry is None:
        return all(case.serializable_value(column) == value for column, value in _BLANK[name].items())
    fact = "filing" if entry.event == "index.written" else STATES_OF_CASE[name]
    return bool(entry.facts.get(fact) == loaded_state(case, name))


def _due_on(record: _Record) -> date | None:
    if record.step is not None:
        return record.step.due_on
    return record.first[0] if record.first else None


def _with_deadline_of_move(cases: Collection[Case]) -> set[uuid.UUID]:
    """Return the cases that a report came to after their last step and left with the deadline they have; two queries.

    No query without cases.
    """
    due = {case.pk: case.due_on for case in cases}
    if not due:
        return set()
    moves = CaseMove.objects.filter(target__in=due, target_steps=F("target__step_count")).select_related("complaint")
    fitting = [move for move in moves if move.target_due_on == due[move.target_id]]
    entries: dict[uuid.UUID, list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject__in=[move.complaint_id for move in fitting], event__in=MOVE_EVENTS):
        if entry.subject is not None:
            entries[entry.subject].append(entry)
    return {move.target_id for move in fitting if recorded_acts.is_move_recorded(move, entries[move.complaint_id])}
