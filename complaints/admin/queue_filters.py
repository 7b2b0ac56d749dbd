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
from types import MappingProxyType
from typing import Final, TypedDict
from urllib.parse import parse_qsl, urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.lookups import Exact, LessThan
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from complaints.admin import labels
from complaints.admin.labels import Label
from complaints.domain.risk import RiskGrade
from complaints.domain.workflow import ENDED, OPEN, PROMISED, WITH_AGENCY, WITH_BODY, Status
from complaints.models.case import DUE_KEY, IS_JUNK, Case, CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import FURTHER, Release
from complaints.models.reference_data import Category
from complaints.models.team import Staff
from complaints.services import after_the_end, assignment, figures, imports, reference_data
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


# The statuses of a group by its value in an address; "" for no filter.
_GROUPS: Final[Mapping[str, frozenset[Status]]] = MappingProxyType(
    {
        "": OPEN,
        "ours": PROMISED,
        "bodys": WITH_BODY,
        "agencys": WITH_AGENCY,
        "others": OPEN - PROMISED,
        "ended": ENDED,
    }
)


def _statuses() -> Choices:
    groups: Choices = [
        ("ours", _("The office's turn")),
        ("back", _("Back from a body")),
        ("objected", _("Reporter objected")),
        ("bodys", _("The body's turn")),
        ("agencys", _("The agency's turn")),
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
    return cases.filter(status__in=sorted(statuses_of(value)))


def statuses_of(value: str) -> frozenset[Status]:
    """Return the statuses that a value of the filter by status stands for: a group's, or one status."""
    return _GROUPS.get(value) or frozenset({Status(value)})


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


def _categories() -> Choices:
    return [(category.code, f"{category.code} {category}") for category in reference_data.categories()]


def _by_category(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(category=value)


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
    CaseFilter("group", _("Group"), lambda: list(Category.Group.choices), _by_group),
    CaseFilter("category", _("Category"), _categories, _by_category),
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


@dataclass(frozen=True)
class OpenFilter:
    """A filter that no menu lists, because links lead to it: how a value is known, how it narrows, how it is said."""

    name: str
    title: Label
    is_value: Callable[[str], bool]
    narrow: Callable[[Cases, str, date], Cases]
    words: Callable[[str], Label]


def _is_key(value: str) -> bool:
    return _KEY.fullmatch(value) is not None


def as_day(value: str) -> date | None:
    """Return the day that an address names (2026-11-30), None where it names none."""
    try:
        return date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        return None


def _day_in_words(value: str) -> str:
    return date_format(date.fromisoformat(value), "j M Y")


def _officer_name(value: str) -> Label:
    person = Staff.objects.filter(pk=value).first()
    return labels.staff_name(person) if person else _("not known")


def _is_promised(value: str) -> bool:
    return value in {status.value for status in PROMISED}


def _by_turn(cases: Cases, value: str, today: date) -> Cases:
    ended = CaseStep.objects.filter(case=OuterRef("pk"), source=value, was_late__isnull=False)
    return cases.filter(Q(Exists(ended)) | Q(status=value, due_on__lt=today))


def _by_missed(cases: Cases, value: str, today: date) -> Cases:
    return cases.filter(Exists(CaseStep.objects.filter(case=OuterRef("pk"), source=value, was_late=True)))


def _by_channel(cases: Cases, value: str, today: date) -> Cases:
    return cases.filter(Exists(Complaint.objects.filter(case=OuterRef("pk"), channel=value)))


def _by_evidence(cases: Cases, value: str, today: date) -> Cases:
    has_some = Exists(Evidence.objects.filter(complaint__case=OuterRef("pk")))
    return cases.filter(has_some if value == "some" else ~has_some)


EVIDENCE: Final[Mapping[str, Label]] = {"some": _("with files"), "none": _("without files")}
SORTS: Final[Mapping[str, Label]] = {
    "deadline": _("by deadline"),
    "newest": _("newest first"),
    "oldest": _("oldest first"),
    "risk": _("by danger to the reporter"),
}
_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# The filter of the cases of one import, by its id.
IMPORT: Final = "import"
OPEN_FILTERS: Final = (
    OpenFilter(
        "since",
        _("Received from"),
        lambda value: as_day(value) is not None,
        lambda cases, value, today: cases.filter(received_on__gte=value),
        _day_in_words,
    ),
    OpenFilter(
        "until",
        _("Received until"),
        lambda value: as_day(value) is not None,
        lambda cases, value, today: cases.filter(received_on__lte=value),
        _day_in_words,
    ),
    OpenFilter(
        "person",
        _("Held by"),
        _is_key,
        lambda cases, value, today: cases.filter(assignee=uuid.UUID(value)),
        _officer_name,
    ),
    OpenFilter(
        "reached",
        _("Has been"),
        lambda value: value in figures.MILESTONES,
        lambda cases, value, today: cases.filter(Exists(figures.steps_to(value).filter(case=OuterRef("pk")))),
        lambda value: labels.MILESTONES[value],
    ),
    OpenFilter("turn", _("Our turn ended or late"), _is_promised, _by_turn, labels.status_label),
    OpenFilter("missed", _("Step was late"), _is_promised, _by_missed, labels.status_label),
    OpenFilter(
        "lead",
        _("Lead body"),
        lambda value: value in {body.code for body in reference_data.bodies()},
        lambda cases, value, today: cases.filter(lead_body=value),
        reference_data.body_name,
    ),
    OpenFilter(
        "channel",
        _("Channel"),
        lambda value: value in Complaint.Channel.values,
        _by_channel,
        lambda value: Complaint.Channel(value).label,
    ),
    OpenFilter(
        "evidence",
        _("Evidence"),
        lambda value: value in EVIDENCE,
        _by_evidence,
        lambda value: EVIDENCE[value],
    ),
    # Risk is sealed: queue_risk narrows by these two, in the session of the member.
    OpenFilter(
        "risk",
        _("Danger to the reporter"),
        lambda value: value in {grade.value for grade in RiskGrade},
        lambda cases, value, today: cases,
        lambda value: labels.RISK_GRADES[RiskGrade(value)],
    ),
    OpenFilter(
        "urgent",
        _("Urgent"),
        lambda value: value == "yes",
        lambda cases, value, today: cases,
        lambda value: _("only"),
    ),
    OpenFilter(
        "sort",
        _("Sorted"),
        lambda value: value in SORTS,
        lambda cases, value, today: cases,
        lambda value: SORTS[value],
    ),
    OpenFilter(
        "wrote",
        _("Reporter"),
        lambda value: value == "again",
        lambda cases, value, today: figures.written_again(cases),
        lambda value: _("wrote again"),
    ),
    OpenFilter(
        IMPORT,
        IMPORT_TITLE,
        _is_key,
        lambda cases, value, today: cases.filter(pk__in=imports.cases_of(uuid.UUID(value))),
        lambda value: ONE_IMPORT,
    ),
)
# The list without filters as a link of its own: the address without any query ends a search.
NO_FILTERS: Final = "status="


def filters_in(query: Mapping[str, str]) -> dict[str, str]:
    """Return those parameters of an address, or of a saved query, that are filters with a value that exists."""
    values = {}
    for case_filter in FILTERS:
        value = query.get(case_filter.name, "")
        if value and any(value == known for known, _label in case_filter.choices()):
            values[case_filter.name] = value
    for open_filter in OPEN_FILTERS:
        value = query.get(open_filter.name, "")
        if value and open_filter.is_value(value):
            values[open_filter.name] = value
    return values


def posted_filters(request: HttpRequest) -> dict[str, str]:
    """Return the filters of the list that a form was sent from."""
    return filters_in(dict(parse_qsl(request.POST.get("back", ""))))


def query_of(values: FilterValues) -> str:
    """Return the one spelling of filters as a query string, for addresses and for saved filters."""
    names = [row.name for rows in (FILTERS, OPEN_FILTERS) for row in rows]
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
    for open_filter in OPEN_FILTERS:
        if open_filter.name in values:
            cases = open_filter.narrow(cases, values[open_filter.name], today)
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
    for open_filter in OPEN_FILTERS:
        if open_filter.name not in values:
            continue
        chosen = open_filter.words(values[open_filter.name])
        without = query_of({name: value for name, value in values.items() if name != open_filter.name}) or NO_FILTERS
        both = ((without, "", ALL), (query_of(values), format_html(' aria-current="{}"', "true"), chosen))
        yield {"title": open_filter.title, "chosen": chosen, "links": format_html_join("", _LINK, both)}


def filters_label(values: FilterValues) -> str:
    """Return the filters in words, "Status: Late · Officer: Mine"; "" where there is none."""
    words = []
    for case_filter in FILTERS:
        if case_filter.name in values:
            words.append(f"{case_filter.title}: {dict(case_filter.choices())[values[case_filter.name]]}")
    for open_filter in OPEN_FILTERS:
        if open_filter.name in values:
            words.append(f"{open_filter.title}: {open_filter.words(values[open_filter.name])}")
    return " · ".join(words)
