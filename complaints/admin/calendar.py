"""Where the election stands today, in words; the calendar itself is reference data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from complaints.models.reference_data import Election
from complaints.services import reference_data

# What begins on a day of an election's calendar, in order.
_STAGES = {
    "starts_on": gettext_lazy("Preparation: there are prospective candidates, none is settled yet"),
    "candidates_on": gettext_lazy("Candidates are settled, the campaign has not begun"),
    "campaign_from": gettext_lazy("Campaign"),
    "quiet": gettext_lazy("Quiet days before voting"),
    "voting_on": gettext_lazy("Voting"),
    "counting": gettext_lazy("Counting and disputes"),
}
_NEXT = {
    "starts_on": gettext_lazy("preparation begins"),
    "candidates_on": gettext_lazy("candidates are settled"),
    "campaign_from": gettext_lazy("the campaign begins"),
    "quiet": gettext_lazy("the quiet days begin"),
    "voting_on": gettext_lazy("voting"),
    "counting": gettext_lazy("counting begins"),
    "over": gettext_lazy("the election ends"),
}


@dataclass(frozen=True)
class Stage:
    """The stage of one election: what it is today, what comes next and when; ``days`` until then."""

    election: Election
    name: str
    words: str
    next_words: str
    next_on: date | None
    days: int


def stage(today: date) -> Stage | None:
    """Return the stage of the election that runs today, else of the next one; None where none is known."""
    ahead = [one for one in reference_data.elections() if one.ends_on >= today]
    return _stage(min(ahead, key=lambda one: (one.starts_on, one.code)), today) if ahead else None


def _stage(election: Election, today: date) -> Stage:
    begins = [
        ("starts_on", election.starts_on),
        ("candidates_on", election.candidates_on),
        ("campaign_from", election.campaign_from),
        ("quiet", election.campaign_until + timedelta(days=1)),
        ("voting_on", election.voting_on),
        ("counting", election.voting_on + timedelta(days=1)),
        ("over", election.ends_on + timedelta(days=1)),
    ]
    # Quiet days that do not exist begin with the voting and are passed over.
    now = [code for code, day in begins if day <= today]
    ahead = [(code, day) for code, day in begins if day > today]
    code, day = ahead[0]
    words = str(_STAGES[now[-1]]) if now else _("It has not begun")
    name = election.name_en if (get_language() or "id").startswith("en") else election.name_id
    return Stage(election, name, words, str(_NEXT[code]), day, (day - today).days)
