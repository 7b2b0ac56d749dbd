"""Alters each deciding column alone, as somebody who can write to the database, and asks verification what it names.

Django has to be set up on the database of a portal. Each alteration is undone before the next.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.db import connection, models, transaction
from django.db.models import F

from complaints.models.blind_index import IndexEntry
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.conflict import Conflict
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.lane import LaneProposal
from complaints.models.oversight import (
    Finding,
    Recommendation,
    Release,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    Sanction,
)
from complaints.models.redaction import Redaction
from complaints.models.reference_data import Category
from complaints.models.removal import RemovalRequest
from complaints.models.sign_in import REFUSED, AccountConfirmation, SigninCount
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services.audit import verify

# Returns how many rows it altered.
Alteration = Callable[[], int]


def _updated(rows: models.QuerySet[Any], **values: Any) -> int:
    """Alter the first of ``rows``; a value may be made of the row's columns."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:1])
    return int(rows.model._base_manager.filter(pk__in=keys).update(**values))


def _deleted(rows: models.QuerySet[Any]) -> int:
    """Delete the first of ``rows`` without what refers to it."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:1])
    return rows.model._base_manager.filter(pk__in=keys)._raw_delete(rows.db) or 0


def _unguarded(alter: Alteration) -> Alteration:
    """Alter rows that a trigger keeps as they are, as the owner of the database can."""

    def altered() -> int:
        statement = "DROP TRIGGER IF EXISTS complaints_casestep_no_update"
        if connection.vendor == "postgresql":
            statement = "ALTER TABLE complaints_casestep DISABLE TRIGGER complaints_casestep_append_only"
        connection.check_constraints()  # PostgreSQL alters no table with rows that are still to be checked
        with connection.cursor() as cursor:
            cursor.execute(statement)  # undone with the alteration
        return alter()

    return altered


def _cases(**conditions: Any) -> models.QuerySet[Case]:
    return Case.objects.filter(linked_into=None, **conditions)


def _staff(**conditions: Any) -> models.QuerySet[Staff]:
    return Staff.objects.filter(**conditions)


def _other(model: type[models.Model], column: str) -> Alteration:
    """Give the first row with a value in ``column`` that of another row."""

    def alter() -> int:
        rows = model._base_manager.exclude(**{column: None})
        row = rows.order_by("pk").first()
        values = rows.exclude(**{column: getattr(row, column)}) if row else rows.none()
        value = values.values_list(column, flat=True).first()
        return _updated(rows, **{column: value}) if value is not None else 0

    return alter


def _conflict_added() -> int:
    taken = Conflict.objects.values("complaint")
    complaint, staff = Complaint.objects.exclude(pk__in=taken).first(), Staff.objects.first()
    if complaint is None or staff is None:
        return 0
    Conflict.objects.create(complaint=complaint, staff=staff, kind=Conflict.Kind.MATCHED)
    return 1


def _working_copies_deleted() -> int:
    worked = EvidenceObject.objects.exclude(variant=EvidenceObject.Variant.ORIGINAL)
    return int(worked.filter(pk__in=list(worked.values_list("pk", flat=True)))._raw_delete(worked.db) or 0)


def _lane_proposal_added() -> int:
    team = Team.objects.get(slug="triage")
    LaneProposal.objects.create(team=team, cases=b"", sealed=b"", sealed_number=1)
    return 1


def _superuser_added() -> int:
    Staff.objects.create(username=uuid.uuid4().hex, is_superuser=True, is_staff=True, role="admin")
    return 1


def _factor_added() -> int:
    """Add a security key, as somebody would who knows the password of the account."""
    data = {"name": "1", "credential": {"id": "AAAA"}}
    owner = Authenticator.objects.values_list("user", flat=True).first()
    if owner is None:
        return 0
    Authenticator.objects.create(user_id=owner, type=Authenticator.Type.WEBAUTHN, data=data)
    return 1


def _factors_exchanged() -> int:
    """Give the app of one person the secret of another's."""
    rows = list(Authenticator.objects.filter(type=Authenticator.Type.TOTP).order_by("pk")[:2])
    if len(rows) < 2:
        return 0
    return int(Authenticator.objects.filter(pk=rows[0].pk).update(data=rows[1].data))


def _factor_given_away() -> int:
    """Give somebody's factor to a person without one: of each kind, the database admits one for a person."""
    person = _staff(authenticator=None).order_by("pk").first()
    return _updated(Authenticator.objects.all(), user=person) if person else 0


def _removals() -> models.QuerySet[RemovalRequest]:
    return RemovalRequest.objects.filter(state=RemovalRequest.State.OPEN)


def _staff_steps() -> models.QuerySet[CaseStep]:
    return CaseStep.objects.filter(batch=None)


def _reporters_messages() -> models.QuerySet[Message]:
    return Message.objects.filter(direction=Message.Direction.FROM_REPORTER)


def _staff_messages() -> models.QuerySet[Message]:
    return Message.objects.exclude(direction=Message.Direction.FROM_REPORTER)


def _moved_on(model: type[models.Model]) -> Alteration:
    """Let the first row of a table say that it was written on another day."""
    return lambda: _updated(model._default_manager.all(), at=F("at") - timedelta(days=9))


