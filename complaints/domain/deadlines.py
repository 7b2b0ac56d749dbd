"""Arithmetic of days for the time limits of the workflow.

It guards promise 9: the deadline that a reporter is given is the one that staff work by. It reads no clock and knows
no calendar: the caller passes the day and the holidays.
"""

from collections.abc import Container
from datetime import date, timedelta
from typing import Final

from complaints.domain.workflow import Limit, Unit

# Bawaslu accepts a report within 7 days after the reporter learnt of the act. For a general election these are working
# days (law: UU 7/2017 art. 454 (6)); for elections of regional heads every day counts (practice; domain.md 4).
BAWASLU_DAYS: Final = 7
BAWASLU_UNITS: Final = {"pemilu": Unit.WORKING_DAYS, "pilkada": Unit.CALENDAR_DAYS}

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_HOURS_A_DAY: Final = 24


def is_working_day(day: date, holidays: Container[date]) -> bool:
    """Return whether ``day`` is a working day: Monday to Friday and no holiday."""
    return day.weekday() < _SATURDAY and day not in holidays


def add_working_days(start: date, number: int, holidays: Container[date]) -> date:
    """Return the ``number``-th working day after ``start``, which is not counted (0: ``start``); raises ValueError."""
    if number < 0:
        raise ValueError("a limit cannot be negative")
    day = start
    while number:
        day += _DAY
        number -= day.weekday() < _SATURDAY and day not in holidays
    return day


def subtract_working_days(end: date, number: int, holidays: Container[date]) -> date:
    """Return the last day from which at least ``number`` working days lie up to and with ``end`` (0: ``end``)."""
    day = end
    while number > 0:
        number -= is_working_day(day, holidays)
        day -= _DAY
    return day


def due_date(start: date, limit: Limit, holidays: Container[date]) -> date:
    """Return the last day of a limit; ``start`` is the day of the event that starts it.

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


def bawaslu_due(learnt_on: date, kind: str, holidays: Container[date]) -> date:
    """Return the last day on which Bawaslu accepts a report of an act that the reporter learnt of on ``learnt_on``.

    ``kind`` of the election is "pemilu" or "pilkada"; for any other value every day counts, which is never too late.
    """
    unit = BAWASLU_UNITS.get(kind, Unit.CALENDAR_DAYS)
    return due_date(learnt_on, Limit(BAWASLU_DAYS, unit, "entered"), holidays)
