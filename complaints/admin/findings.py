"""Findings from monitoring at the staff's door: one by a form, many from a table with a dry run.

A table is read in memory and its rows wait, sealed, in the officer's own page until they are confirmed; nothing of it
is kept on the server in between, and all of its rows are stored or none.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.adapters import spreadsheet_import
from complaints.admin.base import CasePart, staff_request
from complaints.admin.finding_forms import COLUMNS, NEEDED, FindingForm, Mistake, codes, headers, judged
from complaints.admin.forms import HouseForm
from complaints.services import monitoring

SESSION_KEY: Final = "finding_import"
BAD_TABLE: Final[dict[str, Any]] = {
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
# More would not be read by anybody; the rest comes with the next try.
MISTAKES_SHOWN: Final = 100


class TableForm(HouseForm):
    """The file of an import."""

    table = forms.FileField(label=gettext_lazy("Table (CSV or XLSX)"), required=False)


class CaseFindings(CasePart):
    """Entering findings, for members of triage."""

    def own_urls(self) -> list[URLPattern]:
        """The form, the table, and the table's template."""
        return [
            self.route("temuan/", self.finding, "finding", "GET", "POST"),
            self.route("temuan/tabel/", self.finding_table, "finding_table", "GET", "POST"),
            self.route("temuan/contoh.csv", self.finding_template, "finding_template", "GET"),
            *super().own_urls(),
        ]

    def _may_enter(self, request: HttpRequest) -> None:
        if not access.is_triage(request.user):
            raise Http404

    # --- One

    def finding(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a finding, then store it."""
        self._may_enter(request)
        today = timezone.localdate()
        if request.method != "POST":
            return self._form(request, FindingForm(today=today))
        form = FindingForm(request.POST, request.FILES, today=today)
        if not form.is_valid():
            return self._form(request, form, status=400)
        asking, typed = staff_request(request), form.found()
        known = monitoring.known_posts(keyring=asking.keyring, urls=[typed["url"]]).get(typed["url"], [])
        if known and request.POST.get("anyway") != "on":
            return self._form(request, form, known=known, status=409)
        files = form.cleaned_data["evidence"]
        case = monitoring.enter_report(actor=asking.actor, found=typed, files=files)
        messages.success(
            request, _("The finding stands in the queue as %(reference)s.") % {"reference": case.reference}
        )
        return redirect("admin:complaints_case_change", case.pk)

    def _form(self, request: HttpRequest, form: FindingForm, *, known: Any = (), status: int = 200) -> HttpResponse:
        context = {
            "title": _("Enter a finding"),
            "form": form,
            "known": known,
            # What arrived was thrown away with the answer: a browser does not send a chosen file again by itself.
            "files_again": bool(request.FILES),
        }
        return self.page(request, "admin/finding.html", context, status=status)

    # --- Many

    def finding_template(self, request: HttpRequest) -> HttpResponse:
        """Give the names of the columns as a table to fill in."""
        self._may_enter(request)
        out = io.StringIO()
        csv.writer(out).writerow(COLUMNS)
        answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = 'attachment; filename="temuan.csv"'
        return answer

    def finding_table(self, request: HttpRequest) -> HttpResponseBase:
        """Take a table: a dry run first, then all rows or none."""
        self._may_enter(request)
        if request.method != "POST":
            return self._table(request)
        if "sealed" in request.POST:
            return self._store(request)
        upload = request.FILES.get("table")
        if upload is None:
            return self._table(request, refused="none", status=400)
        try:
            rows = spreadsheet_import.read(upload.read(), most_rows=monitoring.MOST_ROWS)
        except spreadsheet_import.BadTable as bad:
            return self._table(request, refused=bad.code, row=bad.row, status=400)
        return self._dry_run(request, rows)

    def _dry_run(self, request: HttpRequest, rows: list[list[str]]) -> HttpResponse:
        if len(rows) < 2:
            return self._table(request, refused="empty", status=400)
        asking = staff_request(request)
        fields, mistakes = headers(rows[0])
        good: list[dict[str, Any]] = []
        if not mistakes:
            good, mistakes = judged(enumerate(rows[1:], start=2), fields, today=timezone.localdate())
        mistakes = sorted([*mistakes, *_twice(good)], key=lambda one: one.row)
        if mistakes or not good:
            return self._table(request, mistakes=mistakes, refused="" if mistakes else "empty", status=400)
        known = monitoring.known_posts(keyring=asking.keyring, urls=[row["url"] for row in good])
        key = monitoring.new_key()
        request.session[SESSION_KEY] = key
        context: dict[str, Any] = {
            "rows": [row | {"known": known.get(row["url"], [])} for row in good],
            "is_known": bool(known),
            "sealed": monitoring.seal_rows(key=key, staff=asking.user, rows=good),
        }
        return self._table(request, **context)

    def _store(self, request: HttpRequest) -> HttpResponseBase:
        asking = staff_request(request)
        # One dry run, one import: the key is gone with the first try, so that a second press stores nothing twice.
        key = request.session.pop(SESSION_KEY, "")
        rows = monitoring.open_rows(key=key, staff=asking.user, sealed=request.POST["sealed"]) if key else []
        if not rows:
            return self._table(request, refused="gone", status=409)
        if request.POST.get("skip") == "on":
            known = monitoring.known_posts(keyring=asking.keyring, urls=[row["url"] for row in rows])
            rows = [row for row in rows if row["url"] not in known]
        cases = monitoring.enter_reports(actor=asking.actor, rows=rows)
        done = ngettext("%(number)d finding stored.", "%(number)d findings stored.", len(cases)) % {
            "number": len(cases)
        }
        messages.success(request, done)
        return redirect("admin:complaints_case_changelist")

    def _table(
        self, request: HttpRequest, *, refused: str = "", row: int = 0, status: int = 200, **more: Any
    ) -> HttpResponse:
        mistakes = more.pop("mistakes", [])
        context = {
            "title": _("Findings from a table"),
            "form": TableForm(),
            "columns": [(column, column in NEEDED) for column in COLUMNS],
            "codes": codes(),
            "refused": str(BAD_TABLE[refused]) if refused else "",
            "row": row,
            "mistakes": mistakes[:MISTAKES_SHOWN],
            "further": max(0, len(mistakes) - MISTAKES_SHOWN),
        }
        return self.page(request, "admin/finding_table.html", context | more, status=status)


def _twice(rows: list[dict[str, Any]]) -> list[Mistake]:
    """Return the rows that name a post which an earlier row names already."""
    first: dict[str, int] = {}
    found = []
    for row in rows:
        url = monitoring.canonical_url(row["url"])
        if url in first:
            words = _("The same post stands in row %(row)d. Delete one of them.") % {"row": first[url]}
            found.append(Mistake(row["row"], "tautan", words))
        first.setdefault(url, row["row"])
    return found
