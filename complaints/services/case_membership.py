"""Which case a report belongs to: moving it, giving it its own case again, and which steps of a case concern it.

Only this module writes ``Complaint.case`` after submission. Complaints are locked before cases, both by primary key,
and the audit chain last, as in every transaction.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from complaints.domain import codes, workflow
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.workflow import Status
from complaints.models.case import INQUIRY_PREFIX, PRACTICE_PREFIX, Case
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release, ReleasedReport
from complaints.models.team import Staff
from complaints.services import transitions
from complaints.services.audit import recorded_acts
from complaints.services.transitions import CaseChanged

MAX_REFERENCE_DRAWS = 5
REFERENCE_CHARS = 6


@dataclass(frozen=True)
class MembershipPeriod:
    """The time that a report spent in one case, from its step ``after`` (exclusive) to ``until``.

    ``after`` is 0 and ``since`` None where the report came with the case; ``until`` is None where it is still there.
    ``due_on`` is the case's deadline when the period began.
    """

    case_id: uuid.UUID
    after: int
    until: int | None
    since: date | None
    due_on: date | None


def new_reference(day: date, *, practice: bool = False, inquiry: bool = False) -> str:
    """Draw a random reference; it reveals only the year, that the case is for practice, or that it is an inquiry."""
    prefix = PRACTICE_PREFIX if practice else INQUIRY_PREFIX if inquiry else f"KN-{day:%y}-"
    return prefix + "".join(secrets.choice(codes.ALPHABET) for _ in range(REFERENCE_CHARS))


def lock(case_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Case]:
    """Lock cases with all their reports until the transaction ends; return them by id.

    Raises CaseChanged where a report joined or left one meanwhile, and Case.DoesNotExist.
    """
    ids = set(case_ids)
    reports = Complaint.objects.filter(case__in=ids).order_by("pk")
    locked = list(reports.select_for_update().values_list("pk", flat=True))
    rows = Case.objects.select_for_update(of=("self",)).select_related("category").filter(pk__in=ids).order_by("pk")
    cases = {case.pk: case for case in rows}
    if cases.keys() != ids:
        raise Case.DoesNotExist
    if list(reports.values_list("pk", flat=True)) != locked:
        raise CaseChanged
    return cases


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
    """Whether a case has more than one report."""
    return len(case.complaints.order_by().values_list("pk")[:2]) > 1


def move(
    *,
    complaints: Sequence[Complaint],
    sources: dict[uuid.UUID, Case],
    target: Case,
    actor: Staff | None,
    at: datetime | None,
    day: date,
    batch: int | None = None,
    reporter: SignPair | None = None,
) -> list[CaseMove]:
    """Move reports from the locked cases ``sources`` into the locked ``target``; return the rows that record it.

    ``at`` is an aware time, or None for a reporter's act, which has a day only, and ``batch``, the open batch, and is
    signed with the key of the ``reporter``.
    """
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
            target_due_on=target.due_on,
            actor=actor,
            day=day,
            batch=batch,
            at=at,
        )
        for complaint in complaints
    ]
    if reporter is not None:
        for row in moves:
            row.signature = reporter.sign(recorded_acts.move_statement(row))
    CaseMove.objects.bulk_create(moves)
    Complaint.objects.filter(pk__in=[complaint.pk for complaint in complaints]).update(case=target)
    for complaint in complaints:
        complaint.case = target
    return moves


def separate(
    *,
    complaint: Complaint,
    joint: Case,
    actor: Staff | None,
    at: datetime | None,
    day: date,
    batch: int | None = None,
    reporter: SignPair | None = None,
) -> CaseMove:
    """Move a report out of the shared, locked case ``joint`` into its own case; arguments as for :func:`move`.

    That is the case which it came with, where that is empty, else a new one. The status stays; deadlines begin anew.
    """
    target = _empty_source(complaint, joint) or _new_case(complaint, joint, day)
    if target.linked_into_id:
        target.linked_into = None
        target.due_on = _full_deadline(target, day)
        target.save(update_fields=["linked_into", "due_on"])
    return move(
        complaints=[complaint],
        sources={joint.pk: joint},
        target=target,
        actor=actor,
        at=at,
        day=day,
        batch=batch,
        reporter=reporter,
    )[0]


def _empty_source(complaint: Complaint, joint: Case) -> Case | None:
    """Return the first of a report's earlier cases that is linked into ``joint`` and has no reports."""
    for move in CaseMove.objects.filter(complaint=complaint, source__linked_into=joint).order_by("number"):
        case = Case.objects.select_for_update(of=("self",)).select_related("category").get(pk=move.source_id)
        if not case.complaints.exists():
            return case
    return None


