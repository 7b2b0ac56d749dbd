"""What came in since a body got its newest release: messages, files, posts and reports that it does not hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Case as CaseWhen
from django.db.models import Exists, F, OuterRef, QuerySet, Value, When
from django.utils import timezone

from complaints.models.case import Case
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import Release, ReleasedFile, ReleasedReport
from complaints.services.forwarding.reading import sources_of
from complaints.services.keyring import Keyring


@dataclass(frozen=True)
class LateParts:
    """Ids of messages of reporters, of evidence (files and posts), and of reports that joined the case since."""

    messages: frozenset[uuid.UUID]
    evidence: frozenset[uuid.UUID]
    reports: frozenset[uuid.UUID]

    @property
    def count(self) -> int:
        """How many parts there are; what belongs to a new report is not counted beside it."""
        return len(self.messages) + len(self.evidence) + len(self.reports)


@dataclass(frozen=True)
class _Part:
    """A report (its own ``report``), a message of a reporter or a piece of evidence, with its number and its day.

    The number of a report is 1 where it joined the case after the body's newest release, and else 0.
    """

    kind: str
    pk: uuid.UUID
    report: uuid.UUID
    sequence: int
    day: date
    is_held: bool


def parts_since(*, keyring: Keyring, case: Case, releases: Sequence[Release]) -> LateParts:
    """Return what came in since the newest of these releases, which one body holds; one query.

    A report that was in the case then was left out on purpose, and stays so. A reporter's part has a day and no hour:
    of the day of the release those are late that are numbered, in their report, behind all that the body holds of it.

    Raises Locked, SealError, UnpinnedKey.
    """
    newest_at = max(release.at for release in releases)
    newest = timezone.localdate(newest_at)
    held = {source for release in releases for source in sources_of(keyring, release)}
    parts = [_Part(*row[:5], bool(row[5]) or row[1] in held) for row in _rows(case, releases, newest_at)]
    known = {part.pk for part in parts if part.kind == "report" and part.is_held}
    reached: dict[uuid.UUID, int] = {}
    for part in parts:
        if part.is_held and part.kind != "report":
            reached[part.report] = max(part.sequence, reached.get(part.report, 0))
    late = [
        part
        for part in parts
        if not part.is_held
        and (
            part.sequence == 1
            if part.kind == "report"
            else part.report in known and (part.day, part.sequence) > (newest, reached.get(part.report, 0))
        )
    ]
    return LateParts(_ids(late, "message"), _ids(late, "evidence"), _ids(late, "report"))


def _ids(parts: Iterable[_Part], kind: str) -> frozenset[uuid.UUID]:
    return frozenset(part.pk for part in parts if part.kind == kind)


def _rows(
    case: Case, releases: Sequence[Release], newest_at: datetime
) -> QuerySet[Complaint, tuple[str, uuid.UUID, uuid.UUID, int, date, bool]]:
    """Return kind, id, report, number and day of each part, and whether a row tells that the body holds it."""
    columns = ("part", "pk", "of_report", "place", "day", "is_known")
    joined = CaseMove.objects.filter(complaint=OuterRef("pk"), target=case, at__gt=newest_at)
    reports = Complaint.objects.filter(case=case).annotate(
        part=Value("report"),
        of_report=F("pk"),
        place=CaseWhen(When(Exists(joined), then=1), default=0),
        is_known=Exists(ReleasedReport.objects.filter(release__in=releases, complaint=OuterRef("pk"))),
    )
    # What answered a question of the body was sealed to its release.
    answers = Message.objects.filter(release__in=releases, pk=OuterRef("pk"))
    messages = Message.objects.from_reporter().filter(complaint__case=case)
    messages = messages.annotate(
        part=Value("message"), of_report=F("complaint"), place=F("sequence"), is_known=Exists(answers)
    )
    files = ReleasedFile.objects.filter(release__in=releases, stored__evidence=OuterRef("pk"))
    evidence = Evidence.objects.filter(complaint__case=case)
    evidence = evidence.annotate(
        part=Value("evidence"), of_report=F("complaint"), place=F("sequence"), is_known=Exists(files)
    )
    return reports.values_list(*columns).union(messages.values_list(*columns), evidence.values_list(*columns), all=True)
