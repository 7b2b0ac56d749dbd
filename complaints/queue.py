"""Names and hours of the background jobs.

A job takes no argument and finds its work in the database: a row of the queue tells when it was created, which would
record the hour of a reporter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.conf import settings

logger = logging.getLogger(__name__)


class JobFailed(Exception):  # noqa: N818
    """A job failed with an exception of the type that it names; the queue stores nothing else of it."""


def job(body: Callable[[], None]) -> Callable[[], None]:
    """Wrap the body of a job so that it raises JobFailed only, because the queue stores the text of an exception."""

    @wraps(body)
    def run() -> None:
        try:
            body()
        except Exception as error:
            logger.exception("A job broke")
            raise JobFailed(type(error).__qualname__) from None

    return run


@dataclass(frozen=True)
class Job:
    """A scheduled job: its name, the dotted path of its body, and when it runs (cron in TIME_ZONE)."""

    name: str
    path: str
    cron: str


JOBS = (
    Job("heartbeat", "complaints.tasks.heartbeat", "* * * * *"),
    Job("process_evidence", "complaints.tasks.process_evidence", "* * * * *"),
    Job("run_deadlines", "complaints.tasks.run_deadlines", "5 * * * *"),
    Job("auto_assign", "complaints.tasks.auto_assign", "*/10 * * * *"),
    Job("close_day", "complaints.tasks.close_day", "10 * * * *"),
    Job("verify_chain", "complaints.tasks.verify_chain", "*/10 1-5 * * *"),
    Job("signin_counts", "complaints.tasks.signin_counts", "25 * * * *"),
    Job("sweep", "complaints.tasks.sweep", "30 0 * * *"),
    Job("staff_mail", "complaints.tasks.staff_mail", "0 8,13 * * 1-5"),
)


def install_schedules() -> None:
    """Make the schedules in the database equal to :data:`JOBS`; safe to call at every start."""
    from django_q.models import Schedule

    for job in JOBS:
        row, _created = Schedule.objects.get_or_create(
            name=job.name,
            defaults={"func": job.path, "schedule_type": Schedule.CRON, "cron": job.cron, "repeats": -1},
        )
        if (row.func, row.cron, row.repeats) != (job.path, job.cron, -1):
            row.func, row.cron, row.repeats = job.path, job.cron, -1
            row.save()
    Schedule.objects.exclude(name__in=[job.name for job in JOBS]).delete()


def watched() -> int:
    """Return the number of seconds without a heartbeat after which the cluster counts as stalled."""
    timeout: int = settings.Q_CLUSTER["timeout"]  # type: ignore[assignment]
    return timeout + 120
