"""Legal holds: an officer sets one at once, because it only keeps; two people lift it."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.models.case import Case, CaseKind
from complaints.models.complaint import Complaint
from complaints.models.erasure import LegalHold
from complaints.models.team import Staff
from complaints.services import case_membership
from complaints.services.audit import erasure_decisions, log
from complaints.services.audit.erasure_decisions import HOLD_LIFTED, HOLD_SET, LIFT_ASKED
from complaints.services.keyring import Actor, require_admission

Ground = LegalHold.Ground


class HoldRefused(Exception):
    """Nothing was written. ``code``: held, gone, asked, same_person, record."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def in_force(complaints: Collection[uuid.UUID]) -> dict[uuid.UUID, LegalHold]:
    """Return the holds in force on some reports, by report, with the people who set them and asked to lift them."""
    rows = LegalHold.objects.filter(complaint__in=complaints, lifted_on=None)
    return {row.complaint_id: row for row in rows.select_related("set_by", "lift_asked_by")}


def listed(person: Staff) -> QuerySet[LegalHold]:
    """Return the holds in force on reports that a person may see, the newest first."""
    if person.practising or not access.is_triage(person):
        return LegalHold.objects.none()
    rows = LegalHold.objects.filter(lifted_on=None, complaint__case__in=access.files_for(person).values("pk"))
    return rows.select_related("complaint__case", "set_by", "lift_asked_by").order_by("-set_on", "pk")


@transaction.atomic
def set_hold(*, actor: Actor, complaint_id: uuid.UUID, ground: Ground) -> None:
    """Let a report not be erased until two people have lifted the hold; also one whose erasure is confirmed.

    Raises HoldRefused: held (there is one), gone (the report is not here, or is being erased already); Locked,
    UnpinnedKey, SealError.
    """
    complaint = _locked(actor, complaint_id)
    if complaint_id in in_force([complaint_id]):
        raise HoldRefused("held")
    row = LegalHold(complaint=complaint, ground=ground, set_by=actor.staff, set_on=actor.today)
    row.save(force_insert=True)
    _record(actor, HOLD_SET, row, complaint)


@transaction.atomic
def ask_lift(*, actor: Actor, complaint_id: uuid.UUID) -> None:
    """Ask another person to lift the hold on a report; raises as :func:`set_hold`, and HoldRefused: asked, record."""
    row, complaint = _locked_hold(actor, complaint_id)
    if row.lift_asked_by_id is not None:
        raise HoldRefused("asked")
    row.lift_asked_by = actor.staff
    row.save(update_fields=["lift_asked_by"])
    _record(actor, LIFT_ASKED, row, complaint)


@transaction.atomic
def lift(*, actor: Actor, complaint_id: uuid.UUID) -> None:
    """Lift the hold on a report, as another person than the one who asked; raises as :func:`ask_lift`, same_person."""
    row, complaint = _locked_hold(actor, complaint_id)
    if row.lift_asked_by_id is None or row.lift_asked_by_id == actor.staff.pk:
        raise HoldRefused("same_person")
    row.lifted_by, row.lifted_on = actor.staff, actor.today
    row.save(update_fields=["lifted_by", "lifted_on"])
    _record(actor, HOLD_LIFTED, row, complaint)


def _locked(actor: Actor, complaint_id: uuid.UUID) -> Complaint:
    require_admission(actor.keyring)
    try:
        case = case_membership.lock_around(complaint_id)
    except (Complaint.DoesNotExist, Case.DoesNotExist):
        raise HoldRefused("gone") from None
    cases = access.cases_for(actor.staff, tuple(CaseKind))
    if actor.staff.practising or not cases.filter(pk=case.pk).exists():
        raise HoldRefused("gone")
    log.lock_head()
    return Complaint.objects.get(pk=complaint_id)


def _locked_hold(actor: Actor, complaint_id: uuid.UUID) -> tuple[LegalHold, Complaint]:
    complaint = _locked(actor, complaint_id)
    rows = LegalHold.objects.select_for_update(of=("self",))
    row = rows.filter(complaint=complaint, lifted_on=None).first()
    if row is None:
        raise HoldRefused("gone")
    if not erasure_decisions.is_hold_recorded(row):
        raise HoldRefused("record")
    return row, complaint


def _record(actor: Actor, event: str, row: LegalHold, complaint: Complaint) -> None:
    facts = {"hold": str(row.pk), "ground": row.ground}
    actor.record(event, case=complaint.case_id, subject=complaint.pk, facts=facts)
