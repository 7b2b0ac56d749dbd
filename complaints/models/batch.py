"""Batches of what reporters send, each bound by a root in the audit chain, and the leaves kept of rewritten rows."""

from __future__ import annotations

from django.db import models


class Batch(models.Model):
    """A batch of reporters' rows; the one with the greatest number is open, and the next one closes it. Append-only.

    ``day`` is the day on which it was opened, by the database's clock: a label that decides nothing of its rows.
    """

    number = models.PositiveIntegerField(primary_key=True)
    day = models.DateField()

    def __str__(self) -> str:
        return str(self.number)


class KeptLeaf(models.Model):
    """The leaf of a row that a closed batch holds and that was rewritten since, so that the row left it. Append-only.

    The root of ``batch`` covers its present rows and its kept leaves. ``kind`` is the kind of the leaf, ``row`` the
    primary key of the row.
    """

    kind = models.CharField(max_length=10)
    row = models.UUIDField()
    batch = models.PositiveIntegerField()
    digest = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["batch"], name="kept_leaf_batch"),
            models.Index(fields=["row"], name="kept_leaf_row"),
        ]
        constraints = [models.CheckConstraint(condition=models.Q(kind="identity"), name="kept_leaf_kind_known")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}"
