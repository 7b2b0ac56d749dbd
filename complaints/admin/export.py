"""The export of the queue: its columns, format and purpose, and the label that goes with every file.

Classification TERBATAS: the state's records are classified (UU 43/2009 art. 40(4) and the ANRI's rules: biasa,
terbatas, rahasia, sangat rahasia); coarse columns without any content of a report are not for the public and no secret
either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Final

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters import spreadsheet_export
from complaints.admin import labels, queue_bulk, queue_filters, queue_risk
from complaints.admin.base import BaseForm, StaffRequest, as_attachment, render, staff_page
from complaints.admin.labels import Label
from complaints.domain import workflow
from complaints.domain.workflow import OPEN, PROMISED, Status
from complaints.models.case import Case
from complaints.services import exports, first_look

CellValue = Callable[[Case], object]


def _is_late(case: Case) -> bool:
    """Tell whether a case is past a promise of the office; what others should do makes nothing late."""
    return case.status in PROMISED and case.due_on is not None and case.due_on < timezone.localdate()


def _day_if(is_shown: bool, day: date | None) -> str:
    return day.isoformat() if is_shown and day else ""


def _days_waited(case: Case) -> int | str:
    """Return for how many days others have been waited for, "" while the office has the turn."""
    is_others_turn = case.status in OPEN - PROMISED
    return (timezone.localdate() - case.waiting_since).days if is_others_turn else ""


# By code: the heading, and the value of a cell. Days as ISO, so that a sheet can sort them.
COLUMNS: Final[dict[str, tuple[Label, CellValue]]] = {
    "reference": (gettext_lazy("Reference"), lambda case: case.reference),
    "status": (gettext_lazy("Status"), labels.case_status_label),
    "stage": (gettext_lazy("Stage"), lambda case: workflow.stage(Status(case.status))),
    "category": (
        gettext_lazy("Category"),
        lambda case: f"{case.category_id or ''} {labels.category_label(case)}".strip(),
    ),
    "group": (gettext_lazy("Group"), lambda case: case.category.get_group_display() if case.category else ""),
    "accused": (gettext_lazy("Kind of accused"), labels.accused_label),
    "province": (gettext_lazy("Province"), lambda case: str(case.province or "")),
    "agency": (gettext_lazy("Kind of agency"), lambda case: case.get_agency_kind_display()),
    "body": (gettext_lazy("Lead body"), lambda case: case.lead_body.short_name if case.lead_body else ""),
    "further": (gettext_lazy("Further bodies"), lambda case: ", ".join(exports.further_bodies(case))),
    "received": (gettext_lazy("Received"), lambda case: case.received_on.isoformat()),
    "since": (gettext_lazy("In this status since"), lambda case: case.status_on.isoformat()),
    "due": (gettext_lazy("Deadline"), lambda case: _day_if(case.status in PROMISED, case.due_on)),
    "late": (gettext_lazy("Late"), lambda case: _("yes") if _is_late(case) else _("no")),
    "target": (gettext_lazy("Target of others"), lambda case: _day_if(case.status in OPEN - PROMISED, case.due_on)),
    "waited": (gettext_lazy("Days waited for others"), _days_waited),
    "officer": (gettext_lazy("Officer"), lambda case: case.assignee.get_username() if case.assignee else ""),
}
DEFAULT_COLUMNS: Final = [code for code in COLUMNS if code != "officer"]
REASONS: Final = [
    ("report", gettext_lazy("Regular report to the leadership")),
    ("planning", gettext_lazy("Planning and sharing out the work")),
    ("inspection", gettext_lazy("Request of an internal inspection")),
    ("data_check", gettext_lazy("Checking the data")),
]
CLASSIFICATION: Final = "TERBATAS"


class ExportForm(BaseForm):
    """The columns of the file, its format, and the purpose of the export."""

    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns"),
        choices=[(code, head) for code, (head, _value) in COLUMNS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Form"), choices=[("csv", "CSV"), ("xlsx", "XLSX")], widget=forms.RadioSelect
    )
    reason = forms.ChoiceField(label=gettext_lazy("What it is for"), choices=[("", gettext_lazy("choose")), *REASONS])


@staff_page("GET", "POST", opens_for=access.is_triage)
def export_cases(request: StaffRequest) -> HttpResponseBase:
    """Ask for columns, format and purpose; by POST, hand out the file."""
    values, person = queue_filters.filters_in(request.GET.dict()), request.user
    first_look.process_new_reports(actor=request.actor)
    # What was searched for is no filter: it stands in no address, and nothing of it goes into the audit log.
    cases = queue_filters.narrow(access.cases_for(person), values, person=person, today=timezone.localdate())
    ticked = queue_bulk.ticked_for_export(request.session) if request.GET.get("ticked") == "1" else []
    if ticked:
        cases = access.cases_for(person).filter(pk__in=ticked)
    cases, risk = queue_risk.narrow_by_risk(cases, values, actor=request.actor)
    form = ExportForm(request.POST or None, initial={"columns": DEFAULT_COLUMNS, "form": "csv"})
    number = exports.count(exports.indexed_cases(cases))
    if request.method == "POST" and form.is_valid() and number <= exports.AT_MOST:
        return _file(request, form, cases, values)
    context = {
        "title": _("Export"),
        "form": form,
        "number": number,
        "at_most": exports.AT_MOST,
        "too_many": number > exports.AT_MOST or (risk is not None and risk.is_too_long),
        "few": number < exports.FEW,
        "left_out": exports.count(cases) - number,
        "in_words": queue_filters.filters_label(values),
        "query": "ticked=1" if ticked else queue_filters.query_of(values),
        "ticked": len(ticked),
    }
    return render(request, "admin/export.html", context, status=400 if form.is_bound else 200)


def _file(
    request: StaffRequest, form: ExportForm, cases: queue_filters.Cases, values: queue_filters.FilterValues
) -> HttpResponseBase:
    """Record the export and return the file, its label before the rows (CSV) or on a sheet of its own (XLSX)."""
    person, now, codes = request.user, timezone.localtime(), form.cleaned_data["columns"]
    file_format, reason = form.cleaned_data["form"], form.cleaned_data["reason"]
    number, exported = exports.export(
        actor=request.actor,
        cases=cases,
        columns=codes,
        filters=values,
        form=file_format,
        reason=reason,
    )
    exporter = f"{person.get_full_name()} ({person.get_username()})".strip()
    label = [
        (_("Classification"), ": ".join((str(CLASSIFICATION), _("case data without any content of a report")))),
        *([(_("Practice"), _("made-up cases, nothing here is real"))] if person.practising else []),
        (_("Taken out by"), exporter),
        (_("On"), date_format(now, "j F Y, H:i")),
        (_("Rows"), number),
        (_("Filters"), queue_filters.filters_label(values) or _("Open cases")),
        (_("What it is for"), str(dict(REASONS)[reason])),
        (_("Compared"), _("each row with the audit chain; of a row that differs only the reference is given")),
        (_("Take care"), _("A few rows from a small place can point at a reporter. Do not pass them on alone.")),
    ]
    rows, name = _rows(exported, codes, get_language()), f"kasus-{CLASSIFICATION}-{now:%Y%m%d}"
    if file_format == "csv":
        lines = spreadsheet_export.csv_lines(chain(label, [()], rows))
        return as_attachment(StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), f"{name}.csv")
    sheets = [(_("Classification"), label), (_("Cases"), rows)]
    workbook = spreadsheet_export.xlsx(sheets, header=f"{CLASSIFICATION} · {exporter}", author="Kanal Netral")
    return as_attachment(HttpResponse(workbook, content_type=spreadsheet_export.XLSX_TYPE), f"{name}.xlsx")


def _rows(cases: Iterable[tuple[Case, bool]], codes: list[str], language: str | None) -> Iterator[list[object]]:
    """Yield the headings and the rows; each in the person's language, which is another one while a file streams."""
    with translation.override(language):
        heads: list[object] = [str(COLUMNS[code][0]) for code in codes]
    yield heads
    for case, differs in cases:
        with translation.override(language):
            row = _not_told(case) if differs else [COLUMNS[code][1](case) for code in codes]
            row = [value if isinstance(value, int) else str(value) for value in row]
        yield row


def _not_told(case: Case) -> list[object]:
    return [case.reference, labels.NOT_AS_RECORDED]
