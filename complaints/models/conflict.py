"""Conflicts of interest: who must not find which report, and with it the case that it belongs to."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ConflictQuerySet(models.QuerySet["Conflict"]):
    """Filters on what is clear."""

    def in_force(self) -> ConflictQuerySet:
        """Those that nobody has lifted."""
        return self.filter(is_lifted=False)


class Conflict(models.Model):
    """A person who must not find a report: they said so, or their own data are the accused's.

    It stands at the report, not at its case: where reports are linked, the case that holds this one is locked, and
    after they are unlinked again the right one still is. A lifted one stays, so that it is not found anew.
    """

    class Kind(models.TextChoices):
        DECLARED = "declared", _("declared by the person")
        MATCHED = "matched", _("found by comparing")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="conflicts")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conflicts")
    kind = models.CharField(max_length=8, choices=Kind)
    is_lifted = models.BooleanField(default=False)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        verbose_name = _("conflict of interest")
        verbose_name_plural = _("conflicts of interest")
        indexes = [
            models.Index(fields=["staff", "complaint"], condition=models.Q(is_lifted=False), name="conflict_in_force")
        ]
        constraints = [
            models.UniqueConstraint(fields=["complaint", "staff"], name="conflict_once"),
            models.CheckConstraint(condition=models.Q(kind__in=["declared", "matched"]), name="conflict_kind_known"),
        ]

    def __str__(self) -> str:
        return str(self.id)
