"""Changes of rules of the law and of the calendar: an administrator proposes a row, another person decides on it."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.domain.hashchain import new_salt
from complaints.models.team import Staff


class RuleChange(models.Model):
    """A whole row of a table of rules, in the shape of the files in ``complaints/data/law``; it never holds a report.

    Rows of the tables of closed days and of elections, by which days are counted, are proposed here too. A rule whose
    change was confirmed is in force; the program's files stay as they are. Its columns are those of
    ``complaints.domain.law.changes.Change``. The audit chain says the same of each row, and decides where they differ.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a decision")
        CONFIRMED = "confirmed", _("confirmed")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    table = models.CharField(max_length=12)
    code = models.CharField(max_length=40)
    # The first day of validity (ISO) of the row that is replaced, "" where it has none.
    version = models.CharField(max_length=10, blank=True)
    is_new = models.BooleanField()
    before = models.CharField(max_length=40, blank=True)
    # The row, and what the program delivered in its place when it was proposed ("" for nothing), both as JSON text.
    row = models.TextField()
    base = models.TextField(blank=True)
    reason = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(Staff, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    # Why it was declined; "" otherwise.
    answer = models.TextField(blank=True)
    salt = models.BinaryField(default=new_salt)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["table", "code"], condition=models.Q(state="proposed"), name="rule_change_proposed_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="proposed", decided_by__isnull=True, decided_at__isnull=True)
                | models.Q(
                    state__in=["confirmed", "declined", "withdrawn"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="rule_change_decided",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="confirmed", decided_by=models.F("proposed_by")),
                name="rule_change_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.code} {self.state}"
