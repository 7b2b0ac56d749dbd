"""Verifies the rows that the audit chain refers to: steps of cases, moves of reports, texts of staff, sealed grants.

Each act of staff, bodies and the system has an entry; what reporters did is bound by the Merkle root of its day.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from complaints.domain import workflow
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, blake2b, verify
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import Finding, Recommendation, Release, Sanction
from complaints.services import team_key_history
from complaints.services.audit.log import digest_of

CHUNK: Final = 500
# (number of the entry or None, reason, case or row)
Fault = tuple[int | None, str, str]
# What an entry records of an act: the actor and the facts.
Record = tuple[uuid.UUID | None, dict[str, object]]


# --- The status of every case follows from its recorded steps ---------------------------------------------------------


def status_fault() -> Fault | None:
    """Return the fault of the first case whose status does not follow from its steps, or None; names its reference."""
    for cases in _case_chunks():
        for case in _displaced_cases(cases):
            if fault := _status_fault_locked(case):
                return fault
    return None


def _case_chunks() -> Iterator[list[Case]]:
    last = uuid.UUID(int=0)
    while cases := list(Case.objects.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield cases
        last = cases[-1].pk


def _status_fault_locked(case_id: uuid.UUID) -> Fault | None:
    """Check again with the case locked: the first check may have read a transition that was not finished."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        why = _displaced_cases([case]).get(case_id, "")
        if not why:
            return None
        entries = AuditEntry.objects.filter(case=case_id, event="case.transition").order_by("sequence")
        return entries.values_list("sequence", flat=True).last(), why, case.reference


def _displaced_cases(cases: Iterable[Case]) -> dict[uuid.UUID, str]:
    ids = [case.pk for case in cases]
    steps: dict[uuid.UUID, list[CaseStep]] = defaultdict(list)
    records: dict[uuid.UUID, list[Record]] = defaultdict(list)
    for step in CaseStep.objects.filter(case__in=ids).order_by("sequence"):
        steps[step.case_id].append(step)
    for entry in AuditEntry.objects.filter(case__in=ids, event="case.transition").order_by("sequence"):
        if entry.case:
            records[entry.case].append((entry.actor, entry.facts))
    return {case.pk: why for case in cases if (why := _steps_fault(case, steps[case.pk], records[case.pk]))}


def _steps_fault(case: Case, steps: list[CaseStep], records: list[Record]) -> str:
    if [step.sequence for step in steps] != list(range(1, case.step_count + 1)):
        return "a step is missing or too many"
    status = Status.RECEIVED
    asked_from: Status | None = None
    for step in steps:
        why = _workflow_fault(step, status, asked_from)
        if why:
            return why
        asked_from = status if step.action == Action.ASK_REPORTER else None
        status = Status(step.target)
    if case.status != status:
        return f"stands at {case.status}, its steps lead to {status.value}"
    expected = [(step.actor_id, _step_facts(step)) for step in steps if step.actor_kind != ActorKind.REPORTER]
    return "" if expected == records else "its steps and the chain's entries differ"


def _workflow_fault(step: CaseStep, status: Status, asked_from: Status | None) -> str:
    try:
        row = workflow.transition_for(Action(step.action), status)
        target = workflow.target_of(row, asked_from)
    except (TransitionRefused, ValueError):
        return f"step {step.sequence} is not in the table"
    matches = (step.source, step.target, step.actor_kind) == (status, target, row.actor)
    return "" if matches and row.asked_from in (None, asked_from) else f"step {step.sequence} was altered"


def _step_facts(step: CaseStep) -> dict[str, object]:
    return {"action": step.action, "from": step.source, "to": step.target, "step": step.sequence}


# --- The case of every report follows from its recorded moves ---------------------------------------------------------

MOVE_EVENTS: Final = ("case.linked", "case.unlinked")


