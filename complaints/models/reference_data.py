"""Reference data: loaded from files by an idempotent command, edited by administrators, never sealed."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from complaints.models.delivered import DeliveredRow


class Bilingual(DeliveredRow):
    """A row with Indonesian and English texts; the active language selects one."""

    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        abstract = True

    def text(self, field: str) -> str:
        """Return the text ``field`` in English where that is the active language, else in Indonesian."""
        language = "en" if (get_language() or "id").startswith("en") else "id"
        return str(getattr(self, f"{field}_{language}"))


class Category(Bilingual):
    """A category of violations in plain words; see the taxonomy in docs/glossary.md."""

    class Group(models.TextChoices):
        PRESSURE = "pressure", _("Pressure")
        OFFLINE = "offline", _("Partisan, offline")
        ONLINE = "online", _("Partisan, online")
        ELSEWHERE = "elsewhere", _("Another door")
        OTHER = "other", _("None of these")

    code = models.CharField(_("code"), primary_key=True, max_length=4)
    group = models.CharField(_("group"), max_length=10, choices=Group)
    name_id = models.CharField(_("name (Indonesian)"), max_length=200)
    name_en = models.CharField(_("name (English)"), max_length=200)
    example_id = models.CharField(_("example (Indonesian)"), max_length=300, blank=True)
    example_en = models.CharField(_("example (English)"), max_length=300, blank=True)
    basis = models.TextField(_("legal basis"), blank=True)
    priority = models.CharField(
        _("priority"),
        max_length=8,
        default="normal",
        choices=[("normal", _("Normal")), ("high", _("High")), ("urgent", _("Urgent"))],
    )
    door = models.CharField(_("door"), max_length=8, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.text("name")


class AccusedKind(Bilingual):
    """A kind of accused person; the rules of the law say who judges it (services/legal_basis.py).

    A reporter chooses it by a label in the first person ("My superior"); staff and bodies read one in the third.
    """

    code = models.CharField(_("code"), primary_key=True, max_length=20)
    label_id = models.CharField(_("label (Indonesian)"), max_length=120)
    label_en = models.CharField(_("label (English)"), max_length=120)
    staff_label_id = models.CharField(_("label for staff (Indonesian)"), max_length=120, blank=True)
    staff_label_en = models.CharField(_("label for staff (English)"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("accused kind")
        verbose_name_plural = _("accused kinds")

    def __str__(self) -> str:
        """Return the label for staff: they are most of those who read it, and a reporter's page names its own."""
        return self.text("staff_label") or self.text("label")


