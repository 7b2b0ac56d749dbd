"""Entries of the audit chain in words: who acted, on which case, and what the facts say.

A fact whose name is not in FACT_NAMES, and a value that is an id or a digest, is told in the raw view alone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.labels import Label, status_label
from complaints.domain.workflow import Status
from complaints.models.audit import EVENTS, AuditEntry
from complaints.models.job import JobName
from complaints.models.oversight import OversightBody
from complaints.models.team import Role, Staff
from complaints.services import audit_reading
from complaints.services.assignment import name_of

FACT_NAMES: Final[dict[str, Label]] = {
    "account": gettext_lazy("Account"),
    "asker": gettext_lazy("Asked by"),
    "assignee": gettext_lazy("Officer"),
    "body": gettext_lazy("Body"),
    "count": gettext_lazy("Number"),
    "day": gettext_lazy("Day"),
    "failed": gettext_lazy("Failed"),
    "files_opened": gettext_lazy("Files opened"),
    "from": gettext_lazy("From status"),
    "job": gettext_lazy("Background job"),
    "limit": gettext_lazy("Limit"),
    "opened": gettext_lazy("Opened"),
    "practice": gettext_lazy("Practice"),
    "role": gettext_lazy("Role"),
    "row": gettext_lazy("Row"),
    "rows": gettext_lazy("Rows"),
    "shown": gettext_lazy("Cases shown"),
    "staff": gettext_lazy("Staff member"),
    "stand_in": gettext_lazy("Stand-in"),
    "table": gettext_lazy("Table"),
    "team": gettext_lazy("Team"),
    "to": gettext_lazy("To status"),
}
# Facts that name a person by id.
_PEOPLE: Final = frozenset({"asker", "assignee", "staff", "stand_in"})
_NUMBERS: Final = frozenset({"count", "failed", "files_opened", "limit", "opened", "rows", "shown"})
_STATUSES: Final = frozenset(status.value for status in Status)
_CODE: Final = re.compile(r"[0-9A-Za-z_.:+-]{1,24}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class EntryLine:
    """An entry as the page tells it; ``facts`` in words, ``raw`` as they are stored."""

    sequence: int
    at: datetime
    event: str
    person: str
    reference: str
    facts: list[tuple[str, str]]
    raw: list[tuple[str, str]]


class _Names:
    """The names that the lines of one page need, each kind read in one query."""

    def __init__(self, reader: Staff, entries: Iterable[AuditEntry]) -> None:
        rows = list(entries)
        ids = {entry.actor for entry in rows if entry.actor}
        values = {str(value) for entry in rows for name, value in entry.facts.items() if name in _PEOPLE}
        ids |= {uuid.UUID(value) for value in values if _UUID.fullmatch(value)}
        self.people = Staff.objects.in_bulk(ids)
        cases = {entry.case for entry in rows if entry.case}
        self.references = audit_reading.case_references(reader=reader, cases=cases)
        codes = {str(entry.facts["body"]) for entry in rows if "body" in entry.facts}
        self.bodies = {body.pk: body.short_name for body in OversightBody.objects.filter(pk__in=codes)}

    def person(self, person_id: uuid.UUID) -> str:
        """Return a person's name and username; the whole id for an account that is gone."""
        person = self.people.get(person_id)
        return f"{name_of(person)} ({person.username})" if person else str(person_id)


def lines(*, reader: Staff, entries: list[AuditEntry]) -> list[EntryLine]:
    """Return the lines of a page of entries, in their order."""
    names = _Names(reader, entries)
    return [
        EntryLine(
            sequence=entry.sequence,
            at=entry.at,
            event=str(EVENTS.get(entry.event, entry.event)),
            person=names.person(entry.actor) if entry.actor else _("the system"),
            reference=names.references.get(entry.case, str(entry.case)) if entry.case else "",
            facts=list(_facts_in_words(entry.facts, names)),
            raw=[(name, str(value)) for name, value in entry.facts.items()],
        )
        for entry in entries
    ]


def _facts_in_words(facts: Mapping[str, object], names: _Names) -> Iterable[tuple[str, str]]:
    for name, value in facts.items():
        words = _value_in_words(name, str(value), names) if name in FACT_NAMES else ""
        if words:
            yield str(FACT_NAMES[name]), words


def _value_in_words(name: str, value: str, names: _Names) -> str:
    """Return what a value says; "" where only the raw view can tell it."""
    if name in _PEOPLE:
        return names.person(uuid.UUID(value)) if _UUID.fullmatch(value) else ""
    if name in _NUMBERS:
        return value if value.isdecimal() else ""
    if label := _LABELS.get(name):
        return label(value)
    if name == "body":
        return names.bodies.get(value, "")
    if name == "practice":
        return _("yes")
    return value if _CODE.fullmatch(value) else ""


def _label_of(choices: Iterable[tuple[str, Label]]) -> Callable[[str], str]:
    labels = dict(choices)
    return lambda value: str(labels.get(value, ""))


def _status_in_words(value: str) -> str:
    if value not in _STATUSES:
        return ""  # an entry of another kind names rows by their ids
    return status_label(value)


_LABELS: Final[dict[str, Callable[[str], str]]] = {
    "role": _label_of(Role.choices),
    "job": _label_of(JobName.choices),
    "from": _status_in_words,
    "to": _status_in_words,
}