def move_facts(move: CaseMove) -> dict[str, object]:
    """Return the facts of a move: the report, the source and the target case, and the number of steps of both."""
    return {
        "complaint": str(move.complaint_id),
        "number": move.number,
        "from": str(move.source_id),
        "from_steps": move.source_steps,
        "to": str(move.target_id),
        "to_steps": move.target_steps,
    }


def membership_fault() -> Fault | None:
    """Return the fault of the first report whose case does not follow from its moves, or None; names its id."""
    for complaint_id in sorted(_displaced_reports(), key=str):
        with transaction.atomic():  # again with the report locked: the first check may have read an unfinished move
            Complaint.objects.select_for_update().get(pk=complaint_id)
            if why := _displaced_reports(complaint_id).get(complaint_id):
                return None, why, str(complaint_id)
    return None


def _displaced_reports(only: uuid.UUID | None = None) -> dict[uuid.UUID, str]:
    moves = CaseMove.objects.filter(complaint=only) if only else CaseMove.objects.all()
    entries = AuditEntry.objects.filter(event__in=MOVE_EVENTS).order_by("sequence")
    records: dict[str, list[Record]] = {}
    for actor, facts in entries.values_list("actor", "facts"):
        records.setdefault(str(facts.get("complaint")), []).append((actor, {**facts, "note": ""}))
    by_report: dict[uuid.UUID, list[CaseMove]] = {}
    for move in moves.order_by("complaint", "number"):
        by_report.setdefault(move.complaint_id, []).append(move)
    case_ids = dict(Complaint.objects.filter(pk__in=by_report).values_list("pk", "case"))
    faults = {
        report: why
        for report, report_moves in by_report.items()
        if (why := _moves_fault(report_moves, case_ids[report], records.get(str(report), [])))
    }
    stored = {str(report) for report in by_report}
    missing = [uuid.UUID(report) for report in records if report not in stored and only in (None, uuid.UUID(report))]
    return faults | dict.fromkeys(missing, "its moves are gone") | _reports_without_move(only)


def _moves_fault(moves: list[CaseMove], case_id: uuid.UUID, records: list[Record]) -> str:
    if [move.number for move in moves] != list(range(1, len(moves) + 1)):
        return "a move is missing or too many"
    if any(move.target_id != following.source_id for move, following in pairwise(moves)):
        return "its moves do not follow one another"
    if moves[-1].target_id != case_id:
        return "stands in another case than its moves lead to"
    expected = [(move.actor_id, {**move_facts(move), "note": ""}) for move in moves if move.actor_id]
    return "" if expected == records else "its moves and the chain's entries differ"


def _reports_without_move(only: uuid.UUID | None) -> dict[uuid.UUID, str]:
    """Return reports without moves that share a case with another one: no service puts two such reports together."""
    others = Complaint.objects.filter(case=OuterRef("case"), moves__isnull=True).exclude(pk=OuterRef("pk"))
    unmoved = Complaint.objects.filter(moves__isnull=True)
    unmoved = unmoved.filter(pk=only) if only else unmoved
    return dict.fromkeys(unmoved.filter(Exists(others)).values_list("pk", flat=True), "shares a case without a move")


# --- The texts of staff and bodies match the digests in the chain -----------------------------------------------------

# By event: the fact that holds the id of the row, and the tables that can hold the row.
_TABLES: Final[Mapping[str, tuple[str, tuple[type[models.Model], ...]]]] = {
    "message.sent": ("message", (Message,)),
    "note.written": ("note", (InternalNote,)),
    "assessment.recorded": ("assessment", (Assessment,)),
    "release.made": ("release", (Release,)),
    "decision.recorded": ("decision", (Finding, Recommendation, Sanction)),
}
Digests = Mapping[uuid.UUID, Mapping[str, str]]


