"""Every case stands where its recorded steps lead, step by step along the table.

Steps of staff, bodies and the system have an entry each; a reporter's step has none, its day's root binds it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from complaints.domain import workflow
from complaints.domain.sealing.primitives import SealError, Stored, blake2b, verify
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import Finding, Recommendation, Release, Sanction
from complaints.services import team_key_history
from complaints.services.audit.log import digest_of

CHUNK: Final = 500
Fault = tuple[int | None, str, str]


def status_fault() -> Fault | None:
    """Return (number of the case's last entry, why, the case's reference) of the first case that is elsewhere."""
    for cases in _case_chunks():
        for case in _displaced_cases(cases):
            fault = _status_fault_locked(case)
            if fault:
                return fault
    return None


def _case_chunks() -> Iterator[list[Case]]:
    last = uuid.UUID(int=0)
    while cases := list(Case.objects.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield cases
        last = cases[-1].pk


def _status_fault_locked(case_id: uuid.UUID) -> Fault | None:
    """Look once more while nobody can move the case: the first look may have met a step half on its way."""
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
    entries: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for step in CaseStep.objects.filter(case__in=ids).order_by("sequence"):
        steps[step.case_id].append(step)
    for entry in AuditEntry.objects.filter(case__in=ids, event="case.transition").order_by("sequence"):
        if entry.case:
            entries[entry.case].append((entry.actor, entry.facts))
    return {case.pk: why for case in cases if (why := _steps_fault(case, steps[case.pk], entries[case.pk]))}


def _steps_fault(case: Case, steps: list[CaseStep], entries: list[Any]) -> str:
    if [step.sequence for step in steps] != list(range(1, case.step_count + 1)):
        return "a step is missing or too many"
    status = Status.RECEIVED
    asked_from: Status | None = None
    for step in steps:
        why = _off_the_table(step, status, asked_from)
        if why:
            return why
        asked_from = status if step.action == Action.ASK_REPORTER else None
        status = Status(step.target)
    if case.status != status:
        return f"stands at {case.status}, its steps lead to {status.value}"
    recorded = [(step.actor_id, _facts(step)) for step in steps if step.actor_kind != ActorKind.REPORTER]
    return "" if recorded == entries else "its steps and the chain's entries differ"


def _off_the_table(step: CaseStep, status: Status, asked_from: Status | None) -> str:
    try:
        row = workflow.transition_for(Action(step.action), status)
        target = workflow.target_of(row, asked_from)
    except (TransitionRefused, ValueError):
        return f"step {step.sequence} is not in the table"
    agreed = (step.source, step.target, step.actor_kind) == (status, target, row.actor)
    return "" if agreed and row.asked_from in (None, asked_from) else f"step {step.sequence} was altered"


def _facts(step: CaseStep) -> dict[str, Any]:
    return {"action": step.action, "from": step.source, "to": step.target, "step": step.sequence}


# Every report stands in the case that its recorded moves lead to.
#
# Moves by staff have an entry each; a reporter's, who withdrew from a joint case, is bound by its day's root.


MOVE_EVENTS: Final = ("case.linked", "case.unlinked")


def move_facts(move: CaseMove) -> dict[str, Any]:
    """Return what an entry says of a move: which report, from which case to which, and how far those were."""
    return {
        "complaint": str(move.complaint_id),
        "number": move.number,
        "from": str(move.source_id),
        "from_steps": move.source_steps,
        "to": str(move.target_id),
        "to_steps": move.target_steps,
    }


def membership_fault() -> Fault | None:
    """Return (None, why, the report's id) of the first report that is elsewhere, or None."""
    for complaint_id in sorted(_displaced_reports(), key=str):
        with transaction.atomic():  # once more while nobody can move it: the first look may have met an act half done
            Complaint.objects.select_for_update().get(pk=complaint_id)
            if why := _displaced_reports(complaint_id).get(complaint_id):
                return None, why, str(complaint_id)
    return None


def _displaced_reports(only: uuid.UUID | None = None) -> dict[uuid.UUID, str]:
    moves = CaseMove.objects.filter(complaint=only) if only else CaseMove.objects.all()
    entries = AuditEntry.objects.filter(event__in=MOVE_EVENTS).order_by("sequence")
    recorded: dict[str, list[Any]] = {}
    for actor, facts in entries.values_list("actor", "facts"):
        recorded.setdefault(str(facts.get("complaint")), []).append((actor, {**facts, "note": ""}))
    by_report: dict[uuid.UUID, list[CaseMove]] = {}
    for move in moves.order_by("complaint", "number"):
        by_report.setdefault(move.complaint_id, []).append(move)
    places = dict(Complaint.objects.filter(pk__in=by_report).values_list("pk", "case"))
    found = {
        pk: why for pk, own in by_report.items() if (why := _moves_fault(own, places[pk], recorded.get(str(pk), [])))
    }
    known = {str(pk) for pk in by_report}
    gone = [uuid.UUID(name) for name in recorded if name not in known and only in (None, uuid.UUID(name))]
    return found | dict.fromkeys(gone, "its moves are gone") | _reports_without_move(only)


def _moves_fault(moves: list[CaseMove], place: uuid.UUID, entries: list[Any]) -> str:
    if [move.number for move in moves] != list(range(1, len(moves) + 1)):
        return "a move is missing or too many"
    if any(one.target_id != other.source_id for one, other in pairwise(moves)):
        return "its moves do not follow one another"
    if moves[-1].target_id != place:
        return "stands in another case than its moves lead to"
    own = [(move.actor_id, {**move_facts(move), "note": ""}) for move in moves if move.actor_id]
    return "" if own == entries else "its moves and the chain's entries differ"


def _reports_without_move(only: uuid.UUID | None) -> dict[uuid.UUID, str]:
    """Return reports without moves that share a case with another one: somebody put them there past the services."""
    others = Complaint.objects.filter(case=OuterRef("case"), moves__isnull=True).exclude(pk=OuterRef("pk"))
    alone = Complaint.objects.filter(moves__isnull=True)
    alone = alone.filter(pk=only) if only else alone
    return dict.fromkeys(alone.filter(Exists(others)).values_list("pk", flat=True), "shares a case without a move")


# The rows that entries speak of: what staff and bodies wrote, held against the digests in the chain.


# By event: the fact that names the row, and where the row can be.
_TABLES: Final[Mapping[str, tuple[str, tuple[type[models.Model], ...]]]] = {
    "message.sent": ("message", (Message,)),
    "note.written": ("note", (InternalNote,)),
    "assessment.recorded": ("assessment", (Assessment,)),
    "release.made": ("release", (Release,)),
    "decision.recorded": ("decision", (Finding, Recommendation, Sanction)),
}
Digests = Mapping[uuid.UUID, Mapping[str, str]]


def stored_digests(entries: Iterable[AuditEntry]) -> Digests:
    """Return the digests of the rows that ``entries`` name, read in few queries; entries are not trusted yet."""
    named: dict[str, list[uuid.UUID]] = {}
    for entry in entries:
        row = _row(entry)
        if row is not None:
            named.setdefault(entry.event, []).append(row)
    return {
        row: digests
        for event, rows in named.items()
        for model in _TABLES[event][1]
        for row, digests in _digests(model, rows)
    }


def _row(entry: AuditEntry) -> uuid.UUID | None:
    if entry.event not in _TABLES or not isinstance(entry.facts, dict):
        return None
    try:
        return uuid.UUID(str(entry.facts.get(_TABLES[entry.event][0])))
    except ValueError:
        return None


def _digests(model: type[models.Model], rows: list[uuid.UUID]) -> Iterable[tuple[uuid.UUID, dict[str, str]]]:
    found = model._default_manager.filter(pk__in=rows)
    if model is not Message:
        for row, sealed in found.values_list("pk", "sealed"):
            yield row, {"digest": digest_of(sealed)}
        return
    for row, sealed, copy in found.values_list("pk", "sealed", "sealed_for_reporter"):
        yield row, {"digest": digest_of(sealed), **({"copy": digest_of(copy)} if copy else {})}


def row_fault(entry: AuditEntry, stored: Digests) -> str:
    """Return why the row that a verified entry names does not hold, or ""."""
    if entry.event not in _TABLES:
        return ""
    name = _TABLES[entry.event][0]
    row = _row(entry)
    if row is None or row not in stored:
        return f"its {name} is gone"
    expected = {key: entry.facts[key] for key in ("digest", "copy") if key in entry.facts}
    return "" if stored[row] == expected else f"its {name} was altered"


def unrecorded_rows() -> tuple[int | None, str, str] | None:
    """Return (no entry, why, kind) where more of staff's writing is stored than was ever recorded, else None."""
    for event in _TABLES:
        if _surplus(event) > 0 and _surplus_at_rest(event) > 0:
            return None, f"more is stored than the chain's {event} entries speak of", _TABLES[event][0]
    return None


def _surplus(event: str) -> int:
    stored = sum(_written(model).count() for model in _TABLES[event][1])
    return stored - AuditEntry.objects.filter(event=event).count()


def _surplus_at_rest(event: str) -> int:
    """Count again while nobody can append: the first count may have met an act half on its way."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        return _surplus(event)


def _written(model: type[models.Model]) -> models.QuerySet[Any]:
    rows = model._default_manager.all()
    return rows.exclude(direction=Message.Direction.FROM_REPORTER) if model is Message else rows


# Grants that were sealed again to a later key of their team: what stands there must be what the team put there.
#
# The root of a report's day binds the digest of what stood there first; the team's signature binds that to what stands
# there now. Neither needs a private key to be checked.


def reseal_statement(grant: uuid.UUID, first: Stored, sealed: Stored) -> bytes:
    """Return what a team signs when it seals a grant again (``first``: the digest of what stood there first)."""
    return b"resealed grant" + grant.bytes + bytes(first) + blake2b(bytes(sealed), person=b"ciphertext")


def resealing_fault() -> Fault | None:
    """Return (no entry, why, the grant) of the first grant that its team did not seal again as it stands, or None."""
    known: dict[str, list[bytes]] = {}
    rows = KeyGrant.objects.filter(first_digest__isnull=False).order_by("team", "pk")
    columns = ("pk", "team__slug", "first_digest", "sealed", "reseal_signature")
    for pk, slug, first, sealed, signature in rows.values_list(*columns).iterator():
        if slug not in known:
            known[slug] = list(team_key_history.signers(slug))
        statement = reseal_statement(pk, first, sealed)
        if not any(_signed(signer, statement, bytes(signature or b"")) for signer in known[slug]):
            return None, "was not sealed again by its team as it stands", f"grant {pk}"
    return None


def _signed(signer: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        verify(signer, statement, signature)
    except SealError:
        return False
    return True
