"""Arithmetic of days: working days, the last day of a limit, and the days of Bawaslu.

It guards promise 9: the deadline that a reporter is given is the one that staff work by. It reads no clock and knows
no calendar: the caller passes the day, and the days on which offices are closed.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from complaints.domain.workflow import Limit, Unit

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_HOURS_A_DAY: Final = 24


def is_working_day(day: date, closed: Container[date]) -> bool:
    """Return whether ``day`` is a working day: Monday to Friday, and offices are not ``closed``."""
    return day.weekday() < _SATURDAY and day not in closed


def subtract_working_days(end: date, number: int, closed: Container[date]) -> date:
    """Return the last day from which at least ``number`` working days lie up to and with ``end`` (0: ``end``)."""
    day = end
    while number > 0:
        number -= is_working_day(day, closed)
        day -= _DAY
    return day


def due_date(start: date, limit: Limit, closed: Container[date]) -> date:
    """Return the last day of a limit; the day after ``start`` is day 1 (0: ``start``).

    Hours are rounded up to the calendar day: only the day of the start is known here, and 24 hours from any
    time of a day end on the next. Calendar days and hours run through weekends and holidays. Raises
    ValueError for a negative limit.
    """
    if limit.number < 0:
        raise ValueError("a limit cannot be negative")
    if limit.unit is not Unit.WORKING_DAYS:
        days = limit.number if limit.unit is Unit.CALENDAR_DAYS else -(-limit.number // _HOURS_A_DAY)
        return start + days * _DAY
    day, left = start, limit.number
    while left:
        day += _DAY
        left -= day.weekday() < _SATURDAY and day not in closed
    return day


# --- The calendar of offices, and the days of Bawaslu


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which offices are closed, apart from Saturdays and Sundays.

    ``holidays`` are national holidays, ``joint_leave`` days of *cuti bersama*, ``voting_days`` days on which people
    vote; a voting day that is a holiday may also stand in ``holidays``.
    """

    holidays: frozenset[date]
    joint_leave: frozenset[date]
    voting_days: frozenset[date]

    @property
    def closed(self) -> frozenset[date]:
        """All days on which offices are closed."""
        return self.holidays | self.joint_leave | self.voting_days

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work: a weekday that is no holiday, no joint leave and no voting day."""
        return is_working_day(day, self.closed)

    def is_open_day(self, day: date) -> bool:
        """Tell whether Bawaslu receives reports: on working days, and on a voting day."""
        return day in self.voting_days or self.is_working_day(day)

    def counts_in_shortest_reading(self, day: date) -> bool:
        """Tell whether a day counts if joint leave and voting days are working days of Bawaslu."""
        return day.weekday() < _SATURDAY and not self._is_holiday(day)

    def _is_holiday(self, day: date) -> bool:
        return day in self.holidays and day not in self.voting_days


@dataclass(frozen=True, slots=True)
class ReportDays:
    """Until when Bawaslu accepts a report.

    ``last_day``: the day after the day of knowing is day 1. ``safe_day``: the last open day under the shortest
    reading. ``office_day``: the last open day before a ``last_day`` that is closed, else None.
    """

    last_day: date
    safe_day: date
    office_day: date | None


def last_day_of(start: date, number: int, unit: Unit, calendar: Calendar) -> date:
    """Return the last day of a limit by a calendar; see :func:`due_date`."""
    return due_date(start, Limit(number, unit, "entered"), calendar.closed)


def report_days(known_on: date, number: int, unit: Unit, calendar: Calendar) -> ReportDays:
    """Return the days of Bawaslu for somebody who learnt of an act on ``known_on``."""
    last_day = last_day_of(known_on, number, unit, calendar)
    closed = not calendar.is_open_day(last_day)
    return ReportDays(
        last_day=last_day,
        safe_day=_open_until(_shortest(known_on, number, unit, calendar), calendar),
        office_day=_open_until(last_day, calendar) if closed else None,
    )


def _shortest(known_on: date, number: int, unit: Unit, calendar: Calendar) -> date:
    """Return the last day if the day of knowing is day 1 and every doubtful day counts."""
    if unit is Unit.CALENDAR_DAYS:
        return known_on + (number - 1) * _DAY
    day, counted = known_on, int(calendar.counts_in_shortest_reading(known_on))
    while counted < number:
        day += _DAY
        counted += calendar.counts_in_shortest_reading(day)
    return day


def _open_until(day: date, calendar: Calendar) -> date:
    while not calendar.is_open_day(day):
        day -= _DAY
    return day


def months_before(day: date, months: int) -> date:
    """Return the same day of an earlier month, or that month's last day where it has no such day."""
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + (day.day - 1) * _DAY, first_of_next - _DAY)
