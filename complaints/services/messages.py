"""The threads: what the office or a body writes to one reporter, and the notes that stay in the house.

What staff write is signed with their team's pinned key, so that nobody who can merely write to the database can speak
for the office; which person wrote it stands in the audit chain.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import F
from django.utils import timezone

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.case import CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.keyring import Locked, message_context
from complaints.services.team_key_history import UnpinnedKey, trusted_signer

TO_REPORTERS = {Message.Direction.TO_REPORTER.value, Message.Direction.BODY_TO_REPORTER.value}


def take_sequence(complaint: Complaint) -> int:
    """Take the next place in a complaint's order; the row stays locked until the transaction ends."""
    Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)
    return Complaint.objects.values_list("next_sequence", flat=True).get(pk=complaint.pk) - 1


def send_to_reporter(
    *,
    complaint: Complaint,
    text: str,
    actor: Actor,
    speaker: KeySet,
    transition: CaseStep | None = None,
    release: Release | None = None,
    to_reporter: bool = True,
) -> Message:
    """Append a message of the office, or of the body that holds ``release``, and audit it.

    Args:
        speaker: the key set of the team in whose name it is said.
        release: for a body, which has made sure that the reporter's key in ``complaint`` is the true one.
        to_reporter: False for a body's word to the office, which no reporter reads.
    """
    # Opened before it is sealed to: a key that somebody put in its place is refused here.
    pair = actor.keyring.release(release) if release else actor.keyring.complaint(complaint)
    kind = Message.Direction
    direction = kind.TO_REPORTER if release is None else kind.BODY_TO_REPORTER if to_reporter else kind.BODY_TO_TRIAGE
    message = Message(
        complaint=complaint,
        sequence=take_sequence(complaint),
        direction=direction,
        transition=transition,
        release=release,
        author=actor.staff,
        signer=speaker.sign.public,
        day=timezone.localdate(actor.now),
    )
    message.sealed = seal_record(pair.public, message_context(message), text, speaker.sign)
    if to_reporter:
        context = message_context(message, kind="to-reporter")
        message.sealed_for_reporter = seal_record(bytes(complaint.reporter_key), context, text, speaker.sign)
    message.save(force_insert=True)
    facts = {"message": str(message.pk), "digest": log.digest_of(message.sealed)}
    if message.sealed_for_reporter:
        facts["copy"] = log.digest_of(message.sealed_for_reporter)
    actor.record("message.sent", case=complaint.case_id, facts=facts)
    return message


def read_as_reporter(messages: Iterable[Message], box: BoxPair) -> dict[uuid.UUID, str]:
    """Open what was written to a reporter, by message; raises UnpinnedKey where no team of the house signed."""
    told = {}
    signers: dict[tuple[bytes, str], bytes] = {}
    for message in messages:
        if message.direction not in TO_REPORTERS:
            continue
        said_by = bytes(message.signer), _team_of(message)
        signer = signers.get(said_by) or signers.setdefault(said_by, trusted_signer(*said_by))
        context = message_context(message, kind="to-reporter")
        told[message.pk] = str(open_record(box, message.sealed_for_reporter or b"", context, signer))
    return told


def _team_of(message: Message) -> str:
    """Return the slug of the team in whose name a message stands: no team can speak for another."""
    if message.direction == Message.Direction.TO_REPORTER:
        return Team.Kind.TRIAGE.value
    if message.release is None:
        raise UnpinnedKey("release")
    return f"body-{message.release.body_id}"


def read(message: Message, *, pair: BoxPair, complaint: Complaint) -> str:
    """Open a message as a holder of its key reads it: the reporter's own signature, or a pinned team's, must hold."""
    if message.direction == Message.Direction.FROM_REPORTER:
        signer = bytes(complaint.reporter_verify_key)
    else:
        signer = trusted_signer(message.signer, _team_of(message))
    return str(open_record(pair, message.sealed, message_context(message), signer))


def read_released(message: Message, *, pair: BoxPair, signer: bytes) -> str:
    """Open a reporter's answer to a body's question with the release's pair; ``signer`` as the release names it."""
    context = message_context(message, kind="to-release")
    return str(open_record(pair, message.sealed_for_release or b"", context, signer))


def write_note(
    *,
    complaint: Complaint,
    text: str,
    actor: Actor,
    speaker: KeySet,
    transition: CaseStep | None = None,
) -> InternalNote:
    """Append a note that only holders of the complaint's key read."""
    if actor.staff is None:
        raise Locked("note")
    pair = actor.keyring.complaint(complaint)
    note = InternalNote(
        complaint=complaint,
        sequence=take_sequence(complaint),
        transition=transition,
        author=actor.staff,
        author_key=speaker.sign.public,
        at=actor.now,
    )
    note.sealed = seal_record(pair.public, _note_context(note), text, speaker.sign)
    note.save(force_insert=True)
    facts = {"note": str(note.pk), "digest": log.digest_of(note.sealed)}
    actor.record("note.written", case=complaint.case_id, facts=facts)
    return note


def _note_context(note: InternalNote) -> Context:
    return Context("note", str(note.pk), str(note.complaint_id), note.sequence)


def read_note(note: InternalNote, *, pair: BoxPair) -> str:
    """Open a note with the complaint's pair."""
    return str(open_record(pair, note.sealed, _note_context(note), trusted_signer(note.author_key, Team.Kind.TRIAGE)))
