"""Changes of rules of the law: an administrator proposes a row, a member of triage confirms or declines it.

Of the calendar - closed days and elections - an administrator proposes a row too; another administrator may decide as
well as a member of triage, and nothing is compared before.

A confirmed row holds from then on, in each process within a minute. Nothing that is stored of a case is worked out
again: what the rules say of a case is worked out at each look, and a deadline keeps the limit of its step's day.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import IntegrityError, transaction

from complaints import access
from complaints.domain.errors import Refused
from complaints.domain.law.changes import Change, Reading, RowKey, check_change, read_row, row_text
from complaints.domain.law.reading import TABLES, Fault, RuleError
from complaints.models.delivered import DeliveredRow
from complaints.models.reference_data import ClosedDay, Election
from complaints.models.rule_change import RuleChange
from complaints.models.team import Staff, Team
from complaints.services import reference_data, rule_book
from complaints.services.audit import log, recorded_rules
from complaints.services.audit.state import change_facts, locked_state
from complaints.services.keyring import Actor, Locked, require_admission

State = RuleChange.State
# The tables of reference data by which days are counted.
CALENDAR: Final[dict[str, type[DeliveredRow]]] = {"closed_days": ClosedDay, "elections": Election}
ROW_CHARACTERS: Final = 8000


class RuleChangeRefused(Refused):
    """The act is refused; ``code`` is a key of REFUSALS in complaints.admin.rule_changes."""


@dataclass(frozen=True)
class ProposedRow:
    """A row as it was typed: which row it replaces or joins, its JSON text, and why."""

    key: RowKey
    is_new: bool
    before: str
    text: str
    reason: str


def rules_in_force() -> Reading:
    """Return the rules in force, cached as the other reference data."""
    return rule_book.reading(reference_data.edition())


@transaction.atomic
def propose(*, actor: Actor, proposed: ProposedRow) -> RuleChange:
    """Propose a row as an administrator.

    Raises:
        RuleError: the rules could not be read with this row; the message names table, row and key.
        RuleChangeRefused: permission, reason (there is none), gone (the row to be replaced is not there), same (it is
            as proposed already), proposed (a change of this rule waits).
    """
    if not access.may_administer(actor.staff):
        raise RuleChangeRefused("permission")
    if not proposed.reason.strip():
        raise RuleChangeRefused("reason")
    log.lock_head()
    change = _checked(proposed)
    return _store(actor, change, proposed.reason)


@transaction.atomic
def propose_day(*, actor: Actor, row: DeliveredRow, reason: str) -> RuleChange:
    """Propose a row of the calendar as an administrator; ``row`` is as it shall be, valid and not saved.

    Raises RuleChangeRefused: permission, reason, same, proposed, as :func:`propose`.
    """
    if not access.may_administer(actor.staff):
        raise RuleChangeRefused("permission")
    if not reason.strip():
        raise RuleChangeRefused("reason")
    log.lock_head()
    table = next(name for name, model in CALENDAR.items() if model is type(row))
    key, text = RowKey(table, str(row.pk)), row_text(day_values(row))
    base = _stored_day(key)
    if base == text:
        raise RuleChangeRefused("same")
    return _store(actor, Change(key, not base, "", text, base), reason)


def day_values(row: DeliveredRow) -> dict[str, object]:
    """Return the columns of a row of the calendar as JSON holds them."""
    values = ((field.name, getattr(row, field.name)) for field in row._meta.concrete_fields)
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in values if name != "delivered"
    }


def _stored_day(key: RowKey) -> str:
    """Return a row of the calendar as it is stored, as JSON text; "" without one."""
    stored = CALENDAR[key.table]._default_manager.filter(pk=key.code).first()
    return row_text(day_values(stored)) if stored else ""


def _store(actor: Actor, change: Change, reason: str) -> RuleChange:
    row = RuleChange(
        table=change.key.table,
        code=change.key.code,
        version=change.key.version,
        is_new=change.is_new,
        before=change.before,
        row=change.row,
        base=change.base,
        reason=reason.strip(),
        proposed_by=actor.staff,
        proposed_at=actor.now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise RuleChangeRefused("proposed") from None
    _record(actor, row, before="")
    return row


def _checked(proposed: ProposedRow) -> Change:
    key, changes = proposed.key, rule_book.confirmed_changes()
    if key.table not in TABLES:
        raise RuleChangeRefused("gone")
    if len(proposed.text) > ROW_CHARACTERS:
        raise RuleError(Fault.TOO_LONG, key.table, value=str(ROW_CHARACTERS))
    values = read_row(key.table, proposed.text)
    code, base = str(values["code"]), ""
    if proposed.is_new:
        key = RowKey(key.table, code)
    else:
        rule = rule_book.read_changes(changes).find(key)
        if rule is None:
            raise RuleChangeRefused("gone")
        if code != key.code:
            raise RuleError(Fault.OTHER_CODE, key.table, key.code, value=code)
        if rule.values == values:
            raise RuleChangeRefused("same")
        base = rule.delivered
    change = Change(key, proposed.is_new, proposed.before if proposed.is_new else "", row_text(values), base)
    check_change(rule_book.delivered_rules(), changes, change)
    return change


@transaction.atomic
def confirm(*, actor: Actor, change_id: uuid.UUID) -> None:
    """Put a proposed row in force, as a member of triage who has compared the open cases with it.

    A row of the calendar is saved, by another administrator or a member of triage.

    Raises:
        Locked: the person is no member of triage, or practises.
        RuleError: with the rules as they are now the row cannot be right any more.
        RuleChangeRefused: same_person (who proposed it), decided, record (the row is not as it was proposed), outdated
            (an update of the program has changed the rule since), unread (not all open cases were compared).
    """
    row, before = _to_decide(actor, change_id)
    change = rule_book.as_change(row)
    if row.table in CALENDAR:
        _confirm_day(actor, row, change, before)
        return
    if not recorded_rules.has_compared(actor.staff.pk, row.pk):
        raise RuleChangeRefused("unread")
    changes = rule_book.confirmed_changes()
    rule = None if change.is_new else rule_book.read_changes(changes).find(change.key)
    if (rule.delivered if rule else "") != change.base:
        raise RuleChangeRefused("outdated")
    check_change(rule_book.delivered_rules(), changes, change)
    _decide(actor, row, State.CONFIRMED, before=before)
    transaction.on_commit(reference_data.clear_cache)


# --- What a lawyer signed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Review:
    """Who reviewed rules and when, and when that is due again."""

    by: str
    on: date
    due: date


@transaction.atomic
def propose_reviews(*, actor: Actor, keys: Sequence[RowKey], review: Review, reason: str) -> tuple[int, int]:
    """Propose as an administrator that rules were reviewed. Nothing else of them changes.

    Returns how many were proposed, and how many have to wait because a change of the same rule does, as that of
    another version of it. Raises RuleChangeRefused: permission, reason, gone, and proposed where all have to.
    """
    if not access.may_administer(actor.staff):
        raise RuleChangeRefused("permission")
    if not reason.strip():
        raise RuleChangeRefused("reason")
    log.lock_head()
    confirmed = rule_book.confirmed_changes()
    in_force = rule_book.read_changes(confirmed)
    signed = [_reviewed(in_force, key, review) for key in keys]
    if not signed:
        raise RuleChangeRefused("gone")
    check_change(rule_book.delivered_rules(), [*confirmed, *signed[:-1]], signed[-1])
    waiting = RuleChange.objects.filter(state=State.PROPOSED).values_list("table", "code")
    taken, proposed = set(waiting), 0
    for change in signed:
        rule = (change.key.table, change.key.code)
        if rule not in taken:
            _store(actor, change, reason)
            taken.add(rule)
            proposed += 1
    if not proposed:
        raise RuleChangeRefused("proposed")
    return proposed, len(signed) - proposed


def _reviewed(in_force: Reading, key: RowKey, review: Review) -> Change:
    rule = in_force.find(key)
    if rule is None or key.table == "sources":
        raise RuleChangeRefused("gone")
    signed = {"reviewed_by": review.by, "reviewed_on": review.on.isoformat(), "review_due": review.due.isoformat()}
    return Change(key, False, "", row_text({**rule.values, **signed}), rule.delivered)


def waiting_reviews() -> list[RuleChange]:
    """Return the proposals that change nothing but who reviewed a rule, and when, in the order of their tables."""
    in_force = rules_in_force()
    rows = RuleChange.objects.filter(state=State.PROPOSED, is_new=False, table__in=TABLES).select_related("proposed_by")
    return [row for row in rows.order_by("table", "code", "version") if _is_review(in_force, row)]


def _is_review(in_force: Reading, row: RuleChange) -> bool:
    rule, values = in_force.find(rule_book.as_change(row).key), read_row(row.table, row.row)
    return rule is not None and rule_book.without_review(rule.values) == rule_book.without_review(values)


@transaction.atomic
def confirm_reviews(*, actor: Actor) -> int:
    """Put all proposed reviews of others in force, as a member of triage; return how many.

    No case is judged otherwise by them, so none is compared. Raises Locked and RuleChangeRefused: decided, record,
    outdated, as :func:`confirm`.
    """
    require_member(actor)
    log.lock_head()
    confirmed = rule_book.confirmed_changes()
    in_force = rule_book.read_changes(confirmed)
    rows = [row for row in waiting_reviews() if row.proposed_by_id != actor.staff.pk]
    locked = [_to_decide(actor, row.pk) for row in rows]
    changes = [rule_book.as_change(row) for row, _before in locked]
    for (row, _before), change in zip(locked, changes, strict=True):
        rule = in_force.find(change.key)
        if rule is None or rule.delivered != change.base or not _is_review(in_force, row):
            raise RuleChangeRefused("outdated")
    if changes:
        check_change(rule_book.delivered_rules(), [*confirmed, *changes[:-1]], changes[-1])
    for row, before in locked:
        _decide(actor, row, State.CONFIRMED, before=before)
    transaction.on_commit(reference_data.clear_cache)
    return len(locked)


def _confirm_day(actor: Actor, row: RuleChange, change: Change, before: str) -> None:
    if _stored_day(change.key) != change.base:
        raise RuleChangeRefused("outdated")
    model, values = CALENDAR[row.table], json.loads(change.row)
    fields = (field for field in model._meta.concrete_fields if field.name in values)
    columns = {field.name: field.to_python(values[field.name]) for field in fields}
    _decide(actor, row, State.CONFIRMED, before=before)
    reference_data.save_row(row=model(**columns), actor=actor)


@transaction.atomic
def decline(*, actor: Actor, change_id: uuid.UUID, answer: str) -> None:
    """Decline a proposed row, as who may confirm it, with an answer to the administrator that names no case.

    Raises Locked, and RuleChangeRefused: reason (no answer), same_person, decided, record.
    """
    if not answer.strip():
        raise RuleChangeRefused("reason")
    row, before = _to_decide(actor, change_id)
    _decide(actor, row, State.DECLINED, before=before, answer=answer.strip())


@transaction.atomic
def withdraw(*, actor: Actor, change_id: uuid.UUID) -> None:
    """Take a proposal back, as the one who made it; raises RuleChangeRefused: permission, decided, record."""
    row, before = _locked(change_id)
    if row.proposed_by_id != actor.staff.pk or not access.may_administer(actor.staff):
        raise RuleChangeRefused("permission")
    _decide(actor, row, State.WITHDRAWN, before=before)


def decides_on(person: Staff, row: RuleChange) -> bool:
    """Whether a person decides on proposals for this table: triage, on the calendar administrators too."""
    is_member = access.may_compare_rules(person) and not person.practising
    return is_member or (row.table in CALENDAR and access.may_administer(person))


def may_decide(person: Staff, row: RuleChange) -> bool:
    """Whether a person may decide on a proposal now; the services check it again."""
    return row.state == State.PROPOSED and row.proposed_by_id != person.pk and decides_on(person, row)


def require_member(actor: Actor) -> None:
    """Raise Locked outside triage, and for somebody who practises: rules hold for real cases."""
    require_admission(actor.keyring)
    if not access.may_compare_rules(actor.staff):
        raise Locked(Team.Kind.TRIAGE)
    if actor.staff.practising:
        raise Locked("practice")


def changes_newest_first() -> Iterable[RuleChange]:
    """Return all proposals with their people, those that wait first, the newest first."""
    rows = RuleChange.objects.select_related("proposed_by", "decided_by")
    return sorted(rows.order_by("-proposed_at", "pk"), key=lambda row: row.state != State.PROPOSED)


def _to_decide(actor: Actor, change_id: uuid.UUID) -> tuple[RuleChange, str]:
    row, before = _locked(change_id)
    if not (row.table in CALENDAR and access.may_administer(actor.staff)):
        require_member(actor)
    if row.proposed_by_id == actor.staff.pk:
        raise RuleChangeRefused("same_person")
    return row, before


def _locked(change_id: uuid.UUID) -> tuple[RuleChange, str]:
    """Lock a proposal that waits; return it with its state (``services.audit.state``)."""
    log.lock_head()
    row = RuleChange.objects.select_for_update(of=("self",)).get(pk=change_id)
    if row.state != State.PROPOSED:
        raise RuleChangeRefused("decided")
    before = locked_state(row, "rule")
    if not recorded_rules.is_proposed(row, before):
        raise RuleChangeRefused("record")
    return row, before


def _decide(actor: Actor, row: RuleChange, state: State, *, before: str, answer: str = "") -> None:
    row.state, row.decided_by, row.decided_at, row.answer = state, actor.staff, actor.now, answer
    row.save(update_fields=["state", "decided_by", "decided_at", "answer"])
    _record(actor, row, before=before)


def _record(actor: Actor, row: RuleChange, *, before: str) -> None:
    facts = {"table": row.table, "row": row.code, **change_facts(row, "rule", before=before)}
    actor.record(f"rule.{row.state}", subject=row.pk, facts=facts)
