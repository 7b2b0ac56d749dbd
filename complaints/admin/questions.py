"""The words of what officers judge by fixed questions: what a report tells, danger, and what is checked before a step.

Codes that are no longer asked keep their words here: history shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.domain.checklists import CheckedItem
from complaints.domain.completeness import ReportPart
from complaints.domain.risk import RiskGrade, RiskQuestion

PARTS: Final[dict[ReportPart, Any]] = {
    ReportPart.WHAT: gettext_lazy("what happened"),
    ReportPart.WHO: gettext_lazy("who did it"),
    ReportPart.WHERE: gettext_lazy("the place"),
    ReportPart.WHEN: gettext_lazy("the date"),
    ReportPart.HOW: gettext_lazy("how it went"),
    ReportPart.EVIDENCE: gettext_lazy("evidence"),
}
DANGER: Final[dict[RiskQuestion, Any]] = {
    RiskQuestion.FEW_KNOW: gettext_lazy("Do only a few people know what the report tells?"),
    RiskQuestion.TEXT_TELLS: gettext_lazy("Do the words or the files tell who wrote it?"),
    RiskQuestion.ONLY_SOURCE: gettext_lazy("Could the evidence have come from one person only?"),
    RiskQuestion.SUSPECTED: gettext_lazy("Is the reporter suspected or being asked about it already?"),
    RiskQuestion.DEPENDENT: gettext_lazy("Does the reporter depend on the accused, for work, pay or position?"),
    RiskQuestion.HARMED: gettext_lazy("Was the reporter threatened or harmed already?"),
    RiskQuestion.SAFETY: gettext_lazy("Is anybody's health or safety at stake?"),
}
GRADES: Final[dict[RiskGrade, Any]] = {
    RiskGrade.LOW: gettext_lazy("low"),
    RiskGrade.MEDIUM: gettext_lazy("medium"),
    RiskGrade.HIGH: gettext_lazy("high"),
}
CHECKS: Final[dict[str, Any]] = {
    "read_all": gettext_lazy("I have read the answers, the evidence and all messages."),
    "no_conflict": gettext_lazy("Neither I nor my agency is concerned in this matter."),
    "accused_asn": gettext_lazy("The accused is, or was then, a civil servant."),
    "in_window": gettext_lazy("The time of the event fits an election or its preparation."),
    "looked_alike": gettext_lazy("I have looked at similar reports."),
    "danger_graded": gettext_lazy("The danger to the reporter is graded, and the grade still holds."),
    "files_looked_at": gettext_lazy("I have looked at every file that leaves the house."),
    "no_trace": gettext_lazy("Neither the words nor the files that leave tell who the reporter is."),
    "right_body": gettext_lazy("This body is in charge of this accused."),
    "says_where": gettext_lazy("The reporter reads where else to turn."),
    "asked_first": gettext_lazy("What was missing was asked of the reporter first."),
    "looked_myself": gettext_lazy("I have looked at the report myself, and not at the proposal alone."),
}


@dataclass(frozen=True)
class Said:
    """One item of a kept checklist, in words; ``why`` only where it was not done."""

    words: str
    done: bool
    why: str


def missing(parts: list[ReportPart]) -> str:
    """Return what a report does not tell, in one line; "" where it tells everything."""
    return ", ".join(str(PARTS[part]) for part in parts)


def checklist(items: dict[str, CheckedItem]) -> list[Said]:
    """Return a kept checklist in words."""
    return [Said(str(CHECKS.get(code, code)), said.done, said.why) for code, said in items.items()]


def by_whom(person: Any) -> str:
    """Return a member of staff by name."""
    return str(person.get_full_name() or person.username) if person else _("the system")
