"""Judging of dated facts by the rules that were in force.

A level of sanction and a crime are judged by the law of the day of the act, a penalty by the milder law where the law
says so, bodies by the day of handling, Bawaslu's days by the day on which the reporter learnt of the act.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Generic, TypeVar

from complaints.domain.deadlines import Calendar, ReportDays, last_day_of, months_before, report_days
from complaints.domain.law.facts import Facts
from complaints.domain.law.rules import (
    Basis,
    BodyRule,
    Conditions,
    CrimeRule,
    LimitRule,
    PenaltyRule,
    RouteRule,
    Rule,
    RuleBook,
    SanctionRule,
)
from complaints.domain.law.vocabulary import (
    STATABLE,
    Answer,
    Body,
    Circumstance,
    Gap,
    Level,
    LimitUnit,
    Promisor,
    Stage,
)
from complaints.domain.workflow import Unit

AnyRule = TypeVar("AnyRule", bound=Rule)

BAWASLU_REPORT: Final = "bawaslu_report"
REPLACEMENT_WINDOW: Final = "replacement_window"
# Limits of the workflow alone, and no answer of the law: they stand in for another one, or run for no report.
OWN_REMINDERS: Final = frozenset({"urgent forwarding", "agency reminder", "inquiry answered"})
# The milder law applies to an act that came before it.
MILDER: Final = Basis("KUHP", "Pasal 3 ayat (1)")


@dataclass(frozen=True, slots=True)
class Applied(Generic[AnyRule]):
    """A rule that fits. ``matched`` names the conditions that the facts fulfil, ``missing`` those nobody has said."""

    rule: AnyRule
    matched: frozenset[str]
    missing: frozenset[str]

    @property
    def certain(self) -> bool:
        """Whether the rule applies by what is known, and not only possibly."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class CrimeAnswer:
    """Whether the act as told is a crime. ``penalty`` is the version that applies, None where the answer is no."""

    applied: Applied[CrimeRule]
    basis: tuple[Basis, ...]
    penalty: PenaltyRule | None


@dataclass(frozen=True, slots=True)
class Route:
    """Who examines, punishes and may also receive the case on the day of handling, as bodies that exist then."""

    applied: Applied[RouteRule]
    finds: Body | None
    punishes: tuple[Body, ...]
    also: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class BawasluReport:
    """Until when a report to Bawaslu is possible; ``passed`` if the last day lies before the day of handling."""

    rule: LimitRule
    days: ReportDays
    passed: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """A limit that runs; ``last_day`` is None where no limit is known.

    ``closed_days`` are the days on the way on which offices are shut: none of them may be promised.
    """

    rule: LimitRule
    start: date
    last_day: date | None
    closed_days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Judgment:
    """What the rules say of the facts.

    ``crimes`` and ``routes`` begin with those that apply only if something unsaid is so; the last one is certain.
    ``bawaslu`` is None where no report to Bawaslu is possible. ``status_unknown_then`` if the status of the accused did
    not exist on the day of the act.
    """

    sanctions: tuple[Applied[SanctionRule], ...]
    crimes: tuple[CrimeAnswer, ...]
    routes: tuple[Route, ...]
    bawaslu: BawasluReport | None
    clocks: tuple[Clock, ...]
    gaps: frozenset[Gap]
    never_show: tuple[str, ...]
    never_levels: frozenset[Level]
    status_unknown_then: bool

    @property
    def crime(self) -> CrimeAnswer | None:
        """The answer by what is known."""
        return self.crimes[-1] if self.crimes else None

    @property
    def route(self) -> Route | None:
        """The route by what is known."""
        return self.routes[-1] if self.routes else None

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of sanction that are possible, each once, in the order of the rules."""
        return tuple(dict.fromkeys(applied.rule.level for applied in self.sanctions))


def judge(facts: Facts, rules: RuleBook, calendar: Calendar) -> Judgment:
    """Return what the rules say of the facts; every part names the rules that it rests on."""
    facts = _with_window(facts, rules)
    bawaslu = _bawaslu_report(facts, rules, calendar)
    clocks = _clocks(facts, rules, calendar)
    facts = _with_waiting(facts, bawaslu, clocks)
    sanctions = _fitting(rules.sanctions, facts)
    crimes = tuple(_answer(applied, facts, rules) for applied in _until_certain(rules.crimes, facts))
    routes = tuple(_route(applied, facts, rules.bodies) for applied in _until_certain(rules.routes, facts))
    telling = [
        *(applied.rule for applied in sanctions if applied.certain),
        *(crime.applied.rule for crime in crimes[-1:]),
        *(route.applied.rule for route in routes[-1:]),
        *(crime.penalty for crime in crimes[-1:] if crime.penalty),
        *(applied.rule for applied in _fitting(rules.cautions, facts) if applied.certain),
        *(clock.rule for clock in clocks),
    ]
    return Judgment(
        sanctions=sanctions,
        crimes=crimes,
        routes=routes,
        bawaslu=bawaslu,
        clocks=clocks,
        gaps=frozenset[Gap]().union(*(rule.gaps for rule in telling), _no_level(facts, sanctions)),
        never_show=tuple(dict.fromkeys(words for rule in telling for words in rule.never_show)),
        never_levels=_never_levels(telling, sanctions),
        status_unknown_then=any(
            rule.status is facts.status and facts.act_on not in rule.period for rule in rules.statuses
        ),
    )


def fit(conditions: Conditions, facts: Facts) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return which conditions the facts fulfil and which nobody has said; None if one is not fulfilled."""
    if not _handled_then(facts.handled_on, conditions):
        return None
    matched, missing = [], []
    for name, answer in _answers(conditions, facts):
        if answer is False:
            return None
        if answer is None:
            missing.append(name)
        elif answer:
            matched.append(name)
    return frozenset(matched), frozenset(missing)


