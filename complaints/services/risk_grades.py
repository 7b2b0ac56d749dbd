"""The risk to reporters for lists of cases: read in the member's session from search documents, never from a column."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from complaints.domain.risk import RiskGrade
from complaints.domain.search_document import risk_in
from complaints.models.case import Case
from complaints.services import search_scan
from complaints.services.keyring import Actor

# From the lowest; of a case with several reports the highest grade counts.
_ORDER: Final = {grade: place for place, grade in enumerate(RiskGrade)}


class TooManyCases(Exception):
    """More reports than one scan reads: the list has to be narrowed by clear filters first."""


@dataclass(frozen=True)
class RiskGrades:
    """The grades of cases, for one request: to filter, sort and count by, and to be forgotten.

    Attributes:
        by_case: the highest grade of a case's reports by the case's id, newest report first; a case that nobody has
            assessed is left out.
        unread: how many reports could not be read, so that their grade may be missing or an earlier one.
    """

    by_case: Mapping[uuid.UUID, RiskGrade]
    unread: int

    def cases_of(self, grade: RiskGrade) -> Iterator[uuid.UUID]:
        """Yield the ids of the cases with this grade, for a filter by ``pk__in``."""
        return (case for case, highest in self.by_case.items() if highest is grade)


def risk_grades(*, actor: Actor, cases: QuerySet[Case]) -> RiskGrades:
    """Return the grades of the risk of cases, read in the person's session.

    Args:
        actor: a member of the team that holds the cases.
        cases: from ``access.cases_for``, narrowed by the clear filters that are in force.

    Nothing is recorded: a list shows grades of its lines anyway. Raises TooManyCases above
    ``search_scan.READ_AT_MOST`` reports, and Locked, UnpinnedKey, SealError where the search key does not open.
    """
    scan, by_case = search_scan.SearchScan(actor=actor, cases=cases), dict[uuid.UUID, RiskGrade]()
    if scan.is_too_long():
        raise TooManyCases
    for case, content in scan:
        if grade := risk_in(content):
            by_case[case] = max(by_case.get(case, grade), grade, key=_ORDER.__getitem__)
    return RiskGrades(by_case, scan.unread)
