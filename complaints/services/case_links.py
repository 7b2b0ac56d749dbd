"""Linking reports about one matter into one case, and unlinking them: each reporter keeps an own thread and code.

All reports of a case go into another at once; their case stays as a row without reports, marked with where they went,
and nobody works on it until one of them comes back. Statuses do not move, but for a question that is settled.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from complaints import access
from complaints.domain import case_links
from complaints.domain.case_links import LinkRefusal, LinkRefused
from complaints.domain.sealing.keys import KeySet
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.team import Team
from complaints.services import case_membership, conflict_detection, similarity, transitions
from complaints.services.actor import Actor
from complaints.services.audit import verify_rows
from complaints.services.keyring import Keyring
from complaints.services.messages import write_note
from complaints.services.team_key_history import pinned_team
from complaints.services.transitions import CaseChanged

# In one act; a burst about one post brought a few dozen so far.
MOST = 150


@dataclass(frozen=True)
class Candidate:
    """A case that may be linked, or why not (``refused``, a code); ``why`` says by codes what it shares.

    ``mark`` is what the officer sees of it now.
    """

    case: Case
    reports: int
    why: tuple[str, ...]
    refused: str
    mark: str


@transaction.atomic
def link(
    *,
    actor: Actor,
    target_id: uuid.UUID,
    sources: Mapping[uuid.UUID, str],
    reason: str,
    seen: str | None = None,
) -> int:
    """Move all reports of the source cases into the target; return how many.

    Args:
        sources: per case what the officer saw of it, a mark or a status.
        reason: becomes one internal note on the target.
        seen: the same of the target.

    Raises:
        LinkRefused: a rule of ``domain.linking``; nothing was moved.
        CaseChanged: one of the cases moved meanwhile.
        Case.DoesNotExist: one of them is not for this person.
        Locked: the person was not admitted to triage.
    """
    speaker = _may(actor.keyring, reason)
    if not sources or len(sources) > MOST:
        raise LinkRefused(LinkRefusal.NOTHING)
    if target_id in sources:
        raise LinkRefused(LinkRefusal.SAME_CASE)
    _visible(actor.keyring, {target_id, *sources})
    cases = case_membership.lock([target_id, *sources])
    # Waiting for the lock another link may have been faster.
    if any(case.linked_into_id for case in cases.values()):
        raise CaseChanged
    sequences = _sequences(cases)
    for pk, mark in (*sources.items(), (target_id, seen)):
        if mark is not None and not transitions.is_current(mark, cases[pk], sequences[pk]):
            raise CaseChanged
    _check(cases, target_id)
    _settle(actor, [case for pk, case in cases.items() if pk != target_id], reason)
    # With the steps that were just taken.
    cases = Case.objects.select_related("category").in_bulk(list(cases))
    target = cases.pop(target_id)
    complaints = list(Complaint.objects.filter(case__in=cases).order_by("day", "pk"))
    moves = case_membership.move(
        complaints=complaints,
        sources=cases,
        target=target,
        actor=actor.staff,
        at=actor.now,
        day=timezone.localdate(actor.now),
    )
    # What was linked into a source before stands behind the target from now on: no case waits behind a waiting one.
    Case.objects.filter(linked_into__in=cases).update(linked_into=target)
    Case.objects.filter(pk__in=cases).update(linked_into=target, due_on=None, is_late=False)
    _free(target, actor.now)
    first = target.complaints.order_by("day", "pk").exclude(pk__in=[one.pk for one in complaints]).first()
    note = _note(actor, speaker, first or complaints[0], reason)
    for one in moves:
        _record("case.linked", actor, one, note, case=target.pk)
    return len(complaints)


@transaction.atomic
def unlink(*, actor: Actor, complaint_id: uuid.UUID, reason: str, seen: str | None = None) -> Case:
    """Give a report a case of its own again; return that case.

    Raises:
        LinkRefused: it is alone, or a body holds it.
        CaseChanged: the case is not as the officer saw it (``seen``).
        Case.DoesNotExist, Complaint.DoesNotExist, Locked: nothing for this person.
    """
    speaker = _may(actor.keyring, reason)
    joint = case_membership.lock_around(complaint_id)
    _visible(actor.keyring, {joint.pk})
    if seen is not None and not transitions.is_current(seen, joint, _sequences([joint.pk])[joint.pk]):
        raise CaseChanged
    complaint = Complaint.objects.get(pk=complaint_id)
    refused = unlink_refusal(complaint=complaint, case=joint)
    if refused:
        raise LinkRefused(refused)
    day = timezone.localdate(actor.now)
    done = case_membership.separate(complaint=complaint, joint=joint, actor=actor.staff, at=actor.now, day=day)
    note = _note(actor, speaker, complaint, reason)
    _record("case.unlinked", actor, done, note, case=joint.pk)
    _free(done.target, actor.now)
    return done.target


def _free(case: Case, now: datetime) -> None:
    """Take a case from an owner who stands in a report that has just come into it: they find it no more."""
    owner = case.assignee
    if owner is not None and access.has_conflict(owner, case.pk):
        conflict_detection.release_assignment(case_id=case.pk, staff_id=owner.pk, now=now)
        case.assignee = None


def unlink_refusal(*, complaint: Complaint, case: Case) -> str:
    """Return by a code why a report cannot be taken out of its case, "" where it can."""
    if not case_membership.is_shared(case):
        return LinkRefusal.ALONE.value
    return LinkRefusal.HELD.value if case_membership.is_held(complaint, case) else ""


def candidates(*, keyring: Keyring, case: Case, references: list[str] | None = None) -> list[Candidate]:
    """Return cases that could be linked into ``case``: those that share something, or those of ``references``.

    Raises:
        Locked, UnpinnedKey, SealError: the key of the index does not open.
    """
    visible = access.cases_for(keyring.staff).exclude(pk=case.pk)
    why: dict[uuid.UUID, tuple[str, ...]] = {}
    if references is None:
        why = similarity.likely_duplicates(keyring=keyring, case=case, complaints=list(case.complaints.all()))
        visible = visible.filter(pk__in=why)
    else:
        visible = visible.filter(reference__in=references)
    rows = visible.select_related("category", "accused_kind", "province", "lead_body").order_by("-received_on", "pk")
    found = list(rows[:MOST])
    sequences = _sequences([row.pk for row in found])
    released = set(Case.objects.filter(pk__in=sequences, releases__isnull=False).values_list("pk", flat=True))
    return [
        Candidate(
            case=row,
            reports=len(sequences[row.pk]),
            why=why.get(row.pk, ()),
            refused=_source_refusal(row, released=row.pk in released),
            mark=transitions.case_version(row, sequences[row.pk]),
        )
        for row in found
    ]


def reports_after_forwarding(*, case: Case, history: Iterable[CaseStep]) -> set[uuid.UUID]:
    """Return the reports of a case that joined it after it was last forwarded: the body does not hold them.

    Args:
        history: the steps of the case.
    """
    forwards = [step.sequence for step in history if step.action == Action.FORWARD]
    if not forwards:
        return set()
    moves = CaseMove.objects.filter(target=case, complaint__case=case, target_steps__gte=max(forwards))
    return set(moves.values_list("complaint", flat=True))


def target_refusal(case: Case) -> str:
    """Return by a code why nothing can be linked into ``case``, "" where it can."""
    refused = case_links.target_refusal(Status(case.status))
    return refused.value if refused else ""


def _sequences(cases: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[uuid.UUID, int]]:
    """Return how far each thread of cases has come: what a mark is made of."""
    found: dict[uuid.UUID, dict[uuid.UUID, int]] = {pk: {} for pk in cases}
    for pk, case, sequence in Complaint.objects.filter(case__in=found).values_list("pk", "case", "next_sequence"):
        found[case][pk] = sequence
    return found


def _may(keyring: Keyring, reason: str) -> KeySet:
    speaker = keyring.team(pinned_team(Team.Kind.TRIAGE))
    case_links.check_act(permissions=access.permissions_of(keyring.staff), reason=reason)
    return speaker


def _visible(keyring: Keyring, wanted: set[uuid.UUID]) -> None:
    if access.cases_for(keyring.staff).filter(pk__in=wanted).count() != len(wanted):
        raise Case.DoesNotExist


def _check(cases: Mapping[uuid.UUID, Case], target_id: uuid.UUID) -> None:
    refused = case_links.target_refusal(Status(cases[target_id].status))
    if refused:
        raise LinkRefused(refused)
    released = set(Case.objects.filter(pk__in=cases, releases__isnull=False).values_list("pk", flat=True))
    for pk, case in cases.items():
        if pk != target_id and (code := _source_refusal(case, released=pk in released)):
            raise LinkRefused(code)


def _source_refusal(case: Case, *, released: bool) -> str:
    asked_from = Status(case.asked_from) if case.asked_from else None
    refused = case_links.source_refusal(Status(case.status), asked_from, was_released=released)
    return refused.value if refused else ""


def _settle(actor: Actor, sources: list[Case], reason: str) -> None:
    """Take back open questions: who is asked from now on is asked in the joint case."""
    for case in sources:
        if case.status == Status.NEEDS_INFORMATION:
            transitions.perform(
                case_id=case.pk,
                action=Action.LINK,
                actor_kind=ActorKind.STAFF,
                actor=actor,
                reason=reason,
            )


def _note(actor: Actor, speaker: KeySet, complaint: Complaint, reason: str) -> InternalNote:
    return write_note(complaint=complaint, text=reason, actor=actor, speaker=speaker)


def _record(event: str, actor: Actor, move: CaseMove, note: InternalNote, *, case: uuid.UUID) -> None:
    actor.record(event, case=case, facts={**verify_rows.move_facts(move), "note": str(note.pk)})