def _answers(conditions: Conditions, facts: Facts) -> Iterator[tuple[str, _Answer]]:
    """Yield each condition with its answer, those first that exclude most rules."""
    yield "category", _among(facts.category, conditions.categories)
    yield "status", _among(facts.status, conditions.status)
    yield "election", _among(facts.election, conditions.election)
    yield "accused", _among(facts.accused, conditions.accused)
    yield "stage", _stage_fits(facts.stages, conditions.stage)
    yield "harm", _among(facts.harm, conditions.harm)
    yield "post", _among(facts.post, conditions.post)
    yield "agency_rule", _among(facts.agency_rule or "unknown", conditions.agency_rule)
    yield "circumstances", _circumstances_fit(facts, conditions)


# The answer of a condition that admits everything: it is neither fulfilled nor missing.
_ANYTHING: Final = ""
_Answer = bool | str | None


def _among(value: object, admitted: Set[object]) -> _Answer:
    if not admitted:
        return _ANYTHING
    return None if value is None else value in admitted


def _stage_fits(stages: frozenset[Stage], admitted: frozenset[Stage]) -> _Answer:
    if not admitted:
        return _ANYTHING
    return not stages.isdisjoint(admitted) if stages else None


def _circumstances_fit(facts: Facts, conditions: Conditions) -> _Answer:
    if not conditions.has and not conditions.lacks:
        return _ANYTHING
    known = facts.derived | (facts.circumstances or frozenset())
    if not conditions.lacks.isdisjoint(known):
        return False
    absent = conditions.has - known
    unsaid = STATABLE if facts.circumstances is None else facts.unsaid
    if absent - unsaid:
        return False
    return None if absent else True


def _handled_then(day: date, conditions: Conditions) -> bool:
    return (conditions.handled_from or date.min) <= day <= (conditions.handled_until or date.max)


def _fitting(rules: Iterable[AnyRule], facts: Facts) -> tuple[Applied[AnyRule], ...]:
    """Return the rules that were valid on the day of the act and fit, in order."""
    applied = []
    for rule in rules:
        answer = fit(rule.conditions, facts) if facts.act_on in rule.period else None
        if answer is not None:
            applied.append(Applied(rule, *answer))
    return tuple(applied)


def _until_certain(rules: Iterable[AnyRule], facts: Facts) -> tuple[Applied[AnyRule], ...]:
    """Return the fitting rules up to and with the first that applies by what is known."""
    fitting = _fitting(rules, facts)
    last = next((place for place, applied in enumerate(fitting) if applied.certain), len(fitting))
    return fitting[: last + 1]


def _with(facts: Facts, circumstance: Circumstance) -> Facts:
    return replace(facts, derived=facts.derived | {circumstance})


def _with_window(facts: Facts, rules: RuleBook) -> Facts:
    """State whether the act lies in the time before the confirmation in which officials must not be replaced."""
    for applied in _fitting(rules.limits, facts):
        limit = applied.rule
        if limit.what == REPLACEMENT_WINDOW and limit.number is not None and facts.candidates_on is not None:
            opens_on = months_before(facts.candidates_on, limit.number)
            return _with(facts, Circumstance.REPLACEMENT_WINDOW) if facts.act_on >= opens_on else facts
    return facts


