"""How alike two pictures are: a hash of 64 bits that survives scaling, a new encoding and slight changes of colour.

It is given working copies and previews, which the portal itself encoded, never an original; services.similarity calls it.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from complaints.adapters.media import Unreadable

WIDTH, HEIGHT = 9, 8
# A JPEG is decoded at a small scale; of anything else every pixel must be, in the memory of a process that answers.
MAX_PIXELS: Final = 16_000_000
NEAR: Final = 6
# Plain areas and even gradients look alike in every picture: fewer set, or unset, bits than this tell nothing.
LEAST_BITS: Final = 8
_FAULTS: Final = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, MemoryError)


def dhash(data: bytes) -> int:
    """Return the difference hash of a picture: whether each of 8 x 8 spots is lighter than its right neighbour.

    Raises:
        Unreadable: no JPEG, PNG or WebP, damaged, or larger than is decoded here.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as image:
            image.draft("L", (8 * WIDTH, 8 * HEIGHT))
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable("bomb")
            small = _flattened(image).resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    except _FAULTS as error:
        raise Unreadable("damaged") from error
    spots = small.tobytes()
    bits = 0
    for row in range(HEIGHT):
        for column in range(WIDTH - 1):
            place = row * WIDTH + column
            bits = bits << 1 | (spots[place] > spots[place + 1])
    return bits


def _flattened(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("L")
    seen = image.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(ground, seen).convert("L")


def distance(one: int, other: int) -> int:
    """Return in how many of their 64 bits two hashes differ."""
    return (one ^ other).bit_count()


def says_something(value: int) -> bool:
    """Whether a hash tells one picture from another; that of a blank page does not."""
    return LEAST_BITS <= value.bit_count() <= 64 - LEAST_BITS
