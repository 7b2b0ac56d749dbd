"""What the 64 bits of a picture's perceptual hash tell (``media.picture_hash``, which the sandbox computes)."""

from __future__ import annotations

from typing import Final

HASH_BYTES: Final = 8
# Two pictures are nearly the same where their hashes differ in at most so many of the 64 bits (the Hamming distance).
NEAR: Final = 6
# Plain areas and even gradients give all or no bits: a hash with fewer set, or unset, bits tells no pictures apart.
LEAST_BITS: Final = 8


def says_something(value: int) -> bool:
    """Return whether a hash can tell pictures apart; that of a blank page cannot."""
    return LEAST_BITS <= value.bit_count() <= 8 * HASH_BYTES - LEAST_BITS
