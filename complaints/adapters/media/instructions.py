"""What a job of the sandbox is told to remove from a file: each instruction is a whole number, as its options are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from complaints.domain.redaction import SCALE, Box, Reason, Removed, Span

_BASE: Final = SCALE + 1
_MILLISECONDS: Final = 2**31
# Places in a text, and sets of reasons.
_LETTERS: Final = 2**17
# Runs in one number, which the reader of a request takes up to 4,300 digits long.
_RUNS: Final = 100
_REASONS: Final = 2 ** len(Reason)


def packed_boxes(boxes: Iterable[Box]) -> dict[str, int]:
    """Return boxes as options of a job; their reasons stay behind."""
    options = {}
    for number, box in enumerate(boxes):
        value = box.page
        for part in (box.left, box.top, box.width, box.height):
            value = value * _BASE + part
        options[f"box{number}"] = value
    return options


def boxes_of(options: Mapping[str, int]) -> list[Box]:
    """Return the boxes that the options of a job hold."""
    boxes = []
    for value in (value for name, value in options.items() if name.startswith("box")):
        parts = []
        for _part in range(4):
            value, part = divmod(value, _BASE)
            parts.append(part)
        height, width, top, left = parts
        boxes.append(Box(value, left, top, width, height, Reason.IDENTITY))
    return boxes


def packed_mutes(mutes: Iterable[Span]) -> dict[str, int]:
    """Return spans of a sound, in milliseconds, as options of a job; their reasons stay behind."""
    return {f"mute{number}": span.start * _MILLISECONDS + span.end for number, span in enumerate(mutes)}


def mutes_of(options: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return the spans of a sound that the options of a job hold, in milliseconds."""
    return [divmod(value, _MILLISECONDS) for name, value in options.items() if name.startswith("mute")]


def packed_cuts(cuts: Iterable[Span], *, is_silent: bool) -> dict[str, int]:
    """Return what goes of a film as options of a job: spans in milliseconds, and whether all of its sound does."""
    options = {f"cut{number}": span.start * _MILLISECONDS + span.end for number, span in enumerate(cuts)}
    return options | ({"silent": 1} if is_silent else {})


def cuts_of(options: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return the spans of a film that the options of a job hold, in milliseconds, the earliest first."""
    return sorted(divmod(value, _MILLISECONDS) for name, value in options.items() if name.startswith("cut"))


def packed_passages(runs: Sequence[Removed]) -> dict[str, int]:
    """Return removed runs of a text as options of a job: many in each number, so that all fit into a request."""
    options = {}
    for first in range(0, len(runs), _RUNS):
        value = 1
        for run in runs[first : first + _RUNS]:
            reasons = sum(1 << number for number, reason in enumerate(Reason) if reason in run.reasons)
            value = ((value * _LETTERS + run.start) * _LETTERS + run.end) * _REASONS + reasons
        options[f"passages{first // _RUNS:03}"] = value
    return options


def passages_of(options: Mapping[str, int]) -> list[Removed]:
    """Return the removed runs that the options of a job hold, in their order."""
    runs = list[Removed]()
    for value in (options[name] for name in sorted(options, reverse=True) if name.startswith("passages")):
        while value > 1:
            value, reasons = divmod(value, _REASONS)
            value, end = divmod(value, _LETTERS)
            value, start = divmod(value, _LETTERS)
            runs.append(Removed(start, end, tuple(item for number, item in enumerate(Reason) if reasons >> number & 1)))
    return runs[::-1]
