"""Entries of the chain that were written again after they were appended: deleted or altered for a while, and put back.

What a page compares with the chain rests on the entries. Somebody who takes the newest ones of a case out, has an
earlier status told, and puts them back leaves a chain that is whole. PostgreSQL stamps each row with the transaction
that wrote it, and nobody chooses that number. The node remembers which entries stood there before which transaction.
What it remembers is encrypted, of one length and written at each look: between two numbers lies how many transactions
wrote, those of reporters too.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt
from complaints.services.audit import node_files, rewritten_rows
from complaints.services.audit.faults import Fault

_MARKS: Final = re.compile(r" ".join([r"(\d{20})"] * 8), re.ASCII)
_ASSOCIATED: Final = b"entries written 2"
# One statement, so that both numbers are of one moment: each entry up to that number bears an earlier transaction.
_MARK: Final = (
    "SELECT sequence, pg_snapshot_xmax(pg_current_snapshot())::text::bigint, floor(extract(epoch FROM now()))::bigint,"
    " coalesce((SELECT max(number) FROM complaints_batch), 0) FROM complaints_chainhead WHERE id = 1"
)
# A row holds the last 32 bits of the number: what lies that far before the mark counts as older, too.
_REWRITTEN: Final = """
SELECT count(*), min(sequence) FROM complaints_auditentry
WHERE sequence > %s AND sequence <= %s AND ((xmin::text::bigint - %s) & 4294967295) < %s"""


@dataclass(frozen=True)
class Mark:
    """The number of the chain's last entry, the first transaction that had not ended when it was read, when that was
    (seconds since the epoch), and which batch was open.
    """

    sequence: int = 0
    transaction: int = 0
    at: int = 0
    batch: int = 0


def marks_path() -> Path:
    """Return the path of the file, which holds the marks of the last whole look and of the last one."""
    return node_files.path("audit-entries-written.txt")


def keep(*, whole: bool) -> list[Fault]:
    """Return the faults since the last look, and put the mark of now in its place; none on SQLite.

    Args:
        whole: compare all entries, once an hour, and not only those since the last whole look, each minute.
    """
    if not _is_stamped():
        return []
    faults, now = _faults(whole=whole), _now()
    hourly = now if whole else _read()[0]
    text = " ".join(f"{number:020}" for mark in (hourly, now) for number in astuple(mark))
    node_files.write(marks_path(), encrypt(_key(), text.encode(), _ASSOCIATED).hex())
    return faults


def faults() -> list[Fault]:
    """Return what was written again since the last looks of this node, and leave its marks as they are."""
    return _faults(whole=True) if _is_stamped() else []


def _is_stamped() -> bool:
    """Whether rows bear the transaction that wrote them. Within one, its own rows would look later than a mark."""
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def _faults(*, whole: bool) -> list[Fault]:
    hourly, last = _read()
    since = _since(last, after=hourly.sequence)
    return [*since, *_since(hourly, after=0), *_rows_since(hourly)] if whole else since


def _rows_since(mark: Mark) -> list[Fault]:
    """Return the faults of other rows; none where the transactions have begun anew, of which the entries tell."""
    passed = _now().transaction - mark.transaction
    if not mark.transaction or passed < 0:
        return []
    rewritten = rewritten_rows.faults(transaction=mark.transaction, passed=passed, at=mark.at, batch=mark.batch)
    return list(rewritten)


def _since(mark: Mark, *, after: int) -> list[Fault]:
    if not mark.transaction:
        return []
    now = _now()
    passed = now.transaction - mark.transaction
    if passed < 0:
        # Another cluster, into which a backup was restored: its rows are as old as the restoration.
        return [Fault(None, "entry.rewritten", state=f"{mark.sequence}.{passed}")]
    with connection.cursor() as cursor:
        cursor.execute(_REWRITTEN, [after, mark.sequence, mark.transaction % 2**32, passed])
        count, first = cursor.fetchone()
    return [Fault(first, "entry.rewritten", state=f"{count}.{mark.transaction}")] if count else []


def _now() -> Mark:
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        return Mark(*cursor.fetchone())


def _read() -> tuple[Mark, Mark]:
    """Return the marks of the last whole look and of the last one; empty ones where the file has none."""
    with suppress(SealError, ValueError):
        text = decrypt(_key(), bytes.fromhex(node_files.read(marks_path())), _ASSOCIATED).decode("ascii")
        if match := _MARKS.fullmatch(text):
            numbers = [int(number) for number in match.groups()]
            return Mark(*numbers[:4]), Mark(*numbers[4:])
    return Mark(), Mark()


def _key() -> bytes:
    return blake2b(b"", person=b"entries written", key=bytes.fromhex(settings.SERVER_SIGNING_KEY))
