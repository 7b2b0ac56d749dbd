"""The sample reports as data: stories, and the plan that varies each into one or more reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).resolve().parent.parent.parent / "data" / "samples"


@dataclass(frozen=True)
class Planned:
    """One sample report: where it shall stand today, how many days ago it came in, what was sent and said."""

    number: int
    status: str
    age: int
    photo: bool
    document: bool
    texts: dict[str, Any]

    def received(self, today: date) -> date:
        """The day on which it came in."""
        return today - timedelta(days=self.age)

    def draft(self, today: date) -> dict[str, Any]:
        """The reporter's answers, as the pages collect them."""
        names = ("door", "accused_kind", "category", "accused_name", "accused_nip", "accused_position", "agency_kind",
                 "agency", "regency", "province", "story", "identity", "name", "contact")  # fmt: skip
        happened = self.received(today) - timedelta(days=self.texts["days_ago_event"])
        return {name: self.texts[name] for name in names} | {
            "accused_unknown": False,
            "event_from": happened.isoformat(),
            "event_until": "",
            "learnt_on": "",
            "links": "\n".join(self.texts["links"]),
            "done": [],
        }


@cache
def planned() -> tuple[Planned, ...]:
    """Return every report of the plan, in the plan's order."""
    stories, plan = (json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")) for name in ("stories", "plan"))
    return tuple(_planned(number, entry, stories[entry["story"]]) for number, entry in enumerate(plan))


def _planned(number: int, entry: dict[str, Any], story: dict[str, Any]) -> Planned:
    texts = _vary(story, entry["variation"])
    if not entry["with_link"]:
        texts["links"] = []
    age = entry["days_ago_received"]
    return Planned(number, entry["status"], age, entry["with_photo"], entry["with_pdf"], texts)


def _vary(story: dict[str, Any], variation: dict[str, Any]) -> dict[str, Any]:
    """Replace words in every text, then whole answers, then put an opening sentence before the story."""

    def swap(value: Any) -> Any:
        if isinstance(value, list):
            return [swap(item) for item in value]
        if isinstance(value, str):
            for old, new in variation["replace"]:
                value = value.replace(old, new)
        return value

    varied: dict[str, Any] = {key: swap(value) for key, value in story.items()} | variation["overrides"]
    varied["story"] = f"{variation['prefix']} {varied['story']}".strip()
    varied["days_ago_event"] += variation["shift_days"]
    return varied
