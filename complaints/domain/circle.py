"""How many people could know what a reporter tells, in the reporter's own estimate: asked once, and never required.

A code has one character whatever was chosen, so that what is sealed has the same size for all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

# The key among a report's answers, and among the marks of a message; stored, sealed.
CIRCLE: Final = "circle"


class Circle(StrEnum):
    """The size of the circle, smaller ones first; UNTOLD where nobody answered."""

    UNTOLD = "0"
    ONE = "1"
    FEW = "2"
    SOME = "3"
    MANY = "4"

    @classmethod
    def read(cls, value: object) -> Circle:
        """Return what is posted; UNTOLD for nothing, and for what no version of the form offers."""
        return cls(str(value)) if value in set(cls) else cls.UNTOLD
