"""What one reporter sent, sealed before it is written; who holds its key; the thread; the identity apart."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ComplaintQuerySet(models.QuerySet["Complaint"]):
    """Filters on what is clear of a complaint."""

    def with_reporter(self) -> ComplaintQuerySet:
        """Those that somebody can come back to: what staff entered has nobody who reads or answers."""
        return self.filter(channel=Complaint.Channel.WEB)


class Complaint(models.Model):
    """One report. Found by a digest of its ticket code; its text opens only with the key granted to a team."""

    class Channel(models.TextChoices):
        WEB = "web", _("Web")
        MONITORING = "monitoring", _("Finding from monitoring")
        IMPORT = "import", _("Imported finding")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey("Case", on_delete=models.PROTECT, related_name="complaints")
    lookup = models.BinaryField(unique=True)
    reporter_key = models.BinaryField()
    reporter_verify_key = models.BinaryField()
    public_key = models.BinaryField()
    # Signed by the reporter: without it, whoever writes to the database could put a key of their own in the place of
    # either, and read what is said from then on.
    key_signature = models.BinaryField()
    sealed_answers = models.BinaryField()
    sealed_summary = models.BinaryField()
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.WEB)
    day = models.DateField()
    next_sequence = models.PositiveIntegerField(default=1)
    opened_count = models.PositiveIntegerField(default=0)
    # Whether a member's session has written its blind indexes yet.
    is_indexed = models.BooleanField(default=False)

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["day"], name="complaint_day"),
            # The few that nobody has met yet, for a search to index first.
            models.Index(fields=["day", "id"], condition=models.Q(is_indexed=False), name="complaint_unindexed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(channel__in=["web", "monitoring", "import"]), name="complaint_channel_known"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def has_reporter(self) -> bool:
        """Whether somebody holds its code; a finding's was thrown away, and nothing is sealed to nobody."""
        return self.channel == self.Channel.WEB


class KeyGrant(models.Model):
    """The private key of one complaint, or of one release, sealed to one team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, null=True, related_name="grants")
    release = models.ForeignKey("Release", on_delete=models.PROTECT, null=True, related_name="grants")
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="grants")
    # Signed by the reporter's key for a complaint, by the triage team's for a release; by the team's own once it was
    # sealed again to a later key of the team.
    sealed = models.BinaryField()
    # Which of the team's keys opens it. Negative: it did not open when it should have been sealed again.
    sealed_number = models.SmallIntegerField(default=1)
    # The digest of what stood here first, which the root of the report's day binds, and the team's signature of what
    # stands here now.
    first_digest = models.BinaryField(null=True)
    reseal_signature = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["team", "sealed_number"], name="grant_sealed_number")]
        constraints = [
            models.UniqueConstraint(
                fields=["complaint", "team"],
                condition=models.Q(release__isnull=True),
                name="grant_complaint_once",
            ),
            models.UniqueConstraint(
                fields=["release", "team"],
                condition=models.Q(complaint__isnull=True),
                name="grant_release_once",
            ),
            models.CheckConstraint(
                condition=models.Q(complaint__isnull=True) ^ models.Q(release__isnull=True),
                name="grant_for_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class MessageQuerySet(models.QuerySet["Message"]):
    """Filters on what is clear of a message."""

    def from_reporter(self) -> MessageQuerySet:
        """What reporters wrote."""
        return self.filter(direction=Message.Direction.FROM_REPORTER)

    def unread(self) -> MessageQuerySet:
        """What reporters wrote and nobody has read yet."""
        return self.from_reporter().filter(is_read=False)


class Message(models.Model):
    """An entry of the thread between one reporter and the office or the body, in order by ``sequence``.

    ``sealed`` opens with the complaint's key, or with the release's where a body wrote it; ``sealed_for_reporter``
    opens with the ticket code; ``sealed_for_release`` is the reporter's answer to a question that the body asked.
    What the reporter wrote is never sealed back to the reporter.
    """

    class Direction(models.TextChoices):
        FROM_REPORTER = "from_reporter", _("Reporter")
        TO_REPORTER = "to_reporter", _("Office")
        BODY_TO_REPORTER = "body_to_reporter", _("Oversight body")
        BODY_TO_TRIAGE = "body_to_triage", _("Oversight body, to the office")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="messages")
    sequence = models.PositiveIntegerField()
    direction = models.CharField(max_length=18, choices=Direction)
    transition = models.ForeignKey("CaseStep", on_delete=models.PROTECT, null=True, related_name="messages")
    release = models.ForeignKey("Release", on_delete=models.PROTECT, null=True, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    sealed_for_reporter = models.BinaryField(null=True)
    sealed_for_release = models.BinaryField(null=True)
    day = models.DateField()
    is_read = models.BooleanField(default=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["day"], name="message_day"),
            models.Index(
                fields=["complaint"],
                condition=models.Q(direction="from_reporter", is_read=False),
                name="message_unread",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["complaint", "sequence"], name="message_sequence"),
            models.CheckConstraint(
                condition=models.Q(
                    direction__in=["from_reporter", "to_reporter", "body_to_reporter", "body_to_triage"]
                ),
                name="message_direction_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(direction="from_reporter")
                | models.Q(author__isnull=True, sealed_for_reporter__isnull=True),
                name="message_reporter_gets_nothing_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"


class Identity(models.Model):
    """The reporter's name apart, or nothing, in one shape: presence and change tell nothing.

    ``blob`` is rewritten under a new outer key by every act of the reporter; the outer key is sealed to the reporter,
    to the complaint and to the custodians. Inside stand the box under the identity key and the two sealed halves.
    """

    complaint = models.OneToOneField(Complaint, on_delete=models.PROTECT, primary_key=True, related_name="identity")
    blob = models.BinaryField()
    outer_reporter = models.BinaryField()
    outer_complaint = models.BinaryField()
    outer_custodian = models.BinaryField()
    # Which of the custodians' keys opens their half inside; the reporter's acts leave that half as it is.
    sealed_number = models.SmallIntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["sealed_number"], name="identity_sealed_number")]

    def __str__(self) -> str:
        return str(self.complaint_id)
