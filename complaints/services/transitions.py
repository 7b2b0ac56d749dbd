"""Changes the status of cases: lock, check, write, audit.

Staff, reporters and scheduled jobs all use :func:`perform`, so that no status changes without a check and a record.
"""

from __future__ import annotations

import logging
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from itertools import chain
from typing import Final, NamedTuple, ParamSpec, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from complaints import access
from complaints.domain import deadlines, workflow
from complaints.domain.objections import closer_objected_to
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import LIVE, Complaint
from complaints.models.oversight import Release
from complaints.models.step import Step
from complaints.models.team import Staff
from complaints.services import reference_data, rule_book
from complaints.services.audit import log, recorded_acts, recorded_lines, recorded_told
from complaints.services.audit.coverage import state_columns
from complaints.services.audit.recorded_told import are_as_made
from complaints.services.keyring import Actor, Locked

logger = logging.getLogger(__name__)
# Begun, closed, objected to: a case with fewer steps met no objection, and its steps need not be read.
FEWEST_STEPS_OBJECTED: Final = 3
# A reporter cannot tell what an officer does to the case meanwhile, so the portal tries again in their place.
MAX_ATTEMPTS: Final = 5
MAX_ATTEMPT_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.05
# Nine digits at most: they fit the integer columns that they are compared with. No leading zeros: one text a version.
_NUMBER: Final = "(?:0|[1-9][0-9]{0,8})"
_FULL: Final = re.compile(rf"([a-z_]+)\.({_NUMBER})\.((?:{_NUMBER}(?:-{_NUMBER})*)?)", re.ASCII)
# Number of steps, asked_from, stage and body of a case as it came in. A case with these columns and its first status,
# without steps and entries, needs no comparison. The columns alone say nothing: they can be set so in the database. A
# reporter's act has compared the case before it takes a step.
_NEW: Final = (0, "", 1, None)
_NO_REPORTS: Final[Mapping[uuid.UUID, Sequence[recorded_told.Text]]] = {}

# What is read anew of a case that seems to differ.
_COMPARED: Final = [
    *("status", "asked_from", "stage_reached", "step_count", "due_on", "lead_body", "salt"),
    *(column for state in recorded_lines.STATES_OF_CASE for column in state_columns("Case", state)),
]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class CaseVersion:
    """What a page showed of a case, so that nobody acts on a case that changed in the meantime.

    It holds the status, how many steps the case has taken, and how far the thread of each report has come.

    Attributes:
        status: a value of ``workflow.Status``; of a forged text, any text, which agrees with no case.
        steps: number of steps; None for a bare status, which says nothing of steps and threads.
        threads: next sequence number of each report, by the order of the reports' keys.
    """

    status: str
    steps: int | None = None
    threads: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> CaseVersion:
        """Read what :meth:`__str__` wrote; any other text counts as a bare status, so that this never fails."""
        match = _FULL.fullmatch(text)
        if match is None:
            return cls(text)
        status, steps, threads = match.groups()
        return cls(status, int(steps), tuple(int(number) for number in threads.split("-") if number))

    def __str__(self) -> str:
        """Return the text that forms carry: "status", or "status.steps.thread-thread"."""
        if self.steps is None:
            return self.status
        return f"{self.status}.{self.steps}.{'-'.join(str(number) for number in self.threads)}"

    def agrees_with(self, other: CaseVersion) -> bool:
        """Whether both may be the same state of a case; what one of them does not tell is not compared.

        A body's page tells no threads: what comes in beside its step does not concern it.
        """
        if self.steps is None or other.steps is None:
            return self.status == other.status
        if not self.threads or not other.threads:
            return (self.status, self.steps) == (other.status, other.steps)
        return self == other


class CaseChanged(Exception):
    """The case is no longer as the actor saw it; nothing was written."""


@dataclass(frozen=True)
class AvailableStep:
    """A transition out of the case's status.

    ``refused`` is "same_person", "no_reporter" or "too_early" where this person may not take it, else "".
    """

    action: Action
    row: workflow.Transition
    refused: str


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


