"""What was imposed is called lighter or heavier only where the levels of discipline rank the two."""

from __future__ import annotations

import pytest

from complaints.domain.law.comparison import Comparison, compare

CASES = [
    (["heavy_demotion:heavy"], "light_written:light", Comparison.LIGHTER),
    (["light_oral:light"], "heavy_demotion:heavy", Comparison.HEAVIER),
    (["heavy_demotion:heavy"], "heavy_release:heavy", Comparison.EQUAL),
    (["light_oral:light", "heavy_demotion:heavy"], "medium_rank:medium", Comparison.EQUAL),
    (["moral_open:moral"], "moral_open:moral", Comparison.EQUAL),
    (["moral_open:moral"], "light_oral:light", None),
    (["heavy_demotion:heavy", "moral_open:moral"], "light_oral:light", None),
    ([], "light_oral:light", None),
]


@pytest.mark.parametrize(("recommended", "imposed", "expected"), CASES)
def test_only_ranked_levels_are_compared(recommended: list[str], imposed: str, expected: Comparison | None) -> None:
    def pair(text: str) -> tuple[str, str]:
        code, _, level = text.partition(":")
        return code, level

    assert compare([pair(text) for text in recommended], pair(imposed)) is expected
