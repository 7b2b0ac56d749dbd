"""What a sheet that leaves the office leaves out, so that no number points at one of a few people."""

from __future__ import annotations

import random

import pytest

from complaints.domain.small_cells import SMALLEST_SHOWN, left_out


@pytest.mark.parametrize(
    ("cells", "hidden"),
    [
        ({}, set()),
        ({"a": 0, "b": 7, "c": 20}, set()),
        # The total less the rest would tell the one: the next larger goes with it.
        ({"a": 2, "b": 9, "c": 20}, {"a", "b"}),
        ({"a": 2, "b": 4, "c": 20}, {"a", "b"}),
        # Two that sum up to two are one each: the next goes too.
        ({"a": 1, "b": 1, "c": 6, "d": 30}, {"a", "b", "c"}),
        ({"a": 3}, {"a"}),
        ({"a": 0, "b": 3, "c": 0}, {"b"}),
    ],
)
def test_small_cells_and_what_would_tell_them(cells: dict[str, int], hidden: set[str]) -> None:
    assert left_out(cells) == hidden


def test_the_rest_never_tells_a_small_cell() -> None:
    chance = random.Random(5)
    for _try in range(500):
        cells = {number: chance.choice((0, 1, 2, 3, 4, 5, 8, 40)) for number in range(chance.randint(1, 8))}
        hidden = left_out(cells)
        small = {cell for cell, number in cells.items() if 0 < number < SMALLEST_SHOWN}
        assert small <= hidden
        positive = {cell for cell, number in cells.items() if number}
        if small and hidden != positive:
            assert len(hidden) > 1 and sum(cells[cell] for cell in hidden) >= SMALLEST_SHOWN
