"""The desk's numbers and small charts, from few and bounded queries, at any number of cases.

Every number comes from the same narrowing as the list that it leads to, and ends counting at a cap: what lies beyond
would cost much and tell an officer nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Count, IntegerField, Q, QuerySet, Subquery
from django.db.models.functions import TruncWeek
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints import access
from complaints.admin.base import COUNT_AT_MOST
from complaints.domain.workflow import OPEN
from complaints.models.case import Case, Transition
from complaints.models.team import Staff

WEEKS: Final = 8
WEEK_AT_MOST: Final = 5000
# Days: from, up to and with; the last is open.
AGES: Final = ((0, 7), (8, 14), (15, 30), (31, None))
HEIGHT: Final = 80
STEP: Final = 40


class Capped(Subquery):
    """How many rows a query has, up to the limit that it carries."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) capped)"
    output_field = IntegerField()


def capped(rows: QuerySet[Any], most: int = COUNT_AT_MOST) -> Capped:
    """Count no further than one more than ``most``, which stands for "more"."""
    return Capped(rows.order_by().values("pk")[: most + 1])


def counted(person: Staff, wanted: dict[str, Capped]) -> dict[str, int]:
    """Return all counts in one query."""
    row: Any = Staff.objects.filter(pk=person.pk).values(**wanted).get()
    return {name: int(number) for name, number in row.items()}


@dataclass(frozen=True)
class Bar:
    """One bar: what it stands for, its words, and where it is drawn (view box units)."""

    label: str
    words: str
    x: int
    y: int
    height: int
    middle: int
    short: str
    value: str

    @property
    def above(self) -> int:
        """Where the number stands."""
        return self.y - 3


@dataclass(frozen=True)
class Chart:
    """A chart with its sentence for who does not see it; the table beneath has the same rows."""

    code: str
    title: str
    heads: tuple[str, str]
    bars: list[Bar]
    width: int = 8 * STEP
    height: int = HEIGHT + 34


def _chart(
    code: str, title: str, heads: tuple[str, str], rows: list[tuple[str, str, int, str]], most: int, unit: str = ""
) -> Chart:
    """Draw rows of (label, short label, value, words) as bars below ``most``; each says its number above it."""
    bars = []
    for place, (label, short, value, words) in enumerate(rows):
        tall = round(HEIGHT * min(value, most) / most) if most else 0
        x = place * STEP
        bars.append(
            Bar(label, words, x + 5, 14 + HEIGHT - tall, tall, x + STEP // 2, short, f"{value}{unit}" if value else "")
        )
    return Chart(code, title, heads, bars, width=max(1, len(rows)) * STEP)


def _weeks(today: date) -> list[date]:
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def wanted(person: Staff, today: date) -> dict[str, Capped]:
    """Return the counts that the charts of intake and of age need."""
    cases: QuerySet[Case] = access.cases_for(person)
    found = {}
    for number, monday in enumerate(_weeks(today)):
        span = cases.filter(received_on__gte=monday, received_on__lt=monday + timedelta(weeks=1))
        found[f"week_{number}"] = capped(span, WEEK_AT_MOST)
    for number, (first, last) in enumerate(AGES):
        span = cases.filter(status__in=sorted(OPEN), received_on__lte=today - timedelta(days=first))
        if last is not None:
            span = span.filter(received_on__gte=today - timedelta(days=last))
        found[f"age_{number}"] = capped(span)
    return found


def charts(person: Staff, today: date, numbers: dict[str, int]) -> list[Chart]:
    """Return the charts: intake, age of open cases, and the share of steps taken in time."""
    return [_intake(today, numbers), _ages(numbers), _punctuality(person, today)]


def _or_more(number: int, most: int) -> str:
    return str(number) if number <= most else f"{most}+"


def _intake(today: date, numbers: dict[str, int]) -> Chart:
    rows = []
    for number, monday in enumerate(_weeks(today)):
        value = numbers[f"week_{number}"]
        label = _("week of %(day)s") % {"day": date_format(monday, "j M Y")}
        rows.append((label, date_format(monday, "j/n"), value, _or_more(value, WEEK_AT_MOST)))
    most = max(value for _label, _short, value, _words in rows)
    return _chart("intake", _("Cases received per week"), (_("Week"), _("Cases")), rows, most)


def _ages(numbers: dict[str, int]) -> Chart:
    rows = []
    for place, (first, last) in enumerate(AGES):
        value = numbers[f"age_{place}"]
        span = f"{first}–{last}" if last is not None else f"≥ {first}"
        label = ngettext("%(span)s day", "%(span)s days", last or 2) % {"span": span}
        rows.append((label, span, value, _or_more(value, COUNT_AT_MOST)))
    most = max(value for _label, _short, value, _words in rows)
    return _chart("age", _("Age of open cases"), (_("Age"), _("Cases")), rows, most)


def _punctuality(person: Staff, today: date) -> Chart:
    """How many of the office's steps that ended a deadline came in time, week by week; one query by the day's index."""
    weeks = _weeks(today)
    steps = Transition.objects.filter(day__gte=weeks[0], was_late__isnull=False)
    steps = steps.filter(case__is_practice=person.practising).exclude(case__in=access.conflicted_cases(person))
    grouped = steps.order_by().annotate(week=TruncWeek("day")).values("week")
    sums = grouped.annotate(every=Count("pk"), late=Count("pk", filter=Q(was_late=True)))
    by_week = {row["week"]: (row["every"], row["late"]) for row in sums}
    rows = []
    for monday in weeks:
        every, late = by_week.get(monday, (0, 0))
        share = round(100 * (every - late) / every) if every else 0
        said = {"share": share, "number": every - late, "every": every}
        words = _("%(share)d%% (%(number)d of %(every)d)") % said if every else _("nothing was due")
        label = _("week of %(day)s") % {"day": date_format(monday, "j M Y")}
        rows.append((label, date_format(monday, "j/n"), share, words))
    return _chart("punctual", _("Answered in time, per week"), (_("Week"), _("In time")), rows, 100, "%")
