"""Saved filters of the queue, personal or shared with the own team."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from complaints.models.random_key import RandomKeyModel


class SavedFilter(RandomKeyModel):
    """A set of filters with a name. ``query`` holds codes; the typed name is sealed to ``team``."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_filters")
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="+")
    is_shared = models.BooleanField(default=False)
    query = models.CharField(max_length=300)
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField(default=1)
