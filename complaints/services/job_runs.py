"""Which background job runs next, on which node, and what became of it.

The rows say when a name is due. What a name runs, and which names there are, stands in :mod:`complaints.queue` alone,
so that whoever writes rows can delay a job or run it early, and nothing else. All times are the database's: a node
whose clock is wrong neither takes a job that another one runs nor moves a job into next month.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, QuerySet
from django.utils import timezone

from complaints import access
from complaints.adapters import sandbox
from complaints.models.job import JobFailure, JobName, JobRun
from complaints.queue import ATTEMPTS, BY_NAME, JOBS, PICKED_UP_WITHIN, RETRY_AFTER, Job, lease
from complaints.services.audit.batches import database_now
from complaints.services.keyring import Actor

# The type that stands for a run whose process was ended from outside, so that there is no error to name.
KILLED = "Killed"
TYPE_CHARS = 100
CLASS_NAME = r"^[A-Za-z_][A-Za-z0-9_.]*$"
# The type of the failure where no file is opened on a node.
UNCONFINED = sandbox.Unconfined.__qualname__


@dataclass(frozen=True)
class Claim:
    """A job that waits for a worker of a node until a moment; the moment also tells this claim from later ones."""

    name: str
    until: datetime


@dataclass(frozen=True)
class Run:
    """A job that a worker has begun; the moment of its beginning also tells this run from later ones."""

    name: str
    begun_at: datetime


# --- Taking a job


def claim_due_job(*, now: datetime) -> Claim | None:
    """Claim the job that has been due longest, for PICKED_UP_WITHIN; None where no job is due and free."""
    for job in _due_jobs(now):
        if claim := _claim(job, now):
            return claim
    return None


def _due_jobs(now: datetime) -> list[Job]:
    """Return the jobs that are due and free, the longest due first; rows of other names are not looked at."""
    runs = {run.name: run for run in JobRun.objects.all()}
    missing = [job for job in JOBS if job.name not in runs]
    if missing:
        JobRun.objects.bulk_create([JobRun(name=job.name, due_at=now) for job in missing], ignore_conflicts=True)
    for job in JOBS:
        if (run := runs.get(job.name)) and run.due_at > (latest := job.next_after(now)):
            # No run of this code is due later: the cron was changed, or somebody else wrote the row.
            JobRun.objects.filter(name=job.name, due_at=run.due_at).update(due_at=latest)
    due = [job for job in JOBS if job.name not in runs or _is_due(runs[job.name], now)]
    return sorted(due, key=lambda job: runs[job.name].due_at if job.name in runs else now)


def _is_due(run: JobRun, now: datetime) -> bool:
    # No claim of this code lasts longer than a lease. A worker may begin after ``now`` was read and before the row was.
    is_claimed = run.claimed_until is not None and now < run.claimed_until <= now + lease() + PICKED_UP_WITHIN
    return run.due_at <= now and not is_claimed


@transaction.atomic
def _claim(job: Job, now: datetime) -> Claim | None:
    # What another node is claiming is passed over. SQLite has one writer at a time, from the transaction's start.
    run = JobRun.objects.select_for_update(skip_locked=True).filter(name=job.name).first()
    if run is None or not _is_due(run, now):
        return None
    if run.begun_at is not None:
        _note_failure(job, run, KILLED, now)
        if run.failures < ATTEMPTS:
            run.due_at = now
    until = now + PICKED_UP_WITHIN if run.due_at <= now else None
    run.claimed_until, run.begun_at = until, None
    run.save()
    return Claim(run.name, until) if until else None


def begin(claim: Claim, *, now: datetime) -> Run | None:
    """Begin a claimed job, for the time of a lease; None where the claim has ended, so that the job must not run."""
    held = JobRun.objects.filter(name=claim.name, claimed_until=claim.until, claimed_until__gt=now)
    return Run(claim.name, now) if held.update(claimed_until=now + lease(), begun_at=now) else None


def renew(run: Run, *, now: datetime) -> bool:
    """Extend the lease of a job that is under way; False where it has become another's."""
    return _held(run).update(claimed_until=now + lease()) == 1


def _held(run: Run) -> QuerySet[JobRun]:
    return JobRun.objects.filter(name=run.name, begun_at=run.begun_at, claimed_until__isnull=False)


