"""Reference data: loaded from JSON files by an idempotent function, read by the public pages through a cache.

The calendar of offices joins the package ``holidays`` with what staff entered; it is the only source of closed days.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, wraps
from typing import TypeVar, cast

import holidays
from django.conf import settings
from django.db import models, transaction

from complaints.domain.deadlines import Calendar, ReportDays, report_days
from complaints.domain.law.changes import Reading
from complaints.domain.law.rules import LimitRule
from complaints.domain.workflow import Unit
from complaints.models.case import Case
from complaints.models.delivered import DeliveredRow
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
from complaints.services import delivered_data
from complaints.services.audit import log, recorded_rules
from complaints.services.audit.state import table_state, table_subject
from complaints.services.delivered_data import DATA, Conflict
from complaints.services.keyring import Actor
from complaints.services.rule_book import bawaslu_rules, reading

logger = logging.getLogger(__name__)
Row = TypeVar("Row", bound=models.Model)
Delivered = TypeVar("Delivered", bound=DeliveredRow)

# Lifetime of the cache: an edit reaches the other processes after at most this time.
MEMORY_SECONDS = 60
# The month from which the holidays and the joint leave of the next year are known.
LIST_IS_OUT_IN = 10
TABLES: dict[str, type[DeliveredRow]] = {
    "categories": Category,
    "accused_kinds": AccusedKind,
    "sanction_kinds": SanctionKind,
    "provinces": Province,
    "bodies": OversightBody,
    "closed_days": ClosedDay,
    "elections": Election,
    "standard_texts": StandardText,
}


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did: new and updated rows by table, and the columns that the update and an administrator changed.

    ``rules`` says which rules of the law the update and a confirmed change have both altered.
    """

    created: Mapping[str, int]
    updated: Mapping[str, int]
    conflicts: tuple[Conflict, ...]
    rules: Reading


@transaction.atomic
def load(*, now: datetime, overwrite: bool = False, sample: bool = False) -> LoadReport:
    """Bring the files' rows into the tables, column by column, and keep what administrators edited.

    ``overwrite`` puts the files' values over edited ones. ``sample`` adds what only the sample portal has, its earlier
    election. Each table that has changed is recorded, and the digest of the files of rules; the server signs, because
    the command runs at its terminal. Raises DeliveredDataError for a file that does not fit its table.
    """
    log.lock_head()
    created: dict[str, int] = {}
    updated: dict[str, int] = {}
    conflicts: list[Conflict] = []
    for name, model in TABLES.items():
        before = table_state(model) if model._default_manager.exists() else ""
        created[name], updated[name], both_changed = _load_table(name, model, overwrite=overwrite, sample=sample)
        conflicts += both_changed
        facts = {"table": model._meta.model_name or "", "before": before, "state": table_state(model)}
        if facts["state"] != before:
            log.append(event="catalog.changed", now=now, subject=table_subject(model), facts=facts)
    recorded_rules.record_delivered(now=now)
    clear_cache()
    return LoadReport(created, updated, tuple(conflicts), reading(edition()))


def _load_table(
    name: str, model: type[DeliveredRow], *, overwrite: bool, sample: bool
) -> tuple[int, int, list[Conflict]]:
    """Return the numbers of new and of updated rows of a table, and the conflicts."""
    rows = delivered_data.rows_of(name, model, sample)
    existing = model._default_manager.in_bulk(list(rows))
    changed: list[DeliveredRow] = []
    conflicts: list[Conflict] = []
    for code, row in existing.items():
        is_changed, both_changed = delivered_data.merge(name, row, rows[code], overwrite=overwrite)
        changed += [row] if is_changed else []
        conflicts += both_changed
    columns = {column for values in rows.values() for column in values} - {"code"}
    model._default_manager.bulk_update(changed, [*sorted(columns), "delivered"])
    missing = [values for code, values in rows.items() if code not in existing]
    model._default_manager.bulk_create([model(**values, delivered=delivered_data.mark(values)) for values in missing])
    return len(missing), len(changed), conflicts


