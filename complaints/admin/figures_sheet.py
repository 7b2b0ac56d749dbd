"""The sheet of figures for the leadership: one page to print, without the cells that could point at a person.

Whoever needs the small cells asks for them by a button: the sheet is then marked RAHASIA, and an entry of the audit
chain says who took it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import figures as page
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.export import CLASSIFICATION
from complaints.admin.figures import Figure, FunnelStep, Line
from complaints.domain.small_cells import SMALLEST_SHOWN, left_out
from complaints.services import exports, figures, first_look

HIGHER_LEVEL: Final = "RAHASIA"
SMALL: Final = f"< {SMALLEST_SHOWN}"
# The tables whose columns sum up to a number that the sheet says, so that one cell could be worked out from the rest.
SUMMED: Final = ("standing", "categories", "bodies", "provinces")


@staff_page("GET", "POST", opens_for=access.is_triage)
def sheet(request: StaffRequest) -> HttpResponse:
    """Show the sheet without small cells; by POST whole, marked RAHASIA and recorded."""
    now = timezone.localtime()
    first_look.process_new_reports(actor=request.actor)
    span = page.span_of(request.GET.dict(), now.date())
    cases = span.cases(request.user, now.date())
    is_whole = request.method == "POST"
    if is_whole:
        exports.record_figures(actor=request.actor, filters=span.values)
    standing = figures.standings(cases)
    tables = page.tables_of(span, cases, standing, now.date())
    tables["provinces"] = list(page.province_lines(span, figures.by_province_and_week(cases), ()))
    funnel = list(page.funnel_of(span, cases, standing.total()))
    if not is_whole:
        tables = {name: _without_small(lines, is_summed=name in SUMMED) for name, lines in tables.items()}
        funnel = [_small_step(row) for row in funnel]
    context = {
        "title": _("Figures"),
        "span": span,
        "total": standing.total(),
        "level": HIGHER_LEVEL if is_whole else CLASSIFICATION,
        "is_whole": is_whole,
        "smallest": SMALLEST_SHOWN,
        "now": now,
        "funnel": funnel,
        **{name: [_without_links(line) for line in lines] for name, lines in tables.items()},
        **page.heads(()),
    }
    return render(request, "admin/figures_sheet.html", context)


def _without_small(lines: Sequence[Line], *, is_summed: bool) -> list[Line]:
    """Return the lines of a table with "<5" where a count would tell of a few, "…" where it would tell such a one."""
    columns = range(len(lines[0]["cells"])) if lines else range(0)
    hidden = {
        (row, column)
        for column in columns
        for row in _hidden({at: line["cells"][column] for at, line in enumerate(lines)}, is_summed)
    }
    shown: list[Line] = []
    for row, line in enumerate(lines):
        cells = [_covered(cell) if (row, column) in hidden else cell for column, cell in enumerate(line["cells"])]
        # What one share is made of would tell a small number too.
        shown.append({**line, "cells": cells, "remark": "" if " / " in line["remark"] else line["remark"]})
    return shown


def _covered(cell: Figure) -> Figure:
    return Figure(SMALL if _count(cell) < SMALLEST_SHOWN else "…")


def _without_links(line: Line) -> Line:
    """Return a line for paper, on which no link leads anywhere."""
    return {**line, "cells": [replace(cell, url="") for cell in line["cells"]]}


def _count(cell: Figure) -> int:
    """Return the number of cases that a cell counts; 0 for days and shares, which are no count."""
    return int(cell.words) if cell.words.isdecimal() else 0


def _hidden(cells: dict[int, Figure], is_summed: bool) -> set[int]:
    counts = {row: _count(cell) for row, cell in cells.items()}
    return left_out(counts) if is_summed else {row for row, count in counts.items() if 0 < count < SMALLEST_SHOWN}


def _small_step(row: FunnelStep) -> FunnelStep:
    is_small = 0 < _count(row.figure) < SMALLEST_SHOWN
    return replace(row, figure=Figure(SMALL), share=0, days="") if is_small else row
