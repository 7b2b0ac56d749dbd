"""Requests to erase a report under the law on personal data: recorded, answered by a day, each step in the chain.

A reporter asks on the ticket page; what an accused or another person asks by letter an officer enters. Granting is
proposing the erasure (services.erasure.proposals), which another person confirms. Declining needs a reason.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.domain.workflow import Refusal, Status, TransitionRefused
from complaints.models.case import Case, CaseKind, InternalNote
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import case_membership, erasure_days
from complaints.services.audit import batches, erasure_decisions
from complaints.services.audit.erasure_decisions import DECLINED, REQUESTED, Asker, ErasureRequest
from complaints.services.erasure.proposals import LISTED, ErasureRefused, is_asked_for
from complaints.services.follow_up import Ticket, complaint_of
from complaints.services.keyring import Actor, require_admission
from complaints.services.messages import read_note, send_to_reporter, with_marks, write_note
from complaints.services.reporter_steps import append_message, rewrite_identity
from complaints.services.transitions import retry_on_change

# The mark beside the words of a reporter's message that asks for erasure.
REQUEST_MARK: Final = "erasure_request"


@retry_on_change
def ask_as_reporter(*, ticket: Ticket, text: str, today: date) -> None:
    """Send a reporter's request as a message with a mark, so that no column tells which report it is of.

    Raises as ``follow_up.add_message``; TransitionRefused where the report was withdrawn, which is erased by itself.
    """
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
        if case.status == Status.WITHDRAWN:
            raise TransitionRefused(Refusal.NOT_FROM_HERE)
        append_message(complaint, case, ticket.keys, with_marks(text, {REQUEST_MARK: True}), today, batch)
        rewrite_identity(complaint, ticket.keys, today)


def waiting(person: Staff) -> QuerySet[Complaint]:
    """Return the reports that a person may see with a request for erasure that nobody has answered."""
    if person.practising or not access.is_triage(person):
        return Complaint.objects.none()
    return erasure_decisions.open_requests().filter(case__in=access.files_for(person).values("pk"))


def open_requests(person: Staff) -> list[tuple[Complaint, ErasureRequest]]:
    """Return the open requests of :func:`waiting`, those to be answered first first; at most LISTED."""
    reports = list(waiting(person).select_related("case").order_by("pk")[:LISTED])
    requests = erasure_decisions.requests_of([report.pk for report in reports])
    asked_for = [
        (report, request) for report in reports if is_asked_for(request := requests.get(report.pk)) and request
    ]
    return sorted(asked_for, key=lambda row: row[1].answer_by)


def newest(complaint_id: uuid.UUID) -> ErasureRequest | None:
    """Return the newest request on a report, None without one."""
    return erasure_decisions.requests_of([complaint_id]).get(complaint_id)


def words_of(*, actor: Actor, complaint: Complaint, request: ErasureRequest) -> str:
    """Open what was noted of a request; raises SealError, Locked and UnpinnedKey as every note does."""
    note = InternalNote.objects.get(pk=request.note, complaint=complaint)
    return read_note(note, pair=actor.keyring.complaint(complaint), team=actor.keyring.report_team)


@transaction.atomic
def enter(*, actor: Actor, complaint_id: uuid.UUID, asker: Asker, asked_on: date, words: str) -> None:
    """Record a request that came on a day; its answer is due by the limit ``erasure-request`` from then.

    Raises ErasureRefused: reason (no words), request (one waits already, or the day has not come), gone; Locked.
    """
    complaint = _locked(actor, complaint_id)
    if not words.strip():
        raise ErasureRefused("reason")
    if asked_on > actor.today or is_asked_for(newest(complaint_id)):
        raise ErasureRefused("request")
    note = write_note(complaint=complaint, text=words, actor=actor)
    facts = {
        "asker": asker.value,
        "asked_on": asked_on.isoformat(),
        "answer_by": erasure_days.answer_by(asked_on).isoformat(),
        "note": str(note.pk),
    }
    actor.record(REQUESTED, case=complaint.case_id, subject=complaint.pk, facts=facts)


@transaction.atomic
def decline(*, actor: Actor, complaint_id: uuid.UUID, reason: str) -> None:
    """Decline the open request on a report with a reason, which a reporter who asked reads as a message.

    Others get their answer by letter. Raises as :func:`enter`.
    """
    complaint = _locked(actor, complaint_id)
    if not reason.strip():
        raise ErasureRefused("reason")
    request = newest(complaint_id)
    if request is None or not is_asked_for(request):
        raise ErasureRefused("request")
    note = write_note(complaint=complaint, text=reason, actor=actor)
    actor.record(DECLINED, case=complaint.case_id, subject=complaint.pk, facts={"note": str(note.pk)})
    if request.asker is Asker.REPORTER and complaint.has_reporter:
        send_to_reporter(complaint=complaint, text=reason, actor=actor)


def _locked(actor: Actor, complaint_id: uuid.UUID) -> Complaint:
    require_admission(actor.keyring)
    try:
        case = case_membership.lock_around(complaint_id)
    except (Complaint.DoesNotExist, Case.DoesNotExist):
        raise ErasureRefused("gone") from None
    cases = access.cases_for(actor.staff, tuple(CaseKind))
    if actor.staff.practising or not cases.filter(pk=case.pk).exists():
        raise ErasureRefused("gone")
    return Complaint.objects.get(pk=complaint_id)
