"""Proposals to find the likely junk of the lane ineligible, all at once: one member proposes, another confirms."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel


class LaneProposal(RandomKeyModel):
    """A proposal for many cases. Who made it and when, and who decided, is in the chain's entries about it."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CONFIRMED = "confirmed", _("confirmed")
        WITHDRAWN = "withdrawn", _("withdrawn")

    # The team whose lane it is of.
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="+")
    # The ids of its cases, 16 bytes each, in order.
    cases = models.BinaryField()
    # The reason and the words to the reporters, sealed to the team.
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    # Whether every case that was proposed has had the step that followed.
    is_finished = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"], condition=models.Q(is_finished=False), name="lane_proposal_one_unfinished"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "confirmed", "withdrawn"]), name="lane_proposal_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(is_finished=False) | ~models.Q(state="open"), name="lane_proposal_decided"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.pk}"
