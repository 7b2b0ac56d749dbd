"""What a row of reference data was delivered with, so that an update tells it from what an administrator edited."""

from __future__ import annotations

from django.db import models


class DeliveredRow(models.Model):
    """A row that comes with the program and may be edited.

    ``delivered`` holds "column=digest" for each column of the file at the last load, separated by spaces; "" for a row
    that an administrator made.
    """

    delivered = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True
