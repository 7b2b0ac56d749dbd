"""Verifies the rows that the audit chain refers to: steps of cases, moves of reports, texts of staff, sealed grants.

Each act of staff, bodies and the system has an entry; what reporters did is bound by the Merkle root of its batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone

from complaints.domain import workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, blake2b, verify
from complaints.domain.workflow import FIRST_STATUS, Action, ActorKind, Status, TransitionRefused
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.batch import KeptLeaf
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import (
    DecisionCopy,
    Finding,
    FindingProposal,
    Hearing,
    Recommendation,
    Release,
    Sanction,
)
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.models.redaction import Redaction
from complaints.services import team_key_history
from complaints.services.audit import recorded_erasures
from complaints.services.audit.coverage import COVERAGE
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, once
from complaints.services.audit.log import StepColumns, digest_of, digest_of_columns, step_facts
from complaints.services.audit.recorded_acts import (
    MOVE_EVENTS,
    Record,
    facts_without_practice,
    is_by_reporter,
    move_record,
    moves_fault,
    reporters_of,
    step_statement,
)

# Rows are read in pieces of this size: a case may have any number of steps, a text any permitted length.
PIECE: Final = 200


# --- The status of every case follows from its recorded steps ---------------------------------------------------------


class GroupedRows:
    """Rows in the order of their first column, read once and in that order: ``of`` gives those of one value."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take the rows, sorted by their first column."""
        self._groups = groupby(rows, key=itemgetter(0))
        self._group = next(self._groups, None)

    def of(self, key: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rest of each row of ``key``; keys are asked for in order, each one's rows read before the next."""
        while self._group is not None and self._group[0] < key:
            self._group = next(self._groups, None)
        if self._group is not None and self._group[0] == key:
            for row in self._group[1]:
                yield row[1:]


def step_faults(case_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each case whose status does not follow from its steps; names its reference."""
    for case_id in list(_displaced_cases(case_ids)):
        with transaction.atomic():  # again with the case locked: the first look may have met a transition under way
            case = Case.objects.select_for_update().filter(pk=case_id).first()
            code = _displaced_cases([case_id]).get(case_id, "")
            if case is not None and code:
                entries = AuditEntry.objects.filter(case=case_id, event="case.transition").order_by("sequence")
                last = entries.values_list("sequence", flat=True).last()
                yield Fault(last, code, case.reference, state=f"{case.status}.{case.step_count}")


def _displaced_cases(case_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    steps = CaseStep.objects.filter(case__in=case_ids).order_by("case", "sequence")
    columns = ("case", "sequence", "action", "source", "target", "actor_kind", "actor", "due_on", "body", "stage",
               "was_late", "signature", "at", "day")  # fmt: skip
    entries = AuditEntry.objects.filter(case__in=case_ids, event="case.transition").order_by("case", "sequence")
    step_rows = GroupedRows(steps.values_list(*columns).iterator(chunk_size=PIECE))
    entry_rows = GroupedRows(entries.values_list("case", "actor", "at", "facts").iterator(chunk_size=PIECE))
    cases = Case.objects.filter(pk__in=case_ids).order_by("pk")
    reporters = reporters_of(case_ids)
    return {
        pk: code
        for pk, *state in cases.values_list("pk", "status", "step_count", "kind")
        if (code := _steps_fault((pk, *state), step_rows.of(pk), entry_rows.of(pk), reporters[pk]))
    }


def _steps_fault(
    case: Sequence[Any],
    steps: Iterator[tuple[Any, ...]],
    records: Iterator[tuple[Any, ...]],
    reporters: Collection[bytes],
) -> str:
    """Compare the status and the number of steps of a case with its steps, and each of these with its entry.

    ``case`` is its id, status, number of steps and kind; a step of one of the ``reporters`` has no entry and
    bears their signature.
    """
    status, asked_from, count = FIRST_STATUS[case[3]], None, 0
    for sequence, action, source, target, actor_kind, actor, *left, signature, at, day in steps:
        count += 1
        if sequence != count:
            return "case.step_count"
        is_by_person = actor_kind != ActorKind.REPORTER
        is_signed_in_vain = is_by_person and signature
        if is_signed_in_vain or _workflow_fault((action, source, target, actor_kind), status, asked_from):
            return "case.step"
        asked_from = status if action == Action.ASK_REPORTER else None
        status = Status(target)
        facts = step_facts(StepColumns(sequence, action, source, target, *left))
        if is_by_person and (_without_practice(next(records, None)) != (actor, at, facts) or day != _day_of(at)):
            return "case.entries"
        if not (is_by_person or is_by_reporter(signature, step_statement(case[0], facts), reporters)):
            return "case.reporter"
    if count != case[2]:
        return "case.step_count"
    if next(records, None) is not None:
        return "case.entries"
    return "" if status == case[1] else "case.status"


def _without_practice(record: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """Return actor, time and facts of a record without the mark of practice, which every entry of practice bears."""
    return record and (*record[:-1], facts_without_practice(record[-1]))


def _day_of(at: datetime | None) -> date | None:
    return timezone.localdate(at) if at else None


def _workflow_fault(step: tuple[str, str, str, str], status: Status, asked_from: Status | None) -> bool:
    action, source, step_target, actor_kind = step
    try:
        row = workflow.transition_for(Action(action), status)
        target = workflow.target_of(row, status, asked_from)
    except (TransitionRefused, ValueError):
        return True
    matches = (source, step_target, actor_kind) == (status, target, row.actor)
    return not matches or row.asked_from not in (None, asked_from)


# --- The case of every report follows from its recorded moves ---------------------------------------------------------


def move_faults(complaint_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each report whose case does not follow from its moves; names its id."""
    for complaint_id in sorted(_displaced_reports(complaint_ids), key=str):
        with transaction.atomic():  # again with the report locked: the first look may have met a move under way
            case_id = Complaint.stored.select_for_update().filter(pk=complaint_id).values_list("case", flat=True)
            state = str(case_id.first() or "")
            if code := _displaced_reports([complaint_id]).get(complaint_id):
                yield Fault(None, code, f"complaint {complaint_id}", state=state)


def _displaced_reports(complaint_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    entries = AuditEntry.objects.filter(event__in=MOVE_EVENTS, subject__in=complaint_ids).order_by("sequence")
    records: dict[uuid.UUID, list[Record]] = {}
    for report, actor, at, facts in entries.values_list("subject", "actor", "at", "facts"):
        if report is not None:
            records.setdefault(report, []).append(move_record(actor, at, facts))
    by_report: dict[uuid.UUID, list[CaseMove]] = {}
    for move in CaseMove.objects.filter(complaint__in=complaint_ids).order_by("complaint", "number"):
        by_report.setdefault(move.complaint_id, []).append(move)
    reports = Complaint.stored.filter(pk__in=complaint_ids).values_list("pk", "case", "reporter_verify_key")
    return {
        report: code
        for report, case_id, key in reports
        if (code := moves_fault(report, by_report.get(report, []), case_id, key, records.get(report, [])))
    }


# --- The texts of staff and bodies match the digests in the chain -----------------------------------------------------

# By event: the fact that holds the id of the row, and the tables that can hold the row.
_TABLES: Final[Mapping[str, tuple[str, tuple[type[models.Model], ...]]]] = {
    "message.sent": ("message", (Message,)),
    "note.written": ("note", (InternalNote,)),
    "assessment.recorded": ("assessment", (Assessment,)),
    "redaction.made": ("redaction", (Redaction,)),
    "release.made": ("release", (Release,)),
    "question.asked": ("question", (ReleaseQuestion,)),
    "question.addressed": ("reader", (QuestionReader,)),
    "question.replied": ("reply", (QuestionReply,)),
    "decision.recorded": ("decision", (Hearing, FindingProposal, Finding, Recommendation, Sanction)),
    "decision.filed": ("file", (DecisionCopy,)),
}
# What else a row of these tables seals, by the fact of its entry. No words of staff are sealed as an answer to a body.
_COPIES: Final[Mapping[type[models.Model], Mapping[str, str]]] = {
    Message: {"copy": "sealed_for_reporter", "answer": "sealed_for_release"},
    Redaction: {"copy": "stored__sealed"},
}
# The kind of the leaf that an erased row of each of these leaves behind.
KEPT_KINDS: Final[Mapping[str, KeptLeaf.Kind]] = {
    "message.sent": KeptLeaf.Kind.SENT,
    "note.written": KeptLeaf.Kind.NOTE,
    "assessment.recorded": KeptLeaf.Kind.ASSESSMENT,
    "redaction.made": KeptLeaf.Kind.REDACTION,
    "release.made": KeptLeaf.Kind.MADE,
    "question.asked": KeptLeaf.Kind.QUESTION,
    "question.addressed": KeptLeaf.Kind.READER,
    "question.replied": KeptLeaf.Kind.REPLY,
    "decision.recorded": KeptLeaf.Kind.DECISION,
    "decision.filed": KeptLeaf.Kind.COPY,
}
# By the event and the row: a message has the key of the words that a body signed for it.
Digests = Mapping[tuple[str, uuid.UUID], Mapping[str, str]]


def _text_entries(scope: Scope) -> Rows:
    entries = AuditEntry.objects.filter(event__in=_TABLES)
    if scope.since is None:
        return entries
    return entries.filter(models.Q(sequence__gt=scope.since) | models.Q(case__in=scope.cases().values("pk")))


def text_faults(sequences: Sequence[int]) -> Iterator[Fault]:
    """Yield the fault of each entry whose row is gone or differs from the digest that it records."""
    entries = AuditEntry.objects.filter(sequence__in=sequences).order_by("sequence")
    recorded = [
        (sequence, event, _row_id(event, facts), facts)
        for sequence, event, facts in entries.values_list("sequence", "event", "facts")
    ]
    stored = _stored_digests((event, row) for _sequence, event, row, _facts in recorded if row is not None)
    kept: set[tuple[str, uuid.UUID, bytes]] | None = None
    for sequence, event, row, facts in recorded:
        subject = f"{_TABLES[event][0]} {row or ''}"
        said = said_of(facts)
        if row is not None and stored.get((event, row)) == said:
            continue
        if kept is None:
            kept = set(recorded_erasures.kept(row__in=[key for _number, _event, key, _facts in recorded if key]))
        if row is not None and (KEPT_KINDS[event].value, row, recorded_erasures.text_leaf(said)) in kept:
            continue
        if row is None or (event, row) not in stored:
            yield Fault(sequence, "row.gone", subject)
        else:
            digests = ".".join(stored[event, row].values())
            yield Fault(sequence, "row.altered", subject, state=digest_of(digests.encode()))


def said_of(facts: Mapping[str, object]) -> dict[str, object]:
    """Return what the facts of an entry say of the row that staff or a body wrote: digests, by their names."""
    return {key: facts[key] for key in ("digest", "row", "copy") if key in facts}


def text_leaves(event: str, rows: Collection[uuid.UUID]) -> Iterator[tuple[uuid.UUID, bytes]]:
    """Yield the id of each of these rows of an event that is stored, with the leaf to keep of it; a query a table."""
    for model in _TABLES[event][1]:
        for row, digests in _digests(model, list(rows)):
            yield row, recorded_erasures.text_leaf(digests)


def _stored_digests(rows: Iterable[tuple[str, uuid.UUID]]) -> Digests:
    """Return the digests of the rows that entries of these events refer to, by event and row id."""
    rows_by_event: dict[str, list[uuid.UUID]] = {}
    for event, row in rows:
        rows_by_event.setdefault(event, []).append(row)
    return {
        (event, row): digests
        for event, ids in rows_by_event.items()
        for model in _TABLES[event][1]
        for row, digests in _digests(model, ids)
    }


def _row_id(event: str, facts: object) -> uuid.UUID | None:
    if not isinstance(facts, dict):
        return None
    try:
        return uuid.UUID(str(facts.get(_TABLES[event][0])))
    except ValueError:
        return None


def _digests(model: type[models.Model], rows: list[uuid.UUID]) -> Iterable[tuple[uuid.UUID, dict[str, str]]]:
    columns = COVERAGE[model.__name__].recorded
    copies = _COPIES.get(model, {})
    stored = model._base_manager.filter(pk__in=rows).values_list("pk", "sealed", *columns, *copies.values())
    for row, sealed, *values in stored.iterator(chunk_size=PIECE):
        digests = {"digest": digest_of(sealed), "row": digest_of_columns(columns, values[: len(columns)])}
        of_copies = zip(copies, values[len(columns) :], strict=True)
        yield row, digests | {fact: digest_of(copy) for fact, copy in of_copies if copy}


def surplus_faults(_head: Sequence[int]) -> Iterator[Fault]:
    """Yield a fault for each kind of rows of which more are stored than the chain records."""
    for event, (name, _models) in _TABLES.items():
        if _surplus(event) > 0 and (surplus := _surplus_locked(event)) > 0:
            yield Fault(None, "row.unrecorded", name, state=str(surplus))


def _surplus(event: str) -> int:
    stored = sum(_staff_rows(model).count() for model in _TABLES[event][1])
    # The row of an erased release stays, without its content.
    if event != "release.made":
        stored += KeptLeaf.objects.filter(kind=KEPT_KINDS[event]).count()
    return stored - AuditEntry.objects.filter(event=event).count()


def _surplus_locked(event: str) -> int:
    """Count again with the chain locked: the first count may have read an act that was not finished."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        return _surplus(event)


def _staff_rows(model: type[models.Model]) -> models.QuerySet[models.Model]:
    rows = model._base_manager.all()
    return rows.exclude(direction=Message.Direction.FROM_REPORTER) if model is Message else rows


# --- Grants that were sealed again to a later key of their team -------------------------------------------------------
#
# The root of a report's batch binds the digest of the first ciphertext; the team's signature binds that digest to the
# present ciphertext. Neither check needs a private key.


def reseal_statement(grant: uuid.UUID, first: Stored, sealed: Stored) -> bytes:
    """Return what a team signs when it seals a grant again; ``first`` is the digest of the first ciphertext."""
    return b"resealed grant" + grant.bytes + bytes(first) + blake2b(bytes(sealed), person=b"ciphertext")


def _resealed_grants(scope: Scope) -> Rows:
    grants = KeyGrant.objects.filter(first_digest__isnull=False)
    return grants if scope.since is None else grants.filter(scope.part_of())


def grant_faults(grant_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each grant whose present ciphertext its team has not signed; names its id."""
    signers: dict[str, list[bytes]] = {}
    rows = KeyGrant.objects.filter(pk__in=grant_ids, first_digest__isnull=False).order_by("pk")
    columns = ("pk", "team__slug", "first_digest", "sealed", "reseal_signature")
    for pk, slug, first, sealed, signature in rows.values_list(*columns).iterator(chunk_size=PIECE):
        if slug not in signers:
            signers[slug] = list(team_key_history.signers(slug))
        statement = reseal_statement(pk, first, sealed)
        if not any(_has_signed(signer, statement, bytes(signature or b"")) for signer in signers[slug]):
            yield Fault(None, "grant.resealed", f"grant {pk}", state=digest_of(sealed))


def _has_signed(signer: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        verify(signer, statement, signature)
    except SealError:
        return False
    return True


CHECKS: Final = (
    RowCheck("texts", _text_entries, text_faults),
    RowCheck("surplus", once, surplus_faults),
    RowCheck("grants", _resealed_grants, grant_faults),
    RowCheck("steps", lambda scope: scope.cases(), step_faults),
    RowCheck("moves", lambda scope: scope.reports(stored=True), move_faults),
)
