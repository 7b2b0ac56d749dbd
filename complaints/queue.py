"""The closed list of background jobs: the name of each, what it runs, and its hours.

A job takes no argument and finds its work in the database: a row of a queue tells when it was created, which would
record the hour of a reporter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from croniter import croniter
from django.conf import settings
from django.utils import timezone

from complaints.models.job import JobName


@dataclass(frozen=True)
class Job:
    """A scheduled job: its name, the dotted path of its body, and when it runs (cron in TIME_ZONE)."""

    name: JobName
    path: str
    cron: str

    def next_after(self, moment: datetime) -> datetime:
        """Return the first moment after ``moment`` (aware) at which the job is due by its cron, in TIME_ZONE."""
        following: datetime = croniter(self.cron, timezone.localtime(moment)).get_next(datetime)
        return following


JOBS: Final = (
    Job(JobName.HEARTBEAT, "complaints.tasks.heartbeat", "* * * * *"),
    Job(JobName.PROCESS_EVIDENCE, "complaints.tasks.process_evidence", "* * * * *"),
    Job(JobName.RUN_DEADLINES, "complaints.tasks.run_deadlines", "5 * * * *"),
    Job(JobName.AUTO_ASSIGN, "complaints.tasks.auto_assign", "*/10 * * * *"),
    Job(JobName.CLOSE_DAY, "complaints.tasks.close_day", "10 * * * *"),
    Job(JobName.VERIFY_CHAIN, "complaints.tasks.verify_chain", "*/10 1-5 * * *"),
    Job(JobName.SIGNIN_COUNTS, "complaints.tasks.signin_counts", "25 * * * *"),
    Job(JobName.END_DRAFTS, "complaints.tasks.end_drafts", "*/10 * * * *"),
    Job(JobName.SWEEP, "complaints.tasks.sweep", "30 0 * * *"),
    Job(JobName.STAFF_MAIL, "complaints.tasks.staff_mail", "0 8,13 * * 1-5"),
    Job(JobName.MEASURE, "complaints.tasks.measure", "5 */6 * * *"),
)
BY_NAME: Final = {str(job.name): job for job in JOBS}
# A claimed job that no worker has begun by then is free again: it waited behind others, or its node ended.
PICKED_UP_WITHIN: Final = timedelta(seconds=30)
# A job that failed is tried again after so long, if its cron does not come first.
RETRY_AFTER: Final = timedelta(minutes=11)
# After so many failed runs in a row a job waits for its cron, or for an administrator.
ATTEMPTS: Final = 3


def lease() -> timedelta:
    """Return how long a begun job belongs to its worker, which renews it until the job ends."""
    return timedelta(seconds=9 * settings.JOB_BEAT_SECONDS)


def renewed_every() -> float:
    """Return after how many seconds a worker renews the lease of its job."""
    return 2.0 * settings.JOB_BEAT_SECONDS


def hangs_after() -> float:
    """Return for how many seconds a job may use no processor before it counts as one that hangs."""
    return 9.0 * settings.JOB_BEAT_SECONDS


def stalled_after() -> float:
    """Return after how many seconds without a beat the cluster is killed and started again."""
    return 6.0 * settings.JOB_BEAT_SECONDS


def waits_at_most() -> float:
    """Return for how many seconds an answer of the database is waited for; its connection may be dead by then."""
    return 60.0 * settings.JOB_BEAT_SECONDS
