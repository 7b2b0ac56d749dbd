"""Erasures of reports, each proposed by one person, confirmed by another and done in steps; holds that stop them."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel


class Erasure(RandomKeyModel):
    """The erasure of one report. Its state tells what was done, so that the work goes on after a kill.

    ``complaint_id`` is no foreign key: a list that left the machine may name a report that a backup never had.
    """

    class Ground(models.TextChoices):
        PERIOD = "period", _("The retention period is over")
        WITHDRAWN = "withdrawn", _("The reporter has withdrawn the report")
        REQUEST = "request", _("A request under the law on personal data")
        COURT = "court", _("An order of a court")
        # Of a restored backup: two people confirmed it before, in a chain that the backup did not hold.
        LISTED = "listed", _("Erased before the backup was restored")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        REFUSED = "refused", _("Refused")
        CONFIRMED = "confirmed", _("Confirmed")
        UNREADABLE = "unreadable", _("Unreadable")
        ROWS_GONE = "rows_gone", _("Its rows are deleted")
        OBJECTS_GONE = "objects_gone", _("Its files are deleted")
        DONE = "done", _("Erased")

    # In these states nobody can read the report any more.
    BEGUN: Final = (State.UNREADABLE, State.ROWS_GONE, State.OBJECTS_GONE, State.DONE)
    # In these states the erasing has something to do.
    TO_DO: Final = (State.CONFIRMED, State.UNREADABLE, State.ROWS_GONE, State.OBJECTS_GONE)

    complaint_id = models.UUIDField(_("report"))
    ground = models.CharField(_("ground"), max_length=9, choices=Ground)
    # The limit of the rules that it follows, "" where none.
    rule = models.CharField(max_length=40, blank=True, default="")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    proposed_on = models.DateField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_on = models.DateField(null=True)
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    refused_on = models.DateField(null=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PROPOSED)
    # The Merkle root of the leaves that it has kept, as its newest entry in the chain says.
    root = models.BinaryField(null=True)
    # The day on which it was made unreadable, which its ticket page tells.
    done_on = models.DateField(null=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [
            models.UniqueConstraint(fields=["complaint_id"], condition=~Q(state="refused"), name="erasure_once"),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        *("proposed", "refused", "confirmed", "unreadable", "rows_gone", "objects_gone", "done"),
                    ]
                ),
                name="erasure_state_known",
            ),
            models.CheckConstraint(
                condition=Q(ground__in=["period", "withdrawn", "request", "court", "listed"]),
                name="erasure_ground_known",
            ),
            # Two people, whoever writes: no state beyond the proposal without the second one.
            models.CheckConstraint(
                condition=Q(ground="listed", proposed_by=None, confirmed_by=None)
                | (~Q(ground="listed") & Q(proposed_by__isnull=False, state__in=["proposed", "refused"]))
                | (~Q(ground="listed") & Q(confirmed_by__isnull=False) & ~Q(confirmed_by=F("proposed_by"))),
                name="erasure_by_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.state}"


class ErasedObject(models.Model):
    """A stored object of a report that is being erased, until it is deleted: its name outlives the row that had it."""

    object_name = models.CharField(primary_key=True, max_length=40)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="objects_left")

    def __str__(self) -> str:
        return self.object_name


class LegalHold(RandomKeyModel):
    """A report that may not be erased while the hold lasts; the ground is one of a closed list, never words of ours."""

    class Ground(models.TextChoices):
        COURT = "court", _("Needed in a case before a court")
        CRIMINAL = "criminal", _("Needed in a criminal investigation")
        INSPECTION = "inspection", _("Needed by an inspection or an audit")
        DISPUTE = "dispute", _("Needed in a dispute on public information")
        REPORTER = "reporter", _("The reporter needs it as proof")

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="holds")
    ground = models.CharField(_("ground"), max_length=10, choices=Ground)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_on = models.DateField()
    # Who asked to lift it; another person lifts it.
    lift_asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_on = models.DateField(null=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            models.UniqueConstraint(fields=["complaint"], condition=Q(lifted_on=None), name="legal_hold_open_once"),
            models.CheckConstraint(
                condition=Q(ground__in=["court", "criminal", "inspection", "dispute", "reporter"]),
                name="legal_hold_ground_known",
            ),
            models.CheckConstraint(
                condition=Q(lifted_by=None, lifted_on=None)
                | (
                    Q(lifted_by__isnull=False, lifted_on__isnull=False, lift_asked_by__isnull=False)
                    & ~Q(lifted_by=F("lift_asked_by"))
                ),
                name="legal_hold_lifted_by_two",
            ),
        ]
