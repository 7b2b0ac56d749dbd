"""Verifies that two people took the steps that need two, and that a finding was proposed and the accused heard.

Whoever closed a case may not decide again after its reporter objected; this is compared as well.

The rule is asked when a step is taken. Whoever holds one person's key and writes to the database past the portal is
named by this.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from complaints.domain import workflow
from complaints.domain.objections import closer_objected_to
from complaints.domain.workflow import TABLE, Action
from complaints.models.audit import AuditEntry
from complaints.models.case import CaseStep
from complaints.models.oversight import Release
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope

# Of an entry: what took the step, its number, who acted, and the facts.
_Row: TypeAlias = tuple[uuid.UUID | None, int, uuid.UUID | None, object]
_EARLIER: Final = {row.action.value: row.second_person_than for row in TABLE if row.second_person_than}
_OPEN: Final = frozenset(row.action.value for row in TABLE if row.proposal == "open")
_UNHEARD: Final = frozenset(row.action.value for row in TABLE if row.hearing_first)
_NOT_BY_CLOSER: Final = frozenset(row.action.value for row in TABLE if row.not_closer)


def _cases(scope: Scope) -> Rows:
    return scope.cases().filter(step_count__gt=0)


def _releases(scope: Scope) -> Rows:
    return Release.stored.filter(case__in=scope.cases().values("pk"), is_further=True, first=None)


def _faults(cases: Sequence[uuid.UUID]) -> Iterator[Fault]:
    entries = AuditEntry.objects.filter(case__in=cases, event="case.transition").order_by("case", "sequence")
    yield from _faults_of(entries.values_list("case", "sequence", "actor", "facts").iterator())


def _faults_of_releases(releases: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield those of further releases, whose bodies take steps of their own beside the case."""
    entries = AuditEntry.objects.filter(subject__in=releases, event="release.step").order_by("subject", "sequence")
    rows = entries.values_list("subject", "sequence", "actor", "facts").iterator()
    yield from _faults_of(_after_verification(releases, rows))


def _after_verification(releases: Sequence[uuid.UUID], rows: Iterable[_Row]) -> Iterator[_Row]:
    """Yield the entries of further releases, before each forwarding that by which the case was verified last."""
    case_of = dict(Release.stored.filter(pk__in=releases).values_list("pk", "case"))
    entries = AuditEntry.objects.filter(case__in=set(case_of.values()), event="case.transition").order_by("-sequence")
    verified = list(entries.filter(facts__action=Action.VERIFY.value).values_list("case", "sequence", "actor", "facts"))
    for release, sequence, actor, facts in rows:
        if isinstance(facts, dict) and facts.get("action") == Action.FORWARD and release is not None:
            case = case_of.get(release)
            last = next((row for row in verified if row[0] == case and row[1] < sequence), None)
            yield from [(release, *last[1:])] if last else []
        yield release, sequence, actor, facts


def _faults_of(entries: Iterable[_Row]) -> Iterator[Fault]:
    """Yield the faults by the entries of steps, which are never altered: no second look is needed."""
    taken: list[tuple[str, uuid.UUID | None]] = []
    current: uuid.UUID | None = None
    for moved, sequence, actor, facts in entries:
        if moved != current:
            taken, current = [], moved
        action = str(facts.get("action", "")) if isinstance(facts, dict) else ""
        if code := _fault_of(action, actor, taken):
            yield Fault(sequence, code)
        taken.append((action, actor))


def _fault_of(action: str, actor: uuid.UUID | None, taken: Sequence[tuple[str, uuid.UUID | None]]) -> str:
    earlier: Action | None = _EARLIER.get(action)
    last = next((person for done, person in reversed(taken) if done == earlier), None) if earlier else None
    if last is not None and last == actor:
        return "entry.same_person"
    before = [done for done, _person in taken]
    is_open = action not in _OPEN or workflow.has_open_proposal(before)
    is_heard = action not in _UNHEARD or workflow.was_heard(before)
    return "" if is_open and is_heard else "entry.no_proposal"


def _objected_to(scope: Scope) -> Rows:
    return scope.cases().filter(pk__in=CaseStep.objects.filter(action=Action.OBJECT).values("case"))


def _faults_of_closers(cases: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the steps that whoever closed a case took after its reporter objected; steps are never altered."""
    taken: list[tuple[str, uuid.UUID | None]] = []
    current: uuid.UUID | None = None
    steps = CaseStep.objects.filter(case__in=cases).order_by("case", "sequence").select_related("case")
    for step in steps.iterator():
        if step.case_id != current:
            taken, current = [], step.case_id
        if step.action in _NOT_BY_CLOSER and step.actor_id and step.actor_id == closer_objected_to(taken):
            yield Fault(None, "entry.same_person", step.case.reference, f"step.{step.sequence}")
        taken.append((step.action, step.actor_id))


CHECKS: Final = (
    RowCheck("two_people", _cases, _faults),
    RowCheck("two_people_after_objections", _objected_to, _faults_of_closers),
    RowCheck("two_people_of_releases", _releases, _faults_of_releases),
)
