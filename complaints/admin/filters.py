"""The filters of the queue: what can be chosen, and how it narrows the cases.

Their names and values are all that an address of the queue holds; they are clear codes, and anything else in an
address is passed over. A saved filter holds the same and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.db.models.lookups import Exact, LessThan
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from complaints.admin import wording
from complaints.domain.workflow import ENDED, OPEN, Status
from complaints.models.assignment import Absence
from complaints.models.case import DUE_KEY, Case
from complaints.models.complaint import Message
from complaints.models.reference_data import Category
from complaints.models.team import Staff
from complaints.services import assignment, reference_data

OURS = frozenset({Status.RECEIVED, Status.IN_REVIEW, Status.INELIGIBLE_PROPOSED, Status.VERIFIED})
BODYS = frozenset({Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED})
Cases = QuerySet[Case]
Choices = list[tuple[str, Any]]
Chosen = Mapping[str, str]
ALL: Final = _("All")


@dataclass(frozen=True)
class CaseFilter:
    """One filter: its name in an address, its words, its values with theirs, and what a value does.

    ``narrow`` takes the cases, the value, the person who asks and today.
    """

    name: str
    title: Any
    choices: Callable[[], Choices]
    narrow: Callable[[Cases, str, Staff, date], Cases]
    every: Any = ALL


def unread() -> QuerySet[Message]:
    """What reporters wrote and nobody has read, for the cases of an outer query."""
    return Message.objects.unread()


def _statuses() -> Choices:
    turns: Choices = [
        ("ours", _("The office's turn")),
        ("back", _("Back from a body")),
        ("bodys", _("The body's turn")),
        ("others", _("Waiting for others")),
        ("ended", _("Ended")),
        ("every", _("All cases")),
    ]
    return turns + [(status.value, wording.status_words(status)) for status in Status]


def _by_status(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    if value == "every":
        return cases
    if value == "back":
        return cases.filter(status=Status.IN_REVIEW, lead_body__isnull=False)
    sets = {"": OPEN, "ours": OURS, "bodys": BODYS, "others": OPEN - OURS, "ended": ENDED}
    if value in sets:
        return cases.filter(status__in=sorted(sets[value]))
    return cases.filter(status=value)


def _by_due(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    # By the expression that the index is made of: the few late ones stand together at its beginning.
    if value == "late":
        return cases.filter(LessThan(DUE_KEY, today), status__in=sorted(OPEN))
    return cases.filter(Exact(DUE_KEY, today))


def _by_officer(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    given = cases.filter(assignee__isnull=False)
    match value:
        case "me":
            return cases.filter(assignee=person)
        case "unconfirmed":
            return cases.filter(assignee=person, confirmed_on=None)
        case "given":
            return given.filter(assigned_by=person, confirmed_on=None).exclude(assignee=person)
        case "standin":
            return cases.filter(assignee__in=Absence.objects.on(today).filter(stand_in=person).values("staff"))
        case "idle":
            return given.filter(owner_seen_on__lte=assignment.idle_since(today), status__in=sorted(OURS))
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
    return cases.filter(pk__in=unread().values("complaint__case"))


def _by_group(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(category__group=value)


def _by_accused(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(accused_kind=value)


def _by_province(cases: Cases, value: str, person: Staff, today: date) -> Cases:
    return cases.filter(province=None if value == "none" else value)


FILTERS: Final = (
    CaseFilter("status", _("Status"), _statuses, _by_status, _("Open cases")),
    CaseFilter("due", _("Deadline"), lambda: [("late", _("Late")), ("today", _("Due today"))], _by_due),
    CaseFilter("officer", _("Officer"), _officers, _by_officer),
    CaseFilter("answers", _("Answers"), lambda: [("unread", _("Unread"))], _by_answers),
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
)


def chosen(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what of an address, or of a saved query, is a filter of the house with a value that it knows."""
    found = {}
    for one in FILTERS:
        value = asked.get(one.name, "")
        if value and any(value == known for known, _label in one.choices()):
            found[one.name] = value
    return found


def query_of(values: Chosen) -> str:
    """Return the one spelling of a choice, as it stands in addresses and in saved filters."""
    return urlencode([(one.name, values[one.name]) for one in FILTERS if one.name in values])


def narrow(cases: Cases, values: Chosen, *, person: Staff, today: date) -> Cases:
    """Narrow the cases as chosen; without a status those that have not ended."""
    cases = _by_status(cases, values.get("status", ""), person, today)
    for one in FILTERS:
        if one.name != "status" and one.name in values:
            cases = one.narrow(cases, values[one.name], person, today)
    return cases


def bar(values: Chosen) -> Iterator[dict[str, Any]]:
    """Yield the filters for the page: title, what is chosen, and the choices as links to where they lead."""
    for one in FILTERS:
        now, rest = values.get(one.name, ""), {name: value for name, value in values.items() if name != one.name}
        choices = [("", one.every), *one.choices()]
        links = (
            (
                query_of(rest | ({one.name: value} if value else {})),
                format_html(' aria-current="{}"', "true") if value == now else "",
                label,
            )
            for value, label in choices
        )
        yield {
            "title": one.title,
            "chosen": dict(choices)[now],
            # A hundred links on every page: drawn here, because a template would take longer than the cases do.
            "links": format_html_join("", '<li><a href="?{}"{}>{}</a></li>', links),
        }


def in_words(values: Chosen) -> str:
    """Return a choice in words."""
    words = []
    for one in FILTERS:
        if one.name in values:
            words.append(f"{one.title}: {dict(one.choices())[values[one.name]]}")
    return " · ".join(words)
