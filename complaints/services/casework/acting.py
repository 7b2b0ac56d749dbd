"""What a member of triage does with a case: move it, answer, note, assign, open a file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain import checklists, workflow
from complaints.domain.checklists import Checked
from complaints.domain.danger import Answer, Grade, Question
from complaints.domain.sealing.keys import KeySet
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import Case, Transition
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.team import Team
from complaints.services import audit, evidence, judging, leaks, placing, thread, transitions, vault
from complaints.services.casework.meanwhile import since_others
from complaints.services.transitions import CaseChanged
from complaints.services.vault import Keyring, Locked


def _triage(keyring: Keyring) -> KeySet:
    return keyring.team(vault.pinned_team(Team.Kind.TRIAGE))


@transaction.atomic
def act(
    *,
    keyring: Keyring,
    case_id: uuid.UUID,
    action: Action,
    now: datetime,
    reason: str = "",
    seen_status: str | None = None,
    checklist: Mapping[str, Checked] | None = None,
    override: leaks.Override | None = None,
) -> Transition:
    """Take a staff step. Where the table gives the reporter notice, the reason is what the reporter reads; otherwise
    it becomes an internal note. A case whose reporter is in high danger gets the short limits when it is verified.

    Args:
        seen_status: as for ``transitions.perform``.
        checklist: what was ticked or explained before; kept with the step. None at a door that asks for none.
        override: why words to the reporter were sent in spite of a warning.

    Raises:
        Incomplete: the checklist has open items.
        TransitionRefused, CaseChanged: see services.transitions.
        Locked: the person was not admitted to triage.
    """
    if action in {Action.FORWARD, Action.LINK} or (action is Action.ASK_REPORTER and not has_reporter(case_id)):
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    settled = checklists.settle(action, checklist) if checklist is not None else {}
    speaker = _triage(keyring)
    if seen_status:
        seen_status = since_others(case=Case.objects.get(pk=case_id), seen=seen_status, staff=keyring.staff)
    urgent = action is Action.VERIFY and in_high_danger(keyring=keyring, case_id=case_id)
    step = transitions.perform(
        case_id=case_id,
        action=action,
        actor_kind=ActorKind.STAFF,
        actor=keyring.staff,
        permissions=access.permissions_of(keyring.staff),
        signer=keyring.signer,
        now=now,
        reason=reason,
        seen_status=seen_status,
        urgent=urgent,
    )
    row = workflow.transition_for(action, Status(step.source))
    complaints = list(step.case.complaints.prefetch_related("grants").order_by("day", "pk"))
    first = complaints[0]
    judging.record_checklist(complaint=first, items=settled, step=step, keyring=keyring, speaker=speaker, now=now)
    if reason:
        for complaint in complaints:
            # What staff entered has nobody who could read it; the reason stays with the case all the same.
            write = thread.tell if row.notice and complaint.has_reporter else thread.write_note
            words = placing.named(reason, complaint)
            write(complaint=complaint, text=words, keyring=keyring, speaker=speaker, now=now, transition=step)
    if override and reason and row.notice:
        leaks.overridden(
            keyring=keyring, speaker=speaker, complaints=complaints, override=override, about=step, now=now
        )
    return step


def has_reporter(case_id: uuid.UUID) -> bool:
    """Whether anybody can answer in a case: findings that staff entered have no reporter."""
    return Complaint.objects.with_reporter().filter(case=case_id).exists()


def in_high_danger(*, keyring: Keyring, case_id: uuid.UUID) -> bool:
    """Whether a reporter of the case is in high danger, as far as anybody has graded it; raises Locked."""
    complaints = Complaint.objects.filter(case=case_id).prefetch_related("grants")
    return judging.high_for_any(complaints, keyring.complaint)


@transaction.atomic
def grade_danger(
    *,
    keyring: Keyring,
    complaint_id: uuid.UUID,
    answers: Mapping[Question, Answer],
    grade: Grade | None,
    why: str,
    now: datetime,
    seen: str | None = None,
) -> None:
    """Keep how much danger one reporter is in.

    Args:
        grade: the officer's own; None for what the answers speak for.

    Raises:
        WhyMissing: another grade than the rule proposes, without a reason.
        CaseChanged: the case is not as the officer saw it (``seen``, a mark).
        Locked: without an admission.
    """
    complaint = _unchanged(complaint_id, seen, keyring)
    judging.record_danger(
        complaint=complaint, answers=answers, grade=grade, why=why, keyring=keyring, speaker=_triage(keyring), now=now
    )


def _unchanged(complaint_id: uuid.UUID, seen: str | None, keyring: Keyring) -> Complaint:
    """Return a complaint with its case's reports locked; raises CaseChanged where ``seen`` is not what stands there."""
    complaint = Complaint.objects.select_related("case").get(pk=complaint_id)
    if seen is not None:
        seen = since_others(case=complaint.case, seen=seen, staff=keyring.staff)
        locked = Complaint.objects.select_for_update().filter(case=complaint.case_id).order_by("pk")
        sequences = dict(locked.values_list("pk", "next_sequence"))
        if not transitions.is_seen(seen, Case.objects.get(pk=complaint.case_id), sequences):
            raise CaseChanged
    return complaint


