"""The sealed place of a reporter's name, the requests of bodies for it, and what a body has read of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from complaints.models.complaint import Complaint
from complaints.models.random_key import RandomKeyModel


class Identity(models.Model):
    """The place of a name, with one in it or none, in one shape: a row tells neither this nor when it changed.

    Every act of the reporter encrypts ``blob`` again under a new outer key, which is sealed to the reporter and to the
    team of ``body``. ``blob`` holds the slot, which only that team opens where a name was given, and what the reporter
    alone is told of it.
    """

    complaint = models.OneToOneField(Complaint, on_delete=models.PROTECT, primary_key=True, related_name="identity")
    # Which body could read a name; it follows from the day and from the requests, and from no name. None: no body has
    # a team here, and what is sealed to it is sealed to a key that nobody holds.
    body = models.ForeignKey("OversightBody", on_delete=models.PROTECT, null=True, related_name="+")
    blob = models.BinaryField()
    outer_reporter = models.BinaryField()
    outer_recipient = models.BinaryField()
    # Of who wrote this version: the reporter; the body's team, which sealed it to its new key; or the team that emptied
    # it, the body's or the one that holds the case.
    signature = models.BinaryField()
    # The number of the key of the body's team that opens it.
    sealed_number = models.SmallIntegerField(default=1)
    # Counts the times that the row was written.
    version = models.PositiveIntegerField(default=1)
    # The batch whose root takes this version; those before are kept leaves of their batches.
    batch = models.PositiveIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["body", "sealed_number"], name="identity_sealed_number"),
            models.Index(fields=["batch"], name="identity_batch"),
        ]

    def __str__(self) -> str:
        return str(self.complaint_id)


class NameRequest(RandomKeyModel):
    """A request of a body for the name of a reporter: made with each release, or by a liaison with a reason.

    The reason is sealed to the body's team (``sealed``) and to the reporter, and to nobody in the office.
    """

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="name_requests")
    release = models.ForeignKey("Release", on_delete=models.PROTECT, related_name="name_requests")
    body = models.ForeignKey("OversightBody", on_delete=models.PROTECT, related_name="+")
    # Who asked with a reason; None: the request came with the release.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    sealed = models.BinaryField(null=True)
    sealed_number = models.SmallIntegerField(default=1)
    sealed_for_reporter = models.BinaryField(null=True)
    day = models.DateField()
    # When the release ended, or another request of the body took its place.
    closed_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["complaint", "body"], condition=models.Q(closed_on=None), name="name_request_open_once"
            ),
            models.CheckConstraint(
                condition=models.Q(by=None, sealed=None, sealed_for_reporter=None)
                | models.Q(by__isnull=False, sealed__isnull=False, sealed_for_reporter__isnull=False),
                name="name_request_reason_iff_asked",
            ),
        ]


class ReadName(RandomKeyModel):
    """A name that a body has read, sealed to its team: it stays readable, whatever becomes of its place."""

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(NameRequest, on_delete=models.PROTECT, related_name="+")
    body = models.ForeignKey("OversightBody", on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField()
    sealed_number = models.SmallIntegerField(default=1)
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["complaint", "body"], name="read_name_once")]
