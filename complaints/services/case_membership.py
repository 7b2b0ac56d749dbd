"""Which case a report stands in: moving it, finding its own case again, and the part of each history that is its own.

Only this module writes ``Complaint.case`` after a report was sent. Complaints are locked before cases, both in the
order of their keys, and the chain comes last, as everywhere.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from complaints.domain import case_links, codes
from complaints.domain.workflow import Action, Status
from complaints.models.case import PRACTICE_PREFIX, Case
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import transitions
from complaints.services.transitions import CaseChanged

MAX_REFERENCE_DRAWS = 5
REFERENCE_CHARS = 6


@dataclass(frozen=True)
class MembershipPeriod:
    """A report's time in one case: its steps after ``after``, up to and with ``until`` (None: it is there now)."""

    case_id: uuid.UUID
    after: int
    until: int | None
    since: date | None


def new_reference(day: date, *, practice: bool = False) -> str:
    """Draw a reference; nothing can be told from it but the year, or that it is practice."""
    prefix = PRACTICE_PREFIX if practice else f"KN-{day:%y}-"
    return prefix + "".join(secrets.choice(codes.ALPHABET) for _ in range(REFERENCE_CHARS))


def lock(cases: Iterable[uuid.UUID]) -> dict[uuid.UUID, Case]:
    """Lock cases with all their reports until the transaction ends.

    Raises:
        CaseChanged: a report came or went meanwhile.
        Case.DoesNotExist: one of them is not there.
    """
    wanted = set(cases)
    reports = Complaint.objects.filter(case__in=wanted).order_by("pk")
    locked = list(reports.select_for_update().values_list("pk", flat=True))
    rows = Case.objects.select_for_update(of=("self",)).select_related("category").filter(pk__in=wanted).order_by("pk")
    found = {case.pk: case for case in rows}
    if found.keys() != wanted:
        raise Case.DoesNotExist
    if list(reports.values_list("pk", flat=True)) != locked:
        raise CaseChanged
    return found


def lock_around(complaint_id: uuid.UUID | str) -> Case:
    """Lock the case that a report belongs to, with all its reports, and return it.

    Locks are taken in the order of their keys, so a transaction that holds those of the wrong case cannot go on to
    those of the right one: another attempt needs a transaction of its own (``transitions.retry_on_change``).

    Raises:
        CaseChanged: the report moved to another case meanwhile, or another report came or went.
        Complaint.DoesNotExist: the report is gone.
    """
    case_id = Complaint.objects.values_list("case", flat=True).get(pk=complaint_id)
    case = lock([case_id])[case_id]
    if not Complaint.objects.filter(pk=complaint_id, case=case_id).exists():
        raise CaseChanged
    return case


def is_shared(case: Case) -> bool:
    """Whether more than one report stands in a case."""
    return len(case.complaints.order_by().values_list("pk")[:2]) > 1


def move(
    *,
    complaints: Sequence[Complaint],
    sources: dict[uuid.UUID, Case],
    target: Case,
    actor: Staff | None,
    at: datetime | None,
    day: date,
) -> list[CaseMove]:
    """Put reports whose cases are locked into ``target``, locked as well; ``sources`` are their cases by id."""
    numbers: dict[uuid.UUID, int] = {}
    for complaint_id, number in CaseMove.objects.filter(complaint__in=complaints).values_list("complaint", "number"):
        numbers[complaint_id] = max(number, numbers.get(complaint_id, 0))
    moves = [
        CaseMove(
            complaint=complaint,
            number=numbers.get(complaint.pk, 0) + 1,
            source=sources[complaint.case_id],
            target=target,
            source_steps=sources[complaint.case_id].step_count,
            target_steps=target.step_count,
            actor=actor,
            day=day,
            at=at,
        )
        for complaint in complaints
    ]
    CaseMove.objects.bulk_create(moves)
    Complaint.objects.filter(pk__in=[complaint.pk for complaint in complaints]).update(case=target)
    for complaint in complaints:
        complaint.case = target
    return moves


