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
    """The leaf of a row that was rewritten or erased since it was bound into the chain. Append-only.

    The root of ``batch`` covers its present rows and its kept leaves, and so does the root of ``release``, in the entry
    by which it was made. Of what staff or a body wrote the leaf is a digest of
    what its entry says of it. ``kind`` is the kind of the leaf, ``row`` the primary key of the row.

    Without ``erasure`` it is that of a rewritten identity. With it, it counts only as a leaf under the root that the
    newest entry on that erasure records (services.audit.recorded_erasures).
    """

    class Kind(models.TextChoices):
        # Of a batch.
        IDENTITY = "identity"
        COMPLAINT = "complaint"
        MESSAGE = "message"
        OBJECT = "object"
        POST = "post"
        GRANT = "grant"
        FILING = "filing"
        WORKED = "worked"
        # Of a release.
        RELEASE = "release"
        PART = "part"
        FILE = "file"
        REPORT = "report"
        RELEASE_KEY = "key"
        # Of the entry of what staff or a body wrote.
        SENT = "sent"
        MADE = "made"
        NOTE = "note"
        ASSESSMENT = "assessment"
        REDACTION = "redaction"
        QUESTION = "question"
        READER = "reader"
        REPLY = "reply"
        DECISION = "decision"
        COPY = "copy"
        # Of a row that no digest of its own binds.
        ROW = "row"

    kind = models.CharField(max_length=10, choices=Kind)
    row = models.UUIDField()
    batch = models.PositiveIntegerField(null=True)
    release = models.UUIDField(null=True)
    digest = models.BinaryField()
    erasure = models.ForeignKey("Erasure", on_delete=models.PROTECT, null=True, related_name="leaves")

    class Meta:
        indexes = [
            models.Index(fields=["batch"], name="kept_leaf_batch"),
            models.Index(fields=["row"], name="kept_leaf_row"),
            models.Index(fields=["release"], condition=models.Q(release__isnull=False), name="kept_leaf_release"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=[
                        *("identity", "complaint", "message", "object", "post", "grant", "filing", "worked"),
                        *("release", "part", "file", "report", "key"),
                        *("sent", "made", "note", "assessment", "redaction", "question", "reader", "reply"),
                        *("decision", "copy", "row"),
                    ]
                ),
                name="kept_leaf_kind_known",
            ),
            # A row of another table than that of identities goes by an erasure alone.
            models.CheckConstraint(
                condition=models.Q(erasure__isnull=False) | models.Q(kind="identity", batch__isnull=False),
                name="kept_leaf_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}"
