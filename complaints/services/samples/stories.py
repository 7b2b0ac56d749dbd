"""The sample reports as data: stories, and a plan that varies each story into one or more reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from complaints.services.submission import Draft

# The texts and numbers of a story or of its variation, as the JSON files of DATA hold them.
Texts: TypeAlias = dict[str, Any]
DATA: Final = Path(__file__).resolve().parent.parent.parent / "data" / "samples"


@dataclass(frozen=True)
class Planned:
    """A sample report: its status today, its age in days, its files, and all its texts by name.

    ``as_of`` is the day as of which a case of the earlier election is played; None for today.
    """

    number: int
    status: str
    age: int
    photo: bool
    document: bool
    texts: Texts
    as_of: date | None = None

    def received(self, today: date) -> date:
        """Return the day on which the report is received."""
        return (self.as_of or today) - timedelta(days=self.age)

    def draft(self, today: date) -> Draft:
        """Return the reporter's answers as an unfinished report."""
        names = ("door", "accused_kind", "category", "accused_name", "accused_nip", "accused_position", "agency_kind",
                 "agency", "regency", "province", "story", "identity", "name", "contact")  # fmt: skip
        event_day = self.received(today) - timedelta(days=self.texts["days_ago_event"])
        answers = {name: self.texts[name] for name in names} | {
            "accused_unknown": False,
            "event_from": event_day.isoformat(),
            "event_until": "",
            "learnt_on": "",
            "links": "\n".join(self.texts["links"]),
            "done": [],
        }
        return cast(Draft, answers)


@cache
def planned() -> tuple[Planned, ...]:
    """Return all sample reports, in the order of the plan."""
    stories, plan = (json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")) for name in ("stories", "plan"))
    return tuple(_planned(number, entry, stories[entry["story"]]) for number, entry in enumerate(plan))


def _planned(number: int, entry: Texts, story: Texts) -> Planned:
    texts = _vary(story, entry["variation"])
    if not entry["with_link"]:
        texts["links"] = []
    age = entry["days_ago_received"]
    as_of = date.fromisoformat(entry["as_of"]) if "as_of" in entry else None
    return Planned(number, entry["status"], age, entry["with_photo"], entry["with_pdf"], texts, as_of)


def _vary(story: Texts, variation: Texts) -> Texts:
    """Return the texts of a story with words replaced, answers overridden, and an opening sentence prefixed."""

    def replace_words(value: object) -> object:
        if isinstance(value, list):
            return [replace_words(item) for item in value]
        if isinstance(value, str):
            for old, new in variation["replace"]:
                value = value.replace(old, new)
        return value

    varied: Texts = {key: replace_words(value) for key, value in story.items()} | variation["overrides"]
    varied["story"] = f"{variation['prefix']} {varied['story']}".strip()
    varied["days_ago_event"] += variation["shift_days"]
    return varied
