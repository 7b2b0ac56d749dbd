"""Redactions: what an office removes of a report before a body reads it, as instructions over the original."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from complaints.models.random_key import RandomKeyModel


class Redaction(RandomKeyModel):
    """The instructions for one text or file of a report, sealed to it and signed by its team; no body holds the key.

    Which text or file it is, which passages and why is sealed. Of each the newest row counts; earlier ones stay.
    ``stored`` is what a file was rendered to, null for a text and where nothing of the file is removed any more.
    """

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="redactions")
    sequence = models.PositiveIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    author_key = models.BinaryField()
    sealed = models.BinaryField()
    stored = models.OneToOneField("EvidenceObject", on_delete=models.PROTECT, null=True, related_name="redaction")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["complaint", "sequence"], name="redaction_sequence")]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"
