"""One act on many cases: each by itself, in one transaction, and told apart, so that nothing is half done silently."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction

from complaints import access
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services.casework.acting import act
from complaints.services.casework.assigning import assign
from complaints.services.transitions import CaseChanged
from complaints.services.vault import Keyring, Locked

MANY_AT_MOST: Final = 50


@dataclass
class Outcome:
    """References of the cases where it was done, and of those where it was not, each with a code that says why."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    # Asked for, and not there for this person (any more).
    unknown: int = 0


def start_review_of(*, keyring: Keyring, case_ids: Iterable[uuid.UUID], now: datetime) -> Outcome:
    """Begin to check several new cases; one that somebody else has moved meanwhile is left as it is."""

    def begin(case: Case) -> None:
        act(keyring=keyring, case_id=case.pk, action=Action.START_REVIEW, now=now, seen_status=Status.RECEIVED.value)

    return _each(keyring, case_ids, begin)


def assign_many(*, keyring: Keyring, case_ids: Iterable[uuid.UUID], assignee: Staff | None, now: datetime) -> Outcome:
    """Give several cases to a member of triage, or to nobody; for each the rules of giving one hold."""
    return _each(keyring, case_ids, lambda case: assign(keyring=keyring, case_id=case.pk, assignee=assignee, now=now))


@transaction.atomic
def _each(keyring: Keyring, case_ids: Iterable[uuid.UUID], do: Callable[[Case], object]) -> Outcome:
    asked = list(dict.fromkeys(case_ids))[:MANY_AT_MOST]
    mine = access.cases_for(keyring.staff).filter(pk__in=asked)
    # All complaints, then all cases, before the first entry in the chain: whoever holds more than one row takes them
    # in this order, and nobody waits for anybody in a circle.
    list(Complaint.objects.select_for_update().filter(case__in=mine).order_by("pk").values_list("pk"))
    found = {case.pk: case for case in Case.objects.select_for_update().filter(pk__in=mine.values("pk")).order_by("pk")}
    outcome = Outcome(unknown=len(asked) - len(found))
    for case_id in asked:
        if case_id in found:
            _one(found[case_id], do, outcome)
    return outcome


def _one(case: Case, do: Callable[[Case], object], outcome: Outcome) -> None:
    try:
        with transaction.atomic():
            do(case)
    except TransitionRefused as refusal:
        outcome.refused.append((case.reference, refusal.code.value))
    except CaseChanged:
        outcome.refused.append((case.reference, "changed"))
    except (Locked, Case.DoesNotExist):
        outcome.refused.append((case.reference, "not_theirs"))
    else:
        outcome.done.append(case.reference)
