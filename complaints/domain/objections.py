"""Whose closing decision a reporter's objection stands against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from complaints.domain.workflow import CLOSING, Action

Person = TypeVar("Person")


def closer_objected_to(earlier: Iterable[tuple[str, Person]]) -> Person | None:
    """Return who took the closing decision that an objection stands against; None where none stands.

    ``earlier`` are the steps of the case in order, each with its person. The next closing decision settles it.
    """
    closer: Person | None = None
    objected: Person | None = None
    for action, person in earlier:
        if action in CLOSING:
            closer, objected = person, None
        elif action == Action.OBJECT:
            objected = closer
    return objected
