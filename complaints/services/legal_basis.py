"""What the rules of the law say of a report: what it tells, and what an officer states beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache

from complaints.domain.law.facts import Contest, Facts, StatedFacts
from complaints.domain.law.judgment import Judgment, judge
from complaints.domain.law.rules import RuleBook
from complaints.domain.law.vocabulary import STATABLE, AccusedKind, Body, Circumstance, ElectionKind, Penalty, Stage
from complaints.models.reference_data import Election
from complaints.services import reference_data
from complaints.services.rule_book import rule_book

# Kinds that an administrator adds have no rule.
_NAMED_KINDS = frozenset(AccusedKind) - {AccusedKind.UNKNOWN}


def _rules() -> RuleBook:
    return rule_book(reference_data.edition())


def contest_of(election: Election) -> Contest:
    """Return an election of the table as the rules read it."""
    return Contest(
        kind=ElectionKind(election.kind),
        starts_on=election.starts_on,
        candidates_on=election.candidates_on,
        campaign_from=election.campaign_from,
        campaign_until=election.campaign_until,
        voting_on=election.voting_on,
        ends_on=election.ends_on,
    )


def facts_of(
    *,
    category: str,
    accused_kind: str,
    answers: Mapping[str, object],
    handled_on: date,
    stated: StatedFacts | None = None,
) -> Facts | None:
    """Return the facts of a report as the rules read them; None where it does not tell the day of the act.

    ``answers`` are those of the report ("event_from", "learnt_on" as ISO days). What no question asks, as the status
    of the accused, is what an officer ``stated``, and else stays open. So does the election where nobody stated its
    kind and none or more than one of those entered covers the day.
    """
    day = str(answers.get("event_from") or "")
    if not day:
        return None
    act_on = date.fromisoformat(day)
    learnt = str(answers.get("learnt_on") or "")
    facts = Facts(
        category=category,
        accused=AccusedKind(accused_kind) if accused_kind in _NAMED_KINDS else None,
        status=None,
        election=None,
        stages=frozenset(),
        act_on=act_on,
        known_on=date.fromisoformat(learnt) if learnt else act_on,
        handled_on=handled_on,
    )
    return with_stated(facts, stated or StatedFacts())


def judge_report(
    *,
    category: str,
    accused_kind: str,
    answers: Mapping[str, object],
    handled_on: date,
    stated: StatedFacts | None = None,
    rules: RuleBook | None = None,
) -> Judgment | None:
    """Return what ``rules`` say of a report, those in force where None; the rest as for :func:`facts_of`."""
    facts = facts_of(
        category=category, accused_kind=accused_kind, answers=answers, handled_on=handled_on, stated=stated
    )
    return judge_facts(facts, rules) if facts else None


def judge_facts(facts: Facts, rules: RuleBook | None = None) -> Judgment:
    """Return what ``rules``, or those in force, say of facts, by the calendar of offices around the day of the act."""
    return judge(facts, rules or _rules(), reference_data.calendar(facts.act_on.year))


def circumstances_for(category: str, accused_kind: str) -> list[Circumstance]:
    """Return the circumstances on which a rule for this category and kind of accused depends, in order."""
    book, named = _rules(), set[Circumstance]()
    for rule in (*book.sanctions, *book.crimes, *book.routes, *book.cautions):
        asked = rule.conditions
        is_theirs = accused_kind not in _NAMED_KINDS or accused_kind in (asked.accused or _NAMED_KINDS)
        if is_theirs and category in (asked.categories or {category}):
            named |= asked.has | asked.lacks
    return [item for item in Circumstance if item in named & STATABLE]


def agency_rules() -> dict[str, str]:
    """Return the agencies' own rules that the rules know, code to name."""
    rules = (rule for rule in _rules().sanctions if rule.conditions.agency_rule - {"unknown"})
    return {code: rule.basis[0].law for rule in rules for code in rule.conditions.agency_rule}


def offences() -> dict[str, str]:
    """Return the offences of the rules, code to articles, each once."""
    return {rule.offence: rule.basis_text for rule in reversed(_rules().crimes) if rule.offence}


