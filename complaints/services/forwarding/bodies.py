"""Which bodies are competent on a day, and which of them can open what is forwarded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from complaints.models.oversight import OversightBody
from complaints.services import reference_data
from complaints.services.team_key_history import UnpinnedKey, pinned_team


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
