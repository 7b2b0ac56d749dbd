"""How each column of each table is bound into the audit chain: by a leaf, by derivation, by a state, or named unbound.

This is the only place that says so. ``services.audit.state`` takes the columns of its digests from here, and
``tests/services/audit/test_coverage.py`` fails for a column that is missing. Of the tables of other applications those
are named that decide who signs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_SALT: Final = "random; a state that is computed with another one differs"
_STAMP: Final = "for display; nothing is decided by it"
_SESSION: Final = "lasts as long as a session; what it opens is sealed under the cookie"
_FACTOR_TIMES: Final = ("created_at", "last_used_at")
_JOB: Final = "of the jobs; decides nothing about a report"


@dataclass(frozen=True)
class Coverage:
    """The columns of one table, each named once.

    Attributes:
        leaf: columns in a leaf of a closed batch: what reporters sent, and what was worked on.
        derived: columns that verification works out from steps, moves and entries, and compares.
        states: columns in a keyed digest, by the name of the state (``services.audit.state``).
        sealed: ciphertext and keys of which an entry holds the digest, or which a pinned key has signed.
        recorded: clear columns of which the entry of the act holds a digest, its fact ``row``.
        unbound: columns that nothing binds, each with the reason.
    """

    leaf: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sealed: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    unbound: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> list[str]:
        """Return all columns that are named, once for each time that they are."""
        in_states = [column for columns in self.states.values() for column in columns]
        return [*self.leaf, *self.derived, *in_states, *self.sealed, *self.recorded, *self.unbound]


def _unbound(reason: str, *columns: str) -> dict[str, str]:
    return dict.fromkeys(columns, reason)


def _reference(*columns: str) -> Coverage:
    """Return the coverage of a table of reference data: one state covers all its rows."""
    return Coverage(states={"catalog": columns})


_CHAIN = Coverage(unbound={"*": "the chain itself: each entry is bound to the one before, the head to the last"})

COVERAGE: Final[Mapping[str, Coverage]] = {
    "Case": Coverage(
        derived=(
            "id", "status", "asked_from", "stage_reached", "step_count", "status_on", "due_on", "lead_body",
            "linked_into",
        ),
        states={
            "filing": (
                "reference", "is_practice", "kind", "category", "accused_kind", "province", "agency_kind",
                "received_on", "held_by",
            ),
            "assignment": ("assignee", "assigned_by", "stands_for", "assigned_on", "confirmed_on"),
            "lane": ("lane",),
        },
        unbound={"owner_seen_on": "a reminder on the desk; it decides nothing", "salt": _SALT},
    ),
    "CaseStep": Coverage(
        derived=(
            "id", "case", "sequence", "action", "source", "target", "actor_kind", "actor", "due_on", "body", "stage",
            "was_late", "day", "at", "batch",
        ),
        sealed=("signature",),
    ),
    "CaseMove": Coverage(
        derived=(
            "id", "complaint", "number", "source", "target", "source_steps", "target_steps", "actor", "target_due_on",
            "day", "at", "batch",
        ),
        sealed=("signature",),
    ),
    "InternalNote": Coverage(
        sealed=("id", "sealed"), recorded=("complaint", "sequence", "author_key", "author", "step", "at")
    ),
    "Assessment": Coverage(
        sealed=("id", "sealed"), recorded=("kind", "complaint", "sequence", "author_key", "author", "step", "at")
    ),
    # Its entry also holds the digest of what is sealed beside the redacted copy.
    "Redaction": Coverage(
        sealed=("id", "sealed", "stored"), recorded=("complaint", "sequence", "author_key", "author", "at")
    ),
    "Complaint": Coverage(
        leaf=(
            "id", "lookup", "reporter_key", "reporter_verify_key", "public_key", "key_signature", "commitment",
            "sealed_answers", "sealed_summary", "sealed_days", "channel", "day", "batch", "check_by",
        ),
        derived=("case", "index_entry", "next_sequence", "erased_on"),
    ),
    "Conflict": Coverage(derived=("complaint", "staff", "kind", "is_lifted"), unbound={"id": "names nothing"}),
    "KeyGrant": Coverage(
        leaf=("id", "complaint", "team", "sealed", "first_digest"),
        derived=("release",),
        sealed=("reseal_signature",),
        unbound={"sealed_number": "a wrong number opens nothing, which is seen at once"},
    ),
    # Of a reporter's message its leaf takes all columns but the mark on the desk.
    "Message": Coverage(
        leaf=("id", "sealed_for_release", "batch"),
        sealed=("sealed", "sealed_for_reporter"),
        recorded=("complaint", "sequence", "direction", "step", "release", "release_step", "author", "signer", "day"),
        unbound={"is_read": "a mark on the desk"},
    ),
    "Identity": Coverage(
        leaf=(
            "complaint", "body", "blob", "outer_reporter", "outer_recipient", "signature", "version", "batch",
        ),
        unbound={"sealed_number": "a wrong number opens nothing, which is seen at once"},
    ),
    "NameRequest": Coverage(
        derived=("closed_on",),
        sealed=("id",),
        recorded=("complaint", "release", "body", "by", "sealed_for_reporter", "day"),
        unbound=_unbound("signed by the body's team; sealed anew with each key of the team", "sealed", "sealed_number"),
    ),
    "ReadName": Coverage(
        sealed=("id",),
        recorded=("complaint", "request", "body", "day"),
        unbound=_unbound("signed by the body's team; sealed anew with each key of the team", "sealed", "sealed_number"),
    ),
    "Evidence": Coverage(
        leaf=(
            "id", "complaint", "sequence", "kind", "state", "sealed_post", "sealed_report", "day", "batch",
            "worked_batch",
        ),
        unbound=_unbound("until the file is worked on", "attempts", "tried_by", "worker_grant"),
    ),
    # A redacted copy is in no leaf: its team has signed what is sealed beside it; the entry of its redaction holds
    # the digest of that.
    "EvidenceObject": Coverage(
        leaf=("id", "evidence", "variant", "number", "object_digest", "sealed"),
        unbound={"object_name": "another object has another digest, which is compared when all is read"},
    ),
    "Draft": Coverage(unbound=_unbound(_SESSION, "id", "data", "ends", "stored_size", "expires_on")),
    "DraftDoor": Coverage(unbound=_unbound(_SESSION, "id", "data", "ends", "expires_on")),
    "DraftFile": Coverage(
        unbound=_unbound(
            _SESSION, "id", "draft", "object_name", "object_digest", "sealed", "stored_size", "day"
        )
    ),
    "IndexKey": Coverage(
        sealed=("sealed", "signer"),
        unbound={
            "team": "names the team whose key has to open it",
            "sealed_number": "a wrong number opens nothing, which is seen at once",
        },
    ),
    "IndexEntry": Coverage(derived=("id", "complaint", "evidence", "day", "kind", "digest", "sealed")),
    "SearchKey": Coverage(
        sealed=("team", "number", "sealed"),
        unbound={"id": "names nothing", "sealed_number": "a wrong number opens nothing, which is seen at once"},
    ),
    # Of the lane; elsewhere the count decides nothing.
    "SearchDoc": Coverage(
        derived=("evidence",),
        unbound=_unbound(
            "opens for its report, version and last text alone; without it a report is listed among the others", "id",
            "complaint", "team", "version", "next_sequence", "sealed", "sealed_number",
        ),
    ),
    "UrgentRegister": Coverage(
        derived=("team", "version"),
        unbound=_unbound(
            "signed by the team for the version; sealed anew with each key of the team", "sealed", "sealed_number"
        ),
    ),
    "LaneProposal": Coverage(
        derived=("id", "cases", "state", "is_finished"),
        unbound=_unbound(
            "signed by the team for the proposal; sealed anew with each key of the team", "team", "sealed",
            "sealed_number",
        ),
    ),
    "Release": Coverage(
        derived=("id", "case", "state", "public_key", "key_signature", "signer", "sealed"),
        recorded=("number", "body", "first", "after_step", "is_further", "released_by", "at"),
    ),
    "ReleaseStep": Coverage(
        derived=(
            "id", "release", "sequence", "action", "source", "target", "actor_kind", "actor", "due_on", "day", "at",
            "batch",
        ),
        sealed=("signature",),
    ),
    "ReleasedReport": Coverage(derived=("id", "release", "complaint", "number", "told")),
    "ReleasePart": Coverage(derived=("id", "release", "number", "report", "sealed")),
    "ReleasedFile": Coverage(derived=("id", "release", "stored", "sealed")),
    "BodyNote": Coverage(
        sealed=("id",),
        recorded=("release", "number", "author", "at"),
        unbound=_unbound("signed by the body's team; sealed anew with each key of the team", "sealed", "sealed_number"),
    ),
    "ReleaseQuestion": Coverage(sealed=("id", "sealed"), recorded=("release", "kind", "signer", "author", "at")),
    "QuestionReader": Coverage(sealed=("id", "sealed"), recorded=("question", "complaint")),
    "QuestionReply": Coverage(
        sealed=("id", "sealed"), recorded=("question", "kind", "supplement", "signer", "author", "at")
    ),
    **dict.fromkeys(
        ("Hearing", "FindingProposal", "Finding", "Recommendation", "Sanction"),
        Coverage(sealed=("id", "sealed"), recorded=("release", "signer", "author", "at")),
    ),
    "DecisionCopy": Coverage(
        sealed=("id", "sealed"), recorded=("sanction", "variant", "object_name", "object_digest")
    ),
    "Staff": Coverage(
        states={
            "staff": (
                "id", "username", "first_name", "last_name", "email", "password", "role", "body", "nip", "agency",
                "must_recheck", "must_recheck_separate", "public_key", "verify_key", "wrapped_key",
                "must_change_password", "is_active", "is_staff", "is_superuser", "is_sample", "practising",
                "awaits_confirmation",
            ),
        },
        unbound={
            "salt": _SALT,
            "language": "of the person's own pages",
            "queue_columns": "of the person's own queue",
            "last_login": _STAMP,
            "date_joined": _STAMP,
        },
    ),
    "Team": Coverage(
        states={
            "team": (
                "id", "slug", "kind", "body", "public_key", "verify_key", "key_number", "recovery_a", "recovery_b",
                "recovery_keys", "recovery_signature",
            ),
        },
        unbound={"salt": _SALT},
    ),
    # Keys and memberships are parts of their team's state, so that none can be added or removed unseen.
    "TeamKey": Coverage(
        states={
            "team": (
                "id", "team", "number", "public_key", "verify_key", "by_predecessor", "by_itself", "sealed_previous",
                "made_at", "made_by", "finished_at",
            ),
        },
        unbound={"total": "for a progress bar"},
    ),
    "TeamMembership": Coverage(
        states={
            "team": (
                "id", "team", "staff", "sealed_key", "admitted_by", "admitted_key", "admitted_at", "certificate",
                "key_number", "left_at", "left_cause", "removed_by",
            ),
        },
        unbound=_unbound("why somebody was removed, sealed to the team", "sealed_reason", "sealed_number"),
    ),
    "Category": _reference(
        "order", "code", "group", "name_id", "name_en", "example_id", "example_en", "basis",
        "priority", "door", "active", "delivered",
    ),
    "AccusedKind": _reference(
        "order", "code", "label_id", "label_en", "staff_label_id", "staff_label_en", "delivered"
    ),
    "SanctionKind": _reference(
        "order", "code", "level", "label_id", "label_en", "basis", "applies_to", "valid_from", "valid_until",
        "asks_rule", "active", "delivered",
    ),
    "StandardText": _reference(
        "order", "code", "moment", "group", "title_id", "title_en", "body_id", "body_en", "active",
        "delivered",
    ),
    "Province": _reference("code", "name", "order", "delivered"),
    "OversightBody": _reference(
        "code", "name", "short_name", "task", "note_id", "note_en", "valid_from", "valid_until", "order",
        "delivered",
    ),
    "ClosedDay": _reference("code", "day", "kind", "name", "source", "active", "delivered"),
    "Election": _reference(
        "code", "name_id", "name_en", "kind", "starts_on", "candidates_on", "campaign_from", "campaign_until",
        "voting_on", "ends_on", "fictional", "delivered",
    ),
    "Absence": Coverage(derived=("id", "staff", "stand_in", "from_on", "until_on")),
    "Duty": Coverage(
        derived=("staff", "provinces", "agency_kinds"), unbound={"last_turn": "decides whose turn it is, never who may"}
    ),
    "AutoAssignmentRule": Coverage(
        derived=("by",), unbound={"id": "a single row", "turn": "decides whose turn it is, never who may"}
    ),
    "SavedFilter": Coverage(
        unbound=_unbound(
            "a narrowing of one person's list", "id", "owner", "team", "is_shared", "query", "sealed", "sealed_number"
        )
    ),
    "RuleChange": Coverage(
        states={
            "rule": (
                "id", "table", "code", "version", "is_new", "before", "row", "base", "reason", "state", "proposed_by",
                "proposed_at", "decided_by", "decided_at", "answer",
            ),
        },
        unbound={"salt": _SALT},
    ),
    "RemovalRequest": Coverage(
        derived=("id", "state", "team", "membership", "asked_by", "asked_at", "decided_by", "decided_at"),
        unbound=_unbound(
            "verified before it is carried out; without the reason that was sealed for it, it is not", "sealed_number",
            "signature", "sealed",
        ),
    ),
    "SigninCount": Coverage(
        derived=("account", "day", "kind", "recorded", "notified", "is_mailed"),
        unbound={
            "id": "names nothing",
            "n": "of refused sign-ins a count of the day, until its entry signin.counted takes it; a process names one "
            "below its own. Of changes it is as many as there are entries signin.changed",
        },
    ),
    "AccountConfirmation": Coverage(
        derived=("staff", "cause", "askers", "asked_at", "confirmed_by", "confirmed_at", "code_digest"),
    ),
    "JobRun": Coverage(unbound=_unbound(_JOB, "name", "due_at", "claimed_until", "begun_at", "failures")),
    "JobFailure": Coverage(unbound=_unbound(_JOB, "id", "name", "day", "type")),
    "SealedSession": Coverage(unbound=_unbound(_SESSION, "id", "data", "expires_on", "ends", "staff", "began_at")),
    "KeptForms": Coverage(
        unbound=_unbound(
            "signed by the person, for whom it is shown in its form before it counts", "staff", "sealed", "expires_on"
        )
    ),
    "LoginDelay": Coverage(
        unbound=_unbound("forgotten within the hour; a process names one that was altered", "id", "failures", "until")
    ),
    "Heartbeat": Coverage(unbound=_unbound(_JOB, "id", "beat_at", "worker_key")),
    "Measurement": Coverage(
        unbound=_unbound(
            "rounded figures for operators; they decide nothing about a report", "id", "taken_at", "store_free",
            "disk_free", "drafts_used", "files_waiting", "files_failed", "jobs_failing", "worker_key_on",
        )
    ),
    "Batch": Coverage(derived=("number",), unbound={"day": "a label; the entry of the batch repeats it"}),
    # Of an erasure all columns are under the root that its newest entry records.
    "KeptLeaf": Coverage(
        leaf=("digest", "batch"),
        derived=("kind", "release", "erasure"),
        unbound={"id": "names nothing", "row": "the digest holds it; an identity put back is missing in a later root"},
    ),
    "ErasedObject": Coverage(
        unbound=_unbound("of the work; an object that a row names is not deleted by it", "object_name", "erasure")
    ),
    "Erasure": Coverage(
        derived=(
            "id", "complaint_id", "ground", "rule", "proposed_by", "proposed_on", "confirmed_by", "confirmed_on",
            "refused_by", "refused_on", "state", "root",
        ),
        unbound={"done_on": "the day of an entry, for display and for how long its code is known"},
    ),
    "LegalHold": Coverage(
        derived=("id", "complaint", "ground", "set_by", "set_on", "lift_asked_by", "lifted_by", "lifted_on"),
    ),
    "VerificationFault": Coverage(
        unbound=_unbound("what verification names; named again", "id", "sequence", "code", "subject", "state", "day")
    ),
    "VerificationState": Coverage(sealed=("record", "signature"), unbound={"id": "a single row"}),
    # Tables of django-allauth that decide who signs in.
    "Authenticator": Coverage(
        states={"factors": ("id", "user", "type", "data")},
        unbound=_unbound("a time of use; the marks of use in ``data`` are not in the state either", *_FACTOR_TIMES),
    ),
    "EmailAddress": Coverage(
        unbound=_unbound(
            "not used: nobody signs in or resets a password by mail", "id", "user", "email", "verified", "primary"
        )
    ),
    "AuditEntry": _CHAIN,
    "ChainHead": _CHAIN,
}  # fmt: skip


def state_columns(model: str, state: str) -> tuple[str, ...]:
    """Return the columns of a table, by the name of its model, that are in a state; () where only its parts are."""
    return COVERAGE[model].states.get(state, ())
