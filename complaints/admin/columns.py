"""The columns of the queue: each has a code, a head and draws its cells; a person chooses which to see.

The reference is always there: it leads to the case. Lines are drawn here and not by a template, because fifty of them
with eight cells each are most of what a page of the queue costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.admin.filters import OURS
from complaints.domain.workflow import Status
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import assignment

Cell = Callable[[Any], SafeString]
_SHORT_DAY: Final = "D, j M Y"


@dataclass(frozen=True)
class Column:
    """A column; ``cell`` draws its cell of a dressed case."""

    code: str
    head: Any
    cell: Cell
    is_number: bool = False


def _text(code: str, words: Callable[[Any], str], none: Any = "-") -> Cell:
    def draw(case: Any) -> SafeString:
        if said := words(case):
            return format_html('<td role="cell" class="c-{}">{}</td>', code, said)
        return format_html('<td role="cell" class="c-{}"><span class="quiet">{}</span></td>', code, none)

    return draw


def _day(name: str, head: Any) -> Cell:
    cell = '<td role="cell" class="nowrap"><span class="unit">{} </span>{}</td>'
    return lambda case: format_html(cell, head, date_format(getattr(case, name), _SHORT_DAY))


def _clock(case: Any) -> SafeString:
    clock = case.clock
    cell = '<td role="cell" class="c-deadline"><span class="clock {}">{}</span> <span class="day">{}</span></td>'
    return format_html(cell, clock.level, clock.words, date_format(clock.due_on, _SHORT_DAY) if clock.due_on else "")


def _status(case: Any) -> SafeString:
    return format_html('<td role="cell"><span class="chip s-{}">{}</span></td>', case.status, case.status_line)


def _line(case: Any) -> SafeString:
    kind, said = ("two", case.line) if case.line else ("quiet", _("sealed"))
    about = " · ".join(str(part) for part in (case.category, case.accused_kind, case.province) if part)
    return format_html(
        '<td role="cell" class="line"><p class="{}">{}</p><p class="quiet">{}</p></td>', kind, said, about
    )


def _number(words: Callable[[Any], int], unit: Any) -> Cell:
    cell = '<td role="cell" class="num">{}<span class="unit"> {}</span></td>'
    return lambda case: format_html(cell, words(case), unit)


def _officer(case: Case) -> str:
    person = case.assignee
    return f"{assignment.name_of(person)}{_standing(case)}" if person else ""


def _standing(case: Case) -> str:
    """Say of an owner what colleagues should know: has not taken it on, has not looked, stands in for somebody."""
    said: list[Any] = []
    if case.stands_for_id and case.stands_for:
        said.append(_("for %(person)s") % {"person": assignment.name_of(case.stands_for)})
    if case.confirmed_on is None:
        said.append(_("not taken on yet"))
    if case.status in OURS and case.owner_seen_on and case.owner_seen_on <= assignment.idle_since(timezone.localdate()):
        said.append(_("has not looked for days"))
    return f" ({', '.join(str(word) for word in said)})" if said else ""


COLUMNS: Final = (
    Column("deadline", gettext_lazy("Deadline"), _clock),
    Column("status", gettext_lazy("Status"), _status),
    Column("line", gettext_lazy("In short"), _line),
    Column("age", gettext_lazy("Days"), _number(lambda case: int(case.age), gettext_lazy("days old")), is_number=True),
    Column("officer", gettext_lazy("Officer"), _text("officer", _officer, gettext_lazy("nobody"))),
    Column("category", gettext_lazy("Category"), _text("category", lambda case: str(case.category))),
    Column("accused", gettext_lazy("Accused"), _text("accused", lambda case: str(case.accused_kind))),
    Column("province", gettext_lazy("Province"), _text("province", lambda case: str(case.province or ""))),
    Column("agency", gettext_lazy("Agency kind"), _text("agency", lambda case: str(case.get_agency_kind_display()))),
    Column("received", gettext_lazy("Received on"), _day("received_on", gettext_lazy("Received on"))),
    Column("since", gettext_lazy("In this status since"), _day("status_on", gettext_lazy("In this status since"))),
    Column(
        "body",
        gettext_lazy("Body"),
        _text("body", lambda case: case.lead_body.short_name if case.lead_body else ""),
    ),
    Column(
        "reports",
        gettext_lazy("Reports"),
        _number(lambda case: int(case.reports), gettext_lazy("Reports")),
        is_number=True,
    ),
)
USUAL: Final = ("deadline", "status", "line", "age", "officer")
# Beside the columns: a person who types by voice, or whose reader has keys of its own, switches the queue's keys off.
KEYS_OFF: Final = "nokeys"
_BY_CODE: Final = {one.code: one for one in COLUMNS}


def known(codes: list[str]) -> list[str]:
    """Return the codes that are columns, each once, in the house's order."""
    return [one.code for one in COLUMNS if one.code in codes]


def columns_of(person: Staff) -> list[Column]:
    """Return the columns that a person sees."""
    chosen = known(person.queue_columns.split(",")) or USUAL
    return [_BY_CODE[code] for code in chosen]


def keys_on(person: Staff) -> bool:
    """Whether the queue listens to keys for this person."""
    return KEYS_OFF not in person.queue_columns.split(",")


def _marks(case: Any) -> list[tuple[str, str]]:
    """Return what stands beside a reference, in words and with the class that colours it."""
    marks = []
    if case.has_unread:
        marks.append(("mark new", _("new answer")))
    if case.status == Status.IN_REVIEW and case.lead_body:
        marks.append(("mark new", _("back from %(body)s") % {"body": case.lead_body.short_name}))
    if case.has_evidence:
        marks.append(("mark", _("evidence")))
    if case.has_finding:
        marks.append(("mark", _("finding")))
    if case.category.priority == "urgent" or case.in_danger:
        marks.append(("mark urgent", _("urgent")))
    if case.reports > 1:
        text = ngettext("%(counter)s report", "%(counter)s reports", case.reports)
        marks.append(("mark", text % {"counter": case.reports}))
    return marks


def line(case: Any, columns: list[Column], *, may_tick: bool, ticked: bool) -> SafeString:
    """Draw a line of the queue for a dressed case."""
    box = SafeString()
    if may_tick:
        box = format_html(
            '<td role="cell" class="ticks"><input type="checkbox" name="case" value="{}" form="many" aria-label="{}"{}>'
            "</td>",
            case.pk,
            case.reference,
            " checked" if ticked else "",
        )
    return format_html(
        '<tr role="row"{}>{}<th role="rowheader" scope="row"><a class="mono" href="{}">{}</a>{}</th>{}</tr>',
        format_html(' class="{}"', "unread") if case.has_unread else "",
        box,
        reverse("admin:complaints_case_change", args=[case.pk]),
        case.reference,
        format_html_join("", '<span class="{}">{}</span>', _marks(case)),
        format_html_join("\n", "{}", ((one.cell(case),) for one in columns)),
    )
