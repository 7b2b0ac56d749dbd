"""Oversight bodies as dated records, the releases to them, and what they record on them: from hearing to sanction."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.delivered import DeliveredRow
from complaints.models.random_key import RandomKeyModel
from complaints.models.step import Step


class OversightBodyQuerySet(models.QuerySet["OversightBody"]):
    """Filters by validity."""

    def valid_on(self, day: date) -> OversightBodyQuerySet:
        """Bodies that are competent on ``day``, sorted by ``order``; a placeholder without a first day never is."""
        return self.filter(valid_from__lte=day).exclude(valid_until__lt=day).order_by("order", "code")

    def overseers_on(self, day: date) -> OversightBodyQuerySet:
        """Bodies that oversee the neutrality of civil servants on ``day``, sorted by ``order``."""
        return self.valid_on(day).filter(task=OversightBody.Task.OVERSIGHT)


class OversightBody(DeliveredRow):
    """A body that is competent in a period (KASN or a successor): a dated record, never a literal in code.

    A case is forwarded to a body that has a team here; what goes to another one is a letter.
    """

    class Task(models.TextChoices):
        """What a body is competent for, by the codes of the rules (data/law/bodies.json)."""

        OVERSIGHT = "oversight", _("the neutrality of civil servants")
        ELECTIONS = "bawaslu", _("breaches in elections")
        HOME_AFFAIRS = "kemendagri", _("heads of regions")

    code = models.SlugField(_("code"), primary_key=True, max_length=20)
    name = models.CharField(_("name"), max_length=120)
    short_name = models.CharField(_("short name"), max_length=20)
    task = models.CharField(_("competent for"), max_length=12, choices=Task, default=Task.OVERSIGHT)
    note_id = models.TextField(_("note (Indonesian)"), blank=True)
    note_en = models.TextField(_("note (English)"), blank=True)
    valid_from = models.DateField(
        _("valid from"),
        null=True,
        blank=True,
        help_text=_("Leave it empty for a body that does not exist yet."),
    )
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
            ),
            models.CheckConstraint(
                condition=models.Q(task__in=["oversight", "bawaslu", "kemendagri"]), name="body_task_known"
            ),
        ]

    def __str__(self) -> str:
        return self.short_name

    def clean(self) -> None:
        """Refuse a last day before the first one, in words."""
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValidationError({"valid_until": _("The last day lies before the first one.")})

    def is_valid_on(self, day: date) -> bool:
        """Whether it is competent on ``day``; a placeholder without a first day never is."""
        return self.valid_from is not None and self.valid_from <= day <= (self.valid_until or day)


class LiveReleaseManager(models.Manager["Release"]):
    """The releases of which something can be read: what pages, jobs and relations see."""

    def get_queryset(self) -> models.QuerySet[Release]:
        """Leave out those of which all reports are erased: they have no manifest any more."""
        return super().get_queryset().exclude(sealed=b"")


class Release(RandomKeyModel):
    """What of a case was forwarded to a body at one time, under a key of the release.

    Without ``first`` it is a forwarding, on which the body decides; with it a supplement to that forwarding.
    ``after_step`` is the number of the case's last step when it was made, its own forwarding included.

    A further release is a forwarding to a body beside the one that leads: it is no step of the case, and its body takes
    the steps of its own ``ReleaseStep`` rows.
    """

    class State(models.TextChoices):
        OPEN = "open", _("With the body")
        RETURNED = "returned", _("No longer with this body")
        RECALLED = "recalled", _("Recalled before it was taken up")

    case = models.ForeignKey("Case", on_delete=models.PROTECT, related_name="releases")
    # Counted for each body by itself: a common number would tell it of the others.
    number = models.PositiveSmallIntegerField()
    body = models.ForeignKey(OversightBody, on_delete=models.PROTECT, related_name="releases")
    first = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="supplements")
    after_step = models.PositiveSmallIntegerField()
    is_further = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    public_key = models.BinaryField()
    # By the team that holds the case: a reporter's answer is sealed to ``public_key`` only if it holds.
    key_signature = models.BinaryField()
    signer = models.BinaryField()
    # The manifest: what belongs to the release, by which a missing or an added row is noticed.
    sealed = models.BinaryField()
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    # Of a further release that was read as its body sees it: whether its steps are as recorded. No column.
    has_recorded_steps: bool | None = None

    objects = LiveReleaseManager()
    stored = models.Manager["Release"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "body", "number"], name="release_number"),
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "returned", "recalled"]), name="release_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} / {self.body_id} {self.number}"


# A forwarding by which a body has a case beside the one that leads it.
FURTHER: Final = models.Q(is_further=True, first=None, state=Release.State.OPEN)


class ReleaseStep(Step):
    """A step on a further release.

    The first is its forwarding. The last says where the body's examination stands; no column of the release does.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="steps")

    class Meta:
        indexes = [
            models.Index(fields=["batch"], name="release_step_batch", condition=models.Q(batch__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["release", "sequence"], name="release_step_sequence"),
            models.CheckConstraint(
                condition=models.Q(action__in=[action.value for action in Action]), name="release_step_action_known"
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=[status.value for status in Status]), name="release_step_source_known"
            ),
            models.CheckConstraint(
                condition=models.Q(target__in=[status.value for status in Status]), name="release_step_target_known"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    actor_kind=ActorKind.REPORTER.value, batch__isnull=False, at__isnull=True, actor__isnull=True
                )
                | (~models.Q(actor_kind=ActorKind.REPORTER.value) & models.Q(batch__isnull=True, at__isnull=False)),
                name="release_step_reporter_has_no_hour",
            ),
        ]


