"""The calendar of offices: national list, what staff entered, and the dates of cases over a year of closed days."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from pathlib import Path

import pytest

from complaints import checks
from complaints.domain.deadlines import ReportDays, report_days
from complaints.domain.workflow import AGENCY_REMINDER, LIMITS, URGENT_LIMITS, Status, Unit
from complaints.models.audit import AuditEntry
from complaints.models.reference_data import ClosedDay, Election
from complaints.services import reference_data, transitions
from complaints.services.keyring import Actor
from tests.rules import actor
from tests.world import Cast, at, send_report

TUESDAY = date(2026, 3, 17)
DOMAIN = Path(__file__).resolve().parents[1] / "domain" / "law"
VIGNETTES = json.loads((DOMAIN / "vignettes.json").read_text(encoding="utf-8"))["vignettes"]


def due(status: Status, day: date, *, urgent: bool = False) -> date | None:
    return transitions.due_date(status, received_on=day, entered_on=day, source=Status.RECEIVED, urgent=urgent)


def closed(day: date, kind: ClosedDay.Kind, **values: object) -> ClosedDay:
    return ClosedDay(code=f"{kind}-{day}", day=day, kind=kind, name="Hari", source="Keppres", **values)


@pytest.mark.parametrize(
    ("came", "first_look", "verified"),
    [
        # Day of Silence and Lebaran 2026: 18 and 20 March, 23 and 24 March are joint leave.
        (date(2026, 3, 17), date(2026, 3, 25), date(2026, 3, 27)),
        (date(2026, 3, 24), date(2026, 3, 25), date(2026, 3, 27)),
        # Joint leave of Ascension and of Idul Adha.
        (date(2026, 5, 13), date(2026, 5, 18), date(2026, 5, 20)),
        (date(2026, 5, 26), date(2026, 5, 29), date(2026, 6, 3)),
        # Christmas: 24 December is joint leave.
        (date(2026, 12, 23), date(2026, 12, 28), date(2026, 12, 30)),
        # 5 January 2027 is the ascension of the Prophet.
        (date(2026, 12, 31), date(2027, 1, 4), date(2027, 1, 7)),
        # A voting day: 27 January 2027 of the sample election.
        (date(2027, 1, 26), date(2027, 1, 28), date(2027, 2, 1)),
    ],
)
def test_no_day_off_is_promised(cast: Cast, came: date, first_look: date, verified: date) -> None:
    assert send_report(today=came).case.due_on == first_look
    assert due(Status.IN_REVIEW, came) == verified
    answer = due(Status.NEEDS_INFORMATION, TUESDAY)
    assert answer == date(2026, 4, 8), "ten working days over Lebaran"
    assert due(Status.AWAITING_AGENCY, TUESDAY) == date(2026, 4, 14)


# Weekdays off in 2026 and 2027, written down by hand from SKB 3 Menteri 1497/2/5 of 2025 for 2026; for 2027, whose
# decree was not seen, from the calendar library. A plus marks joint leave.
OFF = """
2026: 01-01 01-16 +02-16 02-17 +03-18 03-19 +03-20 +03-23 +03-24 04-03 05-01 05-14 +05-15 05-27 +05-28 06-01 06-16
2026: 08-17 08-25 +12-24 12-25
2027: 01-01 01-05 +02-05 03-08 +03-09 03-10 03-11 +03-12 +03-15 +03-25 03-26 05-06 05-17 +05-18 +05-19 05-20 06-01
2027: 08-17 +12-24
"""
VOTING = date(2027, 1, 27)


def _counts() -> tuple[list[date], list[date], list[date]]:
    """Return working days, days that count in Bawaslu's shortest reading, and days on which it is open, in order."""
    off: dict[date, bool] = {}
    for line in OFF.split("\n")[1:-1]:
        year, days = line.split(": ")
        off |= {date.fromisoformat(f"{year}-{day.lstrip('+')}"): day.startswith("+") for day in days.split()}
    weekdays = [day for n in range(900) if (day := date(2026, 1, 1) + timedelta(days=n)).weekday() < 5]
    working = [day for day in weekdays if day not in off and day != VOTING]
    return working, [day for day in weekdays if off.get(day, True)], sorted([*working, VOTING])


def test_every_limit_of_two_years_is_counted_twice(cast: Cast) -> None:
    """Day by day, over two Lebaran, two Christmas and a voting day, each limit agrees with a count by other means."""
    working, short, open_days = _counts()
    working_days = {"first-look": 1, "verified-or-asked": 3, "reporter-answer": 10, "letter-delivery": 3} | {
        "second-decision": 1, "forward": 1, "body-examination": 14, "body-recommendation": 1, AGENCY_REMINDER: 14,
        "inquiry-answer": 3,
    }  # fmt: skip
    calendar_days = {"body-verification": 7, "forward-urgent": 1}
    assert {*working_days, *calendar_days} == {*LIMITS.values(), *URGENT_LIMITS.values()}
    wrong = []
    for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(700)):
        after = bisect_right(working, day)
        for urgent, names in ((False, LIMITS), (True, URGENT_LIMITS)):
            expected = {
                status: working[after + working_days[name] - 1]
                if name in working_days
                else day + timedelta(days=calendar_days[name])
                for status, name in names.items()
            }
            wrong += [(day, status) for status, end in expected.items() if due(status, day, urgent=urgent) != end]
        calendar, known = reference_data.calendar(day.year), bisect_left(short, day)
        for unit, last, safe in (
            (Unit.WORKING_DAYS, working[after + 6], short[known + 6]),
            (Unit.CALENDAR_DAYS, day + timedelta(days=7), day + timedelta(days=6)),
        ):
            found = report_days(day, 7, unit, calendar)
            before = {end: open_days[bisect_right(open_days, end) - 1] for end in (last, safe) if end >= open_days[0]}
            if safe in before:  # no day before the list begins
                office = None if before[last] == last else before[last]
                wrong += [(day, unit)] * (found != ReportDays(last, before[safe], office))
    assert wrong == []


