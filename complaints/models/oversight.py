"""The bodies that judge, as dated records, and what was released to them, found and imposed."""

from __future__ import annotations

import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class OversightBodyQuerySet(models.QuerySet["OversightBody"]):
    """Filters by validity."""

    def valid_on(self, day: date) -> OversightBodyQuerySet:
        """Bodies that hold the task on ``day``, the first in order first."""
        return self.filter(valid_from__lte=day).exclude(valid_until__lt=day).order_by("order", "code")


class OversightBody(models.Model):
    """KASN or whichever body holds the task on a day: a dated record, never a literal."""

    code = models.SlugField(_("code"), primary_key=True, max_length=20)
    name = models.CharField(_("name"), max_length=120)
    short_name = models.CharField(_("short name"), max_length=20)
    note_id = models.TextField(_("note (Indonesian)"), blank=True)
    note_en = models.TextField(_("note (English)"), blank=True)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    objects = OversightBodyQuerySet.as_manager()

    class Meta:
        verbose_name = _("oversight body")
        verbose_name_plural = _("oversight bodies")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True) | models.Q(valid_until__gte=models.F("valid_from")),
                name="body_valid_in_order",
            )
        ]

    def __str__(self) -> str:
        return self.short_name


class Release(models.Model):
    """One forwarding of one case to one body, under a key of its own: the text as released, the files as chosen."""

    class State(models.TextChoices):
        OPEN = "open", _("With the body")
        RETURNED = "returned", _("Returned with a question")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey("Case", on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveSmallIntegerField()
    body = models.ForeignKey(OversightBody, on_delete=models.PROTECT, related_name="releases")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    public_key = models.BinaryField()
    # The triage team's, by which a reporter's answer finds the true key of the release.
    key_signature = models.BinaryField()
    signer = models.BinaryField()
    sealed = models.BinaryField()
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="release_number"),
            models.CheckConstraint(condition=models.Q(state__in=["open", "returned"]), name="release_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.case} / {self.number}"


class ReleasedFile(models.Model):
    """A file of a release: the key of one stored object, sealed to the release."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="files")
    stored = models.ForeignKey("EvidenceObject", on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "stored"], name="released_file_once")]

    def __str__(self) -> str:
        return str(self.id)


class Decision(models.Model):
    """Something a body wrote on a release, sealed to the release: once written it stays."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class Finding(Decision):
    """Whether the body found the report proven, why, and what it recommends."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="findings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release"], name="finding_once")]


class Recommendation(Decision):
    """What the body recommended to the agency."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="recommendations")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release"], name="recommendation_once")]


class Sanction(Decision):
    """What the agency imposed: kind, number and date of the decision."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="sanctions")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release"], name="sanction_once")]
