"""Questions of a body on its release, to the office or to reporters, and what became of each; rows are only added."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.complaint import Complaint
from complaints.models.oversight import Release
from complaints.models.random_key import RandomKeyModel


class ReleaseQuestion(RandomKeyModel):
    """A question of a body, sealed to the forwarding on which it was asked and signed by the body's team."""

    class Kind(models.TextChoices):
        OFFICE = "office", _("Question to the office")
        REPORTER = "reporter", _("Question to the reporter")

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="questions")
    kind = models.CharField(max_length=8, choices=Kind)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["office", "reporter"]), name="question_kind_known")
        ]


class QuestionReader(RandomKeyModel):
    """A report whose reporter a question is for; ``sealed`` holds the words for them, which the body has signed.

    Its key is that of the message that is made of them when the office passes the question on.
    """

    question = models.ForeignKey(ReleaseQuestion, on_delete=models.PROTECT, related_name="readers")
    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "complaint"], name="question_reader_once")]


class QuestionReply(RandomKeyModel):
    """What became of a question: the office answered, passed it on or gave it back, or the body took it back.

    Sealed to the release and signed by the team that wrote it. A question to reporters is decided once.
    """

    class Kind(models.TextChoices):
        ANSWERED = "answered", _("Answered by the office")
        SUPPLEMENT = "supplement", _("Answered with a supplement")
        PASSED = "passed", _("Passed on to the reporter")
        GIVEN_BACK = "given_back", _("Given back to the body")
        TAKEN_BACK = "taken_back", _("Taken back by the body")

    question = models.ForeignKey(ReleaseQuestion, on_delete=models.PROTECT, related_name="replies")
    kind = models.CharField(max_length=10, choices=Kind)
    # The supplement that answers the question.
    supplement = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["answered", "supplement", "passed", "given_back", "taken_back"]),
                name="question_reply_kind_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="supplement", supplement__isnull=False)
                | (~models.Q(kind="supplement") & models.Q(supplement=None)),
                name="question_reply_supplement_iff_kind",
            ),
            models.UniqueConstraint(
                fields=["question"],
                condition=models.Q(kind__in=["passed", "given_back", "taken_back"]),
                name="question_decided_once",
            ),
        ]
