"""Notes of liaisons on a release, for colleagues of their body: sealed to the body's team, so the office reads none."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain.sealing.records import Context
from complaints.domain.workflow import Refusal, TransitionRefused
from complaints.models.oversight import BodyNote, Release
from complaints.models.team import Staff
from complaints.services import resealing_registry
from complaints.services.audit import log, recorded_releases
from complaints.services.audit.log import row_digest
from complaints.services.keyring import Actor, Keyring
from complaints.services.team_key_history import pinned_team

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenedNote:
    """A note, opened."""

    author: Staff
    at: datetime
    text: str


@dataclass(frozen=True)
class OpenedNotes:
    """The notes on a release, oldest first; ``is_whole`` where the rows are those that the chain records."""

    notes: list[OpenedNote]
    is_whole: bool


@transaction.atomic
def write(*, actor: Actor, release_id: uuid.UUID, text: str) -> BodyNote:
    """Append a note of a liaison to a forwarding of their body.

    Raises Release.DoesNotExist, TransitionRefused(reason_missing) for a blank text, Locked, UnpinnedKey.
    """
    rows = access.releases_for(actor.staff).filter(first=None)
    return append(actor, rows.select_for_update(of=("self",)).get(pk=release_id), text)


def append(actor: Actor, release: Release, text: str) -> BodyNote:
    """Append a note to a locked forwarding in the caller's transaction; raises as :func:`write`."""
    if not text.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    team = pinned_team(f"body-{release.body_id}")
    last = release.body_notes.order_by("-number").values_list("number", flat=True).first()
    row = BodyNote(release=release, number=(last or 0) + 1, author=actor.staff, at=actor.now)
    row.sealed_number = team.key_number
    row.sealed = actor.keyring.seal_for_team(team, _context(row), text.strip())
    row.save(force_insert=True)
    facts = {"note": str(row.pk), "row": row_digest(row)}
    actor.record(recorded_releases.NOTED, case=release.case_id, subject=release.pk, facts=facts)
    return row


def read(*, keyring: Keyring, release: Release, recorded: dict[str, str] | None = None) -> OpenedNotes:
    """Open the notes on a forwarding for a member of its body; one that no entry records is shown to nobody.

    ``recorded`` are the digests of the notes by id where they were read before. Raises Locked, SealError, UnpinnedKey.
    """
    known, is_whole = _compared(release, recorded_releases.recorded_notes(release.pk) if recorded is None else recorded)
    if not is_whole:
        with transaction.atomic():
            # Again without an act under way: each appends its entry after its row.
            log.lock_head()
            known, is_whole = _compared(release, recorded_releases.recorded_notes(release.pk))
    if not is_whole:
        logger.error("The notes of a body on a release are not as the chain records them")
    if not known:
        return OpenedNotes([], is_whole)
    team, notes = pinned_team(f"body-{release.body_id}"), []
    for row in known:
        text = keyring.read_for_team(team, row.sealed, _context(row), number=row.sealed_number)
        notes.append(OpenedNote(row.author, row.at, str(text)))
    return OpenedNotes(notes, is_whole)


def _compared(release: Release, recorded: dict[str, str]) -> tuple[list[BodyNote], bool]:
    """Return the notes that entries record, and whether the rows are exactly those."""
    rows = list(release.body_notes.select_related("author").order_by("number"))
    known = [row for row in rows if recorded.get(str(row.pk)) == row_digest(row)]
    return known, len(known) == len(rows) == len(recorded)


def _context(row: BodyNote) -> Context:
    return Context("body-note", str(row.pk), str(row.release_id), row.number)


resealing_registry.register_records(
    "body note", rows=lambda team: BodyNote.objects.filter(release__body=team.body_id), context=_context
)
