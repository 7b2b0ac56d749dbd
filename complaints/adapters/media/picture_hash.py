"""Perceptual hash (dHash) of pictures: 64 bits that survive scaling, re-encoding and slight changes of colour.

Its input are working copies and previews. They were written beside a hostile file, which may have taken over whatever
wrote them: they are read in the sandbox as well.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from complaints.adapters.media.refusal import Unreadable

WIDTH, HEIGHT = 9, 8
# A JPEG is decoded at a small scale; other formats are decoded whole.
MAX_PIXELS: Final = 16_000_000
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
