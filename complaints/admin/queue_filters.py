"""The filters of the queue: what can be chosen, and how it narrows the cases.

Their names and values are all that an address of the queue holds; they are clear codes, and any other parameter of
an address is ignored. A saved filter holds the same and nothing more.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypedDict
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.lookups import Exact, LessThan
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from complaints.admin import labels
from complaints.admin.labels import Label
from complaints.domain.workflow import ENDED, OPEN, PROMISED, WITH_BODY, Status
from complaints.models.case import DUE_KEY, IS_JUNK, Case
from complaints.models.complaint import Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import FURTHER, Release
from complaints.models.reference_data import Category
from complaints.models.team import Staff
from complaints.services import after_the_end, assignment, imports, reference_data
from complaints.services.assignment import absences_on
from complaints.services.forwarding.questions import cases_asked

Cases = QuerySet[Case]
Choices = list[tuple[str, Label]]
FilterValues = Mapping[str, str]
ALL: Final = _("All")
IMPORT_TITLE: Final = _("Import")
ONE_IMPORT: Final = _("One table")
_LINK: Final = '<li><a href="?{}"{}>{}</a></li>'


@dataclass(frozen=True)
class CaseFilter:
    """A filter: its name in an address, its title, its values with their labels, and how a value narrows the cases.

    ``narrow`` takes the cases, the value, the person who looks at the queue, and today; ``every`` is the label of the
    choice that does not narrow.
    """

    name: str
    title: Label
    choices: Callable[[], Choices]
    narrow: Callable[[Cases, str, Staff, date], Cases]
    every: Label = ALL


class FilterMenu(TypedDict):
    """A filter as the page shows it: title, the label of the choice in force, and the choices as drawn links."""

    title: Label
    chosen: Label
    links: SafeString


def _statuses() -> Choices:
    groups: Choices = [
        ("ours", _("The office's turn")),
        ("back", _("Back from a body")),
        ("objected", _("Reporter objected")),
        ("bodys", _("The body's turn")),
        ("others", _("Waiting for others")),
        ("ended", _("Ended")),
        ("every", _("All cases")),
    ]
    statuses = (status for status in Status if status in OPEN | ENDED)
    return groups + [(status.value, labels.status_label(status)) for status in statuses]


def _by_status(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    if value == "every":
        return cases
    if value == "back":
        return cases.filter(status=Status.IN_REVIEW, lead_body__isnull=False)
    if value == "objected":
        return after_the_end.objected(cases)
    statuses = {
        "": OPEN,
        "ours": PROMISED,
        "bodys": WITH_BODY,
        "others": OPEN - PROMISED,
        "ended": ENDED,
    }
    if value in statuses:
        return cases.filter(status__in=sorted(statuses[value]))
    return cases.filter(status=value)


def _by_due(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # By the expression that the index is made of: the few late ones stand together at its beginning.
    if value == "late":
        return cases.filter(LessThan(DUE_KEY, today), status__in=sorted(PROMISED))
    if value == "waiting":
        return cases.filter(LessThan(DUE_KEY, today), status__in=sorted(OPEN - PROMISED))
    return cases.filter(Exact(DUE_KEY, today), status__in=sorted(PROMISED))


def _by_officer(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    assigned = cases.filter(assignee__isnull=False)
    match value:
        case "me":
            return cases.filter(assignee=person)
        case "unconfirmed":
            return cases.filter(assignee=person, confirmed_on=None)
        case "given":
            return assigned.filter(assigned_by=person, confirmed_on=None).exclude(assignee=person)
        case "standin":
            return cases.filter(assignee__in=absences_on(today).filter(stand_in=person).values("staff"))
        case "idle":
            return assigned.filter(owner_seen_on__lte=assignment.idle_since(today), status__in=sorted(PROMISED))
    return cases.filter(assignee=None)


def _officers() -> Choices:
    return [
        ("me", _("Mine")),
        ("none", _("Nobody's")),
        ("unconfirmed", _("Given to me, not taken on yet")),
        ("given", _("Given by me, not taken on yet")),
        ("standin", _("Of people I stand in for")),
        ("idle", _("Owner has not looked for days")),
    ]


def _by_answers(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # From the few unread messages to their cases, not the other way round.
    return cases.filter(pk__in=Message.objects.unread().values("complaint__case"))


def _by_questions(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # From the few questions of bodies that wait for the office to their cases.
    return cases_asked(cases)


def _by_files(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # From the few files, by an index of theirs, to their cases.
    return cases.filter(pk__in=Evidence.objects.unread().values("complaint__case"))


def _by_lane(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(IS_JUNK) if value == "junk" else cases


def _by_group(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(category__group=value)


def _by_accused(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(accused_kind=value)


def _by_province(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(province=None if value == "none" else value)


def _by_body(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # Whoever leads the case, and whoever has it besides.
    beside = Release.objects.filter(FURTHER, case=OuterRef("pk"), body=value)
    return cases.filter(Q(lead_body=value) | Exists(beside))


FILTERS: Final = (
    CaseFilter("status", _("Status"), _statuses, _by_status, _("Open cases")),
    CaseFilter(
        "due",
        _("Deadline"),
        lambda: [("late", _("Late")), ("today", _("Due today")), ("waiting", _("Others past their target"))],
        _by_due,
    ),
    CaseFilter("officer", _("Officer"), _officers, _by_officer),
    CaseFilter("answers", _("Answers"), lambda: [("unread", _("Unread"))], _by_answers),
    CaseFilter("questions", _("Questions of a body"), lambda: [("open", _("Waiting for the office"))], _by_questions),
    CaseFilter("files", _("Files"), lambda: [("unread", _("Not read"))], _by_files),
    CaseFilter(
        "lane",
        _("Likely junk"),
        lambda: [("junk", _("Likely junk only")), ("with", _("Together with the others"))],
        _by_lane,
        _("Automatic"),
    ),
    CaseFilter("group", _("Category"), lambda: list(Category.Group.choices), _by_group),
    CaseFilter(
        "accused",
        _("Accused"),
        lambda: [(kind.code, str(kind)) for kind in reference_data.accused_kinds()],
        _by_accused,
    ),
    CaseFilter(
        "province",
        _("Province"),
        lambda: [("none", _("not given")), *((row.code, row.name) for row in reference_data.provinces())],
        _by_province,
    ),
    CaseFilter(
        "body",
        _("Body"),
        lambda: [(row.code, row.short_name) for row in reference_data.bodies()],
        _by_body,
    ),
)


# The filter of the cases of one import, by its id; no menu offers it, links lead to it.
IMPORT: Final = "import"
_IMPORT_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
# The list without filters as a link of its own: the address without any query ends a search.
NO_FILTERS: Final = "status="


def filters_in(query: Mapping[str, str]) -> dict[str, str]:
    """Return those parameters of an address, or of a saved query, that are filters with a value that exists."""
    values = {}
    for case_filter in FILTERS:
        value = query.get(case_filter.name, "")
        if value and any(value == known for known, _label in case_filter.choices()):
            values[case_filter.name] = value
    if _IMPORT_KEY.fullmatch(query.get(IMPORT, "")):
        values[IMPORT] = query[IMPORT]
    return values


def query_of(values: FilterValues) -> str:
    """Return the one spelling of filters as a query string, for addresses and for saved filters."""
    names = [*(case_filter.name for case_filter in FILTERS), IMPORT]
    return urlencode([(name, values[name]) for name in names if name in values])


def narrow(cases: Cases, values: FilterValues, *, person: Staff, today: date) -> Cases:
    """Narrow cases by filters; without a status to those that have not ended, and to those outside the lane of junk.

    Lists of ended cases, of all cases and of answers leave nothing out.
    """
    status = values.get("status", "")
    if not (values.keys() & {"lane", "answers", "questions"} or status in {"every", "ended", *ENDED}):
        cases = cases.exclude(IS_JUNK)
    cases = _by_status(cases, values.get("status", ""), person, today)
    for case_filter in FILTERS:
        if case_filter.name != "status" and case_filter.name in values:
            cases = case_filter.narrow(cases, values[case_filter.name], person, today)
    if IMPORT in values:
        cases = cases.filter(pk__in=imports.cases_of(uuid.UUID(values[IMPORT])))
    return cases


def filter_menus(values: FilterValues) -> Iterator[FilterMenu]:
    """Yield the filters for the page, each choice a link to the list that it leads to."""
    for case_filter in FILTERS:
        name, in_force = case_filter.name, values.get(case_filter.name, "")
        others = {other: value for other, value in values.items() if other != name}
        choices = [("", case_filter.every), *case_filter.choices()]
        links = (
            (
                query_of(others | ({name: value} if value else {})) or NO_FILTERS,
                format_html(' aria-current="{}"', "true") if value == in_force else "",
                label,
            )
            for value, label in choices
        )
        yield {
            "title": case_filter.title,
            "chosen": dict(choices)[in_force],
            # A hundred links on every page: drawn here, because a template would take longer than the cases do.
            "links": format_html_join("", _LINK, links),
        }
    if IMPORT in values:
        every = query_of({name: value for name, value in values.items() if name != IMPORT}) or NO_FILTERS
        both = ((every, "", ALL), (query_of(values), format_html(' aria-current="{}"', "true"), ONE_IMPORT))
        yield {"title": IMPORT_TITLE, "chosen": ONE_IMPORT, "links": format_html_join("", _LINK, both)}


def filters_label(values: FilterValues) -> str:
    """Return the filters in words, "Status: Late · Officer: Mine"; "" where there is none."""
    words = []
    for case_filter in FILTERS:
        if case_filter.name in values:
            words.append(f"{case_filter.title}: {dict(case_filter.choices())[values[case_filter.name]]}")
    if IMPORT in values:
        words.append(f"{IMPORT_TITLE}: {ONE_IMPORT}")
    return " · ".join(words)
