"""Links reports about the same matter into one case, and unlinks them; each reporter keeps their own thread and code.

Linking moves all reports of the source cases at once. A source case remains as a row without reports that names the
case it was linked into; it takes no steps until unlinking gives it a report again. Linking changes no status, except
that an open question to a reporter is withdrawn.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain import case_links
from complaints.domain.case_links import LinkRefusal, LinkRefused
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_membership, conflict_detection, similarity, transitions
from complaints.services.audit import recorded_acts
from complaints.services.audit.state import state_of
from complaints.services.keyring import Actor, Keyring
from complaints.services.lane import leave_lane
from complaints.services.messages import write_note
from complaints.services.transitions import CaseChanged, CaseVersion

# Cases linked in one act; a burst of reports about one post has brought a few dozen so far.
MOST = 150


@dataclass(frozen=True)
class Candidate:
    """A case that may be linked, with the number of its ``reports`` and the ``version`` that the officer sees.

    ``why`` are codes of what it shares with the target: "accused", "agency", "picture", "post"; ``refused`` is the code
    of why it cannot be linked, or "".
    """

    case: Case
    reports: int
    why: tuple[str, ...]
    refused: str
    version: CaseVersion


@transaction.atomic
def link(
    *,
    actor: Actor,
    target_id: uuid.UUID,
    sources: Mapping[uuid.UUID, CaseVersion],
    reason: str,
    seen: CaseVersion | None = None,
) -> int:
    """Move all reports of the source cases into the target; return how many.

    ``sources`` and ``seen`` hold the versions that the officer saw, ``reason`` becomes one internal note on the target.
    Nothing is moved where it raises LinkRefused (a rule of ``domain.case_links``), CaseChanged, Case.DoesNotExist or
    Locked.
    """
    _check_permission(actor.keyring, reason)
    if not sources or len(sources) > MOST:
        raise LinkRefused(LinkRefusal.NOTHING)
    if target_id in sources:
        raise LinkRefused(LinkRefusal.SAME_CASE)
    _check_visible(actor.keyring, {target_id, *sources})
    cases = case_membership.lock([target_id, *sources])
    _check_unchanged(cases, {**sources, target_id: seen})
    _check_recorded(cases.values())
    _check_rules(cases, target_id)
    _withdraw_questions(actor, [case for pk, case in cases.items() if pk != target_id], reason)
    # Read again, because withdrawing a question takes a step.
    cases = Case.objects.select_related("category").in_bulk(list(cases))
    target = cases.pop(target_id)
    complaints = list(Complaint.objects.filter(case__in=cases).order_by("day", "pk"))
    moves = case_membership.move(
        complaints=complaints, sources=cases, target=target, actor=actor.staff, at=actor.now, day=actor.today
    )
    # Cases linked into a source earlier now point at the target, so that links never form a chain.
    Case.objects.filter(linked_into__in=cases).update(linked_into=target)
    Case.objects.filter(pk__in=cases).update(linked_into=target, due_on=None)
    _release_conflicted_owner(target, actor.now)
    joined = [complaint.pk for complaint in complaints]
    first = target.complaints.order_by("day", "pk").exclude(pk__in=joined).first() or complaints[0]
    note = write_note(complaint=first, text=reason, actor=actor)
    for case in (target, *cases.values()):
        leave_lane(actor=actor, case=case, why="act")
    for move in moves:
        facts = {**recorded_acts.move_facts(move), "note": str(note.pk)}
        actor.record("case.linked", case=target.pk, subject=move.complaint_id, facts=facts)
    return len(complaints)


@transaction.atomic
def unlink(*, actor: Actor, complaint_id: uuid.UUID, reason: str, seen: CaseVersion | None = None) -> Case:
    """Give a report of a shared case, of the version ``seen``, its own case again; return that case.

    Raises LinkRefused where it is alone in its case or a body holds it; CaseChanged, DoesNotExist, Locked.
    """
    _check_permission(actor.keyring, reason)
    joint = case_membership.lock_around(complaint_id)
    _check_visible(actor.keyring, {joint.pk})
    _check_unchanged({joint.pk: joint}, {joint.pk: seen})
    complaint = Complaint.objects.get(pk=complaint_id)
    refused = record_refusal(joint) or unlink_refusal(complaint=complaint, case=joint)
    if refused:
        raise LinkRefused(refused)
    move = case_membership.separate(complaint=complaint, joint=joint, actor=actor.staff, at=actor.now, day=actor.today)
    _check_recorded([move.target])
    note = write_note(complaint=complaint, text=reason, actor=actor)
    facts = {**recorded_acts.move_facts(move), "note": str(note.pk)}
    actor.record("case.unlinked", case=joint.pk, subject=move.complaint_id, facts=facts)
    filing = {"complaint": str(complaint.pk), "state": state_of(move.target, "filing")}
    actor.record("case.changed", case=move.target_id, subject=move.target_id, facts=filing)
    _release_conflicted_owner(move.target, actor.now)
    return move.target


def _release_conflicted_owner(case: Case, now: datetime) -> None:
    """Take a case from an owner who has a conflict of interest in a report that has just joined it."""
    owner = case.assignee
    if owner is not None and access.has_conflict(owner, case.pk):
        conflict_detection.release_assignment(case_id=case.pk, staff_id=owner.pk, now=now)
        case.assignee = None


def unlink_refusal(*, complaint: Complaint, case: Case) -> str:
    """Return the code of why a report cannot be taken out of its case, "" where it can."""
    if not case_membership.is_shared(case):
        return LinkRefusal.ALONE.value
    return LinkRefusal.HELD.value if case_membership.is_held(complaint, case) else ""


def candidates(
    *, keyring: Keyring, case: Case, references: list[str] | None = None, in_wave: bool = False
) -> list[Candidate]:
    """Return cases that could be linked into ``case``: those of ``references``, or its likely duplicates.

    ``in_wave``: also those of the same days that name the same agency.

    Raises Locked, UnpinnedKey or SealError where the key of the blind index does not open.
    """
    visible = access.cases_for(keyring.staff).exclude(pk=case.pk)
    why: dict[uuid.UUID, tuple[str, ...]] = {}
    if references is None:
        why = similarity.likely_duplicates(keyring=keyring, case=case, in_wave=in_wave)
        visible = visible.filter(pk__in=why)
    else:
        visible = visible.filter(reference__in=references)
    related = visible.select_related("category", "accused_kind", "province", "lead_body")
    cases = list(related.order_by("-received_on", "pk")[:MOST])
    versions = transitions.current_versions(cases)
    released, objected = _released(versions), _objected(versions)
    return [
        Candidate(
            case=row,
            reports=len(versions[row.pk].threads),
            why=why.get(row.pk, ()),
            refused=_source_refusal(row, was_released=row.pk in released, is_objected=row.pk in objected),
            version=versions[row.pk],
        )
        for row in cases
    ]


def target_refusal(case: Case) -> str:
    """Return the code of why nothing can be linked into ``case``, "" where something can."""
    refused = case_links.target_refusal(Status(case.status))
    return refused.value if refused else ""


def record_refusal(case: Case) -> str:
    """Return the code of why the reports of a case stay where they are, "" where the chain records it as it is."""
    return "" if recorded_acts.are_steps_recorded(case) else LinkRefusal.UNDER_CHECK.value


def _check_permission(keyring: Keyring, reason: str) -> None:
    """Raise Locked outside triage, LinkRefused for somebody who may not link or gives no reason."""
    keyring.keys_of(keyring.report_team)
    case_links.check_act(permissions=access.permissions_of(keyring.staff), reason=reason)


def _check_visible(keyring: Keyring, case_ids: set[uuid.UUID]) -> None:
    if access.cases_for(keyring.staff).filter(pk__in=case_ids).count() != len(case_ids):
        raise Case.DoesNotExist


def _check_unchanged(cases: Mapping[uuid.UUID, Case], seen: Mapping[uuid.UUID, CaseVersion | None]) -> None:
    """Raise CaseChanged where a locked case was linked already or does not agree with the version seen."""
    if any(case.linked_into_id for case in cases.values()):
        raise CaseChanged
    current = transitions.current_versions(cases.values())
    if any(version is not None and not version.agrees_with(current[pk]) for pk, version in seen.items()):
        raise CaseChanged


def _check_rules(cases: Mapping[uuid.UUID, Case], target_id: uuid.UUID) -> None:
    if refused := target_refusal(cases[target_id]):
        raise LinkRefused(refused)
    released, objected = _released(cases), _objected(cases)
    for pk, case in cases.items():
        code = _source_refusal(case, was_released=pk in released, is_objected=pk in objected)
        if pk != target_id and code:
            raise LinkRefused(code)


def _check_recorded(cases: Collection[Case]) -> None:
    """Raise LinkRefused where a case is not as the chain records it: its moves would make what was altered genuine."""
    if not recorded_acts.are_all_steps_recorded(cases):
        raise LinkRefused(LinkRefusal.UNDER_CHECK)


def _released(case_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    return set(Case.objects.filter(pk__in=case_ids, releases__isnull=False).values_list("pk", flat=True))


def _objected(case_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    return set(transitions.open_objections().filter(case__in=case_ids).values_list("case", flat=True))


def _source_refusal(case: Case, *, was_released: bool, is_objected: bool) -> str:
    status, asked_from = Status(case.status), Status(case.asked_from) if case.asked_from else None
    refused = case_links.source_refusal(status, asked_from, was_released=was_released, is_objected=is_objected)
    return refused.value if refused else ""


def _withdraw_questions(actor: Actor, sources: list[Case], reason: str) -> None:
    """Withdraw open questions to reporters: further questions are asked in the target case."""
    for case in sources:
        if case.status == Status.NEEDS_INFORMATION:
            transitions.perform(
                case_id=case.pk, action=Action.LINK, actor_kind=ActorKind.STAFF, actor=actor, reason=reason
            )
