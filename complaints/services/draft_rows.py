"""The rows of unfinished reports. A secret that only the reporter's browser holds opens them (docs/adr/0043).

The end of a draft is sealed twice: with its content, for the web server, which then opens nothing any more; and to the
job worker, which then deletes it. In clear stands no hour. Whoever writes a row names the end that was read with it,
so that two requests which write the same draft notice each other.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import DraftKeys
from complaints.domain.sealing.primitives import (
    KEY_BYTES,
    BoxPair,
    Stored,
    decrypt,
    encrypt,
    pad,
    seal,
    unpad,
    unseal,
)
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile
from complaints.services.evidence import worker_key

# What a sealed row of a reporter holds: JSON.
SessionContent: TypeAlias = "dict[str, Any]"
# The content is padded to one of these lengths in bytes, a longer one to a multiple of the last.
SIZES: Final = (1024, 4096, 16384, 65536)
# The entry of an unfinished report.
DRAFT: Final = "draft"
# How long a draft is kept from when its reporter asked for its code.
PARKED_SECONDS: Final = 72 * 3600
_SECONDS_BYTES: Final = 8
# One statement each, with synchronous_commit off for its own transaction: a crash may lose the last second of a draft,
# and no request waits for the disk. That of a parked draft, which was promised to last, waits.
_INSERT: Final = """
    INSERT INTO complaints_draft (data, ends, stored_size, expires_on, id)
    SELECT %s, %s, %s, %s, %s FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily
    ON CONFLICT (id) DO NOTHING"""
_UPDATE: Final = """
    UPDATE complaints_draft SET data = %s, ends = %s, stored_size = %s, expires_on = %s
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily
    WHERE id = %s AND ends = %s AND data IS NOT NULL"""
_UPDATE_AND_WAIT: Final = _UPDATE.replace("'off'", "'on'")
_DELETE: Final = """
    DELETE FROM complaints_draft USING (SELECT set_config('synchronous_commit', 'off', true)) AS lazily
    WHERE id = %s AND NOT EXISTS (SELECT 1 FROM complaints_draftfile WHERE draft_id = complaints_draft.id)"""


@dataclass(frozen=True)
class OpenDraft:
    """A draft as it was read: its content, its end in seconds since the epoch, how often it was written.

    ``sealed_end`` is the end as its row has it; no other writing of any row has the same bytes.
    """

    content: SessionContent
    until: float
    version: int
    sealed_end: bytes


@dataclass(frozen=True)
class End:
    """What the worker learns of a draft: its end, in seconds since the epoch, and the key of its segments' names."""

    until: int
    names: bytes


# --- For the reporter's session


def open_row(keys: DraftKeys, data: Stored | None, sealed_end: Stored) -> OpenDraft | None:
    """Open a row; None where it has ended, was altered, or belongs to another secret."""
    if data is None:
        return None
    try:
        text = unpad(decrypt(keys.content, bytes(data), _associated(keys)), SIZES)
    except SealError:
        return None
    body = json.loads(text)
    if body["until"] <= time.time():
        return None
    return OpenDraft(body["content"], body["until"], body["version"], bytes(sealed_end))


def _associated(keys: DraftKeys) -> bytes:
    return b"draft " + keys.id.encode()


def read_row(keys: DraftKeys) -> OpenDraft | None:
    """Read a draft; None as for :func:`open_row`, and where there is none."""
    row = Draft.objects.filter(pk=keys.id).values_list("data", "ends").first()
    return open_row(keys, *row) if row else None


def write_row(
    keys: DraftKeys, content: SessionContent, until: float, *, version: int, seen: bytes | None
) -> bytes | None:
    """Write a draft that ends at ``until`` (seconds since the epoch).

    Args:
        seen: the sealed end that was read with the row; None inserts a row and never overwrites one.

    Returns:
        The new sealed end; None where the row was written or deleted in between, or exists although it must not.
    """
    body = {"until": until, "version": version, "content": content}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    data = encrypt(keys.content, pad(text, SIZES), _associated(keys))
    sealed_end = seal_end(keys.id, until, keys.names)
    values: SessionContent = {
        "data": data,
        "ends": sealed_end,
        "stored_size": len(data),
        "expires_on": last_day(timezone.localdate()),
    }
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            update = _UPDATE_AND_WAIT if parked_until(content) else _UPDATE
            parameters = [*values.values(), keys.id, *([] if seen is None else [seen])]
            cursor.execute(_INSERT if seen is None else update, parameters)
            return sealed_end if cursor.rowcount else None
    if seen is not None:
        rows = Draft.objects.filter(pk=keys.id, ends=seen, data__isnull=False)
        return sealed_end if rows.update(**values) else None
    try:
        with transaction.atomic():
            Draft.objects.create(pk=keys.id, **values)
    except IntegrityError:
        return None
    return sealed_end


