"""The columns of the queue: each has a code, a head, and words for a cell; a person chooses which to see.

The reference is always there: it leads to the case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from complaints.models.case import Case
from complaints.models.team import Staff


@dataclass(frozen=True)
class Column:
    """A column; ``kind`` says how a cell is drawn, ``text`` gives its words where they are plain."""

    code: str
    head: Any
    kind: str = "text"
    text: Callable[[Any], str] = lambda case: ""


def _day(name: str) -> Callable[[Any], str]:
    return lambda case: date_format(getattr(case, name), "D, j M Y")


def _officer(case: Case) -> str:
    person = case.assignee
    return (person.get_full_name() or person.username) if person else ""


COLUMNS: Final = (
    Column("deadline", _("Deadline"), "clock"),
    Column("status", _("Status"), "status"),
    Column("line", _("In short"), "line"),
    Column("age", _("Days"), "age"),
    Column("officer", _("Officer"), text=_officer),
    Column("category", _("Category"), text=lambda case: str(case.category)),
    Column("accused", _("Accused"), text=lambda case: str(case.accused_kind)),
    Column("province", _("Province"), text=lambda case: str(case.province or "")),
    Column("agency", _("Agency kind"), text=lambda case: str(case.get_agency_kind_display())),
    Column("received", _("Received on"), "day", _day("received_on")),
    Column("since", _("In this status since"), "day", _day("status_on")),
    Column("body", _("Body"), text=lambda case: case.lead_body.short_name if case.lead_body else ""),
    Column("reports", _("Reports"), "number", lambda case: str(case.reports)),
)
USUAL: Final = ("deadline", "status", "line", "age", "officer")
# Beside the columns: a person who types by voice, or whose reader has keys of its own, switches the queue's keys off.
KEYS_OFF: Final = "nokeys"
_BY_CODE: Final = {one.code: one for one in COLUMNS}


def known(codes: list[str]) -> list[str]:
    """Return the codes that are columns, each once, in the house's order."""
    return [one.code for one in COLUMNS if one.code in codes]


def columns_of(person: Staff) -> list[Column]:
    """Return the columns that a person sees."""
    chosen = known(person.queue_columns.split(",")) or USUAL
    return [_BY_CODE[code] for code in chosen]


def keys_on(person: Staff) -> bool:
    """Whether the queue listens to keys for this person."""
    return KEYS_OFF not in person.queue_columns.split(",")


def cells(case: Any, columns: list[Column]) -> list[tuple[Column, str]]:
    """Return the words of a line's plain cells beside their columns."""
    return [(one, one.text(case)) for one in columns]
