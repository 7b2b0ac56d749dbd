"""Blind indexes: keyed digests for finding the same person, agency, post or picture in other reports.

Each team that reports are sealed to has a random key of its own, sealed to it, so only the sessions of its members can
write the entries of these reports or compare names and NIPs with them (services.similarity).
"""

from __future__ import annotations

from django.db import models

from complaints.models.random_key import RandomKeyModel


class IndexKey(models.Model):
    """The key of the entries of the reports that a team holds, sealed to that team."""

    team = models.OneToOneField("Team", on_delete=models.PROTECT, primary_key=True, related_name="index_key")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.team_id)


class IndexEntry(RandomKeyModel):
    """A keyed digest of a value in a complaint; ``sealed`` holds what a distance is computed from (dHash)."""

    class Kind(models.TextChoices):
        NIP = "nip"
        PERSON = "person"
        AGENCY = "agency"
        POST = "post"
        PICTURE = "picture"
        # For detecting conflicts of interest: a name without its agency, an agency without its place.
        NAME = "name"
        OFFICE = "office"

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="index_entries")
    evidence = models.ForeignKey("Evidence", on_delete=models.PROTECT, null=True, related_name="index_entries")
    # The report's day, by which the newest of many equal entries are read without reading the others.
    day = models.DateField()
    kind = models.CharField(max_length=8, choices=Kind)
    digest = models.BinaryField()
    sealed = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index("kind", "digest", models.F("day").desc(), "id", name="index_kind_digest_day")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["nip", "person", "agency", "post", "picture", "name", "office"]),
                name="index_kind_known",
            )
        ]
