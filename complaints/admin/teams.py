"""Teams and their admissions, and the audit chain to read.

A member admits a person by typing the fingerprint that the person reads out. The page never shows that fingerprint:
whoever can write to the database could have put their own key there, and copying it back would prove nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import HouseAdmin, in_a_team, staff_request
from complaints.admin.forms import FingerprintForm
from complaints.admin.keychange import REFUSED, KeyChange
from complaints.admin.lists import Listed, ListFilter
from complaints.models.audit import AuditEntry
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import team_key_history
from complaints.services.team_key_history import UnpinnedKey, pinned_team, team_fingerprint
from complaints.services.team_keys import membership, resealing, rotation

EVENTS = {
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
FACT_CHARS = 20
LEFT_SHOWN = 10


class TeamAdmin(KeyChange):
    """One page: who holds a team's key, and who waits for it."""

    def opens_for(self, request: HttpRequest) -> bool:
        """Members, for their own team; administrators, for all."""
        return in_a_team(request.user) or access.may_administer(request.user)

    def own_urls(self) -> list[URLPattern]:
        """Admission, by POST."""
        return [
            self.route("<uuid:membership_id>/terima/", self.admit, "admit", "POST"),
            *super().own_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """The teams that this person may know."""
        teams = Team.objects.all() if access.may_administer(request.user) else access.teams_of(request.user)
        people = teams.select_related("body").prefetch_related("memberships__staff", "memberships__admitted_by")
        return people.order_by("kind", "slug")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the teams."""
        return self._show(request)

    def _show(
        self, request: HttpRequest, *, again: uuid.UUID | None = None, form: FingerprintForm | None = None
    ) -> HttpResponse:
        keyring, found = staff_request(request).keyring, list(self.get_queryset(request))
        held, gone = keyring.team_ids, rotation.leavers(found)
        teams = []
        for team in found:
            rows = sorted(team.memberships.all(), key=lambda row: str(row.staff))
            left = sorted((row for row in rows if row.left_at), key=lambda row: str(row.left_at), reverse=True)
            waiting = [row for row in rows if not row.sealed_key and _may_wait(row)]
            teams.append(
                {
                    "team": team,
                    "fingerprint": team_fingerprint(team),
                    "pinned": _pinned(team),
                    "pinned_itself": team_key_history.is_pinned_itself(team),
                    "members": [row for row in rows if row.sealed_key and not row.left_at],
                    "left": [(row, rotation.reason_of(keyring=keyring, row=row)) for row in left[:LEFT_SHOWN]],
                    "leavers": [row for row in gone if row.team_id == team.pk],
                    "progress": resealing.progress(team=team),
                    "waiting": [(row, _admission(row, again, form)) for row in waiting],
                    "may_admit": team.pk in held,
                }
            )
        context = {"title": _("Teams"), "teams": teams}
        return self.page(request, "admin/teams.html", context, status=400 if form else 200)

    def admit(self, request: HttpRequest, membership_id: uuid.UUID) -> HttpResponseBase:
        """Admit a person whose fingerprint was compared in person."""
        mine = access.teams_of(request.user)
        row = TeamMembership.objects.filter(pk=membership_id, team__in=mine).select_related("staff").first()
        if row is None:
            raise Http404
        form = FingerprintForm(request.POST, auto_id=f"id_{row.pk}_%s")
        if form.is_valid():
            try:
                membership.admit(
                    actor=staff_request(request).actor,
                    membership_id=row.pk,
                    fingerprint=form.cleaned_data["fingerprint"],
                )
            except membership.AdmissionRefused as refusal:
                form.add_error("fingerprint", str(REFUSED[refusal.code]))
            else:
                name = row.staff.get_full_name() or row.staff.username
                messages.success(request, _("%(person)s is a member now.") % {"person": name})
                return redirect("admin:complaints_team_changelist")
        return self._show(request, again=row.pk, form=form)


def _may_wait(row: TeamMembership) -> bool:
    return not row.left_at and row.staff.is_active and access.may_join(row.staff, row.team)


def _admission(row: TeamMembership, again: uuid.UUID | None, form: FingerprintForm | None) -> FingerprintForm | None:
    if not row.staff.has_key:
        return None
    return form if form and again == row.pk else FingerprintForm(auto_id=f"id_{row.pk}_%s")


def _pinned(team: Team) -> bool:
    try:
        pinned_team(team.slug)
    except UnpinnedKey:
        return False
    return True


class EventFilter(ListFilter):
    """What happened."""

    title, parameter_name = gettext_lazy("Event"), "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Every event that the chain knows."""
        return list(EVENTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the entries."""
        return queryset.filter(event=self.value()) if self.value() else queryset


class DayFilter(ListFilter):
    """When it happened: a span up to today, or one day that is typed."""

    title, parameter_name, template = gettext_lazy("Day"), "day", "admin/day_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Spans up to today, and the typed day where there is one."""
        spans: list[tuple[str, Any]] = [("1", _("Today")), ("7", _("Past 7 days")), ("30", _("Past 30 days"))]
        return spans + [(day.isoformat(), day) for day in [self.typed()] if day]

    def typed(self) -> date | None:
        """The one day that was typed."""
        try:
            return date.fromisoformat(self.value() or "")
        except ValueError:
            return None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the entries."""
        today, day = timezone.localdate(), self.typed()
        if day:
            return queryset.filter(at__gte=_midnight(day), at__lt=_midnight(day + timedelta(days=1)))
        if self.value() in {"1", "7", "30"}:
            return queryset.filter(at__gte=_midnight(today - timedelta(days=int(self.value() or 1) - 1)))
        return queryset


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


class Chain(Listed):
    """A page of the chain, with people's names beside their ids."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page and dress its lines."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        people = Staff.objects.in_bulk({entry.actor for entry in self.result_list if entry.actor})
        for entry in self.result_list:
            person = people.get(entry.actor)
            entry.person = person.username if person else _("the system")
            entry.words = EVENTS.get(entry.event, entry.event)
            entry.details = list(_facts(entry.facts.items()))


def _facts(facts: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, value in facts:
        text = str(value)
        yield name, text if len(text) <= FACT_CHARS else f"{text[: FACT_CHARS - 1]}…"


class AuditAdmin(HouseAdmin):
    """The chain, newest first, for auditors to read."""

    list_filter = [EventFilter, DayFilter]
    change_list_template = "admin/audit.html"
    list_title = gettext_lazy("Audit chain")

    def opens_for(self, request: HttpRequest) -> bool:
        """Auditors."""
        return access.may_audit(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """All but what was done to a case that the auditor stands in."""
        return AuditEntry.objects.exclude(case__in=access.conflicted_cases(request.user))

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first."""
        return ("-sequence",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Chain]:
        """Use the chain's page."""
        return Chain


def register(site: admin.AdminSite) -> None:
    """Register both."""
    site.register(Team, TeamAdmin)
    site.register(AuditEntry, AuditAdmin)
