"""Guards the rules of the law: sixty dated cases, written independently of the table, have the right answers.

What the table says beyond a vignette's ``never_show`` is no fault, and a text may have been checked better since the
vignette was written; everything else must be equal.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from complaints.domain.law.facts import Contest, Facts
from complaints.domain.law.judgment import Applied, CrimeAnswer, Judgment, judge
from complaints.domain.law.rules import SanctionRule
from complaints.domain.law.vocabulary import (
    AccusedKind,
    Circumstance,
    ElectionKind,
    Harm,
    Mark,
    Post,
    ServiceStatus,
    Stage,
    Start,
)
from tests.domain.law.table import CALENDAR, RULES

DATA = json.loads(Path(__file__).with_name("vignettes.json").read_text(encoding="utf-8"))
Vignette = dict[str, Any]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _contest(row: dict[str, Any]) -> Contest:
    campaign = row["campaign"] or (None, None)
    return Contest(
        kind=ElectionKind(row["kind"]),
        starts_on=None,
        candidates_on=date.fromisoformat(row["candidates_on"]),
        campaign_from=_day(campaign[0]),
        campaign_until=_day(campaign[1]),
        voting_on=date.fromisoformat(row["voting_on"]),
        ends_on=_day(row["ends_on"]),
    )


CONTESTS = {row["name"]: _contest(row) for row in DATA["contests"]}
VIGNETTES = [pytest.param(row, id=row["id"]) for row in DATA["vignettes"]]


def _facts(row: Vignette) -> Facts:
    contest = CONTESTS.get(row["contest"] or "")
    act_on = date.fromisoformat(row["act_on"])
    # The election of three vignettes has no dates: its stage is as they tell it.
    stages = contest.stages_on(act_on) if contest else frozenset({Stage(row["stage"])})
    assert Stage(row["stage"]) in stages
    return Facts(
        category=row["category"],
        accused=AccusedKind(row["accused"]),
        status=ServiceStatus(row["status"]) if row["status"] else None,
        election=ElectionKind(row["election"]),
        stages=stages,
        act_on=act_on,
        known_on=_day(row["known_on"]),
        handled_on=date.fromisoformat(row["reported_on"]),
        candidates_on=contest.candidates_on if contest else None,
        harm=Harm(row["harm"]) if row["harm"] else None,
        post=Post(row["post"]),
        agency_rule=row.get("agency_rule", ""),
        circumstances=frozenset(map(Circumstance, row["circumstances"])),
        starts={Start(event): date.fromisoformat(day) for event, day in row.get("starts", {}).items()},
    )


def _judged(row: Vignette) -> Judgment:
    return judge(_facts(row), RULES, CALENDAR)


def _checked(mark: Mark, expected: str | None) -> Mark | str:
    """Return the mark that a vignette expects where the rule's is at least as good, else the rule's."""
    marks = list(Mark)
    return expected if expected and marks.index(mark) <= marks.index(Mark(expected)) else mark


def _sanction(applied: Applied[SanctionRule]) -> list[str | None]:
    assert applied.certain
    rule = applied.rule
    return [rule.level, rule.applies_to, rule.basis_text, rule.mark]


def _sanction_of_vignette(expected: list[str | None], rules: list[SanctionRule]) -> list[str | None]:
    """Return what a vignette expects, with the mark of the rule that it means where that is at least as good."""
    meant = [rule for rule in rules if [rule.level, rule.applies_to, rule.basis_text] == expected[:3]]
    return [
        *expected[:3],
        meant[0].mark if meant and _checked(meant[0].mark, expected[3]) == expected[3] else expected[3],
    ]


def _crime(crime: CrimeAnswer, expected: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "answer": crime.applied.rule.answer,
        "mark": _checked(crime.applied.rule.mark, expected),
    }
    if crime.penalty:
        answer |= {
            "mark": _checked(crime.penalty.mark, expected),
            "basis": "; ".join(map(str, crime.basis)),
            "penalty": crime.penalty.words,
            "kinds": sorted(crime.penalty.kinds),
            "handler": crime.penalty.handler,
        }
    return answer


@pytest.mark.parametrize("row", VIGNETTES)
def test_sanctions(row: Vignette) -> None:
    sanctions = _judged(row).sanctions
    rules = [applied.rule for applied in sanctions]
    expected = [_sanction_of_vignette(item, rules) for item in row["expected"]["sanctions"]]
    assert sorted(map(_sanction, sanctions), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("row", VIGNETTES)
def test_crime(row: Vignette) -> None:
    judged = _judged(row)
    assert len(judged.crimes) == 1 and judged.crime
    expected = row["expected"]["crime"]
    assert _crime(judged.crime, expected["mark"]) == expected


@pytest.mark.parametrize("row", VIGNETTES)
def test_bodies(row: Vignette) -> None:
    route, expected = _judged(row).route, row["expected"]
    assert route
    assert (route.finds, list(route.punishes), list(route.also)) == (
        expected["finds"],
        expected["punishes"],
        expected["also"],
    )


@pytest.mark.parametrize("row", VIGNETTES)
def test_days_of_bawaslu_and_clocks(row: Vignette) -> None:
    judged, expected = _judged(row), row["expected"]
    report = judged.bawaslu
    given = report and {
        "number": report.rule.number,
        "unit": report.rule.unit,
        "last_day": str(report.days.last_day),
        "safe_day": str(report.days.safe_day),
        "office_day": str(report.days.office_day) if report.days.office_day else None,
        "passed": report.passed,
        "basis": report.rule.basis_text,
        "mark": _checked(report.rule.mark, expected["bawaslu"] and expected["bawaslu"]["mark"]),
    }
    assert given == expected["bawaslu"]
    clocks = [
        {
            "what": clock.rule.what,
            "number": clock.rule.number,
            "unit": clock.rule.unit,
            "start": str(clock.start),
            "last_day": str(clock.last_day) if clock.last_day else None,
            "promisor": clock.rule.promisor,
        }
        for clock in judged.clocks
    ]
    assert clocks == expected["clocks"]
    closed = {str(day) for clock in judged.clocks for day in clock.closed_days}
    assert set(expected["never_promise"]) <= closed


@pytest.mark.parametrize("row", VIGNETTES)
def test_what_has_no_basis_and_what_is_never_shown(row: Vignette) -> None:
    judged, expected = _judged(row), row["expected"]
    assert sorted(judged.gaps) == expected["gaps"]
    assert set(expected["never_show"]) <= set(judged.never_show)
    assert set(expected["never_levels"]) <= judged.never_levels
    assert not judged.never_levels & set(judged.levels)
    assert not judged.status_unknown_then


def test_all_vignettes_are_here() -> None:
    assert [row["id"] for row in DATA["vignettes"]] == [f"V{number:02}" for number in range(1, 61)]
