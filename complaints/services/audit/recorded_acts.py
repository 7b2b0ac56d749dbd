"""What the chain records, asked before it counts: the steps of a case, its openings, the index of a report.

Verification at night says the same of every row; this needs no night, for the few rows that are about to be shown.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias

from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
)
from django.db.models.functions import Cast, Coalesce, Concat, Greatest, TruncDate
from django.utils import timezone

from complaints.domain import hashchain, workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, verify
from complaints.domain.workflow import FIRST_STATUS, Action, ActorKind, Status
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Message
from complaints.services.audit import log, recorded_told
from complaints.services.audit.log import step_facts
from complaints.services.audit.state import STATES

OPENINGS: Final = ("case.opened", "release.opened")
KEY_BYTES: Final = 32
NAME_REQUESTED: Final = "name.requested"
NAME_CLOSED: Final = "name.closed"
NAME_READ: Final = "name.read"
MOVE_EVENTS: Final = ("case.linked", "case.unlinked")
# What an entry records of an act: the actor, the time and the facts.
Record: TypeAlias = "tuple[uuid.UUID | None, datetime | None, dict[str, object]]"
# Whether a key (Ed25519, 32 bytes) is that of a person.
IsKeyOf = Callable[[uuid.UUID, bytes], bool]


def _has_index(report: str, index_entry: str) -> ExpressionWrapper[Q]:
    recorded = Exists(AuditEntry.objects.filter(subject=OuterRef(report), event="index.written"))
    condition = Q(**{f"{index_entry}__isnull": False}) & Q(recorded)
    return ExpressionWrapper(condition, output_field=BooleanField())


# Whether a report was indexed and the chain says so, for queries of reports and of their grants. The column alone finds
# the few that were not among many; whoever writes to the database can set it.
HAS_INDEX: Final = _has_index("pk", "index_entry")
GRANT_HAS_INDEX: Final = _has_index("complaint", "complaint__index_entry")


# Whether the complaint that a case came with is an inquiry; it bears its sender's signature, and the case's kind none.
CAME_AS_INQUIRY: Final = Exists(Complaint.stored.filter(pk=OuterRef("pk"), channel=Complaint.Channel.INQUIRY))
# Whether a case is as it came in, and neither its steps nor the chain say that it has taken one; for queries of cases.
IS_NEW: Final = (
    Q(step_count=0, asked_from="", stage_reached=1, lead_body=None)
    & (Q(~CAME_AS_INQUIRY, status=Status.RECEIVED.value) | Q(CAME_AS_INQUIRY, status=Status.ASKED.value))
    & ~Exists(AuditEntry.objects.filter(case=OuterRef("pk"), event="case.transition"))
    & ~Exists(CaseStep.objects.filter(case=OuterRef("pk")))
)


def _openings_of_case() -> Coalesce:
    entries = AuditEntry.objects.filter(case=OuterRef("case"), event__in=OPENINGS).order_by().values("case")
    person_and_day = Concat(Cast("actor", CharField()), Cast(TruncDate("at"), CharField()))
    counted = entries.annotate(number=Count(person_and_day, distinct=True)).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


# The number of distinct (person, day) on which a report's case was opened, for queries of reports.
OPENINGS_OF_CASE: Final = _openings_of_case()


def last_entry(**conditions: object) -> Coalesce:
    """Return an expression for the number of the last entry that meets the conditions, 0 without one."""
    entries = AuditEntry.objects.filter(**conditions).order_by().values("era").annotate(last=Max("sequence"))
    newest = entries.order_by("-last").values("last")[:1]
    return Coalesce(Subquery(newest, output_field=BigIntegerField()), 0)


# Whether the person ``reader`` has opened a report's case since the last change of their account and of the reports in
# the case: their data were held against the answers then. For queries of reports with the annotation ``reader``.
WAS_COMPARED: Final = Exists(
    AuditEntry.objects.filter(
        case=OuterRef("case"),
        event="case.opened",
        actor=OuterRef("reader"),
        sequence__gt=Greatest(
            last_entry(subject=OuterRef(OuterRef("reader")), event__in=STATES["staff"].events),
            last_entry(case=OuterRef(OuterRef("case")), event="case.linked"),
        ),
    )
)


def step_statement(case: uuid.UUID, facts: Mapping[str, object]) -> bytes:
    """Return what a reporter signs who takes a step; ``facts`` are those of :func:`step_facts`."""
    return b"reporter step 1" + case.bytes + hashchain.canonical(facts)


def move_facts(move: CaseMove) -> dict[str, object]:
    """Return the facts of a move: the report, the source and the target case, and the number of steps of both."""
    return {
        "complaint": str(move.complaint_id),
        "number": move.number,
        "from": str(move.source_id),
        "from_steps": move.source_steps,
        "to": str(move.target_id),
        "to_steps": move.target_steps,
        "due": str(move.target_due_on or ""),
    }


def move_statement(move: CaseMove) -> bytes:
    """Return what a reporter signs whose withdrawal takes the report out of a joint case."""
    return b"reporter move 1" + hashchain.canonical(move_facts(move))


def move_record(actor: uuid.UUID | None, at: datetime, facts: dict[str, object]) -> Record:
    """Return what the entry of a move records, without the number of the note that says why."""
    return actor, at, {**facts_without_practice(facts), "note": ""}


def _record_of(move: CaseMove) -> Record:
    """Return what the entry of a move of staff has to record; a time of None, which no entry has, for another day."""
    at = move.at if move.at and move.day == timezone.localdate(move.at) else None
    return move.actor_id, at, {**move_facts(move), "note": ""}


def moves_fault(
    report: uuid.UUID, moves: Sequence[CaseMove], case: uuid.UUID, reporter: Stored, records: Sequence[Record]
) -> str:
    """Return the code of the first way in which the moves of a report do not lead to its case, or "".

    Without a move a report is in the case that it came with, which has the report's own key; the first move leads out
    of that case.

    Args:
        report: the key of the report.
        moves: all moves of the report, in order.
        case: the case that the report is in.
        reporter: the reporter's signing key; a move by the reporter has no entry and bears their signature.
        records: what the entries of its moves record, in order.
    """
    if not moves:
        return "move.gone" if records else "" if case == report else "move.none"
    if [move.number for move in moves] != list(range(1, len(moves) + 1)):
        return "move.count"
    sources = [report, *(move.target_id for move in moves)]
    if any(move.source_id != source for move, source in zip(moves, sources, strict=False)):
        return "move.order"
    if moves[-1].target_id != case:
        return "move.case"
    keys, by_reporter = [bytes(reporter)], (move for move in moves if move.actor_id is None)
    if not all(is_by_reporter(move.signature, move_statement(move), keys) for move in by_reporter):
        return "move.reporter"
    expected = [_record_of(move) for move in moves if move.actor_id]
    return "" if expected == list(records) else "move.entries"


def moves_are_recorded(report: Complaint, moves: Sequence[CaseMove]) -> bool:
    """Whether the moves of a report, all of them in order, lead to its case and genuine entries record them; one query.

    Without a move the report must be in the case that it came with.
    """
    entries = list(AuditEntry.objects.filter(subject=report.pk, event__in=MOVE_EVENTS).order_by("sequence"))
    records = [move_record(entry.actor, entry.at, entry.facts) for entry in entries]
    is_placed = not moves_fault(report.pk, moves, report.case_id, report.reporter_verify_key, records)
    return is_placed and all(log.is_genuine(entry) for entry in entries)


def reporters_of(cases: Collection[uuid.UUID]) -> dict[uuid.UUID, set[bytes]]:
    """Return by case the signing keys of the reporters whose reports are or were in it; three queries."""
    keys: dict[uuid.UUID, set[bytes]] = {case: set() for case in cases}
    moves = CaseMove.objects.all()
    for rows in (
        Complaint.stored.filter(case__in=cases).values_list("case", "reporter_verify_key"),
        moves.filter(source__in=cases).values_list("source", "complaint__reporter_verify_key"),
        moves.filter(target__in=cases).values_list("target", "complaint__reporter_verify_key"),
    ):
        for case, key in rows.iterator():
            if len(key or b"") == KEY_BYTES:  # a report from monitoring has none
                keys[case].add(bytes(key))
    return keys


def is_by_reporter(signature: Stored | None, statement: bytes, keys: Iterable[bytes]) -> bool:
    """Whether one of these reporters has signed a step."""
    for key in keys:
        with suppress(SealError):
            verify(key, statement, bytes(signature or b""))
            return True
    return False


def facts_without_practice(facts: dict[str, object]) -> dict[str, object]:
    """Return the facts of an entry without the mark that each entry of a person in practice mode bears."""
    return {name: value for name, value in facts.items() if name != "practice"}


def follows_step(case: Case, last: CaseStep | None) -> bool:
    """Whether body, stage and asked_from of a case follow from its last step; None for a case without one."""
    stored = (case.lead_body_id, case.stage_reached, case.asked_from)
    if last is None:
        return stored == (None, 1, "")
    return stored == (last.body_id, last.stage, last.source if last.action == Action.ASK_REPORTER else "")


def is_recorded(
    case: Case,
    steps: Sequence[CaseStep],
    *,
    due_on: date | None,
    is_key_of: IsKeyOf,
    told: tuple[uuid.UUID, Sequence[Message]] | None = None,
) -> bool:
    """Whether a case is as its steps lead to, and these are those that the chain records, in order; one query.

    As :func:`follows_entries`, and the newest entry must be signed by a key of the person who acted, or by the server
    for the clock.

    Args:
        steps: all steps of the case, in order.
        due_on: the deadline that steps and moves lead to.
        told: a report with all messages of staff on it, which must be as recorded, too.
    """
    condition = Q(case=case.pk, event="case.transition")
    if told:
        condition |= Q(subject=told[0], event=recorded_told.SENT)
    rows = list(AuditEntry.objects.filter(condition).order_by("sequence"))
    entries, sent = (
        [row for row in rows if (row.event == recorded_told.SENT) is is_message] for is_message in (False, True)
    )
    if told and not recorded_told.are_messages_recorded(told[1], sent):
        return False
    if case.due_on != due_on or not follows_entries(case, steps, entries):
        return False
    return not entries or _holds(entries[-1], is_key_of)


def _entries_of(case: Case) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(case=case.pk, event="case.transition").order_by("sequence"))


def follows_entries(case: Case, steps: Sequence[CaseStep], entries: Sequence[AuditEntry]) -> bool:
    """Whether a case is as its steps lead to, each continues the one before, and genuine entries record them, in order.

    The deadline of the case is left out. A reporter's step has no entry and bears the reporter's signature, for which
    there are three queries more.
    """
    last = steps[-1] if steps else None
    targets = [FIRST_STATUS[case.kind].value, *(step.target for step in steps)]
    if (case.step_count, case.status) != (len(steps), targets[-1]) or not follows_step(case, last):
        return False
    if [step.source for step in steps] != targets[:-1] or not all(map(_is_by_table, steps)):
        return False
    by_staff = [step for step in steps if step.actor_kind != ActorKind.REPORTER]
    if len(by_staff) < len(steps) and not _are_by_reporters(case, steps):
        return False
    recorded = [(entry.actor, entry.at, facts_without_practice(entry.facts)) for entry in entries]
    if recorded != [(step.actor_id, step.at, step_facts(step)) for step in by_staff]:
        return False
    is_on_day = all(step.at and step.day == timezone.localdate(step.at) for step in by_staff)
    return is_on_day and all(log.is_genuine(entry) for entry in entries)


def _is_by_table(step: CaseStep) -> bool:
    """Whether the table of the workflow lets an actor of this kind take a step: its entry does not say who did."""
    try:
        row = workflow.transition_for(Action(step.action), Status(step.source))
    except (workflow.TransitionRefused, ValueError):
        return False
    return row.actor == step.actor_kind


def are_steps_recorded(case: Case) -> bool:
    """Whether a case, which is locked, is as its steps and their entries lead to; the deadline is left out."""
    return follows_entries(case, list(case.steps.order_by("sequence")), _entries_of(case))


def are_all_steps_recorded(cases: Collection[Case]) -> bool:
    """As :func:`are_steps_recorded` of each of these cases, which are locked; two queries for all."""
    steps: dict[uuid.UUID, list[CaseStep]] = {case.pk: [] for case in cases}
    entries: dict[uuid.UUID, list[AuditEntry]] = {case.pk: [] for case in cases}
    for step in CaseStep.objects.filter(case__in=steps).order_by("sequence"):
        steps[step.case_id].append(step)
    for entry in AuditEntry.objects.filter(case__in=entries, event="case.transition").order_by("sequence"):
        if entry.case is not None:
            entries[entry.case].append(entry)
    return all(follows_entries(case, steps[case.pk], entries[case.pk]) for case in cases)


def is_case_recorded(case: Case, history: log.CaseHistory, *, first_due_on: date | None) -> bool:
    """Whether a case with its deadline is as its steps, their entries and the moves of reports lead to.

    Args:
        first_due_on: the deadline with which the case's own report came, None where that is in another case.
    """
    steps = history.steps
    if not follows_entries(case, steps, history.entries):
        return False
    return case.due_on == (steps[-1].due_on if steps else first_due_on) or _is_deadline_of_move(case)


def _is_deadline_of_move(case: Case) -> bool:
    """Whether a report came to a case after its last step and left it with the deadline that the case has."""
    moves = CaseMove.objects.filter(target=case, target_steps=case.step_count, target_due_on=case.due_on)
    entries = AuditEntry.objects.filter(event__in=MOVE_EVENTS)
    rows = moves.select_related("complaint")
    return any(is_move_recorded(move, entries.filter(subject=move.complaint_id)) for move in rows)


def is_move_recorded(move: CaseMove, entries: Iterable[AuditEntry]) -> bool:
    """Whether one of the entries records a move of staff, or its reporter has signed it; read it with its report."""
    if move.actor_id is None:
        return is_by_reporter(move.signature, move_statement(move), [bytes(move.complaint.reporter_verify_key)])
    records = ((entry, move_record(entry.actor, entry.at, entry.facts)) for entry in entries)
    return any(record == _record_of(move) and log.is_genuine(entry) for entry, record in records)


def _are_by_reporters(case: Case, steps: Iterable[CaseStep]) -> bool:
    keys = reporters_of([case.pk])[case.pk]
    by_reporters = [step for step in steps if step.actor_kind == ActorKind.REPORTER]
    return all(is_by_reporter(step.signature, step_statement(case.pk, step_facts(step)), keys) for step in by_reporters)


def _holds(entry: AuditEntry, is_key_of: IsKeyOf) -> bool:
    signer = bytes(entry.signer)
    if not log.is_signed(entry, signer):
        return False
    return signer in log.server_keys(entry.sequence) if entry.actor is None else is_key_of(entry.actor, signer)


def name_readings(report: uuid.UUID) -> list[tuple[date, str]]:
    """Return day and code of the body of each time that a name was read, in order; one query."""
    entries = AuditEntry.objects.filter(subject=report, event=NAME_READ).order_by("sequence")
    genuine = (entry for entry in entries if log.is_genuine(entry))
    return [(timezone.localdate(entry.at), str(entry.facts.get("body", ""))) for entry in genuine]


def name_was_read(report: uuid.UUID, row: str) -> bool:
    """Whether the portal has recorded the reading of a name that a row with the digest ``row`` keeps; one query."""
    entries = AuditEntry.objects.filter(subject=report, event=NAME_READ).order_by("sequence")
    return any(entry.facts.get("row") == row and log.is_genuine(entry) for entry in entries)


def name_requests(report: uuid.UUID) -> list[tuple[str, str, str]]:
    """Return in order each request's key, digest, and the day (ISO) it was closed, "" while open; one query.

    Whoever writes to the database could otherwise let a body ask that never did, and the reporter give it a name.
    """
    digests: dict[str, str] = {}
    closed: dict[str, str] = {}
    entries = AuditEntry.objects.filter(subject=report, event__in=(NAME_REQUESTED, NAME_CLOSED)).order_by("sequence")
    for entry in filter(log.is_genuine, entries):
        request = str(entry.facts.get("request"))
        if entry.event == NAME_CLOSED:
            closed[request] = timezone.localdate(entry.at).isoformat()
        else:
            digests[request] = str(entry.facts.get("row"))
    return [(request, digest, closed.get(request, "")) for request, digest in digests.items()]


@dataclass(frozen=True)
class Openings:
    """Who opened a report on which days; of bodies with the forwarding, and the number of the newest release then."""

    office: set[tuple[uuid.UUID | None, date]]
    bodies: set[tuple[uuid.UUID | None, date, str, int]]

    def of_release(self, first: uuid.UUID, numbers: Container[int]) -> set[tuple[uuid.UUID | None, date]]:
        """Return the openings of a forwarding while one of ``numbers`` was its newest release."""
        return {(actor, day) for actor, day, of, newest in self.bodies if of == str(first) and newest in numbers}


def openings(report: Complaint, cases: Iterable[tuple[uuid.UUID, date | None, date | None]]) -> Openings:
    """Return by whom and when cases were opened at the page of a report, or by a body; one query.

    ``cases`` are ids with the first and the last day that count, None without such a limit.
    """
    condition = Q()
    for case, since, until in cases:
        days = Q(**{f"at__date__{name}": day for name, day in (("gte", since), ("lte", until)) if day})
        condition |= Q(case=case) & days
    entries = AuditEntry.objects.filter(condition, event__in=OPENINGS).order_by()
    told = ("facts__first", "facts__last", "event", "facts__release", "facts__newest")
    rows = entries.values_list("actor", TruncDate("at"), *told).distinct()
    office, bodies, place = set(), set(), log.place_of(report)
    for actor, day, first, last, event, release, newest in rows:
        if event == "release.opened":
            bodies.add((actor, day, str(release), int(newest)))
        elif first is None or first <= place <= last:
            # An entry that names no reports is of an opening of all of them.
            office.add((actor, day))
    return Openings(office, bodies)
