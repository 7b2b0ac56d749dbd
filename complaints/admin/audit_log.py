"""The audit log for auditors to read: who did what, when, with what facts; filtered by event and by day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseAdmin
from complaints.admin.list_filter import Choice, ListFilter
from complaints.models.audit import EVENTS, AuditEntry
from complaints.models.team import Staff

# Ids and digests are cut to this many characters.
FACT_CHARS: Final = 20


class EventFilter(ListFilter):
    """Narrows the log to one kind of event."""

    title, parameter_name = gettext_lazy("Event"), "event"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> list[Choice]:
        return list(EVENTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(event=self.value()) if self.value() else queryset


class DayFilter(ListFilter):
    """Narrows the log to the last days, or to one day that is typed."""

    title, parameter_name, template = gettext_lazy("Date"), "day", "admin/day_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> list[Choice]:
        """Return the spans up to today, and the typed day where there is one."""
        spans: list[Choice] = [("1", _("Today")), ("7", _("Past 7 days")), ("30", _("Past 30 days"))]
        day = self.typed_day()
        # The template formats the label of a day.
        return [*spans, (day.isoformat(), day)] if day else spans

    def typed_day(self) -> date | None:
        try:
            return date.fromisoformat(self.value() or "")
        except ValueError:
            return None

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        today, day = timezone.localdate(), self.typed_day()
        if day:
            return queryset.filter(at__gte=_midnight(day), at__lt=_midnight(day + timedelta(days=1)))
        if self.value() in {"1", "7", "30"}:
            return queryset.filter(at__gte=_midnight(today - timedelta(days=int(self.value() or 1) - 1)))
        return queryset


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


class AuditList(ChangeList):
    """A page of the log; each entry also gets ``person``, ``words`` and ``details`` for the template."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page, and the people on it in one query."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        people = Staff.objects.in_bulk({entry.actor for entry in self.result_list if entry.actor})
        for entry in self.result_list:
            person = people.get(entry.actor)
            entry.person = person.username if person else _("the system")
            entry.words = EVENTS.get(entry.event, entry.event)
            entry.details = [(name, _shortened(str(value))) for name, value in entry.facts.items()]


def _shortened(text: str) -> str:
    return text if len(text) <= FACT_CHARS else f"{text[: FACT_CHARS - 1]}…"


class AuditAdmin(BaseAdmin):
    """The change list of the log, newest entry first."""

    list_filter = [EventFilter, DayFilter]
    change_list_template = "admin/audit.html"
    list_title = gettext_lazy("Audit chain")
    opens_for = staticmethod(access.may_audit)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return all entries but those of cases with which the auditor has a conflict of interest."""
        return AuditEntry.objects.exclude(case__in=access.conflicted_cases(request.user))

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        return ("-sequence",)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[AuditList]:
        return AuditList
