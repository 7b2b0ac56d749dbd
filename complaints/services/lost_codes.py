"""A lost ticket code: two officers agree that a later report is by the sender of an earlier one (docs/adr/0077).

The later report shows nothing of the earlier one. It stays a report of the same case; the office goes on in its thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from complaints import access
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import case_membership
from complaints.services.audit import recorded_acts, recorded_lost_codes
from complaints.services.audit.recorded_lost_codes import AGREED, PROPOSED, REFUSED, LostCode, State
from complaints.services.keyring import Actor, require_admission
from complaints.services.messages import read_note, send_to_reporter, write_note

_LANGUAGES: Final = ("id", "en")


class LostCodeRefused(Exception):
    """Nothing was written. ``code``: reason, report, decided, same_person, changed, under_check."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def of_reports(complaints: Collection[uuid.UUID]) -> dict[uuid.UUID, LostCode]:
    """Return the newest proposal about each of some reports, by the report that goes on."""
    return recorded_lost_codes.of_reports(complaints)


def of_case(case: Case) -> dict[uuid.UUID, LostCode]:
    """Return the newest proposal about each report of a case, by the report that goes on."""
    return of_reports(list(case.complaints.values_list("pk", flat=True)))


def earlier_reports(complaint: Complaint) -> QuerySet[Complaint]:
    """Return the reports of the same case of which the sender of ``complaint`` can have lost the code."""
    reports = Complaint.objects.filter(case=complaint.case_id, channel=Complaint.Channel.WEB, day__lte=complaint.day)
    return reports.exclude(pk=complaint.pk).order_by("day", "pk")


def waiting_for(person: Staff) -> QuerySet[Complaint]:
    """Return the reports whose proposal this person may decide: of a case they see, proposed by somebody else."""
    reports = recorded_lost_codes.waiting_for(person.pk)
    return (
        reports.filter(case__in=access.cases_for(person).values("pk")) if access.is_triage(person) else reports.none()
    )


def reason_of(*, actor: Actor, complaint: Complaint, lost: LostCode) -> str:
    """Open the reason of a proposal; raises SealError, Locked and UnpinnedKey as every note does."""
    note = InternalNote.objects.get(pk=lost.note, complaint=complaint)
    return read_note(note, pair=actor.keyring.complaint(complaint), team=actor.keyring.report_team)


@transaction.atomic
def propose(*, actor: Actor, complaint_id: uuid.UUID, earlier_id: uuid.UUID, reason: str) -> None:
    """Propose that the sender of ``complaint_id`` has lost the code of ``earlier_id``, a report of the same case.

    The reason becomes an internal note. Raises LostCodeRefused, Locked, Case.DoesNotExist, transitions.CaseChanged.
    """
    case, complaint = _locked(actor, complaint_id)
    if not reason.strip():
        raise LostCodeRefused("reason")
    if not (complaint.has_reporter and earlier_reports(complaint).filter(pk=earlier_id).exists()):
        raise LostCodeRefused("report")
    if any(_concerns(lost, complaint_id, earlier_id) for lost in of_case(case).values()):
        raise LostCodeRefused("decided")
    note = write_note(complaint=complaint, text=reason, actor=actor)
    facts = {"earlier": str(earlier_id), "note": str(note.pk)}
    actor.record(PROPOSED, case=case.pk, subject=complaint.pk, facts=facts)


def _concerns(lost: LostCode, complaint: uuid.UUID, earlier: uuid.UUID) -> bool:
    """Whether a proposal that is not refused already says something of one of these reports.

    A report that goes on for one whose code was lost may lose its own code, and then is the earlier one; it goes on for
    no second report, and an earlier one is continued once.
    """
    is_lost_again = lost.state is State.AGREED and lost.complaint == earlier and lost.earlier != complaint
    is_named = not {lost.complaint, lost.earlier}.isdisjoint((complaint, earlier))
    return lost.state is not State.REFUSED and is_named and not is_lost_again


@transaction.atomic
def agree(*, actor: Actor, complaint_id: uuid.UUID, number: int) -> None:
    """Agree to the proposal of entry ``number``, and tell both threads; raises as :func:`propose`."""
    case, complaint = _locked(actor, complaint_id)
    lost = _newest(complaint_id, number)
    if lost.state is not State.OPEN:
        raise LostCodeRefused("decided")
    if lost.proposed_by == actor.staff.pk:
        raise LostCodeRefused("same_person")
    earlier = Complaint.objects.filter(pk=lost.earlier, case=case.pk).first()
    if earlier is None:
        raise LostCodeRefused("changed")
    actor.record(AGREED, case=case.pk, subject=complaint_id, facts={"proposal": str(number)})
    send_to_reporter(complaint=complaint, text=_in_both_languages(_text_for_later), actor=actor)
    send_to_reporter(complaint=earlier, text=_in_both_languages(_text_for_earlier), actor=actor)


@transaction.atomic
def refuse(*, actor: Actor, complaint_id: uuid.UUID, number: int, reason: str) -> None:
    """Refuse a proposal, or take an agreement back, which both threads are told; raises as :func:`propose`."""
    case, complaint = _locked(actor, complaint_id)
    lost = _newest(complaint_id, number)
    if not reason.strip():
        raise LostCodeRefused("reason")
    if lost.state is State.REFUSED:
        raise LostCodeRefused("decided")
    note = write_note(complaint=complaint, text=reason, actor=actor)
    actor.record(REFUSED, case=case.pk, subject=complaint_id, facts={"proposal": str(number), "note": str(note.pk)})
    if lost.state is State.AGREED:
        for told in Complaint.objects.filter(pk__in=(complaint_id, lost.earlier), case=case.pk).order_by("day", "pk"):
            send_to_reporter(complaint=told, text=_in_both_languages(_text_taken_back), actor=actor)


def _locked(actor: Actor, complaint_id: uuid.UUID) -> tuple[Case, Complaint]:
    """Lock the case of a report for an officer who may decide on it."""
    require_admission(actor.keyring)
    case = case_membership.lock_around(complaint_id)
    if not access.cases_for(actor.staff).filter(pk=case.pk).exists():
        raise Case.DoesNotExist
    if not recorded_acts.are_steps_recorded(case):
        raise LostCodeRefused("under_check")
    return case, Complaint.objects.get(pk=complaint_id)


def _newest(complaint_id: uuid.UUID, number: int) -> LostCode:
    lost = recorded_lost_codes.of_reports([complaint_id]).get(complaint_id)
    if lost is None or lost.number != number:
        raise LostCodeRefused("changed")
    return lost


def _in_both_languages(text: Callable[[], str]) -> str:
    """Return a text in Indonesian and in English: nobody knows in which language this reporter reads."""
    parts = []
    for language in _LANGUAGES:
        with translation.override(language):
            parts.append(text())
    return "\n\n".join(parts)


def _text_for_later() -> str:
    return _(
        "Two officers agree that you also sent the earlier report whose code was lost. From now on we write to you "
        "here. What was written under the earlier code is not shown here."
    )


def _text_for_earlier() -> str:
    return _(
        "Somebody wrote to us that the code of this report was lost, and two officers agree that it was the sender. "
        "From now on we write under the new code. Have you not lost your code? Then please tell us here: somebody "
        "else may have claimed to be you."
    )


def _text_taken_back() -> str:
    return _(
        "We said that the code of an earlier report was lost and that we go on under a new one. That is taken back: "
        "from now on both reports are separate again."
    )