def test_entered_days_move_promises_and_are_recorded(cast: Cast) -> None:
    adi = Actor(cast.ring("adi"), at(date(2026, 11, 30)))
    before = due(Status.RECEIVED, date(2026, 12, 1))
    assert before == date(2026, 12, 2)
    row = closed(date(2026, 12, 2), ClosedDay.Kind.VOTING)
    reference_data.save_row(row=row, actor=adi)
    reference_data.clear_cache()
    assert due(Status.RECEIVED, date(2026, 12, 1)) == date(2026, 12, 3)
    assert reference_data.calendar(2026).is_open_day(date(2026, 12, 2)), "Bawaslu receives reports on a voting day"
    entry = AuditEntry.objects.filter(event="catalog.changed").latest("sequence")
    assert entry.facts["row"] == row.code and entry.facts["table"] == "closedday"
    row.active = False
    reference_data.save_row(row=row, actor=adi)
    # A late decree takes the joint leave of 24 December back.
    reference_data.save_row(row=closed(date(2026, 12, 24), ClosedDay.Kind.WORKING), actor=adi)
    reference_data.clear_cache()
    assert due(Status.RECEIVED, date(2026, 12, 1)) == before
    assert due(Status.RECEIVED, date(2026, 12, 23)) == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("today", "missing"),
    [(date(2026, 12, 31), None), (date(2027, 9, 30), None), (date(2027, 10, 1), 2028), (date(2028, 1, 2), 2028)],
)
def test_missing_list_of_the_next_year_is_an_alarm_from_october(
    cast: Cast, today: date, missing: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reference_data.year_without_list(today) == missing
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *args: today)
    found = [fault.id for fault in checks._law() if fault.id != "portal.W022"]
    assert found == (["portal.W014"] if missing else [])
    if missing:
        row = closed(date(missing, 2, 25), ClosedDay.Kind.JOINT_LEAVE)
        reference_data.save_row(row=row, actor=actor(cast, "adi"))
        reference_data.clear_cache()
        assert reference_data.year_without_list(today) is None


def test_days_of_bawaslu_for_one_two_and_no_election(cast: Cast) -> None:
    """The campaign of the sample election of regional heads, then a general election beside it."""
    facts = {"category": "A1", "act_on": date(2026, 12, 1), "known_on": date(2026, 12, 1)}
    [only] = reference_data.bawaslu_days(**facts)
    assert (only.kind, only.days.safe_day, only.days.last_day) == ("pilkada", date(2026, 12, 7), date(2026, 12, 8))
    election = Election.objects.get(pk="cakrawala-2027")
    election.pk, election.kind, election.voting_on = "pemilu-uji", "pemilu", date(2027, 2, 17)
    reference_data.save_row(row=election, actor=actor(cast, "adi"))
    reference_data.clear_cache()
    both = reference_data.bawaslu_days(**facts)
    assert [row.kind for row in both] == ["pilkada", "pemilu"]
    assert both[0].days.safe_day < both[1].days.safe_day == date(2026, 12, 9)
    assert reference_data.bawaslu_days(**facts | {"act_on": date(2025, 6, 2)}) == []
    assert reference_data.bawaslu_days(**facts | {"category": "D2"}) == []


def test_pages_and_rules_agree_on_the_days_of_bawaslu(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """All vignettes with a day of knowing: the same answer as the judgment, and none where there is none."""
    sample = Election(kind="pilkada", starts_on=date.max, ends_on=date.min, voting_on=date(2027, 1, 27))
    # Nobody is asked whether the accused has retired (V56), so the pages show days all the same.
    told = [row for row in VIGNETTES if row["known_on"] and row["status"] != "retired"]
    for row in told:
        running = Election(kind=row["election"], starts_on=date.min, ends_on=date.max, voting_on=sample.voting_on)
        monkeypatch.setattr(reference_data, "elections", lambda running=running: [running, sample])
        act_on, known_on = date.fromisoformat(row["act_on"]), date.fromisoformat(row["known_on"])
        found = reference_data.bawaslu_days(category=row["category"], act_on=act_on, known_on=known_on)
        expected = row["expected"]["bawaslu"]
        shown = [(str(days.days.last_day), str(days.days.safe_day), days.number, days.unit) for days in found]
        wanted = (
            [(expected["last_day"], expected["safe_day"], expected["number"], expected["unit"])] if expected else []
        )
        assert shown == wanted, row["id"]
    assert len([row for row in told if row["expected"]["bawaslu"]]) > 30
