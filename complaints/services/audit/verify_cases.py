"""Verifies the columns of cases that follow from steps and moves, and that cases are filed as their reports were."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from complaints.domain import workflow
from complaints.domain.workflow import Action, Status
from complaints.models.audit import AuditEntry
from complaints.models.case import IS_INQUIRY, Case, CaseKind, CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.services.audit.faults import Fault, RowCheck, lock
from complaints.services.audit.recorded_acts import CAME_AS_INQUIRY, follows_step
from complaints.services.audit.recorded_erasures import erased_cases
from complaints.services.audit.report_signature import signature_faults
from complaints.services.audit.state import NO_STATE, states_of

# Events by which a case that no report came with gets its filing; the state is a fact of the entry.
_FILED: Final = ("case.changed",)


def _case_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the faults of a chunk of cases; a faulty case is looked at again with it and its reports locked."""
    for key in _faulty(keys):
        with transaction.atomic():
            lock(Complaint.stored.filter(case=key))
            lock(Case.objects.filter(pk=key))
            faults = _faulty([key])
        yield from faults.get(key, [])


def _faulty(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Fault]]:
    cases = Case.objects.in_bulk(list(keys))
    codes: dict[uuid.UUID, set[str]] = defaultdict(set)
    last = _last_steps(keys, codes)
    deadlines, since = _deadlines(cases, last)
    for key, case in cases.items():
        if not follows_step(case, last.get(key)) or case.status_on != since[key]:
            codes[key].add("case.columns")
        if case.due_on not in deadlines[key]:
            codes[key].add("case.deadline")
    for key in _filed_otherwise(keys):
        codes[key].add("case.filing")
    for key in _linked_otherwise(cases):
        codes[key].add("case.link")
    return {
        key: [Fault(None, code, cases[key].reference) for code in sorted(codes_of_case)]
        for key, codes_of_case in codes.items()
        if key in cases
    }


def _last_steps(keys: Collection[uuid.UUID], codes: dict[uuid.UUID, set[str]]) -> dict[uuid.UUID, CaseStep]:
    """Return the last step of each case; note the cases in which a step does not continue the one before."""
    last: dict[uuid.UUID, CaseStep] = {}
    for step in CaseStep.objects.filter(case__in=keys).order_by("case", "sequence").iterator():
        before = last.get(step.case_id)
        stage = max(before.stage if before else 1, workflow.stage(Status(step.target)))
        stays = step.action == Action.FORWARD or step.body_id == (before.body_id if before else None)
        if step.stage != stage or not stays:
            codes[step.case_id].add("case.columns")
        last[step.case_id] = step
    return last


def _deadlines(
    cases: dict[uuid.UUID, Case], last: dict[uuid.UUID, CaseStep]
) -> tuple[dict[uuid.UUID, set[date | None]], dict[uuid.UUID, date]]:
    """Return the deadlines that each case may have, and the day since which it has its status.

    The deadline is that of its last step, without one that of its first report; a report that came in after the last
    step left it with that of the move. A linked case has none.
    """
    first = _first_reports(cases)
    deadlines: dict[uuid.UUID, set[date | None]] = {}
    since: dict[uuid.UUID, date] = {}
    for key, case in cases.items():
        step, report = last.get(key), first.get(key)
        deadlines[key] = {step.due_on if step else report[0] if report else None}
        since[key] = step.day if step else report[1] if report else case.status_on
    newest: dict[uuid.UUID, date] = {}
    moves = CaseMove.objects.filter(target__in=cases, target_steps=F("target__step_count")).order_by("target", "day")
    for target, day, due_on in moves.values_list("target", "day", "target_due_on").iterator():
        if newest.get(target) != day:
            # Moves of one day into one case have an order that nobody recorded: each of their deadlines may stand.
            newest[target], deadlines[target] = day, set()
        deadlines[target].add(due_on)
    for key, case in cases.items():
        if case.linked_into_id:
            deadlines[key] = {None}
        if key not in first and key not in last:
            arrivals = CaseMove.objects.filter(target=key).order_by("day")
            since[key] = arrivals.values_list("day", flat=True).first() or case.status_on
    return deadlines, since


def _first_reports(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[date | None, date]]:
    """Return by case the deadline and the day of the report that it came with, which has its key."""
    rows = Complaint.stored.filter(pk__in=keys).values_list("pk", "check_by", "day")
    return {case: (due_on, day) for case, due_on, day in rows}


def _filed_otherwise(keys: Collection[uuid.UUID]) -> Iterator[uuid.UUID]:
    """Yield the cases that are filed otherwise than an entry says, which was written when a report was first read."""
    stored = states_of(keys, "filing")
    recorded: dict[uuid.UUID, str] = {}
    condition = Q(case__in=keys, event="index.written") | Q(subject__in=keys, event__in=_FILED)
    entries = AuditEntry.objects.filter(condition).order_by("sequence")
    for event, case, facts in entries.values_list("event", "case", "facts").iterator():
        if case is not None and isinstance(facts, dict):
            recorded[case] = str(facts.get("filing" if event == "index.written" else "state"))
    differing = {key for key, state in stored.items() if recorded.get(key, state) != state or state == NO_STATE}
    yield from differing - (erased_cases(differing) if differing else set())
    # Before anybody read it: the batch holds the channel of what came in, which says what the case is of.
    asked = Q(channel=Complaint.Channel.INQUIRY)
    of_kind = Q(case__kind=CaseKind.INQUIRY)
    yield from Complaint.stored.filter((asked & ~of_kind) | (of_kind & ~asked), case__in=keys).values_list(
        "case", flat=True
    )


def kind_faults() -> list[Fault]:
    """Return a fault for each case that stands among the inquiries and came as none: no list of reports shows it.

    What came says so itself by its sender's signature, which is verified of what no root binds yet.
    """
    hidden = Case.objects.filter(IS_INQUIRY).exclude(CAME_AS_INQUIRY).order_by("pk")
    faults = [Fault(None, "case.filing", reference) for reference in hidden.values_list("reference", flat=True)]
    since = AuditEntry.objects.filter(event="day.closed").count()
    asked = Complaint.objects.filter(channel=Complaint.Channel.INQUIRY, batch__gte=since)
    return [*faults, *signature_faults(list(asked.values_list("pk", flat=True)))]


def _linked_otherwise(cases: dict[uuid.UUID, Case]) -> Iterator[uuid.UUID]:
    """Yield the cases with reports that are linked, those without that are not, and those linked elsewhere."""
    holding = set(Complaint.stored.filter(case__in=cases).values_list("case", flat=True))
    for key, case in cases.items():
        if (key in holding) == (case.linked_into_id is not None) or (
            case.linked_into_id and not _leads_to(key, case.linked_into_id)
        ):
            yield key


def _leads_to(source: uuid.UUID, target: uuid.UUID) -> bool:
    """Whether moves lead from one case to another, over any number of cases between."""
    reached, frontier = {source}, {source}
    while frontier and target not in reached:
        onward = set(CaseMove.objects.filter(source__in=frontier).values_list("target", flat=True))
        frontier = onward - reached
        reached |= onward
    return target in reached


CHECKS: tuple[RowCheck, ...] = (RowCheck("case_columns", lambda scope: scope.cases(), _case_faults),)