class ReleasedReport(RandomKeyModel):
    """A report of which parts went with a release, under ``number``; only these rows say which body holds which report.

    ``told`` says to its reporter what went, sealed to the reporter's key.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="reports")
    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="released")
    number = models.PositiveSmallIntegerField()
    told = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "complaint"], name="released_report_once"),
            models.UniqueConstraint(fields=["release", "number"], name="released_report_number"),
        ]


class ReleasePart(RandomKeyModel):
    """One part of a release: the answers of a report, a message, a post or a note, sealed to the release."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="parts")
    number = models.PositiveSmallIntegerField()
    # The number of the report in the release that it is of: an erasure has no key to read that.
    report = models.PositiveSmallIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "number"], name="release_part_number")]


class ReleasedFile(RandomKeyModel):
    """A file of a release: the key of a stored object, sealed to the release."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="files")
    stored = models.ForeignKey("EvidenceObject", on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "stored"], name="released_file_once")]


class BodyNote(RandomKeyModel):
    """A note of a liaison on a forwarding for colleagues of the body, sealed to the body's team.

    The office holds every release key, so that it could read a note that is sealed to the release.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="body_notes")
    number = models.PositiveSmallIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "number"], name="body_note_number")]


class Decision(RandomKeyModel):
    """A body's record on a release, sealed to the release and never changed."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        abstract = True


class Hearing(Decision):
    """The right of reply: the accused was heard or was summoned in vain, or why that is not possible yet."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="hearings")


class FindingProposal(Decision):
    """A finding that one person of the body proposes to another, or that it was sent back or taken back."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="finding_proposals")


class Finding(Decision):
    """A finding of the body: whether the report is substantiated, and why, or why it reconsiders; the last counts."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="findings")


class Recommendation(Decision):
    """A recommendation of the body to the agency, a reminder of it, or its escalation to the agency's superior."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="recommendations")


class Sanction(Decision):
    """What an agency or a court decided: the sanction, why none stands, or a criminal decision; the last counts."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="sanctions")


class DecisionCopy(RandomKeyModel):
    """The copy of a decision that a body recorded: a stored object whose key is sealed to the release.

    The record in ``sanction`` names its copies, by which a missing or an added row is noticed.
    """

    class Variant(models.TextChoices):
        ORIGINAL = "original", _("Original")
        WORKING = "working", _("Working copy")

    sanction = models.ForeignKey(Sanction, on_delete=models.PROTECT, related_name="copies")
    variant = models.CharField(max_length=8, choices=Variant)
    object_name = models.CharField(max_length=40, unique=True)
    object_digest = models.BinaryField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sanction", "variant"], name="decision_copy_once"),
            models.CheckConstraint(
                condition=models.Q(variant__in=["original", "working"]), name="decision_copy_variant_known"
            ),
        ]
