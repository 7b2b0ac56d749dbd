"""Proposed changes of rules of the law, made through the services as people make them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from complaints.domain.law.changes import RowKey, row_text
from complaints.models.rule_change import RuleChange
from complaints.services import reference_data, rule_changes, rule_comparison
from complaints.services.audit import log
from complaints.services.audit.state import table_state, table_subject
from complaints.services.keyring import Actor
from complaints.services.rule_changes import ProposedRow
from tests.world import Cast


def actor(cast: Cast, name: str) -> Actor:
    """The person at this moment."""
    return Actor(cast.ring(name), timezone.now())


def propose(cast: Cast, table: str, code: str, *, version: str = "", **values: object) -> RuleChange:
    """Let the administrator propose a row that is in force, with other values; None takes a key away."""
    key = RowKey(table, code, version)
    found = rule_changes.rules_in_force().find(key)
    assert found is not None, key
    row = {name: value for name, value in {**found.values, **values}.items() if value is not None}
    proposed = ProposedRow(key, is_new=False, before="", text=row_text(row), reason="Putusan baru, halaman 12.")
    return rule_changes.propose(actor=actor(cast, "adi"), proposed=proposed)


def add(cast: Cast, table: str, row: dict[str, object], *, before: str = "") -> RuleChange:
    """Let the administrator propose a new row."""
    proposed = ProposedRow(RowKey(table, ""), is_new=True, before=before, text=row_text(row), reason="Aturan baru.")
    return rule_changes.propose(actor=actor(cast, "adi"), proposed=proposed)


def confirm(cast: Cast, change: RuleChange, name: str = "vera") -> None:
    """Let a member of triage compare all open cases with a change, and confirm it."""
    after, at_end = None, False
    while not at_end:
        found = rule_comparison.compare_slice(actor=actor(cast, name), change_id=change.pk, after=after)
        after, at_end = found.after, found.after is None
    rule_changes.confirm(actor=actor(cast, name), change_id=change.pk)


def record_table(model: type[models.Model]) -> None:
    """Record a table of reference data as a test has left it; a table that differs from its record decides nothing."""
    facts = {"table": model._meta.model_name or "", "before": "", "state": table_state(model)}
    log.append(event="catalog.changed", now=timezone.now(), subject=table_subject(model), facts=facts)
    reference_data.clear_cache()