def penalties_on(day: date) -> frozenset[Penalty]:
    """Return the kinds of punishment that the rules know on a day."""
    return frozenset(kind for rule in _rules().penalties if day in rule.period for kind in rule.kinds)


def last_day_of_penalty(penalty: Penalty) -> date | None:
    """Return the last day on which any rule has this kind of punishment; None where one has it without an end."""
    ends = [rule.period.valid_until for rule in _rules().penalties if penalty in rule.kinds]
    return None if None in ends else max((end for end in ends if end), default=None)


def with_stated(facts: Facts, stated: StatedFacts) -> Facts:
    """Return the facts with what an officer stated, and with the kind of election that it leaves for the day.

    Elections of one kind whose candidates are settled on different days are all possible, and so are their stages.
    """
    day, kind = facts.act_on, stated.election
    running = [row for row in reference_data.elections() if row.starts_on <= day <= row.ends_on]
    contests = [contest_of(row) for row in running if kind in (None, row.kind)]
    kinds, settled = {contest.kind for contest in contests}, {contest.candidates_on for contest in contests}
    stages = frozenset({Stage.NONE}) if kind is ElectionKind.NONE else frozenset[Stage]()
    if len(kinds) == 1:
        stages = frozenset[Stage]().union(*(contest.stages_on(day) for contest in contests))
    return replace(
        facts,
        status=stated.status,
        post=stated.post,
        harm=stated.harm,
        agency_rule=stated.agency_rule,
        circumstances=stated.present,
        unsaid=stated.unsaid,
        election=next(iter(kinds)) if len(kinds) == 1 else kind,
        stages=stages,
        candidates_on=next(iter(settled)) if len(kinds) == len(settled) == 1 else None,
    )


@lru_cache(maxsize=256)
def is_for_bawaslu(
    category: str, accused_kind: str, days: frozenset[str], stated: StatedFacts | None, edition: tuple[int, int]
) -> bool:
    """Tell whether only Bawaslu finds a breach in an act on each of these ISO days; cached.

    A case has the days of the acts that its reports tell, else that of receipt. Where the rules of one day name another
    body, that body may judge the case. ``stated`` is what an officer stated last, ``edition`` that of the reference
    data.
    """
    judged = [_judged_on(category, accused_kind, date.fromisoformat(day), stated) for day in days]
    routes = [report.route for report in judged if report]
    return bool(routes) and all(route is not None and route.finds is Body.BAWASLU for route in routes)


@lru_cache(maxsize=256)
def finding_body(
    category: str,
    accused_kind: str,
    days: frozenset[str],
    stated: StatedFacts | None,
    today: date,
    edition: tuple[int, int],
) -> str:
    """Return the code of the body that examines an act on each of these ISO days, if handled today; cached.

    "" where the rules of these days name none, or more than one. Arguments as for :func:`is_for_bawaslu`.
    """
    judged = [
        judge_report(
            category=category,
            accused_kind=accused_kind,
            answers={"event_from": day},
            handled_on=today,
            stated=stated,
        )
        for day in days
    ]
    bodies = {report.route.finds.value if report and report.route and report.route.finds else "" for report in judged}
    return bodies.pop() if len(bodies) == 1 else ""


@lru_cache(maxsize=256)
def concerns_bawaslu(category: str, accused_kind: str, day: date, edition: tuple[int, int]) -> bool:
    """Tell whether Bawaslu, alone or beside others, judges this kind of accused for an act on ``day``; cached.

    Beside others it may judge everybody while an election runs; here only a kind of accused counts that the rule names.
    """
    judged = _judged_on(category, accused_kind, day, None)
    named = [route for route in judged.routes if "accused" in route.applied.matched] if judged else []
    return any(Body.BAWASLU in (route.finds, *route.also) for route in named)


def _judged_on(category: str, accused_kind: str, day: date, stated: StatedFacts | None) -> Judgment | None:
    answers = {"event_from": day.isoformat()}
    return judge_report(category=category, accused_kind=accused_kind, answers=answers, handled_on=day, stated=stated)
