"""Which bodies are competent on a day, and which of them can open what is forwarded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from complaints.models.oversight import OversightBody
from complaints.services import reference_data
from complaints.services.team_key_history import UnpinnedKey, pinned_team

# Time to set a body up: its people, their accounts, and a team with keys of its own.
BODY_ENDS_WITHIN: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class OversightGap:
    """No body oversees neutrality after ``last_on``, its last day, which has passed already where it ``is_over``."""

    last_on: date | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of a day: those with a team whose key is pinned, and those that only a letter reaches."""

    with_team: list[OversightBody]
    by_letter: list[OversightBody]


def bodies_on(day: date) -> Bodies:
    """Return the bodies that are competent on a day, in their order."""
    bodies = Bodies([], [])
    for body in filter(lambda row: row.is_valid_on(day), reference_data.bodies()):
        try:
            pinned_team(f"body-{body.pk}")
        except UnpinnedKey:
            bodies.by_letter.append(body)
        else:
            bodies.with_team.append(body)
    return bodies


def oversight_gap(today: date) -> OversightGap | None:
    """Return when the task of overseeing neutrality ends without a body that follows; None while that is far off."""
    rows = [row for row in reference_data.bodies() if row.task == OversightBody.Task.OVERSIGHT]
    is_over = not any(row.is_valid_on(today) for row in rows)
    if not is_over and any(row.is_valid_on(today + BODY_ENDS_WITHIN) for row in rows):
        return None
    last_days = [row.valid_until for row in rows if row.valid_from and row.valid_from <= today and row.valid_until]
    return OversightGap(max(last_days, default=None), is_over)
