"""Guards the rule table: what cannot be right is refused with its row, and what nobody said stays open."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from complaints.domain import workflow
from complaints.domain.deadlines import months_before
from complaints.domain.law.facts import Contest, Facts
from complaints.domain.law.judgment import body_on, judge
from complaints.domain.law.reading import TABLES, RuleError, read_rules
from complaints.domain.law.vocabulary import (
    CATEGORIES,
    AccusedKind,
    Answer,
    Body,
    ElectionKind,
    Gap,
    Harm,
    Level,
    LimitUnit,
    Mark,
    Penalty,
    Promisor,
    ServiceStatus,
    Stage,
)
from tests.domain.law.table import CALENDAR, LAW, RULES

Row = dict[str, Any]
ACT = date(2024, 10, 14)
FACTS = Facts(
    category="A1",
    accused=AccusedKind.SUPERIOR,
    status=ServiceStatus.PNS,
    election=ElectionKind.REGIONAL,
    stages=frozenset({Stage.CAMPAIGN}),
    act_on=ACT,
    known_on=ACT,
    handled_on=ACT,
    candidates_on=date(2024, 9, 22),
)
CONTEST = Contest(
    kind=ElectionKind.REGIONAL,
    starts_on=date(2024, 1, 27),
    candidates_on=date(2024, 9, 22),
    campaign_from=date(2024, 9, 25),
    campaign_until=date(2024, 11, 23),
    voting_on=date(2024, 11, 27),
    ends_on=date(2024, 12, 16),
)


def _tables() -> dict[str, list[Row]]:
    return {name: json.loads((LAW / f"{name}.json").read_text(encoding="utf-8")) for name in TABLES}


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("sanctions", {"aplies_to": ["pns"]}, "nothing reads aplies_to"),
        ("sanctions", {"level": "severe"}, "level has an unknown code: severe"),
        ("sanctions", {"categories": ["F1"]}, "categories has an unknown code: F1"),
        ("sanctions", {"status": ["civil"]}, "status has an unknown code: civil"),
        ("sanctions", {"applies_to": ["pns", "pppk"]}, "more than one status"),
        ("sanctions", {"sources": []}, "sources is missing"),
        ("sanctions", {"sources": ["UU99"]}, "sources has an unknown code: UU99"),
        ("sanctions", {"mark": ""}, "mark is empty"),
        ("sanctions", {"mark": None}, "mark is missing"),
        ("sanctions", {"mark": "press"}, "quotation of a text that nobody saw"),
        ("sanctions", {"valid_from": "31-08-2021"}, "valid_from is no day"),
        ("sanctions", {"valid_until": "2020-01-01"}, "valid_until lies before valid_from"),
        ("sanctions", {"review_due": ""}, "review_due is missing"),
        ("sanctions", {"never_show": [7]}, "has a value that is not text"),
        ("crimes", {"answer": "yes"}, "offence is required unless answer is “no”, and not allowed where it is"),
        ("limits", {"number": "7"}, "number is no number of days"),
        ("limits", {"unit": "none"}, "number and unit do not go together"),
        ("limits", {"kinds": ["penjara"]}, "nothing reads kinds"),
    ],
)
def test_row_that_cannot_be_right_is_refused_with_its_place(table: str, change: Row, words: str) -> None:
    tables = _tables()
    tables[table][0] |= change
    with pytest.raises(RuleError) as refusal:
        read_rules(tables)
    assert str(refusal.value).startswith(f"{table}.json, row 1 ({tables[table][0]['code']}): ")
    assert words in str(refusal.value)


def test_versions_of_a_rule_do_not_overlap() -> None:
    tables = _tables()
    tables["sanctions"].append(copy.deepcopy(tables["sanctions"][0]) | {"valid_from": "2024-01-01"})
    with pytest.raises(RuleError, match=r"rows 1 and \d+ \(abuse\): both are valid"):
        read_rules(tables)


def test_offence_without_penalty_and_source_twice_are_refused() -> None:
    tables = _tables()
    tables["crimes"][2]["offence"] = "p999"
    with pytest.raises(RuleError, match="no offence p999"):
        read_rules(tables)
    tables = _tables()
    tables["sources"].append(tables["sources"][0])
    with pytest.raises(RuleError, match="the code occurs twice"):
        read_rules(tables)


def test_what_nobody_said_leaves_a_rule_possible() -> None:
    judged = judge(FACTS, RULES, CALENDAR)
    missing = {applied.rule.code: set(applied.missing) for applied in judged.sanctions}
    assert missing["abuse"] == set() and missing["n6-pressure"] == set()
    assert missing["arbitrary-unit"] == missing["arbitrary-agency"] == {"harm"}
    # Whether the accused holds such a post decides about the crime.
    assert [crime.applied.rule.code for crime in judged.crimes] == ["p188-official", "none"]
    assert judged.crimes[0].applied.missing == {"post"}
    told = judge(replace(FACTS, harm=Harm.UNIT), RULES, CALENDAR)
    assert {applied.rule.code for applied in told.sanctions} == {"abuse", "n6-pressure", "arbitrary-unit"}
    assert {"status"} <= {
        name for applied in judge(replace(FACTS, status=None), RULES, CALENDAR).sanctions for name in applied.missing
    }


def test_milder_law_applies_to_an_earlier_act_that_is_handled_later() -> None:
    team = replace(
        FACTS,
        category="A5",
        accused=AccusedKind.CAMPAIGN_TEAM,
        status=ServiceStatus.NOT_ASN,
        election=ElectionKind.GENERAL,
    )
    then = judge(team, RULES, CALENDAR).crime
    later = judge(replace(team, handled_on=date(2026, 1, 2)), RULES, CALENDAR).crime
    assert then and then.penalty and then.penalty.kinds == {Penalty.CONFINEMENT, Penalty.FINE}
    assert later and later.penalty and later.penalty.kinds == {Penalty.FINE}
    assert str(later.basis[-1]) == "KUHP Pasal 3 ayat (1)" and later.applied.rule.answer is Answer.YES


def test_body_of_the_day_of_handling() -> None:
    days = {date(2024, 9, 3): Body.KASN, date(2024, 9, 4): Body.BKN, date(2028, 1, 1): Body.BKN}
    assert {day: body_on(Body.OVERSIGHT, day, RULES.bodies) for day in days} == days
    assert body_on(Body.PPK, ACT, RULES.bodies) is Body.PPK


def test_part_time_status_does_not_exist_before_2025() -> None:
    part_time = replace(FACTS, status=ServiceStatus.PPPK_PART_TIME)
    assert judge(part_time, RULES, CALENDAR).status_unknown_then
    assert not judge(replace(part_time, act_on=date(2025, 2, 3)), RULES, CALENDAR).status_unknown_then


def test_law_that_was_not_yet_in_force_gives_no_level() -> None:
    early = judge(replace(FACTS, act_on=date(2021, 8, 30)), RULES, CALENDAR)
    assert early.sanctions == () and early.gaps == {Gap.LEVEL}


@pytest.mark.parametrize(
    ("day", "stages"),
    [
        (date(2024, 1, 26), {Stage.NONE}),
        (date(2024, 9, 21), {Stage.BEFORE_CANDIDATES}),
        (date(2024, 9, 22), {Stage.BEFORE_CANDIDATES, Stage.CANDIDATES_CONFIRMED}),
        (date(2024, 9, 24), {Stage.CANDIDATES_CONFIRMED}),
        (date(2024, 9, 25), {Stage.CAMPAIGN}),
        (date(2024, 11, 23), {Stage.CAMPAIGN}),
        (date(2024, 11, 24), {Stage.QUIET}),
        (date(2024, 11, 27), {Stage.VOTING_DAY}),
        (date(2024, 11, 28), {Stage.AFTER_VOTING}),
        (date(2024, 12, 17), {Stage.NONE}),
    ],
)
def test_stages_of_a_contest(day: date, stages: set[Stage]) -> None:
    assert CONTEST.stages_on(day) == stages


def test_months_before_end_on_a_day_that_exists() -> None:
    assert months_before(date(2024, 9, 22), 6) == date(2024, 3, 22)
    assert months_before(date(2024, 8, 31), 6) == date(2024, 2, 29)
    assert months_before(date(2025, 1, 5), 1) == date(2024, 12, 5)
    assert months_before(date(2025, 12, 31), 12) == date(2024, 12, 31)


def test_every_case_has_an_answer_and_no_word_against_itself() -> None:
    kinds = (ElectionKind.GENERAL, ElectionKind.REGIONAL, ElectionKind.NONE)
    days = (date(2023, 10, 30), date(2026, 1, 2))
    combined = product(CATEGORIES, AccusedKind, [*ServiceStatus, None])
    for number, (category, accused, status) in enumerate(combined):
        election, day = kinds[number % 3], days[number % 2]
        stages = frozenset({Stage.NONE if election is ElectionKind.NONE else Stage.CAMPAIGN})
        told = replace(FACTS, category=category, accused=accused, status=status, election=election, stages=stages)
        judged = judge(replace(told, act_on=day, handled_on=day), RULES, CALENDAR)
        assert judged.crime and judged.crime.applied.certain and judged.route and judged.route.applied.certain
        assert judged.bawaslu is None or election is not ElectionKind.NONE
        assert not judged.never_levels & set(judged.levels)
        for rule in (applied.rule for applied in judged.sanctions if applied.certain):
            # PPPK have none of the lists of PP 94/2021, and nobody outside the civil service has a level.
            assert status is not ServiceStatus.PPPK or all(basis.law != "PP 94/2021" for basis in rule.basis)
            assert status is not ServiceStatus.NOT_ASN or rule.level is Level.NOT_ASN


# Written by hand: what each state of the workflow may last, from when, and whose promise that is.
WORKFLOW_LIMITS = """
received             1   working_days   entered      ours
in_review            3   working_days   entered      ours
needs_information    10  working_days   asked        reporter
ineligible_proposed  1   working_days   proposed     ours
verified             1   working_days   verified     ours
referring            3   working_days   letter_prepared  ours
forwarded            7   calendar_days  forwarded    body
under_examination    14  working_days   taken_up     body
substantiated        1   working_days   found        body
awaiting_agency      14  working_days   recommended  ppk
asked                3   working_days   asked        ours
"""


def test_workflow_names_the_limits_of_the_table() -> None:
    rules = {rule.code: rule for rule in RULES.limits}
    shown = {}
    for state, name in workflow.LIMITS.items():
        rule = rules[name]
        shown[state.value] = [state.value, str(rule.number), rule.unit.value, rule.start.value, rule.promisor.value]
        # Only a promise of the office may be called late.
        assert (rule.promisor is Promisor.OURS) == (state in workflow.PROMISED | {workflow.Status.ASKED})
        assert (rule.promisor in {Promisor.BODY, Promisor.AGENCY}) == (Gap.LATE in rule.gaps)
    assert list(shown.values()) == [line.split() for line in WORKFLOW_LIMITS.split("\n") if line]
    urgent = rules[workflow.URGENT_LIMITS[workflow.Status.VERIFIED]]
    assert (urgent.number, urgent.unit, urgent.promisor) == (24, LimitUnit.HOURS, Promisor.OURS)
    # No source names a limit for the agency; the operator reminds it all the same.
    agency = rules["agency-answer"]
    assert agency.number is None and agency.unit is LimitUnit.NONE and Gap.LATE in agency.gaps


def test_every_source_is_used_and_no_rule_is_signed_without_a_name() -> None:
    rules = [rule for name in TABLES[1:] for rule in getattr(RULES, name)]
    used = {source for rule in rules for source in rule.sources}
    lines = [json.loads((LAW / f"{name}.json").read_text(encoding="utf-8")) for name in ("letters", "remedies")]
    used |= set(re.findall(r"'sources': \['(\w+)'", str(lines)))
    assert used == set(RULES.sources), "what nothing rests on is no source"
    assert all(bool(rule.review.by) == bool(rule.review.on) for rule in rules)


def test_texts_cite_in_full_and_name_where_they_were_seen() -> None:
    """The public and lawyers read them: no article is abbreviated, and no source is a note that they cannot open."""
    texts = [text for path in LAW.glob("*.json") for text in _texts(json.loads(path.read_text(encoding="utf-8")))]
    assert [text for text in texts if re.search(r"\bPs\.? ?[\dI]|\bn-\d|catatan riset|\"|\bjo\.? Ps", text)] == []
    for source in RULES.sources.values():
        assert source.where != "-" or source.mark in (Mark.MEMORY, Mark.READING), source.code


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
