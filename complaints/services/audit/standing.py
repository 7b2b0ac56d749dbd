"""Every case stands where its recorded steps lead, step by step along the table.

Steps of staff, bodies and the system have an entry each; a reporter's step has none, its day's root binds it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import transaction

from complaints.domain import workflow
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, Transition

CHUNK: Final = 500
Fault = tuple[int | None, str, str]


def first_fault() -> Fault | None:
    """Return (number of the case's last entry, why, the case's reference) of the first case that is elsewhere."""
    for cases in _chunks():
        for case in _astray(cases):
            fault = _again(case)
            if fault:
                return fault
    return None


def _chunks() -> Iterator[list[Case]]:
    last = uuid.UUID(int=0)
    while cases := list(Case.objects.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield cases
        last = cases[-1].pk


def _again(case_id: uuid.UUID) -> Fault | None:
    """Look once more while nobody can move the case: the first look may have met a step half on its way."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        why = _astray([case]).get(case_id, "")
        if not why:
            return None
        entries = AuditEntry.objects.filter(case=case_id, event="case.transition").order_by("sequence")
        return entries.values_list("sequence", flat=True).last(), why, case.reference


def _astray(cases: Iterable[Case]) -> dict[uuid.UUID, str]:
    ids = [case.pk for case in cases]
    steps: dict[uuid.UUID, list[Transition]] = defaultdict(list)
    entries: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for step in Transition.objects.filter(case__in=ids).order_by("sequence"):
        steps[step.case_id].append(step)
    for entry in AuditEntry.objects.filter(case__in=ids, event="case.transition").order_by("sequence"):
        if entry.case:
            entries[entry.case].append((entry.actor, entry.facts))
    return {case.pk: why for case in cases if (why := _fault(case, steps[case.pk], entries[case.pk]))}


def _fault(case: Case, steps: list[Transition], entries: list[Any]) -> str:
    if [step.sequence for step in steps] != list(range(1, case.step_count + 1)):
        return "a step is missing or too many"
    status = Status.RECEIVED
    asked_from: Status | None = None
    for step in steps:
        why = _off_the_table(step, status, asked_from)
        if why:
            return why
        asked_from = status if step.action == Action.ASK_REPORTER else None
        status = Status(step.target)
    if case.status != status:
        return f"stands at {case.status}, its steps lead to {status.value}"
    recorded = [(step.actor_id, _facts(step)) for step in steps if step.actor_kind != ActorKind.REPORTER]
    return "" if recorded == entries else "its steps and the chain's entries differ"


def _off_the_table(step: Transition, status: Status, asked_from: Status | None) -> str:
    try:
        row = workflow.transition_for(Action(step.action), status)
        target = workflow.target_of(row, asked_from)
    except (TransitionRefused, ValueError):
        return f"step {step.sequence} is not in the table"
    agreed = (step.source, step.target, step.actor_kind) == (status, target, row.actor)
    return "" if agreed and row.asked_from in (None, asked_from) else f"step {step.sequence} was altered"


def _facts(step: Transition) -> dict[str, Any]:
    return {"action": step.action, "from": step.source, "to": step.target, "step": step.sequence}
