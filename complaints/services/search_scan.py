"""Goes through the search documents of the cases that a person may find, in that person's own session.

Each document is opened, handed to the caller and forgotten: nothing is cached or stored. Cases in which the person has
a conflict of interest are not read at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final, NamedTuple

from django.db.models import FilteredRelation, Q, QuerySet

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored
from complaints.models.case import Case
from complaints.models.complaint import Complaint, ComplaintQuerySet
from complaints.services import search_documents
from complaints.services.keyring import Actor, Locked
from complaints.services.team_key_history import pinned_team

# Reports whose documents one scan reads, the newest first; beyond it cases are narrowed by clear filters, or the next
# scan goes on.
READ_AT_MOST: Final = 20_000
# Documents that one scan writes first, because they are missing or something was written since.
WRITTEN_AT_ONCE: Final = 200
_DOCUMENT: Final = tuple(f"document__{name}" for name in search_documents.COLUMNS)


class _Row(NamedTuple):
    """A report with the columns of its document, which are None where it has none."""

    report: uuid.UUID
    case: uuid.UUID
    following: int
    version: int | None
    written_at: int | None
    number: int | None
    sealed: Stored | None

    @property
    def is_outdated(self) -> bool:
        """Whether the document is missing, or something was written since it was."""
        return self.written_at is None or self.written_at < self.following


class SearchScan:
    """One pass over the documents of cases.

    ``read``, ``unread`` and ``left`` hold once it has been gone through: how many reports it met; how many of these
    have no document, or one that does not open or lacks what was written last; how many older ones are left.
    """

    def __init__(self, *, actor: Actor, cases: QuerySet[Case], skip: int = 0) -> None:
        """Prepare the pass.

        Args:
            actor: a member of the team that holds the cases.
            cases: what the person may find, from ``access.cases_for``, narrowed or not.
            skip: how many of the newest reports an earlier pass has met.

        Raises Locked, UnpinnedKey, and SealError where the search key does not open.
        """
        self._keyring, self._skip = actor.keyring, skip
        self._keys = search_documents.keys_of_team(actor.keyring)
        team = pinned_team(actor.keyring.report_team)
        # Where the key of today does not open, nothing does: that is no search without a result.
        self._keys.key(team.key_number)
        document = FilteredRelation("search_docs", condition=Q(search_docs__team=team.pk))
        # A report that nobody has compared with the staff yet is read by nobody.
        reports = Complaint.objects.filter(case__in=cases.order_by().values("pk"), index_entry__isnull=False)
        self._reports = reports.annotate(document=document).order_by("-day", "-batch", "pk")
        self.read = self.unread = self.left = 0

    def is_too_long(self) -> bool:
        """Whether there are more reports than one pass reads; one query."""
        return self._reports.order_by().values("pk")[READ_AT_MOST : READ_AT_MOST + 1].exists()

    def __iter__(self) -> Iterator[tuple[uuid.UUID, bytes]]:
        """Yield the case of each report with its encoded document (domain.search_document), the newest first.

        Up to WRITTEN_AT_ONCE that are out of date are written anew, and come last.
        """
        outdated: list[uuid.UUID] = []
        for row in self._rows(self._reports[self._skip : self._skip + READ_AT_MOST]):
            self.read += 1
            if row.is_outdated and len(outdated) < WRITTEN_AT_ONCE and not self._keyring.has_conflict(row.case):
                outdated.append(row.report)
            else:
                yield from self._opened(row)
        if self.read == READ_AT_MOST:
            self.left = self._reports.count() - self._skip - self.read
        if outdated:
            search_documents.catch_up(keyring=self._keyring, complaints=outdated)
            for row in self._rows(self._reports.filter(pk__in=outdated)):
                yield from self._opened(row)

    def _rows(self, reports: ComplaintQuerySet) -> Iterator[_Row]:
        return (_Row(*row) for row in reports.values_list("pk", "case", "next_sequence", *_DOCUMENT).iterator())

    def _opened(self, row: _Row) -> Iterator[tuple[uuid.UUID, bytes]]:
        """Yield what a row holds, also where it lacks what was written last; nothing where it does not open."""
        self.unread += row.is_outdated
        if row.sealed is None or row.version is None or row.written_at is None or row.number is None:
            return
        if self._keyring.has_conflict(row.case):
            return
        try:
            content = self._keys.open(row.report, row.version, row.written_at, row.number, row.sealed)
        except (SealError, Locked):
            self.unread += not row.is_outdated
        else:
            yield row.case, content
