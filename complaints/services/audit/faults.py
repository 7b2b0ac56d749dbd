"""What verification names, and which rows it verifies: faults, checks of rows, and the scope of a run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db.models import Q, QuerySet

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.domain.workflow import OPEN
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.verification import FAULTS

# A run verifies one of this many equal parts of the rows that have rested.
PARTS: Final = 7
SUBJECT_CHARS: Final = 80
STATE_CHARS: Final = 200
# Rows of any table.
Rows: TypeAlias = "QuerySet[Any, Any]"


@dataclass(frozen=True)
class Fault:
    """A place where the chain or a row is not as it was recorded.

    Attributes:
        sequence: the number of the entry, where the fault belongs to one.
        code: one of FAULTS.
        subject: the reference of a case, or the table and id of a row; at most SUBJECT_CHARS characters.
        state: a digest or code of what stands there now, or "", at most STATE_CHARS characters. A person who
            acknowledges a fault acknowledges this state: with another state it is another fault.
    """

    sequence: int | None
    code: str
    subject: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        if self.code not in FAULTS or len(self.subject) > SUBJECT_CHARS or len(self.state) > STATE_CHARS:
            raise ValueError(self.code)

    @property
    def digest(self) -> str:
        """The digest (hexadecimal) by which people acknowledge the fault."""
        columns = {"sequence": self.sequence, "code": self.code, "subject": self.subject, "state": self.state}
        return blake2b(hashchain.canonical(columns), person=b"chain fault").hex()


@dataclass(frozen=True)
class Scope:
    """Which rows a run verifies.

    Attributes:
        since: the number of the last entry of which the rows are known to be verified; None to verify every row.
        part: which of the PARTS parts of the other rows is verified as well, from 0.
    """

    since: int | None = None
    part: int = 0

    def part_of(self, column: str = "pk") -> Q:
        """Return the condition on the random UUID in ``column`` that picks this run's part of a table."""
        width = (1 << 128) // PARTS
        first, end = self.part * width, (self.part + 1) * width
        condition = Q(**{f"{column}__gte": uuid.UUID(int=first)})
        return condition if self.part == PARTS - 1 else condition & Q(**{f"{column}__lt": uuid.UUID(int=end)})

    def cases(self) -> QuerySet[Case]:
        """Return the cases of this run: all, or those with new entries, the open ones, and a part of the rest."""
        cases = Case.objects.all()
        if self.since is None:
            return cases
        recorded = AuditEntry.objects.filter(sequence__gt=self.since, case__isnull=False).values("case")
        return cases.filter(Q(pk__in=recorded) | Q(status__in=OPEN) | self.part_of())

    def reports(self, *, stored: bool = False) -> QuerySet[Complaint]:
        """Return the reports of this run: all, or those of its cases, and a part of the rest.

        With ``stored`` what is left of erased ones is among them.
        """
        reports = Complaint.stored.all() if stored else Complaint.objects.all()
        if self.since is None:
            return reports
        return reports.filter(Q(case__in=self.cases().values("pk")) | self.part_of())


def lock(rows: Rows) -> None:
    """Lock rows until the transaction ends, in the order of their keys, without reading them."""
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def once(_scope: Scope) -> Rows:
    """Return the single row that stands for a check which looks at whole tables."""
    return ChainHead.objects.all()


@dataclass(frozen=True)
class RowCheck:
    """A check of the rows of one table, which runs in chunks so that its memory is bounded.

    Attributes:
        name: names the check in the record of how far a run has come; unique, lower case, and never renamed lightly.
        rows: returns the rows of a run, unordered. The runner reads their primary keys in order, some at a time.
        faults: takes the primary keys of a chunk and yields what is not as recorded. A first look may meet an act that
            is not finished: the check looks at a faulty row again with the row locked before it yields a fault. Rows
            that have gone since their keys were read are no fault of the check.
    """

    name: str
    rows: Callable[[Scope], Rows]
    faults: Callable[[Sequence[Any]], Iterable[Fault]]
