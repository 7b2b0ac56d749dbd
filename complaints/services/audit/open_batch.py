"""What the open batch held when this node last looked: no root binds its rows yet, and a deleted one leaves no gap.

Remembered are the leaves that the root of the batch will take, so that what was altered before it is closed, and would
be bound as it stands, is named. The file holds a keyed digest for each, no hour and no id, and the version of each
identity. It is written again at each look, whether anything came or not, and only the last look is kept, so that
neither its content nor its stamp tells when a reporter acted. It lies in the node's own folder, because whoever keeps
each version of it learns how many rows came in an hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Max

from complaints.domain.sealing.primitives import blake2b
from complaints.models.batch import Batch
from complaints.models.identity import Identity
from complaints.services.audit import leaves, node_files, recorded_erasures
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import server_signer

# More rows than this of one kind are not kept: a file of 100,000 takes 2 MB.
ROWS_AT_MOST: Final = 100_000
PIECE: Final = 100
# Identities are rewritten by each act of their reporter: of those the version is kept, which only grows.
_IDENTITY: Final = "identity"
# Above every version: that of the place of an erased report.
_NO_MORE: Final = 2**31


@dataclass
class _Look:
    """What the node saw: the number of the open batch, digests (hexadecimal, 8 bytes) of its leaves by their kind, and
    the version of each identity by the digest of its id.
    """

    batch: int = 0
    rows: dict[str, list[str]] = field(default_factory=dict)
    identities: dict[str, int] = field(default_factory=dict)


def batch_path() -> Path:
    """Return the path of the file."""
    return settings.VAR_DIR / "audit-open-batch.json"


def look() -> list[Fault]:
    """Compare the batch of the last look with its present rows, then remember those of the open one.

    Returns the faults, one for each kind of which leaves are gone or altered; the next look knows nothing of them.
    """
    last = _last_look()
    present = leaves.leaves_by_kind(last.batch)
    gone = {kind: _gone(rows, last.rows.get(kind, [])) for kind, rows in present.items()}
    gone[_IDENTITY] = _gone_identities(last.batch, last.identities)
    faults = [_fault(last.batch, kind, digests) for kind, digests in gone.items() if digests]
    newest = Batch.objects.aggregate(last=Max("number"))["last"] or 0
    # Digests under an earlier key of the server say nothing of rows today.
    key = server_signer().public.hex()
    # Sorted, so that no order tells which came first.
    present = leaves.leaves_by_kind(newest)
    rows = {kind: sorted(islice(_digests(of_kind), ROWS_AT_MOST)) for kind, of_kind in present.items()}
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


def _fault(number: int, kind: str, gone: set[str]) -> Fault:
    digest = blake2b("".join(sorted(gone)).encode(), person=b"gone rows").hex()
    return Fault(None, "batch.open", f"batch {number} {kind}", f"{len(gone)}.{digest}")


def _gone(present: Iterable[bytes], seen: Iterable[str]) -> set[str]:
    """Return the digests that no present leaf has; all are read, and none but those seen is kept in memory."""
    left = set(seen)
    if left:
        for digest in _digests(present):
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


def _digests(leaves: Iterable[bytes]) -> Iterator[str]:
    """Return a digest for each leaf, one after the other."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    return (_digest(leaf, key) for leaf in leaves)


def _identities(number: int) -> Iterator[tuple[str, int]]:
    """Return a digest for the id of each identity of a batch or a later one, with its version, one after the other."""
    key = bytes.fromhex(settings.SERVER_SIGNING_KEY)
    rows = Identity.objects.filter(batch__gte=number).values_list("pk", "version")
    # The place of an erased report is gone, as its entries say; each version of it is a kept leaf.
    erased = [(report, _NO_MORE) for report in recorded_erasures.erased_since(number)]
    identities = chain(rows.iterator(chunk_size=PIECE), erased)
    return ((_digest(report.bytes, key), version) for report, version in identities)


def _digest(content: bytes, key: bytes) -> str:
    return blake2b(content, person=b"open batch", key=key, size=8).hex()
