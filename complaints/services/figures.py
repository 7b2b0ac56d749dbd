"""Figures of the office's work: counts and days of the cases of a list, from clear columns alone.

Each function takes the cases (``access.cases_for``, narrowed), so that a figure never counts a case that its reader may
not find, and the list behind it has as many lines. All work is done by the database: days come back as a histogram,
from which a median is exact.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Final

from django.db.models import Case as Either
from django.db.models import (
    Count,
    DateField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, TruncWeek

from complaints.domain.workflow import OPEN, PROMISED, WITH_AGENCY, WITH_BODY, Action, ActorKind, Status
from complaints.models.case import Case, CaseStep, with_wait
from complaints.models.complaint import Complaint, Message

Cases = QuerySet[Case]
Histogram = Counter[int]
# What a case reaches on its way from a report to a decision, by code: the steps that lead there.
MILESTONES: Final[Mapping[str, frozenset[Action]]] = MappingProxyType(
    {
        "reviewed": frozenset({Action.START_REVIEW}),
        "verified": frozenset({Action.VERIFY}),
        "forwarded": frozenset({Action.FORWARD}),
        "proven": frozenset({Action.SUBSTANTIATE}),
        "recommended": frozenset({Action.AWAIT_AGENCY}),
        "decided": frozenset({Action.SANCTION, Action.NO_SANCTION}),
    }
)
# Whoever has the turn outside of the office, by code: the states in which that is so.
HOLDERS: Final[Mapping[str, frozenset[Status]]] = MappingProxyType(
    {
        "reporter": frozenset({Status.NEEDS_INFORMATION}),
        "body_new": frozenset({Status.FORWARDED}),
        "body_examines": frozenset({Status.UNDER_EXAMINATION}),
        "body_recommends": frozenset({Status.SUBSTANTIATED}),
        "agency": WITH_AGENCY,
    }
)
_HOLDER_OF: Final = {status.value: code for code, statuses in HOLDERS.items() for status in statuses}
_DAY: Final = timedelta(days=1)
# Days in which the steps of an officer count as the work of this week.
WORK_WEEK: Final = timedelta(days=7)


def median(histogram: Mapping[int, int]) -> int | None:
    """Return the lower median of whole days from how often each number of days came up; None of nothing."""
    middle, counted = (sum(histogram.values()) + 1) // 2, 0
    for days in sorted(histogram):
        counted += histogram[days]
        if counted >= middle > 0:
            return days
    return None


def steps_to(milestone: str) -> QuerySet[CaseStep]:
    """Return the steps by which cases reached a milestone, also again after they were opened anew."""
    return CaseStep.objects.filter(action__in=sorted(MILESTONES[milestone]))


def _days(later: F, earlier: F | Coalesce) -> Combinable:
    return ExpressionWrapper(later - earlier, output_field=DurationField())


# --- How far cases came


@dataclass(frozen=True)
class Milestone:
    """How many cases reached it, and the median of days from their receipt until they first did (None: no case)."""

    code: str
    number: int
    days: int | None


def milestones(cases: Cases) -> list[Milestone]:
    """Return the milestones in their order; one query."""
    firsts, codes = [], []
    for code in MILESTONES:
        reached = Q(action__in=sorted(MILESTONES[code]))
        earlier = steps_to(code).filter(case=OuterRef("case"), sequence__lt=OuterRef("sequence"))
        firsts.append(Q(reached, ~Exists(earlier)))
        codes.append(When(reached, then=Value(code)))
    steps = CaseStep.objects.filter(reduce(or_, firsts), case__in=cases).order_by()
    rows = steps.annotate(code=Either(*codes), wait=_days(F("day"), F("case__received_on")))
    histograms: dict[str, Histogram] = {code: Counter() for code in MILESTONES}
    for code, wait, number in rows.values_list("code", "wait").annotate(number=Count("pk")):
        histograms[code][wait // _DAY] += number
    return [Milestone(code, histograms[code].total(), median(histograms[code])) for code in MILESTONES]


def until_end(cases: Cases) -> Histogram:
    """Return the days from receipt to the end of the cases that have ended; one query."""
    ended = cases.exclude(status__in=sorted(OPEN)).order_by()
    rows = ended.annotate(wait=_days(F("status_on"), F("received_on"))).values_list("wait")
    return Counter({wait // _DAY: number for wait, number in rows.annotate(number=Count("pk"))})


def ages(cases: Cases, today: date) -> Histogram:
    """Return for how many days the open cases have been here; one query."""
    rows = cases.filter(status__in=sorted(OPEN)).order_by().values_list("received_on").annotate(number=Count("pk"))
    return Counter({(today - received).days: number for received, number in rows})


def standings(cases: Cases) -> Counter[tuple[str, str | None]]:
    """Return how many cases stand in each status with each lead body (its code, None without one); one query."""
    rows = cases.order_by().values_list("status", "lead_body").annotate(number=Count("pk"))
    return Counter({(status, body): number for status, body, number in rows})


def by_category(cases: Cases) -> Counter[str]:
    """Return how many cases each category has, by code; those whose reports are erased have none. One query."""
    rows = cases.filter(category__isnull=False).order_by().values_list("category").annotate(number=Count("pk"))
    return Counter(dict(rows))


def by_province_and_week(cases: Cases) -> dict[str | None, Counter[date]]:
    """Return by province (its code, None where none was given) how many cases came in the week of each Monday."""
    rows = cases.order_by().annotate(week=TruncWeek("received_on")).values_list("province", "week")
    numbers: dict[str | None, Counter[date]] = {}
    for province, week, number in rows.annotate(number=Count("pk")):
        numbers.setdefault(province, Counter())[week] += number
    return numbers


# --- Promises of the office, and how long others take


@dataclass(frozen=True)
class Promise:
    """How the office kept its promise in one state.

    ``turns`` cases had the promise end by a step or late now, ``missed`` of them had a step after its day at least
    once, ``late_now`` are past it and wait still.
    """

    status: str
    turns: int
    missed: int
    late_now: int
    kept: int

    @property
    def share(self) -> int | None:
        """The share of turns that were in time, in per cent; None without a turn."""
        return 100 * self.kept // self.turns if self.turns else None


def promises(cases: Cases, today: date) -> list[Promise]:
    """Return how the promises of the office were kept, what is late now counting as missed; two queries."""
    steps = CaseStep.objects.filter(case__in=cases, was_late__isnull=False, source__in=sorted(PROMISED)).order_by()
    numbers = steps.values_list("source").annotate(
        every=Count("case", distinct=True), late=Count("case", distinct=True, filter=Q(was_late=True))
    )
    answered = {source: (every, late) for source, every, late in numbers}
    earlier = CaseStep.objects.filter(case=OuterRef("pk"), source=OuterRef("status"), was_late__isnull=False)
    was_late = Exists(earlier.filter(was_late=True))
    overdue = cases.filter(status__in=sorted(PROMISED), due_on__lt=today).order_by()
    marked = overdue.annotate(had_turn=Exists(earlier), had_missed=was_late)
    late: dict[str, Counter[str]] = {}
    for status, had_turn, had_missed, number in marked.values_list("status", "had_turn", "had_missed").annotate(
        number=Count("pk")
    ):
        counts = late.setdefault(status, Counter())
        counts["now"] += number
        counts["new"] += 0 if had_turn else number
        counts["turned_late"] += number if had_turn and not had_missed else 0
    return list(_promises(answered, late))


def _promises(answered: Mapping[str, tuple[int, int]], late: Mapping[str, Counter[str]]) -> Iterator[Promise]:
    for status in (status.value for status in Status if status in PROMISED):
        every, missed = answered.get(status, (0, 0))
        counts = late.get(status, Counter())
        kept = every - missed - counts["turned_late"]
        yield Promise(status, every + counts["new"], missed, counts["now"], kept)


@dataclass(frozen=True)
class Wait:
    """For how many days others hold cases: those that wait now, and those whose wait has ended."""

    holder: str
    body: str | None
    waiting: Histogram
    ended: Histogram


def waits(cases: Cases, today: date) -> list[Wait]:
    """Return how long others hold cases, by holder and, where it is a body's turn, by body; two queries."""
    waiting: dict[tuple[str, str | None], Histogram] = {}
    now = with_wait(cases.filter(status__in=sorted(_HOLDER_OF))).order_by()
    groups = now.values_list("status", "lead_body", "waiting_since").annotate(number=Count("pk"))  # type: ignore[misc]
    for status, body, since, number in groups:
        waiting.setdefault(_held_by(status, body), Counter())[(today - since).days] += number
    ended: dict[tuple[str, str | None], Histogram] = {}
    for source, body, wait, number in _ended_waits(cases):
        ended.setdefault(_held_by(source, body), Counter())[max(wait // _DAY, 0)] += number
    order = list(HOLDERS)
    keys = sorted(waiting.keys() | ended.keys(), key=lambda key: (order.index(key[0]), key[1] or ""))
    return [Wait(*key, waiting.get(key, Counter()), ended.get(key, Counter())) for key in keys]


def _held_by(status: str, body: str | None) -> tuple[str, str | None]:
    return _HOLDER_OF[status], body if status in WITH_BODY else None


def _ended_waits(cases: Cases) -> Iterable[tuple[str, str | None, timedelta, int]]:
    """Return the waits that a step ended: the state, the body, how long it lasted, and how often that was so.

    A step that leaves a case where it stands ends no wait, and an agency's begins with the recommendation.
    """
    before = CaseStep.objects.filter(case=OuterRef("case"), sequence__lt=OuterRef("sequence")).order_by("-sequence")
    entered = before.filter(target=OuterRef("source")).exclude(source=F("target")).values("day")[:1]
    asked = before.filter(action=Action.AWAIT_AGENCY).values("day")[:1]
    begun = Either(
        When(source__in=sorted(WITH_AGENCY), then=Subquery(asked)),
        default=Subquery(entered),
        output_field=DateField(),
    )
    ending = CaseStep.objects.filter(case__in=cases, source__in=sorted(_HOLDER_OF))
    ending = ending.exclude(source=F("target")).exclude(action=Action.MARK_OVERDUE).order_by()
    # The body that had it when the step was taken: the step before left the case with it.
    body = before.values("body")[:1]
    rows = ending.annotate(had=Subquery(body), wait=_days(F("day"), Coalesce(begun, F("case__received_on"))))
    return rows.values_list("source", "had", "wait").annotate(number=Count("pk"))


# --- Who reports, and who works


def by_channel(cases: Cases) -> Counter[str]:
    """Return how many cases have a report that came by each channel; one query."""
    reports = Complaint.objects.filter(case__in=cases).order_by().values_list("channel")
    return Counter(dict(reports.annotate(number=Count("case", distinct=True))))


def written_again(cases: Cases) -> Cases:
    """Narrow cases to those whose reporter wrote at least once after the report."""
    return cases.filter(Exists(Message.objects.from_reporter().filter(complaint__case=OuterRef("pk"))))


@dataclass(frozen=True)
class Workload:
    """The open cases of one officer (None: nobody's), how many are late, and the officer's steps on open cases.

    The steps are those of the last seven days, today included.
    """

    person: uuid.UUID | None
    held: int
    late: int
    steps: int


def workloads(cases: Cases, today: date) -> list[Workload]:
    """Return who holds the open cases, whoever holds most first; two queries."""
    late = Q(status__in=sorted(PROMISED), due_on__lt=today)
    held = cases.filter(status__in=sorted(OPEN)).order_by().values_list("assignee")
    numbers = {
        person: (every, late) for person, every, late in held.annotate(every=Count("pk"), late=Count("pk", filter=late))
    }
    taken = CaseStep.objects.filter(case__in=cases, actor_kind=ActorKind.STAFF, day__gt=today - WORK_WEEK).order_by()
    steps = dict(taken.values_list("actor").annotate(number=Count("pk")))
    people = sorted(
        numbers.keys() | steps.keys(), key=lambda key: (key is None, -numbers.get(key, (0, 0))[0], str(key))
    )
    return [Workload(person, *numbers.get(person, (0, 0)), steps.get(person, 0)) for person in people]