def separate(*, complaint: Complaint, joint: Case, actor: Staff | None, at: datetime | None, day: date) -> CaseMove:
    """Give a report that shares the locked case ``joint`` a case of its own: the one it came with, where that waits
    empty, else a new one. Its status is what it was, its days count anew."""
    own = _waiting_case(complaint, joint) or _new_case(complaint, joint, day)
    if own.linked_into_id:
        own.linked_into = None
        own.due_on = _fresh(own, day)
        own.save(update_fields=["linked_into", "due_on"])
    return move(complaints=[complaint], sources={joint.pk: joint}, target=own, actor=actor, at=at, day=day)[0]


def _waiting_case(complaint: Complaint, joint: Case) -> Case | None:
    """Return the first of the cases that a report came from which waits empty behind ``joint``."""
    for move in CaseMove.objects.filter(complaint=complaint, source__linked_into=joint).order_by("number"):
        case = Case.objects.select_for_update(of=("self",)).select_related("category").get(pk=move.source_id)
        if not case.complaints.exists():
            return case
    return None


def _new_case(complaint: Complaint, joint: Case, day: date) -> Case:
    """Store a case for the report that ``joint`` was once made for; what is clear of it is that report's."""
    for _attempt in range(MAX_REFERENCE_DRAWS):
        case = Case(
            reference=new_reference(day, practice=joint.is_practice),
            is_practice=joint.is_practice,
            category=joint.category,
            accused_kind_id=joint.accused_kind_id,
            province_id=joint.province_id,
            agency_kind=joint.agency_kind,
            received_on=complaint.day,
            status_on=day,
        )
        case.due_on = _fresh(case, day)
        try:
            with transaction.atomic():
                case.save(force_insert=True)
        except IntegrityError:  # the reference was taken; draw another
            continue
        return case
    raise IntegrityError("reference")


def _fresh(case: Case, day: date) -> date | None:
    """Return a whole new deadline: the days that passed elsewhere are nobody's delay."""
    urgent = case.category.priority == "urgent"
    return transitions.due_date(Status(case.status), received_on=day, entered_on=day, source=None, urgent=urgent)


def membership_periods(complaint: Complaint) -> list[MembershipPeriod]:
    """Return the cases that a report stood in, first to last, each with the steps that were its own there."""
    moves = list(CaseMove.objects.filter(complaint=complaint).order_by("number"))
    if not moves:
        return [MembershipPeriod(complaint.case_id, 0, None, None)]
    way = [MembershipPeriod(moves[0].source_id, 0, moves[0].source_steps, None)]
    for one, following in zip(moves, [*moves[1:], None], strict=True):
        way.append(
            MembershipPeriod(one.target_id, one.target_steps, following.source_steps if following else None, one.day)
        )
    return way


def own_reference(complaint: Complaint) -> str:
    """Return the reference that a reporter knows: that of the case which their report came with, for good.

    That of the joint case would show two reporters that they share one.
    """
    first = CaseMove.objects.filter(complaint=complaint).order_by("number").select_related("source").first()
    return first.source.reference if first else complaint.case.reference


def with_reference(text: str, complaint: Complaint) -> str:
    """Return ``text`` with "{reference}" filled in as this one reporter knows it."""
    return text.replace("{reference}", own_reference(complaint)) if "{reference}" in text else text


def came_after_forwarding(complaint: Complaint, case: Case) -> bool:
    """Whether a report joined its case after that was last forwarded: what the body got does not hold it."""
    last = CaseMove.objects.filter(complaint=complaint).order_by("-number").first()
    if last is None or last.target_id != case.pk:
        return False
    forwards = case.transitions.filter(action=Action.FORWARD).order_by("-sequence")
    sequence = forwards.values_list("sequence", flat=True).first()
    return sequence is not None and last.target_steps >= sequence


def is_held(complaint: Complaint, case: Case) -> bool:
    """Whether a body has this report before it now."""
    asked_from = Status(case.asked_from) if case.asked_from else None
    return case_links.with_body(Status(case.status), asked_from) and not came_after_forwarding(complaint, case)
