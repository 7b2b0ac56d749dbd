"""Whether words to a reporter and what went to bodies stand there as the chain records them: asked before it is told.

Each message is signed, so that nobody can write one. A row that is deleted, or says that the words belong to another
step, would be named at night, and by nothing where it is put back before.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Assessment, CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release, ReleasedReport
from complaints.services.audit import log

SENT: Final = "message.sent"
MADE: Final = "release.made"
RECALLED: Final = "release.recalled"
# What staff write on a report: by the event of its entry, the fact that holds the row's id, and the table.
WRITTEN: Final = {SENT: "message", "note.written": "note", "assessment.recorded": "assessment"}
Text: TypeAlias = Message | InternalNote | Assessment
_MODELS: Final[Mapping[str, type[Text]]] = {
    SENT: Message,
    "note.written": InternalNote,
    "assessment.recorded": Assessment,
}
RELEASED: Final = (MADE, RECALLED)
# By these steps a body no longer has what was released to it.
GIVEN_BACK: Final = (Action.RETURN, Action.DECLINE, Action.RECALL)


def are_messages_recorded(messages: Iterable[Message], entries: Iterable[AuditEntry]) -> bool:
    """Whether the messages of staff on a report are those that genuine entries record.

    Args:
        messages: all of them, with all columns.
        entries: all entries SENT about the report.
    """
    recorded = set()
    for entry in entries:
        if not log.is_genuine(entry):
            return False
        recorded.add(tuple(str(entry.facts.get(name, "")) for name in ("message", "digest", "row", "copy")))
    return recorded == set(map(_line, messages))


def _line(message: Message) -> tuple[str, str, str, str]:
    copy = message.sealed_for_reporter
    digests = log.digest_of(message.sealed), log.row_digest(message), log.digest_of(copy) if copy else ""
    return str(message.pk), *digests


def are_texts_recorded(rows: Iterable[Text], entries: Iterable[AuditEntry]) -> bool:
    """Whether messages of staff, notes and assessments on reports are those that genuine entries record.

    Args:
        rows: all of them, with the columns that the chain records.
        entries: all entries of WRITTEN about the reports, and any others.
    """
    recorded = set()
    for entry in entries:
        if entry.event not in WRITTEN:
            continue
        if not log.is_genuine(entry):
            return False
        facts = entry.facts
        recorded.add((entry.event, *(str(facts.get(name, "")) for name in (WRITTEN[entry.event], "digest", "row"))))
    events = {model.__name__: event for event, model in _MODELS.items()}
    stored = {
        (events[type(row).__name__], str(row.pk), log.digest_of(row.sealed), log.row_digest(row))
        for row in rows
        if not (isinstance(row, Message) and row.direction == Message.Direction.FROM_REPORTER)
    }
    return recorded == stored


def are_texts_stored_as_recorded(reports: Collection[uuid.UUID]) -> bool:
    """Ask the same of what is stored on some reports, while nobody acts on them: a first look may have met an act."""
    list(Complaint.objects.select_for_update(of=("self",)).filter(pk__in=reports).order_by("pk").values_list("pk"))
    rows: list[Text] = []
    for model in _MODELS.values():
        rows += model._default_manager.filter(complaint__in=reports)
    return are_texts_recorded(rows, AuditEntry.objects.filter(subject__in=reports, event__in=WRITTEN))


def reports_digest(reports: Iterable[tuple[uuid.UUID, int]]) -> str:
    """Return the digest (32 hexadecimal digits) of the reports of a release, each with its number in it."""
    content = sorted([str(report), number] for report, number in reports)
    return blake2b(hashchain.canonical({"reports": content}), person=b"reports told", size=16).hex()


def are_releases_recorded(steps: Mapping[uuid.UUID, Sequence[CaseStep]]) -> bool:
    """Whether the releases of some cases hold the reports, and stand where entries and steps leave them; three queries.

    The state of a further release that was not recalled follows from its own steps and is not compared here.

    Args:
        steps: by each case all its steps, in order.
    """
    releases = list(Release.stored.filter(case__in=steps).defer("sealed"))
    held: dict[uuid.UUID, list[tuple[uuid.UUID, int]]] = defaultdict(list)
    rows = ReleasedReport.objects.filter(release__in=releases)
    for release, report, number in rows.values_list("release", "complaint", "number"):
        held[release].append((report, number))
    made: dict[uuid.UUID | None, Mapping[str, object]] = {}
    recalled: set[uuid.UUID | None] = set()
    for entry in AuditEntry.objects.filter(case__in=steps, event__in=(MADE, RECALLED)):
        if not log.is_genuine(entry):
            return False
        if entry.event == MADE:
            made[entry.subject] = entry.facts
        else:
            recalled.add(entry.subject)
    if made.keys() != {row.pk for row in releases}:
        return False
    return all(
        (log.row_digest(row), reports_digest(held[row.pk])) == (made[row.pk].get("row"), made[row.pk].get("reports"))
        and _is_state_recorded(row, steps[row.case_id], recalled)
        for row in releases
    )


def are_as_made(releases: Iterable[Release], steps: Sequence[CaseStep], entries: Iterable[AuditEntry]) -> bool:
    """Whether some releases of a case stand as genuine entries and steps leave them, whichever reports they hold.

    Args:
        releases: read with all columns but what is sealed.
        steps: all steps of the case; those of a further release are not compared here.
        entries: all entries RELEASED about the releases, and any others.
    """
    about = [entry for entry in entries if entry.event in RELEASED]
    made = {entry.subject: entry.facts.get("row") for entry in about if entry.event == MADE}
    recalled = {entry.subject for entry in about if entry.event == RECALLED}
    return all(map(log.is_genuine, about)) and all(
        log.row_digest(row) == made.get(row.pk) and _is_state_recorded(row, steps, recalled) for row in releases
    )


def are_further_as_made(releases: Collection[Release]) -> bool:
    """Ask the same of further releases, whose state follows from steps of their own, unless recalled; one query."""
    entries = AuditEntry.objects.filter(subject__in=[row.pk for row in releases], event__in=RELEASED)
    return are_as_made(releases, (), entries)


def _is_state_recorded(release: Release, steps: Iterable[CaseStep], recalled: Collection[uuid.UUID | None]) -> bool:
    state = release.state
    if release.pk in recalled or state == Release.State.RECALLED:
        return release.pk in recalled and state == Release.State.RECALLED
    if release.is_further:
        return True
    later = (step for step in steps if step.sequence > release.after_step and step.body_id == release.body_id)
    is_returned = any(step.action in GIVEN_BACK for step in later)
    return (state == Release.State.RETURNED) == is_returned
