"""Conflicts of interest: which member of staff has no access to which report, and so to its case."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel

# The conditions of a conflict that was not lifted, for queries that combine them with others.
IN_FORCE = models.Q(is_lifted=False)


class ConflictQuerySet(models.QuerySet["Conflict"]):
    """Filters on clear columns."""

    def in_force(self) -> ConflictQuerySet:
        """Conflicts that were not lifted."""
        return self.filter(IN_FORCE)


class Conflict(RandomKeyModel):
    """A member of staff has a conflict of interest in a report: declared, or their data match those of the accused.

    It refers to the report, not to its case: the case that holds the report is locked, also after reports were linked
    or unlinked. A lifted conflict is stored, so that matching does not find it again.
    """

    class Kind(models.TextChoices):
        DECLARED = "declared", _("declared by the person")
        MATCHED = "matched", _("found by comparing")

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
