"""What whoever sends a report or an inquiry signs of its row: its place, its channel and its public keys.

The root of a batch binds the row as it stands when the batch is closed. The signature says what was sent, from the
first minute on: a report that was called an inquiry within the hour is no inquiry.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import report_statement
from complaints.domain.sealing.primitives import verify
from complaints.models.complaint import Complaint
from complaints.services.audit.faults import Fault, RowCheck
from complaints.services.audit.log import digest_of

_COLUMNS: Final = ("channel", "public_key", "reporter_key", "reporter_verify_key", "key_signature")
_PIECE: Final = 200


def unsigned(reports: Collection[uuid.UUID]) -> Iterator[Complaint]:
    """Yield those of some reports that are not as their senders have signed; one query."""
    rows = Complaint.objects.filter(pk__in=reports).only(*_COLUMNS).order_by("pk")
    for report in rows.iterator(chunk_size=_PIECE):
        try:
            verify(bytes(report.reporter_verify_key), report_statement(report), bytes(report.key_signature))
        except SealError:
            yield report


def signature_faults(reports: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield a fault for each report that is not as its sender has signed. Nothing of it changes lawfully."""
    for report in unsigned(reports):
        yield Fault(None, "report.signature", f"complaint {report.pk}", digest_of(report_statement(report)))


CHECKS: Final = (RowCheck("report_signatures", lambda scope: scope.reports(), signature_faults),)
