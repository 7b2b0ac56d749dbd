"""Whether a sanction that was imposed is lighter or heavier than what was recommended, where the law ranks the two."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from complaints.domain.law.vocabulary import Level

# The levels of discipline from the lightest on. A moral sanction belongs to the code of ethics and an agency's own rule
# to that agency: no text ranks them against these.
_RANKS: Final = {Level.LIGHT: 1, Level.MEDIUM: 2, Level.HEAVY: 3, Level.DISMISSAL: 4}


class Comparison(StrEnum):
    """What was imposed, beside what was recommended."""

    LIGHTER = "lighter"
    EQUAL = "equal"
    HEAVIER = "heavier"


def compare(recommended: Sequence[tuple[str, str]], imposed: tuple[str, str]) -> Comparison | None:
    """Compare a sanction with the recommended ones, each as code of its kind and level; None where no text ranks them.

    Several recommended kinds leave a choice: what lies between the lightest and the heaviest of them is equal.
    """
    if imposed in recommended:
        return Comparison.EQUAL
    ranks = {level.value: rank for level, rank in _RANKS.items()}
    levels = [level for _code, level in (*recommended, imposed)]
    if not recommended or any(level not in ranks for level in levels):
        return None
    advised, rank = [ranks[level] for level in levels[:-1]], ranks[levels[-1]]
    if rank < min(advised):
        return Comparison.LIGHTER
    return Comparison.HEAVIER if rank > max(advised) else Comparison.EQUAL
