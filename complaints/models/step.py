"""What a step of a case and a step of a further release have in common."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from complaints.models.random_key import RandomKeyModel


class Step(RandomKeyModel):
    """A step along the table of the workflow; append-only, which a database trigger enforces.

    A reporter's step has a day and no hour. The batch is that whose root takes it, and the signature is the reporter's:
    whoever writes to the database takes no step in a reporter's name. Every other step has an entry in the chain.
    """

    sequence = models.PositiveIntegerField()
    action = models.CharField(max_length=24)
    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)
    actor_kind = models.CharField(max_length=10)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    due_on = models.DateField(null=True)
    day = models.DateField()
    batch = models.PositiveIntegerField(null=True)
    at = models.DateTimeField(null=True)
    signature = models.BinaryField(null=True)

    class Meta:
        abstract = True

    def is_by(self, person: models.Model | None) -> bool:
        """Whether this member of staff took the step; False for a reporter and for the system."""
        return person is not None and self.actor_id == person.pk