@transaction.atomic
def reply(
    *,
    keyring: Keyring,
    complaint_id: uuid.UUID,
    text: str,
    now: datetime,
    seen: str | None = None,
    override: leaks.Override | None = None,
) -> Message:
    """Write to one reporter in the office's name; ``override`` keeps why, where it is in spite of a warning.

    Raises:
        CaseChanged: the case is not as the officer saw it (``seen``, a mark): a colleague may have answered.
        Locked: without an admission, or staff entered it and nobody could read this.
    """
    complaint, speaker = _unchanged(complaint_id, seen, keyring), _triage(keyring)
    if not complaint.has_reporter:
        raise Locked("reporter")
    words = placing.named(text, complaint)
    said = thread.tell(complaint=complaint, text=words, keyring=keyring, speaker=speaker, now=now)
    if override:
        leaks.overridden(
            keyring=keyring, speaker=speaker, complaints=[complaint], override=override, about=said, now=now
        )
    return said


@transaction.atomic
def note(*, keyring: Keyring, complaint_id: uuid.UUID, text: str, now: datetime, seen: str | None = None) -> None:
    """Write an internal note; raises as :func:`reply`."""
    complaint = _unchanged(complaint_id, seen, keyring)
    thread.write_note(complaint=complaint, text=text, keyring=keyring, speaker=_triage(keyring), now=now)


@transaction.atomic
def open_object(
    *, keyring: Keyring, object_id: uuid.UUID, reason: str, now: datetime, knowing: bool = False
) -> tuple[evidence.FileInfo, Iterator[bytes]]:
    """Open a stored object for an admitted officer; audited before the first byte leaves.

    The original asks for a reason, which becomes an internal note, and where the scanner found something also for the
    word that the person knows (``knowing``).

    Raises:
        EvidenceObject.DoesNotExist, Locked: nothing for this person.
        TransitionRefused(reason_missing): an original without a reason.
        evidence.InfectedFile: an original that is infected, or that the scanner has not read yet, and not ``knowing``.
    """
    stored = EvidenceObject.objects.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    pair = keyring.complaint(complaint)
    info = evidence.read_info(pair, stored, stored.evidence, complaint)
    facts = {"object": str(stored.pk), "variant": stored.variant}
    if stored.variant == EvidenceObject.Variant.ORIGINAL:
        if not reason.strip():
            raise TransitionRefused(workflow.Refusal.REASON_MISSING)
        threat = evidence.risk(evidence.read_findings(pair, stored.evidence))
        if threat and not knowing:
            raise evidence.InfectedFile(threat)
        speaker = _triage(keyring)
        why = thread.write_note(complaint=complaint, text=reason, keyring=keyring, speaker=speaker, now=now)
        facts["note"] = str(why.pk)
    audit.append(
        event="object.opened",
        now=now,
        actor=keyring.staff,
        signer=keyring.signer,
        case=complaint.case_id,
        facts=facts,
    )
    return info, evidence.stream(stored, info)
