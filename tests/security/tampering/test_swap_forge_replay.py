"""Whoever can write to the database or to the storage makes things unreadable, and never makes anybody read, or write
to, something else. Each binary column of what is sealed is swapped, forged and put back in turn."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from pytest_django import DjangoDbBlocker

from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.identity import Identity
from complaints.models.oversight import DecisionCopy, Release, ReleasedFile
from complaints.models.team import Team, TeamMembership
from tests.database import built_once
from tests.security.tampering.scene import REFUSALS, TwoReports, build
from tests.world import Cast

# Binary columns that nobody opens who reads a report, and who looks at them instead.
ELSEWHERE = {
    "AccountConfirmation.code_digest": "services/test_account_confirmation",
    "AuditEntry.countersignature": "services/audit/test_log",
    "AuditEntry.digest": "services/audit/test_log",
    "AuditEntry.previous": "services/audit/test_log",
    "AuditEntry.signature": "services/audit/test_log",
    "AuditEntry.signer": "services/audit/test_log",
    "ChainHead.digest": "services/audit/test_log",
    "CaseMove.signature": "services/test_case_links",
    "CaseStep.signature": "services/test_before_shown",
    "ReleaseStep.signature": "services/forwarding/test_further_releases",
    "Complaint.commitment": "the root of its batch in the audit chain",
    "Complaint.lookup": "below",
    **dict.fromkeys(("Draft.data", "Draft.ends"), "services/test_draft_rows"),
    **dict.fromkeys(("DraftDoor.data", "DraftDoor.ends"), "services/test_parked_drafts"),
    "DecisionCopy.object_digest": "its entry in the audit chain: services/forwarding/test_decision_copies",
    "DraftFile.object_digest": "the root of its batch in the audit chain, once it is sent",
    "DraftFile.sealed": "below",
    "Evidence.worker_grant": "below",
    "EvidenceObject.object_digest": "the root of its batch in the audit chain",
    **dict.fromkeys(("NameRequest.sealed", "NameRequest.sealed_for_reporter"), "services/forwarding/test_names"),
    "ReadName.sealed": "services/forwarding/test_names",
    "BodyNote.sealed": "services/forwarding/test_release_assignment",
    **dict.fromkeys(("ReleaseQuestion.sealed", "ReleaseQuestion.signer"), "services/forwarding/test_asking"),
    **dict.fromkeys(("QuestionReply.sealed", "QuestionReply.signer"), "services/forwarding/test_asking"),
    "QuestionReader.sealed": "services/forwarding/test_asking",
    "KeptLeaf.digest": "services/audit/test_batches",
    "Erasure.root": "services/erasure/test_erasing",
    "VerificationState.signature": "services/audit/test_nightly_run",
    "IndexEntry.digest": "compared, not opened",
    "IndexEntry.sealed": "the matches, not the report",
    "IndexKey.sealed": "the matches, not the report",
    "IndexKey.signer": "the matches, not the report",
    **dict.fromkeys(("LaneProposal.cases", "LaneProposal.sealed"), "services/test_lane"),
    "UrgentRegister.sealed": "services/test_retaliation",
    **dict.fromkeys(("SearchDoc.sealed", "SearchKey.sealed"), "services/test_lane"),
    **dict.fromkeys(("KeyGrant.first_digest", "KeyGrant.reseal_signature"), "services/team_keys/test_rotation"),
    **dict.fromkeys(("TeamMembership.certificate", "TeamMembership.sealed_reason"), "services/team_keys/test_rotation"),
    **dict.fromkeys(
        ("TeamKey.public_key", "TeamKey.verify_key", "TeamKey.sealed_previous"), "services/team_keys/test_rotation"
    ),
    **dict.fromkeys(("TeamKey.by_predecessor", "TeamKey.by_itself"), "services/team_keys/test_rotation"),
    **dict.fromkeys(("Team.recovery_keys", "Team.recovery_signature"), "services/team_keys/test_rotation"),
    **dict.fromkeys(("RemovalRequest.sealed", "RemovalRequest.signature"), "services/team_keys/test_removal"),
    "SavedFilter.sealed": "a filter's name, not the report",
    "KeptForms.sealed": "services/test_kept_forms",
    "SealedSession.data": "accounts/test_sessions",
    "SealedSession.ends": "accounts/test_reporter_session",
    "Staff.public_key": "below",
    "Heartbeat.worker_key": "compared only, nothing is sealed to it: services/evidence/test_processing",
    "Staff.verify_key": "below",
    "Staff.wrapped_key": "below",
    "Team.recovery_a": "opened offline",
    "Team.recovery_b": "opened offline",
    **dict.fromkeys(("Case.salt", "Staff.salt", "Team.salt"), "the states of the rows: security/test_blind_columns"),
    "RuleChange.salt": "services/test_rule_changes",
}
# Columns that the two reports need not have.
PERHAPS = {"Evidence.sealed_report"}
TEAMS = ("triage", "separate", "body-bkn", "body-kasn")
# Tampered keys harm whoever writes next, too.
ACTED_ON = {Complaint, Identity, KeyGrant, Release, Team, TeamMembership}


def binary_columns() -> list[tuple[type[models.Model], str]]:
    columns = []
    for model in apps.get_app_config("complaints").get_models():
        fields = [field for field in model._meta.concrete_fields if isinstance(field, models.BinaryField)]
        columns += [(model, field.name) for field in fields]
    return columns


COLUMNS = [(m, name) for m, name in binary_columns() if f"{m.__name__}.{name}" not in ELSEWHERE]


@pytest.fixture(scope="module")
def two_reports(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[TwoReports]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        yield build(shared_cast)


@pytest.fixture(scope="module")
def before(two_reports: TwoReports, django_db_blocker: DjangoDbBlocker) -> list[dict[str, Any]]:
    """What is seen of either report while nothing is altered."""
    with django_db_blocker.unblock():
        return [two_reports.seen(0), two_reports.seen(1, acts=False)]


def place(row: Any) -> tuple[int, str]:
    """In what order the rows of one report are looked at: one that does not hang on random keys."""
    if isinstance(row, KeyGrant):
        return (int(row.release_id is None), row.team.slug)
    if isinstance(row, EvidenceObject):
        return (row.evidence.sequence, row.variant)
    if isinstance(row, ReleasedFile):
        return place(row.stored)
    if isinstance(row, DecisionCopy):
        return (0, row.variant)
    if isinstance(row, Team):
        return (TEAMS.index(row.slug), "")
    if isinstance(row, TeamMembership):
        return (TEAMS.index(row.team.slug), row.staff.username)
    return (getattr(row, "sequence", 0), "")


def case_of(row: Any) -> uuid.UUID | None:
    """The case that a row belongs to; None for what belongs to none."""
    for name in ("complaint", "release", "evidence", "stored", "sanction"):
        if isinstance(owner := getattr(row, name, None), models.Model):
            return case_of(owner)
    return getattr(row, "case_id", None)


def rows(two_reports: TwoReports, model: type[models.Model], column: str) -> list[list[Any]]:
    """The rows that have a value there: those of each report, or all in one list."""
    candidates = model.objects.exclude(**{f"{column}__isnull": True})
    if model is Message and column == "signer":  # of a reporter's own message nobody asks the row who signed it
        candidates = candidates.filter(author__isnull=False)
    candidates = sorted(candidates, key=place)
    if model is TeamMembership:  # of the others nobody signs in below
        candidates = [row for row in candidates if row.staff.username in {"vera", "kirana"}]
    mine = [[row for row in candidates if case_of(row) == sent.case.pk] for sent in two_reports.sent]
    return mine if any(mine) else [candidates, []]


def tamperings(
    two_reports: TwoReports, model: type[models.Model], column: str
) -> Iterator[tuple[int, str, Callable[[], Any]]]:
    """Each way to tamper with a column: in which report it must show, what it is, and the deed."""
    mine, two = rows(two_reports, model, column)
    if f"{model.__name__}.{column}" in PERHAPS and not (mine or two):
        return
    number = 0 if mine else 1
    victim = (mine or two)[0]
    value = bytearray(getattr(victim, column))
    value[len(value) // 2] ^= 1
    for how, content in {"altered": bytes(value), "emptied": b""}.items():
        yield number, how, lambda content=content: overwrite(victim, column, content)
    for first, second in [*zip(mine, two, strict=False)][:2] + [*pairwise(mine or two)][:2]:
        if bytes(getattr(first, column)) != bytes(getattr(second, column)):
            yield number, "swapped", lambda pair=(first, second): swap(*pair, column)


def overwrite(row: Any, column: str, content: bytes) -> None:
    type(row).objects.filter(pk=row.pk).update(**{column: content})


def swap(first_row: Any, two: Any, column: str) -> None:
    first, second = getattr(first_row, column), getattr(two, column)
    for row, content in ((first_row, uuid.uuid4().bytes), (two, first), (first_row, second)):
        overwrite(row, column, content)


def judge(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Say what is wrong with what is seen after tampering: something else than before, or no sign of it at all."""
    wrong = [name for name in before if not isinstance(after[name], REFUSALS) and after[name] != before[name]]
    if wrong:
        return f"seen otherwise: {wrong}"
    return "" if any(isinstance(value, REFUSALS) for value in after.values()) else "nobody noticed"


def test_everything_is_seen_while_nothing_is_altered(db: None, before: list[dict[str, Any]]) -> None:
    assert not [value for seen in before for value in seen.values() if isinstance(value, Exception)]


@pytest.mark.parametrize("model", dict.fromkeys(model for model, _column in COLUMNS), ids=lambda model: model.__name__)
def test_whatever_is_altered_or_swapped_is_refused(
    db: None, two_reports: TwoReports, before: list[dict[str, Any]], model: type[models.Model]
) -> None:
    problems = {}
    for column in (column for owner, column in COLUMNS if owner is model):
        for number, how, tamper in tamperings(two_reports, model, column):
            with transaction.atomic():
                tamper()
                acts = number == 0 and (model is Identity or (model in ACTED_ON and how != "emptied"))
                after = two_reports.seen(number, acts=acts)
                transaction.set_rollback(True)
            if problem := judge({name: before[number][name] for name in after}, after):
                problems[f"{model.__name__}.{column} {how}"] = problem
    assert problems == {}


def test_every_column_is_looked_at_somewhere() -> None:
    assert set(ELSEWHERE) <= {f"{model.__name__}.{name}" for model, name in binary_columns()}