def stored_digests(entries: Iterable[AuditEntry]) -> Digests:
    """Return the digests of the rows that ``entries`` refer to, by row id; the entries need not be verified yet."""
    rows_by_event: dict[str, list[uuid.UUID]] = {}
    for entry in entries:
        if row := _row_id(entry):
            rows_by_event.setdefault(entry.event, []).append(row)
    return {
        row: digests
        for event, rows in rows_by_event.items()
        for model in _TABLES[event][1]
        for row, digests in _digests(model, rows)
    }


def _row_id(entry: AuditEntry) -> uuid.UUID | None:
    if entry.event not in _TABLES or not isinstance(entry.facts, dict):
        return None
    try:
        return uuid.UUID(str(entry.facts.get(_TABLES[entry.event][0])))
    except ValueError:
        return None


def _digests(model: type[models.Model], rows: list[uuid.UUID]) -> Iterable[tuple[uuid.UUID, dict[str, str]]]:
    stored = model._default_manager.filter(pk__in=rows)
    if model is not Message:
        for row, sealed in stored.values_list("pk", "sealed"):
            yield row, {"digest": digest_of(sealed)}
        return
    for row, sealed, copy in stored.values_list("pk", "sealed", "sealed_for_reporter"):
        yield row, {"digest": digest_of(sealed), **({"copy": digest_of(copy)} if copy else {})}


def row_fault(entry: AuditEntry, stored: Digests) -> str:
    """Return the fault of the row that a verified entry refers to, or ""."""
    if entry.event not in _TABLES:
        return ""
    name = _TABLES[entry.event][0]
    row = _row_id(entry)
    if row is None or row not in stored:
        return f"its {name} is gone"
    expected = {key: entry.facts[key] for key in ("digest", "copy") if key in entry.facts}
    return "" if stored[row] == expected else f"its {name} was altered"


def unrecorded_rows() -> Fault | None:
    """Return the fault of a kind of rows of which more are stored than the chain records, or None."""
    for event in _TABLES:
        if _surplus(event) > 0 and _surplus_locked(event) > 0:
            return None, f"more is stored than the chain's {event} entries speak of", _TABLES[event][0]
    return None


def _surplus(event: str) -> int:
    stored = sum(_staff_rows(model).count() for model in _TABLES[event][1])
    return stored - AuditEntry.objects.filter(event=event).count()


def _surplus_locked(event: str) -> int:
    """Count again with the chain locked: the first count may have read an act that was not finished."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        return _surplus(event)


def _staff_rows(model: type[models.Model]) -> models.QuerySet[models.Model]:
    rows = model._default_manager.all()
    return rows.exclude(direction=Message.Direction.FROM_REPORTER) if model is Message else rows


# --- Grants that were sealed again to a later key of their team -------------------------------------------------------
#
# The Merkle root of a report's day binds the digest of the first ciphertext; the team's signature binds that digest to
# the present ciphertext. Neither check needs a private key.


def reseal_statement(grant: uuid.UUID, first: Stored, sealed: Stored) -> bytes:
    """Return what a team signs when it seals a grant again; ``first`` is the digest of the first ciphertext."""
    return b"resealed grant" + grant.bytes + bytes(first) + blake2b(bytes(sealed), person=b"ciphertext")


def resealing_fault() -> Fault | None:
    """Return the fault of the first grant whose present ciphertext its team has not signed, or None; names its id."""
    signers: dict[str, list[bytes]] = {}
    rows = KeyGrant.objects.filter(first_digest__isnull=False).order_by("team", "pk")
    columns = ("pk", "team__slug", "first_digest", "sealed", "reseal_signature")
    for pk, slug, first, sealed, signature in rows.values_list(*columns).iterator():
        if slug not in signers:
            signers[slug] = list(team_key_history.signers(slug))
        statement = reseal_statement(pk, first, sealed)
        if not any(_has_signed(signer, statement, bytes(signature or b"")) for signer in signers[slug]):
            return None, "was not sealed again by its team as it stands", f"grant {pk}"
    return None


def _has_signed(signer: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        verify(signer, statement, signature)
    except SealError:
        return False
    return True
