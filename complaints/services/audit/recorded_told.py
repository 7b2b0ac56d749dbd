"""Whether words to a reporter and what went to bodies stand there as the chain records them: asked before it is told.

Each message is signed, so that nobody can write one. A row that is deleted, or says that the words belong to another
step, would be named at night, and by nothing where it is put back before.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import CaseStep
from complaints.models.complaint import Message
from complaints.models.oversight import Release, ReleasedReport
from complaints.services.audit import log

SENT: Final = "message.sent"
MADE: Final = "release.made"
RECALLED: Final = "release.recalled"
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
    releases = list(Release.objects.filter(case__in=steps).defer("sealed"))
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


def _is_state_recorded(release: Release, steps: Iterable[CaseStep], recalled: Collection[uuid.UUID | None]) -> bool:
    state = release.state
    if release.pk in recalled or state == Release.State.RECALLED:
        return release.pk in recalled and state == Release.State.RECALLED
    if release.is_further:
        return True
    later = (step for step in steps if step.sequence > release.after_step and step.body_id == release.body_id)
    is_returned = any(step.action in GIVEN_BACK for step in later)
    return (state == Release.State.RETURNED) == is_returned
