"""Figures of the portal that move with reporters' acts, rounded, as of a quarter of the day."""

from __future__ import annotations

from django.db import models


class Measurement(models.Model):
    """The last measurement. A single row; percentages are in steps of five, numbers of files in tens."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # When the quarter of the day began in which it was taken, never the hour of the run.
    taken_at = models.DateTimeField()
    # Free space of the evidence storage and of the disk with PORTAL_VAR, in percent; None where it is not told.
    store_free = models.PositiveSmallIntegerField(null=True)
    disk_free = models.PositiveSmallIntegerField(null=True)
    # What unfinished reports take of DRAFT_MAX_BYTES, in percent.
    drafts_used = models.PositiveSmallIntegerField()
    files_waiting = models.PositiveIntegerField()
    files_failed = models.PositiveIntegerField()
    # Jobs on what reporters send that have not gone through since they failed.
    jobs_failing = models.PositiveSmallIntegerField()
    # The day on which the worker's key was last replaced; None where that is not known.
    worker_key_on = models.DateField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="measurement_single")]

    def __str__(self) -> str:
        return self.taken_at.isoformat()
