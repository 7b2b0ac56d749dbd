"""The queue: which cases stand in it, in which order, what marks each line, and the filters above it.

A page of fifty lines costs a fixed handful of queries at any number of cases: nothing is counted beyond a thousand,
and what a line needs comes with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from complaints.admin import wording
from complaints.admin.base import staff_request
from complaints.domain.workflow import ENDED, OPEN, Status
from complaints.models.case import Case
from complaints.models.catalog import Category
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.services import casework, catalog

if TYPE_CHECKING:
    Filter = admin.SimpleListFilter
    Listed = ChangeList
else:
    Filter, Listed = admin.SimpleListFilter, ChangeList

# Late and due first, then what came first; cases without a deadline wait for others and stand last.
ORDER = (F("due_on").asc(nulls_last=True), "received_on", "id")
# Ended cases have no deadline; the last ones are asked for most.
ENDED_ORDER = ("-received_on", "id")
OURS = frozenset({Status.RECEIVED, Status.IN_REVIEW, Status.INELIGIBLE_PROPOSED, Status.VERIFIED})
BODYS = frozenset({Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED})


def order_for(status: str | None) -> Any:
    """Return the order of the list that the status filter shows."""
    return ENDED_ORDER if status == "ended" or status in ENDED else ORDER


def unread() -> QuerySet[Message]:
    """What reporters wrote and nobody has read, for the cases of an outer query."""
    return Message.objects.unread()


def with_marks(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Add what a line shows beside the case's own columns."""
    reports = Complaint.objects.filter(case=OuterRef("pk")).order_by().values("case").annotate(number=Count("pk"))
    return cases.annotate(
        has_unread=Exists(unread().filter(complaint__case=OuterRef("pk"))),
        has_evidence=Exists(Evidence.objects.filter(complaint__case=OuterRef("pk"))),
        reports=Coalesce(Subquery(reports.values("number")), 0),
    ).select_related("category", "accused_kind", "province", "assignee", "lead_body")


class QueueFilter(Filter):
    """A filter shown as one line that opens; it says what is chosen."""

    template = "admin/queue_filter.html"
    every = _("All")

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what can be chosen, the default first."""
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": self.every,
        }
        for value, label in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }


class StatusFilter(QueueFilter):
    """Where cases stand; without a choice, those that have not ended."""

    title, parameter_name, every = _("Status"), "status", _("Open cases")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Whose turn it is, then each status."""
        turns: list[tuple[str, Any]] = [
            ("ours", _("The office's turn")),
            ("bodys", _("The body's turn")),
            ("ended", _("Ended")),
            ("every", _("All cases")),
        ]
        return turns + [(status.value, wording.status_words(status)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        sets = {None: OPEN, "ours": OURS, "bodys": BODYS, "ended": ENDED, "every": frozenset(Status)}
        value = self.value()
        wanted = sets.get(value) or {status for status in Status if status == value}
        return queryset if value == "every" else queryset.filter(status__in=wanted)


class GroupFilter(QueueFilter):
    """The group of the category."""

    title, parameter_name = _("Category"), "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The groups."""
        return list(Category.Group.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        return queryset.filter(category__group=self.value()) if self.value() else queryset


class AccusedFilter(QueueFilter):
    """The kind of accused."""

    title, parameter_name = _("Accused"), "accused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The kinds, from memory."""
        return [(kind.code, str(kind)) for kind in catalog.accused_kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        return queryset.filter(accused_kind=self.value()) if self.value() else queryset


class ProvinceFilter(QueueFilter):
    """The province."""

    title, parameter_name = _("Province"), "province"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The provinces, from memory."""
        return [("none", _("not given")), *((row.code, row.name) for row in catalog.provinces())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        if self.value() == "none":
            return queryset.filter(province=None)
        return queryset.filter(province=self.value()) if self.value() else queryset


class DueFilter(QueueFilter):
    """What the clock says."""

    title, parameter_name = _("Deadline"), "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Late, or due today."""
        return [("late", _("Late")), ("today", _("Due today"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        today = timezone.localdate()
        if self.value() == "late":
            return queryset.filter(due_on__lt=today, status__in=OPEN)
        return queryset.filter(due_on=today) if self.value() == "today" else queryset


class OfficerFilter(QueueFilter):
    """Whose case it is."""

    title, parameter_name = _("Officer"), "officer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Mine, or nobody's."""
        return [("me", _("Mine")), ("none", _("Nobody's"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases."""
        if self.value() == "me":
            return queryset.filter(assignee=staff_request(request).user)
        return queryset.filter(assignee=None) if self.value() == "none" else queryset


class UnreadFilter(QueueFilter):
    """Where a reporter's words wait."""

    title, parameter_name = _("Answers"), "answers"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Unread."""
        return [("unread", _("Unread"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the cases, starting from the few unread messages."""
        return queryset.filter(pk__in=unread().values("complaint__case")) if self.value() == "unread" else queryset


FILTERS: list[Any] = [
    StatusFilter,
    DueFilter,
    OfficerFilter,
    UnreadFilter,
    GroupFilter,
    AccusedFilter,
    ProvinceFilter,
]


class Queue(Listed):
    """A page of the queue: each case with its clock and its sealed line, opened for this person."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page and dress its lines."""
        super().get_results(request)
        today, asking = timezone.localdate(), staff_request(request)
        # In two steps: beside the whole queue a database would work the marks out for every case of it.
        page = list(self.result_list.values_list("pk", flat=True))
        found = {case.pk: case for case in with_marks(Case.objects.filter(pk__in=page))}
        self.result_list = [found[pk] for pk in page if pk in found]
        lines = casework.summaries(keyring=asking.keyring, cases=self.result_list, now=timezone.now())
        for case in self.result_list:
            case.line = lines.get(case.pk, "")
            case.status_line = wording.case_status(case)
            case.clock = wording.clock(case.due_on if case.status in OPEN else None, today)
            case.age = (today - case.received_on).days
