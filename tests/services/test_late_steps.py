"""A day of ours that was missed is recorded with the step that comes after it, as the reporter's page says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from complaints.domain.workflow import Action
from complaints.models.case import CaseStep
from complaints.services import case_actions
from complaints.services.keyring import Actor
from tests.world import Cast, at, send_report

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 9)


@pytest.mark.parametrize(("days_after", "is_late"), [(0, False), (1, True)])
def test_a_missed_day_is_recorded_with_the_next_step(cast: Cast, days_after: int, is_late: bool) -> None:
    sent = send_report(today=DAY)
    assert sent.case.due_on
    moment = at(sent.case.due_on + timedelta(days=days_after))
    case_actions.act(
        actor=Actor(cast.ring("vera"), moment), case_id=sent.case.pk, action=Action.START_REVIEW, reason=""
    )
    assert CaseStep.objects.get(case=sent.case, action=Action.START_REVIEW.value).was_late is is_late
