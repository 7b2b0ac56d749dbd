"""Rows of sealed sessions: the cookie is the only key to a row, and the row's id is not the cookie.

Only ``portal.sessions`` writes them. The clear expiry is a day, the exact end stands inside.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, pad, unpad
from complaints.models.session import SealedSession

SIZES = (1024, 4096, 16384, 65536)
REPORTERS, STAFF = "reporter", "staff"
# Plain SQL: building the same through the ORM costs more than all the rest of reading a session. Every page of a report
# asks for its files, and most have none.
_READ = """
    SELECT data, EXISTS (SELECT 1 FROM complaints_draftfile WHERE session = complaints_sealedsession.id)
    FROM complaints_sealedsession WHERE id = %s"""
# One round trip, and no wait for the disk: a draft is worth less than a second of everybody's time, and
# set_config(..., true) ends with the statement's own transaction.
_INSERT = """
    INSERT INTO complaints_sealedsession (data, expires_on, staff_id, began_at, id)
    SELECT %s, %s, %s, %s, %s FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily
    ON CONFLICT (id) DO NOTHING"""
_UPDATE = """
    UPDATE complaints_sealedsession SET data = %s, expires_on = %s, staff_id = %s, began_at = %s
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily WHERE id = %s"""
_DELETE = """
    DELETE FROM complaints_sealedsession
    USING (SELECT set_config('synchronous_commit', 'off', true)) AS lazily WHERE id = %s"""


def new_cookie() -> str:
    """Return 32 random bytes as text."""
    return secrets.token_urlsafe(32)


def row_id(cookie: str) -> str:
    """Return the id of the row that belongs to ``cookie``."""
    return blake2b(cookie.encode(), person=b"session-id").hex()


def row_key(cookie: str) -> bytes:
    """Return the key that opens the row of ``cookie``."""
    return blake2b(cookie.encode(), person=b"session-key")


def _associated(identifier: str, door: str) -> bytes:
    return f"{door} {identifier}".encode()


def _last_day(until: float) -> date:
    # By the length of the limit and today alone: were it by the hour of the end, it would tell a late hour from others.
    return timezone.localdate() + timedelta(days=2 + int(max(0, until - time.time()) // 86400))


def read_row(cookie: str, door: str = REPORTERS) -> dict[str, Any]:
    """Open the row of ``cookie`` at a door; an ended, altered or absent one, or one of the other door, is empty.

    Beside what :func:`write_row` put in, "files" tells whether there are files that wait to be sent.
    """
    identifier = row_id(cookie)
    with connection.cursor() as cursor:
        cursor.execute(_READ, [identifier])
        row = cursor.fetchone()
    if row is None:
        return {}
    try:
        content = _opened(cookie, bytes(row[0]), door)
    except SealError:
        return {}
    if content["until"] <= time.time():
        SealedSession.objects.filter(pk=identifier).delete()
        return {}
    return {**content, "files": bool(row[1])}


def touch_row(cookie: str, until: float, door: str = REPORTERS) -> bool:
    """Move the end of a row to ``until`` and change nothing else; False where it has ended or was written.

    Whoever wrote it between the two steps has moved its end as well.
    """
    rows = SealedSession.objects.filter(pk=row_id(cookie))
    sealed = bytes(rows.values_list("data", flat=True).first() or b"")
    try:
        content = _opened(cookie, sealed, door)
    except SealError:
        return False
    if content["until"] <= time.time():
        return False
    values = {"data": _sealed(cookie, {**content, "until": until}, door), "expires_on": _last_day(until)}
    return bool(rows.filter(data=sealed).update(**values))


def _opened(cookie: str, sealed: bytes, door: str) -> dict[str, Any]:
    text = unpad(decrypt(row_key(cookie), sealed, _associated(row_id(cookie), door)), SIZES)
    return dict(json.loads(text))


def _sealed(cookie: str, content: dict[str, Any], door: str) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode()
    return encrypt(row_key(cookie), pad(text, SIZES), _associated(row_id(cookie), door))


@dataclass(frozen=True)
class Owner:
    """Whose row it is, in clear: staff only, and the moment only once they are signed in."""

    staff: uuid.UUID | None = None
    began_at: datetime | None = None


NOBODY = Owner()


def write_row(
    cookie: str,
    data: dict[str, Any],
    until: float,
    *,
    began: float,
    new: bool,
    door: str = REPORTERS,
    owner: Owner = NOBODY,
) -> bool:
    """Write the row of ``cookie`` (``until``, ``began`` in seconds since the epoch).

    Args:
        new: whether it is the first time; a row that was deleted since does not come back, none is written over.
        door: whose session it is; a reporter's cookie opens nothing at the staff's door, nor the other way round.
        owner: of a row of staff, so that it can be ended by somebody without its cookie.

    Returns:
        False where there was a row already, or none any more.
    """
    identifier = row_id(cookie)
    sealed = _sealed(cookie, {"until": until, "began": began, "data": data}, door)
    values: dict[str, Any] = {"data": sealed, "expires_on": _last_day(until)}
    values |= {"staff_id": owner.staff, "began_at": owner.began_at}
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT if new else _UPDATE, [*values.values(), identifier])
            return bool(cursor.rowcount)
    if not new:
        return bool(SealedSession.objects.filter(pk=identifier).update(**values))
    try:
        with transaction.atomic():
            SealedSession.objects.create(pk=identifier, **values)
    except IntegrityError:
        return False
    return True


def delete_row(cookie: str) -> None:
    """Delete the row of ``cookie``; the old cookie opens nothing afterwards."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [row_id(cookie)])
    else:
        SealedSession.objects.filter(pk=row_id(cookie)).delete()
