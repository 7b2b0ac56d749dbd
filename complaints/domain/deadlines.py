"""Arithmetic of days for the limits of the workflow.

It guards promise 9, that the deadline told to a reporter is the one that staff work by. Any layer may call
it. It reads no clock and knows no calendar: the day and the holidays are handed in.
"""

from collections.abc import Container
from datetime import date, timedelta
from typing import Final

from complaints.domain.workflow import Limit, Unit

# Bawaslu takes a report within 7 days of the reporter's learning of it: law: UU 7/2017 art. 454 (6) counts working
# days for a general election, practice in elections of regional heads counts every day (domain.md 4).
BAWASLU_DAYS: Final = 7
BAWASLU_UNITS: Final = {"pemilu": Unit.WORKING_DAYS, "pilkada": Unit.CALENDAR_DAYS}

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_HOURS_A_DAY: Final = 24


def is_working_day(day: date, holidays: Container[date]) -> bool:
    """Tell whether offices work on ``day``: Monday to Friday and no holiday."""
    return day.weekday() < _SATURDAY and day not in holidays


def add_working_days(start: date, number: int, holidays: Container[date]) -> date:
    """Return the ``number``-th working day after ``start``, which itself is not counted (0: ``start``).

    Raises ValueError for a negative number.
    """
    if number < 0:
        raise ValueError("a limit cannot be negative")
    day = start
    while number:
        day += _DAY
        number -= is_working_day(day, holidays)
    return day


def subtract_working_days(end: date, number: int, holidays: Container[date]) -> date:
    """Return the last day from which at least ``number`` working days lie up to and with ``end`` (0: ``end``)."""
    day = end
    while number > 0:
        number -= is_working_day(day, holidays)
        day -= _DAY
    return day


def due_date(start: date, limit: Limit, holidays: Container[date]) -> date:
    """Return the last day on which a limit is still kept; ``start`` is the day of the event that starts it.

    Hours are rounded up to the calendar day: only the day of the start is known here, and 24 hours from any
    time of a day end on the next. Calendar days and hours run through weekends and holidays. Raises
    ValueError for a negative limit.
    """
    if limit.unit is Unit.WORKING_DAYS:
        return add_working_days(start, limit.number, holidays)
    if limit.number < 0:
        raise ValueError("a limit cannot be negative")
    days = limit.number if limit.unit is Unit.CALENDAR_DAYS else -(-limit.number // _HOURS_A_DAY)
    return start + days * _DAY


def working_days_between(start: date, end: date, holidays: Container[date]) -> int:
    """Count the working days after ``start`` up to and with ``end``; negative when ``end`` is earlier."""
    if end < start:
        return -working_days_between(end, start, holidays)
    days = (start + _DAY * offset for offset in range(1, (end - start).days + 1))
    return sum(is_working_day(day, holidays) for day in days)


def is_late(today: date, due: date) -> bool:
    """Tell whether a limit has passed: the due day itself is still in time."""
    return today > due


def days_left(today: date, due: date, *, unit: Unit, holidays: Container[date]) -> int:
    """Return the days until ``due``, counted as the limit counts them: 0 on the last day, negative after it.

    In working days a limit that ended on Friday is 0 days over on Saturday; ``is_late`` says that it is over.
    """
    if unit is Unit.WORKING_DAYS:
        return working_days_between(today, due, holidays)
    return (due - today).days


def bawaslu_due(learnt_on: date, kind: str, holidays: Container[date]) -> date:
    """Return the last day on which Bawaslu takes a report of something learnt on ``learnt_on``.

    Args:
        kind: the election's, "pemilu" or "pilkada"; another one counts every day, which is never too late.
    """
    unit = BAWASLU_UNITS.get(kind, Unit.CALENDAR_DAYS)
    return due_date(learnt_on, Limit(BAWASLU_DAYS, unit, "entered"), holidays)