def _new_case(complaint: Complaint, joint: Case, day: date) -> Case:
    """Create a case for the report that ``joint`` was created for; the plaintext columns are that report's."""
    for _attempt in range(MAX_REFERENCE_DRAWS):
        case = Case(
            reference=new_reference(day, practice=joint.is_practice),
            is_practice=joint.is_practice,
            held_by=joint.held_by,
            category=joint.category,
            accused_kind_id=joint.accused_kind_id,
            province_id=joint.province_id,
            agency_kind=joint.agency_kind,
            received_on=complaint.day,
            status_on=day,
        )
        case.due_on = _full_deadline(case, day)
        try:
            with transaction.atomic():
                case.save(force_insert=True)
        except IntegrityError:  # the reference exists already: draw another
            continue
        return case
    raise IntegrityError("reference")


def _full_deadline(case: Case, day: date) -> date | None:
    """Return the due date as if the status began on ``day``: the days in the shared case are not counted."""
    urgent = case.is_urgent
    return transitions.due_date(Status(case.status), received_on=day, entered_on=day, source=None, urgent=urgent)


def moves_of(complaint: Complaint) -> list[CaseMove]:
    """Return the moves of a report, in order, each with the case that it came from."""
    return list(CaseMove.objects.filter(complaint=complaint).order_by("number").select_related("source"))


def membership_periods(complaint: Complaint, moves: Sequence[CaseMove]) -> list[MembershipPeriod]:
    """Return the cases that a report has belonged to, first to last, with the steps that concerned it in each.

    ``moves`` are all of the report, in order.
    """
    if not moves:
        return [MembershipPeriod(complaint.case_id, 0, None, None, complaint.check_by)]
    first = MembershipPeriod(moves[0].source_id, 0, moves[0].source_steps, None, complaint.check_by)
    ends = [*(move.source_steps for move in moves[1:]), None]
    return [
        first,
        *(
            MembershipPeriod(move.target_id, move.target_steps, end, move.day, move.target_due_on)
            for move, end in zip(moves, ends, strict=True)
        ),
    ]


def cases_of(complaints: Iterable[Complaint]) -> set[uuid.UUID]:
    """Return the ids of the cases that reports are in and have ever been in; one query."""
    complaints = list(complaints)
    moves = CaseMove.objects.filter(complaint__in=complaints).values_list("source", "target")
    return {case for pair in moves for case in pair} | {complaint.case_id for complaint in complaints}


def own_reference(complaint: Complaint) -> str:
    """Return the reference that the reporter knows: that of the case which their report came with.

    The reference of a shared case would reveal to two reporters that they share one.
    """
    if complaint.case_id == complaint.pk:
        return complaint.case.reference
    return Case.objects.values_list("reference", flat=True).get(pk=complaint.pk)


def with_reference(text: str, complaint: Complaint) -> str:
    """Return ``text`` with "{reference}" replaced by the reference that this reporter knows."""
    return text.replace("{reference}", own_reference(complaint)) if "{reference}" in text else text


def reports_of_release(first: Release) -> QuerySet[ReleasedReport, uuid.UUID]:
    """Return the ids of the reports that a body holds by a forwarding and its supplements."""
    rows = ReleasedReport.objects.filter(Q(release=first) | Q(release__first=first))
    return rows.exclude(release__state=Release.State.RECALLED).values_list("complaint", flat=True)


def held_reports(case: Case) -> dict[uuid.UUID, int]:
    """Return the reports of which the body that has the case holds something, with its numbers of them; one query."""
    asked_from = Status(case.asked_from) if case.asked_from else None
    if not workflow.with_body(Status(case.status), asked_from):
        return {}
    rows = ReleasedReport.objects.filter(
        release__case=case, release__body=case.lead_body_id, release__state=Release.State.OPEN
    )
    return dict(rows.values_list("complaint", "number"))


def is_held(complaint: Complaint, case: Case) -> bool:
    """Whether a body is working on this report now, the one that leads the case or another."""
    return complaint.pk in held_reports(case) or is_held_beside(complaint)


def held_beside(case: Case) -> set[uuid.UUID]:
    """Return the reports of which a body holds something by a further release that did not end; one query."""
    rows = ReleasedReport.objects.filter(release__case=case, release__is_further=True)
    return set(rows.filter(release__state=Release.State.OPEN).values_list("complaint", flat=True))


def is_held_beside(complaint: Complaint) -> bool:
    """Whether a body holds this report by a further release that did not end."""
    return complaint.pk in held_beside(complaint.case)


def may_leave(complaint: Complaint, case: Case) -> bool:
    """Whether a withdrawal takes a report out of a joint case that continues with the other reports.

    What a body ended, it ended without a report that it does not hold: for its reporter that is open still.
    """
    is_ended = case.status in workflow.ENDED and not workflow.with_body(Status(case.status), None)
    return is_shared(case) and not is_ended and not is_held(complaint, case)
