"""The audit chain: only services.audit appends to it, and database triggers refuse updates and deletes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """An act of staff or of the system. ``facts`` are ids, codes and digests of ciphertext, never content."""

    sequence = models.PositiveBigIntegerField(_("number"), primary_key=True)
    at = models.DateTimeField(_("when"))
    event = models.CharField(_("event"), max_length=40)
    # Plain ids, no foreign keys: an entry outlives the rows that it refers to.
    actor = models.UUIDField(_("person"), null=True)
    case = models.UUIDField(_("case"), null=True, db_index=True)
    facts = models.JSONField(_("facts"), default=dict)
    signer = models.BinaryField()
    previous = models.BinaryField()
    digest = models.BinaryField()
    signature = models.BinaryField()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit chain")

    def __str__(self) -> str:
        return f"{self.sequence} {self.event}"


class ChainHead(models.Model):
    """The last entry of the chain; a single row, locked while an entry is appended."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="chain_head_single")]

    def __str__(self) -> str:
        return str(self.sequence)
