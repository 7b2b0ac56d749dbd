"""Verifies what reporters sent: roots of closed batches, a batch for each row, no gap in a report, and its identity."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Count, F, Max, Min
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.workflow import ActorKind
from complaints.models.audit import AuditEntry
from complaints.models.batch import Batch, KeptLeaf
from complaints.models.case import Assessment, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.identity import Identity
from complaints.models.oversight import ReleaseStep
from complaints.models.redaction import Redaction
from complaints.services import team_key_history
from complaints.services.audit import identity_signature
from complaints.services.audit.batches import CLOCKS_AGREE
from complaints.services.audit.faults import PARTS, Fault, RowCheck, Rows, Scope, lock, once
from complaints.services.audit.leaves import IDENTITY_COLUMNS, PIECE, batch_root, identity_leaf
from complaints.services.audit.recorded_acts import NAME_CLOSED

# The tables of which each row of a reporter names its batch, and the condition on those rows.
_TABLES: Final[tuple[tuple[type[models.Model], models.Q], ...]] = (
    (Complaint, models.Q()),
    (Message, models.Q(direction=Message.Direction.FROM_REPORTER)),
    (Evidence, models.Q()),
    (Identity, models.Q()),
    (CaseStep, models.Q(actor_kind=ActorKind.REPORTER.value)),
    (ReleaseStep, models.Q(actor_kind=ActorKind.REPORTER.value)),
    (CaseMove, models.Q(actor=None)),
)
# The tables whose rows are numbered within a report, without a gap.
_NUMBERED: Final[tuple[type[models.Model], ...]] = (Message, Evidence, InternalNote, Assessment, Redaction)

# What the signature of an identity is over, and the signature.
_SIGNED: Final = (*IDENTITY_COLUMNS, "body", "version", "batch")
# So many closed batches may lack their entry while the job that appends it is at work.
CLOSED_WITHOUT_ENTRY: Final = 1


def _batch_entries(scope: Scope) -> Rows:
    entries = AuditEntry.objects.filter(event="day.closed")
    if scope.since is None:
        return entries
    part = entries.alias(rest=F("sequence") % PARTS)
    return part.filter(models.Q(sequence__gt=scope.since) | models.Q(rest=scope.part))


def root_faults(sequences: Sequence[int]) -> Iterator[Fault]:
    """Yield the fault of each closed batch of which the root differs from what its entry records."""
    entries = AuditEntry.objects.filter(sequence__in=sequences).order_by("sequence")
    for sequence, facts in entries.values_list("sequence", "facts"):
        expected = _recorded(facts)
        if expected is None:
            yield Fault(sequence, "batch.order")
            continue
        number, root, count = expected
        present, leaf_count = batch_root(number)
        if leaf_count != count:
            yield Fault(sequence, "batch.count", f"batch {number}", state=f"{leaf_count}.{present.hex()}")
        elif present.hex() != root:
            yield Fault(sequence, "batch.altered", f"batch {number}", state=present.hex())


def _recorded(facts: Any) -> tuple[int, str, int] | None:
    """Return the number, root and count that the entry of a batch records; None where it records something else."""
    try:
        return int(facts["batch"]), str(facts["root"]), int(facts["count"])
    except (KeyError, TypeError, ValueError):
        return None


def order_faults(_head: Sequence[int]) -> Iterator[Fault]:
    """Yield a fault where batches do not have one entry each, in order, and for each table with rows in no batch."""
    number = 0
    entries = AuditEntry.objects.filter(event="day.closed").order_by("sequence").values_list("sequence", "facts")
    for sequence, facts in entries.iterator():
        expected = _recorded(facts)
        if expected is None or expected[0] != number + 1:
            yield Fault(sequence, "batch.order", state=str(facts)[:40])
        number = expected[0] if expected else number + 1
    for model, of_reporters in _TABLES:
        # Rows first: a batch that is opened meanwhile is then known already.
        span = model._default_manager.aggregate(first=Min("batch"), last=Max("batch"))
        newest = Batch.objects.aggregate(last=Max("number"))["last"] or 0
        if span["last"] is not None and (span["first"] < 1 or span["last"] > newest):
            state = f"{span['first']}.{span['last']}"
            yield Fault(None, "batch.none", str(model._meta.model_name), state=state)
        # By the constraints there is none; a constraint can be dropped.
        if without := model._default_manager.filter(of_reporters, batch=None).count():
            yield Fault(None, "batch.none", str(model._meta.model_name), state=f"null.{without}")
    numbers = Batch.objects.aggregate(first=Min("number"), last=Max("number"), count=Count("pk"))
    newest = numbers["last"] or 0
    if newest <= number:
        yield Fault(None, "batch.order", f"batch {newest}")
    # A batch that was added by hand leaves a gap; the one before the open one may still wait for its entry.
    if (numbers["first"], numbers["count"]) != (1, newest) or newest - number > CLOSED_WITHOUT_ENTRY + 1:
        yield Fault(None, "batch.order", f"batch {newest}", f"{numbers['first']}.{numbers['count']}.{number}")


def held_faults(_head: Sequence[int]) -> Iterator[Fault]:
    """Yield a fault where the open batch bears a later day than the one on which it was opened.

    It is closed when its day is over: whoever gives it each day the day of then keeps it open, and what it holds
    unbound. It was opened shortly before the entry of the batch before it; the first one before all entries.
    """
    newest = Batch.objects.order_by("-number").first()
    if newest is None:
        return
    entries = AuditEntry.objects.order_by("sequence")
    if newest.number > 1:
        entries = entries.filter(event="day.closed", facts__batch=newest.number - 1)
    opened_at = entries.values_list("at", flat=True).first()
    # The clock of the job, which the entry bears, may be behind that of the database.
    if opened_at and newest.day > timezone.localdate(opened_at + CLOCKS_AGREE):
        yield Fault(None, "batch.held", f"batch {newest.number}", state=newest.day.isoformat())


def identity_faults(complaint_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each report without its identity, or with one that is unsigned or older than a kept leaf."""
    kept = KeptLeaf.objects.filter(kind="identity", row__in=complaint_ids).order_by().values("row")
    # Kept leaves first: an identity that is rewritten meanwhile is then newer than they say, never older.
    newest = {row["row"]: row for row in kept.annotate(last=Max("batch"), count=Count("pk"))}
    live = {
        pk: (batch, version)
        for pk, batch, version in Identity.objects.filter(pk__in=complaint_ids).values_list("pk", "batch", "version")
    }
    reports = Complaint.objects.filter(pk__in=complaint_ids).order_by("pk").values_list("pk", flat=True)
    unsigned = dict(_unsigned(complaint_ids))
    for report in reports:
        if report not in live:
            yield Fault(None, "identity.gone", f"complaint {report}")
            continue
        batch, version = live[report]
        if (row := newest.get(report)) and (batch <= row["last"] or version <= row["count"]):
            yield Fault(None, "identity.older", f"complaint {report}", state=f"{batch}.{version}")
        if report in unsigned:
            yield Fault(None, "identity.signature", f"complaint {report}", state=unsigned[report])


