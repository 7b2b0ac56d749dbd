"""Which openings of cases are unusual, person by person: at night, many in an hour, of others' cases, without a step.

Worked out from the newest READ_AT_MOST openings of the last DAYS days, in three bounded queries. An unusual reading is
a question to ask and no fault.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.utils import timezone

from complaints import access
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.team import Staff

DAYS: Final = 7
READ_AT_MOST: Final = 2000
# Hours of the office's time zone: the night begins and ends.
NIGHT_FROM, NIGHT_TO = 22, 5
CASES_IN_AN_HOUR: Final = 30
_OPENED: Final = "case.opened"


class _Opening(NamedTuple):
    at: datetime
    actor: uuid.UUID
    case: uuid.UUID


@dataclass(frozen=True)
class UnusualReader:
    """A person and how many of their openings are unusual; ``in_an_hour`` is the most cases opened within one hour."""

    person: uuid.UUID
    at_night: int
    in_an_hour: int
    of_others: int
    without_step: int


def unusual_readers(*, reader: Staff, now: datetime) -> list[UnusualReader]:
    """Return who read unusually, by their ids; cases with which the reader has a conflict of interest are left out."""
    entries = AuditEntry.objects.filter(event=_OPENED, at__gte=now - timedelta(days=DAYS), actor__isnull=False)
    entries = entries.exclude(case__in=access.conflicted_cases(reader)).filter(case__isnull=False)
    rows = entries.order_by("-sequence").values_list("at", "actor", "case")[:READ_AT_MOST]
    openings = [_Opening(at, actor, case) for at, actor, case in rows if actor and case]
    cases = {opening.case for opening in openings}
    assignees = dict(Case.objects.filter(pk__in=cases, assignee__isnull=False).values_list("pk", "assignee"))
    acts = AuditEntry.objects.filter(case__in=cases, actor__in={opening.actor for opening in openings})
    acted = set(acts.exclude(event=_OPENED).order_by().values_list("actor", "case").distinct())
    by_person: defaultdict[uuid.UUID, list[_Opening]] = defaultdict(list)
    for opening in openings:
        by_person[opening.actor].append(opening)
    readers = [_unusual(person, openings, assignees, acted) for person, openings in sorted(by_person.items())]
    return [row for row in readers if row.at_night or row.in_an_hour or row.of_others or row.without_step]


def _unusual(
    person: uuid.UUID,
    openings: list[_Opening],
    assignees: Mapping[uuid.UUID, uuid.UUID | None],
    acted: set[tuple[uuid.UUID | None, uuid.UUID | None]],
) -> UnusualReader:
    cases = {opening.case for opening in openings}
    hours = Counter(hour for hour, _case in {(_hour(opening.at), opening.case) for opening in openings})
    most = max(hours.values())
    return UnusualReader(
        person=person,
        at_night=sum(_is_night(opening.at) for opening in openings),
        in_an_hour=most if most > CASES_IN_AN_HOUR else 0,
        of_others=sum(assignees.get(case, person) != person for case in cases),
        without_step=sum((person, case) not in acted for case in cases),
    )


def _hour(at: datetime) -> datetime:
    return timezone.localtime(at).replace(minute=0, second=0, microsecond=0)


def _is_night(at: datetime) -> bool:
    hour = timezone.localtime(at).hour
    return hour >= NIGHT_FROM or hour < NIGHT_TO
