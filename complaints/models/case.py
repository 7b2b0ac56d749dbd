"""Cases, their history, internal notes and assessments; docs/threat-model.md lists the clear columns."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from complaints.domain.hashchain import new_salt
from complaints.domain.workflow import ENDED, OF_INQUIRIES, OPEN, PROMISED, Action, ActorKind, Status
from complaints.models.random_key import RandomKeyModel
from complaints.models.step import Step

PRACTICE_PREFIX = "LATIHAN-"
INQUIRY_PREFIX = "TANYA-"
STATUS_LABELS = {
    Status.RECEIVED: _("Received"),
    Status.IN_REVIEW: _("Being checked"),
    Status.NEEDS_INFORMATION: _("Needs completing"),
    Status.RESTING: _("Waits for an answer, on any day"),
    Status.VERIFIED: _("Verified"),
    Status.FORWARDED: _("Forwarded to {body}"),
    Status.UNDER_EXAMINATION: _("Being examined by {body}"),
    Status.SUBSTANTIATED: _("Found proven"),
    Status.UNSUBSTANTIATED: _("Found not proven"),
    Status.AWAITING_AGENCY: _("Waiting for the agency's action"),
    Status.OVERDUE_AGENCY: _("The agency has not answered"),
    Status.SANCTIONED: _("Sanctioned"),
    Status.NOT_SANCTIONED: _("Ended without a sanction"),
    Status.REFERRING: _("A letter to another authority is being prepared"),
    Status.DELIVERED: _("Delivered to another authority"),
    Status.REFERRED: _("Authority in charge named"),
    Status.INELIGIBLE_PROPOSED: _("Being checked by a second officer"),
    Status.INELIGIBLE: _("Not eligible"),
    Status.WITHDRAWN: _("Withdrawn by the reporter"),
    Status.ASKED: _("Waits for our answer"),
    Status.ANSWERED: _("Answered"),
    Status.CLOSED: _("Closed by the office"),
}

# Of steps that a status does not tell: what the reporter reads in the history of the report.
EVENT_LABELS = {
    Action.END_WAIT: _("We go on without an answer"),
    Action.DECLINE: _("{body}: not in its charge, back with the verification team"),
    Action.RECALL: _("Taken back from {body} by the verification team"),
    Action.RECONSIDER: _("{body} examines it once more"),
    Action.REMIND: _("{body} has reminded the agency"),
    Action.ESCALATE: _("{body} has turned to the agency's superior"),
    Action.CORRECT: _("{body} has corrected its record of the sanction"),
    Action.CRIMINAL_OUTCOME: _("A decision on the criminal side, apart from a disciplinary sanction"),
}


def _values(enum: type[StrEnum]) -> list[str]:
    return [member.value for member in enum]


def _values_of(statuses: frozenset[Status]) -> list[str]:
    return sorted(status.value for status in statuses)


def status_choices() -> list[tuple[str, str]]:
    """Return the choices of the status column; a callable, so that new labels need no migration."""
    return [(status.value, str(label)) for status, label in STATUS_LABELS.items()]


class AgencyKind(models.TextChoices):
    """The kind of agency of the accused; the name of the agency is sealed."""

    MINISTRY = "ministry", _("Ministry")
    AGENCY = "agency", _("National agency")
    PROVINCE = "province", _("Provincial government")
    REGENCY = "regency", _("Regency government")
    CITY = "city", _("City government")
    VILLAGE = "village", _("Village")
    OTHER = "other", _("Other")
    UNKNOWN = "unknown", _("I do not know")


# A case without a deadline waits for others and is listed last. An expression without NULLs can be compared together
# with the other keys of an order and be indexed.
DUE_KEY = Coalesce("due_on", models.Value(date.max, output_field=models.DateField()))
_DUE_ORDER, _CAME_ORDER = (DUE_KEY, "received_on", "id"), ("received_on", "id")
_IS_OPEN = models.Q(status__in=_values_of(OPEN))
_HAS_ENDED = models.Q(status__in=_values_of(ENDED))
_NARROWED: dict[str, tuple[str, ...]] = {
    "queue": (),
    "status": ("status",),
    "officer": ("assignee",),
    "accused": ("accused_kind",),
    "province": ("province",),
}


def _queue_indexes() -> list[models.Index]:
    """Indexes for paging through the queue: open cases by deadline, ended cases by day of receipt, and by each filter.

    Only filters that can leave few of many cases have an index.
    """
    indexes = [models.Index(*_DUE_ORDER, name="case_all_due")]
    for name, keys in _NARROWED.items():
        indexes.append(models.Index(*keys, *_DUE_ORDER, name=f"case_open_{name}", condition=_IS_OPEN))
        indexes.append(models.Index(*keys, *_CAME_ORDER, name=f"case_ended_{name}", condition=_HAS_ENDED))
    # NULL is no value that a keyset page can start behind, so unassigned cases have an index of their own.
    unassigned = _IS_OPEN & models.Q(assignee__isnull=True)
    returned = models.Q(status=Status.IN_REVIEW.value, lead_body__isnull=False)
    return [
        *indexes,
        models.Index(*_DUE_ORDER, name="case_open_nobodys", condition=unassigned),
        models.Index(*_DUE_ORDER, name="case_back", condition=returned),
    ]


# A case in the lane of likely junk.
IS_JUNK = models.Q(lane="junk")
# The case of an inquiry, which is in no list of reports.
IS_INQUIRY = models.Q(kind="inquiry")
# A case whose reports were erased while it waited for a reporter: nothing is left to wait for, and no list has it.
IS_ERASED_AT_REST = models.Q(category=None, status=Status.RESTING.value)
# A case that is not linked into another one, for queries that combine this with other conditions.
IS_ACTIVE = models.Q(linked_into=None)


class CaseQuerySet(models.QuerySet["Case"]):
    """Filters on clear columns."""

    def active(self) -> CaseQuerySet:
        """Cases that are not linked into another case: the reports of a linked case belong to that one."""
        return self.filter(IS_ACTIVE)

    def open(self) -> CaseQuerySet:
        """Cases of reports that have not ended."""
        return self.active().filter(status__in=OPEN).exclude(IS_ERASED_AT_REST)

    def real(self) -> CaseQuerySet:
        """Cases of reports that are no practice cases."""
        return self.filter(is_practice=False, kind=CaseKind.REPORT)

    def overdue(self, today: date) -> CaseQuerySet:
        """Cases past a promise of the office; what others should do makes nothing late."""
        return self.active().filter(status__in=PROMISED, due_on__lt=today)


class CaseKind(models.TextChoices):
    """What a case holds: reports, or an inquiry, which is a question before any report. A list is of one kind."""

    REPORT = "report", _("Report")
    INQUIRY = "inquiry", _("Inquiry")


class Lane(models.TextChoices):
    """In which list a case stands while nobody has acted on it."""

    NORMAL = "", _("Normal")
    JUNK = "junk", _("Likely junk")
    OUT = "out", _("No longer likely junk")


class Holder(models.TextChoices):
    """The team that a report is sealed to; the values are those of ``Team.Kind``, and the slugs of the teams."""

    TRIAGE = "triage", _("the verification team")
    SEPARATE = "separate", _("the separate team")


class Case(RandomKeyModel):
    """A case, created with one complaint; others may be linked into it. Only services.transitions writes ``status``."""

    reference = models.CharField(_("reference"), max_length=16, unique=True)
    # A case for training: only staff in practice mode see it, and no statistic counts it.
    is_practice = models.BooleanField(_("practice"), default=False, editable=False)
    kind = models.CharField(max_length=8, choices=CaseKind, default=CaseKind.REPORT, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=status_choices, default=Status.RECEIVED.value)
    asked_from = models.CharField(max_length=20, blank=True)
    stage_reached = models.PositiveSmallIntegerField(default=1)
    step_count = models.PositiveIntegerField(default=0)
    # None where all reports of the case are erased, as are the place, the kind of agency and the salt.
    category = models.ForeignKey("Category", on_delete=models.PROTECT, null=True, verbose_name=_("category"))
    accused_kind = models.ForeignKey("AccusedKind", on_delete=models.PROTECT, null=True, verbose_name=_("accused"))
    province = models.ForeignKey(
        "Province", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("province")
    )
    agency_kind = models.CharField(_("agency kind"), max_length=10, choices=AgencyKind, default=AgencyKind.UNKNOWN)
    lead_body = models.ForeignKey(
        "OversightBody", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("lead body")
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("officer")
    )
    # Who assigned it (None: automatically), for whom the assignee stands in, when it was assigned, confirmed by the
    # assignee, and last opened by the assignee.
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    stands_for = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    assigned_on = models.DateField(null=True)
    confirmed_on = models.DateField(null=True)
    owner_seen_on = models.DateField(null=True)
    received_on = models.DateField(_("received"))
    status_on = models.DateField(_("since"))
    due_on = models.DateField(_("deadline"), null=True, blank=True)
    # The case that holds the reports of this one until one of them is unlinked (services.case_membership).
    linked_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="linked")
    # Likely junk is listed apart (services.lane); what was taken out of the lane does not come back to it.
    lane = models.CharField(max_length=4, choices=Lane, blank=True, default=Lane.NORMAL)
    salt = models.BinaryField(default=new_salt)

    # The team that its reports are sealed to: a report about the operator is kept from triage.
    held_by = models.CharField(_("held by"), max_length=8, choices=Holder, default=Holder.TRIAGE, editable=False)

    # Set by with_wait alone.
    waiting_since: date

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        indexes = [
            models.Index(fields=["status", "due_on"], name="case_status_due"),
            models.Index(fields=["due_on", "id"], name="case_due"),
            models.Index(fields=["received_on"], name="case_received"),
            *_queue_indexes(),
            models.Index(fields=["received_on"], name="case_open_came", condition=_IS_OPEN),
            # The few cases that wait for their assignee: for the dashboard and for a filter of the queue.
            models.Index(
                fields=["owner_seen_on"], name="case_owner_seen", condition=_IS_OPEN & models.Q(assignee__isnull=False)
            ),
            models.Index(
                fields=["assigned_by"],
                name="case_not_confirmed",
                condition=_IS_OPEN & models.Q(assignee__isnull=False, confirmed_on__isnull=True),
            ),
            # What is due for erasure, counted for each desk; a case of which all reports are erased never is again.
            models.Index(fields=["status", "status_on"], name="case_kept", condition=models.Q(category__isnull=False)),
            models.Index(*_DUE_ORDER, name="case_lane", condition=IS_JUNK),
            models.Index(*_DUE_ORDER, name="case_inquiries", condition=IS_INQUIRY),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=_values(Status)), name="case_status_known"),
            models.CheckConstraint(condition=models.Q(stage_reached__range=(1, 4)), name="case_stage_known"),
            # The reference marks a practice case on every page, custody sheet and export.
            models.CheckConstraint(
                condition=models.Q(is_practice=True, reference__startswith=PRACTICE_PREFIX)
                | (models.Q(is_practice=False) & ~models.Q(reference__startswith=PRACTICE_PREFIX)),
                name="case_practice_by_its_reference",
            ),
            # An inquiry has its own statuses and its own reference, and never what only a report has.
            models.CheckConstraint(
                condition=models.Q(
                    kind="inquiry",
                    status__in=[*_values_of(OF_INQUIRIES), Status.WITHDRAWN.value],
                    reference__startswith=INQUIRY_PREFIX,
                    is_practice=False,
                    lead_body__isnull=True,
                    linked_into__isnull=True,
                    assignee__isnull=True,
                    lane="",
                )
                | (
                    models.Q(kind="report")
                    & ~models.Q(status__in=_values_of(OF_INQUIRIES))
                    & ~models.Q(reference__startswith=INQUIRY_PREFIX)
                ),
                name="case_inquiry_by_its_status",
            ),
            # Without its salt a case says of its erased reports nothing but days and steps.
            models.CheckConstraint(
                condition=models.Q(category__isnull=False, accused_kind__isnull=False) & ~models.Q(salt=b"")
                | models.Q(salt=b"", category=None, accused_kind=None, province=None, agency_kind="unknown"),
                name="case_blank_without_salt",
            ),
            models.CheckConstraint(condition=~models.Q(linked_into=models.F("id")), name="case_not_linked_to_itself"),
            models.CheckConstraint(condition=models.Q(lane__in=["", "junk", "out"]), name="case_lane_known"),
            models.CheckConstraint(condition=models.Q(held_by__in=["triage", "separate"]), name="case_held_by_known"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_erased(self) -> bool:
        """Whether all its reports are erased, as its row says; an entry of the chain says so too."""
        return not bytes(self.salt)

    @property
    def is_inquiry(self) -> bool:
        """Whether it holds an inquiry, as its row says; its complaint says it in signed words."""
        return self.kind == CaseKind.INQUIRY


class CaseStep(Step):
    """A step in the history of a case."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    # What the step left the case with, beside its deadline: the body that it went to, the furthest stage it reached.
    body = models.ForeignKey("OversightBody", on_delete=models.PROTECT, null=True, related_name="+")
    stage = models.PositiveSmallIntegerField(default=1)
    # Whether the step came after its deadline; None without a deadline, or for a reporter's step.
    was_late = models.BooleanField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["day"], name="step_punctual", condition=models.Q(was_late__isnull=False)),
            models.Index(fields=["batch"], name="step_batch", condition=models.Q(batch__isnull=False)),
            # The few objections of reporters: for the dashboard and for a filter of the queue.
            models.Index(fields=["case"], name="step_objection", condition=models.Q(action="object")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case", "sequence"], name="step_sequence"),
            models.CheckConstraint(condition=models.Q(action__in=_values(Action)), name="step_action_known"),
            models.CheckConstraint(condition=models.Q(source__in=_values(Status)), name="step_source_known"),
            models.CheckConstraint(condition=models.Q(target__in=_values(Status)), name="step_target_known"),
            models.CheckConstraint(
                condition=~models.Q(actor_kind=ActorKind.REPORTER.value)
                | models.Q(at__isnull=True, actor__isnull=True),
                name="step_reporter_has_no_hour",
            ),
            models.CheckConstraint(
                condition=models.Q(actor_kind=ActorKind.REPORTER.value, batch__isnull=False)
                | (~models.Q(actor_kind=ActorKind.REPORTER.value) & models.Q(batch__isnull=True)),
                name="step_batch_iff_reporter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.sequence}"


class InternalNote(RandomKeyModel):
    """A note among the staff of a case's team, sealed to its complaint; no reporter and no body ever holds the key."""

    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="notes")
    sequence = models.PositiveIntegerField()
    step = models.ForeignKey(CaseStep, on_delete=models.PROTECT, null=True, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    author_key = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["complaint", "sequence"], name="note_sequence")]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"


