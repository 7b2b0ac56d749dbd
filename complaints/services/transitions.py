"""The one function that moves a case: lock, check, write, audit. Admin, jobs and reporters all come through here."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, wraps
from typing import Any, Final, ParamSpec, TypeVar

import holidays
from django.db import transaction
from django.utils import timezone

from complaints import access
from complaints.domain import deadlines, workflow
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.keyring import Locked

# A reporter cannot tell what an officer does to the case meanwhile, so the portal tries again in their place.
MAX_ATTEMPTS: Final = 5
MAX_ATTEMPT_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.05

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class CaseChanged(Exception):  # noqa: N818
    """Somebody moved the case meanwhile; nothing was written."""


def retry_on_change(act: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate an act of a reporter so that it is tried again while officers link or unlink its case.

    The act must open its own transaction, read all it needs inside it, and change none of its arguments: each attempt
    starts anew. Pauses double and vary, so that two acts that met once do not meet again.

    Raises:
        CaseChanged: the case still changed at the attempt number MAX_ATTEMPTS, or after MAX_ATTEMPT_SECONDS.
    """

    @wraps(act)
    def retried(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        end, pause = time.monotonic() + MAX_ATTEMPT_SECONDS, FIRST_PAUSE_SECONDS
        for _attempt in range(MAX_ATTEMPTS - 1):
            try:
                return act(*args, **kwargs)
            except CaseChanged:
                if time.monotonic() + pause >= end:
                    raise
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - a delay, no secret
            pause *= 2
        return act(*args, **kwargs)

    return retried


@cache
def public_holidays() -> Any:
    """Return Indonesia's public holidays as a container of dates, from the ``holidays`` package."""
    return holidays.country_holidays("ID")


def due_date(
    status: Status, *, received_on: date, entered_on: date, source: Status | None, urgent: bool
) -> date | None:
    """Return the day by which a case must leave ``status``, or None where nothing runs."""
    limits = workflow.URGENT_LIMITS if urgent else workflow.LIMITS
    limit = workflow.limit_for(status, source=source, limits=limits)
    if limit is None:
        return None
    start = received_on if limit.start == "received" else entered_on
    return deadlines.due_date(start, limit, public_holidays())


def case_version(case: Case, sequences: Mapping[Any, int]) -> str:
    """Return what somebody saw of a case: status, number of steps, and how far each of its threads had come.

    Args:
        sequences: ``next_sequence`` by complaint; messages, notes, evidence and assessments all count on.
    """
    places = "-".join(str(sequences[complaint]) for complaint in sorted(sequences))
    return f"{case.status}.{case.step_count}.{places}"


def is_current(seen: str, case: Case, sequences: Mapping[Any, int]) -> bool:
    """Whether a case still stands as somebody saw it; ``seen`` may be a bare status, which says only so much."""
    return case_version(case, sequences) == seen if "." in seen else case.status == seen


@transaction.atomic
def perform(
    *,
    case_id: uuid.UUID,
    action: Action,
    actor_kind: ActorKind,
    actor: Actor | None = None,
    at: datetime | None = None,
    reason: str = "",
    seen_status: str | None = None,
    changes: dict[str, Any] | None = None,
    urgent: bool = False,
) -> CaseStep:
    """Move a case along the table, or raise.

    Locks the case, checks the table, writes the step and the case's clear columns, and appends to the audit chain in
    the same transaction. A reporter's step has a day and no hour and waits for no chain: the day's root binds what
    the reporter sent. ``reason`` is only checked for being there; the caller seals it.

    Args:
        actor: the person who takes a step of staff or of a body, who must hold their own key: two people are two keys.
        at: when a step of the system or of a reporter is taken; a person's step has the time of ``actor``.
        seen_status: what the actor saw: a status, or the whole :func:`case_version` of a case; a difference is an error.
        changes: further clear columns to write with the step (lead body).
        urgent: whether the short limits run although the category is not an urgent one.

    Raises:
        TransitionRefused: the table does not allow it.
        CaseChanged: the case stands elsewhere than ``seen_status``, or its reports stand in another case now.
        vault.Locked: a person without an unlocked key of their own.
        Case.DoesNotExist: the actor stands in the case themselves.
    """
    if actor_kind in (ActorKind.STAFF, ActorKind.BODY):
        _check_signer(actor)
    person = actor.staff if actor else None
    now = actor.now if actor else at
    if now is None:
        raise ValueError("a step without an actor needs a time")
    # Complaints before their case, and that before the chain: whoever holds more than one takes them in this order.
    locked = Complaint.objects.select_for_update().filter(case=case_id).order_by("pk")
    sequences = dict(locked.values_list("pk", "next_sequence"))
    case = Case.objects.select_for_update(of=("self",)).select_related("category").get(pk=case_id)
    if person is not None and access.has_conflict(person, case.pk):
        raise Case.DoesNotExist
    source = Status(case.status)
    if case.linked_into_id or (seen_status is not None and not is_current(seen_status, case, sequences)):
        raise CaseChanged
    asked_from = Status(case.asked_from) if case.asked_from else None
    row = workflow.check(
        action=action,
        status=source,
        actor=actor_kind,
        permissions=access.permissions_of(person),
        reason=reason,
        previous_actor_same=_same_person(case, action, source, person),
        asked_from=asked_from,
    )
    urgent = urgent or case.category.priority == "urgent"
    step = _write(case, row, asked_from=asked_from, person=person, now=now, changes=changes or {}, urgent=urgent)
    if actor_kind is not ActorKind.REPORTER:
        facts = {"action": action.value, "from": source.value, "to": step.target, "step": step.sequence}
        signer = actor.keyring.signer if actor else None
        log.append(event="case.transition", now=now, actor=person, signer=signer, case=case.pk, facts=facts)
    return step


def _check_signer(actor: Actor | None) -> None:
    """Make sure that a person acts with the key that stands at their name: two names with one key are one person."""
    signer = actor.keyring.signer if actor else None
    if actor is None or signer is None or bytes(actor.staff.verify_key or b"") != signer.public:
        raise Locked("signer")


def _same_person(case: Case, action: Action, source: Status, person: Staff | None) -> bool:
    earlier = workflow.transition_for(action, source).second_person_than
    if earlier is None or person is None:
        return False
    last = case.transitions.filter(action=earlier).order_by("-sequence").first()
    return last is not None and last.actor_id == person.pk


def _write(
    case: Case,
    row: workflow.Transition,
    *,
    asked_from: Status | None,
    person: Staff | None,
    now: datetime,
    changes: dict[str, Any],
    urgent: bool,
) -> CaseStep:
    source = Status(case.status)
    target = workflow.target_of(row, asked_from)
    day = timezone.localdate(now)
    ended = case.due_on if row.actor is ActorKind.STAFF else None
    case.step_count += 1
    case.status, case.status_on, case.is_late = target.value, day, False
    case.asked_from = source.value if row.action is Action.ASK_REPORTER else ""
    case.stage_reached = max(case.stage_reached, workflow.stage(target))
    case.due_on = due_date(target, received_on=case.received_on, entered_on=day, source=source, urgent=urgent)
    for name, value in changes.items():
        setattr(case, name, value)
    case.save(
        update_fields=[
            "step_count",
            "status",
            "status_on",
            "is_late",
            "asked_from",
            "stage_reached",
            "due_on",
            *changes,
        ]
    )
    return CaseStep.objects.create(
        case=case,
        sequence=case.step_count,
        action=row.action.value,
        source=source.value,
        target=target.value,
        actor_kind=row.actor.value,
        actor=person,
        day=day,
        was_late=None if ended is None else day > ended,
        at=None if row.actor is ActorKind.REPORTER else now,
    )