class SanctionKind(Bilingual):
    """A sanction of the law, with its legal basis, for whom it is and on which days it may be decided."""

    class AppliesTo(models.TextChoices):
        """For whom a kind of sanction exists; ANYONE in the civil service."""

        PNS = "pns", _("PNS")
        PPPK = "pppk", _("PPPK")
        ANYONE = "both", _("PNS and PPPK")

    code = models.CharField(_("code"), primary_key=True, max_length=40)
    level = models.CharField(_("level"), max_length=12)
    label_id = models.CharField(_("label (Indonesian)"), max_length=160)
    label_en = models.CharField(_("label (English)"), max_length=160)
    basis = models.CharField(_("legal basis"), max_length=160, blank=True)
    applies_to = models.CharField(_("applies to"), max_length=4, choices=AppliesTo, default=AppliesTo.ANYONE)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    asks_rule = models.BooleanField(
        _("by the agency's own rule"), default=False, help_text=_("The number of that rule is asked for.")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("sanction kind")
        verbose_name_plural = _("sanction kinds")

    def __str__(self) -> str:
        return self.text("label")

    def fits(self, status: str, day: date) -> bool:
        """Tell whether this kind may be decided on ``day`` of somebody with this status ("pns", "pppk")."""
        is_theirs = self.applies_to in (self.AppliesTo.ANYONE, status)
        return is_theirs and (self.valid_from or day) <= day <= (self.valid_until or day)


class StandardText(Bilingual):
    """A template of a message to reporters, which an officer adapts to the case before sending."""

    class Moment(models.TextChoices):
        """The step to which a text belongs; the values are those of workflow.Action."""

        REPLY = "reply", _("Message to the reporter")
        ASK_REPORTER = "ask_reporter", _("Question to the reporter")
        START_REVIEW = "start_review", _("Checking begins")
        VERIFY = "verify", _("Verified")
        FORWARD = "forward", _("Forwarded to a body")
        END_WAIT = "end_wait", _("Checking goes on without an answer")
        REST = "rest", _("Rests until an answer comes")
        PREPARE_REFERRAL = "prepare_referral", _("Letter to another authority in preparation")
        DELIVER = "deliver", _("Delivered to another authority")
        REFER = "refer", _("Shown the way to another authority")
        RECALL = "recall", _("Taken back from the body")
        CONFIRM_INELIGIBLE = "confirm_ineligible", _("Not eligible")
        # Of proposals on likely junk alone; a case that is closed by itself offers none of them.
        CONFIRM_LANE = "confirm_lane", _("Likely junk is not eligible")
        REOPEN = "reopen", _("Opened again")
        TAKE_UP = "take_up", _("Taken up by the body")
        DECLINE = "decline", _("The body is not in charge")
        DISMISS = "dismiss", _("Found not proven")
        RECONSIDER = "reconsider", _("Examined again")
        SUBSTANTIATE = "substantiate", _("Found proven")
        AWAIT_AGENCY = "await_agency", _("Recommendation recorded")
        SANCTION = "sanction", _("Sanction recorded")
        NO_SANCTION = "no_sanction", _("Ended without a sanction")
        CORRECT = "correct", _("Sanction corrected")
        ANSWER_INQUIRY = "answer_inquiry", _("Answer to an inquiry")
        CLOSE_INQUIRY = "close_inquiry", _("Inquiry closed")

    code = models.CharField(_("code"), primary_key=True, max_length=40)
    moment = models.CharField(_("for which step"), max_length=20, choices=Moment)
    group = models.CharField(
        _("only for category group"), max_length=10, choices=Category.Group, blank=True, default=""
    )
    title_id = models.CharField(_("title (Indonesian)"), max_length=120)
    title_en = models.CharField(_("title (English)"), max_length=120)
    body_id = models.TextField(_("text (Indonesian)"), max_length=4000)
    body_en = models.TextField(_("text (English)"), max_length=4000)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("standard text")
        verbose_name_plural = _("standard texts")

    def __str__(self) -> str:
        return self.text("title")


class Province(DeliveredRow):
    """A province, by the Ministry of Home Affairs' code."""

    code = models.CharField(_("code"), primary_key=True, max_length=2)
    name = models.CharField(_("name"), max_length=60)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("province")
        verbose_name_plural = _("provinces")

    def __str__(self) -> str:
        return self.name


class ClosedDay(DeliveredRow):
    """A day on which offices are closed, or work after all, beside what the package ``holidays`` knows.

    It holds voting days, regional holidays, and decrees that came after the package.
    """

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("Holiday")
        JOINT_LEAVE = "joint_leave", _("Joint leave")
        VOTING = "voting", _("Voting day")
        WORKING = "working", _("Working day after all")

    code = models.CharField(_("code"), primary_key=True, max_length=30)
    day = models.DateField(_("date"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    name = models.CharField(_("name"), max_length=120)
    source = models.CharField(_("decree or other source"), max_length=200)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("holiday or voting day")
        verbose_name_plural = _("holidays and voting days")

    def __str__(self) -> str:
        return f"{self.name} ({self.day})"


class Election(DeliveredRow):
    """An election and its stages; the dates tell prospective candidates from candidates."""

    code = models.CharField(_("code"), primary_key=True, max_length=30)
    name_id = models.CharField(_("name (Indonesian)"), max_length=160)
    name_en = models.CharField(_("name (English)"), max_length=160)
    kind = models.CharField(_("kind"), max_length=8, choices=[("pemilu", "Pemilu"), ("pilkada", "Pilkada")])
    starts_on = models.DateField(_("starts"))
    candidates_on = models.DateField(
        _("candidates settled"),
        help_text=_("If kinds of candidate are settled on different days, enter the election once for each day."),
    )
    campaign_from = models.DateField(_("campaign from"))
    campaign_until = models.DateField(_("campaign until"))
    voting_on = models.DateField(_("voting"))
    ends_on = models.DateField(_("ends"))
    fictional = models.BooleanField(_("fictional"), default=False)

    class Meta:
        verbose_name = _("election")
        verbose_name_plural = _("elections")

    def __str__(self) -> str:
        return self.name_id

    def clean(self) -> None:
        """Refuse a stage that begins before the one ahead of it: every day of Bawaslu is counted by them."""
        stages = ("starts_on", "candidates_on", "campaign_from", "campaign_until", "voting_on", "ends_on")
        days = [(name, getattr(self, name)) for name in stages]
        for (_before, earlier), (name, later) in pairwise(days):
            if earlier and later and later < earlier:
                raise ValidationError({name: _("This day lies before the stage ahead of it.")})
