"""The steps of further releases: how far a body is that has a case beside the one that leads it.

They go along the table of the workflow as the steps of a case do, and move the release alone. Each is compared with its
entry in the chain before anything is shown or decided by it.
"""

from __future__ import annotations

import copy
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from complaints import access
from complaints.domain import workflow
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.workflow import Action, ActorKind, Status, Transition
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.oversight import FURTHER, Release, ReleaseStep
from complaints.models.team import Staff
from complaints.services import transitions
from complaints.services.actor import Actor
from complaints.services.audit import log, recorded_release_steps
from complaints.services.keyring import Locked
from complaints.services.transitions import CaseChanged, CaseVersion

logger = logging.getLogger(__name__)
# The steps of a release, the last one first, for queries of releases.
LAST_OF_RELEASE: Final = ReleaseStep.objects.filter(release=OuterRef("pk")).order_by("-sequence")
# Steps by which a release ends before its body has ended its examination.
GIVEN_BACK: Final = frozenset({Action.RETURN.value, Action.DECLINE.value, Action.RECALL.value})


@dataclass(frozen=True)
class ReleaseHistory:
    """The steps of a further release, in order; without ``is_recorded`` they are not those that the chain records."""

    steps: Sequence[ReleaseStep]
    is_recorded: bool

    @property
    def last(self) -> ReleaseStep | None:
        """The last step; None only where all were deleted."""
        return self.steps[-1] if self.steps else None

    @property
    def status(self) -> Status:
        """Where the examination of the body stands."""
        return Status(self.last.target) if self.last else Status.FORWARDED

    @property
    def asked_from(self) -> Status | None:
        """The state in which the body asked a reporter who has not answered yet."""
        return Status(self.last.source) if self.last and self.last.action == Action.ASK_REPORTER else None

    @property
    def is_ended(self) -> bool:
        """Whether the body has nothing to do any more: it or its agency ended it, or it has it no longer."""
        return self.status in workflow.ENDED or bool(self.last and self.last.action in GIVEN_BACK)


def waiting_for_body() -> QuerySet[Release]:
    """The further releases with whose body it is the turn."""
    last = Subquery(LAST_OF_RELEASE.values("target")[:1])
    rows = Release.objects.filter(FURTHER).annotate(standing_at=last)
    return rows.filter(standing_at__in=workflow.WITH_BODY)


def past_target(status: Status, today: date) -> QuerySet[Release]:
    """The further releases of real cases that stand at a status whose target day has passed, by their last step."""
    target, due_on = (Subquery(LAST_OF_RELEASE.values(column)[:1]) for column in ("target", "due_on"))
    rows = Release.objects.filter(FURTHER, case__in=Case.objects.real())
    rows = rows.annotate(standing_at=target, target_on=due_on)
    return rows.filter(standing_at=status, target_on__lt=today)


def read(releases: Iterable[Release]) -> dict[uuid.UUID, ReleaseHistory]:
    """Return the history of further releases, each compared with its entries; two queries for all, or none."""
    ids = [release.pk for release in releases if release.is_further and release.first_id is None]
    steps: dict[uuid.UUID, list[ReleaseStep]] = {pk: [] for pk in ids}
    for step in ReleaseStep.objects.filter(release__in=ids).order_by("sequence") if ids else ():
        steps[step.release_id].append(step)
    recorded = recorded_release_steps.recorded_steps(ids) if ids else {}
    histories = {}
    for pk, of_release in steps.items():
        fault = recorded_release_steps.steps_fault(pk, of_release, recorded[pk])
        if fault:
            logger.error("A further release is not as its steps and entries record it; its state decides nothing")
        histories[pk] = ReleaseHistory(of_release, is_recorded=not fault)
    return histories


def as_body_sees(release: Release, history: ReleaseHistory | None = None) -> Release:
    """Let ``release.case`` be the case as the body of a further release sees it: in the state of that release.

    The body learns neither the status of the case nor which body leads it. Of any other release nothing changes. What
    is read so is never saved.
    """
    if not release.is_further or release.has_recorded_steps is not None:
        return release
    history = history or read([release])[release.pk]
    case, last = copy.copy(release.case), history.last
    case.status, case.asked_from = history.status.value, (history.asked_from or "")
    case.due_on, case.step_count = (last.due_on if last else None), len(history.steps)
    case.status_on = last.day if last else timezone.localdate(release.at)
    case.lead_body = release.body
    case.stage_reached = workflow.stage(history.status)
    release.case, release.has_recorded_steps = case, history.is_recorded
    return release


def is_under_check(release: Release) -> bool:
    """Whether the steps of a release of :func:`as_body_sees` are not as recorded, so that they decide nothing."""
    return release.is_further and not release.has_recorded_steps


