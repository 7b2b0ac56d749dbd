"""How much danger a reporter is in: fixed questions, and the grade that their answers propose.

The questions follow what ISO 37002:2021, 8.3.2 asks of whoever assesses a report. An officer may set another grade;
the rule only makes sure that nobody starts from a blank page. What is not known is never taken for safe.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class RiskQuestion(StrEnum):
    """What is asked; the values are stored, sealed. "yes" always speaks for danger."""

    FEW_KNOW = "few_know"
    TEXT_TELLS = "text_tells"
    ONLY_SOURCE = "only_source"
    SUSPECTED = "suspected"
    DEPENDENT = "dependent"
    HARMED = "harmed"
    SAFETY = "safety"


class RiskAnswer(StrEnum):
    """What an officer knows of it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class RiskGrade(StrEnum):
    """How much danger; the values are stored, sealed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# By these alone the accused could tell who reported.
TRACEABLE: Final = frozenset(
    {RiskQuestion.FEW_KNOW, RiskQuestion.TEXT_TELLS, RiskQuestion.ONLY_SOURCE, RiskQuestion.SUSPECTED}
)
SERIOUS: Final = frozenset({RiskQuestion.HARMED, RiskQuestion.SAFETY})
# With more than this many unknowns nobody can call it low.
UNKNOWN_AT_MOST: Final = 2


def proposed_grade(answers: Mapping[RiskQuestion, RiskAnswer]) -> RiskGrade:
    """Return the grade that the answers speak for; a question without one counts as unknown.

    High: harm was done or threatened, or health or safety is at stake; or the reporter depends on the accused and can
    be traced. Medium: any other "yes", or too much unknown. Low: the rest.
    """
    found = {question: answers.get(question, RiskAnswer.UNKNOWN) for question in RiskQuestion}
    yes = {question for question, answer in found.items() if answer is RiskAnswer.YES}
    if yes & SERIOUS or (RiskQuestion.DEPENDENT in yes and yes & TRACEABLE):
        return RiskGrade.HIGH
    unknown = sum(answer is RiskAnswer.UNKNOWN for answer in found.values())
    return RiskGrade.MEDIUM if yes or unknown > UNKNOWN_AT_MOST else RiskGrade.LOW


def highest_grade(grades: list[RiskGrade]) -> RiskGrade | None:
    """Return the highest of several reporters' grades; None where nobody has graded."""
    return max(grades, key=list(RiskGrade).index, default=None)
