"""The moves of reports between cases: one row for each time that a report changed its case."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.random_key import RandomKeyModel


class CaseMove(RandomKeyModel):
    """A report was moved from one case to another: linked, unlinked, or removed by its reporter's withdrawal.

    The step counts tell which part of each case's history belongs to the report; its status page shows no other.
    """

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="moves")
    number = models.PositiveSmallIntegerField()
    source = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    # ``step_count`` of each case at the time of the move.
    source_steps = models.PositiveIntegerField()
    target_steps = models.PositiveIntegerField()
    # The target's deadline after the move: a report that leaves a shared case gets the full number of days.
    target_due_on = models.DateField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    day = models.DateField()
    # Of a reporter's act: the batch whose root takes the move.
    batch = models.PositiveIntegerField(null=True)
    # The reporter's own: a move without a person has no entry that somebody signs.
    signature = models.BinaryField(null=True)
    # None for a reporter's act, which has a day and no hour.
    at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="move_batch")]
        constraints = [
            models.UniqueConstraint(fields=["complaint", "number"], name="move_number"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="move_elsewhere"),
            models.CheckConstraint(
                condition=Q(actor__isnull=True, at__isnull=True) | Q(actor__isnull=False, at__isnull=False),
                name="move_reporter_has_no_hour",
            ),
            models.CheckConstraint(
                condition=Q(actor__isnull=True, batch__isnull=False) | Q(actor__isnull=False, batch__isnull=True),
                name="move_batch_iff_reporter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.number}"
