"""What the open batch held when this node last looked: no root binds its rows yet, and a deleted one leaves no gap.

The file holds a keyed digest for each row, no hour and no id. It is written again at each look, whether anything came
or not, and only the last look is kept, so that neither its content nor its stamp tells when a reporter acted. It lies
in the node's own folder, because whoever keeps each version of it learns how many rows came in an hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models import Max

from complaints.domain.sealing.primitives import blake2b
from complaints.models.batch import Batch
from complaints.models.case import Case, CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Identity, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.audit import node_files
from complaints.services.audit.coverage import state_columns
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import server_signer

# Of each table the column by which rows join a batch, and columns that never change after the row was written.
_TABLES: Final[tuple[tuple[type[models.Model], str, tuple[str, ...]], ...]] = (
    (Complaint, "batch", ("reporter_verify_key", "public_key", "commitment")),
    (KeyGrant, "complaint__batch", ("complaint", "team")),
    (Message, "batch", ("complaint", "sequence", "sealed")),
    (Evidence, "batch", ("complaint", "sequence", "sealed_post")),
    (EvidenceObject, "evidence__batch", ("evidence", "object_digest")),
    (CaseStep, "batch", ("case", "sequence", "day", "signature")),
    (CaseMove, "batch", ("complaint", "number", "signature")),
)
# More rows than this of one table are not kept: a file of 100,000 takes 2 MB.
ROWS_AT_MOST: Final = 100_000
PIECE: Final = 100
# Identities are rewritten by each act of their reporter: of those the version is kept, which only grows. One that was
# rewritten more often than this since the last look counts as gone.
_IDENTITY: Final = "identity"
# How the cases are filed that came with the reports of a batch: nothing of it ever changes.
_FILING: Final = "filing"
_REWRITTEN_AT_MOST: Final = 1000


def batch_path() -> Path:
    """Return the path of the file."""
    return settings.VAR_DIR / "audit-open-batch.json"


def look() -> list[Fault]:
    """Compare the batch of the last look with its present rows, then remember those of the open one.

    Returns the faults, one for each table of which rows are gone or altered; the next look knows nothing of them.
    """
    number, seen = _last_look()
    faults = [fault for table, digests in seen.items() if (fault := _fault(number, table, digests))]
    newest = Batch.objects.aggregate(last=Max("number"))["last"] or 0
    # Digests under an earlier key of the server say nothing of rows today.
    key = server_signer().public.hex()
    rows = {_name(table): _digests(table, newest) for table, _batch, _columns in _TABLES}
    rows |= {_IDENTITY: _identities(newest), _FILING: _filings(newest)}
    content = {"key": key, "batch": newest, "rows": rows}
    node_files.write(batch_path(), json.dumps(content))
    return faults


def _last_look() -> tuple[int, dict[str, list[str]]]:
    with suppress(KeyError, TypeError, ValueError):
        content: dict[str, Any] = json.loads(node_files.read(batch_path()))
        if content["key"] == server_signer().public.hex():
            return int(content["batch"]), {str(name): list(rows) for name, rows in content["rows"].items()}
    return 0, {}


def _fault(number: int, table: str, seen: list[str]) -> Fault | None:
    model = next((model for model, _batch, _columns in _TABLES if _name(model) == table), None)
    if model:
        present = _digests(model, number)
    else:
        present = _filings(number) if table == _FILING else _identities(number, earlier=_REWRITTEN_AT_MOST)
    gone = sorted(set(seen) - set(present))
    if not gone:
        return None
    digest = blake2b("".join(gone).encode(), person=b"gone rows").hex()
    return Fault(None, "batch.open", f"batch {number} {table}", f"{len(gone)}.{digest}")


def _name(model: type[models.Model]) -> str:
    return str(model._meta.model_name)


def _digests(model: type[models.Model], number: int) -> list[str]:
    """Return a digest (hexadecimal, 8 bytes) for each row of a batch, in no order that tells which came first."""
    batch, columns = next((batch, columns) for table, batch, columns in _TABLES if table is model)
    rows = model._default_manager.filter(**{batch: number}).values_list("pk", *columns)
    if model is EvidenceObject:
        rows = rows.filter(variant=EvidenceObject.Variant.ORIGINAL)
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    return sorted(_digest(row, key) for row in rows[:ROWS_AT_MOST].iterator(chunk_size=PIECE))


def _identities(number: int, *, earlier: int = 0) -> list[str]:
    """Return a digest for the version of each identity of a batch or a later one, and of ``earlier`` versions of it."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    rows = Identity.objects.filter(batch__gte=number).values_list("pk", "version")[:ROWS_AT_MOST]
    return sorted(
        _digest((report, past), key)
        for report, version in rows.iterator(chunk_size=PIECE)
        for past in range(max(1, version - earlier), version + 1)
    )


def _filings(number: int) -> list[str]:
    """Return a digest for each case that came with a report of a batch, which has its key."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    cases = Case.objects.filter(pk__in=Complaint.objects.filter(batch=number).values("pk"))
    rows = cases.values_list("pk", *state_columns("Case", "filing"))
    return sorted(_digest(row, key) for row in rows[:ROWS_AT_MOST].iterator(chunk_size=PIECE))


def _digest(row: tuple[object, ...], key: bytes) -> str:
    parts: Iterator[bytes] = (
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row
    )
    content = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return blake2b(content, person=b"open batch", key=key, size=8).hex()
