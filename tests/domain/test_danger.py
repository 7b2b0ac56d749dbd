"""The grade that the answers speak for: harm and traceability weigh, and what is not known is never safe."""

import pytest

from complaints.domain.risk import RiskAnswer, RiskGrade, RiskQuestion, proposed_grade

Q = RiskQuestion
NOTHING = dict.fromkeys(RiskQuestion, RiskAnswer.NO)


def answered(*yes: RiskQuestion, unknown: tuple[RiskQuestion, ...] = ()) -> dict[RiskQuestion, RiskAnswer]:
    return NOTHING | dict.fromkeys(yes, RiskAnswer.YES) | dict.fromkeys(unknown, RiskAnswer.UNKNOWN)


@pytest.mark.parametrize(
    ("yes", "grade"),
    [
        ((), RiskGrade.LOW),
        ((Q.FEW_KNOW,), RiskGrade.MEDIUM),
        ((Q.SUSPECTED, Q.TEXT_TELLS), RiskGrade.MEDIUM),
        ((Q.DEPENDENT,), RiskGrade.MEDIUM),
        ((Q.DEPENDENT, Q.FEW_KNOW), RiskGrade.HIGH),
        ((Q.DEPENDENT, Q.TEXT_TELLS), RiskGrade.HIGH),
        ((Q.DEPENDENT, Q.ONLY_SOURCE), RiskGrade.HIGH),
        ((Q.DEPENDENT, Q.SUSPECTED), RiskGrade.HIGH),
        ((Q.HARMED,), RiskGrade.HIGH),
        ((Q.SAFETY,), RiskGrade.HIGH),
    ],
)
def test_proposed_grade_by_answers(yes: tuple[RiskQuestion, ...], grade: RiskGrade) -> None:
    assert proposed_grade(answered(*yes)) is grade


def test_what_is_not_known_is_not_safe() -> None:
    assert proposed_grade({}) is RiskGrade.MEDIUM
    assert proposed_grade(answered(unknown=(Q.FEW_KNOW, Q.HARMED))) is RiskGrade.LOW
    assert proposed_grade(answered(unknown=(Q.FEW_KNOW, Q.HARMED, Q.SAFETY))) is RiskGrade.MEDIUM


def test_one_more_yes_never_lowers_the_grade() -> None:
    for first in RiskQuestion:
        for second in RiskQuestion:
            alone, both = proposed_grade(answered(first)), proposed_grade(answered(first, second))
            assert list(RiskGrade).index(both) >= list(RiskGrade).index(alone), (first, second)
