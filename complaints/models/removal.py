"""Requests to remove a member from a team: one member asks, another confirms, or everybody is alarmed for a day."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.team import Staff, Team, TeamMembership


class RemovalRequest(models.Model):
    """A member asks to end the membership of another. The audit chain says the same, and decides where they differ."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        STOPPED = "stopped", _("stopped")
        WITHDRAWN = "withdrawn", _("withdrawn")
        DONE = "done", _("carried out")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="removal_requests")
    membership = models.ForeignKey(TeamMembership, on_delete=models.PROTECT, related_name="removal_requests")
    asked_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    # The signature of the person who asked: nobody with the database alone asks in a member's name.
    signature = models.BinaryField()
    # The reason, sealed to the team; a negative ``sealed_number`` means that it did not open during resealing.
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(Staff, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["membership"], condition=models.Q(state="open"), name="removal_request_open_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_by__isnull=True, decided_at__isnull=True)
                | models.Q(
                    state__in=["stopped", "withdrawn", "done"], decided_by__isnull=False, decided_at__isnull=False
                ),
                name="removal_request_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.state}"