def _unsigned(complaint_ids: Sequence[uuid.UUID]) -> Iterator[tuple[uuid.UUID, str]]:
    """Yield each report whose identity bears no signature of somebody who may write it, with that identity's leaf.

    A team may write one only as the entry of a request that ended records it; that of a body also where its key was
    changed, because it seals every place again then.
    """
    rows = Identity.objects.filter(pk__in=complaint_ids).select_related("complaint")
    ended = AuditEntry.objects.filter(subject__in=complaint_ids, event=NAME_CLOSED).values_list("subject", "facts")
    emptied = {(report, facts.get("place")) for report, facts in ended if isinstance(facts, dict)}
    office = set(team_key_history.office_signers())
    was_changed: dict[str | None, bool] = {}
    for identity in rows.only(*_SIGNED, "complaint__reporter_verify_key").iterator(chunk_size=PIECE):
        body = identity.body_id
        if body not in was_changed:
            was_changed[body] = len(list(team_key_history.signers(f"body-{body}"))) > 1
        try:
            signer = identity_signature.check(identity)
        except SealError:
            is_unasked = True
        else:
            is_emptied = (identity.pk, identity_leaf(identity).hex()) in emptied
            is_asked = is_emptied or (signer not in office and was_changed[body])
            is_unasked = signer != bytes(identity.complaint.reporter_verify_key) and not is_asked
        if is_unasked:
            yield identity.pk, identity_leaf(identity).hex()


def thread_faults(complaint_ids: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the fault of each report whose messages, files, notes and assessments are not numbered without a gap."""
    for report in _thread_faults(complaint_ids):
        # Again with the report locked: whoever takes a number changes its row.
        with transaction.atomic():
            lock(Complaint.objects.filter(pk=report))
            fault = _thread_faults([report]).get(report)
        if fault:
            yield fault


def _thread_faults(complaint_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Fault]:
    # The counters first: what is numbered meanwhile lies above them, and is looked at again with the report locked.
    following = dict(Complaint.objects.filter(pk__in=complaint_ids).values_list("pk", "next_sequence"))
    numbers: dict[uuid.UUID, list[int]] = {report: [] for report in following}
    for model in _NUMBERED:
        rows = model._default_manager.filter(complaint__in=following).values_list("complaint", "sequence")
        for report, number in rows.iterator():
            numbers[report].append(number)
    return {
        report: Fault(None, "thread.rows", f"complaint {report}", f"{len(taken)}.{following[report]}")
        for report, taken in numbers.items()
        if following[report] < 1 or sorted(taken) != list(range(1, following[report]))
    }


CHECKS: Final = (
    RowCheck("batch-roots", _batch_entries, root_faults),
    RowCheck("batch-order", once, order_faults),
    RowCheck("batch-held", once, held_faults),
    RowCheck("threads", lambda scope: scope.reports(), thread_faults),
    RowCheck("identities", lambda scope: scope.reports(), identity_faults),
)
