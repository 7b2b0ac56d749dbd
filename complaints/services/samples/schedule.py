"""The days on which the steps of a sample case are performed, so that it has the planned status today.

Days are counted from the receipt of the report. The transition of the system (an agency that did not act) is no
step here: it follows from the deadline.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

Steps = list[tuple[str, int]]
REPORTERS: Final = frozenset({"send", "answer", "withdraw", "retaliated", "object", "rate"})
# What happens besides, by the number of the report: its reporter is transferred, and a check-in is due today.
_BESIDES: Final[dict[int, Steps]] = {8: [("retaliated", 8), ("read", 9), ("inform", 9), ("protect", 10)]}
_ASKED: Steps = [("start", 1), ("ask", 1), ("answer", 2), ("reply", 3)]
_RELEASED: Steps = [*_ASKED, ("verify", 3), ("forward", 4), ("take_up", 7)]
_HEARD: Steps = [*_RELEASED, ("hear", 12)]
_PROVEN: Steps = [*_HEARD, ("substantiate", 14), ("await", 15)]


def _steps(status: str, age: int, *, odd: bool) -> Steps:
    """Return the steps to ``status`` with the days after the receipt on which they are performed."""
    noted: Steps = [("start", 1), ("note", 1)]
    forwarded: Steps = [("start", 1), ("verify", 2), ("forward", 3)]
    examined: Steps = [*noted, ("verify", 2), ("forward", 3), ("take_up", 6), ("ask_for_body", 8), ("answer", 9)]
    objected: Steps = [*noted, ("propose", 1), ("confirm", 2), ("object", 3)]
    proposed: Steps = [*_HEARD, ("propose_proven", 13)]
    asked_by_body: Steps = [*forwarded, ("take_up", 5), ("ask_for_body", 7)]
    forwarded_again: Steps = [*forwarded, ("return", 5), ("note", 5), ("verify", 6), ("forward", 7)]
    withdrawn_early: Steps = [*noted, ("withdraw", 3)] if odd else [("withdraw", 1)]
    steps: dict[str, Steps] = {
        "received": [],
        "in_review": [*_ASKED[:3], ("note", 3)] if odd and age >= 4 else objected if age == 4 else noted,
        "needs_information": asked_by_body if age >= 11 else [*noted, ("ask", 3)],
        "verified": [*_ASKED, ("verify", 3)] if age >= 5 else [*noted, ("verify", min(2, age - 1))],
        "forwarded": forwarded_again if age >= 9 else forwarded,
        "under_examination": examined if odd else proposed if age >= 15 else _RELEASED,
        "substantiated": [*_HEARD, ("substantiate", age - 2)],
        "unsubstantiated": [*_RELEASED, ("dismiss", 22), ("rate", 24)],
        "awaiting_agency": [*_HEARD, ("substantiate", age - 14), ("await", age - 13)],
        "overdue_agency": _PROVEN,
        "sanctioned": [*_PROVEN, ("sanction", age - 4 if age >= 57 else 28)],
        "not_sanctioned": [*_PROVEN, ("no_sanction", 30)],
        "referring": [*noted, ("prepare", 2)],
        "delivered": [*noted, ("prepare", 2), ("deliver", 5)],
        "referred": [*noted, ("refer", 2)],
        "ineligible_proposed": [*(_ASKED if age >= 5 else noted), ("propose", age - 1)],
        "ineligible": [*_ASKED, ("propose", 4), ("confirm", 6), ("object", 8), ("propose", 9), ("confirm_again", 13)],
        "resting": [("start", 1), ("ask", 1), ("rest", age - 2)],
        "withdrawn": [*forwarded[:2], ("withdraw", 4)] if age >= 20 else withdrawn_early,
    }
    return steps[status]


def schedule(*, status: str, age: int, number: int, today: date) -> list[tuple[str, date]]:
    """Return the steps of a case that was received ``age`` days ago, in order, each with its day.

    Args:
        status: the status of the case today.
        number: the number of the report; odd ones may take other steps to the same status.

    Staff work on weekdays: a step of staff on a weekend is moved to the Friday before, but not before the step before.
    """
    received = today - timedelta(days=age)
    days = [("send", received)]
    steps = [*_steps(status, age, odd=number % 2 == 1), *_BESIDES.get(number, [])]
    for step, after in sorted(steps, key=lambda item: item[1]):
        day = received + timedelta(days=after)
        if step not in REPORTERS:
            day -= timedelta(days=max(0, day.weekday() - 4))
        days.append((step, max(day, days[-1][1])))
    return days
