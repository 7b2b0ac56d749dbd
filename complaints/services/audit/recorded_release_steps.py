"""What the chain records of the steps on further releases, asked before one counts and compared every night."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from complaints.domain import hashchain, workflow
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.oversight import Release, ReleasedReport, ReleaseStep
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock
from complaints.services.audit.recorded_acts import KEY_BYTES, facts_without_practice, is_by_reporter

STEP_EVENT: Final = "release.step"


def step_facts(step: ReleaseStep) -> dict[str, object]:
    """Return the facts of the entry of a step on a further release."""
    moved: dict[str, object] = {"action": step.action, "from": step.source, "to": step.target, "step": step.sequence}
    return {"release": str(step.release_id), **moved, "due": str(step.due_on or "")}


def step_statement(step: ReleaseStep) -> bytes:
    """Return what a reporter signs whose answer takes a step."""
    return b"reporter release step 1" + hashchain.canonical(step_facts(step))


def recorded_steps(releases: Collection[uuid.UUID]) -> Mapping[uuid.UUID, list[AuditEntry]]:
    """Return the entries of the steps of each of these releases, in order; one query."""
    entries: dict[uuid.UUID, list[AuditEntry]] = {release: [] for release in releases}
    for entry in AuditEntry.objects.filter(subject__in=releases, event=STEP_EVENT).order_by("sequence"):
        if entry.subject is not None:
            entries[entry.subject].append(entry)
    return entries


def steps_fault(release: uuid.UUID, steps: Sequence[ReleaseStep], entries: Sequence[AuditEntry]) -> str:
    """Return in a word the first way in which the steps of a further release are not as recorded, or "".

    They begin with the forwarding, each continues the one before along the table, and each has a genuine entry, or the
    signature of a reporter whose report the body holds (one query more).
    """
    if not steps or not _follow_table(steps):
        return "steps"
    by_staff = [step for step in steps if step.actor_kind != ActorKind.REPORTER]
    recorded = [(entry.actor, entry.at, facts_without_practice(entry.facts)) for entry in entries]
    if recorded != [(step.actor_id, step.at, step_facts(step)) for step in by_staff]:
        return "entries"
    if any(step.signature or not step.at or step.day != timezone.localdate(step.at) for step in by_staff):
        return "entries"
    if not all(log.is_genuine(entry) for entry in entries):
        return "entries"
    return "" if len(by_staff) == len(steps) or _are_by_reporters(release, steps) else "reporter"


def _follow_table(steps: Sequence[ReleaseStep]) -> bool:
    status, asked_from = Status.VERIFIED, None
    for number, step in enumerate(steps, start=1):
        if step.sequence != number or step.source != status or (step.action == Action.FORWARD) != (number == 1):
            return False
        try:
            row = workflow.transition_for(Action(step.action), status)
            target = workflow.target_of(row, status, asked_from)
        except TransitionRefused:
            return False
        is_by_table = (row.actor.value, target.value) == (step.actor_kind, step.target)
        if row.asked_from not in (None, asked_from) or not is_by_table:
            return False
        asked_from = status if step.action == Action.ASK_REPORTER else None
        status = target
    return True


def _are_by_reporters(release: uuid.UUID, steps: Sequence[ReleaseStep]) -> bool:
    held = ReleasedReport.objects.filter(Q(release=release) | Q(release__first=release))
    keys = [bytes(key) for key in held.values_list("complaint__reporter_verify_key", flat=True)]
    keys = [key for key in keys if len(key) == KEY_BYTES]
    by_reporters = (step for step in steps if step.actor_kind == ActorKind.REPORTER)
    return all(is_by_reporter(step.signature, step_statement(step), keys) for step in by_reporters)


# --- Every night


def _releases(scope: Scope) -> Rows:
    return Release.stored.filter(case__in=scope.cases().values("pk"))


def _faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for key in _faulty(keys):
        with transaction.atomic():
            # Again without an act under way, which locks the case before it writes.
            lock(Case.objects.filter(releases=key))
            code = _faulty([key]).get(key)
        if code:
            yield Fault(None, "release.steps", f"release {key}", code)


def _faulty(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the releases whose steps are not as recorded, with the code; only further forwardings have steps."""
    rows = Release.stored.filter(pk__in=keys)
    further = set(rows.filter(is_further=True, first=None).values_list("pk", flat=True))
    steps: dict[uuid.UUID, list[ReleaseStep]] = {key: [] for key in keys}
    for step in ReleaseStep.objects.filter(release__in=keys).order_by("sequence").iterator():
        steps[step.release_id].append(step)
    recorded = recorded_steps(keys)
    faults = {}
    for key in keys:
        if key in further:
            faults[key] = steps_fault(key, steps[key], recorded[key])
        elif steps[key] or recorded[key]:
            faults[key] = "steps"
    return {key: code for key, code in faults.items() if code}


CHECKS: Final = (RowCheck("release_steps", _releases, _faults),)