def _other_author(model: type[models.Model]) -> Alteration:
    def alter() -> int:
        author = model._default_manager.order_by("pk").values_list("author", flat=True).first()
        others = _staff().exclude(pk=author or uuid.UUID(int=0))
        return _updated(model._default_manager.all(), author=others.values("pk")[:1])

    return alter


_TEXTS: Final[tuple[type[models.Model], ...]] = (InternalNote, Assessment, Redaction, Finding, Recommendation, Sanction)
_OPEN_RELEASE: Final = Release.State.OPEN
ALTERATIONS: Final[dict[str, Alteration]] = {
    "conflict deleted": lambda: _deleted(Conflict.objects.in_force()),
    "conflict lifted": lambda: _updated(Conflict.objects.in_force(), is_lifted=True),
    "conflict added": _conflict_added,
    "index_entry set": lambda: _updated(Complaint.objects.all(), index_entry=1),
    "index rows deleted": lambda: _deleted(IndexEntry.objects.all()),
    "index row altered": lambda: _updated(IndexEntry.objects.all(), digest=b"\0" * 16),
    "index row of another day": lambda: _updated(IndexEntry.objects.all(), day=date(2001, 1, 1)),
    "status": lambda: _updated(_cases(), status="ineligible"),
    "stage_reached": lambda: _updated(_cases(stage_reached__lt=4), stage_reached=F("stage_reached") + 1),
    "due_on": lambda: _updated(_cases(due_on__isnull=False), due_on=F("due_on") + timedelta(days=400)),
    "due_on removed": lambda: _updated(_cases(due_on__isnull=False), due_on=None),
    "status_on": lambda: _updated(_cases(), status_on=F("status_on") - timedelta(days=9)),
    "asked_from": lambda: _updated(_cases(asked_from=""), asked_from="in_review"),
    "lead_body": lambda: _updated(_cases(lead_body=None), lead_body="bkn"),
    "lead_body removed": lambda: _updated(_cases(lead_body__isnull=False), lead_body=None),
    "lane": lambda: _updated(_cases(lane="").exclude(status="received"), lane="junk"),
    "lane left": lambda: _updated(_cases(lane=""), lane="out"),
    "lane proposal added": _lane_proposal_added,
    "linked_into": lambda: _updated(_cases(), linked_into=_cases().order_by("-pk").values("pk")[:1]),
    "held_by": lambda: _updated(_cases(held_by="triage"), held_by="separate"),
    "category": _other(Case, "category_id"),
    "province": lambda: _updated(_cases(province__isnull=False), province=None),
    "accused_kind": _other(Case, "accused_kind_id"),
    "agency_kind": lambda: _updated(_cases().exclude(agency_kind="village"), agency_kind="village"),
    "received_on": lambda: _updated(_cases(), received_on=F("received_on") - timedelta(days=9)),
    "reference": lambda: _updated(_cases(is_practice=False), reference="KN-99-XXXXXX"),
    "assignee": lambda: _updated(_cases(assignee=None), assignee=_staff().values("pk")[:1]),
    "assignee removed": lambda: _updated(_cases(assignee__isnull=False), assignee=None),
    "confirmed_on": lambda: _updated(_cases(assignee__isnull=False), confirmed_on=None, assigned_on="2026-01-01"),
    "role": lambda: _updated(_staff(role="verifier"), role="forwarder"),
    "is_superuser": lambda: _updated(_staff(is_superuser=False), is_superuser=True),
    "superuser added": _superuser_added,
    "account deleted": lambda: _deleted(_staff(role="auditor")),
    "team deleted": lambda: _deleted(Team.objects.all()),
    "is_active": lambda: _updated(_staff(), is_active=False),
    "nip": lambda: _updated(_staff(), nip="190001011900011001"),
    "agency": lambda: _updated(_staff(), agency="Dinas lain"),
    "last_name": lambda: _updated(_staff(), last_name="Lain"),
    "must_recheck": lambda: _updated(_staff(), must_recheck=~F("must_recheck")),
    "must_recheck_separate": lambda: _updated(_staff(), must_recheck_separate=~F("must_recheck_separate")),
    "password": lambda: _updated(_staff(), password="!"),
    "verify_key": lambda: _updated(_staff(verify_key__isnull=False), verify_key=b"\1" * 32),
    "membership deleted": lambda: _deleted(TeamMembership.objects.all()),
    "membership admitted": lambda: _updated(TeamMembership.objects.all(), admitted_by=None, admitted_at=None),
    "team keys": lambda: _updated(TeamMembership.objects.all(), key_number=7),
    "salt of a case": lambda: _updated(_cases(assignee__isnull=False), salt=b"\0" * 16),
    "salt of a person": lambda: _updated(_staff(), salt=b"\0" * 16),
    "salt of a team": lambda: _updated(Team.objects.all(), salt=b"\0" * 16),
    "category's priority": lambda: _updated(Category.objects.exclude(priority="urgent"), priority="urgent"),
    "category deleted": lambda: _deleted(Category.objects.filter(case=None)),
    "Evidence.state": lambda: _updated(Evidence.objects.filter(state="ready"), state="failed"),
    "evidence waiting": lambda: _updated(Evidence.objects.filter(state="pending"), state="failed"),
    "working copies deleted": _working_copies_deleted,
    "file report deleted": lambda: _updated(Evidence.objects.exclude(sealed_report=None), sealed_report=None),
    "released file deleted": lambda: _deleted(ReleasedFile.objects.all()),
    "release part deleted": lambda: _deleted(ReleasePart.objects.all()),
    "released report deleted": lambda: _deleted(ReleasedReport.objects.all()),
    "released report of another number": lambda: _updated(ReleasedReport.objects.all(), number=F("number") + 50),
    "release grant deleted": lambda: _deleted(KeyGrant.objects.exclude(release=None)),
    "release state": lambda: _updated(Release.objects.filter(state=_OPEN_RELEASE), state="returned"),
    "release number": lambda: _updated(Release.objects.all(), number=9),
    "release's person": lambda: _updated(Release.objects.all(), released_by=_staff(role="overseer").values("pk")[:1]),
    "release's time": _moved_on(Release),
    "factor added": _factor_added,
    "factor deleted": lambda: _deleted(Authenticator.objects.all()),
    "factors exchanged": _factors_exchanged,
    "factor's owner": _factor_given_away,
    "awaits_confirmation cleared": lambda: _updated(_staff(awaits_confirmation=True), awaits_confirmation=False),
    "removal stopped": lambda: _updated(
        _removals(), state="stopped", decided_by=F("asked_by"), decided_at=F("asked_at")
    ),
    "removal deleted": lambda: _deleted(_removals()),
    "removal's time": lambda: _updated(_removals(), asked_at=F("asked_at") - timedelta(days=2)),
    "removal's person": lambda: _updated(_removals(), asked_by=_staff(role="auditor").values("pk")[:1]),
    "confirmation deleted": lambda: _deleted(AccountConfirmation.objects.all()),
    "confirmation's askers": lambda: _updated(AccountConfirmation.objects.all(), askers=["somebody"]),
    "confirmation's time": lambda: _updated(AccountConfirmation.objects.all(), asked_at=F("asked_at") - timedelta(2)),
    "change to be told of deleted": lambda: _deleted(SigninCount.objects.exclude(kind__in=REFUSED)),
    "change marked as told": lambda: _updated(SigninCount.objects.exclude(kind__in=REFUSED), notified=F("n")),
    "message's step": lambda: _updated(_staff_messages().exclude(step=None), step=None),
    "message's release": lambda: _updated(
        _staff_messages().filter(release=None), release=Release.objects.values("pk")[:1]
    ),
    "message's author": lambda: _updated(_staff_messages(), author=_staff(role="auditor").values("pk")[:1]),
    "message's direction": lambda: _updated(_staff_messages(), direction=Message.Direction.BODY_TO_TRIAGE),
    "message's sequence": lambda: _updated(_staff_messages(), sequence=77),
    "reporter's message, its signer": lambda: _updated(_reporters_messages(), signer=b"\1" * 32),
    "reporter's message, its step": lambda: _updated(_reporters_messages(), step=CaseStep.objects.values("pk")[:1]),
    "step's day": _unguarded(lambda: _updated(_staff_steps(), day=F("day") - timedelta(days=9))),
    "step's time": _unguarded(lambda: _updated(_staff_steps(), at=F("at") - timedelta(hours=1))),
    "step's lateness": _unguarded(lambda: _updated(_staff_steps().filter(was_late=False), was_late=True)),
    "number of an original": lambda: _updated(
        EvidenceObject.objects.filter(variant=EvidenceObject.Variant.ORIGINAL), number=1
    ),
    "report in another case": lambda: _updated(
        Complaint.objects.filter(moves=None), case=_cases().exclude(complaints=None).order_by("-pk").values("pk")[:1]
    ),
    "message's day": lambda: _updated(_staff_messages(), day=F("day") - timedelta(days=9)),
    "redaction deleted": lambda: _deleted(Redaction.objects.all()),
    "redaction of a file undone": lambda: _updated(Redaction.objects.exclude(stored=None), stored=None),
    "note's step": lambda: _updated(InternalNote.objects.all(), step=CaseStep.objects.values("pk")[:1]),
    "checklist's step": lambda: _updated(Assessment.objects.exclude(step=None), step=None, kind="risk"),
    **{f"{model.__name__}.author": _other_author(model) for model in _TEXTS},
    **{f"{model.__name__}.at": _moved_on(model) for model in _TEXTS},
}


def blind_columns(*, missing: list[str] | None = None) -> list[str]:
    """Return the names of the alterations that verification did not name; [] where it named each.

    Args:
        missing: receives the names of alterations for which there is no row here.
    """
    known = set(verify.verify_chain().faults)
    blind = []
    for name, alter in ALTERATIONS.items():
        with transaction.atomic():
            if alter():
                if all(fault in known for fault in verify.faults_as_met()):
                    blind.append(name)
            elif missing is not None:
                missing.append(name)
            transaction.set_rollback(True)
    return blind
