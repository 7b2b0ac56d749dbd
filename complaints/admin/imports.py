"""Findings from a table: a dry run, all rows or none, and the import as a whole, which can be undone for a day.

A table is read in memory, and each of its rows is checked by the form of a single finding. The rows then wait, sealed,
in the officer's own page until they are confirmed; nothing of the table is kept on the server in between, and all of
its rows are stored or none.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.adapters import spreadsheet_import
from complaints.adapters.spreadsheet_import import TableRow
from complaints.admin import labels, queue_filters
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.monitoring import Answers, Choices, FindingForm, code_choices
from complaints.domain.workflow import TransitionRefused
from complaints.forms.fields import latest_day
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import imports, monitoring
from complaints.services.imports import Import, ImportRefused

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
# Why a table is refused: codes of spreadsheet_import.BadTable, and our own from "empty" on.
REFUSALS: Final = {
    "too_large": gettext_lazy("The file is too large: at most 1 MiB, and unpacked 20 MiB. Divide it."),
    "damaged": gettext_lazy("The file cannot be read as CSV or XLSX. Save it anew from the spreadsheet."),
    "old_format": gettext_lazy(
        "The file has a password, or the old format XLS. Save it without a password as XLSX or as “CSV UTF-8”."
    ),
    "encoding": gettext_lazy("The letters of the file cannot be read. Save it as “CSV UTF-8”, or as XLSX."),
    "rows": gettext_lazy("There are more than 300 rows. Divide the table."),
    "columns": gettext_lazy("A row has more than 40 columns. Take the columns of the template."),
    "cell": gettext_lazy("A cell has more than 8,000 characters. Shorten it."),
    "formula": gettext_lazy("A cell holds a formula. Replace it by its value (paste as values)."),
    "number": gettext_lazy(
        "The spreadsheet has turned this number into a short form such as 1,98001E+17, and its last digits are lost. "
        "Format the whole column as text, then type or paste the numbers again."
    ),
    "empty": gettext_lazy("There is no row below the header."),
    "none": gettext_lazy("Choose a file."),
    "gone": gettext_lazy("The dry run is no longer valid. Choose the file again; nothing was stored."),
}
# What an error of the form says of a cell, where the form's own words would speak of a field.
CELL_WORDS: Final = {
    "required": gettext_lazy("This cell is empty. Fill it in."),
    "links": gettext_lazy("There is more than one link. Write one link per cell; each further post gets a row."),
}
# Why an import cannot be undone: codes of ImportRefused.
UNDO_REFUSALS: Final = {
    "theirs": gettext_lazy("Only the person who imported the table can undo the import."),
    "late": gettext_lazy("An import can be undone for 24 hours. They are over."),
    "nothing": gettext_lazy("None of its cases can be undone any more."),
}


# --- Forms


class TableForm(BaseForm):
    """The file of an import."""

    table = forms.FileField(label=gettext_lazy("Table (CSV or XLSX)"), required=False)


class UndoForm(BaseForm):
    """Why an import is undone."""

    reason = text_field(
        gettext_lazy("Why"),
        help_text=gettext_lazy("It stays with each case as an internal note."),
        required=True,
        rows=2,
    )


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

    ``refused`` is a code of REFUSALS where the whole table is refused, with ``row`` and ``column`` where there are any;
    ``errors`` are in the order of the rows. ``rows`` are those of a dry run that can be stored, each with the cases
    that hold its post as "known"; ``sealed`` are the same rows as the confirm form carries them.
    """

    refused: str = ""
    row: int = 0
    column: str = ""
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
        state = ImportState(refused=error.code, row=error.row, column=error.column)
        return _show_import(request, state, status=400)
    if len(rows) < 2:
        return _show_import(request, ImportState(refused="empty"), status=400)
    return _dry_run(request, rows)


def _dry_run(request: StaffRequest, rows: Sequence[TableRow]) -> HttpResponse:
    fields, errors = parse_header(rows[0])
    answers: list[Answers] = []
    if not errors:
        latest = latest_day(timezone.now())
        answers, errors = parse_rows(rows[1:], fields, person=request.user, today=timezone.localdate(), latest=latest)
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
    secret = request.session.pop(SESSION_KEY, "")
    rows = monitoring.open_rows(key=secret, staff=request.user, sealed=request.POST["sealed"]) if secret else []
    if not rows:
        return _show_import(request, ImportState(refused="gone"), status=409)
    if request.POST.get("skip") == "on":
        known = monitoring.known_posts(keyring=request.keyring, urls=[str(row["url"]) for row in rows])
        rows = [row for row in rows if row["url"] not in known]
    if not rows:
        messages.warning(request, _("Nothing was stored: all posts of the table are known already."))
        return redirect("admin:complaints_case_finding_table")
    key = uuid.uuid4()
    count = len(monitoring.enter_reports(actor=request.actor, rows=rows, key=key))
    stored = ngettext("%(number)d finding stored.", "%(number)d findings stored.", count)
    messages.success(request, stored % {"number": count})
    return HttpResponseRedirect(f"{reverse('admin:complaints_case_changelist')}?{list_of(key)}")


