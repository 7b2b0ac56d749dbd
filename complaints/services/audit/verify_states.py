"""Verifies the rows of which each act records the state: accounts, teams, assignments, rules, reference data."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from django.db import models, transaction

from complaints.domain.law.reading import TABLES
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import (
    AccusedKind,
    Category,
    ClosedDay,
    Election,
    Province,
    SanctionKind,
    StandardText,
)
from complaints.models.rule_change import RuleChange
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock, once
from complaints.services.audit.recorded_erasures import erased_cases
from complaints.services.audit.recorded_rules import confirmed_rules
from complaints.services.audit.state import NO_STATE, STATES, blank_states, states_of, table_state, table_subject

REFERENCE_TABLES: tuple[type[models.Model], ...] = (
    AccusedKind,
    Category,
    ClosedDay,
    Election,
    OversightBody,
    Province,
    SanctionKind,
    StandardText,
)


def _state_faults(state: str, keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the faults of a chunk of rows; each faulty row is looked at again with it and the chain's head locked."""
    suspects = [key for key, fault in _faults_of(state, keys).items() if fault]
    for key in suspects:
        with transaction.atomic():
            lock(STATES[state].model._base_manager.filter(pk=key))
            fault = _faults_of(state, [key]).get(key)
        if fault:
            yield fault


def _faults_of(state: str, keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Fault | None]:
    kind = STATES[state]
    stored, first = states_of(keys, state), blank_states(keys, state)
    compared = compare(stored, first, kind.events)
    table = "factors of staff" if state == "factors" else kind.model._meta.model_name
    blank = {key for key, value in stored.items() if value == NO_STATE}
    erased = erased_cases(blank) if blank else set()
    return {
        key: Fault(sequence, code, f"{table} {key}", stored.get(key, "")) if code and key not in erased else None
        for key, (sequence, code) in compared.items()
    }


def compare(
    stored: Mapping[uuid.UUID, str], first: Mapping[uuid.UUID, str], events: Collection[str]
) -> dict[uuid.UUID, tuple[int | None, str]]:
    """Hold the states of rows against their entries, read one after the other; return by row the entry and the code.

    Args:
        stored: the present states.
        first: the states before the first entry: "" where a row without an entry is a fault.
    """
    last = dict(first)
    places: dict[uuid.UUID, tuple[int | None, str]] = {}
    entries = AuditEntry.objects.filter(subject__in=list(stored), event__in=events).order_by("subject", "sequence")
    for subject, sequence, facts in entries.values_list("subject", "sequence", "facts").iterator():
        if subject is None or not isinstance(facts, dict):
            continue
        between = facts.get("before", "") != last.get(subject, "")
        last[subject] = str(facts.get("state", ""))
        if not places.get(subject, (None, ""))[1]:
            places[subject] = (sequence, "state.between" if between else "")
    return {key: _place(state, last.get(key, ""), places.get(key)) for key, state in stored.items()}


def _place(stored: str, recorded: str, place: tuple[int | None, str] | None) -> tuple[int | None, str]:
    """Return the entry and the code of a row; "" where it is as recorded."""
    sequence, code = place or (None, "")
    if stored != recorded:
        return sequence, "state.altered" if recorded else "state.unrecorded"
    return sequence, code


def _gone_faults(_keys: Sequence[object]) -> Iterator[Fault]:
    """Yield a fault for each account, team and change of a rule that has entries and no row: none is ever deleted.

    Entries first: an account that is made meanwhile has its row then.
    """
    for name in ("staff", "team", "rule"):
        kind = STATES[name]
        entries = AuditEntry.objects.filter(event__in=kind.events, subject__isnull=False)
        known = set(entries.order_by().values_list("subject", flat=True).distinct())
        for key in sorted(known - set(kind.model._base_manager.values_list("pk", flat=True)), key=str):
            yield Fault(None, "state.gone", f"{kind.model._meta.model_name} {key}")


def _table_faults(_keys: Sequence[object]) -> Iterator[Fault]:
    """Yield the faults of the tables of reference data; with the head locked, behind which each change waits."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        for model in REFERENCE_TABLES:
            subject = table_subject(model)
            stored = {subject: table_state(model)}
            sequence, code = compare(stored, {}, ["catalog.changed"])[subject]
            if code and (sequence or model._default_manager.exists()):
                yield Fault(sequence, code, f"table {model._meta.model_name}", stored[subject])


def reference_faults() -> list[Fault]:
    """Return the faults of rules and reference data, which are few and decide for all cases: asked every hour."""
    rules = RuleChange._base_manager.values_list("pk", flat=True)
    gone = [
        Fault(None, "state.gone", f"rulechange {rule.key}")
        for rule in confirmed_rules(TABLES)
        if rule.row is None and not RuleChange._base_manager.filter(pk=rule.key).exists()
    ]
    return [*_table_faults(()), *_state_faults("rule", list(rules)), *gone]


def _all_of(state: str, _scope: Scope) -> Rows:
    return STATES[state].model._base_manager.all()


CHECKS: tuple[RowCheck, ...] = (
    RowCheck("staff", partial(_all_of, "staff"), partial(_state_faults, "staff")),
    RowCheck("team", partial(_all_of, "team"), partial(_state_faults, "team")),
    RowCheck("rule", partial(_all_of, "rule"), partial(_state_faults, "rule")),
    RowCheck("factors", partial(_all_of, "factors"), partial(_state_faults, "factors")),
    RowCheck("gone", once, _gone_faults),
    RowCheck("assignment", lambda scope: scope.cases(), partial(_state_faults, "assignment")),
    RowCheck("lane", lambda scope: scope.cases(), partial(_state_faults, "lane")),
    RowCheck("reference_data", once, _table_faults),
)
