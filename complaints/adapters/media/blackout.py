"""Boxes drawn on a picture, which is then written anew from its pixels. Runs in the sandbox only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

from PIL import Image, ImageDraw

from complaints.adapters.media import images
from complaints.adapters.media.instructions import boxes_of
from complaints.adapters.media.refusal import Unreadable
from complaints.domain.redaction import SCALE, Box

# JPEG computes such a square as one, so that what stood in a box leaves ripples in what is left of its squares.
SQUARE: Final = 16
_WRITTEN: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> tuple[str, int]:
    """Write a picture with boxes drawn over it; return its media type and 0, for it has no pages.

    Raises Unreadable: of a type that no working copy has, or as :func:`images.clean`.
    """
    if media_type not in _WRITTEN:
        raise Unreadable("unsupported")
    form = _WRITTEN[media_type]
    with images.opened(source, media_type) as image:
        images.refuse_bombs(image)
        picture = images.bare(image, opaque=form == "JPEG")
    draw_boxes(picture, boxes_of(options))
    images.write(picture, out, form)
    return media_type, 0


def draw_boxes(picture: Image.Image, boxes: Iterable[Box]) -> None:
    """Draw black boxes, each widened to whole squares; what was there is nowhere in the picture any more."""
    pen, black = ImageDraw.Draw(picture), (0, 0, 0, 255) if picture.mode == "RGBA" else (0, 0, 0)
    for box in boxes:
        left, right = _widened(box.left, box.width, picture.width)
        top, bottom = _widened(box.top, box.height, picture.height)
        if left < right and top < bottom:
            pen.rectangle((left, top, right - 1, bottom - 1), fill=black)


def _widened(start: int, length: int, pixels: int) -> tuple[int, int]:
    """Return the first pixel and the one behind the last of what a box covers in one direction."""
    first = start * pixels // SCALE // SQUARE * SQUARE
    last = -(-(start + length) * pixels // SCALE)
    return max(0, first), min(pixels, -(-last // SQUARE) * SQUARE)
