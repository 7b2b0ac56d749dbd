"""Acts of triage on several cases at once: each succeeds or fails alone, and the result names each."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction

from complaints import access
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import disclosure_check
from complaints.services.assignment import assign
from complaints.services.case_actions import act, reply_to_reporter
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseChanged, CaseVersion

BULK_LIMIT: Final = 50


class NotSent(Exception):
    """A text was not sent to the reporters of a case; ``code`` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass
class BulkResult:
    """References of the cases that were changed, and of those that were not, each with a code for the reason."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    # Number of ids that are no case, or none that this person may see.
    unknown: int = 0


def bulk_start_review(*, actor: Actor, case_ids: Iterable[uuid.UUID]) -> BulkResult:
    """Start the review of several received cases; a case in another status is refused as changed."""
    received = CaseVersion(Status.RECEIVED.value)
    return _for_each_case(
        actor, case_ids, lambda case: act(actor=actor, case_id=case.pk, action=Action.START_REVIEW, seen=received)
    )


def bulk_propose(*, actor: Actor, case_ids: Iterable[uuid.UUID], reason: str) -> BulkResult:
    """Propose that several cases are not eligible, with one reason; a second person decides on each."""
    action = Action.PROPOSE_INELIGIBLE
    return _for_each_case(actor, case_ids, lambda case: act(actor=actor, case_id=case.pk, action=action, reason=reason))


def bulk_reply(*, actor: Actor, case_ids: Iterable[uuid.UUID], text: str) -> BulkResult:
    """Send the reporters of several cases one text; raises ForbiddenQuestionPut.

    Where the text would disclose something of a case ("discloses") or nobody reads it ("no_reporter"), that case is
    refused: an officer looks at it by itself.
    """
    return _for_each_case(actor, case_ids, lambda case: _reply(actor, case, text))


def _reply(actor: Actor, case: Case, text: str) -> None:
    reports = [report for report in Complaint.objects.filter(case=case).order_by("day", "pk") if report.has_reporter]
    if not reports:
        raise NotSent("no_reporter")
    for report in reports:
        if disclosure_check.check(actor=actor, case_id=case.pk, readers=[report.pk], text=text):
            raise NotSent("discloses")
    for report in reports:
        reply_to_reporter(actor=actor, complaint_id=report.pk, text=text)


def bulk_assign(*, actor: Actor, case_ids: Iterable[uuid.UUID], assignee: Staff | None) -> BulkResult:
    """Assign several cases to a member of triage, or to nobody, by the rules of :func:`assignment.assign`."""
    return _for_each_case(actor, case_ids, lambda case: assign(actor=actor, case_id=case.pk, assignee=assignee))


def officers_of(*, actor: Actor, case_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID | None]:
    """Return by case which officer each of the visible cases has; None for nobody."""
    visible = access.cases_for(actor.staff).filter(pk__in=list(case_ids))
    return dict(visible.values_list("pk", "assignee"))


def restore_officers(
    *, actor: Actor, before: Mapping[uuid.UUID, uuid.UUID | None], given: uuid.UUID | None
) -> BulkResult:
    """Give cases back to whoever had them ``before``, where they are still with ``given``, to whom they went.

    A case that went on meanwhile is refused as changed.
    """
    people = Staff.objects.in_bulk([key for key in before.values() if key])

    def restore(case: Case) -> None:
        if case.assignee_id != given:
            raise CaseChanged
        earlier = before[case.pk]
        assign(actor=actor, case_id=case.pk, assignee=people[earlier] if earlier else None)

    return _for_each_case(actor, before, restore)


@transaction.atomic
def _for_each_case(actor: Actor, case_ids: Iterable[uuid.UUID], change: Callable[[Case], object]) -> BulkResult:
    ids = list(dict.fromkeys(case_ids))[:BULK_LIMIT]
    visible = access.cases_for(actor.staff).filter(pk__in=ids)
    # All rows are locked before the chain, in the order that every transaction uses, so that no two can deadlock.
    list(Complaint.objects.select_for_update().filter(case__in=visible).order_by("pk").values_list("pk"))
    cases = Case.objects.select_for_update().filter(pk__in=visible.values("pk")).order_by("pk")
    by_id = {case.pk: case for case in cases}
    result = BulkResult(unknown=len(ids) - len(by_id))
    for case in (by_id[case_id] for case_id in ids if case_id in by_id):
        try:
            with transaction.atomic():
                change(case)
        except TransitionRefused as refusal:
            result.refused.append((case.reference, refusal.code.value))
        except NotSent as refusal:
            result.refused.append((case.reference, refusal.code))
        except CaseChanged:
            result.refused.append((case.reference, "changed"))
        except (Locked, Case.DoesNotExist):
            result.refused.append((case.reference, "not_theirs"))
        else:
            result.done.append(case.reference)
    return result
