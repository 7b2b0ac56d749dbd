"""People of the house and of the bodies, the teams that hold keys, and who was admitted to which."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person does; a role opens nothing by itself, only an admission to a team does."""

    VERIFIER = "verifier", _("Verifier")
    FORWARDER = "forwarder", _("Forwarder")
    CUSTODIAN = "custodian", _("Identity custodian")
    OVERSEER = "overseer", _("Oversight liaison")
    AUDITOR = "auditor", _("Auditor")
    ADMIN = "admin", _("Administrator")


class Staff(AbstractUser):
    """A person who signs in at the staff's door, with a key pair that only their password opens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.VERIFIER)
    body = models.ForeignKey(
        "OversightBody", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("oversight body")
    )
    language = models.CharField(
        _("language"), max_length=2, choices=[("id", "Bahasa Indonesia"), ("en", "English")], default="id"
    )
    # Directory data of the house, for the conflict lock: whose these are does not find a report about them.
    nip = models.CharField(_("NIP"), max_length=24, blank=True)
    agency = models.CharField(_("agency"), max_length=160, blank=True)
    # Set by whatever changes these or the name, taken off once a member's session has compared them with all reports.
    must_recheck = models.BooleanField(default=False, editable=False)
    public_key = models.BinaryField(null=True, editable=False)
    verify_key = models.BinaryField(null=True, editable=False)
    wrapped_key = models.BinaryField(null=True, editable=False)
    must_change_password = models.BooleanField(_("must choose an own password"), default=False, editable=False)
    is_sample = models.BooleanField(default=False, editable=False)
    practising = models.BooleanField(_("practising"), default=False, editable=False)
    # Codes of columns, by comma; empty stands for the house's own choice.
    queue_columns = models.CharField(max_length=200, blank=True, editable=False)

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

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind every session to password, role and body: whoever changes one of them ends the sessions, by any way."""
        bound = "|".join((self.password, self.role, self.body_id or "", str(self.is_superuser), str(self.is_staff)))
        return salted_hmac("complaints.models.team.Staff", bound, secret=secret, algorithm="sha256").hexdigest()

    @property
    def has_key(self) -> bool:
        """Whether the person has chosen an own password and so holds a key pair."""
        return bool(self.public_key and self.wrapped_key)


class Team(models.Model):
    """Holders of one key. Its private half exists only sealed to admitted members and to the recovery keys."""

    class Kind(models.TextChoices):
        TRIAGE = "triage", _("Triage")
        CUSTODIAN = "custodian", _("Identity custodians")
        BODY = "body", _("Oversight body")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    body = models.OneToOneField("OversightBody", on_delete=models.PROTECT, null=True, blank=True, related_name="team")
    # The key of today; those before it stand in TeamKey.
    public_key = models.BinaryField(editable=False)
    verify_key = models.BinaryField(editable=False)
    key_number = models.PositiveSmallIntegerField(default=1, editable=False)
    recovery_a = models.BinaryField(null=True, editable=False)
    recovery_b = models.BinaryField(null=True, editable=False)
    # The keepers' two public keys, signed by the team's key, so that a later key is split again without them.
    recovery_keys = models.BinaryField(null=True, editable=False)
    recovery_signature = models.BinaryField(null=True, editable=False)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(kind="body", body__isnull=False))
                | (models.Q(kind__in=["triage", "custodian"], body__isnull=True)),
                name="team_body_iff_kind_body",
            )
        ]

    def __str__(self) -> str:
        return self.body.short_name if self.body else self.Kind(self.kind).label.__str__()


class TeamKey(models.Model):
    """One key of a team in its succession; each later one is signed by the one before, and signs back.

    ``sealed_previous`` is the private key before it, sealed to this one: it is there while something still lies under
    the old key, and forgotten when nothing does. Rows stay: what an old key signed is still read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="keys", verbose_name=_("team"))
    number = models.PositiveSmallIntegerField(_("number"))
    public_key = models.BinaryField(editable=False)
    verify_key = models.BinaryField(editable=False)
    by_predecessor = models.BinaryField(default=b"", editable=False)
    by_itself = models.BinaryField(default=b"", editable=False)
    sealed_previous = models.BinaryField(null=True, editable=False)
    # How much lay under older keys when this one came; for a progress bar.
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


class TeamMembership(models.Model):
    """A person in a team; without ``sealed_key`` they wait for a member to admit them.

    Once ``left_at`` is set the row is history: whoever comes back gets a new one.
    """

    class Cause(models.TextChoices):
        REMOVED = "removed", _("removed by a member")
        ROLE = "role", _("other role or body")
        SWITCHED_OFF = "switched_off", _("account switched off")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("team"))
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("person"))
    sealed_key = models.BinaryField(null=True, editable=False)
    admitted_by = models.ForeignKey(
        Staff,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("admitted by"),
    )
    # The key that signed ``sealed_key``: the person who sealed it may hold another one by now.
    admitted_key = models.BinaryField(null=True, editable=False)
    admitted_at = models.DateTimeField(_("admitted"), null=True, blank=True)
    # The team's signature of the person's public keys as they were compared: a later team key is sealed to these only.
    certificate = models.BinaryField(null=True, editable=False)
    # The last of the team's keys that this person held, whether they still do or not.
    key_number = models.PositiveSmallIntegerField(null=True, editable=False)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    left_cause = models.CharField(max_length=12, choices=Cause, blank=True)
    removed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # Why, sealed to the team; negative as with every ``sealed_number``: it did not open.
    sealed_reason = models.BinaryField(null=True, editable=False)
    sealed_number = models.SmallIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["team", "staff"], condition=models.Q(left_at__isnull=True), name="membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True, left_cause="")
                | models.Q(left_at__isnull=False, left_cause__in=["removed", "role", "switched_off"]),
                name="membership_left_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.staff} / {self.team}"
