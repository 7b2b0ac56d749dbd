"""The rules of the law as they are delivered, and the limits among them as the workflow counts them.

All are read from the program's own files, once for each process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from complaints.domain.law.judgment import BAWASLU_REPORT
from complaints.domain.law.reading import TABLES, read_rules
from complaints.domain.law.rules import LimitRule, RuleBook
from complaints.domain.law.vocabulary import Start
from complaints.domain.workflow import AGENCY_REMINDER, LIMITS, URGENT_LIMITS, Limit, Unit

DATA: Final = Path(__file__).resolve().parent.parent / "data" / "law"


@cache
def rule_book() -> RuleBook:
    """Return all rules; raises RuleError with file and row for a table that cannot be right."""
    return read_rules({name: json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")) for name in TABLES})


@cache
def limit_rule(name: str) -> LimitRule:
    """Return the limit of this name; raises StopIteration for a name that the rules do not have."""
    return next(rule for rule in rule_book().limits if rule.code == name)


@cache
def limits(reminder_days: int | None = None) -> Mapping[str, Limit]:
    """Return the limits that the workflow names, by their names.

    ``reminder_days`` is the operator's own number of working days after which an agency that has not answered is
    reminded (the setting AGENCY_REMINDER_DAYS); None takes that of the rules.
    """
    named = {name: _limit(limit_rule(name)) for name in {*LIMITS.values(), *URGENT_LIMITS.values()}}
    if reminder_days is not None:
        named[AGENCY_REMINDER] = Limit(reminder_days, Unit.WORKING_DAYS, "entered")
    return MappingProxyType(named)


def _limit(rule: LimitRule) -> Limit:
    if rule.number is None:
        raise ValueError(f"limits.json ({rule.code}): the workflow cannot count a limit without a number")
    return Limit(rule.number, Unit(rule.unit), "received" if rule.start is Start.ENTERED else "entered")


@cache
def bawaslu_rules() -> tuple[LimitRule, ...]:
    """Return the limits within which Bawaslu accepts a report, by kind of election."""
    return tuple(rule for rule in rule_book().limits if rule.what == BAWASLU_REPORT)
