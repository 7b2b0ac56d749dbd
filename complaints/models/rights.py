"""What the runtime roles of PostgreSQL may do with each table: one line a model; a model without a line is a fault.

The web server signs in as one role, the job runner as another, backups are made as a third and reports erased as a
fourth; a fifth role owns the tables (docs/adr/0030). The lines follow from what the services write.
``complaints.database_roles`` makes grants of them and compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.apps import apps
from django.db.models import Model

RoleKind = Literal["web", "jobs", "backup", "erase"]
# In place of a list of fields: every column but the primary key.
EVERY: Final = ("*",)
# SELECT FOR UPDATE needs the right to update a column. That of the key changes nothing which counts: a check
# constraint holds the key of a single row, and a key that rows point at cannot change.
LOCK: Final = ("pk",)


@dataclass(frozen=True)
class Rights:
    """Rights of a role on a table; ``update`` names the fields of the model whose columns it may change."""

    read: bool = True
    insert: bool = False
    update: tuple[str, ...] = ()
    delete: bool = False


@dataclass(frozen=True)
class Line:
    """The rights on the table of one model; the role of backups reads every table whole.

    The role for erasing has few tables, and is the only one that may delete what else is only added.
    """

    web: Rights
    jobs: Rights
    backup: Rights = Rights()
    erase: Rights = Rights(read=False)

    def of(self, kind: RoleKind) -> Rights:
        """Return the rights of the role of this kind."""
        return {"web": self.web, "jobs": self.jobs, "backup": self.backup, "erase": self.erase}[kind]


NOTHING = Rights(read=False)
READ = Rights()
APPEND = Rights(insert=True)
EDIT = Rights(insert=True, update=EVERY)
FREE = Rights(insert=True, update=EVERY, delete=True)
ERASE = Rights(delete=True)

_REFERENCE = Line(web=EDIT, jobs=READ)
_APPENDED_BY_STAFF = Line(web=APPEND, jobs=READ)
_OWNER = ("assignee", "assigned_by", "stands_for", "assigned_on", "confirmed_on", "owner_seen_on")
_STEP = ("status", "status_on", "asked_from", "stage_reached", "step_count", "due_on")

LINES: Final[dict[str, Line]] = {
    # Reports and their parts.
    "complaints.Complaint": Line(
        web=Rights(insert=True, update=("case", "next_sequence", "index_entry")),
        jobs=Rights(update=LOCK),
        erase=Rights(
            update=(
                "lookup",
                "reporter_key",
                "public_key",
                "key_signature",
                "commitment",
                "sealed_answers",
                "sealed_summary",
                "sealed_days",
                "erased_on",
            )
        ),
    ),
    # Recalling a release deletes its body's grant.
    "complaints.KeyGrant": Line(
        web=Rights(insert=True, update=("sealed", "sealed_number", "first_digest", "reseal_signature"), delete=True),
        jobs=READ,
        erase=ERASE,
    ),
    "complaints.Message": Line(web=Rights(insert=True, update=("is_read",)), jobs=READ, erase=ERASE),
    "complaints.Identity": Line(
        web=Rights(
            insert=True,
            update=(
                *("body", "blob", "outer_reporter", "outer_recipient", "sealed_number"),
                *("signature", "version", "batch"),
            ),
        ),
        jobs=READ,
        erase=ERASE,
    ),
    "complaints.NameRequest": Line(
        web=Rights(insert=True, update=("sealed", "sealed_number", "closed_on")), jobs=READ, erase=ERASE
    ),
    "complaints.ReadName": Line(web=Rights(insert=True, update=("sealed", "sealed_number")), jobs=READ, erase=ERASE),
    "complaints.Evidence": Line(
        web=Rights(insert=True, update=("state", "worker_grant", "worked_batch", "sealed_report")),
        jobs=Rights(update=("state", "worker_grant", "worked_batch", "sealed_report", "attempts", "tried_by")),
        erase=ERASE,
    ),
    "complaints.EvidenceObject": Line(web=APPEND, jobs=APPEND, erase=ERASE),
    "complaints.Draft": Line(
        web=Rights(insert=True, update=("data", "ends", "stored_size", "expires_on"), delete=True),
        jobs=Rights(update=("data",), delete=True),
    ),
    "complaints.DraftDoor": Line(
        web=Rights(insert=True, update=("data", "ends", "expires_on"), delete=True),
        jobs=Rights(delete=True),
    ),
    "complaints.DraftFile": Line(
        web=Rights(insert=True, update=("object_name", "object_digest", "sealed", "stored_size"), delete=True),
        jobs=Rights(delete=True),
    ),
    "complaints.IndexKey": Line(web=Rights(insert=True, update=("signer", "sealed", "sealed_number")), jobs=READ),
    "complaints.IndexEntry": Line(web=Rights(insert=True, delete=True), jobs=READ, erase=ERASE),
    "complaints.SearchKey": Line(web=Rights(insert=True, update=("sealed", "sealed_number")), jobs=READ),
    "complaints.SearchDoc": Line(
        web=Rights(insert=True, update=("version", "next_sequence", "sealed", "sealed_number")), jobs=READ, erase=ERASE
    ),
    "complaints.Conflict": Line(web=Rights(insert=True, update=("kind", "is_lifted")), jobs=READ, erase=ERASE),
    # Cases.
    "complaints.Case": Line(
        web=Rights(insert=True, update=(*_STEP, *_OWNER, "lead_body", "linked_into", "lane")),
        jobs=Rights(update=(*_STEP, *_OWNER)),
        erase=Rights(update=("category", "accused_kind", "province", "agency_kind", "salt")),
    ),
    "complaints.CaseStep": Line(web=APPEND, jobs=APPEND, erase=READ),
    "complaints.CaseMove": Line(web=APPEND, jobs=READ, erase=READ),
    "complaints.InternalNote": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.Assessment": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.Redaction": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.LaneProposal": Line(
        web=Rights(insert=True, update=("sealed", "sealed_number", "state", "is_finished")), jobs=READ
    ),
    "complaints.Absence": Line(web=Rights(insert=True, update=LOCK, delete=True), jobs=READ),
    # A job assigns new reports, and so does the first look of an officer.
    "complaints.Duty": Line(
        web=Rights(insert=True, update=("provinces", "agency_kinds", "last_turn")),
        jobs=Rights(insert=True, update=("last_turn",)),
    ),
    "complaints.AutoAssignmentRule": Line(
        web=Rights(insert=True, update=("by", "turn")), jobs=Rights(update=("turn",))
    ),
    "complaints.SavedFilter": Line(
        web=Rights(insert=True, update=("sealed", "sealed_number"), delete=True), jobs=NOTHING
    ),
    "complaints.UrgentRegister": Line(
        web=Rights(insert=True, update=("version", "sealed", "sealed_number")), jobs=READ
    ),
    # Releases to a body, and its decisions.
    "complaints.Release": Line(
        web=Rights(insert=True, update=("state",)),
        jobs=READ,
        erase=Rights(update=("public_key", "key_signature", "signer", "sealed")),
    ),
    # A reporter's answer takes a step, too.
    "complaints.ReleaseStep": Line(web=APPEND, jobs=READ, erase=READ),
    "complaints.ReleasedReport": Line(web=APPEND, jobs=READ, erase=Rights(update=("told",))),
    "complaints.ReleasePart": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.ReleasedFile": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.BodyNote": Line(web=Rights(insert=True, update=("sealed", "sealed_number")), jobs=READ, erase=ERASE),
    "complaints.Hearing": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.FindingProposal": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.ReleaseQuestion": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.QuestionReader": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.QuestionReply": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.Finding": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.Recommendation": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.Sanction": Line(web=APPEND, jobs=READ, erase=ERASE),
    "complaints.DecisionCopy": Line(web=APPEND, jobs=READ, erase=ERASE),
    # The audit chain; a trigger moves its head.
    "complaints.AuditEntry": Line(web=APPEND, jobs=APPEND, backup=APPEND, erase=APPEND),
    "complaints.ChainHead": Line(
        web=Rights(update=LOCK), jobs=Rights(update=LOCK), backup=Rights(update=LOCK), erase=Rights(update=LOCK)
    ),
    "complaints.Batch": Line(web=READ, jobs=APPEND, erase=READ),
    "complaints.KeptLeaf": Line(web=APPEND, jobs=READ, erase=APPEND),
    # A member proposes, another confirms; what is erased is deleted by the role for erasing alone.
    "complaints.Erasure": Line(
        web=Rights(insert=True, update=("state", "confirmed_by", "confirmed_on", "refused_by", "refused_on")),
        jobs=READ,
        erase=Rights(update=("state", "root", "done_on")),
    ),
    "complaints.ErasedObject": Line(web=READ, jobs=READ, erase=Rights(insert=True, delete=True)),
    "complaints.LegalHold": Line(
        web=Rights(insert=True, update=("lift_asked_by", "lifted_by", "lifted_on")), jobs=READ, erase=READ
    ),
    "complaints.VerificationFault": Line(web=APPEND, jobs=APPEND),
    "complaints.VerificationState": Line(web=READ, jobs=EDIT),
    # Staff and teams. The owner makes teams (setup_keys); members change their keys.
    "complaints.Staff": Line(web=EDIT, jobs=READ),
    "complaints.Staff_groups": Line(web=READ, jobs=READ),
    "complaints.Staff_user_permissions": Line(web=READ, jobs=READ),
    "complaints.Team": Line(
        web=Rights(
            update=(
                *("public_key", "verify_key", "key_number"),
                *("recovery_a", "recovery_b", "recovery_keys", "recovery_signature"),
            )
        ),
        jobs=READ,
    ),
    "complaints.TeamKey": Line(web=Rights(insert=True, update=("sealed_previous", "finished_at")), jobs=READ),
    "complaints.TeamMembership": Line(web=EDIT, jobs=READ),
    "complaints.RemovalRequest": Line(web=EDIT, jobs=READ),
    "complaints.SealedSession": Line(
        web=Rights(insert=True, update=("data", "expires_on", "ends", "staff", "began_at"), delete=True),
        jobs=Rights(delete=True),
    ),
    "complaints.KeptForms": Line(
        web=Rights(insert=True, update=("sealed", "expires_on"), delete=True), jobs=Rights(delete=True), erase=ERASE
    ),
    "complaints.LoginDelay": Line(web=FREE, jobs=Rights(delete=True)),
    # Refused sign-ins by account and day; the night's job takes them into the chain.
    "complaints.SigninCount": Line(web=EDIT, jobs=Rights(update=EVERY, delete=True)),
    "complaints.AccountConfirmation": Line(web=FREE, jobs=READ),
    # Hours of jobs and their failures; what a job runs stands in the code.
    "complaints.JobRun": Line(web=Rights(insert=True, update=EVERY), jobs=Rights(insert=True, update=EVERY)),
    "complaints.JobFailure": Line(web=READ, jobs=Rights(insert=True, delete=True)),
    "complaints.Heartbeat": Line(web=READ, jobs=Rights(insert=True, update=("beat_at", "worker_key"))),
    "complaints.Measurement": Line(web=READ, jobs=EDIT),
    # Reference data, edited in the admin.
    "complaints.AccusedKind": _REFERENCE,
    "complaints.Category": _REFERENCE,
    "complaints.Election": Line(web=EDIT, jobs=READ, erase=READ),
    "complaints.OversightBody": Line(web=EDIT, jobs=READ, erase=READ),
    "complaints.ClosedDay": Line(web=EDIT, jobs=READ, erase=READ),
    "complaints.Province": _REFERENCE,
    "complaints.SanctionKind": _REFERENCE,
    "complaints.StandardText": _REFERENCE,
    # A member of triage decides; what was proposed stays as it is.
    "complaints.RuleChange": Line(
        web=Rights(insert=True, update=("state", "decided_by", "decided_at", "answer")), jobs=READ, erase=READ
    ),
    # Tables of others: second factors are rows of django-allauth, which verification compares with the chain.
    "mfa.Authenticator": Line(web=FREE, jobs=READ),
    "account.EmailAddress": Line(web=READ, jobs=NOTHING),
    "account.EmailConfirmation": Line(web=NOTHING, jobs=NOTHING),
    "admin.LogEntry": Line(web=NOTHING, jobs=NOTHING),
    "auth.Permission": Line(web=READ, jobs=NOTHING),
    "auth.Group": Line(web=READ, jobs=NOTHING),
    "auth.Group_permissions": Line(web=READ, jobs=NOTHING),
    "contenttypes.ContentType": Line(web=READ, jobs=NOTHING),
}


def stored_models() -> dict[str, type[Model]]:
    """Return every model with a table of its own, tables of many-to-many relations included, by its label."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label: model for model in models if model._meta.managed and not model._meta.proxy}


def columns(model: type[Model], names: tuple[str, ...]) -> list[str]:
    """Return the columns of fields of a model, of all but the key for EVERY, of the key for LOCK."""
    if names == EVERY:
        return sorted(str(field.column) for field in model._meta.concrete_fields if not field.primary_key)
    fields = [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names]
    return sorted(str(field.column) for field in fields if field is not None and hasattr(field, "column"))
