"""How long reports are kept: which limit runs where, and the days that follow."""

from datetime import date

import pytest

from complaints.domain import retention_periods
from complaints.domain.retention_periods import ErasureDays, gone_by, period_of
from complaints.domain.workflow import ENDED, OF_INQUIRIES, Status


def test_nothing_runs_while_somebody_works_on_a_report() -> None:
    running = {status for status in Status if period_of(status, is_inquiry=False, was_forwarded=True)}
    assert running - OF_INQUIRIES == ENDED | {Status.RESTING}


@pytest.mark.parametrize(
    ("status", "was_forwarded", "expected"),
    [
        (Status.INELIGIBLE, False, "retention-unforwarded"),
        (Status.REFERRED, False, "retention-unforwarded"),
        (Status.SANCTIONED, True, "retention-forwarded"),
        # The case ended at a body that never had this report.
        (Status.UNSUBSTANTIATED, False, "retention-unforwarded"),
        (Status.WITHDRAWN, True, "retention-withdrawn"),
        (Status.RESTING, False, "retention-resting"),
    ],
)
def test_the_limit_follows_from_the_end_and_from_what_a_body_got(
    status: Status, was_forwarded: bool, expected: str
) -> None:
    assert period_of(status, is_inquiry=False, was_forwarded=was_forwarded) == expected


def test_an_inquiry_is_kept_until_after_its_answer() -> None:
    running = {
        status.value: rule
        for status in OF_INQUIRIES | {Status.WITHDRAWN}
        if (rule := period_of(status, is_inquiry=True, was_forwarded=False))
    }
    kept = dict.fromkeys(("answered", "closed"), "retention-inquiry")
    assert running == {**kept, "withdrawn": "retention-withdrawn"}


def test_a_backup_of_the_day_of_the_erasure_is_counted() -> None:
    """What the backup of that night holds is deleted by the run of the first day after ``backup_days``."""
    assert gone_by(date(2026, 11, 30), 35) == date(2027, 1, 5)


def test_late_is_said_after_the_day_and_not_on_it() -> None:
    days = ErasureDays(retention_periods.WITHDRAWN, date(2027, 1, 1), date(2027, 1, 15), date(2027, 2, 20))
    assert [days.is_late(date(2027, 1, day)) for day in (14, 15, 16)] == [False, False, True]
