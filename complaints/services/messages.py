"""Messages between a reporter and triage or a body, and the internal notes of staff.

What staff write is signed with their team's pinned key, so that write access to the database alone does not allow a
message to be forged in the team's name; the audit chain records which person wrote it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from django.db.models import F

from complaints.domain.retaliation import Marks
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import JSON, Context, open_record, seal_record
from complaints.models.case import Assessment, CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release, ReleaseStep
from complaints.models.redaction import Redaction
from complaints.models.step import Step
from complaints.services import forbidden_questions
from complaints.services.audit import log
from complaints.services.audit.log import row_digest
from complaints.services.keyring import Actor, message_context, team_of
from complaints.services.team_key_history import trusted_signer

NO_MARKS: Final[Marks] = MappingProxyType({})


def with_marks(text: str, marks: Marks) -> object:
    """Return what a message or a note seals: its text, with marks an object of both (domain.retaliation)."""
    return {"text": text, **marks} if marks else text


def _text_and_marks(content: JSON) -> tuple[str, Marks]:
    """Return both parts of what :func:`with_marks` made."""
    if isinstance(content, str):
        return content, NO_MARKS
    return str(content["text"]), {name: value for name, value in content.items() if name != "text"}


def take_sequence(complaint: Complaint) -> int:
    """Return the next sequence number of a complaint and use it up; the row stays locked until the transaction ends."""
    Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)
    return Complaint.objects.values_list("next_sequence", flat=True).get(pk=complaint.pk) - 1


def send_to_reporter(
    *,
    complaint: Complaint,
    text: str,
    actor: Actor,
    step: Step | None = None,
    release: Release | None = None,
    to_reporter: bool = True,
    marks: Marks = NO_MARKS,
    given: Collection[str] = (),
) -> Message:
    """Append a message of triage, or of the body that holds ``release``, and audit it.

    ``step`` is the step that it is sent with, of the case or of a further release.
    With ``release``, the caller has verified the reporter's key in ``complaint`` against it. No reporter reads a body's
    message that is not ``to_reporter``. No reporter reads ``marks``. ``given`` are the kinds of warning that have a
    reason.

    Raises ForbiddenQuestionPut where a reporter would read a question that nobody may put.
    Raises Locked, SealError or UnpinnedKey: the person does not hold the key of the complaint or release or of the team
    that writes, or it was replaced.
    """
    if to_reporter:
        forbidden_questions.refuse(text, given)
    # Opened before anything is sealed to it: a replaced public key is refused here.
    pair = actor.keyring.release(release) if release else actor.keyring.complaint(complaint)
    kind = Message.Direction
    direction = kind.TO_REPORTER if release is None else kind.BODY_TO_REPORTER if to_reporter else kind.BODY_TO_TRIAGE
    message = Message(
        complaint=complaint,
        sequence=take_sequence(complaint),
        direction=direction,
        step=step if isinstance(step, CaseStep) else None,
        release_step=step if isinstance(step, ReleaseStep) else None,
        release=release,
        author=actor.staff,
        day=actor.today,
    )
    signer = actor.keyring.keys_of(team_of(message, actor.keyring.report_team)).sign
    message.signer = signer.public
    message.sealed = seal_record(pair.public, message_context(message), with_marks(text, marks), signer)
    if to_reporter:
        context = message_context(message, kind="to-reporter")
        message.sealed_for_reporter = seal_record(bytes(complaint.reporter_key), context, text, signer)
    message.save(force_insert=True)
    facts = {"message": str(message.pk), "digest": log.digest_of(message.sealed), "row": row_digest(message)}
    if message.sealed_for_reporter:
        facts["copy"] = log.digest_of(message.sealed_for_reporter)
    actor.record("message.sent", case=complaint.case_id, subject=complaint.pk, facts=facts)
    return message


def read(message: Message, *, pair: BoxPair, complaint: Complaint, team: str) -> str:
    """Return the text of a message; as :func:`read_marked`."""
    return read_marked(message, pair=pair, complaint=complaint, team=team)[0]


def read_marked(message: Message, *, pair: BoxPair, complaint: Complaint, team: str) -> tuple[str, Marks]:
    """Open a message with the complaint's or release's pair; ``team`` is the slug of the team that holds the report.

    Raises SealError, and UnpinnedKey for another's signature.
    """
    if message.direction == Message.Direction.FROM_REPORTER:
        signer = bytes(complaint.reporter_verify_key)
    else:
        signer = trusted_signer(message.signer, team_of(message, team))
    return _text_and_marks(open_record(pair, message.sealed, message_context(message), signer))


def read_released(message: Message, *, pair: BoxPair, signer: bytes) -> tuple[str, Marks]:
    """Open a reporter's answer with the release's pair; ``signer`` is the reporter's released key; raises SealError."""
    context = message_context(message, kind="to-release")
    return _text_and_marks(open_record(pair, message.sealed_for_release or b"", context, signer))


def write_note(
    *, complaint: Complaint, text: str, actor: Actor, step: CaseStep | None = None, marks: Marks = NO_MARKS
) -> InternalNote:
    """Append an internal note, sealed to the complaint, and audit it; raises as :func:`send_to_reporter`."""
    note = InternalNote(complaint=complaint, step=step)
    store_for_team(note, "note", with_marks(text, marks), actor=actor, event="note.written")
    return note


def store_for_team(
    row: InternalNote | Assessment | Redaction,
    kind: str,
    content: object,
    *,
    actor: Actor,
    event: str,
    more: Mapping[str, str] | None = None,
) -> None:
    """Store a new row with ``content`` (JSON) sealed to its complaint and signed by its team; the event names the row.

    ``kind`` is that of the sealed record, ``more`` are further facts of the entry. Raises as :func:`send_to_reporter`.
    """
    complaint = row.complaint
    # Opened before anything is sealed to it: a replaced public key is refused here.
    pair, signer = actor.keyring.complaint(complaint), actor.keyring.keys_of(actor.keyring.report_team).sign
    row.sequence, row.at = take_sequence(complaint), actor.now
    row.author, row.author_key = actor.staff, signer.public
    row.sealed = seal_record(pair.public, row_context(row, kind), content, signer)
    row.save(force_insert=True)
    facts = {event.partition(".")[0]: str(row.pk), "digest": log.digest_of(row.sealed), "row": row_digest(row)}
    facts |= more or {}
    actor.record(event, case=complaint.case_id, subject=complaint.pk, facts=facts)


def row_context(row: InternalNote | Assessment | Redaction, kind: str) -> Context:
    """Return the context of the record of this ``kind`` that a row of the staff seals."""
    return Context(kind, str(row.pk), str(row.complaint_id), row.sequence)


def read_note(note: InternalNote, *, pair: BoxPair, team: str) -> str:
    """Return the text of a note; as :func:`read_marked_note`."""
    return read_marked_note(note, pair=pair, team=team)[0]


def read_marked_note(note: InternalNote, *, pair: BoxPair, team: str) -> tuple[str, Marks]:
    """Open a note with the complaint's pair; raises SealError, and UnpinnedKey where the holding team did not sign."""
    signer = trusted_signer(note.author_key, team)
    return _text_and_marks(open_record(pair, note.sealed, row_context(note, "note"), signer))
