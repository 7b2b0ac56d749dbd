"""The newest entry of the chain as this node last saw it, kept outside of the database from minute to minute.

The head of a batch leaves the machine once a day, and until then whoever writes to the database could cut off the
entries behind it together with their rows. Only staff and jobs write entries: the file tells nothing of a reporter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import node_files, recorded_restorations
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import Head

_LINE: Final = re.compile(r"(\d{1,5}) (\d{1,18}) ([0-9a-f]{64})", re.ASCII)
# Heads that the chain does not hold stay in the file, as many as this.
KEPT_AT_MOST: Final = 20


def head_path() -> Path:
    """Return the path of the file: lines of ``era number digest``, the newest last."""
    return node_files.path("audit-head-latest.txt")


def read() -> list[Head]:
    """Return the heads in the file, each without a batch (0) and a day (""); other lines are passed over."""
    matches = map(_LINE.fullmatch, node_files.read(head_path()).splitlines())
    return [Head(int(match[1]), 0, "", int(match[2]), match[3]) for match in matches if match]


def keep() -> list[Fault]:
    """Compare the heads of the file with the chain, put its newest entry in their place, and return the faults.

    A head that the chain does not hold any more stays in the file. One that it holds is bound by every later one, so
    that the newest is enough.
    """
    heads = read()
    missed = {head: fault for head in heads for fault in _faults(head)}
    gone = {head: missed[head] for head in recorded_restorations.not_lost(missed)}
    newest = _newest()
    kept = list(gone)[-KEPT_AT_MOST:] + ([newest] if newest and newest not in gone else [])
    if kept != heads:
        node_files.write(head_path(), "".join(f"{head.era} {head.sequence} {head.digest}\n" for head in kept))
    return list(gone.values())


def _faults(head: Head) -> Iterator[Fault]:
    digests = AuditEntry.objects.filter(sequence=head.sequence, era=head.era).values_list("digest", flat=True)
    digest = digests.first()
    if digest is None:
        yield Fault(head.sequence, "head.beyond", state=head.digest)
    elif bytes(digest).hex() != head.digest:
        yield Fault(head.sequence, "head.differs")


def _newest() -> Head | None:
    """Return the last entry where it is the one at which the chain's own head stands; None for an empty chain."""
    end = ChainHead.objects.values_list("sequence", flat=True).filter(pk=1)
    entry = AuditEntry.objects.filter(sequence__in=end).only("era", "sequence", "digest").first()
    return Head(entry.era, 0, "", entry.sequence, bytes(entry.digest).hex()) if entry else None
