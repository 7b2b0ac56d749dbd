"""What a reporter does after their report has ended: object once to the end, and say whether the work helped.

Both are messages with a mark inside, so that no column tells which report they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from complaints.domain import workflow
from complaints.domain.workflow import Action, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_membership, transitions
from complaints.services.audit import batches
from complaints.services.follow_up import Ticket, complaint_of
from complaints.services.messages import with_marks
from complaints.services.reporter_page import is_recorded
from complaints.services.reporter_reading import objection_of
from complaints.services.reporter_steps import append_message, perform, rewrite_identity

# The marks beside the text of such a message.
OBJECTION_MARK: Final = "objection"
RATING_MARK: Final = "rating"


class Rating(StrEnum):
    """Whether the work on a report helped its reporter; the last one counts."""

    HELPED = "helped"
    NOT_HELPED = "not_helped"


def objected(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Narrow cases to those in review whose reporter objected and that nobody has closed since."""
    # From the few objections, by an index of theirs, to their cases.
    return cases.filter(status=Status.IN_REVIEW, pk__in=transitions.open_objections().values("case"))


@transitions.retry_on_change
def object_to_end(*, ticket: Ticket, reason: str, today: date) -> None:
    """Object to the end of the report's case, which opens it again for people other than whoever closed it.

    Raises as ``follow_up.add_message``; TransitionRefused also where the day has passed, or the reporter objected once.
    """
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
        objection = objection_of(case, list(case.steps.order_by("sequence")), ticket.keys, today)
        if not (objection.may_object and is_recorded(complaint)):
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        perform(case.pk, Action.OBJECT, ticket.keys.sign, today, batch, reason)
        _append(ticket, complaint, case, reason, {OBJECTION_MARK: True}, today, batch)


@transitions.retry_on_change
def rate(*, ticket: Ticket, rating: Rating, today: date) -> None:
    """Say whether the work helped; raises as ``follow_up.add_message``, TransitionRefused before the end."""
    with transaction.atomic():
        batch = batches.open_batch()
        case = case_membership.lock_around(ticket.complaint_id)
        complaint = complaint_of(ticket, Complaint.objects.select_related("case"))
        if case.status not in workflow.ENDED - {Status.WITHDRAWN}:
            raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
        _append(ticket, complaint, case, "", {RATING_MARK: rating.value}, today, batch)


def _append(
    ticket: Ticket, complaint: Complaint, case: Case, text: str, marks: Mapping[str, object], today: date, batch: int
) -> None:
    append_message(complaint, case, ticket.keys, with_marks(text, marks), today, batch)
    rewrite_identity(complaint, ticket.keys, today)
