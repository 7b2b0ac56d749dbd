"""The queue: which cases stand on a page of it, in which order, and what each line says.

Pages are found by the keys of their first or last line, never by counting: the thousandth page of a million cases
costs what the first one costs, and cases that come or go meanwhile make no line appear twice or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import (
    BooleanField,
    Count,
    DateField,
    Exists,
    F,
    Func,
    OrderBy,
    OuterRef,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from complaints.admin import wording
from complaints.admin.base import StaffRequest
from complaints.admin.filters import Cases, unread
from complaints.domain.workflow import ENDED, OPEN
from complaints.models.case import DUE_KEY, Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.services import case_items

__all__ = ["Order", "Page", "dress", "order_for", "page", "place_in", "unread", "with_marks"]

SIZE: Final = 50


class Beyond(Func):
    """Whether a row of columns stands beyond a row of values: one comparison, which an index can answer."""

    output_field = BooleanField()

    def __init__(self, columns: Sequence[Any], values: Sequence[Any], *, sign: str) -> None:
        super().__init__(*columns, *values)
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Return ``(a, b) > (x, y)``."""
        parts, params = [], []
        for one in self.get_source_expressions():
            sql, own = compiler.compile(one)
            parts.append(sql)
            params += own
        half = len(parts) // 2
        return f"({', '.join(parts[:half])}) {self.sign} ({', '.join(parts[half:])})", params


@dataclass(frozen=True)
class Order:
    """An order of the queue: days, then the id, so that no two cases stand alike; all of them one way."""

    days: tuple[Any, ...]
    falls: bool

    @property
    def keys(self) -> tuple[Any, ...]:
        """The expressions."""
        return (*self.days, F("id"))

    def sort(self, cases: QuerySet[Any], *, turned: bool = False) -> QuerySet[Any]:
        """Sort cases, or sort them the other way round."""
        return cases.order_by(*(OrderBy(key, descending=self.falls != turned) for key in self.keys))

    def place_of(self, case: Any) -> str:
        """Return where a case stands, as an address may say it: days and the case's id."""
        due, came = case.due_on or date.max, case.received_on
        days = (came,) if len(self.days) == 1 else (due, came)
        return ".".join([*(day.strftime("%Y%m%d") for day in days), case.pk.hex])

    def beyond(self, place: str, *, turned: bool) -> Beyond | None:
        """Return the condition for what stands after ``place``, or before it; None where it is no place."""
        *days, identifier = place.split(".")
        if len(days) != len(self.days):
            return None
        try:
            values = [Value(datetime.strptime(day, "%Y%m%d").date(), output_field=DateField()) for day in days]  # noqa: DTZ007
            last = Value(uuid.UUID(identifier), output_field=UUIDField())
        except ValueError:
            return None
        return Beyond(self.keys, [*values, last], sign="<" if self.falls != turned else ">")


# Late and due first, then what came first; of those that have ended the newest, because they are asked for most.
BY_DEADLINE: Final = Order((DUE_KEY, F("received_on")), falls=False)
NEWEST: Final = Order((F("received_on"),), falls=True)


def order_for(status: str) -> Order:
    """Return the order of the list that the status filter shows."""
    return NEWEST if status == "ended" or status in ENDED else BY_DEADLINE


@dataclass(frozen=True)
class Page:
    """One page: its cases, and the places that the pages before and after it are found by, "" where there is none."""

    cases: list[Any]
    before: str
    after: str


def with_marks(cases: Cases) -> QuerySet[Any]:
    """Add what a line shows beside the case's own columns."""
    reports = Complaint.objects.filter(case=OuterRef("pk")).order_by().values("case").annotate(number=Count("pk"))
    return cases.annotate(
        has_unread=Exists(unread().filter(complaint__case=OuterRef("pk"))),
        has_evidence=Exists(Evidence.objects.filter(complaint__case=OuterRef("pk"))),
        has_finding=Exists(Complaint.objects.filter(case=OuterRef("pk")).exclude(channel=Complaint.Channel.WEB)),
        reports=Coalesce(Subquery(reports.values("number")), 0),
    ).select_related("category", "accused_kind", "province", "assignee", "lead_body", "stands_for")


def page(cases: Cases, order: Order, *, after: str = "", before: str = "") -> Page:
    """Return the page after a place, or before one, or the first; one query, two where pages ran out meanwhile."""
    turned = bool(before)
    condition = order.beyond(before or after, turned=turned) if before or after else None
    rows = order.sort(cases, turned=turned)
    if condition is not None:
        rows = rows.filter(condition)
    # One more than is shown tells whether there is another page. In a query of their own: beside the whole queue a
    # database would work the marks out for every case of it.
    keys = rows.values("pk")[: SIZE + 1]
    found = list(order.sort(with_marks(Case.objects.filter(pk__in=keys)), turned=turned))
    more, found = len(found) > SIZE, found[:SIZE]
    if condition is not None and turned and not more:
        # The cases before it fill no page any more: this is the first page, and it is full.
        return page(cases, order)
    if turned:
        found.reverse()
    elif condition is not None and not found:
        return page(cases, order)
    has_before = more if turned else condition is not None
    has_after = turned or more
    return Page(
        cases=found,
        before=order.place_of(found[0]) if found and has_before else "",
        after=order.place_of(found[-1]) if found and has_after else "",
    )


def dress(cases: list[Any], *, asking: StaffRequest, now: datetime) -> None:
    """Add to each case its clock and its sealed line, opened for this person; recorded as one look at the queue."""
    today = timezone.localdate(now)
    urgent: set[uuid.UUID] = set()
    lines = case_items.summaries(actor=asking.actor, cases=cases, urgent=urgent) if cases else {}
    # Whoever met a report about themselves just now is not shown that it is there.
    cases[:] = [case for case in cases if not asking.keyring.has_conflict(case.pk)]
    for case in cases:
        case.line, case.in_danger = lines.get(case.pk, ""), case.pk in urgent
        case.status_line = wording.case_status(case)
        case.clock = wording.clock(case.due_on if case.status in OPEN else None, today)
        case.age = (today - case.received_on).days


def place_in(asked: Mapping[str, str]) -> tuple[str, str]:
    """Return the places that an address names, (after, before); one of them at most counts."""
    before = asked.get("before", "")
    return ("", before) if before else (asked.get("after", ""), "")
