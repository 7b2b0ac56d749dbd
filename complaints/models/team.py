"""Staff, the teams that hold keys, and the memberships."""

from __future__ import annotations

import uuid

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from complaints.domain.hashchain import new_salt
from complaints.models.random_key import RandomKeyModel


class Role(models.TextChoices):
    """The role of a person; a role alone decrypts nothing, only admission to a team gives a key."""

    VERIFIER = "verifier", _("Verifier")
    FORWARDER = "forwarder", _("Forwarder")
    OVERSEER = "overseer", _("Oversight liaison")
    AUDITOR = "auditor", _("Auditor")
    ADMIN = "admin", _("Administrator")


class Staff(AbstractUser):
    """A member of staff, with a key pair that only their password unwraps."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.VERIFIER)
    body = models.ForeignKey(
        "OversightBody", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("oversight body")
    )
    language = models.CharField(
        _("language"), max_length=2, choices=[("id", "Bahasa Indonesia"), ("en", "English")], default="id"
    )
    # For detecting conflicts of interest: a person has no access to a report in which these are the accused's.
    nip = models.CharField(_("NIP"), max_length=24, blank=True)
    agency = models.CharField(_("agency"), max_length=160, blank=True)
    # Set when these or the name change, cleared after a triage session has compared them with all reports.
    must_recheck = models.BooleanField(default=False, editable=False)
    # The same for a session of the separate team: the reports that it holds are compared under its own key.
    must_recheck_separate = models.BooleanField(default=False, editable=False)
    public_key = models.BinaryField(null=True, editable=False)
    verify_key = models.BinaryField(null=True, editable=False)
    wrapped_key = models.BinaryField(null=True, editable=False)
    must_change_password = models.BooleanField(_("must choose an own password"), default=False, editable=False)
    # Closed until an administrator other than those who asked has confirmed: models.sign_in.AccountConfirmation.
    awaits_confirmation = models.BooleanField(default=False, editable=False)
    is_sample = models.BooleanField(default=False, editable=False)
    practising = models.BooleanField(_("practising"), default=False, editable=False)
    # Codes of columns, separated by commas; empty for the default columns.
    queue_columns = models.CharField(max_length=200, blank=True, editable=False)
    salt = models.BinaryField(default=new_salt)

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="staff_role_known"),
            models.CheckConstraint(
                condition=models.Q(role=Role.OVERSEER, body__isnull=False)
                | (~models.Q(role=Role.OVERSEER) & models.Q(body__isnull=True)),
                name="staff_body_iff_overseer",
                violation_error_message=_("An oversight liaison belongs to a body, and nobody else does."),
            ),
        ]

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right; Django's own method may also write a new hash, which no entry would record."""
        return check_password(raw_password, self.password)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind every session to password, role and body: a change of any of them ends the person's sessions."""
        state = "|".join((self.password, self.role, self.body_id or "", str(self.is_superuser), str(self.is_staff)))
        return salted_hmac("complaints.models.team.Staff", state, secret=secret, algorithm="sha256").hexdigest()

    @property
    def rights(self) -> str:
        """What the account allows, as entries of the audit chain hold it: the role, and marks with a plus before each.

        The marks are superuser, inactive, and unconfirmed where the account waits for a second administrator.
        """
        marks = {
            "superuser": self.is_superuser,
            "inactive": not self.is_active,
            "unconfirmed": self.awaits_confirmation,
        }
        return "+".join([self.role, *(mark for mark, holds in marks.items() if holds)])

    @property
    def has_key(self) -> bool:
        """Whether the person has chosen a password and so has a key pair."""
        return bool(self.public_key and self.wrapped_key)


