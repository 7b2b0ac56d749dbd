"""The rules of the law in force: those that come with the program, and the confirmed changes of this portal over them.

The program's files are read once for each process, the changes with each edition of the reference data: a process that
did not make a change itself follows within ``reference_data.MEMORY_SECONDS``. Each function takes that edition, and is
cached by it.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from complaints.domain.law.changes import Change, Reading, Row, RowKey, read_with
from complaints.domain.law.judgment import BAWASLU_REPORT
from complaints.domain.law.reading import TABLES, Tables
from complaints.domain.law.rules import LimitRule, RuleBook
from complaints.domain.law.vocabulary import Start
from complaints.domain.retention_periods import RETENTION
from complaints.domain.workflow import AGENCY_REMINDER, BODY_QUESTION, LIMITS, OBJECTION, URGENT_LIMITS, Limit, Unit
from complaints.models.rule_change import RuleChange
from complaints.services import delivered_data
from complaints.services.audit import recorded_rules

logger = logging.getLogger(__name__)
# The keys of a row that say who reviewed it, when, and when that is due again.
REVIEW_KEYS: Final = frozenset({"reviewed_by", "reviewed_on", "review_due"})
# So long before a review is due those who administer the portal are reminded of it.
REVIEW_NOTICE: Final = timedelta(days=30)
DATA: Final = Path(__file__).resolve().parent.parent / "data" / "law"


# What ``reference_data.edition`` returns.
Edition: TypeAlias = tuple[int, int]


@cache
def delivered_rules() -> Tables:
    """Return the rows of the program's files by table."""
    return {name: json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")) for name in TABLES}


def as_change(row: RuleChange) -> Change:
    """Return a row of the table of changes as the rules read it."""
    return Change(RowKey(row.table, row.code, row.version), row.is_new, row.before, row.row, row.base)


# The changes that this process has read as the chain records them, each by its key and the digest of its row.
_read: dict[tuple[uuid.UUID, str], Change] = {}


@dataclass(frozen=True, slots=True)
class ConfirmedChanges:
    """The confirmed changes of rules, oldest first, and the rules of which the row is gone or altered."""

    changes: tuple[Change, ...]
    lost: tuple[str, ...]


def confirmed() -> ConfirmedChanges:
    """Return the confirmed changes that the chain records; three queries at most.

    A change whose row somebody has deleted or altered holds on in a process that read it before. One that has not
    cannot know what it said: it goes by the rest, and says which rules are lost.
    """
    changes, lost = [], []
    for rule in recorded_rules.confirmed_rules(TABLES):
        if rule.row is not None:
            _read[rule.key, rule.state] = as_change(rule.row)
        else:
            lost.append(rule.rule)
            logger.error("A change of a rule is not as the chain records its confirmation: %s", rule.rule)
        if change := _read.get((rule.key, rule.state)):
            changes.append(change)
    return ConfirmedChanges(tuple(changes), tuple(lost))


def confirmed_changes() -> tuple[Change, ...]:
    """Return the confirmed changes of rules, oldest first, as :func:`confirmed`."""
    return confirmed().changes


@lru_cache(maxsize=2)
def reading(_edition: Edition) -> Reading:
    """Return the rules in force with what an update of the program has set against changes of this portal."""
    changes = confirmed()
    in_force = read_changes(changes.changes)
    return replace(in_force, lost=changes.lost) if changes.lost else in_force


@lru_cache(maxsize=2)
def read_changes(changes: tuple[Change, ...]) -> Reading:
    """Return the program's rules with these changes; read once for each set, because most editions bring none."""
    rules = read_with(delivered_rules(), changes)
    for key in rules.left_out:
        logger.error("A confirmed change of a rule does not fit the program's rules and is left out: %s", key)
    return rules


@lru_cache(maxsize=2)
def rule_book(edition: Edition) -> RuleBook:
    """Return all rules in force; raises RuleError with file and row for a file of the program that cannot be right."""
    return reading(edition).book


@lru_cache(maxsize=2)
def content_mark(edition: Edition) -> str:
    """Return hexadecimal digits that name what all rules in force say, to be printed with them.

    Who reviewed a rule and when does not count: the mark on a sheet that was signed stays that of the portal.
    """
    rows = reading(edition).rows
    content = {table: [without_review(row.values) for row in rows[table]] for table in sorted(rows)}
    return delivered_data.digest_of(json.dumps(content, sort_keys=True, ensure_ascii=False))


def without_review(row: Row) -> dict[str, object]:
    """Return what a row says, without who reviewed it and when."""
    return {key: value for key, value in row.items() if key not in REVIEW_KEYS}


@dataclass(frozen=True, slots=True)
class ReviewsDue:
    """How many rules are due for review, and the earliest day on which one is."""

    number: int
    first: date


def reviews_due(today: date, edition: Edition) -> ReviewsDue | None:
    """Return the rules whose review is due within REVIEW_NOTICE or was; None where there is none."""
    book = rule_book(edition)
    rules = (rule for table in TABLES[1:] for rule in getattr(book, table))
    days = [rule.review.due for rule in rules if rule.review.due <= today + REVIEW_NOTICE]
    return ReviewsDue(len(days), min(days)) if days else None


@lru_cache(maxsize=64)
def limit_rule(name: str, edition: Edition) -> LimitRule:
    """Return the limit of this name; raises StopIteration for a name that the rules do not have."""
    return next(rule for rule in rule_book(edition).limits if rule.code == name)


@lru_cache(maxsize=8)
def limits(reminder_days: int | None, edition: Edition) -> Mapping[str, Limit]:
    """Return the limits that the workflow names, by their names.

    ``reminder_days`` is the operator's own number of working days after which an agency that has not answered is
    reminded (the setting AGENCY_REMINDER_DAYS); None takes that of the rules.
    """
    names = {*LIMITS.values(), *URGENT_LIMITS.values(), BODY_QUESTION, OBJECTION, *RETENTION}
    named = {name: _limit(limit_rule(name, edition)) for name in names}
    if reminder_days is not None:
        named[AGENCY_REMINDER] = Limit(reminder_days, Unit.WORKING_DAYS, "entered")
    return MappingProxyType(named)


def _limit(rule: LimitRule) -> Limit:
    if rule.number is None:
        raise ValueError(f"limits.json ({rule.code}): the workflow cannot count a limit without a number")
    return Limit(rule.number, Unit(rule.unit), "received" if rule.start is Start.ENTERED else "entered")


@lru_cache(maxsize=2)
def bawaslu_rules(edition: Edition) -> tuple[LimitRule, ...]:
    """Return the limits within which Bawaslu accepts a report, by kind of election."""
    return tuple(rule for rule in rule_book(edition).limits if rule.what == BAWASLU_REPORT)