def conflicts(row: DeliveredRow) -> dict[str, object]:
    """Return the columns that both an update and an administrator changed, with the values of the update."""
    values = delivered_values(row)
    return {fault.column: values[fault.column] for fault in delivered_data.conflicts_of("", row, values)}


def is_edited(row: DeliveredRow) -> bool:
    """Tell whether a row that comes with the program differs from it."""
    values = delivered_values(row).items()
    return any(
        delivered_data.digest_of(getattr(row, column)) != delivered_data.digest_of(value) for column, value in values
    )


def delivered_values(row: DeliveredRow) -> Mapping[str, object]:
    """Return the values of the program's file for a stored row; nothing for a row that was made here."""
    return _delivered_rows(type(row)).get(str(row.pk), {})


def _delivered_rows(model: type[DeliveredRow]) -> Mapping[str, Mapping[str, object]]:
    name = next(name for name, table in TABLES.items() if table is model)
    return delivered_data.rows_of(name, model, sample_mode())


# Grows with each edit in this process.
cache_generation = 0


def clear_cache() -> None:
    """Empty the cache of this process after an edit; the other processes follow within MEMORY_SECONDS."""
    global cache_generation
    cache_generation += 1


def edition() -> tuple[int, int]:
    """Return the cache key of the reference data, for callers that cache what they derive from it."""
    return cache_generation, int(time.monotonic() // MEMORY_SECONDS)


def _cached(read: Callable[[], Iterable[Row]]) -> Callable[[], list[Row]]:
    """Decorate a function without arguments so that its rows are read once for each edition."""
    rows_of = lru_cache(maxsize=1)(lambda edition: tuple(read()))
    return wraps(read)(lambda: list(rows_of(edition())))


# The rows of each table that this process has last read as the chain records them.
_known_rows: dict[type[DeliveredRow], tuple[DeliveredRow, ...]] = {}


def _recorded(model: type[Delivered]) -> Sequence[Delivered]:
    """Return the rows of a table in no order; where they are not as the chain records them, those known before.

    They count the days of deadlines, name bodies to reporters and are put into words to them. A process that has read
    none yet takes those of the program.
    """
    rows = tuple(model._default_manager.all())
    if recorded_rules.is_table_recorded(model):
        _known_rows[model] = rows
        return rows
    logger.error("The table of %s is not as the chain records it and decides nothing", model._meta.model_name)
    known = cast("tuple[Delivered, ...]", _known_rows.get(model, ()))
    return known or [_delivered(model, values) for values in _delivered_rows(model).values()]


def _delivered(model: type[Delivered], values: Mapping[str, object]) -> Delivered:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return model(**{name: fields[name].to_python(value) for name, value in values.items()})


@_cached
def _active_categories() -> Iterable[Category]:
    return sorted((row for row in _recorded(Category) if row.active), key=lambda row: (row.order, row.code))


@lru_cache(maxsize=1)
def urgent_categories(_edition: tuple[int, int]) -> frozenset[str]:
    """Return the codes of the categories with short limits, as the chain records them; read once in each edition."""
    return frozenset(row.code for row in _recorded(Category) if row.priority == "urgent")


def codes_of(case: Case) -> tuple[str, str]:
    """Return the codes of a case's category and kind of accused, each "" where its reports are erased."""
    return case.category_id or "", case.accused_kind_id or ""


def is_urgent(category: str | None) -> bool:
    """Whether a category has short limits, as the chain records it."""
    return category in urgent_categories(edition())


@_cached
def accused_kinds() -> Iterable[AccusedKind]:
    """Return the kinds of accused in order, cached."""
    return sorted(_recorded(AccusedKind), key=lambda row: (row.order, row.code))


@_cached
def provinces() -> Iterable[Province]:
    """Return the provinces in order, cached."""
    return sorted(_recorded(Province), key=lambda row: (row.order, row.name))


@_cached
def elections() -> Iterable[Election]:
    """Return all elections by their first day, cached; as the chain records them (:func:`_recorded`)."""
    return sorted(_recorded(Election), key=lambda row: (row.starts_on, row.code))


@_cached
def _active_texts() -> Iterable[StandardText]:
    return sorted((row for row in _recorded(StandardText) if row.active), key=lambda row: (row.order, row.code))


@lru_cache(maxsize=2)
def _bodies_for(day: date, edition: tuple[int, int]) -> tuple[OversightBody, ...]:
    return tuple(row for row in bodies() if row.task == OversightBody.Task.OVERSIGHT and row.is_valid_on(day))


@lru_cache(maxsize=4)
def _national_days(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Return holidays and joint leave of the year and of those beside it, as the package knows them."""
    years = range(year - 1, year + 2)
    return (
        frozenset(holidays.country_holidays("ID", years=years, categories=("public",))),
        frozenset(holidays.country_holidays("ID", years=years, categories=("government",))),
    )


@lru_cache(maxsize=8)
def _calendar(year: int, _edition: tuple[int, int]) -> Calendar:
    entered: dict[str, set[date]] = {kind: set() for kind in ClosedDay.Kind.values}
    for row in _recorded(ClosedDay):
        if row.active:
            entered[row.kind].add(row.day)
    public, joint_leave = _national_days(year)
    working = entered[ClosedDay.Kind.WORKING]
    voting = entered[ClosedDay.Kind.VOTING] | {row.voting_on for row in elections()}
    return Calendar(
        holidays=(public | entered[ClosedDay.Kind.HOLIDAY]) - working,
        joint_leave=(joint_leave | entered[ClosedDay.Kind.JOINT_LEAVE]) - working,
        voting_days=frozenset(voting - working),
    )


def calendar(year: int) -> Calendar:
    """Return the calendar of offices around a year: the national list, and what staff entered; cached."""
    return _calendar(year, edition())


@lru_cache(maxsize=8)
def _closed_days(year: int, edition: tuple[int, int]) -> frozenset[date]:
    return _calendar(year, edition).closed


def closed_days(year: int) -> frozenset[date]:
    """Return the days around a year on which offices are closed, beside Saturdays and Sundays; cached."""
    # edition(), written out: each step of a case comes here, and its way is counted (bench/paths.py).
    return _closed_days(year, (cache_generation, int(time.monotonic() // MEMORY_SECONDS)))


def year_without_list(today: date) -> int | None:
    """Return this year, or from October on the next one, if no joint leave of it is known; None if all is known.

    The decree on holidays and joint leave of a year comes out in the autumn before. Without it working days are
    counted too early.
    """
    years = [today.year, *([today.year + 1] if today.month >= LIST_IS_OUT_IN else [])]
    return next((year for year in years if not any(day.year == year for day in calendar(year).joint_leave)), None)


@dataclass(frozen=True, slots=True)
class BawasluDays:
    """Until when Bawaslu accepts a report on an act in an election of ``kind`` ("pemilu", "pilkada")."""

    kind: str
    number: int
    unit: str
    days: ReportDays
    rule: LimitRule


def bawaslu_days(*, category: str, act_on: date, known_on: date) -> list[BawasluDays]:
    """Return the days for each kind of election that ran on the day of the act, the earliest safe day first.

    More than one means that the election must be asked for; none that no election of that day is entered, or that
    Bawaslu has nothing to do with the category.
    """
    kinds = {row.kind for row in elections() if row.starts_on <= act_on <= row.ends_on}
    possible = []
    for rule in bawaslu_rules(edition()):
        first, last = rule.period.valid_from or act_on, rule.period.valid_until or act_on
        if rule.number is None or category not in rule.conditions.categories or not first <= act_on <= last:
            continue
        for kind in sorted(kinds & rule.conditions.election):
            days = report_days(known_on, rule.number, Unit(rule.unit), calendar(known_on.year))
            possible.append(BawasluDays(str(kind), rule.number, rule.unit.value, days, rule))
    return sorted(possible, key=lambda item: item.days.safe_day)


def categories(door: str = "") -> list[Category]:
    """Return the active categories for an entrance ("pressed", "witnessed"; "" for both), in order, cached.

    Those of the groups "elsewhere", for which another institution is responsible, and "other" are always included.
    """
    groups = {"pressed": {"pressure"}, "witnessed": {"offline", "online"}}.get(door, {"pressure", "offline", "online"})
    return [row for row in _active_categories() if row.group in groups | {"elsewhere", "other"}]


def category(code: str) -> Category | None:
    """Return an active category by its code, cached; None for an unknown code."""
    return next((row for row in _active_categories() if row.code == code), None)


def accused_kind(code: str) -> AccusedKind | None:
    """Return a kind of accused by its code, cached; None for an unknown code."""
    return next((row for row in accused_kinds() if row.code == code), None)


def standard_texts(moment: str, group: str) -> list[StandardText]:
    """Return the standard texts for an action ("reply" for a message), the category group's before the general ones."""
    rows = [row for row in _active_texts() if row.moment == moment and row.group in ("", group)]
    return sorted(rows, key=lambda row: row.group == "")


def body_for(day: date) -> OversightBody | None:
    """Return the body that oversees neutrality on ``day``, cached; None where none does."""
    return next(iter(_bodies_for(day, edition())), None)


def body_with_team(day: date, teams: Collection[str]) -> OversightBody | None:
    """Return the first body that oversees neutrality on ``day`` whose team is among ``teams`` (slugs), cached."""
    return next((body for body in _bodies_for(day, edition()) if f"body-{body.pk}" in teams), None)


@_cached
def bodies() -> Iterable[OversightBody]:
    """Return all bodies in order, of whatever days, cached."""
    return sorted(_recorded(OversightBody), key=lambda row: (row.order, row.code))


def body_name(code: str) -> str:
    """Return the short name of a body by its code, of an unknown one the code, cached.

    The row that another one names may say anything: these are as the chain records them.
    """
    return next((body.short_name for body in bodies() if body.pk == code), code)


def door(code: str, language: str) -> dict[str, object]:
    """Return the entry of another institution ("bawaslu", "sp4n") in doors.json: name, address, lines.

    Lines name Bawaslu's number of days by kind of election, "{pemilu}" and "{pilkada}": it comes from the rules.
    Keys that end in the suffix of ``language`` ("_en", else "_id") are returned without it.
    """
    return _door(code, language, edition())


@lru_cache(maxsize=8)
def _door(code: str, language: str, edition: tuple[int, int]) -> dict[str, object]:
    text = (DATA / "doors.json").read_text(encoding="utf-8")
    # Of several versions of a rule the one without an end comes first.
    for rule in sorted(bawaslu_rules(edition), key=lambda rule: rule.period.valid_until or date.max, reverse=True):
        for kind in rule.conditions.election:
            text = text.replace(f"{{{kind.value}}}", str(rule.number))
    row = next(row for row in json.loads(text) if row["code"] == code)
    suffix = "_en" if language.startswith("en") else "_id"
    return {key.removesuffix(suffix): value for key, value in row.items() if key.endswith(suffix) or "_" not in key}


def sample_mode() -> bool:
    """Whether this portal holds sample data, which every page then states."""
    return bool(settings.SAMPLE_MODE)


@transaction.atomic
def save_row(*, row: DeliveredRow, actor: Actor) -> None:
    """Save a row that an administrator edited, record it in the audit chain, and empty the cache after the commit.

    Saving settles what an update and an earlier edit had both changed: the saved values are the decision.
    Messages to reporters use these texts, so the entry names who changed which row; it never holds the text.
    """
    # Two administrators may save two rows of a table at once: the second begins after the first's commit.
    log.lock_head()
    table = type(row)
    before = table_state(table) if table._default_manager.exists() else ""
    row.delivered = delivered_data.mark(delivered_values(row))
    row.save()
    facts = {"table": table._meta.model_name or "", "row": str(row.pk), "before": before, "state": table_state(table)}
    actor.record("catalog.changed", subject=table_subject(table), facts=facts)
    transaction.on_commit(clear_cache)
