"""What the chain records of a release for the body that holds it: who has it, when it was opened, the notes on it.

Who has a release stands in no column: the newest entry says so, and a row that is written by hand gives it to nobody.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import CharField, IntegerField, OuterRef, Q, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.oversight import BodyNote, Release
from complaints.services.audit import log, recorded_erasures
from complaints.services.audit.coverage import COVERAGE
from complaints.services.audit.faults import Fault, RowCheck
from complaints.services.audit.log import digest_of_columns

ASSIGNED: Final = "release.assigned"
OPENED: Final = "release.opened"
NOTED: Final = "release.noted"
NAME_TRIED: Final = "name.tried"
# Of these kinds the newest entry about a release counts.
_NEWEST: Final = (ASSIGNED, OPENED)


@dataclass(frozen=True)
class RecordedOpening:
    """An opening of a forwarding: when, the number of its newest release, and how many answers of reporters it had."""

    at: datetime
    newest: int
    answers: int


@dataclass(frozen=True)
class ReleaseRecord:
    """What the chain records of a forwarding: its last opening, whose it is, the digest of each note by its id."""

    opening: RecordedOpening | None
    owner: uuid.UUID | None
    notes: dict[str, str]


def _newest(event: str, fact: str) -> Subquery:
    """Return the fact of the newest entry of a kind about the release of the outer query, as text."""
    entries = AuditEntry.objects.filter(subject=OuterRef("pk"), event=event).order_by("-sequence")
    return Subquery(entries.annotate(fact=KT(f"facts__{fact}")).values("fact")[:1], output_field=CharField())


def owner_column() -> Coalesce:
    """Return the id of the person who has a release as text, "" for nobody, to narrow a list by.

    Whose it is, is shown only after :func:`owners` has looked at the entry.
    """
    return Coalesce(_newest(ASSIGNED, "assignee"), Value(""))


def opened_column(fact: str) -> Coalesce:
    """Return a number of the last opening of a forwarding, "newest" or "answers"; 0 where it was never opened."""
    return Coalesce(Cast(_newest(OPENED, fact), IntegerField()), Value(0))


def owners(releases: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return who has each of these releases, by genuine entries; one that nobody has is left out; one query."""
    return {
        release: uuid.UUID(str(entry.facts["assignee"]))
        for release, entry in _last_entries(releases, ASSIGNED).items()
        if entry.facts.get("assignee")
    }


def record_of(release: uuid.UUID) -> ReleaseRecord:
    """Return what genuine entries record of a forwarding; one query."""
    about = AuditEntry.objects.filter(subject=release)
    newest = [Subquery(about.filter(event=kind).order_by("-sequence").values("sequence")[:1]) for kind in _NEWEST]
    entries = about.filter(Q(event=NOTED) | Q(event__in=_NEWEST, sequence__in=newest)).order_by("sequence")
    genuine = [entry for entry in entries if log.is_genuine(entry)]
    last = {entry.event: entry for entry in genuine}
    opened, assigned = last.get(OPENED), last.get(ASSIGNED)
    owner = assigned.facts.get("assignee") if assigned else None
    return ReleaseRecord(
        opening=RecordedOpening(opened.at, int(opened.facts["newest"]), int(opened.facts["answers"]))
        if opened
        else None,
        owner=uuid.UUID(str(owner)) if owner else None,
        notes=_digests_of_notes(entry for entry in genuine if entry.event == NOTED),
    )


def tried_requests(reports: Collection[uuid.UUID]) -> set[str]:
    """Return the ids of the requests for names by which a body has tried to open one; one query."""
    entries = AuditEntry.objects.filter(subject__in=reports, event=NAME_TRIED).order_by()
    return {str(request) for request in entries.values_list("facts__request", flat=True)}


def recorded_notes(release: uuid.UUID) -> dict[str, str]:
    """Return the digest of each note that genuine entries record of a release, by its id; one query."""
    entries = AuditEntry.objects.filter(subject=release, event=NOTED).order_by("sequence")
    return _digests_of_notes(entry for entry in entries if log.is_genuine(entry))


def _digests_of_notes(entries: Iterable[AuditEntry]) -> dict[str, str]:
    return {str(entry.facts.get("note")): str(entry.facts.get("row")) for entry in entries}


def _last_entries(releases: Collection[uuid.UUID], event: str) -> dict[uuid.UUID, AuditEntry]:
    """Return the newest entry of a kind about each release; a release whose newest is not genuine is left out."""
    about = AuditEntry.objects.filter(subject=OuterRef("subject"), event=event).order_by("-sequence")
    rows = AuditEntry.objects.filter(subject__in=releases, event=event, sequence=Subquery(about.values("sequence")[:1]))
    return {entry.subject: entry for entry in rows if entry.subject and log.is_genuine(entry)}


# --- Verification -----------------------------------------------------------------------------------------------------


def _note_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield a fault for each of these releases whose notes are not those that its entries record."""
    for release in sorted(_altered(keys)):
        with transaction.atomic():
            # Again without an act under way: each appends its entry after its row.
            ChainHead.objects.select_for_update().get(pk=1)
            state = _altered([release]).get(release)
        if state:
            yield Fault(None, "note.altered", f"release {release}", state)


def _altered(releases: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    lines: dict[uuid.UUID, set[str]] = defaultdict(set)
    columns = COVERAGE["BodyNote"].recorded
    for release, key, *values in BodyNote.objects.filter(release__in=releases).values_list("release", "pk", *columns):
        lines[release] ^= {f"{key}.{digest_of_columns(columns, values)}"}
    entries = AuditEntry.objects.filter(subject__in=releases, event=NOTED)
    for subject, facts in entries.values_list("subject", "facts"):
        if subject is not None:
            lines[subject] ^= {f"{facts.get('note')}.{facts.get('row')}"}
    altered = {release: min(differing)[:200] for release, differing in lines.items() if differing}
    # Of an erased release every note is gone, each with a kept leaf.
    stored = BodyNote.objects.filter(release__in=altered).values_list("release", flat=True)
    erased = recorded_erasures.erased_releases(set(altered) - set(stored))
    return {release: state for release, state in altered.items() if release not in erased}


CHECKS: Final = (
    RowCheck("body_notes", lambda scope: Release.stored.filter(case__in=scope.cases().values("pk")), _note_faults),
)
