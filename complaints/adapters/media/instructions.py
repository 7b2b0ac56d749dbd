"""What a job of the sandbox is told to remove from a file: each instruction is a whole number, as its options are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from complaints.domain.redaction import SCALE, Box, Reason, Span

_BASE: Final = SCALE + 1
_MILLISECONDS: Final = 2**31


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
