"""Evidence: the rows with names and sealed keys of the objects in the evidence storage."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """Evidence by what is to be done with it."""

    def unread(self) -> EvidenceQuerySet:
        """Narrow to files that an officer can have read again: those that failed, and those the worker gave up."""
        return self.filter(Evidence.UNREAD)


class Evidence(RandomKeyModel):
    """A file, or a post on social media, that a reporter sent.

    Name, type, size and hash of a file are sealed with the keys of its objects; a post is ``sealed_post``. The worker's
    file report (malware scan, wrong suffix, why there is no copy) is ``sealed_report``, signed by the server.
    """

    class Kind(models.TextChoices):
        FILE = "file", _("File")
        POST = "post", _("Post on social media")

    class State(models.TextChoices):
        PENDING = "pending", _("The working copy is being made")
        READY = "ready", _("Working copy ready")
        NO_COPY = "no_copy", _("No working copy is made of this kind")
        FAILED = "failed", _("No working copy could be made")
        OFFICER = "officer", _("Waits for an officer: the worker no longer holds its key")

    # The states in which an officer has something to do.
    UNREAD = models.Q(state__in=["failed", "officer"])

    objects = EvidenceQuerySet.as_manager()

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="evidence")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.FILE)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    # Counted before processing: a file that crashes its worker must not be tried for ever.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Which start of which machine the last attempt belongs to (adapters.machine), while it is under way.
    tried_by = models.CharField(max_length=32, default="", blank=True)
    worker_grant = models.BinaryField(null=True)
    sealed_post = models.BinaryField(null=True)
    sealed_report = models.BinaryField(null=True)
    day = models.DateField()
    # The batch whose root takes the post or the original.
    batch = models.PositiveIntegerField()
    # The batch whose root takes the file as it was worked on: its state, its report and its copies.
    worked_batch = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["batch"], name="evidence_batch"),
            models.Index(fields=["worked_batch"], condition=~models.Q(worked_batch=None), name="evidence_worked"),
            models.Index(fields=["day"], condition=models.Q(state="pending"), name="evidence_pending"),
            models.Index(
                fields=["complaint"], condition=models.Q(state__in=["failed", "officer"]), name="evidence_unread"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["complaint", "sequence"], name="evidence_sequence"),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "ready", "no_copy", "failed", "officer"]),
                name="evidence_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="file", sealed_post__isnull=True)
                | models.Q(kind="post", sealed_post__isnull=False),
                name="evidence_post_iff_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"

    def file_number(self) -> int:
        """Return the number of a file among the files of its report; one query.

        Rows are never deleted and late files follow, so it never changes.
        """
        files = Evidence.objects.filter(complaint=self.complaint_id, kind=Evidence.Kind.FILE)
        return files.filter(sequence__lte=self.sequence).count()


class EvidenceObject(RandomKeyModel):
    """A stored object of a piece of evidence: the original or a copy, each with its own key."""

    class Variant(models.TextChoices):
        ORIGINAL = "original", _("Original")
        WORKING = "working", _("Working copy")
        PREVIEW = "preview", _("Preview")
        PAGE = "page", _("Page as an image")
        REDACTED = "redacted", _("Redacted copy")

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="objects_stored")
    variant = models.CharField(max_length=8, choices=Variant)
    # Pages and redacted copies count from 1; 0 for other variants.
    number = models.PositiveSmallIntegerField(default=0)
    object_name = models.CharField(max_length=40, unique=True)
    object_digest = models.BinaryField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evidence", "variant", "number"], name="object_variant_once"),
            models.CheckConstraint(
                condition=models.Q(variant__in=["original", "working", "preview", "page", "redacted"]),
                name="object_variant_known",
            ),
        ]


class DraftFile(RandomKeyModel):
    """A file of a draft, with its key sealed under the draft's key of files.

    Without an object its segments are still being uploaded; their number is sealed too.
    """

    # Files are deleted before their draft, by whom the names of their segments are known.
    draft = models.ForeignKey("Draft", on_delete=models.DO_NOTHING, related_name="files")
    object_name = models.CharField(max_length=40, unique=True, null=True, blank=True)
    object_digest = models.BinaryField()
    sealed = models.BinaryField()
    # What it takes in the evidence storage, in bytes: the object, or the segments so far.
    stored_size = models.PositiveBigIntegerField(default=0)
    day = models.DateField()
