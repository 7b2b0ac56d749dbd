"""Perceptual hash (dHash) of pictures: 64 bits that survive scaling, re-encoding and slight changes of colour.

Its input are working copies and previews, which the portal itself encoded, never an original.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from complaints.adapters.media.refusal import Unreadable

WIDTH, HEIGHT = 9, 8
# A JPEG is decoded at a small scale; other formats are decoded whole, in the memory of a process that answers requests.
MAX_PIXELS: Final = 16_000_000
# Two pictures are nearly the same where their hashes differ in at most so many of the 64 bits (the Hamming distance).
NEAR: Final = 6
# Plain areas and even gradients give all or no bits: a hash with fewer set, or unset, bits tells no pictures apart.
LEAST_BITS: Final = 8
_FAULTS: Final = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, MemoryError)


def dhash(data: bytes) -> int:
    """Return the difference hash: whether each of 8 x 8 pixels is lighter than its right neighbour.

    Raises Unreadable: no JPEG, PNG or WebP, damaged, or above MAX_PIXELS.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as image:
            image.draft("L", (8 * WIDTH, 8 * HEIGHT))
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable("bomb")
            small = _flattened(image).resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    except _FAULTS as error:
        raise Unreadable("damaged") from error
    pixels = small.tobytes()
    bits = 0
    for row in range(HEIGHT):
        for column in range(WIDTH - 1):
            index = row * WIDTH + column
            bits = bits << 1 | (pixels[index] > pixels[index + 1])
    return bits


def _flattened(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("L")
    transparent = image.convert("RGBA")
    background = Image.new("RGBA", transparent.size, "white")
    return Image.alpha_composite(background, transparent).convert("L")


def says_something(value: int) -> bool:
    """Return whether a hash can tell pictures apart; that of a blank page cannot."""
    return LEAST_BITS <= value.bit_count() <= 64 - LEAST_BITS
