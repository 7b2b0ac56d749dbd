"""The grade that the answers speak for: harm and traceability weigh, and what is not known is never safe."""

import pytest

from complaints.domain.risk import Answer, Grade, Question, highest, proposed

Q = Question
NOTHING = dict.fromkeys(Question, Answer.NO)


def answered(*yes: Question, unknown: tuple[Question, ...] = ()) -> dict[Question, Answer]:
    return NOTHING | dict.fromkeys(yes, Answer.YES) | dict.fromkeys(unknown, Answer.UNKNOWN)


@pytest.mark.parametrize(
    ("yes", "grade"),
    [
        ((), Grade.LOW),
        ((Q.FEW_KNOW,), Grade.MEDIUM),
        ((Q.SUSPECTED, Q.TEXT_TELLS), Grade.MEDIUM),
        ((Q.DEPENDENT,), Grade.MEDIUM),
        ((Q.DEPENDENT, Q.FEW_KNOW), Grade.HIGH),
        ((Q.DEPENDENT, Q.TEXT_TELLS), Grade.HIGH),
        ((Q.DEPENDENT, Q.ONLY_SOURCE), Grade.HIGH),
        ((Q.DEPENDENT, Q.SUSPECTED), Grade.HIGH),
        ((Q.HARMED,), Grade.HIGH),
        ((Q.SAFETY,), Grade.HIGH),
    ],
)
def test_the_rule(yes: tuple[Question, ...], grade: Grade) -> None:
    assert proposed(answered(*yes)) is grade


def test_what_is_not_known_is_not_safe() -> None:
    assert proposed({}) is Grade.MEDIUM
    assert proposed(answered(unknown=(Q.FEW_KNOW, Q.HARMED))) is Grade.LOW
    assert proposed(answered(unknown=(Q.FEW_KNOW, Q.HARMED, Q.SAFETY))) is Grade.MEDIUM


def test_one_more_yes_never_lowers_the_grade() -> None:
    for first in Question:
        for second in Question:
            alone, both = proposed(answered(first)), proposed(answered(first, second))
            assert list(Grade).index(both) >= list(Grade).index(alone), (first, second)


def test_the_highest_of_several() -> None:
    assert highest([Grade.LOW, Grade.HIGH, Grade.MEDIUM]) is Grade.HIGH
    assert highest([]) is None
