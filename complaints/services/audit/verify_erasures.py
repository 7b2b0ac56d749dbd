"""Verifies erasures: two people entered each, its kept leaves are those that the server entered, and nothing is left.

Whoever writes to the database can call a report erased, delete its rows and plant a leaf for each. All of it is named:
neither a person nor the server has entered it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

from complaints.models.batch import KeptLeaf
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Assessment, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.erasure import Erasure
from complaints.models.evidence import Evidence
from complaints.models.identity import Identity, NameRequest, ReadName
from complaints.models.redaction import Redaction
from complaints.models.search_document import SearchDoc
from complaints.services.audit import log, recorded_erasures
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope

# Tables of which an unreadable report has no row, and those of which a report has none once all rows are deleted.
_AT_ONCE: Final[tuple[type[models.Model], ...]] = (
    *(KeyGrant, Message, Evidence, Identity, NameRequest, ReadName, IndexEntry, SearchDoc, Redaction),
)
_LATER: Final[tuple[type[models.Model], ...]] = (InternalNote, Assessment)
_SEALED: Final = ("public_key", "reporter_key", "key_signature", "sealed_answers", "sealed_summary", "sealed_days")
_ROWS_GONE: Final = (Erasure.State.ROWS_GONE, Erasure.State.OBJECTS_GONE, Erasure.State.DONE)


def _erasures(_scope: Scope) -> Rows:
    """Return the erasures that have begun, by their state or by what they have kept."""
    kept = KeptLeaf.objects.filter(erasure=OuterRef("pk"))
    return Erasure.objects.filter(Q(state__in=Erasure.BEGUN) | Exists(kept))


def _erasure_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for key in _faulty(keys):
        with transaction.atomic():
            # Again without a step under way, which appends its entry after all else.
            log.lock_head()
            fault = _faulty([key]).get(key)
        if fault:
            yield fault


def _faulty(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Fault]:
    rows = Erasure.objects.in_bulk(list(keys))
    known = recorded_erasures.recorded(rows)
    faults = {}
    for key, row in rows.items():
        recorded, subject = known[key], f"erasure {key}"
        root, count = recorded_erasures.stored_root(key)
        is_entered = recorded.is_agreed and recorded.root and recorded.complaint == str(row.complaint_id)
        if not is_entered or (row.state in Erasure.BEGUN, row.state == Erasure.State.DONE) != (True, recorded.is_done):
            faults[key] = Fault(recorded.sequence, "erasure.unrecorded", subject, f"{row.state}.{count}")
        elif recorded.root != (root, count) or bytes(row.root or b"").hex() != root:
            faults[key] = Fault(recorded.sequence, "erasure.leaves", subject, f"{root}.{count}")
        elif left := _left(row):
            faults[key] = Fault(recorded.sequence, "erasure.left", subject, left)
    return faults


def _left(row: Erasure) -> str:
    """Return the name of the first table in which something of a report is left that should be gone, or ""."""
    tables = (*_AT_ONCE, *_LATER) if row.state in _ROWS_GONE else _AT_ONCE
    if Complaint.objects.filter(pk=row.complaint_id).exists():
        return Complaint.__name__
    filled = (model for model in tables if model._default_manager.filter(complaint=row.complaint_id).exists())
    return next((model.__name__ for model in filled), "")


def _erased_reports(scope: Scope) -> Rows:
    return scope.reports(stored=True).filter(erased_on__isnull=False)


def _report_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the reports that stand as erased without an erasure, or of which something sealed is still there."""
    erased = recorded_erasures.erased_reports(keys)
    rows = Complaint.stored.filter(pk__in=keys, erased_on__isnull=False).order_by("pk")
    for report, *sealed in rows.values_list("pk", *_SEALED):
        if report not in erased:
            yield Fault(None, "erasure.unrecorded", f"complaint {report}")
        elif any(sealed):
            yield Fault(None, "erasure.left", f"complaint {report}")


def report_faults() -> list[Fault]:
    """Return the faults of all reports that stand as erased, which are few: no page shows them. Asked every hour."""
    return list(_report_faults(list(Complaint.stored.exclude(erased_on=None).values_list("pk", flat=True))))


CHECKS: Final = (
    RowCheck("erasures", _erasures, _erasure_faults),
    RowCheck("erased_reports", _erased_reports, _report_faults),
)
