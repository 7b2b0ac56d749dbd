"""The register of urgent matters: which reports told of retaliation, sealed to the team that holds them.

Whoever steals the database sees that a team has a register, which every team has, and how often it was written anew.
"""

from __future__ import annotations

from django.db import models


class UrgentRegister(models.Model):
    """The urgent matters of one team in one sealed record (services.urgent_register)."""

    team = models.OneToOneField("Team", on_delete=models.PROTECT, primary_key=True, related_name="urgent_register")
    # Counts the times that it was written; the newest entry of the chain says the same number.
    version = models.PositiveIntegerField()
    sealed = models.BinaryField()
    # The number of the team's key that opens it; negative where it did not open during resealing.
    sealed_number = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.team_id} {self.version}"
