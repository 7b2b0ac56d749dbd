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
from complaints.models.audit import AuditEntry
from complaints.models.team import Staff

# What is said of each event; complaints.services.audit lists the events.
EVENTS: Final = {
    "case.opened": gettext_lazy("Case opened"),
    "case.transition": gettext_lazy("Case moved"),
    "case.linked": gettext_lazy("Report linked into another case"),
    "case.unlinked": gettext_lazy("Report taken out of a case again"),
    "finding.entered": gettext_lazy("Finding from monitoring entered"),
    "queue.opened": gettext_lazy("Queue read"),
    "queue.searched": gettext_lazy("Queue searched"),
    "filter.saved": gettext_lazy("Filter saved"),
    "filter.deleted": gettext_lazy("Saved filter deleted"),
    "cases.exported": gettext_lazy("Cases exported"),
    "practice.switched": gettext_lazy("Practice mode switched"),
    "practice.made": gettext_lazy("Practice cases made"),
    "leak.checked": gettext_lazy("Text checked for what it gives away"),
    "leak.overridden": gettext_lazy("Warning overridden"),
    "case.assigned": gettext_lazy("Case given to an officer"),
    "case.taken_on": gettext_lazy("Case taken on by its officer"),
    "case.declined": gettext_lazy("Case declined by its officer"),
    "staff.away": gettext_lazy("Absence of a person changed"),
    "assigning.changed": gettext_lazy("Handing out of cases changed"),
    "conflict.matched": gettext_lazy("Conflict of interest found"),
    "conflict.declared": gettext_lazy("Conflict of interest declared"),
    "conflict.lifted": gettext_lazy("Conflict of interest lifted"),
    "message.sent": gettext_lazy("Message sent"),
    "note.written": gettext_lazy("Internal note written"),
    "assessment.recorded": gettext_lazy("Danger graded, or a checklist kept"),
    "object.opened": gettext_lazy("File opened"),
    "object.worked": gettext_lazy("File read in an officer's session"),
    "custody.printed": gettext_lazy("Custody sheet made"),
    "release.made": gettext_lazy("Released to a body"),
    "release.opened": gettext_lazy("Release opened"),
    "decision.recorded": gettext_lazy("Decision of a body recorded"),
    "staff.key_made": gettext_lazy("Person's key made"),
    "staff.key_retired": gettext_lazy("Person's key retired"),
    "staff.signed_in": gettext_lazy("Person signed in"),
    "staff.changed": gettext_lazy("Account changed"),
    "session.ended": gettext_lazy("Sessions ended"),
    "factor.added": gettext_lazy("Second factor added"),
    "factor.removed": gettext_lazy("Second factor removed"),
    "factor.codes_made": gettext_lazy("Recovery codes made"),
    "factor.reset": gettext_lazy("Second factor reset"),
    "team.made": gettext_lazy("Team made"),
    "team.asked": gettext_lazy("Admission asked for"),
    "team.admitted": gettext_lazy("Person admitted to a team"),
    "team.left": gettext_lazy("Person's place in a team ended"),
    "team.reviewed": gettext_lazy("Access reviewed"),
    "teamkey.removed": gettext_lazy("Person removed from a team"),
    "teamkey.rotated": gettext_lazy("Team's key changed"),
    "teamkey.resealed": gettext_lazy("Sealed again to the team's new key"),
    "teamkey.finished": gettext_lazy("Team's old key forgotten"),
    "catalog.changed": gettext_lazy("Reference data changed"),
    "day.closed": gettext_lazy("Day closed"),
}
# Ids and digests are cut to this many characters.
FACT_CHARS: Final = 20


class EventFilter(ListFilter):
    """Narrows the log to one kind of event."""

    title, parameter_name = gettext_lazy("Event"), "event"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> list[Choice]:
        """Return every event that the log knows."""
        return list(EVENTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Keep the entries of the chosen event."""
        return queryset.filter(event=self.value()) if self.value() else queryset


class DayFilter(ListFilter):
    """Narrows the log to the last days, or to one day that is typed."""

    title, parameter_name, template = gettext_lazy("Day"), "day", "admin/day_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[AuditEntry]) -> list[Choice]:
        """Return the spans up to today, and the typed day where there is one."""
        spans: list[Choice] = [("1", _("Today")), ("7", _("Past 7 days")), ("30", _("Past 30 days"))]
        day = self.typed_day()
        # The template formats the label of a day.
        return [*spans, (day.isoformat(), day)] if day else spans

    def typed_day(self) -> date | None:
        """Return the one day that was typed; None without one."""
        try:
            return date.fromisoformat(self.value() or "")
        except ValueError:
            return None

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Keep the entries of the chosen days; of all where the address holds no known choice."""
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
        """Return the newest entry first."""
        return ("-sequence",)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[AuditList]:
        """Return the list that looks the people up."""
        return AuditList