class Assessment(RandomKeyModel):
    """An officer's answers to fixed questions, sealed to the complaint.

    The checklist of a ``step``, a risk assessment of the reporter (ISO 37002, 8.3.2), or what the officer states of the
    act where the law asks for it. Of the last two kinds the newest counts; earlier ones stay.
    """

    class Kind(models.TextChoices):
        RISK = "risk"
        CHECKLIST = "checklist"
        FACTS = "facts"

    kind = models.CharField(max_length=9, choices=Kind)
    complaint = models.ForeignKey("Complaint", on_delete=models.PROTECT, related_name="assessments")
    sequence = models.PositiveIntegerField()
    step = models.ForeignKey(CaseStep, on_delete=models.PROTECT, null=True, related_name="assessments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    author_key = models.BinaryField()
    sealed = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "sequence"], name="assessment_sequence"),
            models.CheckConstraint(
                condition=models.Q(kind="checklist", step__isnull=False)
                | models.Q(kind__in=["risk", "facts"], step__isnull=True),
                name="assessment_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} {self.sequence}"


def with_wait(cases: models.QuerySet[Case]) -> models.QuerySet[Case]:
    """Annotate ``waiting_since``: the day from which whoever has the turn is waited for.

    A reminder to an agency ends no wait, so a case after it still waits since the recommendation.
    """
    asked = CaseStep.objects.filter(case=models.OuterRef("pk"), action=Action.AWAIT_AGENCY.value)
    since = models.Subquery(asked.order_by("-sequence").values("day")[:1])
    reminded = models.When(status__in=[Status.AWAITING_AGENCY.value, Status.OVERDUE_AGENCY.value], then=since)
    wait = models.Case(reminded, default="status_on", output_field=models.DateField())
    return cases.annotate(waiting_since=wait)  # type: ignore[no-redef]  # the attribute of Case is this one
