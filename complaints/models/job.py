"""When each background job runs next, who has claimed it, and which jobs failed; names come from a closed list.

These rows choose an hour and nothing else: what a name runs stands in the code (:mod:`complaints.queue`).
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

FAILURE_DAYS = 30


class JobName(models.TextChoices):
    """The closed list of jobs, each with what is said of it."""

    HEARTBEAT = "heartbeat", _("Sign of life")
    PROCESS_EVIDENCE = "process_evidence", _("Working copies of evidence")
    RUN_DEADLINES = "run_deadlines", _("Deadlines")
    AUTO_ASSIGN = "auto_assign", _("Automatic assignment")
    CLOSE_DAY = "close_day", _("Closing of the day in the audit chain")
    VERIFY_CHAIN = "verify_chain", _("Verification of the audit chain")
    SIGNIN_COUNTS = "signin_counts", _("Counts of refused sign-ins")
    END_DRAFTS = "end_drafts", _("End of unfinished reports")
    SWEEP = "sweep", _("Deletion after retention")
    STAFF_MAIL = "staff_mail", _("Mail to teams")
    MEASURE = "measure", _("Rounded figures for operators")


class JobRun(models.Model):
    """The next run of a job. A missing row means that the job is due."""

    name = models.CharField(primary_key=True, max_length=30, choices=JobName)
    due_at = models.DateTimeField()
    # Until when a node has the job to itself; None while nobody has it.
    claimed_until = models.DateTimeField(null=True)
    # When the claimed run began; None while it waits for a free worker, and after it ended.
    begun_at = models.DateTimeField(null=True)
    # Failed runs since the last one that went through.
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(name__in=JobName.values), name="job_run_of_the_list"),
        ]

    def __str__(self) -> str:
        return self.name


class JobFailureQuerySet(models.QuerySet["JobFailure"]):
    """Filters by day."""

    def expired(self, today: date) -> JobFailureQuerySet:
        """Failures of more than FAILURE_DAYS ago."""
        return self.filter(day__lt=today - timedelta(days=FAILURE_DAYS))


class JobFailure(models.Model):
    """A job failed on a day with an error of a type: the name of its class, because its text may quote content."""

    name = models.CharField(max_length=30, choices=JobName)
    day = models.DateField()
    type = models.CharField(max_length=100)

    objects = JobFailureQuerySet.as_manager()

    class Meta:
        verbose_name = _("failed job")
        verbose_name_plural = _("background jobs")
        constraints = [
            models.CheckConstraint(condition=models.Q(name__in=JobName.values), name="job_failure_of_the_list"),
            models.UniqueConstraint(fields=["day", "name", "type"], name="job_failure_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.day} {self.type}"
