"""The risk to reporters in the queue: filter, order and counts, read in the member's session and forgotten with it.

No column tells a grade, so these filters read the search documents of the cases that the others leave. Without such a
filter the queue reads none of them.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext as _

from complaints.admin import labels, queue_list
from complaints.admin.queue_filters import Cases, FilterValues
from complaints.domain.risk import RiskGrade
from complaints.services import reference_data, risk_grades
from complaints.services.keyring import Actor
from complaints.services.risk_grades import TooManyCases

RISK: Final = "risk"
URGENT: Final = "urgent"
SORT: Final = "sort"


@dataclass(frozen=True)
class RiskOfList:
    """The grades of the cases of a list, how many reports could not be read, and whether there were too many."""

    by_case: Mapping[uuid.UUID, RiskGrade]
    unread: int = 0
    is_too_long: bool = False

    def counts(self) -> Iterator[tuple[str, int]]:
        """Yield the label of each grade, the highest first, with the number of cases before a filter by risk."""
        numbers = Counter(self.by_case.values())
        for grade in reversed(RiskGrade):
            yield str(labels.RISK_GRADES[grade]), numbers[grade]


def is_wanted(values: FilterValues) -> bool:
    """Whether the filters in force need the grades."""
    return RISK in values or URGENT in values or values.get(SORT) == queue_list.BY_RISK


def narrow_by_risk(cases: Cases, values: FilterValues, *, actor: Actor) -> tuple[Cases, RiskOfList | None]:
    """Narrow cases by the filters on risk, and return the grades where one was read.

    Of more reports than one scan reads nothing is left, and the page asks for other filters first. Raises as
    ``risk_grades.risk_grades``.
    """
    if not is_wanted(values):
        return cases, None
    try:
        read = risk_grades.risk_grades(actor=actor, cases=cases)
    except TooManyCases:
        return cases.none(), RiskOfList({}, is_too_long=True)
    if grade := values.get(RISK):
        cases = cases.filter(pk__in=list(read.cases_of(RiskGrade(grade))))
    if URGENT in values:
        filed = reference_data.urgent_categories(reference_data.edition())
        high = list(read.cases_of(RiskGrade.HIGH))
        cases = cases.filter(Q(category__in=filed) | Q(pk__in=high))
    return cases, RiskOfList(read.by_case, read.unread)


def risk_choices() -> list[tuple[str, str]]:
    """Return the grades to choose from, the highest first."""
    return [("", _("All")), *((grade.value, str(labels.RISK_GRADES[grade])) for grade in reversed(RiskGrade))]
