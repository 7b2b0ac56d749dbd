"""The list of erasures: it leaves the machine with the heads of the chain, so that no restored backup undoes one.

A line is ``erased NUMBER DAY ERASURE COMPLAINT SIGNATURE``: the running number of the erasure, the day on which the
report was made unreadable, and two ids. Another, ``erasures ERA ENTRY COUNT SIGNATURE``, says that up to this entry of
the chain there were so many. The server signs both. A list with a gap, or one that is older than a head, is told apart
from a whole one, and nobody without the server's key can add a line.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.db import transaction

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import verify
from complaints.models.erasure import Erasure
from complaints.services.audit import log, recorded_erasures
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import Head
from complaints.services.erasure import erasing

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LINE: Final = re.compile(rf"erased (\d{{1,9}}) (\d{{4}}-\d\d-\d\d) ({_UUID}) ({_UUID}) ([0-9a-f]{{128}})", re.ASCII)
_UNTIL: Final = re.compile(r"erasures (\d{1,5}) (\d{1,18}) (\d{1,9}) ([0-9a-f]{128})", re.ASCII)
_STATEMENT: Final = b"kanal netral erasures 1 "


class ListRefused(Exception):
    """The list is not whole, is too old, or does not belong to the chain; the text says which."""


@dataclass(frozen=True, order=True)
class ListedErasure:
    """A line of the list."""

    number: int
    day: date
    erasure: uuid.UUID
    complaint: uuid.UUID

    def __str__(self) -> str:
        """Return the line without its signature."""
        return f"{log.ERASED} {self.number} {self.day.isoformat()} {self.erasure} {self.complaint}"


@dataclass(frozen=True, order=True)
class ListedUntil:
    """Up to which entry of the chain the list goes, and how many erasures there were by then."""

    era: int = 0
    sequence: int = 0
    count: int = 0

    def __str__(self) -> str:
        """Return the line without its signature."""
        return f"{log.LISTED_UNTIL} {self.era} {self.sequence} {self.count}"


@dataclass(frozen=True)
class ErasureList:
    """The lines of the list that somebody kept, without repetitions, in order; ``until`` is the newest of its kind."""

    lines: tuple[ListedErasure, ...] = ()
    until: ListedUntil = field(default_factory=ListedUntil)


def listed() -> list[ListedErasure]:
    """Return every erasure that the chain says has made a report unreadable, in order; one query.

    Rows are not asked: a row that somebody only wrote into the database would have a restoration erase a report.
    """
    return [
        ListedErasure(
            int(entry.facts["number"]),
            date.fromisoformat(str(entry.facts["day"])),
            entry.subject,
            uuid.UUID(str(entry.facts["complaint"])),
        )
        for entry in recorded_erasures.unreadable_entries()
        if entry.subject
    ]


def exported() -> list[str]:
    """Return all lines of the list as they leave the machine; four queries.

    What the list goes up to is the newest head, or the newest erasure: the line changes with these alone.
    """
    entries = recorded_erasures.unreadable_entries()
    heads = log.heads()
    ends = [(head.era, head.sequence) for head in heads] + [(entry.era, entry.sequence) for entry in entries[-1:]]
    era, sequence = max(ends, default=(log.era(), 0))
    return [*map(_signed, listed()), _signed(ListedUntil(era, sequence, len(entries)))]


def _signed(line: ListedErasure | ListedUntil) -> str:
    return f"{line} {log.server_signer().sign(_STATEMENT + str(line).encode()).hex()}"


def unsigned(line: str) -> str:
    """Return an exported line without its signature, which another key of the server writes otherwise; heads whole."""
    return line.rpartition(" ")[0] if line.startswith((log.ERASED, log.LISTED_UNTIL)) else line


def parse(text: str) -> ErasureList:
    """Read the list among heads of the chain.

    Raises ValueError(line number) for a line of it that is cut, or that the server's key has not signed.
    """
    lines, untils = [], [ListedUntil()]
    for number, text_line in enumerate(text.splitlines(), start=1):
        if not text_line.startswith((log.ERASED, log.LISTED_UNTIL)):
            continue
        stripped = text_line.strip().lower()
        line: ListedErasure | ListedUntil
        if match := _LINE.fullmatch(stripped):
            line = ListedErasure(int(match[1]), date.fromisoformat(match[2]), uuid.UUID(match[3]), uuid.UUID(match[4]))
            lines.append(line)
        elif match := _UNTIL.fullmatch(stripped):
            line = ListedUntil(int(match[1]), int(match[2]), int(match[3]))
            untils.append(line)
        else:
            raise ValueError(number)
        if not _is_signed(str(line), bytes.fromhex(stripped.rpartition(" ")[2])):
            raise ValueError(number)
    return ErasureList(tuple(sorted(set(lines))), max(untils))


def _is_signed(line: str, signature: bytes) -> bool:
    for key in log.server_keys():
        try:
            verify(key, _STATEMENT + line.encode(), signature)
        except SealError:
            continue
        return True
    return False


# --- Whether a list is whole ------------------------------------------------------------------------------------------


def demand_whole(kept: ErasureList, *, heads: Sequence[Head]) -> None:
    """Raise ListRefused where a list has a gap, was shortened, or is older than one of ``heads``."""
    numbers = [line.number for line in kept.lines]
    if len(numbers) != len(set(numbers)):
        raise ListRefused("The list of erasures names two different erasures by one number.")
    missing = set(range(1, max([kept.until.count, *numbers]) + 1)) - set(numbers)
    if missing:
        raise ListRefused(f"The list of erasures has a gap: number {min(missing)} is missing, {len(missing)} in all.")
    newest = max(((head.era, head.sequence) for head in heads), default=(0, 0))
    if (kept.until.era, kept.until.sequence) < newest:
        raise ListRefused(
            f"The list of erasures is older than the newest head: it goes up to entry {kept.until.sequence}, the head "
            f"is entry {newest[1]}. Take the newest lines from the mailbox."
        )


def demand_of_chain(kept: ErasureList) -> None:
    """Raise ListRefused where a list contradicts the chain of this database, or is older than its newest head."""
    demand_whole(kept, heads=log.heads())
    by_number = {line.number: line for line in kept.lines}
    for line in listed():
        if by_number.get(line.number, line) != line:
            raise ListRefused(f"Number {line.number} of the list is another erasure than the chain says.")


def faults(kept: ErasureList, *, heads: Sequence[Head]) -> Iterator[Fault]:
    """Yield what is wrong with a list that left the machine, against the chain of this portal."""
    try:
        demand_whole(kept, heads=heads)
    except ListRefused:
        yield Fault(None, "list.gap", state=f"{kept.until.count}.{len(kept.lines)}")
    by_number = {line.number: line for line in listed()}
    for line in kept.lines:
        if by_number.get(line.number) != line:
            yield Fault(None, "list.differs", f"erasure {line.erasure}", str(line.number))
    names = {line.number for line in kept.lines}
    entries = recorded_erasures.unreadable_entries()
    left = [entry for entry in entries if entry.sequence <= kept.until.sequence]
    if any(int(entry.facts["number"]) not in names for entry in left):
        yield Fault(None, "list.gap", state=f"{len(left)}.{len(names)}")


# --- Applying it ------------------------------------------------------------------------------------------------------


def apply(lines: Sequence[ListedErasure], *, now: datetime) -> int:
    """Erase again, in a restored portal, what was erased before; return how many reports it still had.

    A report that came after the backup is noted all the same, so that the list of this portal names it, too. The lines
    come in order, so that each erasure gets the number that it had.

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
    log.append(event=recorded_erasures.LISTED, now=now, subject=row.pk, facts=facts | {"number": line.number})
    return row.pk
