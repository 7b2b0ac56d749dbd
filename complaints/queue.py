"""Names and hours of the background jobs. Every job finds its work by state; none carries an argument, because a row
of the queue tells when it was made, and a reporter's hour must stand nowhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.conf import settings

logger = logging.getLogger(__name__)


class JobFailed(Exception):  # noqa: N818
    """A job ended with an exception of the type that it names; the queue keeps no more of it."""


def job(body: Callable[[], None]) -> Callable[[], None]:
    """Wrap the body of a job: the queue writes an exception's text into a row, and such a text may hold anything."""

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
    """A scheduled job: its name, the dotted path of its body, and when it runs (cron, the portal's time zone)."""

    name: str
    path: str
    cron: str


JOBS = (
    Job("heartbeat", "complaints.tasks.heartbeat", "* * * * *"),
    Job("process_evidence", "complaints.tasks.process_evidence", "* * * * *"),
    Job("run_deadlines", "complaints.tasks.run_deadlines", "5 * * * *"),
    Job("auto_assign", "complaints.tasks.auto_assign", "*/10 * * * *"),
    Job("close_day", "complaints.tasks.close_day", "10 0 * * *"),
    Job("sweep", "complaints.tasks.sweep", "30 0 * * *"),
    Job("staff_mail", "complaints.tasks.staff_mail", "0 8,13 * * 1-5"),
)


def install_schedules() -> None:
    """Make the database's schedules equal to :data:`JOBS`; safe to call at every start."""
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
    """Return after how many seconds without a heartbeat the cluster counts as frozen."""
    timeout: int = settings.Q_CLUSTER["timeout"]  # type: ignore[assignment]
    return timeout + 120