# --- What became of it


def finish(run: Run, *, now: datetime) -> None:
    """Record that the job went through; it is due again by its cron."""
    _held(run).update(due_at=BY_NAME[run.name].next_after(now), claimed_until=None, begun_at=None, failures=0)


@transaction.atomic
def record_failure(run: Run, *, error_type: str, now: datetime) -> None:
    """Record that the job failed with an error of a type, and when it is tried again.

    Args:
        error_type: the name of the error's class, never its text, which may quote content.
    """
    row = _held(run).select_for_update().first()
    if row is None:  # another worker has the job by now, and this run counts for nothing
        return
    _note_failure(BY_NAME[run.name], row, error_type, now)
    row.claimed_until = row.begun_at = None
    row.save()


def _note_failure(job: Job, run: JobRun, error_type: str, now: datetime) -> None:
    run.failures = min(run.failures + 1, 1000)
    following = job.next_after(now)
    run.due_at = min(following, now + RETRY_AFTER) if run.failures < ATTEMPTS else following
    JobFailure.objects.get_or_create(name=job.name, day=timezone.localdate(now), type=error_type[:TYPE_CHARS])


# --- For administrators


@dataclass(frozen=True)
class JobState:
    """How a job stands: its words, when it is due, since when it runs, how many runs in a row have failed."""

    name: str
    label: str
    due_at: datetime | None
    begun_at: datetime | None
    failures: int


def job_states() -> Iterator[JobState]:
    """Yield every job of the list in its order, also those that have no row yet."""
    runs = {run.name: run for run in JobRun.objects.all()}
    for job in JOBS:
        run = runs.get(job.name)
        yield JobState(
            name=str(job.name),
            label=str(JobName(job.name).label),
            due_at=run.due_at if run else None,
            begun_at=run.begun_at if run else None,
            failures=run.failures if run else 0,
        )


def recent_failures() -> QuerySet[JobFailure]:
    """Return the failures that are kept, the newest first.

    A row that holds anything but the name of a class is none of the portal's: it would tell administrators a sentence.
    """
    return JobFailure.objects.filter(type__regex=CLASS_NAME).order_by("-day", "name", "type")


def failing_jobs() -> int:
    """Return how many jobs have not gone through since they failed."""
    return JobRun.objects.filter(name__in=list(BY_NAME), failures__gt=0).count()


def given_up(names: Collection[str]) -> int:
    """Return how many of these jobs have failed so often that they wait for their hour."""
    return JobRun.objects.filter(name__in=names, failures__gte=ATTEMPTS).count()


def longest_wait(*, now: datetime) -> timedelta | None:
    """Return for how long the job that is due longest has been due; None before any job ran."""
    due = JobRun.objects.filter(name__in=list(BY_NAME)).order_by("due_at").values_list("due_at", flat=True).first()
    return None if due is None else max(now - due, timedelta())


def unconfined_runs(*, today: date) -> QuerySet[JobRun]:
    """Return the job on files where it cannot work, because its system lacks the walls around a process; else none.

    From the failure of that name of today or yesterday until the job goes through again.
    """
    job, yesterday = JobName.PROCESS_EVIDENCE, today - timedelta(days=1)
    refused = JobFailure.objects.filter(name=job, type=UNCONFINED, day__gte=yesterday)
    return JobRun.objects.filter(Exists(refused), name=job, failures__gt=0)


@transaction.atomic
def run_again(*, actor: Actor, name: str) -> bool:
    """Make a job due at once, beside its hours; False where no job has that name.

    A run that is under way already counts as the one asked for.
    """
    if name not in BY_NAME:
        return False
    now = database_now()
    JobRun.objects.update_or_create(name=name, defaults={"due_at": now})
    actor.record("job.asked", facts={"job": name})
    return True


@transaction.atomic
def verify_now(*, actor: Actor) -> bool:
    """Make the verification of the audit chain due at once, for an auditor; False for anybody else."""
    if not access.may_audit(actor.staff):
        return False
    JobRun.objects.update_or_create(name=JobName.VERIFY_CHAIN, defaults={"due_at": database_now()})
    actor.record("verification.asked")
    return True
