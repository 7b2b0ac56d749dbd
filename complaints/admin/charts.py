"""The charts of the dashboard: what came in, how old open cases are, and how many steps came in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints import access
from complaints.admin.base import COUNT_AT_MOST, capped_count, or_more
from complaints.domain.workflow import OPEN
from complaints.fast_sql import CappedCount
from complaints.models.case import Case, CaseStep
from complaints.models.team import Staff

WEEKS: Final = 8
BAR_STEP: Final = 40
BAR_HEIGHT: Final = 80
WEEK_COUNT_AT_MOST: Final = 5000
# Days since receipt: from, up to and including; the last span is open.
AGES: Final = ((0, 7), (8, 14), (15, 30), (31, None))


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: what it stands for, its value in words, and where it is drawn (units of the view box)."""

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
        """The y of the number above the bar."""
        return self.y - 3


@dataclass(frozen=True)
class Chart:
    """A bar chart; the table beneath it has the same rows, with ``heads`` as headings, for who does not see it."""

    code: str
    title: str
    heads: tuple[str, str]
    bars: list[Bar]
    width: int = 8 * BAR_STEP
    height: int = BAR_HEIGHT + 34


def _chart(
    code: str, title: str, heads: tuple[str, str], rows: list[tuple[str, str, int, str]], most: int, unit: str = ""
) -> Chart:
    """Draw rows of (label, short label, value, words) as bars, ``most`` the highest; each says its number above it."""
    bars = []
    for place, (label, short, value, words) in enumerate(rows):
        height = round(BAR_HEIGHT * min(value, most) / most) if most else 0
        x = place * BAR_STEP
        bars.append(
            Bar(
                label=label,
                words=words,
                x=x + 5,
                y=14 + BAR_HEIGHT - height,
                height=height,
                middle=x + BAR_STEP // 2,
                short=short,
                value=f"{value}{unit}" if value else "",
            )
        )
    return Chart(code, title, heads, bars, width=max(1, len(rows)) * BAR_STEP)


def _weeks(today: date) -> list[date]:
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def chart_counts(person: Staff, today: date) -> dict[str, CappedCount]:
    """Return the counts that the charts of intake and of age need."""
    cases: QuerySet[Case] = access.cases_for(person)
    counts = {}
    for number, monday in enumerate(_weeks(today)):
        span = cases.filter(received_on__gte=monday, received_on__lt=monday + timedelta(weeks=1))
        counts[f"week_{number}"] = capped_count(span, WEEK_COUNT_AT_MOST)
    for number, (first, last) in enumerate(AGES):
        span = cases.filter(status__in=sorted(OPEN), received_on__lte=today - timedelta(days=first))
        if last is not None:
            span = span.filter(received_on__gte=today - timedelta(days=last))
        counts[f"age_{number}"] = capped_count(span)
    return counts


def intake_chart(today: date, numbers: dict[str, int]) -> Chart:
    """Draw how many cases came in, week by week; ``numbers`` are those of :func:`chart_counts`."""
    rows = []
    for number, monday in enumerate(_weeks(today)):
        value = numbers[f"week_{number}"]
        label = _("week of %(day)s") % {"day": date_format(monday, "j M Y")}
        rows.append((label, date_format(monday, "j/n"), value, or_more(value, WEEK_COUNT_AT_MOST)))
    most = max(value for _label, _short, value, _words in rows)
    return _chart("intake", _("Cases received per week"), (_("Week"), _("Cases")), rows, most)


def age_chart(numbers: dict[str, int]) -> Chart:
    """Draw how old open cases are; ``numbers`` are those of :func:`chart_counts`."""
    rows = []
    for place, (first, last) in enumerate(AGES):
        value = numbers[f"age_{place}"]
        span = f"{first}–{last}" if last is not None else f"≥ {first}"
        label = ngettext("%(span)s day", "%(span)s days", last or 2) % {"span": span}
        rows.append((label, span, value, or_more(value, COUNT_AT_MOST)))
    most = max(value for _label, _short, value, _words in rows)
    return _chart("age", _("Age of open cases"), (_("Age"), _("Cases")), rows, most)


def punctuality_chart(person: Staff, today: date, still_late: int) -> Chart:
    """Chart how many of the office's deadlines were met, week by week.

    The cases that are late and still open (``still_late``) count in this week: they ended no deadline yet, and its
    share would look better without them.
    """
    weeks = _weeks(today)
    steps = CaseStep.objects.filter(day__gte=weeks[0], was_late__isnull=False)
    # Steps of inquiries say nothing of it: their was_late is empty.
    steps = steps.filter(case__is_practice=person.practising, case__held_by=access.report_team(person))
    steps = steps.exclude(case__in=access.conflicted_cases(person))
    grouped = steps.order_by().annotate(week=TruncWeek("day")).values("week")
    sums = grouped.annotate(every=Count("pk"), late=Count("pk", filter=Q(was_late=True)))
    by_week = {row["week"]: (row["every"], row["late"]) for row in sums}
    rows = []
    for monday in weeks:
        every, late = by_week.get(monday, (0, 0))
        if monday == weeks[-1]:
            every, late = every + still_late, late + still_late
        share = round(100 * (every - late) / every) if every else 0
        facts = {"share": share, "number": every - late, "every": every}
        words = _("%(share)d%% (%(number)d of %(every)d)") % facts if every else _("nothing was due")
        label = _("week of %(day)s") % {"day": date_format(monday, "j M Y")}
        rows.append((label, date_format(monday, "j/n"), share, words))
    return _chart("punctual", _("Answered in time, per week"), (_("Week"), _("In time")), rows, 100, "%")
