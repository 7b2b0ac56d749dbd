"""The list of the queue: which cases stand on a page of it, in which order, and how a line is drawn.

Pages are found by the keys of their first or last line (keyset pagination), never by counting: the thousandth page of
a million cases costs what the first one costs, and cases that come or go meanwhile make no line appear twice or not at
all. Lines are drawn here and not by a template, because fifty of them with eight cells each are most of what a page of
the queue costs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import (
    BooleanField,
    DateField,
    Exists,
    F,
    Func,
    IntegerField,
    OrderBy,
    OuterRef,
    QuerySet,
    UUIDField,
    Value,
    When,
)
from django.db.models import Case as Either
from django.db.models.expressions import Combinable, Expression
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.admin import labels, queue_filters
from complaints.admin.base import StaffRequest, capped_count, or_more
from complaints.admin.case_summary import DeadlineLabel, case_deadline
from complaints.admin.labels import ERASED, Label, accused_label, category_label
from complaints.admin.queue_filters import Cases, FilterValues
from complaints.domain.risk import RiskGrade
from complaints.domain.workflow import ENDED, PROMISED, Status
from complaints.models.case import DUE_KEY, Case, with_wait
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import FURTHER, Release
from complaints.models.team import Staff
from complaints.services import assignment, case_summary, reference_data
from complaints.services.audit import recorded_lines

PAGE_SIZE: Final = 50


# --- Order and pages


class RowComparison(Func):
    """Whether a row of columns is greater or less than a row of values: one comparison, which an index can answer."""

    output_field = BooleanField()

    def __init__(self, columns: Sequence[Combinable], values: Sequence[Value], *, sign: str) -> None:
        super().__init__(*columns, *values)
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Return ``(a, b) > (x, y)``."""
        parts, params = [], []
        for expression in self.get_source_expressions():
            sql, expression_params = compiler.compile(expression)
            parts.append(sql)
            params += expression_params
        half = len(parts) // 2
        return f"({', '.join(parts[:half])}) {self.sign} ({', '.join(parts[half:])})", params


@dataclass(frozen=True)
class Key:
    """A key of an order: its expression, its value of a case as digits for an address, and the value of such digits.

    ``parse`` raises ValueError for digits that are no value.
    """

    expression: Expression | F
    digits: Callable[[Case], str]
    parse: Callable[[str], Value]


def _parse_day(digits: str) -> Value:
    return Value(datetime.strptime(digits, "%Y%m%d").date(), output_field=DateField())  # noqa: DTZ007


DUE: Final = Key(DUE_KEY, lambda case: (case.due_on or date.max).strftime("%Y%m%d"), _parse_day)
RECEIVED: Final = Key(F("received_on"), lambda case: case.received_on.strftime("%Y%m%d"), _parse_day)


@dataclass(frozen=True)
class Order:
    """An order of the queue: by its keys, then by the id, so that no two cases are equal; all in one direction."""

    by: tuple[Key, ...]
    descending: bool

    @property
    def keys(self) -> tuple[Expression | F, ...]:
        return (*(key.expression for key in self.by), F("id"))

    def sort(self, cases: QuerySet[Case], *, backwards: bool = False) -> QuerySet[Case]:
        return cases.order_by(*(OrderBy(key, descending=self.descending != backwards) for key in self.keys))

    def cursor_of(self, case: Case) -> str:
        """Return the cursor of a case, for an address: the digits of its keys and its id in hex, parted by dots."""
        return ".".join([*(key.digits(case) for key in self.by), case.pk.hex])

    def after(self, cursor: str, *, backwards: bool = False) -> RowComparison | None:
        """Return the condition for the cases after a cursor, or before it; None where the text is no cursor."""
        *parts, identifier = cursor.split(".")
        if len(parts) != len(self.by):
            return None
        try:
            values = [key.parse(digits) for key, digits in zip(self.by, parts, strict=True)]
            last = Value(uuid.UUID(identifier), output_field=UUIDField())
        except ValueError:
            return None
        return RowComparison(self.keys, [*values, last], sign="<" if self.descending != backwards else ">")


# Late and due first, then what came first; of those that have ended the newest, because they are asked for most.
BY_DEADLINE: Final = Order((DUE, RECEIVED), descending=False)
NEWEST: Final = Order((RECEIVED,), descending=True)
OLDEST: Final = Order((RECEIVED,), descending=False)
ORDERS: Final = {"deadline": BY_DEADLINE, "newest": NEWEST, "oldest": OLDEST}
BY_RISK: Final = "risk"


