"""What the open batch held when this node last looked: no root binds its rows yet, and a deleted one leaves no gap.

The file holds a keyed digest for each row, no hour and no id, and the version of each identity. It is written again at
each look, whether anything came or not, and only the last look is kept, so that neither its content nor its stamp tells
when a reporter acted. It lies in the node's own folder, because whoever keeps each version of it learns how many rows
came in an hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
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
# Identities are rewritten by each act of their reporter: of those the version is kept, which only grows.
_IDENTITY: Final = "identity"
# How the cases are filed that came with the reports of a batch: nothing of it ever changes.
_FILING: Final = "filing"


@dataclass
class _Look:
    """What the node saw: the number of the open batch, digests (hexadecimal, 8 bytes) of rows by the name of their
    table, and the version of each identity by the digest of its id.
    """

    batch: int = 0
    rows: dict[str, list[str]] = field(default_factory=dict)
    identities: dict[str, int] = field(default_factory=dict)


def batch_path() -> Path:
    """Return the path of the file."""
    return settings.VAR_DIR / "audit-open-batch.json"


def look() -> list[Fault]:
    """Compare the batch of the last look with its present rows, then remember those of the open one.

    Returns the faults, one for each table of which rows are gone or altered; the next look knows nothing of them.
    """
    last = _last_look()
    gone = {kind: _gone(kind, last.batch, last.rows.get(kind, [])) for kind in _kinds()}
    gone[_IDENTITY] = _gone_identities(last.batch, last.identities)
    faults = [_fault(last.batch, kind, digests) for kind, digests in gone.items() if digests]
    newest = Batch.objects.aggregate(last=Max("number"))["last"] or 0
    # Digests under an earlier key of the server say nothing of rows today.
    key = server_signer().public.hex()
    # Sorted, so that no order tells which came first.
    rows = {kind: sorted(islice(_digests(kind, newest), ROWS_AT_MOST)) for kind in _kinds()}
    identities = dict(sorted(islice(_identities(newest), ROWS_AT_MOST)))
    content = {"key": key, "batch": newest, "rows": rows, "identities": identities}
    node_files.write(batch_path(), json.dumps(content))
    return faults


def _last_look() -> _Look:
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        content: dict[str, Any] = json.loads(node_files.read(batch_path()))
        if content["key"] == server_signer().public.hex():
            rows = {str(name): [str(digest) for digest in digests] for name, digests in content["rows"].items()}
            identities = {str(digest): int(version) for digest, version in content["identities"].items()}
            return _Look(int(content["batch"]), rows, identities)
    return _Look()


def _kinds() -> list[str]:
    """Return the names under which digests of rows are kept; any other name in the file says nothing."""
    return [*(_name(model) for model, _batch, _columns in _TABLES), _FILING]


def _fault(number: int, kind: str, gone: set[str]) -> Fault:
    digest = blake2b("".join(sorted(gone)).encode(), person=b"gone rows").hex()
    return Fault(None, "batch.open", f"batch {number} {kind}", f"{len(gone)}.{digest}")


def _gone(kind: str, number: int, seen: Iterable[str]) -> set[str]:
    """Return the digests that no present row has; all rows are read, and none but those seen is kept in memory."""
    left = set(seen)
    if left:
        for digest in _digests(kind, number):
            left.discard(digest)
    return left


def _gone_identities(number: int, seen: Mapping[str, int]) -> set[str]:
    """Return the digests of the identities that are gone, or have an earlier version than the one seen."""
    left = dict(seen)
    if left:
        for digest, version in _identities(number):
            if version >= left.get(digest, version + 1):
                del left[digest]
    return set(left)


def _name(model: type[models.Model]) -> str:
    return str(model._meta.model_name)


def _digests(kind: str, number: int) -> Iterator[str]:
    """Return a digest for each row of a batch, one after the other; of filings, for each case of the batch."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    if kind == _FILING:
        # A case has the key of the report that it came with.
        cases = Case.objects.filter(pk__in=Complaint.objects.filter(batch=number).values("pk"))
        filings = cases.values_list("pk", *state_columns("Case", "filing"))
        return (_digest(row, key) for row in filings.iterator(chunk_size=PIECE))
    model, batch, columns = next(table for table in _TABLES if _name(table[0]) == kind)
    rows = model._default_manager.filter(**{batch: number}).values_list("pk", *columns)
    if model is EvidenceObject:
        rows = rows.filter(variant=EvidenceObject.Variant.ORIGINAL)
    return (_digest(row, key) for row in rows.iterator(chunk_size=PIECE))


def _identities(number: int) -> Iterator[tuple[str, int]]:
    """Return a digest for the id of each identity of a batch or a later one, with its version, one after the other."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    rows = Identity.objects.filter(batch__gte=number).values_list("pk", "version")
    return ((_digest((report,), key), version) for report, version in rows.iterator(chunk_size=PIECE))


def _digest(row: tuple[object, ...], key: bytes) -> str:
    parts: Iterator[bytes] = (
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row
    )
    content = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return blake2b(content, person=b"open batch", key=key, size=8).hex()