def _with_waiting(facts: Facts, bawaslu: BawasluReport | None, clocks: Sequence[Clock]) -> Facts:
    if bawaslu is not None and bawaslu.passed:
        facts = _with(facts, Circumstance.BAWASLU_PASSED)
    waiting = {Promisor.AGENCY: Circumstance.WAITING_AGENCY, Promisor.BODY: Circumstance.WAITING_BODY}
    for clock in clocks:
        if clock.rule.promisor in waiting:
            facts = _with(facts, waiting[clock.rule.promisor])
    return facts


def _bawaslu_report(facts: Facts, rules: RuleBook, calendar: Calendar) -> BawasluReport | None:
    limits = [item.rule for item in _fitting(rules.limits, facts) if item.rule.what == BAWASLU_REPORT and item.certain]
    if not limits or limits[0].number is None or facts.known_on is None:
        return None
    days = report_days(facts.known_on, limits[0].number, Unit(limits[0].unit), calendar)
    return BawasluReport(limits[0], days, passed=days.last_day < facts.handled_on)


def _clocks(facts: Facts, rules: RuleBook, calendar: Calendar) -> tuple[Clock, ...]:
    outside = {BAWASLU_REPORT, REPLACEMENT_WINDOW, *OWN_REMINDERS}
    limits = [item.rule for item in _fitting(rules.limits, facts) if item.rule.what not in outside]
    return tuple(_clock(rule, facts.starts[rule.start], calendar) for rule in limits if rule.start in facts.starts)


def _clock(rule: LimitRule, start: date, calendar: Calendar) -> Clock:
    if rule.number is None:
        return Clock(rule, start, None, ())
    last_day = last_day_of(start, rule.number, Unit(rule.unit), calendar)
    days = (start + timedelta(days=number) for number in range((last_day - start).days + 1))
    skipped = () if rule.unit is not LimitUnit.WORKING_DAYS else days
    return Clock(rule, start, last_day, tuple(day for day in skipped if not calendar.is_working_day(day)))


def _answer(applied: Applied[CrimeRule], facts: Facts, rules: RuleBook) -> CrimeAnswer:
    rule = applied.rule
    if rule.answer is Answer.NO:
        return CrimeAnswer(applied, rule.basis, None)
    penalty, is_later = _penalty_for(rule.offence, facts, rules.penalties)
    added = penalty.basis if penalty else ()
    return CrimeAnswer(applied, (*rule.basis, *added, *((MILDER,) if is_later else ())), penalty)


def _penalty_for(offence: str, facts: Facts, penalties: Iterable[PenaltyRule]) -> tuple[PenaltyRule | None, bool]:
    """Return the version of the day of the act or a milder one in force on the day of handling, and which it is."""
    versions = sorted(
        (rule for rule in penalties if rule.code == offence), key=lambda rule: rule.period.valid_from or date.min
    )
    then = next((rule for rule in versions if facts.act_on in rule.period), None)
    later = [
        rule
        for rule in versions
        if rule.milder and facts.act_on < (rule.period.valid_from or date.min) <= facts.handled_on
    ]
    return (later[-1], True) if later else (then, False)


def _route(applied: Applied[RouteRule], facts: Facts, bodies: Sequence[BodyRule]) -> Route:
    def on_the_day(body: Body) -> Body:
        return body_on(body, facts.handled_on, bodies)

    rule = applied.rule
    finds = on_the_day(rule.finds) if rule.finds else None
    return Route(applied, finds, tuple(map(on_the_day, rule.punishes)), tuple(map(on_the_day, rule.also)))


def body_on(task: Body, day: date, bodies: Sequence[BodyRule]) -> Body:
    """Return which body holds a task on a day; the task itself where no dated body is known for it."""
    return next(
        (
            rule.body
            for rule in bodies
            if rule.task is task and rule.period.valid_from is not None and day in rule.period
        ),
        task,
    )


def _no_level(facts: Facts, sanctions: Sequence[Applied[SanctionRule]]) -> frozenset[Gap]:
    elsewhere = facts.category.startswith("D")
    return frozenset() if sanctions or elsewhere else frozenset({Gap.LEVEL})


def _never_levels(telling: Iterable[Rule], sanctions: Iterable[Applied[SanctionRule]]) -> frozenset[Level]:
    shown = {applied.rule.level for applied in sanctions}
    return frozenset(level for rule in telling for level in rule.never_levels) - shown
