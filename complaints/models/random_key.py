"""The base of rows that anything of a report may lead to: their keys tell nothing."""

import uuid

from django.db import models


class RandomKeyModel(models.Model):
    """A row with a random key: a counter would tell the order of reports, and how many came between two."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)
