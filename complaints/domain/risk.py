"""Assessment of the risk of detriment to a reporter: fixed questions, and the grade that the answers propose.

The questions follow ISO 37002:2021, 8.3.2. The grade is a proposal: an officer may set another one. An unknown answer
never lowers the grade.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from complaints.domain.circle import Circle
from complaints.domain.law.vocabulary import AccusedKind
from complaints.domain.telling_passages import OF_WRITER, Tells


class RiskQuestion(StrEnum):
    """The questions; the values are stored, sealed. "yes" always raises the risk."""

    FEW_KNOW = "few_know"
    TEXT_TELLS = "text_tells"
    ONLY_SOURCE = "only_source"
    SUSPECTED = "suspected"
    DEPENDENT = "dependent"
    HARMED = "harmed"
    SAFETY = "safety"


class RiskAnswer(StrEnum):
    """An officer's answer to a question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class RiskGrade(StrEnum):
    """The grade of the risk; the values are stored, sealed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# Each of these alone may tell the accused who reported.
TRACEABLE: Final = frozenset(
    {RiskQuestion.FEW_KNOW, RiskQuestion.TEXT_TELLS, RiskQuestion.ONLY_SOURCE, RiskQuestion.SUSPECTED}
)
SERIOUS: Final = frozenset({RiskQuestion.HARMED, RiskQuestion.SAFETY})
# With more unknown answers than this the grade is not low.
UNKNOWN_AT_MOST: Final = 2


def proposed_grade(answers: Mapping[RiskQuestion, RiskAnswer]) -> RiskGrade:
    """Return the grade that the answers propose; a question without an answer counts as unknown.

    High: harm was done or threatened, or health or safety is at stake; or the reporter depends on the accused and can
    be traced. Medium: any other "yes", or too many unknown answers. Low: the rest.
    """
    all_answers = {question: answers.get(question, RiskAnswer.UNKNOWN) for question in RiskQuestion}
    yes = {question for question, answer in all_answers.items() if answer is RiskAnswer.YES}
    if yes & SERIOUS or (RiskQuestion.DEPENDENT in yes and yes & TRACEABLE):
        return RiskGrade.HIGH
    unknown = sum(answer is RiskAnswer.UNKNOWN for answer in all_answers.values())
    return RiskGrade.MEDIUM if yes or unknown > UNKNOWN_AT_MOST else RiskGrade.LOW


class Told(StrEnum):
    """By what of a report a "yes" is proposed; an officer reads it beside the question."""

    CIRCLE = "circle"
    PASSAGE = "passage"
    SUPERIOR = "superior"
    RETALIATION = "retaliation"


def proposed_answers(
    *, circle: Circle, accused_kind: str, passages: Collection[Tells], is_retaliation_told: bool
) -> dict[RiskQuestion, Told]:
    """Return the questions that what a report tells answers with "yes", each with what tells it.

    Nothing proposes a "no": that a text is silent about something does not say that it is not so.
    """
    proposed: dict[RiskQuestion, Told] = {}
    if circle in (Circle.ONE, Circle.FEW):
        proposed[RiskQuestion.FEW_KNOW] = Told.CIRCLE
    elif {Tells.FEW, Tells.ALONE} & set(passages):
        proposed[RiskQuestion.FEW_KNOW] = Told.PASSAGE
    if OF_WRITER & set(passages):
        proposed[RiskQuestion.TEXT_TELLS] = Told.PASSAGE
    if circle is Circle.ONE:
        proposed[RiskQuestion.ONLY_SOURCE] = Told.CIRCLE
    if accused_kind == AccusedKind.SUPERIOR:
        proposed[RiskQuestion.DEPENDENT] = Told.SUPERIOR
    if is_retaliation_told:
        proposed[RiskQuestion.HARMED] = Told.RETALIATION
    return proposed
