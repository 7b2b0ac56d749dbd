"""The page of figures: what became of the cases of a span, how the office kept its promises, who holds what.

Every count comes from the same narrowing as the list that it leads to. The sheet for the leadership has the same
numbers without the cells that could point at a person.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints import access
from complaints.admin import labels, queue_filters
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.case_summary import limit_label
from complaints.domain.workflow import ENDED, LIMITS, OPEN, WITH_AGENCY, Status
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import figures, first_look, reference_data, rule_book
from complaints.services.figures import Cases, Histogram

WEEKS: Final = 8
# Cases of any status, likely junk among them.
EVERY: Final = {"status": "every", "lane": "with"}
# Where a body has found a case proven.
PROVEN: Final = frozenset({Status.SUBSTANTIATED, Status.SANCTIONED, Status.NOT_SANCTIONED}) | WITH_AGENCY
# What narrows the cases that are counted, beside the span.
NARROWING: Final[tuple[str, ...]] = ("since", "until", "group", "category", "accused", "province", "lead")
TILES: Final = Path(__file__).resolve().parent.parent / "data" / "map" / "tiles.json"
TILE_SIDE: Final = 50
# The fewest cases of each shade of a tile but the lightest, which has none.
SHADES: Final = (1, 5, 15, 35)


# How many cases stand in a status with a lead body.
Standing: TypeAlias = Counter[tuple[str, str | None]]


@dataclass(frozen=True)
class Figure:
    """A number as it is shown, and the list behind it ("": none); ``is_bad`` for what is late."""

    words: str
    url: str = ""
    is_bad: bool = False


@dataclass(frozen=True)
class Stat:
    """A figure at the head of the page: its name, the figure, and a remark beneath it."""

    name: str
    figure: Figure
    remark: str = ""


class Line(TypedDict):
    """A row of a table: its heading, a remark beneath it, and its cells."""

    head: str
    remark: str
    cells: list[Figure]


@dataclass(frozen=True)
class FunnelStep:
    """A milestone: how many cases reached it, as a number and a share of all (per cent), and after how many days."""

    name: str
    figure: Figure
    share: int
    days: str


@dataclass(frozen=True)
class Tile:
    """A province as a square of the map (units of the view box), its number, and its shade from 0 to 4."""

    name: str
    short: str
    x: int
    y: int
    number: int
    shade: int
    url: str

    @property
    def middle(self) -> int:
        """The x of what is written on it."""
        return self.x + TILE_SIDE // 2 - 1

    @property
    def name_at(self) -> int:
        """The y of its short name."""
        return self.y + 18

    @property
    def number_at(self) -> int:
        """The y of its number."""
        return self.y + 37


@dataclass(frozen=True)
class Span:
    """The days of receipt that are counted, and what else narrows the cases, as filters of the queue."""

    since: date
    until: date
    values: dict[str, str]

    def cases(self, person: Staff, today: date) -> Cases:
        """Return the cases of the span that the person may find, of any status."""
        return queue_filters.narrow(access.cases_for(person), self.values, person=person, today=today)

    def url(self, **more: str) -> str:
        """Return the address of the list of these cases, narrowed further; ``status`` may replace "every"."""
        query = queue_filters.query_of({**self.values, **more})
        return f"{reverse('admin:complaints_case_changelist')}?{query}"

    @property
    def narrower(self) -> list[str]:
        """The names of the filters that narrow it beside its days."""
        return [name for name in NARROWING[2:] if name in self.values]

    @property
    def query(self) -> str:
        """The query by which an address names it."""
        return queue_filters.query_of({name: self.values[name] for name in NARROWING if name in self.values})

    @property
    def words(self) -> str:
        """The span in words."""
        return f"{date_format(self.since, 'j M Y')} – {date_format(self.until, 'j M Y')}"


def span_of(query: Mapping[str, str], today: date) -> Span:
    """Return the span that an address names; the last eight weeks, this one included, where it names none."""
    known = queue_filters.filters_in(query)
    values = {name: known[name] for name in NARROWING if name in known}
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    since, until = values.setdefault("since", monday.isoformat()), values.setdefault("until", today.isoformat())
    return Span(date.fromisoformat(since), date.fromisoformat(until), values | EVERY)


@staff_page("GET", opens_for=access.is_triage)
def show(request: StaffRequest) -> HttpResponse:
    """Show the figures of a span; every number leads to its list."""
    today = timezone.localdate()
    first_look.process_new_reports(actor=request.actor)
    span = span_of(request.GET.dict(), today)
    cases = span.cases(request.user, today)
    standing = figures.standings(cases)
    total = standing.total()
    provinces = figures.by_province_and_week(cases)
    weeks = weeks_of(span)
    open_cases = queue_filters.narrow(access.cases_for(request.user), {}, person=request.user, today=today)
    context = {
        "title": _("Figures"),
        "span": span,
        "total": total,
        "presets": list(_presets(span, today)),
        "narrowed": queue_filters.filters_label({name: span.values[name] for name in span.narrower}),
        "kept": {name: span.values[name] for name in span.narrower},
        "stats": list(_stats(span, cases, standing, today)),
        "tiles": list(_tiles(span, provinces)),
        "provinces": list(province_lines(span, provinces, weeks)),
        "workloads": list(_workloads(figures.workloads(open_cases, today))),
        "funnel": list(funnel_of(span, cases, total)),
        **tables_of(span, cases, standing, today),
        **heads(weeks),
    }
    return render(request, "admin/figures.html", context)


def tables_of(span: Span, cases: Cases, standing: Standing, today: date) -> dict[str, list[Line]]:
    """Return the tables that the page and the sheet for the leadership share, by the names of their templates."""
    return {
        "standing": list(_standing(span, standing)),
        "promises": list(_promises(span, figures.promises(cases, today))),
        "waits": list(_waits(span, figures.waits(cases, today))),
        "bodies": list(_bodies(span, standing)),
        "categories": list(_categories(span, figures.by_category(cases))),
        "indicators": list(_indicators(span, cases, standing)),
    }


def heads(weeks: Sequence[date]) -> dict[str, list[str]]:
    return {
        "promise_heads": [_("Status and limit"), _("Turns"), _("Step late"), _("Late now"), _("In time")],
        "wait_heads": [_("Whose turn, and target"), _("Waiting"), _("Median"), _("Longest"), _("Ended, median")],
        "week_heads": [_("Week of"), *(date_format(monday, "j/n") for monday in weeks), _("All")],
        "body_heads": [
            _("Body"),
            _("All"),
            _("With the body"),
            _("With the agency"),
            _("Sanctioned"),
            _("Without a sanction"),
            _("Not proven"),
        ],
        "workload_heads": [_("Officer"), _("Held"), _("Late"), _("Steps in 7 days")],
    }


# --- The parts of the page


def _presets(span: Span, today: date) -> Iterator[tuple[str, str, bool]]:
    """Yield spans to choose: words, query, and whether it is the one shown."""
    others = {name: span.values[name] for name in span.narrower}
    monday = today - timedelta(days=today.weekday())
    spans = (
        (_("8 weeks"), monday - timedelta(weeks=WEEKS - 1)),
        (_("26 weeks"), monday - timedelta(weeks=25)),
        (_("This year"), today.replace(month=1, day=1)),
    )
    for words, since in spans:
        query = queue_filters.query_of({**others, "since": since.isoformat(), "until": today.isoformat()})
        yield words, query, (since, today) == (span.since, span.until)


def _days(number: int | None) -> str:
    return "–" if number is None else ngettext("%(span)s day", "%(span)s days", number) % {"span": number}


def _median_of(histogram: Histogram) -> str:
    return _("median %(days)s") % {"days": _days(figures.median(histogram))} if histogram else ""


def _share(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


def _by_status(standing: Standing) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for (status, _body), count in standing.items():
        numbers[status] += count
    return numbers


def _stats(span: Span, cases: Cases, standing: Standing, today: date) -> Iterator[Stat]:
    number = _by_status(standing)
    still_open = sum(number[status] for status in OPEN)
    yield Stat(_("Received"), Figure(str(standing.total()), span.url()), span.words)
    ages = _median_of(figures.ages(cases, today))
    yield Stat(_("Open cases"), Figure(str(still_open), span.url(status="")), ages)
    ended = sum(number[status] for status in ENDED)
    yield Stat(_("Ended"), Figure(str(ended), span.url(status="ended")), _median_of(figures.until_end(cases)))
    kept = figures.promises(cases, today)
    turns, in_time = sum(row.turns for row in kept), sum(row.kept for row in kept)
    share = f"{_share(in_time, turns)} %" if turns else "–"
    yield Stat(_("Our promises kept"), Figure(share), _("what is late now counts as not kept"))
    late = sum(row.late_now for row in kept)
    yield Stat(_("Late now"), Figure(str(late), span.url(status="", due="late"), late > 0), _("all with this office"))
    again, web = figures.written_again(cases).order_by(), figures.by_channel(cases)[Complaint.Channel.WEB]
    wrote = again.values("pk").count()
    words = _("%(share)d%% of those with a reporter") % {"share": _share(wrote, web)} if web else ""
    yield Stat(_("Reporter wrote again"), Figure(str(wrote), span.url(wrote="again")), words)


def funnel_of(span: Span, cases: Cases, total: int) -> Iterator[FunnelStep]:
    yield FunnelStep(_("Received"), Figure(str(total), span.url()), 100 if total else 0, "")
    for row in figures.milestones(cases):
        days = "" if row.days is None else _("median %(days)s after receipt") % {"days": _days(row.days)}
        figure = Figure(str(row.number), span.url(reached=row.code))
        yield FunnelStep(str(labels.MILESTONES[row.code]), figure, _share(row.number, total), days)


def _standing(span: Span, standing: Standing) -> Iterator[Line]:
    numbers = _by_status(standing)
    for status in Status:
        if numbers[status]:
            figure = Figure(str(numbers[status]), span.url(status=status.value))
            yield {"head": str(labels.status_label(status)), "remark": "", "cells": [figure]}


def _limit_words(status: str) -> str:
    rule = rule_book.limit_rule(LIMITS[Status(status)], reference_data.edition())
    return limit_label(rule.number, rule.unit.value) if rule.number is not None else ""


def _promises(span: Span, rows: Sequence[figures.Promise]) -> Iterator[Line]:
    for row in rows:
        cells = [
            Figure(str(row.turns), span.url(turn=row.status)),
            Figure(str(row.missed), span.url(missed=row.status)),
            Figure(str(row.late_now), span.url(status=row.status, due="late"), row.late_now > 0),
            Figure("–" if row.share is None else f"{row.share} %"),
        ]
        yield {"head": str(labels.status_label(row.status)), "remark": _limit_words(row.status), "cells": cells}


def _waits(span: Span, rows: Sequence[figures.Wait]) -> Iterator[Line]:
    for row in rows:
        body = reference_data.body_name(row.body) if row.body else _("the body")
        statuses = figures.HOLDERS[row.holder]
        values = {"status": next(iter(statuses)).value if len(statuses) == 1 else "agencys"}
        url = span.url(**values, **({"lead": row.body} if row.body else {}))
        cells = [
            Figure(str(row.waiting.total()), url),
            Figure(_days(figures.median(row.waiting))),
            Figure(_days(max(row.waiting, default=None))),
            Figure(_days(figures.median(row.ended))),
        ]
        yield {"head": str(labels.HOLDERS[row.holder]) % {"body": body}, "remark": _target(row.holder), "cells": cells}


def _target(holder: str) -> str:
    """Return the target of whoever has the turn with its source, as the rules say it."""
    edition = reference_data.edition()
    status = next(status for status in LIMITS if status in figures.HOLDERS[holder])
    rule = rule_book.limit_rule(LIMITS[status], edition)
    if rule.number is None:
        return _("no target known")
    number = settings.AGENCY_REMINDER_DAYS if holder == "agency" and settings.AGENCY_REMINDER_DAYS else rule.number
    sources = "; ".join(rule_book.rule_book(edition).sources[code].text for code in rule.sources)
    return _("target %(limit)s (%(source)s)") % {"limit": limit_label(number, rule.unit.value), "source": sources}


# --- Provinces


@cache
def _places() -> list[dict[str, str | int]]:
    places: list[dict[str, str | int]] = json.loads(TILES.read_text(encoding="utf-8"))
    return places


def weeks_of(span: Span) -> list[date]:
    last = span.until - timedelta(days=span.until.weekday())
    mondays = [last - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    return [monday for monday in mondays if monday > span.since - timedelta(days=7)]


def _tiles(span: Span, numbers: Mapping[str | None, Counter[date]]) -> Iterator[Tile]:
    names = {province.code: province.name for province in reference_data.provinces()}
    for place in _places():
        code = str(place["code"])
        number = numbers.get(code, Counter()).total()
        yield Tile(
            name=names.get(code, code),
            short=str(place["short"]),
            x=int(place["column"]) * TILE_SIDE,
            y=int(place["row"]) * TILE_SIDE,
            number=number,
            shade=sum(number >= fewest for fewest in SHADES),
            url=span.url(province=code),
        )


def province_lines(span: Span, numbers: Mapping[str | None, Counter[date]], weeks: Sequence[date]) -> Iterator[Line]:
    """Yield the provinces with cases, most first, each with the cases of the last weeks of the span and all of it."""
    names: dict[str | None, str] = {province.code: province.name for province in reference_data.provinces()}
    names[None] = _("not given")
    for code in sorted(numbers, key=lambda key: (-numbers[key].total(), names.get(key, ""))):
        cells = [
            Figure(
                str(numbers[code][monday]),
                span.url(
                    province=code or "none",
                    since=max(monday, span.since).isoformat(),
                    until=min(monday + timedelta(days=6), span.until).isoformat(),
                ),
            )
            for monday in weeks
        ]
        cells.append(Figure(str(numbers[code].total()), span.url(province=code or "none")))
        yield {"head": names.get(code, code or ""), "remark": "", "cells": cells}


# --- Bodies, categories, channels, officers


# Of a body: all its cases ("every"), and those in groups of statuses, as the filter by status names them.
BODY_COLUMNS: Final = ("every", "bodys", "agencys", "sanctioned", "not_sanctioned", "unsubstantiated")


def _bodies(span: Span, standing: Standing) -> Iterator[Line]:
    for body in reference_data.bodies():
        counts = {status: number for (status, lead), number in standing.items() if lead == body.pk}
        if not counts:
            continue
        cells = []
        for column in BODY_COLUMNS:
            statuses = set(counts) if column == "every" else queue_filters.statuses_of(column)
            number = sum(count for status, count in counts.items() if status in statuses)
            cells.append(Figure(str(number), span.url(lead=body.pk, status=column)))
        yield {"head": body.short_name, "remark": "", "cells": cells}


def _categories(span: Span, numbers: Mapping[str, int]) -> Iterator[Line]:
    for category in reference_data.categories():
        if number := numbers.get(category.code, 0):
            figure = Figure(str(number), span.url(category=category.code))
            yield {"head": f"{category.code} {category}", "remark": "", "cells": [figure]}


def _indicators(span: Span, cases: Cases, standing: Standing) -> Iterator[Line]:
    """Yield what ISO 37002:2021 (9.1) names to evaluate a whistleblowing system by, of what stands in clear."""
    numbers = figures.by_channel(cases)
    for code, label in Complaint.Channel.choices:
        if number := numbers.get(code, 0):
            yield _indicator(_("Channel: %(name)s") % {"name": label}, Figure(str(number), span.url(channel=code)))
    first = next(row for row in figures.milestones(cases) if row.code == "reviewed")
    yield _indicator(_("Receipt to first step, median"), Figure(_days(first.days)))
    yield _indicator(_("Receipt to end, median"), Figure(_days(figures.median(figures.until_end(cases)))))
    by_status = _by_status(standing)
    proven = sum(by_status[status] for status in PROVEN)
    judged = proven + by_status[Status.UNSUBSTANTIATED]
    words = f"{_share(proven, judged)} %" if judged else "–"
    yield _indicator(_("Found proven, of what bodies have found"), Figure(words), f"{proven} / {judged}")
    for status in (Status.SANCTIONED, Status.INELIGIBLE, Status.WITHDRAWN, Status.DELIVERED):
        figure = Figure(str(by_status[status]), span.url(status=status.value))
        yield _indicator(str(labels.status_label(status)), figure)


def _indicator(head: str, figure: Figure, remark: str = "") -> Line:
    return {"head": head, "remark": remark, "cells": [figure]}


def _workloads(rows: Sequence[figures.Workload]) -> Iterator[Line]:
    """Yield the officers with the open cases that each holds, received on any day, and last those of nobody."""
    people = Staff.objects.in_bulk([row.person for row in rows if row.person])
    queue = reverse("admin:complaints_case_changelist")
    for row in rows:
        name = labels.staff_name(people[row.person]) if row.person in people else _("nobody")
        values = {"person": str(row.person)} if row.person else {"officer": "none"}
        late = f"{queue}?{queue_filters.query_of({**values, 'due': 'late'})}"
        cells = [
            Figure(str(row.held), f"{queue}?{queue_filters.query_of(values)}"),
            Figure(str(row.late), late, row.late > 0),
            Figure(str(row.steps) if row.person else "–"),
        ]
        yield {"head": name, "remark": "", "cells": cells}
