"""Rows that were written again although nothing writes such rows again, or although nothing was done with them.

What was altered and put back looks as it did, but for the transaction that wrote it (``rewritten_entries``). The tables
to which rows are appended alone are compared by the time that their entries record, cases and reports by the acts that
change them. A row that is altered where a lawful act follows within the hour is named by nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Exists, F, Func, Model, OuterRef, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from complaints.models.audit import AuditEntry
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import (
    DecisionCopy,
    Finding,
    FindingProposal,
    Hearing,
    Recommendation,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    ReleaseStep,
    Sanction,
)
from complaints.models.question import QuestionReader, QuestionReply, ReleaseQuestion
from complaints.models.redaction import Redaction
from complaints.services.audit.faults import Fault, Rows

# A row bears the time at which its act began, by the clock of the node that did it.
LATE: Final = timedelta(hours=1)
# An act that was under way at the mark has written its entry up to so many transactions before.
UNDER_WAY: Final = 1000
# Tables to which rows are appended alone, by where the time of a row stands. Steps and moves of reporters have none.
APPENDED: Final[dict[type[Model], str]] = {
    **dict.fromkeys((CaseStep, CaseMove, ReleaseStep, InternalNote, Assessment, Redaction), "at"),
    **dict.fromkeys((Hearing, FindingProposal, Finding, Recommendation, Sanction), "at"),
    **dict.fromkeys((ReleaseQuestion, QuestionReply), "at"),
    **dict.fromkeys((ReleasedReport, ReleasePart, ReleasedFile), "release__at"),
    QuestionReader: "question__at",
    DecisionCopy: "sanction__at",
}


class _Since(Func):
    """By how many transactions after a given one a row was written; 32 bits of it."""

    output_field = BigIntegerField()

    def __init__(self, transaction: int) -> None:
        super().__init__(F("pk"))
        self.transaction = transaction % 2**32

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: object
    ) -> tuple[str, list[int]]:
        (column,) = self.get_source_expressions()
        alias = compiler.quote_name_unless_alias(column.alias)
        return f"(({alias}.xmin::text::bigint - %s) & 4294967295)", [self.transaction]


def faults(*, transaction: int, passed: int, at: int, batch: int) -> Iterator[Fault]:
    """Yield a fault for each table with rows that were written again since a mark, with their number.

    Args:
        transaction: the first that had not ended at the mark; ``passed``: how many there were since.
        at: when the mark was made, by the database's clock, in seconds since the epoch.
        batch: the number of the batch that was open then.
    """
    before = datetime.fromtimestamp(at, tz=UTC) - LATE
    for model, time in APPENDED.items():
        rows = _written_since(model._default_manager.filter(**{f"{time}__lt": before}), transaction, passed)
        if count := rows.count():
            yield Fault(None, "row.rewritten", model.__name__.lower(), f"{count}.{transaction}")
    for cases in (_cases(transaction, passed, batch), _reports(transaction, passed, batch)):
        if count := cases.count():
            yield Fault(None, "row.rewritten", cases.model.__name__.lower(), f"{count}.{transaction}")


def _written_since(rows: Rows, transaction: int, passed: int) -> Rows:
    since: Rows = rows.alias(since=_Since(transaction)).filter(since__lt=passed)
    return since


def _exist_since(rows: Rows, transaction: int, passed: int) -> Exists:
    return Exists(_written_since(rows, transaction - UNDER_WAY, passed + UNDER_WAY))


def _cases(transaction: int, passed: int, batch: int) -> QuerySet[Case]:
    """Return the cases that were written since a mark without any act since; linked ones tell nothing."""
    case_key = OuterRef("pk")
    acts = (
        AuditEntry.objects.filter(case=case_key),
        CaseStep.objects.filter(case=case_key),
        CaseMove.objects.filter(Q(source=case_key) | Q(target=case_key)),
    )
    written = _written_since(Case.objects.filter(linked_into=None), transaction, passed)
    new = Exists(Complaint.objects.filter(pk=case_key, batch__gte=batch))
    return written.exclude(new).exclude(_any_since(acts, transaction, passed))


def _reports(transaction: int, passed: int, batch: int) -> QuerySet[Complaint]:
    """Return the reports that were written since a mark without any act since; one without an index waits for it."""
    report_key = OuterRef("pk")
    acts = (AuditEntry.objects.filter(subject=report_key), CaseMove.objects.filter(complaint=report_key))
    sent = (model._default_manager.filter(complaint=report_key, batch__gte=batch) for model in (Message, Evidence))
    reports = Complaint.objects.filter(batch__lt=batch).exclude(index_entry=None)
    written = _written_since(reports, transaction, passed)
    return written.exclude(_any_since(acts, transaction, passed)).exclude(_any(map(Exists, sent)))


def _any_since(acts: tuple[Rows, ...], transaction: int, passed: int) -> Q:
    return _any(_exist_since(rows, transaction, passed) for rows in acts)


def _any(conditions: Iterator[Exists]) -> Q:
    either = Q()
    for condition in conditions:
        either |= Q(condition)
    return either
