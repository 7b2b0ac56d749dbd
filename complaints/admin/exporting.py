"""The export of the queue: which columns, in which form, for what; and the label that goes with every file.

Level TERBATAS: the state's records are classified (UU 43/2009 art. 40(4) and the ANRI's rules: biasa, terbatas,
rahasia, sangat rahasia); coarse columns without any content of a report are not for the public and no secret either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.adapters import spreadsheet_export
from complaints.admin import filters, wording
from complaints.admin.base import staff_request
from complaints.admin.forms import HouseForm
from complaints.admin.queue_page import CaseQueue
from complaints.domain import workflow
from complaints.domain.workflow import Status
from complaints.models.case import Case
from complaints.services import exports, first_look

Words = Callable[[Case], object]
# By code: its head, and the words of a cell. Days as ISO, so that a sheet can sort them.
COLUMNS: Final[dict[str, tuple[Any, Words]]] = {
    "reference": (gettext_lazy("Reference"), lambda case: case.reference),
    "status": (gettext_lazy("Status"), wording.case_status),
    "stage": (gettext_lazy("Stage"), lambda case: workflow.stage(Status(case.status))),
    "category": (gettext_lazy("Category"), lambda case: f"{case.category_id} {case.category}"),
    "group": (gettext_lazy("Group"), lambda case: case.category.get_group_display()),
    "accused": (gettext_lazy("Kind of accused"), lambda case: str(case.accused_kind)),
    "province": (gettext_lazy("Province"), lambda case: str(case.province or "")),
    "agency": (gettext_lazy("Kind of agency"), lambda case: case.get_agency_kind_display()),
    "body": (gettext_lazy("Lead body"), lambda case: case.lead_body.short_name if case.lead_body else ""),
    "received": (gettext_lazy("Received"), lambda case: case.received_on.isoformat()),
    "since": (gettext_lazy("In this status since"), lambda case: case.status_on.isoformat()),
    "due": (gettext_lazy("Deadline"), lambda case: case.due_on.isoformat() if case.due_on else ""),
    "late": (gettext_lazy("Late"), lambda case: _("yes") if case.is_late else _("no")),
    "officer": (gettext_lazy("Officer"), lambda case: case.assignee.get_username() if case.assignee else ""),
}
USUAL: Final = [code for code in COLUMNS if code != "officer"]
REASONS: Final = [
    ("report", gettext_lazy("Regular report to the leadership")),
    ("planning", gettext_lazy("Planning and sharing out the work")),
    ("inspection", gettext_lazy("Request of an internal inspection")),
    ("data_check", gettext_lazy("Checking the data")),
]
LEVEL: Final = "TERBATAS"


class ExportForm(HouseForm):
    """What is taken out, how, and for what."""

    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns"),
        choices=[(code, head) for code, (head, _words) in COLUMNS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Form"), choices=[("csv", "CSV"), ("xlsx", "XLSX")], widget=forms.RadioSelect
    )
    reason = forms.ChoiceField(label=gettext_lazy("What it is for"), choices=[("", gettext_lazy("choose")), *REASONS])


class CaseExport(CaseQueue):
    """The page of the export, and the file."""

    def own_urls(self) -> list[URLPattern]:
        """One address: the page, and by POST the file."""
        return [self.route("ekspor/", self.export, "export", "GET", "POST"), *super().own_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask what for, then hand out the file."""
        asking, values = self.triage(request), filters.chosen(request.GET.dict())
        first_look.process_new_reports(actor=asking.actor)
        # What was searched for is no filter: it stands in no address, and nothing of it goes into the chain.
        mine = access.cases_for(asking.user)
        cases = filters.narrow(mine, values, person=asking.user, today=timezone.localdate())
        form = ExportForm(request.POST or None, initial={"columns": USUAL, "form": "csv"})
        number = exports.count(exports.indexed_cases(cases))
        if request.method == "POST" and form.is_valid() and number <= exports.AT_MOST:
            return self._file(request, cases, values, form.cleaned_data)
        context = {
            "title": _("Export"),
            "form": form,
            "number": number,
            "at_most": exports.AT_MOST,
            "too_many": number > exports.AT_MOST,
            "few": number < exports.FEW,
            "left_out": exports.count(cases) - number,
            "in_words": filters.in_words(values),
            "query": filters.query_of(values),
        }
        return self.page(request, "admin/export.html", context, status=400 if form.is_bound else 200)

    def _file(
        self, request: HttpRequest, cases: filters.Cases, values: filters.Chosen, wanted: dict[str, Any]
    ) -> HttpResponseBase:
        asking, now, codes = staff_request(request), timezone.localtime(), wanted["columns"]
        number, found = exports.export(
            actor=asking.actor,
            cases=cases,
            columns=codes,
            filters=values,
            form=wanted["form"],
            reason=wanted["reason"],
        )
        who = f"{asking.user.get_full_name()} ({asking.user.get_username()})".strip()
        label = [
            (_("Classification"), f"{LEVEL}: {_('case data without any content of a report')}"),
            *([(_("Practice"), _("made-up cases, nothing here is real"))] if asking.user.practising else []),
            (_("Taken out by"), who),
            (_("On"), date_format(now, "j F Y, H:i")),
            (_("Rows"), number),
            (_("Filters"), filters.in_words(values) or _("Open cases")),
            (_("What it is for"), str(dict(REASONS)[wanted["reason"]])),
            (_("Take care"), _("A few rows from a small place can point at a reporter. Do not pass them on alone.")),
        ]
        body = _rows(found, codes)
        if wanted["form"] == "csv":
            lines = spreadsheet_export.csv_lines(chain(label, [()], body))
            answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
            return _attachment(answer, f"{now:%Y%m%d}.csv")
        sheets = [(_("Classification"), label), (_("Cases"), body)]
        made = spreadsheet_export.xlsx(sheets, header=f"{LEVEL} · {who}", author="Kanal Netral")
        return _attachment(HttpResponse(made, content_type=spreadsheet_export.XLSX_TYPE), f"{now:%Y%m%d}.xlsx")


def _rows(cases: Iterable[Case], codes: list[str]) -> Iterator[list[object]]:
    yield [str(COLUMNS[code][0]) for code in codes]
    for case in cases:
        yield [COLUMNS[code][1](case) for code in codes]


def _attachment(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    answer.headers["Content-Disposition"] = f'attachment; filename="kasus-{LEVEL}-{name}"'
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer
