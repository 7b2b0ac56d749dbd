"""How much danger a reporter is in: fixed questions, and the grade that their answers propose.

The questions follow what ISO 37002:2021, 8.3.2 asks of whoever assesses a report. An officer may set another grade;
the rule only makes sure that nobody starts from a blank page. What is not known is never taken for safe.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Question(StrEnum):
    """What is asked; the values are stored, sealed. "yes" always speaks for danger."""

    FEW_KNOW = "few_know"
    TEXT_TELLS = "text_tells"
    ONLY_SOURCE = "only_source"
    SUSPECTED = "suspected"
    DEPENDENT = "dependent"
    HARMED = "harmed"
    SAFETY = "safety"


class Answer(StrEnum):
    """What an officer knows of it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Grade(StrEnum):
    """How much danger; the values are stored, sealed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# By these alone the accused could tell who reported.
TRACEABLE: Final = frozenset({Question.FEW_KNOW, Question.TEXT_TELLS, Question.ONLY_SOURCE, Question.SUSPECTED})
SERIOUS: Final = frozenset({Question.HARMED, Question.SAFETY})
# With more than this many unknowns nobody can call it low.
UNKNOWN_AT_MOST: Final = 2


def proposed(answers: Mapping[Question, Answer]) -> Grade:
    """Return the grade that the answers speak for; a question without one counts as unknown.

    High: harm was done or threatened, or health or safety is at stake; or the reporter depends on the accused and can
    be traced. Medium: any other "yes", or too much unknown. Low: the rest.
    """
    found = {question: answers.get(question, Answer.UNKNOWN) for question in Question}
    yes = {question for question, answer in found.items() if answer is Answer.YES}
    if yes & SERIOUS or (Question.DEPENDENT in yes and yes & TRACEABLE):
        return Grade.HIGH
    unknown = sum(answer is Answer.UNKNOWN for answer in found.values())
    return Grade.MEDIUM if yes or unknown > UNKNOWN_AT_MOST else Grade.LOW


def highest(grades: list[Grade]) -> Grade | None:
    """Return the highest of several reporters' grades; None where nobody has graded."""
    return max(grades, key=list(Grade).index, default=None)
