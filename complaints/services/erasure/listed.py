"""The list of erasures: it leaves the machine with the heads of the chain, so that no restored backup undoes one.

A line is ``erased DAY ERASURE COMPLAINT``, two ids and the day on which the report was made unreadable.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from complaints.models.erasure import Erasure
from complaints.services.audit import log, recorded_erasures
from complaints.services.erasure import erasing

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LINE: Final = re.compile(rf"erased (\d{{4}}-\d\d-\d\d) ({_UUID}) ({_UUID})", re.ASCII)


@dataclass(frozen=True)
class ListedErasure:
    """A line of the list."""

    day: date
    erasure: uuid.UUID
    complaint: uuid.UUID

    def __str__(self) -> str:
        """Return the exported line."""
        return f"{log.ERASED} {self.day.isoformat()} {self.erasure} {self.complaint}"


def listed() -> list[ListedErasure]:
    """Return every erasure that has begun and that the chain records, in the order of their days; two queries.

    A row that somebody only wrote into the database is left out: a restoration would erase a report by it.
    """
    rows = Erasure.objects.filter(state__in=Erasure.BEGUN, done_on__isnull=False).order_by("done_on", "pk")
    found = [ListedErasure(day, row, complaint) for row, complaint, day in rows.values_list(*_COLUMNS) if day]
    entered = recorded_erasures.erased_reports({line.complaint for line in found})
    return [line for line in found if line.complaint in entered]


_COLUMNS: Final = ("pk", "complaint_id", "done_on")


def parse(text: str) -> list[ListedErasure]:
    """Read the lines of the list among heads of the chain; raises ValueError(line number) for one that is cut."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith(log.ERASED):
            continue
        match = _LINE.fullmatch(line.strip().lower())
        if match is None:
            raise ValueError(number)
        found.append(ListedErasure(date.fromisoformat(match[1]), uuid.UUID(match[2]), uuid.UUID(match[3])))
    return found


def apply(lines: Sequence[ListedErasure], *, now: datetime) -> int:
    """Erase again, in a restored portal, what was erased before; return how many reports it still had.

    A report that came after the backup is noted all the same, so that the list of this portal names it, too.

    Raises:
        OSError: the storage kept an object.
    """
    again = 0
    for line in lines:
        erasure = _taken_over(line, now)
        if erasure is None:
            continue
        again += erasing.is_stored(line.complaint)
        erasing.erase(erasure, now=now)
    return again


@transaction.atomic
def _taken_over(line: ListedErasure, now: datetime) -> uuid.UUID | None:
    """Enter an erasure of the list; None where this portal has it already, and goes on with it or has done it."""
    log.lock_head()
    present = Erasure.objects.exclude(state=Erasure.State.REFUSED).filter(complaint_id=line.complaint).first()
    if present is not None and present.state in Erasure.TO_DO:
        return present.pk
    if present is not None and present.state == Erasure.State.DONE:
        return None
    row = present or Erasure(pk=line.erasure, complaint_id=line.complaint)
    # Two people confirmed it in entries that the backup does not hold; a proposal in it is overtaken.
    row.ground, row.rule, row.state = Erasure.Ground.LISTED, "", Erasure.State.CONFIRMED
    row.proposed_by = row.proposed_on = row.confirmed_by = row.confirmed_on = None
    row.done_on = line.day
    row.save()
    facts = {"complaint": str(line.complaint), "erasure": str(line.erasure), "day": line.day.isoformat()}
    log.append(event=recorded_erasures.LISTED, now=now, subject=row.pk, facts=facts)
    return row.pk