class Team(RandomKeyModel):
    """The holders of a key. Its private half exists only sealed to admitted members and to the recovery keys."""

    class Kind(models.TextChoices):
        TRIAGE = "triage", _("Triage")
        # Triages reports about the operator itself, police and armed forces, which the triage team cannot open.
        SEPARATE = "separate", _("Separate team")
        BODY = "body", _("Oversight body")

    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    body = models.OneToOneField("OversightBody", on_delete=models.PROTECT, null=True, blank=True, related_name="team")
    # The current key; earlier ones are in TeamKey.
    public_key = models.BinaryField(editable=False)
    verify_key = models.BinaryField(editable=False)
    key_number = models.PositiveSmallIntegerField(default=1, editable=False)
    recovery_a = models.BinaryField(null=True, editable=False)
    recovery_b = models.BinaryField(null=True, editable=False)
    # The public keys of the two recovery key holders, signed by the team's key, so that a later team key can be split
    # without them.
    recovery_keys = models.BinaryField(null=True, editable=False)
    recovery_signature = models.BinaryField(null=True, editable=False)
    salt = models.BinaryField(default=new_salt)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(kind="body", body__isnull=False))
                | (models.Q(kind__in=["triage", "separate"], body__isnull=True)),
                name="team_body_iff_kind_body",
            )
        ]

    def __str__(self) -> str:
        return self.body.short_name if self.body else self.Kind(self.kind).label.__str__()


class TeamKey(RandomKeyModel):
    """A key in the succession of a team's keys; each key is signed by the one before, and signs back.

    ``sealed_previous`` is the private key before it, sealed to this one; it is deleted once nothing is sealed to the
    old key any more. Rows are never deleted: signatures of old keys are still verified.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="keys", verbose_name=_("team"))
    number = models.PositiveSmallIntegerField(_("number"))
    public_key = models.BinaryField(editable=False)
    verify_key = models.BinaryField(editable=False)
    by_predecessor = models.BinaryField(default=b"", editable=False)
    by_itself = models.BinaryField(default=b"", editable=False)
    sealed_previous = models.BinaryField(null=True, editable=False)
    # How many records were sealed to older keys when this key was created; for the progress bar.
    total = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(Staff, on_delete=models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("team key")
        verbose_name_plural = _("access review")
        constraints = [models.UniqueConstraint(fields=["team", "number"], name="team_key_number")]

    def __str__(self) -> str:
        return f"{self.team} {self.number}"


class TeamMembership(RandomKeyModel):
    """The membership of a person in a team; without ``sealed_key`` it waits for a member to admit the person.

    A row with ``left_at`` is history: a person who comes back gets a new row.
    """

    class Cause(models.TextChoices):
        REMOVED = "removed", _("removed by a member")
        ROLE = "role", _("other role or body")
        SWITCHED_OFF = "switched_off", _("account switched off")

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("team"))
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("person"))
    sealed_key = models.BinaryField(null=True, editable=False)
    admitted_by = models.ForeignKey(
        Staff, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("admitted by")
    )
    # The key that signed ``sealed_key``: the person who sealed it may have another key by now.
    admitted_key = models.BinaryField(null=True, editable=False)
    admitted_at = models.DateTimeField(_("admitted"), null=True, blank=True)
    # The team's signature of the person's public keys after they were compared: later team keys are sealed to these.
    certificate = models.BinaryField(null=True, editable=False)
    # The number of the last team key that this person held, also after they left.
    key_number = models.PositiveSmallIntegerField(null=True, editable=False)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    left_cause = models.CharField(max_length=12, choices=Cause, blank=True)
    removed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The reason, sealed to the team; a negative ``sealed_number`` means that it did not open during resealing.
    sealed_reason = models.BinaryField(null=True, editable=False)
    sealed_number = models.SmallIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            # One team a person: nobody belongs to triage and to the team that is kept apart from it.
            models.UniqueConstraint(fields=["staff"], condition=models.Q(left_at__isnull=True), name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True, left_cause="")
                | models.Q(left_at__isnull=False, left_cause__in=["removed", "role", "switched_off"]),
                name="membership_left_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.staff} / {self.team}"
