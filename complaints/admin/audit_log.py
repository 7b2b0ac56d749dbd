"""The audit log for auditors: who did what, when, on which case; by person, case, event and span of days."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.adapters import spreadsheet_export
from complaints.admin import audit_words
from complaints.admin.base import BaseForm, DayInput, StaffRequest, as_attachment, render, staff_page
from complaints.admin.labels import Label
from complaints.models.audit import EVENTS, AuditEntry
from complaints.models.team import Staff
from complaints.services import audit_reading, audit_unusual, job_runs
from complaints.services.assignment import name_of
from complaints.services.audit import named_faults, nightly_run
from complaints.services.audit_reading import Selection

SYSTEM: Final = "system"
# Twelve digits are more than any chain has entries, and a number of the database.
_SEQUENCE_AT_MOST: Final = 10**12
# Days outside of these cannot be moments of every time zone.
_YEARS: Final = range(2000, 2200)


class SelectionForm(BaseForm):
    """What narrows the log. A case stands in the address by its id, never by its reference."""

    person = forms.ChoiceField(label=gettext_lazy("Person"), required=False)
    event = forms.ChoiceField(label=gettext_lazy("Event"), required=False)
    first = forms.DateField(label=gettext_lazy("From day"), required=False, widget=DayInput())
    last = forms.DateField(label=gettext_lazy("To day"), required=False, widget=DayInput())
    case = forms.UUIDField(required=False, widget=forms.HiddenInput())
    before = forms.IntegerField(required=False, min_value=1, max_value=_SEQUENCE_AT_MOST, widget=forms.HiddenInput())

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        people = [(str(person.pk), f"{name_of(person)} ({person.username})") for person in _people()]
        events = sorted(((code, str(words)) for code, words in EVENTS.items()), key=lambda choice: choice[1])
        self.fields["person"] = forms.ChoiceField(
            label=_("Person"), required=False, choices=[("", _("All")), (SYSTEM, _("the system")), *people]
        )
        self.fields["event"] = forms.ChoiceField(label=_("Event"), required=False, choices=[("", _("All")), *events])

    def selection(self) -> Selection:
        """Return what is selected; a field that holds no such value narrows nothing."""
        self.is_valid()
        chosen = self.cleaned_data
        person: str = chosen.get("person") or ""
        first: date | None = chosen.get("first")
        last: date | None = chosen.get("last")
        return Selection(
            person=uuid.UUID(person) if person and person != SYSTEM else None,
            is_system=person == SYSTEM,
            case=chosen.get("case"),
            event=chosen.get("event") or "",
            first=first if first and first.year in _YEARS else None,
            last=last if last and last.year in _YEARS else None,
        )


def _people() -> list[Staff]:
    return list(Staff.objects.only("username", "first_name", "last_name").order_by("username"))


@staff_page("GET", opens_for=access.may_audit)
def show_entries(request: StaffRequest) -> HttpResponse:
    """Show a page of the entries that the address selects, and what the last verification found."""
    form = SelectionForm(request.GET)
    selection = form.selection()
    page = audit_reading.page(reader=request.user, selection=selection, before=form.cleaned_data.get("before"))
    references = {}
    if selection.case:
        references = audit_reading.case_references(reader=request.user, cases=[selection.case])
    address = QueryDict(mutable=True)
    for name in ("person", "event", "first", "last", "case"):
        if value := form.cleaned_data.get(name):
            address[name] = str(value)
    further = address.copy()
    if page.next_before:
        further["before"] = str(page.next_before)
    context = {
        "title": _("Audit chain"),
        "form": form,
        "lines": audit_words.lines(reader=request.user, entries=page.entries),
        "case": references.get(selection.case, "") if selection.case else "",
        "narrowed": bool(address),
        "newest": address.urlencode() if form.cleaned_data.get("before") else "",
        "is_further": bool(form.cleaned_data.get("before")),
        "further": further.urlencode() if page.next_before else "",
        "address": address.urlencode(),
        "exported_at_most": audit_reading.EXPORTED_AT_MOST,
        "verified_on": nightly_run.last_finished_on(),
        "faults": bool(named_faults.waiting()),
    }
    return render(request, "admin/audit.html", context, model=AuditEntry)


@staff_page("POST", opens_for=access.may_audit)
def find_case(request: StaffRequest) -> HttpResponse:
    """Lead to the entries of the case whose reference was typed; it comes by POST, so that no log holds it."""
    typed = request.POST.get("reference", "")
    case = audit_reading.find_case(reader=request.user, text=typed, today=timezone.localdate())
    address = reverse("admin:complaints_auditentry_changelist")
    if case is None:
        messages.error(request, _("No case has this reference."))
        return redirect(address)
    return redirect(f"{address}?case={case}")


@staff_page("POST", opens_for=access.may_audit)
def verify_now(request: StaffRequest) -> HttpResponse:
    """Make the verification of the chain due at once."""
    if not job_runs.verify_now(actor=request.actor):
        raise Http404
    messages.success(request, _("The verification starts within a minute."))
    return redirect("admin:complaints_auditentry_changelist")


@staff_page("POST", opens_for=access.may_audit)
def export_entries(request: StaffRequest) -> HttpResponseBase:
    """Hand out the entries that the address selects as CSV."""
    chunks = audit_reading.export(actor=request.actor, selection=SelectionForm(request.GET).selection())
    rows = _rows(request.user, chunks)
    response = StreamingHttpResponse(spreadsheet_export.csv_lines(rows), content_type="text/csv; charset=utf-8")
    return as_attachment(response, f"audit-{request.actor.today.isoformat()}.csv")


_HEADINGS: Final[tuple[Label, ...]] = (
    gettext_lazy("No."),
    gettext_lazy("When"),
    gettext_lazy("Event"),
    gettext_lazy("Person"),
    gettext_lazy("Case"),
    gettext_lazy("Facts"),
    gettext_lazy("As stored"),
)


def _rows(reader: Staff, chunks: Iterator[list[AuditEntry]]) -> Iterator[spreadsheet_export.Row]:
    yield [str(heading) for heading in _HEADINGS]
    for chunk in chunks:
        for line in audit_words.lines(reader=reader, entries=chunk):
            facts = "; ".join(f"{name}: {value}" for name, value in line.facts)
            raw = "; ".join(f"{name} {value}" for name, value in line.raw)
            at = timezone.localtime(line.at).isoformat(timespec="seconds")
            yield line.sequence, at, line.event, line.person, line.reference, facts, raw


@staff_page("GET", opens_for=access.may_audit)
def show_unusual(request: StaffRequest) -> HttpResponse:
    """Show who read cases unusually in the last days, with the limits that decide it."""
    rows = audit_unusual.unusual_readers(reader=request.user, now=request.actor.now)
    people = Staff.objects.in_bulk([row.person for row in rows])
    context = {
        "title": _("Unusual reading"),
        "rows": [(row, name_of(people.get(row.person)) or str(row.person)) for row in rows],
        "log": reverse("admin:complaints_auditentry_changelist"),
        "first": (request.actor.today - timedelta(days=audit_unusual.DAYS)).isoformat(),
        "at_most": audit_unusual.READ_AT_MOST,
        "days": audit_unusual.DAYS,
        "night_from": audit_unusual.NIGHT_FROM,
        "night_to": audit_unusual.NIGHT_TO,
        "many": audit_unusual.CASES_IN_AN_HOUR,
    }
    return render(request, "admin/audit_unusual.html", context, model=AuditEntry)
