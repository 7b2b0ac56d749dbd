"""Who has a case: the officer of a case, handing over, absences, and for administrators the automatic assignment.

ADR 0018 says why a case has one officer, who confirms it.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import Final, cast

from django import forms
from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseForm, DayInput, StaffRequest, case_or_404, render, staff_page, text_field
from complaints.admin.case_summary import case_deadline, deadline_not_shown
from complaints.admin.conflicts import ReasonForm
from complaints.domain.workflow import OPEN
from complaints.models.assignment import Absence, AutoAssignmentRule, Duty
from complaints.models.case import AgencyKind, Case, with_wait
from complaints.models.team import Staff
from complaints.services import assignment, bulk_actions, case_summary, conflicts, reference_data
from complaints.services.audit import recorded_lines
from complaints.services.keyring import Locked

# Cases that are listed and handed over at once; no officer has more open ones.
MAX_CASES: Final = bulk_actions.BULK_LIMIT
ABSENCES_SHOWN: Final = 100
# Said on the case page to whoever took a case by working on it, beside the button that undoes it.
TAKEN: Final = gettext_lazy("You worked on this case, so it is yours now.")
TAKEN_TAG: Final = "taken"


# --- Forms


class GiveForm(BaseForm):
    """An optional note that goes with a case to a colleague."""

    words = text_field(
        gettext_lazy("A note for them, if you like"),
        help_text=gettext_lazy("Kept as an internal note; no reporter reads it."),
        rows=2,
    )


class ColleagueField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice among members of triage, by name; those who are away are marked."""

    def label_from_instance(self, obj: Staff) -> str:
        """Return a colleague's name, with "(away)" where ``obj.is_away`` is set."""
        name = assignment.name_of(obj)
        return str(_("%(name)s (away)") % {"name": name}) if getattr(obj, "is_away", None) else name


def _offer_colleagues(form: forms.Form, field_name: str, colleagues: list[Staff]) -> None:
    field = cast("forms.ModelChoiceField[Staff]", form.fields[field_name])
    field.empty_label = _("choose")
    field.queryset = Staff.objects.filter(pk__in=[person.pk for person in colleagues]).order_by(
        "first_name", "username"
    )


class AbsenceForm(BaseForm):
    """From when until when an officer is away, and who stands in."""

    from_on = forms.DateField(label=gettext_lazy("Away from"), widget=DayInput)
    until_on = forms.DateField(label=gettext_lazy("until"), widget=DayInput)
    stand_in = ColleagueField(label=gettext_lazy("Your stand-in"), queryset=Staff.objects.none())

    def __init__(self, data: QueryDict | None = None, *, people: list[Staff], today: date) -> None:
        super().__init__(data)
        self.today = today
        _offer_colleagues(self, "stand_in", people)

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        first, last = values.get("from_on"), values.get("until_on")
        if last and last < self.today:
            self.add_error("until_on", _("This day is over."))
        elif first and last and last < first:
            self.add_error("until_on", _("This is before the first day."))
        return values


class HandOverForm(BaseForm):
    """To whom an officer's cases go, and what that colleague should know."""

    to = ColleagueField(label=gettext_lazy("To whom"), queryset=Staff.objects.none())
    words = text_field(
        gettext_lazy("What they should know"),
        help_text=gettext_lazy("Kept as an internal note of each case; no reporter reads it."),
        required=True,
    )

    def __init__(self, data: QueryDict | None = None, *, people: list[Staff]) -> None:
        super().__init__(data)
        _offer_colleagues(self, "to", people)


class AssigningRuleForm(BaseForm):
    """Whether new cases are assigned automatically, in turn."""

    by = forms.ChoiceField(
        label=gettext_lazy("New cases are handed out"), choices=AutoAssignmentRule.By.choices, widget=forms.RadioSelect
    )


class DutyForm(BaseForm):
    """The provinces and kinds of agency whose cases an officer gets first."""

    provinces = forms.MultipleChoiceField(
        label=gettext_lazy("Provinces"),
        required=False,
        choices=lambda: [(province.code, province.name) for province in reference_data.provinces()],
        widget=forms.CheckboxSelectMultiple,
    )
    agency_kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Agency kinds"),
        required=False,
        choices=AgencyKind.choices,
        widget=forms.CheckboxSelectMultiple,
    )


# --- The officer of a case


def tell_that_taken(request: StaffRequest) -> None:
    """Say to whoever took a case by working on it that they have it now; the case page lets them undo it."""
    messages.success(request, TAKEN, extra_tags=TAKEN_TAG)


def _assignable_case_or_404(request: StaffRequest, case_id: uuid.UUID) -> Case:
    """Return a case for an admitted member of triage whose key is open; Http404 for others."""
    case = case_or_404(request, case_id)
    if not conflicts.may_declare_conflict(request.keyring):
        raise Http404
    return case