def order_for(values: Mapping[str, str], grades: Mapping[uuid.UUID, RiskGrade] | None = None) -> Order:
    """Return the order that filters name, else the usual one of their status.

    The order by risk, the highest grade first, takes the ``grades`` that were read for this request.
    """
    sort, status = values.get("sort", ""), values.get("status", "")
    if sort == BY_RISK and grades is not None:
        return Order((_risk_key(grades), DUE, RECEIVED), descending=False)
    return ORDERS.get(sort) or (NEWEST if status == "ended" or status in ENDED else BY_DEADLINE)


def _risk_key(grades: Mapping[uuid.UUID, RiskGrade]) -> Key:
    """Return a key that puts the highest grade first; a case that nobody has graded comes last."""
    places = {grade: place for place, grade in enumerate(reversed(RiskGrade))}
    cases: dict[RiskGrade, list[uuid.UUID]] = {}
    for case, grade in grades.items():
        cases.setdefault(grade, []).append(case)
    whens = [When(pk__in=cases[grade], then=Value(places[grade])) for grade in cases]
    place = Either(*whens, default=Value(len(places)), output_field=IntegerField())
    digits = {case: str(places[grade]) for case, grade in grades.items()}
    return Key(
        place,
        lambda case: digits.get(case.pk, str(len(places))),
        lambda text: Value(int(text), output_field=IntegerField()),
    )


@dataclass(frozen=True)
class Page:
    """A page: its cases, and the cursors for the pages before and after it, "" where there is none."""

    cases: list[Case]
    before: str
    after: str


