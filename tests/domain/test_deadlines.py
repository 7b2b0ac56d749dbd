"""Working days, due dates and lateness."""

from collections.abc import Container
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.deadlines import due_date, is_working_day
from complaints.domain.workflow import Limit, Unit

FRIDAY, SATURDAY, MONDAY, TUESDAY = (
    date(2026, 11, 20),
    date(2026, 11, 21),
    date(2026, 11, 23),
    date(2026, 11, 24),
)
DAY = timedelta(days=1)

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31))
numbers = st.integers(min_value=1, max_value=90)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[date, frozenset[date]]:
    """A day and holidays scattered around it, weekends among them."""
    start = draw(days)
    offsets = draw(st.frozensets(st.integers(min_value=-60, max_value=200), max_size=40))
    return start, frozenset(start + DAY * offset for offset in offsets)


def working_days_after(start: date, number: int, holidays: Container[date]) -> date:
    return due_date(start, Limit(number, Unit.WORKING_DAYS, "entered"), holidays)


def working_days_between(start: date, end: date, holidays: frozenset[date]) -> int:
    """The working days after ``start`` up to and with ``end``; negative when ``end`` is earlier."""
    if end < start:
        return -working_days_between(end, start, holidays)
    return sum(is_working_day(start + DAY * offset, holidays) for offset in range(1, (end - start).days + 1))


@pytest.mark.parametrize(
    ("start", "number", "due"),
    [
        (FRIDAY, 0, FRIDAY),
        (FRIDAY, 1, MONDAY),
        (SATURDAY, 1, MONDAY),
        (MONDAY, 1, TUESDAY),
        (MONDAY, 5, date(2026, 11, 30)),
        (MONDAY, 10, date(2026, 12, 7)),
    ],
)
def test_the_start_is_not_counted_and_weekends_are_skipped(start: date, number: int, due: date) -> None:
    assert working_days_after(start, number, frozenset()) == due


def test_weekday_holidays_are_skipped_weekend_holidays_ignored() -> None:
    assert not is_working_day(MONDAY, {MONDAY})
    assert working_days_after(FRIDAY, 1, {MONDAY}) == TUESDAY
    assert working_days_after(FRIDAY, 1, {SATURDAY}) == MONDAY


@pytest.mark.parametrize(
    ("hours", "due"), [(0, FRIDAY), (1, SATURDAY), (24, SATURDAY), (25, SATURDAY + DAY), (72, MONDAY)]
)
def test_hours_are_rounded_up_to_the_day(hours: int, due: date) -> None:
    assert due_date(FRIDAY, Limit(hours, Unit.HOURS, "entered"), {SATURDAY}) == due


def test_calendar_days_run_through_weekends_and_holidays() -> None:
    limit = Limit(7, Unit.CALENDAR_DAYS, "entered")
    assert due_date(FRIDAY, limit, {MONDAY, TUESDAY}) == date(2026, 11, 27)


@pytest.mark.parametrize("unit", list(Unit))
def test_a_negative_limit_is_an_error(unit: Unit) -> None:
    with pytest.raises(ValueError, match="negative"):
        due_date(MONDAY, Limit(-1, unit, "entered"), frozenset())


@given(calendars(), numbers)
def test_deadline_is_a_working_day_and_counts_back_exactly(calendar: tuple[date, frozenset[date]], number: int) -> None:
    start, holidays = calendar
    due = working_days_after(start, number, holidays)
    assert due > start
    assert is_working_day(due, holidays)
    assert working_days_between(start, due, holidays) == number
    assert working_days_between(start, due - DAY, holidays) == number - 1
    assert working_days_between(due, start, holidays) == -number


@given(calendars(), numbers, st.sampled_from(Unit))
def test_due_dates_never_fall_when_start_or_number_rises(
    calendar: tuple[date, frozenset[date]], number: int, unit: Unit
) -> None:
    start, holidays = calendar
    due = due_date(start, Limit(number, unit, "entered"), holidays)
    assert due_date(start + DAY, Limit(number, unit, "entered"), holidays) >= due
    assert due_date(start, Limit(number + 1, unit, "entered"), holidays) >= due
    assert due > start


@given(calendars(), numbers, days)
def test_a_further_holiday_never_shortens_a_limit(
    calendar: tuple[date, frozenset[date]], number: int, other: date
) -> None:
    start, holidays = calendar
    assert working_days_after(start, number, holidays | {other}) >= working_days_after(start, number, holidays)


@given(calendars(), numbers, numbers)
def test_limits_add_up(calendar: tuple[date, frozenset[date]], first: int, other: int) -> None:
    start, holidays = calendar
    halfway = working_days_after(start, first, holidays)
    assert working_days_after(halfway, other, holidays) == working_days_after(start, first + other, holidays)
