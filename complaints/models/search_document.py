"""Search documents: what each report says, encrypted under a key of its team, whose members can compare reports.

Only sessions of the team's members can write or read them (services.search_documents).
"""

from __future__ import annotations

from django.db import models

from complaints.models.random_key import RandomKeyModel


class SearchKey(RandomKeyModel):
    """The key of a team's documents, sealed to the team; ``number`` is that of the team's key when it was drawn."""

    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="search_keys")
    number = models.PositiveSmallIntegerField()
    sealed = models.BinaryField()
    # The number of the team's key that opens it; negative where it did not open during resealing.
    sealed_number = models.SmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "number"], name="search_key_number")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.number}"


class SearchDoc(RandomKeyModel):
    """The document of one report for one team; a missing one is still to be written."""

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="search_docs")
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="search_docs")
    # Counts the times that it was written; a document does not open under another number.
    version = models.PositiveIntegerField(default=1)
    # That of the report when it was written: what came later is not in it.
    next_sequence = models.PositiveIntegerField()
    # How many files and posts the report had when its first document was written: what is above it was sent since.
    evidence = models.PositiveIntegerField(default=0)
    # domain.search_document, encrypted; its length is one of three.
    sealed = models.BinaryField()
    # The number of the search key that opens it; negative where it did not open when the team's key was changed.
    sealed_number = models.SmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["team", "sealed_number"], name="search_doc_sealed_number")]
        constraints = [models.UniqueConstraint(fields=["complaint", "team"], name="search_doc_once")]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.version}"
