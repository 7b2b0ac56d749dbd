"""What the rules of the law say of a report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from complaints.domain.law.facts import Contest, Facts
from complaints.domain.law.judgment import Judgment, judge
from complaints.domain.law.rules import RuleBook
from complaints.domain.law.vocabulary import AccusedKind, Body, ElectionKind, Stage
from complaints.models.reference_data import Election
from complaints.services import reference_data
from complaints.services.rule_book import rule_book

# Kinds that an administrator adds have no rule.
_NAMED_KINDS = frozenset(AccusedKind) - {AccusedKind.UNKNOWN}


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


def judge_report(
    *,
    category: str,
    accused_kind: str,
    answers: Mapping[str, object],
    handled_on: date,
    rules: RuleBook | None = None,
) -> Judgment | None:
    """Return what the rules say of a report, by the day of the act that it tells; None where it tells none.

    ``answers`` are those of the report ("event_from", "learnt_on" as ISO days). What no question asks, as the status
    of the accused, stays open, and so does the election where none or more than one of those entered covers the day.
    ``rules`` are those in force where None.
    """
    day = str(answers.get("event_from") or "")
    if not day:
        return None
    act_on = date.fromisoformat(day)
    running = [row for row in reference_data.elections() if row.starts_on <= act_on <= row.ends_on]
    contest = contest_of(running[0]) if len(running) == 1 else None
    learnt = str(answers.get("learnt_on") or "")
    facts = Facts(
        category=category,
        accused=AccusedKind(accused_kind) if accused_kind in _NAMED_KINDS else None,
        status=None,
        election=contest.kind if contest else None,
        stages=contest.stages_on(act_on) if contest else frozenset[Stage](),
        act_on=act_on,
        known_on=date.fromisoformat(learnt) if learnt else act_on,
        handled_on=handled_on,
        candidates_on=contest.candidates_on if contest else None,
    )
    return judge(facts, rules or rule_book(reference_data.edition()), reference_data.calendar(act_on.year))


def is_for_bawaslu(*, category: str, accused_kind: str, day: date) -> bool:
    """Tell whether by what is known in clear only Bawaslu finds a breach; ``day`` is that of receipt.

    The day of the act is sealed. Who judges a kind of accused follows from the rules that stand on the day of receipt.
    """
    judged = judge_report(
        category=category, accused_kind=accused_kind, answers={"event_from": day.isoformat()}, handled_on=day
    )
    return judged is not None and judged.route is not None and judged.route.finds is Body.BAWASLU
