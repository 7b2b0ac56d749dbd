"""How long a report is kept: the name of the limit by where it stands, and the days that follow from it.

The numbers stand in the rule table (data/law/limits.json). A report is kept while somebody works on it; from the day
on which that ended a limit runs, after which it is due for erasure. Two officers then have the days of CARRIED_OUT.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from complaints.domain.workflow import ENDED, Status

UNFORWARDED: Final = "retention-unforwarded"
FORWARDED: Final = "retention-forwarded"
WITHDRAWN: Final = "retention-withdrawn"
RESTING: Final = "retention-resting"
INQUIRY: Final = "retention-inquiry"
PERIODS: Final = (UNFORWARDED, FORWARDED, WITHDRAWN, RESTING, INQUIRY)
# By when what is due is erased, and by when a request for erasure is answered.
CARRIED_OUT: Final = "erasure"
REQUEST: Final = "erasure-request"
# The statuses in which a limit runs: nobody works on the report.
RUNS_IN: Final = ENDED | {Status.RESTING, Status.ANSWERED, Status.CLOSED}
RETENTION: Final = frozenset({*PERIODS, CARRIED_OUT, REQUEST})


def period_of(status: Status, *, is_inquiry: bool, was_forwarded: bool) -> str:
    """Return the name of the limit that runs for a report in ``status``; "" while somebody works on it.

    Args:
        is_inquiry: whether it is a question before a report. One that waits for the office's answer is worked on.
        was_forwarded: whether anything of this report went to a body, and was not recalled.
    """
    if status not in RUNS_IN:
        return ""
    if status is Status.WITHDRAWN:
        return WITHDRAWN
    if is_inquiry:
        return INQUIRY
    if status is Status.RESTING:
        return RESTING
    return FORWARDED if was_forwarded else UNFORWARDED


@dataclass(frozen=True, slots=True)
class ErasureDays:
    """From which day on a report is due for erasure, by when it is erased, when the last backup of its keys is gone.

    ``rule`` is the name of the limit that ``due_on`` follows.
    """

    rule: str
    due_on: date
    erased_by: date
    gone_by: date

    def is_late(self, today: date) -> bool:
        """Whether the office has let the day pass by which it should have been erased."""
        return today > self.erased_by


def gone_by(erased_on: date, backup_days: int) -> date:
    """Return the day on which no backup holds the keys any more; one made on ``erased_on`` may still hold them."""
    return erased_on + timedelta(days=backup_days + 1)
