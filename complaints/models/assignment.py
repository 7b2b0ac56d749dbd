"""Assignment of cases: absences with a stand-in, the duties of officers, and the rule of automatic assignment."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel


class Absence(RandomKeyModel):
    """A period in which a colleague stands in for a member of staff."""

    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="absences")
    stand_in = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="standing_in", verbose_name=_("stand-in")
    )
    from_on = models.DateField(_("away from"))
    until_on = models.DateField(_("until"))

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("assignments")
        constraints = [
            models.CheckConstraint(condition=models.Q(until_on__gte=models.F("from_on")), name="absence_in_order"),
            models.CheckConstraint(condition=~models.Q(staff=models.F("stand_in")), name="absence_not_by_oneself"),
        ]


class Duty(models.Model):
    """The provinces and agency kinds that an officer is responsible for; ``last_turn`` orders the rota."""

    staff = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="duty"
    )
    provinces = models.JSONField(_("provinces"), default=list, blank=True)
    agency_kinds = models.JSONField(_("agency kinds"), default=list, blank=True)
    last_turn = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("duty")
        verbose_name_plural = _("duties")

    def __str__(self) -> str:
        return str(self.staff_id)


class AutoAssignmentRule(models.Model):
    """The rule of automatic assignment: whether new cases are assigned in turn, and among whom; a single row.

    ``turn`` counts the cases assigned so.
    """

    class By(models.TextChoices):
        OFF = "off", _("Not at all: officers take cases themselves")
        PROVINCE = "province", _("In turn within the province")
        AGENCY_KIND = "agency_kind", _("In turn within the kind of agency")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    by = models.CharField(_("New cases are handed out"), max_length=11, choices=By, default=By.OFF)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="auto_assignment_rule_single")]

    def __str__(self) -> str:
        return self.by
