"""Findings from monitoring: one by a form, many from a table with a dry run.

A table is read in memory, and each of its rows is checked by the same form. The rows then wait, sealed, in the
officer's own page until they are confirmed; nothing of the table is kept on the server in between, and all of its rows
are stored or none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.adapters import spreadsheet_import
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.forms import DayInput
from complaints.admin.labels import Label
from complaints.domain import posts
from complaints.forms.fields import EvidenceField
from complaints.forms.posts import one_link
from complaints.models.case import AgencyKind
from complaints.models.post import PostAct
from complaints.services import monitoring, reference_data
from complaints.services.similarity import Similar

DATE_FORMATS: Final = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"]
# The columns of a table, in the order of the template, and the field of the form that each one fills.
COLUMNS: Final[dict[str, str]] = {
    "tautan": "url",
    "nama_atau_akun": "accused_name",
    "nip": "accused_nip",
    "jabatan": "accused_position",
    "terlapor": "accused_kind",
    "kategori": "category",
    "perbuatan": "act",
    "jenis_instansi": "agency_kind",
    "instansi": "agency",
    "kabupaten_kota": "regency",
    "provinsi": "province",
    "tanggal": "event_from",
    "uraian": "story",
}
REQUIRED_COLUMNS: Final = ("tautan", "terlapor", "kategori", "uraian")
# The name in the sealed session under which the key of the rows that wait is kept.
SESSION_KEY: Final = "finding_import"
# More would not be read by anybody; the rest comes with the next try.
MAX_ERRORS_SHOWN: Final = 100
# Why a table is refused: codes of sheets.BadTable, and our own from "empty" on.
REFUSALS: Final = {
    "too_large": gettext_lazy("The file is too large: at most 1 MiB, and unpacked 20 MiB. Divide it."),
    "damaged": gettext_lazy("The file cannot be read as CSV or XLSX. Save it anew from the spreadsheet."),
    "encoding": gettext_lazy("The file is not UTF-8. Save it as “CSV UTF-8”, or as XLSX."),
    "rows": gettext_lazy("There are more than 300 rows. Divide the table."),
    "cell": gettext_lazy("A row has more than 40 columns, or a cell more than 8,000 characters."),
    "formula": gettext_lazy("A cell holds a formula. Replace it by its value (paste as values)."),
    "number": gettext_lazy("A number has more than 15 digits, of which a spreadsheet loses some: format it as text."),
    "empty": gettext_lazy("There is no row below the header."),
    "none": gettext_lazy("Choose a file."),
    "gone": gettext_lazy("The dry run is no longer valid. Choose the file again; nothing was stored."),
}

# A finding's answers by their names in a report, as findings.enter takes them; of a table's row also "row".
Answers = dict[str, Any]
Choices = list[tuple[str, str]]


# --- Forms


def _choices() -> dict[str, Choices]:
    """Return the codes and labels of each field that takes a code."""
    categories = [category for category in reference_data.categories() if category.group != "elsewhere"]
    return {
        "accused_kind": [(kind.code, str(kind)) for kind in reference_data.accused_kinds()],
        "category": [(category.code, f"{category.code} {category}") for category in categories],
        "act": [(code, str(label)) for code, label in PostAct.choices],
        "agency_kind": [(code, str(label)) for code, label in AgencyKind.choices if code != "unknown"],
        "province": [(province.code, province.name) for province in reference_data.provinces()],
    }


def _line(label: Label, *, limit: int, required: bool = False, help_text: Label = "") -> forms.CharField:
    """Return a field for one line of at most ``limit`` characters that no browser remembers."""
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=limit, required=required, help_text=help_text, widget=widget)


class FindingForm(BaseForm):
    """What staff saw themselves: the post, who, where, when, and what it shows."""

    url = _line(
        gettext_lazy("Link to the post"),
        limit=posts.MOST_CHARS,
        required=True,
        help_text=gettext_lazy(
            "The portal never opens it. It is kept as typed, and in one form for each post, "
            "by which reports are compared."
        ),
    )
    accused_name = _line(gettext_lazy("Name or account"), limit=200)
    accused_nip = _line(gettext_lazy("NIP"), limit=40)
    accused_position = _line(gettext_lazy("Position"), limit=200)
    accused_kind = forms.ChoiceField(label=gettext_lazy("Kind of accused"))
    category = forms.ChoiceField(label=gettext_lazy("What happened"))
    act = forms.ChoiceField(label=gettext_lazy("What the account did"), required=False)
    agency_kind = forms.ChoiceField(label=gettext_lazy("Kind of agency"), required=False)
    agency = _line(gettext_lazy("Agency"), limit=200)
    regency = _line(gettext_lazy("Regency or city"), limit=200)
    province = forms.ChoiceField(label=gettext_lazy("Province"), required=False)
    event_from = forms.DateField(
        label=gettext_lazy("Happened on"),
        required=False,
        input_formats=DATE_FORMATS,
        error_messages={"invalid": gettext_lazy("Write the day as 2026-11-25 or 25/11/2026.")},
        widget=DayInput(attrs={"autocomplete": "off"}),
    )
    story = text_field(gettext_lazy("What is to be seen"), required=True, rows=6)
    evidence = EvidenceField(label=gettext_lazy("Screenshots"), required=False)

    def __init__(
        self,
        data: Mapping[str, str] | None = None,
        files: MultiValueDict[str, UploadedFile[bytes]] | None = None,
        *,
        today: date,
    ) -> None:
        super().__init__(data, files)
        self.today = today
        for name, choices in _choices().items():
            choice_field = self.fields[name]
            empty_label = _("choose") if choice_field.required else _("not known")
            choice_field.choices = [("", empty_label), *choices]  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        return one_link(self.cleaned_data["url"])

    def clean_event_from(self) -> date | None:
        day: date | None = self.cleaned_data["event_from"]
        if day and day > self.today:
            raise ValidationError(_("This day is still to come."))
        return day

    def answers(self) -> Answers:
        """Return the cleaned answers by their names in a report, days as ISO text; without the screenshots."""
        answers = {name: value for name, value in self.cleaned_data.items() if name != "evidence"}
        day = answers["event_from"]
        return answers | {
            "event_from": day.isoformat() if day else "",
            "accused_unknown": not answers["accused_name"],
            "seen_on": self.today.isoformat(),
            "account": "",
        }


class TableForm(BaseForm):
    """The file of an import."""

    table = forms.FileField(label=gettext_lazy("Table (CSV or XLSX)"), required=False)


# --- One finding


@staff_page("GET", "POST", opens_for=access.is_triage)
def enter(request: StaffRequest) -> HttpResponseBase:
    """Ask for one finding, then store it as a case; a post that is known already wants a confirmation."""
    today = timezone.localdate()
    if request.method != "POST":
        return _show_form(request, FindingForm(today=today))
    form = FindingForm(request.POST, request.FILES, today=today)
    if not form.is_valid():
        return _show_form(request, form, status=400)
    answers = form.answers()
    known = monitoring.known_posts(keyring=request.keyring, urls=[answers["url"]]).get(answers["url"], [])
    if known and request.POST.get("anyway") != "on":
        return _show_form(request, form, known=known, status=409)
    files = form.cleaned_data["evidence"]
    case = monitoring.enter_report(actor=request.actor, answers=answers, files=files)
    messages.success(request, _("The finding stands in the queue as %(reference)s.") % {"reference": case.reference})
    return redirect("admin:complaints_case_change", case.pk)


def _show_form(
    request: StaffRequest, form: FindingForm, *, known: Sequence[Similar] = (), status: int = 200
) -> HttpResponse:
    context = {
        "title": _("Enter a finding"),
        "form": form,
        "known": known,
        # A browser does not send a chosen file again by itself, and what arrived is not kept.
        "files_again": bool(request.FILES),
    }
    return render(request, "admin/finding.html", context, status=status)


# --- A table of findings


@dataclass(frozen=True)
class RowError:
    """What to mend in a table: the row as the spreadsheet counts it, the column, and what to do."""

    row: int
    column: str
    words: str


@dataclass(frozen=True)
class ImportState:
    """What the page of an import shows besides the explanation of the table.

    ``refused`` is a code of REFUSALS where the whole table is refused, with its ``row`` where there is one; ``errors``
    are in the order of the rows. ``rows`` are those of a dry run that can be stored, each with the cases that hold its
    post as "known"; ``sealed`` are the same rows as the confirm form carries them.
    """

    refused: str = ""
    row: int = 0
    errors: Sequence[RowError] = ()
    rows: Sequence[Answers] = field(default_factory=list)
    is_known: bool = False
    sealed: str = ""


@staff_page("GET", opens_for=access.is_triage)
def template(request: StaffRequest) -> HttpResponse:
    """Download an empty table with the names of the columns, as CSV."""
    out = io.StringIO()
    csv.writer(out).writerow(COLUMNS)
    # Spreadsheets take a CSV for UTF-8 only if it begins with a byte order mark.
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="temuan.csv"'
    return response


@staff_page("GET", "POST", opens_for=access.is_triage)
def enter_table(request: StaffRequest) -> HttpResponseBase:
    """Take a table: a dry run first, then all rows or none."""
    if request.method != "POST":
        return _show_import(request, ImportState())
    if "sealed" in request.POST:
        return _store_rows(request)
    upload = request.FILES.get("table")
    if upload is None:
        return _show_import(request, ImportState(refused="none"), status=400)
    try:
        rows = spreadsheet_import.read(upload.read(), most_rows=monitoring.MOST_ROWS)
    except spreadsheet_import.BadTable as error:
        return _show_import(request, ImportState(refused=error.code, row=error.row), status=400)
    if len(rows) < 2:
        return _show_import(request, ImportState(refused="empty"), status=400)
    return _dry_run(request, rows)


def _dry_run(request: StaffRequest, rows: list[list[str]]) -> HttpResponse:
    fields, errors = parse_header(rows[0])
    answers: list[Answers] = []
    if not errors:
        answers, errors = parse_rows(enumerate(rows[1:], start=2), fields, today=timezone.localdate())
    errors = sorted([*errors, *_duplicates(answers)], key=lambda error: error.row)
    if errors or not answers:
        return _show_import(request, ImportState(errors=errors, refused="" if errors else "empty"), status=400)
    known = monitoring.known_posts(keyring=request.keyring, urls=[row["url"] for row in answers])
    key = monitoring.new_key()
    request.session[SESSION_KEY] = key
    state = ImportState(
        rows=[row | {"known": known.get(row["url"], [])} for row in answers],
        is_known=bool(known),
        sealed=monitoring.seal_rows(key=key, staff=request.user, rows=answers),
    )
    return _show_import(request, state)


def _store_rows(request: StaffRequest) -> HttpResponseBase:
    # One dry run, one import: the key is gone with the first try, so that a second press stores nothing twice.
    key = request.session.pop(SESSION_KEY, "")
    rows = monitoring.open_rows(key=key, staff=request.user, sealed=request.POST["sealed"]) if key else []
    if not rows:
        return _show_import(request, ImportState(refused="gone"), status=409)
    if request.POST.get("skip") == "on":
        known = monitoring.known_posts(keyring=request.keyring, urls=[str(row["url"]) for row in rows])
        rows = [row for row in rows if row["url"] not in known]
    count = len(monitoring.enter_reports(actor=request.actor, rows=rows))
    stored = ngettext("%(number)d finding stored.", "%(number)d findings stored.", count)
    messages.success(request, stored % {"number": count})
    return redirect("admin:complaints_case_changelist")


def _show_import(request: StaffRequest, state: ImportState, *, status: int = 200) -> HttpResponse:
    choices = _choices()
    context = {
        "title": _("Findings from a table"),
        "form": TableForm(),
        "columns": [(column, column in REQUIRED_COLUMNS) for column in COLUMNS],
        # The columns that take a code, each with its codes and what they mean.
        "codes": [(column, choices[name]) for column, name in COLUMNS.items() if name in choices],
        "refused": str(REFUSALS[state.refused]) if state.refused else "",
        "row": state.row,
        "mistakes": state.errors[:MAX_ERRORS_SHOWN],
        "further": max(0, len(state.errors) - MAX_ERRORS_SHOWN),
        "rows": state.rows,
        "is_known": state.is_known,
        "sealed": state.sealed,
    }
    return render(request, "admin/finding_table.html", context, status=status)


def parse_header(row: Sequence[str]) -> tuple[dict[int, str], list[RowError]]:
    """Return which field of the form each column fills, by its place, and what is wrong with the names."""
    names = [cell.strip().lower().replace(" ", "_").replace("/", "_") for cell in row]
    unknown, missing = _("Unknown column. Take the names of the template."), _("This column is missing.")
    errors = [RowError(1, name, unknown) for name in names if name and name not in COLUMNS]
    errors += [RowError(1, name, missing) for name in REQUIRED_COLUMNS if name not in names]
    errors += [RowError(1, name, _("This column is there twice.")) for name in COLUMNS if names.count(name) > 1]
    return {place: COLUMNS[name] for place, name in enumerate(names) if name in COLUMNS}, errors


def parse_rows(
    rows: Iterable[tuple[int, Sequence[str]]], fields: Mapping[int, str], *, today: date
) -> tuple[list[Answers], list[RowError]]:
    """Check rows, given with their numbers, by :class:`FindingForm`; empty ones are left out.

    Return the answers of the rows that can be stored, each with its number as "row", and what to mend in the others.
    """
    column_of = {name: column for column, name in COLUMNS.items()}
    # A code may be written as itself or as its label in the language of the page, in upper or lower case.
    codes = {
        name: {text.casefold(): code for code, label in choices for text in (code, label)}
        for name, choices in _choices().items()
    }
    answers: list[Answers] = []
    errors: list[RowError] = []
    for number, cells in rows:
        if not any(cells):
            continue
        values = {name: cells[place] if place < len(cells) else "" for place, name in fields.items()}
        for name, code_of in codes.items():
            text = values.get(name, "")
            values[name] = code_of.get(text.casefold(), text)
        form = FindingForm(values, today=today)
        if form.is_valid():
            answers.append(form.answers() | {"row": number})
        for name, messages_of_field in form.errors.items():
            errors += [RowError(number, column_of.get(name, ""), str(message)) for message in messages_of_field]
    return answers, errors


def _duplicates(rows: Sequence[Answers]) -> list[RowError]:
    """Return an error for each row that names a post which an earlier row of the table names already."""
    first_row: dict[str, int] = {}
    errors = []
    for row in rows:
        url = monitoring.canonical_url(row["url"])
        if url in first_row:
            text = _("The same post stands in row %(row)d. Delete one of them.") % {"row": first_row[url]}
            errors.append(RowError(row["row"], "tautan", text))
        first_row.setdefault(url, row["row"])
    return errors