@staff_page("POST", opens_for=access.may_see_cases)
def claim(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Take the case, from the person whom the page showed as its officer."""
    case = _assignable_case_or_404(request, object_id)
    try:
        seen = uuid.UUID(request.POST["seen"]) if request.POST.get("seen") else None
    except ValueError:
        raise Http404 from None
    try:
        assignment.claim(actor=request.actor, case_id=case.pk, seen=seen)
    except assignment.AlreadyTaken as taken:
        _report_taken(request, taken)
    else:
        messages.success(request, _("The case is yours now."))
    return redirect("admin:complaints_case_change", object_id)


@staff_page("POST", opens_for=access.may_see_cases)
def assign(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Give the case to a member of triage, or to nobody; a note can go with it."""
    case = _assignable_case_or_404(request, object_id)
    assignee_id, form = request.POST.get("assignee", ""), GiveForm(request.POST)
    assignee = next((person for person in assignment.assignable(case.held_by) if str(person.pk) == assignee_id), None)
    if (assignee_id and assignee is None) or not form.is_valid():
        raise Http404
    note = form.cleaned_data["words"].strip()
    try:
        case = assignment.offer(actor=request.actor, case_id=case.pk, assignee=assignee, words=note)
    except assignment.NotAssignable:
        messages.error(request, _("This person cannot have it."))
    else:
        messages.success(request, _assigned(case, request.user))
    return redirect("admin:complaints_case_change", object_id)


@staff_page("POST", opens_for=access.may_see_cases)
def take_on(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Confirm a case that somebody else assigned to this person."""
    case = _assignable_case_or_404(request, object_id)
    try:
        assignment.confirm(actor=request.actor, case_id=case.pk)
    except assignment.AlreadyTaken as taken:
        _report_taken(request, taken)
    else:
        messages.success(request, _("You have taken the case on."))
    return redirect("admin:complaints_case_change", object_id)


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def decline(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Ask for the reason, then give the case back to nobody; for its officer alone."""
    case = _assignable_case_or_404(request, object_id)
    if case.assignee_id != request.user.pk:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            assignment.decline(actor=request.actor, case_id=case.pk, reason=reason)
        except assignment.AlreadyTaken as taken:
            _report_taken(request, taken)
        else:
            messages.success(request, _("Given back. The case is nobody's now."))
        return redirect("admin:complaints_case_change", object_id)
    context = {
        "title": _("Decline %(reference)s") % {"reference": case.reference},
        "form": form,
        "consequence": _("The case is nobody's then, and your colleagues read why in an internal note."),
        "button": _("Give it back"),
        "back": reverse("admin:complaints_case_change", args=[case.pk]),
    }
    return render(request, "admin/ask.html", context, status=400 if form.is_bound else 200)


def _report_taken(request: StaffRequest, taken: assignment.AlreadyTaken) -> None:
    if taken.owner:
        messages.error(request, _("%(person)s was faster and has the case.") % {"person": taken.owner})
    else:
        messages.error(request, _("The case is nobody's by now. Look again."))


def _assigned(case: Case, person: Staff) -> str:
    """Return the message about whose the case is now, to the ``person`` who assigned it."""
    if case.assignee is None:
        return _("The case is nobody's now.")
    if case.assignee == person:
        return _("The case is yours now.")
    names = {"person": assignment.name_of(case.assignee), "away": assignment.name_of(case.stands_for)}
    if case.stands_for:
        return _("%(away)s is away: %(person)s stands in and is asked to take the case on.") % names
    return _("%(person)s is asked to take the case on.") % names


# --- Handing over and absence


@staff_page("GET", opens_for=access.is_triage)
def assignments(request: StaffRequest) -> HttpResponse:
    """Show an officer's open cases to hand over, their absence, and who is away."""
    return _show_assignments(request)


def _show_assignments(
    request: StaffRequest, *, absence_form: AbsenceForm | None = None, hand_over_form: HandOverForm | None = None
) -> HttpResponse:
    """Show the page, with status 400 where a form is given that was refused."""
    person, today = request.user, timezone.localdate()
    members = assignment.assignable(request.keyring.report_team, today=today)
    colleagues = [colleague for colleague in members if colleague != person]
    cases = access.cases_for(person).filter(assignee=person, status__in=sorted(OPEN))
    cases = cases.select_related("category", "lead_body").order_by(F("due_on").asc(nulls_last=True), "id")
    rows = list(with_wait(cases)[:MAX_CASES])
    summaries = case_summary.summaries(actor=request.actor, cases=rows) if rows else {}
    differing = recorded_lines.differing(rows)
    ticked = set(request.POST.getlist("case"))
    absences = Absence.objects.filter(until_on__gte=today, staff__in=members)
    absences = absences.select_related("staff", "stand_in").order_by("from_on")
    context = {
        "title": _("Assignments"),
        "cases": [
            (
                case,
                str(labels.NOT_AS_RECORDED) if case.pk in differing else summaries.get(case.pk, ""),
                deadline_not_shown()
                if case.pk in differing
                else case_deadline(case, today, waiting_since=case.waiting_since),
                str(case.pk) in ticked,
            )
            for case in rows
            if not request.keyring.has_conflict(case.pk)
        ],
        "absences": list(absences[:ABSENCES_SHOWN]),
        "me": person,
        "away": absence_form or AbsenceForm(people=colleagues, today=today),
        "hand_over": hand_over_form or HandOverForm(people=colleagues),
    }
    status = 400 if absence_form or hand_over_form else 200
    return render(request, "admin/assignments.html", context, model=Absence, status=status)


def _colleagues(request: StaffRequest) -> list[Staff]:
    """Return the other members of the person's team, to whom cases can go; raises Locked with their key not open."""
    if not request.keyring.unlocked:
        raise Locked(request.keyring.report_team)
    members = assignment.assignable(request.keyring.report_team)
    return [colleague for colleague in members if colleague != request.user]


@staff_page("POST", opens_for=access.is_triage)
def go_away(request: StaffRequest) -> HttpResponseBase:
    """Record this person's absence and who stands in."""
    form = AbsenceForm(request.POST, people=_colleagues(request), today=timezone.localdate())
    if not form.is_valid():
        return _show_assignments(request, absence_form=form)
    assignment.start_absence(
        actor=request.actor,
        stand_in=form.cleaned_data["stand_in"],
        from_on=form.cleaned_data["from_on"],
        until_on=form.cleaned_data["until_on"],
    )
    messages.success(request, _("Saved. Until then new cases of yours go to your stand-in."))
    return redirect("admin:complaints_absence_changelist")


@staff_page("POST", opens_for=access.is_triage)
def come_back(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """End an absence of this person; Http404 for another's."""
    try:
        assignment.end_absence(actor=request.actor, absence_id=object_id)
    except Absence.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("Welcome back. New cases come to you again."))
    return redirect("admin:complaints_absence_changelist")


@staff_page("POST", opens_for=access.is_triage)
def hand_over(request: StaffRequest) -> HttpResponseBase:
    """Give the ticked cases of this person to a colleague, with one note."""
    form = HandOverForm(request.POST, people=_colleagues(request))
    try:
        case_ids = [uuid.UUID(text) for text in request.POST.getlist("case")[:MAX_CASES]]
    except ValueError:
        raise Http404 from None
    if not case_ids:
        messages.error(request, _("Tick at least one case."))
    if not form.is_valid() or not case_ids:
        return _show_assignments(request, hand_over_form=form)
    colleague, note = form.cleaned_data["to"], form.cleaned_data["words"]
    given, refused = assignment.hand_over(actor=request.actor, case_ids=case_ids, to=colleague, words=note)
    if given:
        values = {"number": given, "person": assignment.name_of(colleague)}
        messages.success(request, _("%(number)d given: %(person)s is asked to take them on.") % values)
    if refused:
        messages.error(request, _("%(number)d not given: this person cannot have them.") % {"number": refused})
    return redirect("admin:complaints_absence_changelist")


# --- Automatic assignment, for administrators


def _all_officers() -> list[Staff]:
    return [person for team in access.REPORT_TEAMS for person in assignment.assignable(team)]


def _duty_names(duty: Duty | None) -> dict[str, str]:
    if duty is None:
        return {}
    provinces = {province.code: province.name for province in reference_data.provinces()}
    kinds = dict(AgencyKind.choices)
    return {
        "provinces": ", ".join(provinces.get(code, code) for code in duty.provinces),
        "agency_kinds": ", ".join(str(kinds.get(code, code)) for code in duty.agency_kinds),
    }


@staff_page("GET", opens_for=access.may_administer)
def duties(request: StaffRequest) -> HttpResponse:
    """Show whether new cases are assigned automatically, and the duties of each officer."""
    officers = _all_officers()
    duty_of = Duty.objects.in_bulk([officer.pk for officer in officers])
    context = {
        "title": _("Handing out of cases"),
        "rows": [(officer, _duty_names(duty_of.get(officer.pk))) for officer in officers],
        "rule": AssigningRuleForm(initial={"by": assignment.auto_assignment_rule().by}),
    }
    return render(request, "admin/duties.html", context, model=Duty)


@staff_page("POST", opens_for=access.may_administer)
def set_rule(request: StaffRequest) -> HttpResponseBase:
    """Switch the automatic assignment on or off."""
    form = AssigningRuleForm(request.POST)
    if not form.is_valid():
        raise Http404
    assignment.set_auto_assignment_rule(actor=request.actor, by=form.cleaned_data["by"])
    messages.success(request, _("Saved."))
    return redirect("admin:complaints_duty_changelist")


@staff_page("GET", "POST", opens_for=access.may_administer)
def change_duty(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show and save the duties of one officer; ``object_id`` is the officer's id."""
    officer = next((person for person in _all_officers() if person.pk == object_id), None)
    if officer is None:
        raise Http404
    duty = Duty.objects.filter(staff=officer).first() or Duty(staff=officer)
    initial = {"provinces": duty.provinces, "agency_kinds": duty.agency_kinds}
    form = DutyForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        assignment.set_duty(actor=request.actor, person=officer, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("admin:complaints_duty_changelist")
    context = {"title": _("Duties of %(person)s") % {"person": assignment.name_of(officer)}, "form": form}
    return render(request, "admin/duty.html", context, model=Duty, status=400 if form.is_bound else 200)
