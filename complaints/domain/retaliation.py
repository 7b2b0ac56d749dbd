"""Retaliation as a report tells it, what the office did about it, and when it asks again whether the person is safe.

What tells of it stands inside sealed records, as marks beside the text of a message or of a note. ``TOLD`` is on a
message of the reporter, ``CHECK_IN`` on a message to the reporter or on a note, ``ACT`` on a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from complaints.domain.deadlines import is_working_day

Marks: TypeAlias = Mapping[str, object]
# Keys and values are stored, sealed.
TOLD: Final = "told"
CHECK_IN: Final = "check_in"
ACT: Final = "act"
# In no record: what a release that holds the message does to its matter, until it is recalled.
FORWARDED: Final = "forwarded"
# All of them; messages bear marks of other matters as well.
MARK_NAMES: Final = frozenset({TOLD, CHECK_IN, ACT, FORWARDED})
# The limits of the rules after which the office asks again, in their order.
CHECK_INS: Final = ("check-in-1", "check-in-2", "check-in-3")


class RetaliationKind(StrEnum):
    """What happened to the reporter; "" in a record where the reporter did not say."""

    MOVED = "moved"
    DEMOTED = "demoted"
    PAY = "pay"
    PRESSED = "pressed"
    THREATENED = "threatened"
    CONTRACT = "contract"
    OTHER = "other"


class OfficeAct(StrEnum):
    """What the office did about it; a check-in that was skipped is no act."""

    LPSK = "lpsk"
    TRANSFER_LETTER = "transfer_letter"
    BODY = "body"
    OTHER = "other"


@dataclass(frozen=True)
class Retaliation:
    """What a reporter told: the kind ("" where not said) and the day on which it happened, or was decided."""

    kind: str = ""
    happened_on: date | None = None

    def as_mark(self) -> dict[str, str]:
        """Return it as it stands in a sealed record."""
        return {"kind": self.kind, "day": self.happened_on.isoformat() if self.happened_on else ""}

    @classmethod
    def from_mark(cls, mark: object) -> Retaliation:
        """Read what :meth:`as_mark` wrote; an unknown kind, of a later version, is told without a kind."""
        values = mark if isinstance(mark, Mapping) else {}
        kind, day = str(values.get("kind", "")), str(values.get("day", ""))
        known = kind if kind in set(RetaliationKind) else ""
        return cls(known, date.fromisoformat(day) if day else None)


@dataclass(frozen=True)
class MarkedRecord:
    """A message or a note of a report: its place among them, its day, and the marks inside it."""

    sequence: int
    day: date
    marks: Marks


@dataclass(frozen=True)
class Matter:
    """What one report told last, by the day and the place of that message, and what the office has done since.

    ``has_act`` where an officer recorded what was done, ``is_forwarded`` where a body has the message, ``checked`` are
    the limits whose check-in was made or skipped.
    """

    told_on: date
    sequence: int
    has_act: bool = False
    checked: frozenset[str] = field(default_factory=frozenset)
    is_forwarded: bool = False

    @property
    def is_acted_on(self) -> bool:
        """Whether something was done: an act was recorded, or a body has what was told."""
        return self.has_act or self.is_forwarded

    def followed_by(self, marks: Marks) -> Matter:
        """Return the matter after a later record, or a release, with these marks."""
        acted, sent = self.has_act or bool(marks.get(ACT)), self.is_forwarded or bool(marks.get(FORWARDED))
        done = {str(marks[CHECK_IN])} if marks.get(CHECK_IN) else set()
        return Matter(self.told_on, self.sequence, acted, self.checked | done, sent)

    def joined(self, other: Matter | None) -> Matter:
        """Return what both say of the same message; of another message the later one counts."""
        if other is None or other.sequence < self.sequence:
            return self
        if other.sequence > self.sequence:
            return other
        acted, sent = self.has_act or other.has_act, self.is_forwarded or other.is_forwarded
        return Matter(self.told_on, self.sequence, acted, self.checked | other.checked, sent)

    @property
    def is_finished(self) -> bool:
        """Whether something was done, and each check-in was made or skipped."""
        return self.is_acted_on and self.checked >= set(CHECK_INS)


def matter_of(records: Iterable[MarkedRecord]) -> Matter | None:
    """Return the matter of one report from its messages and notes; None where it tells of no retaliation."""
    matter: Matter | None = None
    for record in sorted(records, key=lambda record: record.sequence):
        if TOLD in record.marks:
            matter = Matter(record.day, record.sequence)
        elif matter is not None:
            matter = matter.followed_by(record.marks)
    return matter


def working_day_from(day: date, closed: Iterable[date]) -> date:
    """Return ``day``, or the first working day after it where offices are closed on it."""
    days = frozenset(closed)
    while not is_working_day(day, days):
        day += timedelta(days=1)
    return day
