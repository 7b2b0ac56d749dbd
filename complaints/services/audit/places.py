"""Every report stands in the case that its recorded moves lead to.

Moves by staff have an entry each; a reporter's, who withdrew from a joint case, is bound by its day's root.
"""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from complaints.models.audit import AuditEntry
from complaints.models.complaint import Complaint
from complaints.models.linking import Move

EVENTS: Final = ("case.linked", "case.unlinked")
Fault = tuple[int | None, str, str]


def move_facts(move: Move) -> dict[str, Any]:
    """Return what an entry says of a move: which report, from which case to which, and how far those were."""
    return {
        "complaint": str(move.complaint_id),
        "number": move.number,
        "from": str(move.source_id),
        "from_steps": move.source_steps,
        "to": str(move.target_id),
        "to_steps": move.target_steps,
    }


def first_fault() -> Fault | None:
    """Return (None, why, the report's id) of the first report that is elsewhere, or None."""
    for complaint_id in sorted(_astray(), key=str):
        with transaction.atomic():  # once more while nobody can move it: the first look may have met an act half done
            Complaint.objects.select_for_update().get(pk=complaint_id)
            if why := _astray(complaint_id).get(complaint_id):
                return None, why, str(complaint_id)
    return None


def _astray(only: uuid.UUID | None = None) -> dict[uuid.UUID, str]:
    moves = Move.objects.filter(complaint=only) if only else Move.objects.all()
    entries = AuditEntry.objects.filter(event__in=EVENTS).order_by("sequence")
    recorded: dict[str, list[Any]] = {}
    for actor, facts in entries.values_list("actor", "facts"):
        recorded.setdefault(str(facts.get("complaint")), []).append((actor, {**facts, "note": ""}))
    by_report: dict[uuid.UUID, list[Move]] = {}
    for move in moves.order_by("complaint", "number"):
        by_report.setdefault(move.complaint_id, []).append(move)
    places = dict(Complaint.objects.filter(pk__in=by_report).values_list("pk", "case"))
    found = {pk: why for pk, own in by_report.items() if (why := _fault(own, places[pk], recorded.get(str(pk), [])))}
    known = {str(pk) for pk in by_report}
    gone = [uuid.UUID(name) for name in recorded if name not in known and only in (None, uuid.UUID(name))]
    return found | dict.fromkeys(gone, "its moves are gone") | _strays(only)


def _fault(moves: list[Move], place: uuid.UUID, entries: list[Any]) -> str:
    if [move.number for move in moves] != list(range(1, len(moves) + 1)):
        return "a move is missing or too many"
    if any(one.target_id != other.source_id for one, other in pairwise(moves)):
        return "its moves do not follow one another"
    if moves[-1].target_id != place:
        return "stands in another case than its moves lead to"
    own = [(move.actor_id, {**move_facts(move), "note": ""}) for move in moves if move.actor_id]
    return "" if own == entries else "its moves and the chain's entries differ"


def _strays(only: uuid.UUID | None) -> dict[uuid.UUID, str]:
    """Return reports without moves that share a case with another one: somebody put them there past the services."""
    others = Complaint.objects.filter(case=OuterRef("case"), moves__isnull=True).exclude(pk=OuterRef("pk"))
    alone = Complaint.objects.filter(moves__isnull=True)
    alone = alone.filter(pk=only) if only else alone
    return dict.fromkeys(alone.filter(Exists(others)).values_list("pk", flat=True), "shares a case without a move")
