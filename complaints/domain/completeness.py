"""What a report already tells: what, who, where, when, how, and evidence.

A help for officers and nothing that turns a report away. PP 48/2016 art. 15 and UU 7/2017 art. 454 ask for the accused,
the act, time and place; name, NIP, rank and position of the accused are never demanded together here (domain.md 3).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final


class ReportPart(StrEnum):
    """One thing that a report can tell."""

    WHAT = "what"
    WHO = "who"
    WHERE = "where"
    WHEN = "when"
    HOW = "how"
    EVIDENCE = "evidence"


# Shorter accounts leave the office guessing; the reporter's own form asks for as much.
ACCOUNT_CHARACTERS: Final = 50
_FIELDS: Final[Mapping[ReportPart, tuple[str, ...]]] = {
    ReportPart.WHAT: ("category",),
    ReportPart.WHO: ("accused_name", "accused_nip", "accused_position"),
    ReportPart.WHERE: ("agency", "regency"),
    ReportPart.WHEN: ("event_from",),
}


def missing_parts(answers: Mapping[str, Any], *, files: int, posts: int) -> list[ReportPart]:
    """Return what a report does not tell, in order.

    Args:
        answers: as the reporter's pages keep them; empty and absent mean the same.
        files: how many files came with it.
        posts: how many posts; a post names an account, so it tells who and is evidence.
    """
    told = {part: any(str(answers.get(name) or "").strip() for name in names) for part, names in _FIELDS.items()}
    linked = posts > 0 or bool(str(answers.get("links") or "").strip())
    told[ReportPart.WHO] = told[ReportPart.WHO] or linked
    told[ReportPart.HOW] = len(str(answers.get("story") or "").strip()) >= ACCOUNT_CHARACTERS
    told[ReportPart.EVIDENCE] = files > 0 or linked
    return [part for part in ReportPart if not told[part]]


def missing_in_all(reports: Iterable[list[ReportPart]]) -> list[ReportPart]:
    """Return what none of several reports on one matter tells."""
    lists = [set(parts) for parts in reports]
    return [part for part in ReportPart if lists and all(part in parts for parts in lists)]
