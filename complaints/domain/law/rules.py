"""The rows of the rule table: conditions, validity, what a rule says, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from complaints.domain.law.vocabulary import (
    AccusedKind,
    Answer,
    Body,
    Circumstance,
    ElectionKind,
    Gap,
    Handler,
    Harm,
    Level,
    LimitUnit,
    Mark,
    Penalty,
    Post,
    Promisor,
    ServiceStatus,
    Stage,
    Start,
)


@dataclass(frozen=True, slots=True)
class Basis:
    """An article of a law, as a lawyer cites it; ``law`` is empty where the article is a remark."""

    law: str
    article: str

    def __str__(self) -> str:
        return f"{self.law} {self.article}".strip()


@dataclass(frozen=True, slots=True)
class Conditions:
    """For which facts a rule holds; an empty set admits every value."""

    categories: frozenset[str] = frozenset()
    accused: frozenset[AccusedKind] = frozenset()
    status: frozenset[ServiceStatus] = frozenset()
    election: frozenset[ElectionKind] = frozenset()
    stage: frozenset[Stage] = frozenset()
    harm: frozenset[Harm] = frozenset()
    post: frozenset[Post] = frozenset()
    agency_rule: frozenset[str] = frozenset()
    has: frozenset[Circumstance] = frozenset()
    lacks: frozenset[Circumstance] = frozenset()
    handled_from: date | None = None
    handled_until: date | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Days from and until, both included; None leaves a side open."""

    valid_from: date | None
    valid_until: date | None

    def __contains__(self, day: date) -> bool:
        starts_by = self.valid_from is None or self.valid_from <= day
        return starts_by and (self.valid_until is None or day <= self.valid_until)

    def overlaps(self, other: Period) -> bool:
        """Tell whether a day lies in both."""
        return (self.valid_from or date.min) <= (other.valid_until or date.max) and (other.valid_from or date.min) <= (
            self.valid_until or date.max
        )


@dataclass(frozen=True, slots=True)
class Review:
    """Who of the lawyers signed a rule and when ("" and None: nobody yet), and when it is due again."""

    by: str
    on: date | None
    due: date


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text was seen."""

    code: str
    text: str
    where: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every row of the table has.

    ``period`` is of days of the act. ``never_show`` are words that would be wrong on the page of a case to which the
    rule applies, ``never_levels`` levels that would be wrong unless another rule gives them, ``gaps`` what no legal
    basis was found for.
    """

    code: str
    conditions: Conditions
    period: Period
    basis: tuple[Basis, ...]
    quotation: str
    sources: tuple[str, ...]
    mark: Mark
    note: str
    never_show: tuple[str, ...]
    never_levels: frozenset[Level]
    gaps: frozenset[Gap]
    review: Review

    @property
    def basis_text(self) -> str:
        """The articles, as one line."""
        return "; ".join(map(str, self.basis))


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionRule(Rule):
    """Which level of sanction the law gives, and to whom it applies (None: to nobody in the civil service)."""

    level: Level
    applies_to: ServiceStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrimeRule(Rule):
    """Whether an act falls under an offence; ``offence`` names its row of penalties, "" where the answer is no."""

    answer: Answer
    offence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyRule(Rule):
    """What an offence is punished with in a period; ``basis`` is what this version adds to the articles of the crime.

    ``milder`` says that this version favours the accused against the one before it, so that it also holds for earlier
    acts that are handled once it is in force (the basis is MILDER in judgment.py).
    """

    words: str
    kinds: frozenset[Penalty]
    handler: Handler
    milder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule(Rule):
    """Who examines, who punishes, and who else may receive a case."""

    finds: Body | None
    punishes: tuple[Body, ...]
    also: tuple[Body, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule(Rule):
    """A limit; ``number`` is None where none is known. ``domain.workflow`` names it by its code."""

    what: str
    number: int | None
    unit: LimitUnit
    start: Start
    promisor: Promisor


@dataclass(frozen=True, slots=True, kw_only=True)
class CautionRule(Rule):
    """Words that must not be shown and gaps, for facts that no other rule speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRule(Rule):
    """A body with its task; ``period`` is of days of handling, and without a first day the body does not exist yet."""

    body: Body
    task: Body
    name: str
    short_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRule(Rule):
    """A status of employment and from which day it exists."""

    status: ServiceStatus


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules of the law, in the order of the files: among routes and among crimes the first that fits decides."""

    sources: dict[str, Source]
    sanctions: tuple[SanctionRule, ...]
    crimes: tuple[CrimeRule, ...]
    penalties: tuple[PenaltyRule, ...]
    routes: tuple[RouteRule, ...]
    limits: tuple[LimitRule, ...]
    cautions: tuple[CautionRule, ...]
    bodies: tuple[BodyRule, ...]
    statuses: tuple[StatusRule, ...]
