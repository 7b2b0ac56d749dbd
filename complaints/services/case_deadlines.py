"""Applies deadlines: marks agencies that did not act, and tells whether work is waiting.

A question that nobody answers ends no case: the day passes, and a person decides how it goes on.

The steps of the system have no actor; ``transitions.perform`` records them like any other step.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import F
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.team import Staff, Team
from complaints.services import release_steps, transitions
from complaints.services.transitions import CaseChanged, CaseVersion


def run_deadlines(*, now: datetime) -> int:
    """Mark agencies that did not act; return how many cases and further releases changed.

    Practice cases are left out. Cases are selected by status and due date, so that a run makes up for a missed run
    before it.
    """
    today = timezone.localdate(now)
    step = (Action.MARK_OVERDUE, Status.AWAITING_AGENCY, today, now)
    return _system_step(*step) + _step_beside(*step)


def _system_step(action: Action, status: Status, today: date, now: datetime) -> int:
    # The deadline is that of the last step, which the chain records: the column of the case alone moves nothing.
    last = {"steps__sequence": F("step_count"), "steps__due_on__lt": today}
    due = Case.objects.real().active().filter(status=status, **last).values_list("pk", flat=True)
    seen = CaseVersion(status.value)
    changed = 0
    for case_id in list(due):
        try:
            transitions.perform(case_id=case_id, action=action, actor_kind=ActorKind.SYSTEM, at=now, seen=seen)
            changed += 1
        except (CaseChanged, TransitionRefused):  # somebody acted on the case meanwhile, so the deadline is met
            continue
    return changed


def _step_beside(action: Action, status: Status, today: date, now: datetime) -> int:
    """As :func:`_system_step` on further releases, whose own last step says where they stand and since when."""
    seen, changed = CaseVersion(status.value), 0
    for release_id in list(release_steps.past_target(status, today).values_list("pk", flat=True)):
        try:
            release_steps.perform(release_id=release_id, action=action, actor_kind=ActorKind.SYSTEM, at=now, seen=seen)
            changed += 1
        except (CaseChanged, TransitionRefused):
            continue
    return changed


def work_waiting(*, today: date, person: Staff | None = None) -> dict[str, bool]:
    """Return by kind of team whether work is waiting; the notification mail says no more than that.

    Args:
        person: leaves out cases in which this person has a conflict of interest.
    """
    cases = Case.objects.real().active().exclude(pk__in=access.conflicted_cases(person))
    to_decide = cases.filter(
        status__in=[Status.RECEIVED, Status.INELIGIBLE_PROPOSED, Status.VERIFIED, Status.REFERRING]
    )
    body = cases.filter(status__in=[Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED])
    beside = release_steps.waiting_for_body().filter(case__in=Case.objects.real())
    beside = beside.exclude(case__in=access.conflicted_cases(person))
    unread = Message.objects.unread().filter(complaint__case__in=Case.objects.real())
    unread = unread.exclude(complaint__case__in=access.conflicted_cases(person))
    # Nobody answers the question any more, so an officer decides how the case goes on.
    unanswered = cases.filter(status=Status.NEEDS_INFORMATION, asked_from=Status.IN_REVIEW, due_on__lt=today)
    late = cases.overdue(today)
    return {
        **{
            team: unread.filter(complaint__case__held_by=team).exists()
            or any(rows.filter(held_by=team).exists() for rows in (to_decide, late, unanswered))
            for team in access.REPORT_TEAMS
        },
        Team.Kind.BODY: body.exists() or beside.exists(),
    }
