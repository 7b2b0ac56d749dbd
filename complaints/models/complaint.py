"""Reports, sealed before they are stored; the grants of their keys; messages."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.random_key import RandomKeyModel


class ComplaintQuerySet(models.QuerySet["Complaint"]):
    """Filters on clear columns."""

    def with_reporter(self) -> ComplaintQuerySet:
        """Complaints with a ticket code: nobody can read or answer messages on those that staff entered."""
        return self.filter(channel__in=Complaint.WITH_REPORTER)


_StoredManager = models.Manager.from_queryset(ComplaintQuerySet)


# What nobody has erased. Pages whose way is counted (bench/paths.py) narrow ``Complaint.stored`` by it themselves.
LIVE: Final = models.Q(erased_on=None)


class LiveComplaintManager(_StoredManager["Complaint"]):
    """The reports that nobody has erased: what pages, jobs and relations see."""

    def get_queryset(self) -> ComplaintQuerySet:
        """Leave out what is left of erased reports."""
        return ComplaintQuerySet(self.model, using=self._db).filter(LIVE)


class Complaint(RandomKeyModel):
    """One report, or an inquiry before one.

    ``lookup`` is a digest of its ticket code; its text opens only with the key granted to a team.

    Of an erased report the row stays without content: steps, moves and the chain's entries refer to it. ``objects`` and
    the relations of other rows leave it out; ``stored`` has it, and so has whoever follows a foreign key to it.

    The case that a report comes with has the same primary key, so that no row can say that it came with another.
    """

    class Channel(models.TextChoices):
        WEB = "web", _("Web")
        MONITORING = "monitoring", _("Finding from monitoring")
        IMPORT = "import", _("Imported finding")
        INQUIRY = "inquiry", _("Inquiry")

    # Of these somebody holds the ticket code.
    WITH_REPORTER = (Channel.WEB, Channel.INQUIRY)

    case = models.ForeignKey("Case", on_delete=models.PROTECT, related_name="complaints")
    # None a year after the report was erased.
    lookup = models.BinaryField(unique=True, null=True)
    reporter_key = models.BinaryField()
    reporter_verify_key = models.BinaryField()
    public_key = models.BinaryField()
    # The reporter's signature of the public keys: without it, somebody with write access to the database could replace
    # a key by their own and read all later messages.
    key_signature = models.BinaryField()
    # A Merkle root over the single answers, each salted: domain.sealing.commitment. Nothing reads it yet.
    commitment = models.BinaryField()
    sealed_answers = models.BinaryField()
    sealed_summary = models.BinaryField()
    # Until when Bawaslu takes a report, to the reporter's own key; of one size, with days or without.
    sealed_days = models.BinaryField()
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.WEB)
    day = models.DateField()
    # The batch whose root takes the report and its grants.
    batch = models.PositiveIntegerField()
    next_sequence = models.PositiveIntegerField(default=1)
    # The day by which the first check is due.
    check_by = models.DateField(null=True)
    # The number of the chain's entry by which a session of its team indexed and compared it; None: still to be done.
    index_entry = models.PositiveBigIntegerField(null=True)
    # The day on which it was made unreadable; from then on all that is sealed above is empty.
    erased_on = models.DateField(null=True)

    objects = LiveComplaintManager()
    stored = ComplaintQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["batch"], name="complaint_batch"),
            # The few reports without blind indexes, which a search indexes first.
            models.Index(fields=["day", "id"], condition=models.Q(index_entry=None), name="complaint_unindexed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(channel__in=["web", "monitoring", "import", "inquiry"]),
                name="complaint_channel_known",
            )
        ]

    @property
    def has_reporter(self) -> bool:
        """Whether somebody holds its code; that of a monitoring report was discarded, so nothing is sealed to it."""
        return self.channel in self.WITH_REPORTER


class KeyGrant(RandomKeyModel):
    """The private key of one complaint, or of one release, sealed to one team."""

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, null=True, related_name="grants")
    release = models.ForeignKey("Release", on_delete=models.PROTECT, null=True, related_name="grants")
    team = models.ForeignKey("Team", on_delete=models.PROTECT, related_name="grants")
    # Signed by the reporter's key for a complaint, by its holding team's for a release; by the receiving team's after
    # it was sealed again to a later key of that team.
    sealed = models.BinaryField()
    # The number of the team's key that opens it; negative where it did not open during resealing.
    sealed_number = models.SmallIntegerField(default=1)
    # The digest of the first ``sealed``, which the root of the report's batch covers, and the team's signature of the
    # current ``sealed``.
    first_digest = models.BinaryField(null=True)
    reseal_signature = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["team", "sealed_number"], name="grant_sealed_number")]
        constraints = [
            models.UniqueConstraint(
                fields=["complaint", "team"], condition=models.Q(release__isnull=True), name="grant_complaint_once"
            ),
            models.UniqueConstraint(
                fields=["release", "team"], condition=models.Q(complaint__isnull=True), name="grant_release_once"
            ),
            models.CheckConstraint(
                condition=models.Q(complaint__isnull=True) ^ models.Q(release__isnull=True), name="grant_for_one"
            ),
        ]


class MessageQuerySet(models.QuerySet["Message"]):
    """Filters on clear columns."""

    def from_reporter(self) -> MessageQuerySet:
        """Messages of reporters."""
        return self.filter(direction=Message.Direction.FROM_REPORTER)

    def unread(self) -> MessageQuerySet:
        """Messages of reporters that nobody has read."""
        return self.from_reporter().filter(is_read=False)


class Message(RandomKeyModel):
    """A message between a reporter and triage or a body, or from a body to triage, in order by ``sequence``.

    ``sealed`` opens with the complaint's key, or with the release's where a body wrote it; ``sealed_for_reporter``
    opens with the ticket code; ``sealed_for_release`` is the reporter's answer to a question that the body asked.
    What the reporter wrote is never sealed back to the reporter.
    """

    class Direction(models.TextChoices):
        FROM_REPORTER = "from_reporter", _("Reporter")
        TO_REPORTER = "to_reporter", _("Office")
        BODY_TO_REPORTER = "body_to_reporter", _("Oversight body")
        BODY_QUESTION = "body_question", _("Oversight body, passed on by the office")
        BODY_TO_TRIAGE = "body_to_triage", _("Oversight body, to the office")

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="messages")
    sequence = models.PositiveIntegerField()
    direction = models.CharField(max_length=18, choices=Direction)
    step = models.ForeignKey("CaseStep", on_delete=models.PROTECT, null=True, related_name="messages")
    release = models.ForeignKey("Release", on_delete=models.PROTECT, null=True, related_name="messages")
    # The step on a further release that it was sent with, in place of a step of the case.
    release_step = models.ForeignKey("ReleaseStep", on_delete=models.PROTECT, null=True, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    sealed_for_reporter = models.BinaryField(null=True)
    sealed_for_release = models.BinaryField(null=True)
    day = models.DateField()
    # Of a reporter's message: the batch whose root takes it. What staff write has an entry in the chain.
    batch = models.PositiveIntegerField(null=True)
    is_read = models.BooleanField(default=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["batch"], condition=models.Q(batch__isnull=False), name="message_batch"),
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
                    direction__in=[
                        *("from_reporter", "to_reporter", "body_to_reporter", "body_question", "body_to_triage"),
                    ]
                ),
                name="message_direction_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(direction="from_reporter")
                | models.Q(author__isnull=True, sealed_for_reporter__isnull=True),
                name="message_reporter_gets_nothing_back",
            ),
            models.CheckConstraint(
                condition=models.Q(direction="from_reporter", batch__isnull=False)
                | (~models.Q(direction="from_reporter") & models.Q(batch__isnull=True)),
                name="message_batch_iff_reporter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"