def with_marks(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Annotate what a line shows beside the case's own columns: three marks, and the reports and bodies in number."""
    return (
        recorded_lines.with_first(with_wait(cases))
        .annotate(
            has_unread=Exists(Message.objects.unread().filter(complaint__case=OuterRef("pk"))),
            has_evidence=Exists(Evidence.objects.filter(complaint__case=OuterRef("pk"))),
            has_finding=Exists(Complaint.objects.filter(case=OuterRef("pk")).exclude(channel=Complaint.Channel.WEB)),
            reports=capped_count(Complaint.objects.filter(case=OuterRef("pk"))),
            further_bodies=capped_count(Release.objects.filter(FURTHER, case=OuterRef("pk"))),
        )
        .select_related("category", "accused_kind", "province", "assignee", "lead_body", "stands_for")
    )


def page_of(cases: Cases, order: Order, *, after: str = "", before: str = "") -> Page:
    """Return the page after a cursor, or before one, or the first; one query, two where pages ran out meanwhile."""
    backwards = bool(before)
    condition = order.after(before or after, backwards=backwards) if before or after else None
    rows = order.sort(cases, backwards=backwards)
    if condition is not None:
        rows = rows.filter(condition)
    # One more than is shown tells whether there is another page. In a query of their own: beside the whole queue a
    # database would work the marks out for every case of it.
    keys = rows.values("pk")[: PAGE_SIZE + 1]
    shown = list(order.sort(with_marks(Case.objects.filter(pk__in=keys)), backwards=backwards))
    has_more, shown = len(shown) > PAGE_SIZE, shown[:PAGE_SIZE]
    if condition is not None and backwards and not has_more:
        # The cases before the cursor fill no page any more: this is the first page, and it is full.
        return page_of(cases, order)
    if backwards:
        shown.reverse()
    elif condition is not None and not shown:
        return page_of(cases, order)
    has_before = has_more if backwards else condition is not None
    has_after = backwards or has_more
    return Page(
        cases=shown,
        before=order.cursor_of(shown[0]) if shown and has_before else "",
        after=order.cursor_of(shown[-1]) if shown and has_after else "",
    )


def cursors_of(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the cursors that an address names, (after, before); at most one of them counts."""
    before = query.get("before", "")
    return ("", before) if before else (query.get("after", ""), "")


def redirect_to_queue(values: FilterValues, cursors: Mapping[str, str] | None = None) -> HttpResponseRedirect:
    """Redirect to the list of these filters; to the page of it that ``cursors`` name under "after" or "before".

    Where ``cursors`` say that the "list" is that of a search, redirect there.
    """
    if (cursors or {}).get("list") == "search":
        return HttpResponseRedirect(reverse("admin:complaints_case_search"))
    query, order = queue_filters.query_of(values), order_for(values, {})
    name = "before" if (cursors or {}).get("before") else "after"
    cursor = (cursors or {}).get(name, "")
    if order.after(cursor) is not None:
        query = f"{query}&{name}={cursor}".removeprefix("&")
    return HttpResponseRedirect(reverse("admin:complaints_case_changelist") + f"?{query or queue_filters.NO_FILTERS}")


# --- Lines


@dataclass(frozen=True)
class QueueLine:
    """A case of :func:`with_marks` with what its line says: its opened one-liner, "" where it is sealed, and words.

    ``age`` counts the days since the case was received. Of a case that ``differs`` from its record nothing is told.
    """

    case: Case
    summary: str
    is_high_risk: bool
    status: str
    deadline: DeadlineLabel
    age: int
    has_unread: bool
    has_evidence: bool
    has_finding: bool
    reports: int
    further_bodies: int
    differs: bool


def queue_lines(request: StaffRequest, cases: list[Case], *, now: datetime) -> list[QueueLine]:
    """Return the lines of a page, their one-liners opened for this person; recorded as one reading of the queue."""
    today = timezone.localdate(now)
    urgent: set[uuid.UUID] = set()
    keyring = request.keyring
    summaries = case_summary.summaries(actor=request.actor, cases=cases, urgent=urgent) if cases else {}
    lines = []
    # After the summaries: a first look at a report records how its case is filed.
    differing = recorded_lines.differing(cases)
    annotated: list[Any] = cases
    for case in annotated:
        # A person whose conflict with a case came to light just now is not shown that the case is there.
        if keyring.has_conflict(case.pk):
            continue
        lines.append(
            QueueLine(
                case=case,
                summary=summaries.get(case.pk, ""),
                is_high_risk=case.pk in urgent,
                status=labels.case_status_label(case),
                deadline=case_deadline(case, today, waiting_since=case.waiting_since),
                age=(today - case.received_on).days,
                has_unread=case.has_unread,
                has_evidence=case.has_evidence,
                has_finding=case.has_finding,
                reports=case.reports,
                further_bodies=case.further_bodies,
                # A case that is listed holds a report.
                differs=case.pk in differing or not case.reports,
            )
        )
    return lines


def draw_line(line: QueueLine, columns: list[Column], *, may_tick: bool, ticked: bool) -> SafeString:
    """Draw a line of the queue as a table row; with a tick box for who may act on several cases."""
    case, box = line.case, SafeString()
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
        format_html(' class="{}"', "unread") if line.has_unread else "",
        box,
        reverse("admin:complaints_case_change", args=[case.pk]),
        case.reference,
        format_html_join("", '<span class="{}">{}</span>', [] if line.differs else _marks(line)),
        _not_told(len(columns))
        if line.differs
        else format_html_join("\n", "{}", ((column.cell(line),) for column in columns)),
    )


def _not_told(columns: int) -> SafeString:
    """Draw one cell in place of all of a line that differs from its record."""
    return format_html('<td role="cell" class="line" colspan="{}">{}</td>', columns, labels.NOT_AS_RECORDED)


def _marks(line: QueueLine) -> list[tuple[str, str]]:
    """Return the marks beside a reference: the class that colours each, and its words."""
    case, marks = line.case, []
    if line.has_unread:
        marks.append(("mark new", _("new answer")))
    if case.status == Status.IN_REVIEW and case.lead_body:
        marks.append(("mark new", _("back from %(body)s") % {"body": case.lead_body.short_name}))
    if line.has_evidence:
        marks.append(("mark", _("evidence")))
    if line.has_finding:
        marks.append(("mark", _("finding")))
    if case.category_id in reference_data.urgent_categories(reference_data.edition()) or line.is_high_risk:
        marks.append(("mark urgent", _("urgent")))
    if line.reports > 1:
        text = ngettext("%(counter)s report", "%(counter)s reports", line.reports)
        marks.append(("mark", text % {"counter": or_more(line.reports)}))
    return marks


# --- Columns: a person chooses which to see. The reference is always there, because it leads to the case.

Cell = Callable[[QueueLine], SafeString]
_DAY_FORMAT: Final = "D, j M Y"


@dataclass(frozen=True)
class Column:
    """A column of the queue: its code in the person's settings, its heading, and what draws its cell."""

    code: str
    head: Label
    cell: Cell
    is_number: bool = False


def _text_cell(code: str, text_of: Callable[[Case], str], empty: Label = "-") -> Cell:
    def draw(line: QueueLine) -> SafeString:
        if text := text_of(line.case):
            return format_html('<td role="cell" class="c-{}">{}</td>', code, text)
        return format_html('<td role="cell" class="c-{}"><span class="quiet">{}</span></td>', code, empty)

    return draw


def _body_cell(line: QueueLine) -> SafeString:
    """Draw the body that leads the case, and how many have it beside that one."""
    lead = line.case.lead_body
    if lead is None:
        return _text_cell("body", lambda case: "")(line)
    more = line.further_bodies
    words = ngettext("%(body)s and %(number)s more", "%(body)s and %(number)s more", more)
    text = words % {"body": lead.short_name, "number": or_more(more)} if more else lead.short_name
    return _text_cell("body", lambda case: text)(line)


def _day_cell(day_of: Callable[[Case], date], head: Label) -> Cell:
    cell = '<td role="cell" class="nowrap"><span class="unit">{} </span>{}</td>'
    return lambda line: format_html(cell, head, date_format(day_of(line.case), _DAY_FORMAT))


def _number_cell(number_of: Callable[[QueueLine], int], unit: Label) -> Cell:
    cell = '<td role="cell" class="num">{}<span class="unit"> {}</span></td>'
    return lambda line: format_html(cell, number_of(line), unit)


def _deadline_cell(line: QueueLine) -> SafeString:
    clock = line.deadline
    cell = '<td role="cell" class="c-deadline"><span class="clock {}">{}</span> <span class="day">{}</span></td>'
    return format_html(cell, clock.level, clock.words, date_format(clock.due_on, _DAY_FORMAT) if clock.due_on else "")


def _status_cell(line: QueueLine) -> SafeString:
    return format_html('<td role="cell"><span class="chip s-{}">{}</span></td>', line.case.status, line.status)


def _summary_cell(line: QueueLine) -> SafeString:
    case = line.case
    css, text = ("two", line.summary) if line.summary else ("quiet", _("sealed"))
    about = " · ".join(str(part) for part in (case.category or ERASED, case.accused_kind, case.province) if part)
    return format_html(
        '<td role="cell" class="line"><p class="{}">{}</p><p class="quiet">{}</p></td>', css, text, about
    )


def _officer(case: Case) -> str:
    """Return the owner's name and what colleagues should know: whom they stand in for, not taken on, not looked."""
    owner = case.assignee
    if owner is None:
        return ""
    remarks: list[str] = []
    if case.stands_for_id and case.stands_for:
        remarks.append(_("for %(person)s") % {"person": assignment.name_of(case.stands_for)})
    if case.confirmed_on is None:
        remarks.append(_("not taken on yet"))
    seen_on = case.owner_seen_on if case.status in PROMISED else None
    if seen_on and seen_on <= assignment.idle_since(timezone.localdate()):
        remarks.append(_("has not looked for days"))
    return f"{assignment.name_of(owner)} ({', '.join(remarks)})" if remarks else assignment.name_of(owner)


COLUMNS: Final = (
    Column("deadline", gettext_lazy("Deadline"), _deadline_cell),
    Column("status", gettext_lazy("Status"), _status_cell),
    Column("line", gettext_lazy("In short"), _summary_cell),
    Column("age", gettext_lazy("Days"), _number_cell(lambda line: line.age, gettext_lazy("days old")), is_number=True),
    Column("officer", gettext_lazy("Officer"), _text_cell("officer", _officer, gettext_lazy("nobody"))),
    Column("category", gettext_lazy("Category"), _text_cell("category", category_label)),
    Column("accused", gettext_lazy("Accused"), _text_cell("accused", accused_label)),
    Column("province", gettext_lazy("Province"), _text_cell("province", lambda case: str(case.province or ""))),
    Column(
        "agency", gettext_lazy("Agency kind"), _text_cell("agency", lambda case: str(case.get_agency_kind_display()))
    ),
    Column(
        "received",
        gettext_lazy("Received on"),
        _day_cell(lambda case: case.received_on, gettext_lazy("Received on")),
    ),
    Column(
        "since",
        gettext_lazy("In this status since"),
        _day_cell(lambda case: case.status_on, gettext_lazy("In this status since")),
    ),
    Column(
        "body",
        gettext_lazy("Body"),
        _body_cell,
    ),
    Column(
        "reports",
        gettext_lazy("Reports"),
        _number_cell(lambda line: line.reports, gettext_lazy("Reports")),
        is_number=True,
    ),
)
DEFAULT_COLUMNS: Final = ("deadline", "status", "line", "age", "officer")
# Stored beside the columns: who types by voice, or whose screen reader has keys of its own, switches keys off.
KEYS_OFF: Final = "nokeys"
_BY_CODE: Final = {column.code: column for column in COLUMNS}


def known_columns(codes: list[str]) -> list[str]:
    """Return the codes that are columns, each once, in the order of COLUMNS."""
    return [column.code for column in COLUMNS if column.code in codes]


def columns_of(person: Staff) -> list[Column]:
    """Return the columns that a person sees."""
    codes = known_columns(person.queue_columns.split(",")) or DEFAULT_COLUMNS
    return [_BY_CODE[code] for code in codes]


def keys_on(person: Staff) -> bool:
    """Whether the queue listens to keys for this person."""
    return KEYS_OFF not in person.queue_columns.split(",")
