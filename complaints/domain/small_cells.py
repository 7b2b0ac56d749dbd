"""Which cells of a table that leaves the office are left out, so that no number points at one of a few people.

Statistical offices call this cell suppression: cells below a threshold are left out (primary), and others with them
where what is left out could be worked out from the total (secondary).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

# A cell of fewer cases is left out, as an export of fewer asks for care (services.exports.FEW).
SMALLEST_SHOWN: Final = 5
Key = TypeVar("Key", bound=Hashable)


def left_out(cells: Mapping[Key, int]) -> set[Key]:
    """Return the keys of the cells of one column to leave out beside their total.

    Cells of zero are shown: they are about nobody. Where one cell alone would be left out, or cells that sum up to
    less than the threshold, the next larger one goes too, because the total less the rest would tell them.
    """
    by_size = sorted((cell for cell in cells if cells[cell]), key=lambda cell: (cells[cell], str(cell)))
    suppressed = [cell for cell in by_size if cells[cell] < SMALLEST_SHOWN]
    if not suppressed:
        return set()
    rest = by_size[len(suppressed) :]
    while rest and (len(suppressed) < 2 or sum(cells[cell] for cell in suppressed) < SMALLEST_SHOWN):
        suppressed.append(rest.pop(0))
    return set(suppressed)