def _show_import(request: StaffRequest, state: ImportState, *, status: int = 200) -> HttpResponse:
    choices = code_choices()
    context = {
        "title": _("Findings from a table"),
        "form": TableForm(),
        "columns": [(column, column in REQUIRED_COLUMNS) for column in COLUMNS],
        # The columns that take a code, each with its codes and what they mean.
        "codes": [(column, choices[name]) for column, name in COLUMNS.items() if name in choices],
        "refused": str(REFUSALS[state.refused]) if state.refused else "",
        "row": state.row,
        "column": state.column,
        "recent": imports.recent_imports(actor=request.actor),
        "mistakes": state.errors[:MAX_ERRORS_SHOWN],
        "further": max(0, len(state.errors) - MAX_ERRORS_SHOWN),
        "rows": state.rows,
        "is_known": state.is_known,
        "sealed": state.sealed,
    }
    return render(request, "admin/finding_table.html", context, status=status)


def parse_header(row: TableRow) -> tuple[dict[int, str], list[RowError]]:
    """Return which field of the form each column fills, by its place, and what is wrong with the names."""
    names = [cell.strip().lower().replace(" ", "_").replace("/", "_") for cell in row.cells]
    unknown, missing = _("Unknown column. Take the names of the template."), _("This column is missing.")
    errors = [RowError(row.number, name, unknown) for name in names if name and name not in COLUMNS]
    errors += [RowError(row.number, name, missing) for name in REQUIRED_COLUMNS if name not in names]
    twice = _("This column is there twice.")
    errors += [RowError(row.number, name, twice) for name in COLUMNS if names.count(name) > 1]
    return {place: COLUMNS[name] for place, name in enumerate(names) if name in COLUMNS}, errors


def parse_rows(
    rows: Iterable[TableRow], fields: Mapping[int, str], *, person: Staff, today: date, latest: date
) -> tuple[list[Answers], list[RowError]]:
    """Check rows by :class:`FindingForm`, whose arguments the last three are.

    Return the answers of the rows that can be stored, each with its number as "row", and what to mend in the others.
    """
    column_of, choices = {name: column for column, name in COLUMNS.items()}, code_choices()
    # A code may be written as itself or as its label in the language of the page, in upper or lower case.
    codes = {
        name: {text.casefold(): code for code, label in known for text in (code, label)}
        for name, known in choices.items()
    }
    answers: list[Answers] = []
    errors: list[RowError] = []
    for number, cells in rows:
        values = {name: cells[place] if place < len(cells) else "" for place, name in fields.items()}
        for name, code_of in codes.items():
            text = values.get(name, "")
            values[name] = code_of.get(text.casefold(), text)
        form = FindingForm(values, person=person, today=today, latest=latest)
        if form.is_valid():
            answers.append(form.answers() | {"row": number})
        for name, faults in form.errors.as_data().items():
            words = [_words_of_cell(fault, values.get(name, ""), choices.get(name, [])) for fault in faults]
            errors += [RowError(number, column_of.get(name, ""), text) for text in words]
    return answers, errors


def _words_of_cell(fault: ValidationError, value: str, choices: Choices) -> str:
    """Return what is wrong with a cell and what to do; ``choices`` are those of its column, if it takes a code."""
    if fault.code == "invalid_choice":
        codes = ", ".join(code for code, _label in choices)
        words = _("“%(value)s” is not a code of this column. Write one of these: %(codes)s.")
        return words % {"value": value[:40], "codes": codes}
    return str(CELL_WORDS.get(str(fault.code), " ".join(fault.messages)))


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


# --- An import as a whole


def list_of(key: uuid.UUID) -> str:
    """Return the query of the queue that lists the cases of an import, whatever has become of them."""
    return queue_filters.query_of({"status": "every", queue_filters.IMPORT: str(key)})


@staff_page("GET", "POST", opens_for=access.is_triage)
def whole_import(request: StaffRequest, key: uuid.UUID) -> HttpResponseBase:
    """Show what came with a table and what has become of it; by POST undo it."""
    form = UndoForm(request.POST if request.method == "POST" else None)
    try:
        if request.method != "POST" or not form.is_valid():
            return _show_whole(request, imports.open_import(actor=request.actor, key=key), form)
        undone = imports.undo(actor=request.actor, key=key, reason=form.cleaned_data["reason"].strip())
    except Case.DoesNotExist:
        raise Http404 from None
    except ImportRefused as refusal:
        messages.error(request, str(UNDO_REFUSALS[refusal.code]))
    except TransitionRefused:
        messages.error(request, _("A case of this import is under check, so nothing was undone. Tell the auditor."))
    else:
        number = len(undone.undone)
        done = ngettext("Import undone: %(number)d case ended.", "Import undone: %(number)d cases ended.", number)
        messages.success(request, done % {"number": number})
    return redirect("admin:complaints_case_import", key)


def _show_whole(request: StaffRequest, opened: Import, form: UndoForm) -> HttpResponse:
    context = {
        "title": _("Import of a table"),
        "import": opened,
        "by": labels.staff_name(opened.person),
        "refused": UNDO_REFUSALS.get(opened.refused, ""),
        "query": list_of(opened.key),
        "form": form,
    }
    return render(request, "admin/import.html", context, status=400 if form.is_bound else 200)