def begin(*, release: Release, actor: Actor) -> ReleaseStep:
    """Take the first step of a new further release, which is its forwarding; raises as :func:`perform`.

    As for every forwarding, it is another person who verified the case.
    """
    verified = release.case.steps.filter(action=Action.VERIFY).order_by("-sequence").first()
    row = workflow.check(
        action=Action.FORWARD,
        status=Status.VERIFIED,
        actor=ActorKind.STAFF,
        permissions=access.permissions_of(actor.staff),
        reason="",
        previous_actor_same=verified is not None and verified.is_by(actor.staff),
    )
    step = _next_step(release, (), row, Status.VERIFIED, actor, actor.now)
    return _store(step, actor)


@transaction.atomic
def perform(
    *,
    release_id: uuid.UUID,
    action: Action,
    actor_kind: ActorKind,
    actor: Actor | None = None,
    at: datetime | None = None,
    reason: str = "",
    seen: CaseVersion | None = None,
    batch: int | None = None,
    reporter: SignPair | None = None,
) -> ReleaseStep:
    """Take a step on a further release and return it; nothing of the case is written.

    Arguments and errors are those of ``transitions.perform``; Release.DoesNotExist for any other release, and
    TransitionRefused also where the release is not with its body any more.
    """
    person, signer = (actor.keyring.staff, actor.keyring.signer) if actor else (None, None)
    if actor_kind in (ActorKind.STAFF, ActorKind.BODY) and (
        person is None or signer is None or bytes(person.verify_key or b"") != signer.public
    ):
        raise Locked("signer")
    now = actor.now if actor else at
    if now is None:
        raise ValueError("a step without an actor needs a time")
    release = _locked(release_id)
    if person is not None and access.is_closed_to(person, release.case, is_triaging=actor_kind is ActorKind.STAFF):
        raise Release.DoesNotExist
    history = read([release])[release.pk]
    if seen is not None and not seen.agrees_with(version_of(history)):
        raise CaseChanged
    if release.state != Release.State.OPEN or not history.is_recorded:
        raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    row = workflow.check(
        action=action,
        status=history.status,
        actor=actor_kind,
        permissions=access.permissions_of(person),
        reason=reason,
        previous_actor_same=_took_last(history, action, person),
        asked_from=history.asked_from,
        earlier=[step.action for step in history.steps],
    )
    step = _next_step(release, history.steps, row, history.status, actor, now)
    if reporter is None:
        return _store(step, actor)
    step.batch, step.at = batch, None
    step.signature = reporter.sign(recorded_release_steps.step_statement(step))
    step.save(force_insert=True)
    return step


def _took_last(history: ReleaseHistory, action: Action, person: Staff | None) -> bool:
    """Whether ``person`` took the last step of a release that must have been another person's, or their own."""
    row = workflow.transition_for(action, history.status)
    wanted = row.second_person_than or row.same_person_as
    last = next((step for step in reversed(history.steps) if step.action == wanted), None)
    return last is not None and last.is_by(person)


def version_of(history: ReleaseHistory) -> CaseVersion:
    """Return the version of a further release that the forms of its body carry."""
    return CaseVersion(history.status.value, len(history.steps))


def _locked(release_id: uuid.UUID) -> Release:
    """Lock the reports of a release's case, the case and the release, in the order of every transaction."""
    case_id = Release.objects.values_list("case", flat=True).get(pk=release_id, is_further=True, first=None)
    list(Complaint.objects.select_for_update().filter(case=case_id).order_by("pk").values_list("pk"))
    case = Case.objects.select_for_update(of=("self",)).select_related("category").get(pk=case_id)
    release = Release.objects.select_for_update(of=("self",)).select_related("body").get(pk=release_id)
    release.case = case
    return release


def _next_step(
    release: Release, steps: Sequence[ReleaseStep], row: Transition, source: Status, actor: Actor | None, now: datetime
) -> ReleaseStep:
    case, day, last = release.case, timezone.localdate(now), steps[-1] if steps else None
    asked_from = Status(last.source) if last is not None and last.action == Action.ASK_REPORTER else None
    target = workflow.target_of(row, source, asked_from)
    # As of a case: a step that leaves it where it stands leaves its target day.
    due_on = last.due_on if last is not None else None
    if target is not source:
        urgent = case.is_urgent
        due_on = transitions.due_date(
            target, received_on=case.received_on, entered_on=day, source=source, urgent=urgent
        )
    return ReleaseStep(
        release=release,
        sequence=len(steps) + 1,
        action=row.action.value,
        source=source.value,
        target=target.value,
        actor_kind=row.actor.value,
        actor=actor.staff if actor else None,
        due_on=None if row.action.value in GIVEN_BACK else due_on,
        day=day,
        at=now,
    )


def _store(step: ReleaseStep, actor: Actor | None) -> ReleaseStep:
    """Insert a step with its entry, of the person or, of a step of the clock, of the server alone."""
    step.save(force_insert=True)
    event, facts = recorded_release_steps.STEP_EVENT, recorded_release_steps.step_facts(step)
    case, release = step.release.case_id, step.release_id
    if actor is not None:
        actor.record(event, case=case, subject=release, facts=facts)
    elif step.at is not None:
        log.append(event=event, now=step.at, case=case, subject=release, facts=facts)
    return step
