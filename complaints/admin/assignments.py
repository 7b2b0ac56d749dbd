"""Assignments: being away with a stand-in, handing over one's cases, and for administrators who looks after what."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import wording
from complaints.admin.base import HouseAdmin, StaffRequest, staff_request
from complaints.admin.officer_forms import AwayForm, DutyForm, HandOverForm, RuleForm
from complaints.domain.workflow import OPEN
from complaints.models.assignment import Absence, Duty
from complaints.models.case import AgencyKind
from complaints.services import assignment, case_actions, case_items, reference_data

MOST = case_actions.BULK_LIMIT


def _in_words(duty: Duty | None) -> dict[str, str]:
    if duty is None:
        return {}
    names, kinds = {row.code: row.name for row in reference_data.provinces()}, dict(AgencyKind.choices)
    return {
        "provinces": ", ".join(names.get(code, code) for code in duty.provinces),
        "agency_kinds": ", ".join(str(kinds.get(code, code)) for code in duty.agency_kinds),
    }


class AbsenceAdmin(HouseAdmin):
    """A member's own page: away, handing over; and who is away."""

    list_title = gettext_lazy("Assignments")

    def opens_for(self, request: HttpRequest) -> bool:
        """Members of triage."""
        return access.is_triage(request.user)

    def own_urls(self) -> list[URLPattern]:
        """Acts by POST."""
        return [
            self.route("pergi/", self.away, "away", "POST"),
            self.route("<uuid:object_id>/kembali/", self.back, "back", "POST"),
            self.route("serah/", self.hand_over, "hand_over", "POST"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the page."""
        return self._show(request)

    def _show(self, request: HttpRequest, **typed: Any) -> HttpResponse:
        asking, today = staff_request(request), timezone.localdate()
        colleagues = [one for one in assignment.assignable(today=today) if one != asking.user]
        mine = access.cases_for(asking.user).filter(assignee=asking.user, status__in=sorted(OPEN))
        rows = list(
            mine.select_related("category", "lead_body").order_by(F("due_on").asc(nulls_last=True), "id")[:MOST]
        )
        lines = case_items.summaries(actor=asking.actor, cases=rows) if rows else {}
        ticked = set(request.POST.getlist("case"))
        absences = Absence.objects.filter(until_on__gte=today).select_related("staff", "stand_in").order_by("from_on")
        context = {
            "title": self.list_title,
            "cases": [
                (case, lines.get(case.pk, ""), wording.clock(case.due_on, today), str(case.pk) in ticked)
                for case in rows
                if not asking.keyring.has_conflict(case.pk)
            ],
            "absences": list(absences[:100]),
            "me": asking.user,
            "away": typed.get("away") or AwayForm(people=colleagues, today=today),
            "hand_over": typed.get("hand_over") or HandOverForm(people=colleagues),
        }
        return self.page(request, "admin/assignments.html", context, status=400 if typed else 200)

    def _form(self, request: HttpRequest, form: type[Any], **more: Any) -> tuple[StaffRequest, Any]:
        asking = staff_request(request)
        if not asking.keyring.unlocked:
            raise assignment.NotAssignable
        people = [one for one in assignment.assignable() if one != asking.user]
        return asking, form(request.POST, people=people, **more)

    def away(self, request: HttpRequest) -> HttpResponseBase:
        """Name who stands in while one is away."""
        asking, form = self._form(request, AwayForm, today=timezone.localdate())
        if not form.is_valid():
            return self._show(request, away=form)
        values = form.cleaned_data
        assignment.start_absence(
            actor=asking.actor,
            stand_in=values["stand_in"],
            from_on=values["from_on"],
            until_on=values["until_on"],
        )
        messages.success(request, _("Saved. Until then new cases of yours go to your stand-in."))
        return redirect("admin:complaints_absence_changelist")

    def back(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """End one's own absence."""
        try:
            assignment.end_absence(actor=staff_request(request).actor, absence_id=object_id)
        except Absence.DoesNotExist:
            raise Http404 from None
        messages.success(request, _("Welcome back. New cases come to you again."))
        return redirect("admin:complaints_absence_changelist")

    def hand_over(self, request: HttpRequest) -> HttpResponseBase:
        """Give several of one's cases to a colleague with one note."""
        asking, form = self._form(request, HandOverForm)
        try:
            cases = [uuid.UUID(text) for text in request.POST.getlist("case")[:MOST]]
        except ValueError:
            raise Http404 from None
        if not cases:
            messages.error(request, _("Tick at least one case."))
        if not form.is_valid() or not cases:
            return self._show(request, hand_over=form)
        values = form.cleaned_data
        do: dict[str, Any] = {"actor": asking.actor, "case_ids": cases}
        given, kept = assignment.hand_over(to=values["to"], words=values["words"], **do)
        if given:
            words = {"number": given, "person": assignment.name_of(values["to"])}
            messages.success(request, _("%(number)d given: %(person)s is asked to take them on.") % words)
        if kept:
            messages.error(request, _("%(number)d not given: this person cannot have them.") % {"number": kept})
        return redirect("admin:complaints_absence_changelist")


class DutyAdmin(HouseAdmin):
    """For administrators: whether new cases are handed out in turn, and who looks after what."""

    list_title = gettext_lazy("Handing out of cases")

    def opens_for(self, request: HttpRequest) -> bool:
        """Administrators."""
        return access.may_administer(request.user)

    def own_urls(self) -> list[URLPattern]:
        """The switch, and one officer's duties."""
        return [
            self.route("aturan/", self.set_rule, "rule", "POST"),
            self.route("<uuid:object_id>/change/", self.change_duty, "change", "GET", "POST"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the switch and the officers."""
        people = assignment.assignable()
        duties = Duty.objects.in_bulk([one.pk for one in people])
        rows = [(one, _in_words(duties.get(one.pk))) for one in people]
        context = {
            "title": self.list_title,
            "rows": rows,
            "rule": RuleForm(initial={"by": assignment.auto_assignment_rule().by}),
        }
        return self.page(request, "admin/duties.html", context)

    def set_rule(self, request: HttpRequest) -> HttpResponseBase:
        """Switch it on or off."""
        form = RuleForm(request.POST)
        if not form.is_valid():
            raise Http404
        assignment.set_auto_assignment_rule(actor=staff_request(request).actor, by=form.cleaned_data["by"])
        messages.success(request, _("Saved."))
        return redirect("admin:complaints_duty_changelist")

    def change_duty(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Say what an officer looks after."""
        person = next((one for one in assignment.assignable() if one.pk == object_id), None)
        if person is None:
            raise Http404
        duty = Duty.objects.filter(staff=person).first() or Duty(staff=person)
        given = {"provinces": duty.provinces, "agency_kinds": duty.agency_kinds}
        form = DutyForm(request.POST if request.method == "POST" else None, initial=given)
        if request.method == "POST" and form.is_valid():
            keyring = staff_request(request).keyring
            assignment.set_duty(actor=request.actor, person=person, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("admin:complaints_duty_changelist")
        context = {"title": _("Duties of %(person)s") % {"person": assignment.name_of(person)}, "form": form}
        return self.page(request, "admin/duty.html", context, status=400 if form.is_bound else 200)
