"""What a reporter does with their name on the status page: give it to the body that asks, or take it back."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from complaints.domain import workflow
from complaints.domain.workflow import Status
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity
from complaints.services import case_membership, reference_data, reporter_identity, reporter_reading, transitions
from complaints.services.audit import batches, recorded_acts
from complaints.services.follow_up import Ticket, complaint_of
from complaints.services.reporter_identity import Change, Name


class NotGiven(Exception):
    """The name was not given: another body could get it by now than the page named, or none."""


@transitions.retry_on_change
def give(*, ticket: Ticket, name: Name, body: str, today: date) -> None:
    """Seal a name to the body that the page named; once that body has read one, the place is only written anew.

    Args:
        body: the short name of the body that the page named.

    Raises:
        NotGiven: another body could get a name by now, or none; nothing was written.
        TransitionRefused, CaseChanged, Complaint.DoesNotExist, SealError, UnpinnedKey: as ``follow_up.add_message``.
    """
    with transaction.atomic():
        identity, readers = _locked(ticket)
        asker = reporter_reading.asking_body(reporter_reading.requests_of(ticket.complaint_id), today)
        if asker is None or reference_data.body_name(asker.pk) != body:
            raise NotGiven
        change = None if asker.pk in readers else Change(name)
        reporter_identity.rewrite(identity=identity, reporter=ticket.keys, today=today, change=change)


@transitions.retry_on_change
def take_back(*, ticket: Ticket, today: date) -> None:
    """Take a name back, where there is one, unless its body has read it; raises as :func:`give`, not NotGiven."""
    with transaction.atomic():
        identity, readers = _locked(ticket)
        change = None if identity.body_id in readers else Change(None)
        reporter_identity.rewrite(identity=identity, reporter=ticket.keys, today=today, change=change)


def _locked(ticket: Ticket) -> tuple[Identity, set[str]]:
    """Return the locked identity, and the codes of the bodies that have read a name of the report until then."""
    batches.open_batch()  # before any row is locked
    case = case_membership.lock_around(ticket.complaint_id)
    complaint = complaint_of(ticket, Complaint.objects.all())
    if case.status == Status.WITHDRAWN:
        raise workflow.TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    identity = reporter_identity.locked(complaint)
    return identity, {body for _day, body in recorded_acts.name_readings(complaint.pk)}
