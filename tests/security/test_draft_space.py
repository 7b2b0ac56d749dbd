"""The short form of the attack draft_free_min: the clock moves in place of waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from bench.attack import drafts
from bench.attack.catalogue import ATTACKS
from complaints.services import retention
from tests.security.attacks.portal import TestPortal
from tests.services.evidence.uploading import store_in
from tests.world import Cast, at

DAY = date(2026, 11, 9)


@pytest.fixture
def target(cast: Cast, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestPortal]:
    """A portal whose unfinished reports end after five minutes, at the hour."""
    store_in(settings, tmp_path / "evidence")
    settings.REPORTER_IDLE_SECONDS = {**settings.REPORTER_IDLE_SECONDS, "draft": 300}
    target = TestPortal(tmp_path, None, monkeypatch)
    # The wait is looked through in steps of half a minute: each lists all that is stored.
    monkeypatch.setattr(drafts, "STEP_SECONDS", 30.0)
    with time_machine.travel(at(DAY, 9), tick=False) as target.clock:
        yield target


@pytest.mark.parametrize("after", [0, 313, 599])
def test_space_is_free_within_fifteen_minutes_of_the_end(target: TestPortal, after: int) -> None:
    """The report is left so many seconds after a run of the job."""
    target.wait(after)
    assert 0 < drafts.draft_free_min(target) <= ATTACKS[drafts.draft_free_min]


def test_a_portal_that_waits_for_the_night_is_found(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "end_drafts", lambda now: 0)
    assert drafts.draft_free_min(target) > ATTACKS[drafts.draft_free_min]


def test_a_portal_that_forgets_the_segments_is_found(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("complaints.services.evidence.drafts.part_name", lambda *_which: "other")
    monkeypatch.setattr("complaints.services.evidence.resumable.part_name", lambda *_which: "a" * 32)
    assert drafts.draft_free_min(target) > ATTACKS[drafts.draft_free_min]


def test_a_portal_that_ends_reports_early_is_told(target: TestPortal) -> None:
    left = drafts.leave_draft(target)
    retention.end_drafts(now=timezone.now() + timedelta(hours=1))
    with pytest.raises(RuntimeError, match="before its end"):
        drafts.seconds_until_gone(target, left)
