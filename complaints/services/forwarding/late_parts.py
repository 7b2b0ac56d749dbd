"""What came in since a body got its newest release: messages, files, posts and reports that it does not hold."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.utils import timezone

from complaints.domain.sealing.records import open_record
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import Release, ReleasedFile, ReleasedReport
from complaints.services.forwarding.reading import release_context
from complaints.services.keyring import Keyring, signer_of


@dataclass(frozen=True)
class _Part:
    """A message of a reporter or a piece of evidence, with its number in the report and its day."""

    pk: uuid.UUID
    report: uuid.UUID
    sequence: int
    day: date
    is_held: bool


@dataclass(frozen=True)
class LateParts:
    """Ids of messages of reporters, of evidence (files and posts), and of reports of which the body holds nothing."""

    messages: frozenset[uuid.UUID]
    evidence: frozenset[uuid.UUID]
    reports: frozenset[uuid.UUID]

    @property
    def count(self) -> int:
        """How many parts there are; what belongs to a new report is not counted beside it."""
        return len(self.messages) + len(self.evidence) + len(self.reports)


def parts_since(*, keyring: Keyring, case: Case, releases: Sequence[Release]) -> LateParts:
    """Return what came in since the newest of these releases, which one body holds; six queries.

    A reporter's part has a day and no hour. Of the day of the release those are late that are numbered, in their
    report, behind all that the body holds of it: what was left out on purpose stays left out.

    Raises Locked, SealError, UnpinnedKey.
    """
    newest = max(timezone.localdate(release.at) for release in releases)
    held = {uuid.UUID(source) for release in releases for source in _sources(keyring, release)}
    held |= set(ReleasedFile.objects.filter(release__in=releases).values_list("stored__evidence", flat=True))
    known = set(ReleasedReport.objects.filter(release__in=releases).values_list("complaint", flat=True))
    reports = set(Complaint.objects.filter(case=case).values_list("pk", flat=True))
    # What answered a question of the body was sealed to its release.
    held |= set(Message.objects.filter(release__in=releases).values_list("pk", flat=True))
    messages = _parts(Message.objects.from_reporter().filter(complaint__in=known & reports), held)
    evidence = _parts(Evidence.objects.filter(complaint__in=known & reports), held)
    reached: dict[uuid.UUID, int] = {}
    for part in (*messages, *evidence):
        if part.is_held:
            reached[part.report] = max(part.sequence, reached.get(part.report, 0))

    def late(parts: Iterable[_Part]) -> frozenset[uuid.UUID]:
        return frozenset(
            part.pk
            for part in parts
            if not part.is_held and (part.day, part.sequence) > (newest, reached.get(part.report, 0))
        )

    return LateParts(late(messages), late(evidence), frozenset(reports - known))


def _parts(rows: QuerySet[Message] | QuerySet[Evidence], held: Collection[uuid.UUID]) -> list[_Part]:
    columns = rows.values_list("pk", "complaint", "sequence", "day")
    return [_Part(pk, report, sequence, day, pk in held) for pk, report, sequence, day in columns]


def _sources(keyring: Keyring, release: Release) -> list[str]:
    pair = keyring.release(release)
    return list(open_record(pair, release.sealed, release_context(release), signer_of(release))["sources"])
