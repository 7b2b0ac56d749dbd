"""Unfinished reports: a row each, which only its reporter opens."""

from __future__ import annotations

from django.db import models


class Draft(models.Model):
    """What a reporter has not sent yet. Its id and keys derive from a secret that only the reporter's browser holds."""

    id = models.CharField(primary_key=True, max_length=64)
    # None once it has ended: nothing opens it any more, and its files are being deleted.
    data = models.BinaryField(null=True)
    # The end, sealed to the job worker: a clear hour would tell when the reporter wrote.
    ends = models.BinaryField()
    # The length of ``data`` in bytes, by which all drafts together are bounded.
    stored_size = models.PositiveIntegerField()
    # The day from which on the row is deleted without its end being opened: the worker's key may be lost.
    expires_on = models.DateField()

    def __str__(self) -> str:
        return self.id[:8]


class DraftDoor(models.Model):
    """What leads from a ticket code to a draft that is not sent yet. Its id and key derive from the code."""

    id = models.CharField(primary_key=True, max_length=64)
    # The secret of the draft and the end, of one length always.
    data = models.BinaryField()
    # As of a draft.
    ends = models.BinaryField()
    expires_on = models.DateField()

    def __str__(self) -> str:
        return self.id[:8]
