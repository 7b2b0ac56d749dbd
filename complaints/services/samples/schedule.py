"""The days on which the steps of a sample case are performed, so that it has the planned status today.

Days are counted from the receipt of the report. Transitions of the system (an unanswered question, an agency that did
not act) are no steps here: they follow from the deadlines.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

Steps = list[tuple[str, int]]
REPORTERS: Final = frozenset({"send", "answer", "withdraw"})
_ASKED: Steps = [("start", 1), ("ask", 1), ("answer", 2), ("reply", 3)]
_RELEASED: Steps = [*_ASKED, ("verify", 3), ("forward", 4), ("take_up", 7)]
_PROVEN: Steps = [*_RELEASED, ("substantiate", 14), ("await", 15)]


def _received(age: int, odd: bool) -> Steps:
    return []


def _in_review(age: int, odd: bool) -> Steps:
    return [*_ASKED[:3], ("note", 3)] if odd and age >= 4 else [("start", 1), ("note", 1)]


def _needs_information(age: int, odd: bool) -> Steps:
    if age >= 11:
        return [("start", 1), ("verify", 2), ("forward", 3), ("take_up", 5), ("ask_for_body", 7)]
    return [("start", 1), ("note", 1), ("ask", 3)]


def _verified(age: int, odd: bool) -> Steps:
    return [*_ASKED, ("verify", 3)] if age >= 5 else [("start", 1), ("note", 1), ("verify", min(2, age - 1))]


def _forwarded(age: int, odd: bool) -> Steps:
    first: Steps = [("start", 1), ("verify", 2), ("forward", 3)]
    return [*first, ("return", 5), ("note", 5), ("verify", 6), ("forward", 7)] if age >= 9 else first


def _under_examination(age: int, odd: bool) -> Steps:
    asked: Steps = [("start", 1), ("note", 1), ("verify", 2), ("forward", 3), ("take_up", 6)]
    return [*asked, ("ask_for_body", 8), ("answer", 9)] if odd else _RELEASED


def _substantiated(age: int, odd: bool) -> Steps:
    return [*_RELEASED, ("substantiate", age - 2)]


def _unsubstantiated(age: int, odd: bool) -> Steps:
    return [*_RELEASED, ("dismiss", 22)]


def _awaiting(age: int, odd: bool) -> Steps:
    return [*_RELEASED, ("substantiate", age - 14), ("await", age - 13)]


def _overdue(age: int, odd: bool) -> Steps:
    return _PROVEN


def _sanctioned(age: int, odd: bool) -> Steps:
    return [*_PROVEN, ("sanction", age - 4 if age >= 57 else 28)]


def _referred(age: int, odd: bool) -> Steps:
    return [("start", 1), ("note", 1), ("refer", 2)]


def _proposed(age: int, odd: bool) -> Steps:
    return [*_ASKED, ("propose", age - 1)] if age >= 5 else [("start", 1), ("note", 1), ("propose", age - 1)]


def _ineligible(age: int, odd: bool) -> Steps:
    # The oldest case becomes ineligible by the deadline: its question is never answered.
    return [("start", 1), ("ask", 2)] if age >= 28 else [*_ASKED, ("propose", 4), ("confirm", 6)]


def _withdrawn(age: int, odd: bool) -> Steps:
    if age >= 20:
        return [("start", 1), ("verify", 2), ("withdraw", 4)]
    return [("start", 1), ("note", 1), ("withdraw", 3)] if odd else [("withdraw", 1)]


_STEPS_OF_STATUS: Final[dict[str, Callable[[int, bool], Steps]]] = {
    "received": _received,
    "in_review": _in_review,
    "needs_information": _needs_information,
    "verified": _verified,
    "forwarded": _forwarded,
    "under_examination": _under_examination,
    "substantiated": _substantiated,
    "unsubstantiated": _unsubstantiated,
    "awaiting_agency": _awaiting,
    "overdue_agency": _overdue,
    "sanctioned": _sanctioned,
    "referred": _referred,
    "ineligible_proposed": _proposed,
    "ineligible": _ineligible,
    "withdrawn": _withdrawn,
}


def schedule(*, status: str, age: int, number: int, today: date) -> list[tuple[str, date]]:
    """Return the steps of a case that was received ``age`` days ago, in order, each with its day.

    Args:
        status: the status of the case today.
        number: the number of the report; odd ones may take other steps to the same status.

    Staff work on weekdays: a step of staff on a weekend is moved to the Friday before, but not before the step before.
    """
    received = today - timedelta(days=age)
    days = [("send", received)]
    for step, after in _STEPS_OF_STATUS[status](age, number % 2 == 1):
        day = received + timedelta(days=after)
        if step not in REPORTERS:
            day -= timedelta(days=max(0, day.weekday() - 4))
        days.append((step, max(day, days[-1][1])))
    return days
