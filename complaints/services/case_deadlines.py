"""What the clock does with cases: closing unanswered questions, marking what is late, saying that work waits."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.team import Staff, Team
from complaints.services import transitions
from complaints.services.transitions import CaseChanged


def run_deadlines(*, now: datetime) -> int:
    """Close unanswered questions, mark agencies that did not act, flag what is late; return how many cases changed.

    Practice cases stand still: nobody waits for them.

    Selects by state, not by time window: a missed night is made up by the next run.
    """
    today = timezone.localdate(now)
    changed = _system_step(Action.EXPIRE, Status.NEEDS_INFORMATION, today, now, asked_from=Status.IN_REVIEW)
    changed += _system_step(Action.MARK_OVERDUE, Status.AWAITING_AGENCY, today, now)
    return changed + Case.objects.real().overdue(today).filter(is_late=False).update(is_late=True)


def _system_step(action: Action, status: Status, today: date, now: datetime, **filters: str) -> int:
    due = Case.objects.real().active().filter(status=status, due_on__lt=today, **filters).values_list("pk", flat=True)
    moved = 0
    for case_id in list(due):
        try:
            transitions.perform(case_id=case_id, action=action, actor_kind=ActorKind.SYSTEM, at=now, seen_status=status)
            moved += 1
        except (CaseChanged, TransitionRefused):  # somebody was faster: that is the better outcome
            continue
    return moved


def work_waiting(*, today: date, person: Staff | None = None) -> dict[str, bool]:
    """Tell for which kind of team work waits; the staff mail says no more than that.

    With ``person``, without the cases that they stand in.
    """
    cases = Case.objects.real().active().exclude(pk__in=access.conflicted_cases(person))
    triage = cases.filter(status__in=[Status.RECEIVED, Status.INELIGIBLE_PROPOSED, Status.VERIFIED])
    body = cases.filter(status__in=[Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED])
    unread = Message.objects.unread().filter(complaint__case__is_practice=False)
    unread = unread.exclude(complaint__case__in=access.conflicted_cases(person))
    return {
        Team.Kind.TRIAGE: triage.exists() or unread.exists() or cases.overdue(today).exists(),
        Team.Kind.BODY: body.exists(),
    }
