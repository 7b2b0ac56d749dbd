"""Which parts a report contains: what, who, where, when, how, and evidence.

It helps officers and never rejects a report. PP 48/2016 art. 15 and UU 7/2017 art. 454 ask for the accused,
the act, time and place; name, NIP, rank and position of the accused are never required together here (domain.md 3).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class ReportPart(StrEnum):
    """One part that a report can contain."""

    WHAT = "what"
    WHO = "who"
    WHERE = "where"
    WHEN = "when"
    HOW = "how"
    EVIDENCE = "evidence"


# The reporter's form requires the same length; a shorter account seldom says how it happened.
ACCOUNT_CHARACTERS: Final = 50
_FIELDS: Final[Mapping[ReportPart, tuple[str, ...]]] = {
    ReportPart.WHAT: ("category",),
    ReportPart.WHO: ("accused_name", "accused_nip", "accused_position"),
    ReportPart.WHERE: ("agency", "regency"),
    ReportPart.WHEN: ("event_from",),
}


def missing_parts(answers: Mapping[str, object], *, files: int, posts: int) -> list[ReportPart]:
    """Return the parts that a report does not contain, in the order of :class:`ReportPart`.

    Args:
        answers: by field name of the report form; an empty and an absent answer mean the same.
        files: how many files came with it.
        posts: how many posts on social media; a post names an account, so it says who and is evidence.
    """
    present = {part: any(str(answers.get(name) or "").strip() for name in names) for part, names in _FIELDS.items()}
    linked = posts > 0 or bool(str(answers.get("links") or "").strip())
    present[ReportPart.WHO] = present[ReportPart.WHO] or linked
    present[ReportPart.HOW] = len(str(answers.get("story") or "").strip()) >= ACCOUNT_CHARACTERS
    present[ReportPart.EVIDENCE] = files > 0 or linked
    return [part for part in ReportPart if not present[part]]


def missing_in_all(reports: Iterable[list[ReportPart]]) -> list[ReportPart]:
    """Return the parts that none of several reports on one case contains."""
    missing = [set(parts) for parts in reports]
    return [part for part in ReportPart if missing and all(part in parts for parts in missing)]


def days_of_acts(reports: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """Return the ISO days of the acts that reports with these answers tell; empty where none tells it."""
    return frozenset(str(day) for answers in reports if (day := answers.get("event_from")))
