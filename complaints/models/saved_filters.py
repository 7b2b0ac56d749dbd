"""Saved filters of the queue, personal or shared with the triage team."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class SavedFilter(models.Model):
    """A set of filters with a name. ``query`` holds codes; the typed name is sealed to the triage team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_filters")
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="+")
    is_shared = models.BooleanField(default=False)
    query = models.CharField(max_length=300)
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.id)