def seal_end(identifier: str, until: float, names: bytes) -> bytes:
    """Seal the end of the row ``identifier`` to the job worker, with the 32-byte key of its segments' names."""
    end = math.ceil(until).to_bytes(_SECONDS_BYTES, "big") + bytes.fromhex(identifier) + names
    return seal(worker_key.public(), end)


def last_day(today: date) -> date:
    """Return the last day of a row that is written ``today``, the same for every one and later than their ends.

    So it does not tell a parked draft from another.
    """
    return today + timedelta(days=PARKED_SECONDS // 86400 + 1)


def parked_until(content: SessionContent) -> int:
    """Return when a parked draft ends that is left alone, in seconds since the epoch; 0 for any other content.

    One that was written in its last hours outlives its door: from then on it is a draft of its browser alone.
    """
    parked = content.get(DRAFT, {}).get("parked")
    until = int(parked["until"]) if parked else 0
    return until if until > time.time() else 0


def touch_row(keys: DraftKeys, until: float, *, seen: bytes | None) -> bytes | None:
    """Move the end of a draft to ``until`` and change nothing else.

    Returns:
        The new sealed end where nobody wrote the row since ``seen`` was read; else ``seen``.
    """
    stored = read_row(keys)
    if stored is None:
        return seen
    written = write_row(keys, stored.content, until, version=stored.version, seen=stored.sealed_end)
    return written if written and stored.sealed_end == seen else seen


def delete_row(identifier: str) -> None:
    """Delete a draft, so that its secret opens nothing any more. Files that it still has are left to the worker."""
    if not _delete_without_files(identifier):
        Draft.objects.filter(pk=identifier).update(data=None)


def _delete_without_files(identifier: str) -> bool:
    try:
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute(_DELETE, [identifier])
                return bool(cursor.rowcount)
        with transaction.atomic():
            files = DraftFile.objects.filter(draft=OuterRef("pk"))
            return bool(Draft.objects.filter(~Exists(files), pk=identifier).delete()[0])
    except IntegrityError:  # a file was added in between
        return False


# --- For the job that deletes what has ended


def open_end(pairs: Sequence[BoxPair], identifier: str, sealed_end: Stored) -> End | None:
    """Open the sealed end of a row with the worker's pairs; None where it was sealed to another key, or another row."""
    for pair in pairs:
        try:
            text = unseal(pair, bytes(sealed_end))
        except SealError:
            continue
        until, row, names = text[:_SECONDS_BYTES], text[_SECONDS_BYTES:-KEY_BYTES], text[-KEY_BYTES:]
        return End(int.from_bytes(until, "big"), names) if row.hex() == identifier else None
    return None


def mark_ended(identifier: str, sealed_end: Stored) -> bool:
    """Make a draft that nobody has written since open to nobody; return False where it was written."""
    return bool(Draft.objects.filter(pk=identifier, ends=bytes(sealed_end)).update(data=None))


def delete_ended_without_files(ended: Mapping[str, Stored]) -> int:
    """Delete those of some drafts, by id their sealed end, that nobody has written since and that have no files.

    Return how many; none where a file came in between: each has to be deleted by itself then.
    """
    files = DraftFile.objects.filter(draft=OuterRef("pk"))
    rows = Draft.objects.filter(~Exists(files), pk__in=ended, ends__in=[bytes(end) for end in ended.values()])
    try:
        with transaction.atomic():
            # Django's own would read all rows first.
            return int(rows._raw_delete(rows.db) or 0)
    except IntegrityError:
        return 0


def delete_ended(identifier: str) -> bool:
    """Delete the row of an ended draft, whose files are gone; return False where a file was added in between."""
    return _delete_without_files(identifier)


def is_over(end: End | None, expires_on: date, now: datetime) -> bool:
    """Whether a row has ended; where no key opens its end, by its last day, later than which the portal writes none."""
    today = timezone.localdate(now)
    return end.until <= now.timestamp() if end else not today <= expires_on <= last_day(today)
