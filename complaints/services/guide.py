"""The guide "Is this a breach?": acts found by words, and what the rules of the law say of an act, a person and a day.

Nothing of it is stored or cached by what somebody chose or typed: that would be a trace of a question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from complaints.domain.law.facts import Facts, StatedFacts
from complaints.domain.law.judgment import Applied, Judgment
from complaints.domain.law.rules import Rule, SanctionRule
from complaints.domain.law.vocabulary import AccusedKind, Answer, ElectionKind, Gap, Level, ServiceStatus
from complaints.domain.normalization import fold
from complaints.models.reference_data import Category
from complaints.services import legal_basis, reference_data
from complaints.services.delivered_data import DATA
from complaints.services.rule_book import Edition, rule_book

ACTS_AT_MOST: Final = 8
# A shorter piece of a word stands in too many others.
_PIECE_LETTERS: Final = 4
_WHOLE, _PIECE = 3, 2
_FILLERS: Final = frozenset(
    {
        "yang", "dan", "atau", "di", "ke", "dari", "untuk", "pada", "dengan", "oleh", "saya", "kami", "dia", "ia",
        "asn", "pns", "pppk", "calon", "itu", "ini", "ada", "tidak", "apakah", "the", "a", "an", "and", "or", "of",
        "to", "in", "on", "for", "by", "with", "i", "my", "me", "is", "was", "who", "candidate", "civil", "servant",
    }
)  # fmt: skip
# By their office no civil servants; of others the answer stays open until it is said.
_NO_CIVIL_SERVANTS: Final = {AccusedKind.REGIONAL_HEAD, AccusedKind.VILLAGE_HEAD, AccusedKind.MILITARY_POLICE}
_BREACHES: Final = {Level.MORAL, Level.LIGHT, Level.MEDIUM, Level.HEAVY, Level.DISMISSAL}


class GuideAnswer(StrEnum):
    """The answer in short; never that something is a breach, which only a body or an agency decides."""

    MAY_BREACH = "may_breach"
    DEPENDS = "depends"
    BY_AGENCY = "by_agency"
    MAY_BE_CRIME = "may_be_crime"
    NOT_CIVIL_SERVANT = "not_civil_servant"
    NO_BASIS = "no_basis"
    NO_RULE = "no_rule"
    ELSEWHERE = "elsewhere"


def acts() -> list[Category]:
    """Return the acts to choose from, in order: "None of these" is none."""
    return [row for row in reference_data.categories() if row.group != "other"]


# --- Search


def find_acts(text: str) -> list[str]:
    """Return the codes of at most ACTS_AT_MOST categories that have words of ``text``, the best first."""
    words = {word for word in fold(text).split() if word not in _FILLERS}
    known = _words_of_acts(reference_data.edition())
    scores = {code: sum(_score(word, has) for word in words) for code, has in known.items()}
    best = max(scores.values(), default=0)
    fitting = [code for code, score in scores.items() if score and 2 * score >= best]
    return sorted(fitting, key=lambda code: -scores[code])[:ACTS_AT_MOST]


def _score(word: str, known: frozenset[str]) -> int:
    if word in known:
        return _WHOLE
    # Indonesian puts syllables before and behind a word: "dimutasikan".
    pairs = (sorted((word, other), key=len) for other in known)
    return _PIECE if any(len(piece) >= _PIECE_LETTERS and piece in whole for piece, whole in pairs) else 0


@lru_cache(maxsize=2)
def _words_of_acts(_edition: Edition) -> dict[str, frozenset[str]]:
    more = json.loads((DATA.parent / "guide" / "words.json").read_text(encoding="utf-8"))
    words_of = {}
    for row in acts():
        texts = (row.name_id, row.name_en, row.example_id, row.example_en, more.get(row.code, ""))
        words_of[row.code] = frozenset(fold(" ".join(texts)).split()) - _FILLERS
    return words_of


# --- What the rules say


def facts_of_act(
    *,
    category: str,
    accused_kind: str,
    status: ServiceStatus | None,
    election: ElectionKind | None,
    act_on: date,
    today: date,
) -> Facts:
    """Return the facts by which the rules are read; None where it is not known, as for ``legal_basis.facts_of``."""
    if status is None and accused_kind in _NO_CIVIL_SERVANTS:
        status = ServiceStatus.NOT_ASN
    facts = legal_basis.facts_of(
        category=category,
        accused_kind=accused_kind,
        answers={"event_from": act_on.isoformat()},
        handled_on=today,
        stated=StatedFacts(status=status, election=election),
    )
    if facts is None:
        raise ValueError("no facts of an act whose day is known")
    return facts


def sanctions_for(facts: Facts, judged: Judgment) -> list[Applied[SanctionRule]]:
    """Return the rules on sanctions, with those of single agencies: which agency it is, the guide does not ask."""
    of_agencies = list[Applied[SanctionRule]]()
    for code in legal_basis.agency_rules():
        there = legal_basis.judge_facts(replace(facts, agency_rule=code)).sanctions
        of_agencies += [
            replace(applied, missing=applied.missing | {"agency_rule"})
            for applied in there
            if code in applied.rule.conditions.agency_rule
        ]
    return [*judged.sanctions, *of_agencies]


def judge_for_list(category: str, today: date) -> Judgment:
    """Return what the rules say today of an act by a PNS, in whatever election and stage."""
    facts = facts_of_act(
        category=category,
        accused_kind=AccusedKind.UNKNOWN,
        status=ServiceStatus.PNS,
        election=None,
        act_on=today,
        today=today,
    )
    return legal_basis.judge_facts(replace(facts, election=None, stages=frozenset(), candidates_on=None))


def answer_of(group: str, judged: Judgment) -> GuideAnswer:
    """Return the answer in short; ``group`` is that of the category."""
    certain = {applied.rule.level for applied in judged.sanctions if applied.certain}
    possible = set(judged.levels)
    steps = (
        (GuideAnswer.ELSEWHERE, group == "elsewhere"),
        (GuideAnswer.NO_BASIS, Gap.VIOLATION in judged.gaps),
        (GuideAnswer.MAY_BREACH, certain & _BREACHES),
        (GuideAnswer.BY_AGENCY, Level.AGENCY_RULE in certain),
        (GuideAnswer.DEPENDS, possible & {*_BREACHES, Level.AGENCY_RULE}),
        (GuideAnswer.MAY_BE_CRIME, may_be_crime(judged)),
        (GuideAnswer.NOT_CIVIL_SERVANT, Level.NOT_ASN in certain),
    )
    return next((answer for answer, holds in steps if holds), GuideAnswer.NO_RULE)


def may_be_crime(judged: Judgment) -> bool:
    """Tell whether an article of criminal law may fit."""
    return any(crime.applied.rule.answer is not Answer.NO for crime in judged.crimes)


def where_read(rules: Iterable[Rule]) -> list[str]:
    """Return the places at which the texts were read that rules rest on, each once."""
    sources = rule_book(reference_data.edition()).sources
    places = (place.strip() for rule in rules for code in rule.sources for place in sources[code].where.split(";"))
    # A source without a place has a dash.
    return [place for place in dict.fromkeys(places) if len(place) > 1]
