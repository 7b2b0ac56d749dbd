"""What an act of a reporter writes: messages, sealed also to the release that asked, and the steps of answers."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time

from django.db.models import F
from django.utils import timezone

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import ASKED_ON_FROM, Action, ActorKind, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.services import case_membership, reporter_identity, transitions
from complaints.services.keyring import check_keys, message_context
from complaints.services.team_key_history import trusted_signer


def store_message(
    complaint: Complaint,
    case: Case,
    keys: KeySet,
    content: object,
    *,
    sequence: int,
    today: date,
    batch: int,
    release: Release | None = None,
    released: object = None,
    act: uuid.UUID | None = None,
) -> None:
    """Store a message of a reporter, sealed to the report, and to the ``release`` on which a body asked for it.

    ``content`` is its text, or what ``messages.with_marks`` made of it; ``released`` what the body gets instead.
    ``sequence`` is its number among what came with or after the report, ``batch`` that of the open batch.
    ``act`` is the id of the row, by default a random one.
    """
    message = Message(
        id=act or uuid.uuid4(),
        complaint=complaint,
        sequence=sequence,
        direction=Message.Direction.FROM_REPORTER,
        signer=keys.sign.public,
        day=today,
        batch=batch,
    )
    message.sealed = seal_record(bytes(complaint.public_key), message_context(message), content, keys.sign)
    if release is not None:
        check_keys(release, trusted_signer(release.signer, case.held_by))
        context = message_context(message, kind="to-release")
        message.release = release
        content = content if released is None else released
        message.sealed_for_release = seal_record(bytes(release.public_key), context, content, keys.sign)
    message.save(force_insert=True)


def append_message(complaint: Complaint, case: Case, keys: KeySet, content: object, today: date, batch: int) -> None:
    """Store a message as the next of a locked report, to no release, and use its number up."""
    store_message(complaint, case, keys, content, sequence=complaint.next_sequence, today=today, batch=batch)
    Complaint.objects.filter(pk=complaint.pk).update(next_sequence=F("next_sequence") + 1)


def asking_release(complaint: Complaint, case: Case) -> Release | None:
    """Return the release on which the leading body put its open question to this reporter; None where it did not."""
    if case.status != Status.NEEDS_INFORMATION or case.asked_from != Status.UNDER_EXAMINATION:
        return None
    last_step = case.steps.order_by("-sequence").values("pk")[:1]
    kind = Message.Direction.BODY_QUESTION
    question = complaint.messages.filter(direction=kind, step__in=last_step).select_related("release").first()
    is_open = question is not None and question.release is not None and question.release.state == Release.State.OPEN
    return question.release if question is not None and is_open else None


def rewrite_identity(
    complaint: Complaint, keys: KeySet, today: date, change: reporter_identity.Change | None = None
) -> None:
    """Seal the row of the reporter's identity anew, as each act of a reporter does, with the change of their name."""
    reporter_identity.rewrite(identity=reporter_identity.locked(complaint), reporter=keys, today=today, change=change)


def step_on_answer(complaint: Complaint, case: Case, signer: SignPair, today: date, batch: int) -> None:
    """Take the step of an answer; where several reporters were asked, the first answer returns the case."""
    if case.status == Status.NEEDS_INFORMATION:
        if case_membership.is_shared(case) and not was_asked(complaint, case):
            return
        action = Action.ANSWER
    elif case.status == Status.RESTING:
        action = Action.ANSWER_LATE
    elif case.status in ASKED_ON_FROM:
        action = Action.ASK_ON
    else:
        return
    perform(case.pk, action, signer, today, batch)


def perform(case_id: uuid.UUID, action: Action, signer: SignPair, today: date, batch: int, reason: str = "") -> None:
    """Take a step of a reporter, who has no hour; ``reason`` is only checked for being present."""
    kind = ActorKind.REPORTER
    transitions.perform(
        case_id=case_id, action=action, actor_kind=kind, at=noon(today), reason=reason, batch=batch, reporter=signer
    )


def noon(today: date) -> datetime:
    """Return noon of a day: the hour at which a reporter acted is not stored."""
    return timezone.make_aware(datetime.combine(today, time(hour=12)))


def was_asked(complaint: Complaint, case: Case) -> bool:
    """Whether the open question of a case was put to this reporter."""
    last_step = case.steps.order_by("-sequence").values_list("pk", flat=True).first()
    return complaint.messages.filter(step=last_step).exists()
