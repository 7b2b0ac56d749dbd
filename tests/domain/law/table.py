"""The rules as they are delivered, and the calendar that the tests judge by; no database."""

import json
from datetime import date
from pathlib import Path

import holidays

from complaints.domain.deadlines import Calendar
from complaints.domain.law.reading import TABLES, read_rules

LAW = Path(__file__).resolve().parents[3] / "complaints" / "data" / "law"
RULES = read_rules({name: json.loads((LAW / f"{name}.json").read_text(encoding="utf-8")) for name in TABLES})
CLOSED = json.loads((LAW.parent / "catalog" / "closed_days.json").read_text(encoding="utf-8"))
YEARS = range(2021, 2029)
CALENDAR = Calendar(
    holidays=frozenset(holidays.country_holidays("ID", years=YEARS, categories=("public",))),
    joint_leave=frozenset(holidays.country_holidays("ID", years=YEARS, categories=("government",))),
    # The last is the voting day of the sample election.
    voting_days=frozenset({*(date.fromisoformat(row["day"]) for row in CLOSED), date(2027, 1, 27)}),
)