def due_date(
    status: Status, *, received_on: date, entered_on: date, source: Status | None, urgent: bool
) -> date | None:
    """Return the day by which a case must leave ``status``; None where the status has no limit.

    Args:
        received_on: the day on which the report was received; some limits run from it.
        entered_on: the day on which the case entered ``status``; the other limits run from it.
        source: the status before.
        urgent: whether the short limits of ``workflow.URGENT_LIMITS`` apply.

    It is a promise in the states of ``workflow.PROMISED``; elsewhere it is what the reporter or others should keep.
    """
    # reference_data.edition(), written out: each step of a case comes here, and its way is counted (bench/paths.py).
    edition = (reference_data.cache_generation, int(time.monotonic() // reference_data.MEMORY_SECONDS))
    limits = rule_book.limits(settings.AGENCY_REMINDER_DAYS, edition)
    limit = workflow.limit_for(status, source=source, limits=limits, urgent=urgent)
    if limit is None:
        return None
    start = received_on if limit.start == "received" else entered_on
    return deadlines.due_date(start, limit, reference_data.closed_days(start.year))


def is_second_press(
    last: Step | None, *, person: Staff, action: Action, seen: CaseVersion, step_count: int | None
) -> bool:
    """Whether a person took this very step on the version that the page showed: its button was pressed twice.

    Args:
        last: the last step of the case, or of the release that the page showed.
        step_count: how many steps that has taken by now.
    """
    if last is None or seen.steps is None or step_count != seen.steps + 1:
        return False
    return last.is_by(person) and last.action == action


def last_day_of(limit: str, since: date) -> date:
    """Return the last day of a limit of the rule table that the workflow names, counted from a day."""
    limits = rule_book.limits(settings.AGENCY_REMINDER_DAYS, reference_data.edition())
    return deadlines.due_date(since, limits[limit], reference_data.closed_days(since.year))


def case_version(case: Case, sequences: Mapping[uuid.UUID, int]) -> CaseVersion:
    """Return the version of a case.

    Args:
        sequences: ``next_sequence`` of each of its complaints; messages, notes, evidence and assessments advance it.
    """
    return CaseVersion(case.status, case.step_count, tuple(sequences[complaint] for complaint in sorted(sequences)))


def current_versions(cases: Iterable[Case]) -> dict[uuid.UUID, CaseVersion]:
    """Return the version of each case by its id; one query for the sequence numbers of all."""
    by_id = {case.pk: case for case in cases}
    sequences: dict[uuid.UUID, dict[uuid.UUID, int]] = {pk: {} for pk in by_id}
    rows = Complaint.objects.filter(case__in=by_id).values_list("pk", "case", "next_sequence")
    for complaint_id, case_id, next_sequence in rows:
        sequences[case_id][complaint_id] = next_sequence
    return {pk: case_version(case, sequences[pk]) for pk, case in by_id.items()}


class ReadSteps(NamedTuple):
    """The steps of a case in order, and what of it is not as the chain records it.

    Attributes:
        under_check: its progress, or how it is filed: no step may be taken from it.
        differing: which of its states: filing, assignment, lane.
    """

    steps: list[CaseStep]
    under_check: bool
    differing: frozenset[str]

    @classmethod
    def of(cls, steps: list[CaseStep], *, is_recorded: bool, differing: frozenset[str]) -> ReadSteps:
        """Return the steps; who has the case stops none of them."""
        return cls(steps, not is_recorded or bool(differing - {"assignment"}), differing)


def read_steps(
    case: Case,
    *,
    first_due_on: date | None,
    texts: Mapping[uuid.UUID, Sequence[recorded_told.Text]] = _NO_REPORTS,
    releases: Sequence[Release] = (),
) -> ReadSteps:
    """Return the steps of a case in order, and whether the case is as these and the chain record it; one query.

    To be asked before its status, its deadline, its officer or how it is filed is shown, in a transaction; columns of
    ``case`` may be read anew.

    Args:
        case: read with all its columns.
        first_due_on: the deadline with which the case's own report came; None where that is in another case.
        texts: by report all that staff wrote on it, which must be as recorded, too.
        releases: some releases of the case, which must be as recorded, too.
    """
    subjects, events = [*texts, *(row.pk for row in releases)], (*recorded_told.WRITTEN, *recorded_told.RELEASED)
    states = recorded_lines.newest_states(case.pk)
    history = log.read_history(case.pk, subjects=subjects, events=events, also=states)
    differing = recorded_lines.differing_states(case, history.of_rows)
    are_texts_recorded = recorded_told.are_texts_recorded(chain.from_iterable(texts.values()), history.of_rows)
    if not are_texts_recorded and not recorded_told.are_texts_stored_as_recorded(texts.keys()):
        logger.error("What staff wrote on a report is not as the chain records it")
        return ReadSteps.of(history.steps, is_recorded=False, differing=differing)
    is_recorded = _is_recorded(case, history, first_due_on) and are_as_made(releases, history.steps, history.of_rows)
    if is_recorded and not differing:
        return ReadSteps.of(history.steps, is_recorded=True, differing=differing)
    # An act may have come between two of the queries; none does while the case is locked.
    Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
    case.refresh_from_db(fields=_COMPARED)
    history = log.read_history(case.pk, subjects=subjects, events=events, also=states)
    differing = recorded_lines.differing_states(case, history.of_rows)
    releases = list(Release.objects.filter(pk__in=[row.pk for row in releases]).defer("sealed")) if releases else ()
    is_recorded = _is_recorded(case, history, first_due_on) and are_as_made(releases, history.steps, history.of_rows)
    if differing or not is_recorded:
        logger.error("A case is not as its steps and entries record it; what differs is shown to nobody")
    return ReadSteps.of(history.steps, is_recorded=is_recorded, differing=differing)


def _is_recorded(case: Case, history: log.CaseHistory, first_due_on: date | None) -> bool:
    columns = (case.step_count, case.asked_from, case.stage_reached, case.lead_body_id)
    is_new = (columns, case.status, case.due_on) == (_NEW, workflow.FIRST_STATUS[case.kind], first_due_on)
    # Of a case that is as it came in, the chain records nothing yet.
    if is_new and not (history.steps or history.entries):
        return True
    return recorded_acts.is_case_recorded(case, history, first_due_on=first_due_on)


def available_steps(
    *,
    staff: Staff | None,
    case: Case,
    history: Sequence[CaseStep] | None = None,
    reports: Iterable[Complaint] | None = None,
) -> list[AvailableStep]:
    """Return the transitions of staff out of the case's status that this person's role may take.

    Args:
        history: the case's steps in order, where the caller has read them already.
        reports: some of the case's complaints, likewise; a case of monitoring reports alone has no reporter to ask.
    """
    permissions = access.permissions_of(staff)
    asked_from = Status(case.asked_from) if case.asked_from else None
    rows = workflow.allowed(Status(case.status), ActorKind.STAFF, permissions, asked_from=asked_from)
    if case.status == Status.RECEIVED:
        later = workflow.allowed(Status.IN_REVIEW, ActorKind.STAFF, permissions, asked_from=None)
        rows = [row for row in later if row.action in workflow.BEGINNING] + rows
    # Linking has pages of its own, and so has a question that a body proposed; an import is undone whole, by whoever
    # made it (services.imports).
    elsewhere = {Action.LINK, Action.UNDO_IMPORT}
    if case.status == Status.UNDER_EXAMINATION:
        elsewhere.add(Action.ASK_REPORTER)
    rows = [row for row in rows if row.action not in elsewhere]
    if history is None:
        asks_history = case.step_count and any(row.second_person_than or row.not_closer for row in rows)
        history = list(case.steps.order_by("sequence")) if asks_history else []
    was_objected_to = any(step.action == Action.OBJECT for step in history)
    closer = closer_objected_to((step.action, step.actor_id) for step in history) if was_objected_to else None
    steps = []
    for row in rows:
        last = next((step for step in reversed(history) if step.action == row.second_person_than), None)
        barred = {last.actor_id if last else None, closer if row.not_closer else None}
        refused = "same_person" if staff is not None and staff.pk in barred else ""
        if row.action is Action.ASK_REPORTER:
            has_reporter = any(complaint.has_reporter for complaint in reports or ())
            refused = "" if has_reporter or case.complaints.with_reporter().exists() else "no_reporter"
        if row.action is Action.REST and is_too_early(case, timezone.localdate()):
            refused = "too_early"
        steps.append(AvailableStep(row.action, row, refused))
    return steps


@transaction.atomic
def perform(
    *,
    case_id: uuid.UUID,
    action: Action,
    actor_kind: ActorKind,
    actor: Actor | None = None,
    at: datetime | None = None,
    reason: str = "",
    seen: CaseVersion | None = None,
    changes: Mapping[str, object] | None = None,
    urgent: bool = False,
    batch: int | None = None,
    reporter: SignPair | None = None,
) -> CaseStep:
    """Take a transition of the workflow table and return the step, the row of the case's history.

    Locks the case, checks the table, writes the step and the case's plaintext columns, and appends to the audit chain,
    all in one transaction. A reporter's step has a day and no time, and no entry in the chain, so that it need not wait
    for the chain's lock: the root of its batch covers it. ``reason`` is only checked for being present;
    the caller seals it.

    Args:
        actor: the person who takes a step of staff or of a body. They must hold their own signing key: two persons
            are told apart by two keys.
        at: aware time of a step of the system or of a reporter; a person's step has the time of ``actor``.
        seen: the version that the actor saw; None where it does not matter.
        changes: further columns of the case to write with the step (``lead_body``).
        urgent: whether the short limits apply although the category is not an urgent one.
        batch: the open batch, for a reporter's step and for no other; ``reporter`` is the key that signs it.

    Raises:
        TransitionRefused: the table does not allow it, or the case is not as its steps and entries record it.
        CaseChanged: the case does not agree with ``seen``, or its reports were linked into another case.
        keyring.Locked: a person without their own unlocked key.
        Case.DoesNotExist: another team holds the case, or the actor has a conflict of interest in it.
    """
    person, signer = (actor.keyring.staff, actor.keyring.signer) if actor else (None, None)
    if actor_kind in (ActorKind.STAFF, ActorKind.BODY) and (
        person is None or signer is None or bytes(person.verify_key or b"") != signer.public
    ):
        raise Locked("signer")
    if (now := actor.now if actor else at) is None:
        raise ValueError("a step without an actor needs a time")
    # Every transaction locks complaints first, then cases, then the chain, so that no two can deadlock.
    locked = Complaint.stored.select_for_update().filter(LIVE, case=case_id).order_by("pk")
    sequences = dict(locked.values_list("pk", "next_sequence"))
    case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
    if person is not None and access.is_closed_to(person, case, is_triaging=actor_kind is ActorKind.STAFF):
        raise Case.DoesNotExist
    source = Status(case.status)
    if case.linked_into_id or (seen is not None and not seen.agrees_with(case_version(case, sequences))):
        raise CaseChanged
    as_new = Case.objects.filter(recorded_acts.IS_NEW, pk=case.pk)
    is_recorded = recorded_acts.are_steps_recorded if case.step_count else as_new.contains
    if actor_kind is not ActorKind.REPORTER and not is_recorded(case):
        raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    row = workflow.transition_for(action, source)
    transition = workflow.check(
        action=action,
        status=source,
        actor=actor_kind,
        permissions=access.permissions_of(person),
        reason=reason,
        previous_actor_same=bool(row.second_person_than or row.same_person_as) and _took_last(case, row, person),
        asked_from=Status(case.asked_from) if case.asked_from else None,
        earlier=_actions_of(case) if row.proposal else (),
        is_closer=row.not_closer and person is not None and _closer_objected_to(case) == person.pk,
    )
    step = _write_step(case, transition, person=person, now=now, changes=changes or {}, urgent=urgent, batch=batch)
    facts = log.step_facts(step)
    if reporter is not None:
        step.signature = reporter.sign(recorded_acts.step_statement(case.pk, facts))
    step.save(force_insert=True)
    if actor_kind is not ActorKind.REPORTER:
        log.append(event="case.transition", now=now, actor=person, signer=signer, case=case.pk, facts=facts)
    return step


def is_too_early(case: Case, today: date) -> bool:
    """Whether the reporter still has time to answer, so that the case cannot rest yet."""
    return case.due_on is not None and today <= case.due_on


def _actions_of(case: Case) -> list[str]:
    return list(case.steps.order_by("sequence").values_list("action", flat=True))


def open_objections() -> QuerySet[CaseStep]:
    """Return the objections of reporters after which nobody has closed the case again."""
    later = CaseStep.objects.filter(case=OuterRef("case"), sequence__gt=OuterRef("sequence"))
    return CaseStep.objects.filter(~Exists(later.filter(action__in=sorted(workflow.CLOSING))), action=Action.OBJECT)


def _closer_objected_to(case: Case) -> uuid.UUID | None:
    """Return who closed a case to which its reporter objected since, until it is closed again."""
    if case.step_count < FEWEST_STEPS_OBJECTED:
        return None
    return closer_objected_to(case.steps.order_by("sequence").values_list("action", "actor"))


def _took_last(case: Case, row: workflow.Transition, person: Staff | None) -> bool:
    """Whether ``person`` took the last step of a case that must have been another person's, or their own."""
    last = case.steps.filter(action=row.second_person_than or row.same_person_as).order_by("-sequence").first()
    return last is not None and last.is_by(person)


def _write_step(
    case: Case,
    transition: workflow.Transition,
    *,
    person: Staff | None,
    now: datetime,
    changes: Mapping[str, object],
    urgent: bool,
    batch: int | None,
) -> CaseStep:
    source = Status(case.status)
    target = workflow.target_of(transition, source, Status(case.asked_from) if case.asked_from else None)
    day = timezone.localdate(now)
    due_before = case.due_on if transition.actor is ActorKind.STAFF and source in workflow.PROMISED else None
    case.step_count += 1
    case.status, case.status_on = target.value, day
    case.asked_from = source.value if transition.action is Action.ASK_REPORTER else ""
    case.stage_reached = max(case.stage_reached, workflow.stage(target))
    # A reminder leaves the case where it stands, and an agency that is to be reminded keeps its day: by it the queue
    # shows who has waited longest.
    if target not in {source, Status.OVERDUE_AGENCY}:
        # reference_data.is_urgent(), written out as in due_date().
        edition = (reference_data.cache_generation, int(time.monotonic() // reference_data.MEMORY_SECONDS))
        urgent = urgent or case.category_id in reference_data.urgent_categories(edition)
        case.due_on = due_date(target, received_on=case.received_on, entered_on=day, source=source, urgent=urgent)
    for name, value in changes.items():
        setattr(case, name, value)
    columns = ("step_count", "status", "status_on", "asked_from", "stage_reached", "due_on", *changes)
    case.save(update_fields=columns)
    return CaseStep(
        case=case,
        sequence=case.step_count,
        action=transition.action.value,
        source=source.value,
        target=target.value,
        actor_kind=transition.actor.value,
        actor=person,
        due_on=case.due_on,
        body_id=case.lead_body_id,
        stage=case.stage_reached,
        day=day,
        batch=batch,
        was_late=None if due_before is None else day > due_before,
        at=None if transition.actor is ActorKind.REPORTER else now,
    )
