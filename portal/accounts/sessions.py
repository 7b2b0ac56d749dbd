"""Sealed sessions: one row each, which only its cookie opens, because the row's id and its key derive from the cookie.

``SessionStore`` is Django's session engine for staff; ``ReporterSession`` is the reporter's, with its own cookie. Both
keep their rows by the functions at the top. In clear a row tells the day on which it ends at the latest, and of staff
whose it is; the exact end is sealed with the content.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, pad, unpad
from complaints.models.session import SealedSession
from complaints.models.team import Staff

# A row's content is padded to one of these lengths, in bytes.
SIZES = (1024, 4096, 16384, 65536)
REPORTER, STAFF = "reporter", "staff"
# The entry of a staff session that holds a key which the password has opened and the second factor not yet released.
PENDING = "pending"
# [the id of the person who gave the second factor, seconds since the epoch].
FACTOR = "factor_at"
# Plain SQL: the ORM takes longer to build the same query than the rest of reading a session takes. Whether there are
# draft files is read along, because every page of a report asks for it and most drafts have none.
_READ = """
    SELECT data, EXISTS (SELECT 1 FROM complaints_draftfile WHERE session = complaints_sealedsession.id)
    FROM complaints_sealedsession WHERE id = %s"""
# One statement each, with synchronous_commit off for its own transaction (the third argument of set_config): a crash
# may lose the last second of a draft, and no request waits for the disk.
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
    return secrets.token_urlsafe(32)


def row_id(cookie: str) -> str:
    return blake2b(cookie.encode(), person=b"session-id").hex()


def row_key(cookie: str) -> bytes:
    """Return the 32-byte key that opens the row of ``cookie``."""
    return blake2b(cookie.encode(), person=b"session-key")


def _last_day(until: float) -> date:
    # Computed from the length of the limit, not from the hour of the end, which would tell a late hour from others.
    return timezone.localdate() + timedelta(days=2 + int(max(0, until - time.time()) // 86400))


def _open(cookie: str, sealed: bytes, kind: str) -> dict[str, Any]:
    text = unpad(decrypt(row_key(cookie), sealed, f"{kind} {row_id(cookie)}".encode()), SIZES)
    return dict(json.loads(text))


def _seal(cookie: str, content: dict[str, Any], kind: str) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode()
    return encrypt(row_key(cookie), pad(text, SIZES), f"{kind} {row_id(cookie)}".encode())


def read_row(cookie: str, kind: str = REPORTER) -> dict[str, Any]:
    """Return the content of the row of ``cookie``; empty where there is none, or it has ended, was altered or moved.

    It has "data", "until" and "began" as :func:`write_row` was given them, and "files": whether draft files belong to
    it. A row of the other ``kind`` (REPORTER or STAFF) does not open.
    """
    identifier = row_id(cookie)
    with connection.cursor() as cursor:
        cursor.execute(_READ, [identifier])
        row = cursor.fetchone()
    if row is None:
        return {}
    try:
        content = _open(cookie, bytes(row[0]), kind)
    except SealError:
        return {}
    if content["until"] <= time.time():
        SealedSession.objects.filter(pk=identifier).delete()
        return {}
    return {**content, "files": bool(row[1])}


def touch_row(cookie: str, until: float, kind: str = REPORTER) -> bool:
    """Move the end of a row to ``until`` and change nothing else.

    Returns False where the row has ended, or another request wrote it in between and so moved its end as well.
    """
    rows = SealedSession.objects.filter(pk=row_id(cookie))
    sealed = bytes(rows.values_list("data", flat=True).first() or b"")
    try:
        content = _open(cookie, sealed, kind)
    except SealError:
        return False
    if content["until"] <= time.time():
        return False
    values = {"data": _seal(cookie, {**content, "until": until}, kind), "expires_on": _last_day(until)}
    return bool(rows.filter(data=sealed).update(**values))


@dataclass(frozen=True)
class Owner:
    """Whose row it is, in clear, so that sessions can be ended: staff only, and since when once they are signed in."""

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
    kind: str = REPORTER,
    owner: Owner = NOBODY,
) -> bool:
    """Write the row of ``cookie``; ``until`` and ``began`` are seconds since the epoch. Return whether it was written.

    ``new`` inserts the row and never overwrites one; without it the row is updated, and a deleted one does not come
    back. The row opens for this ``kind`` (REPORTER or STAFF) only; ``owner`` is the person of a staff row.
    """
    identifier = row_id(cookie)
    sealed = _seal(cookie, {"until": until, "began": began, "data": data}, kind)
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
    """Delete the row of ``cookie``, so that the cookie opens nothing afterwards."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [row_id(cookie)])
    else:
        SealedSession.objects.filter(pk=row_id(cookie)).delete()


class SessionStore(SessionBase):
    """Staff sessions for django.contrib.sessions, with an idle and an absolute limit."""

    def _get_new_session_key(self) -> str:
        return new_cookie()

    @property
    def row(self) -> str:
        """The id of this session's row; empty before there is one."""
        return row_id(self.session_key) if self.session_key else ""

    def load(self) -> dict[str, Any]:
        content = read_row(self.session_key, STAFF) if self.session_key else {}
        if content and content["began"] + settings.SESSION_ABSOLUTE_AGE > time.time():
            self._began, self._until = content["began"], content["until"]
            return dict(content["data"])
        self._session_key = None
        return {}

    def exists(self, session_key: str) -> bool:
        return SealedSession.objects.filter(pk=row_id(session_key)).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self._began = time.time()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the row where something changed; else only move its end.

        A request that changed nothing must not write back what it has read: another request may have written since.
        Raises CreateError where the row exists although it must not, UpdateError where it was deleted meanwhile.
        """
        if self.session_key is None:
            self.create()
            return
        data = cast(Any, self)._get_session(no_load=must_create)
        if self.session_key is None:
            raise UpdateError
        now = time.time()
        began = getattr(self, "_began", None) or now
        until = min(now + settings.SESSION_COOKIE_AGE, began + settings.SESSION_ABSOLUTE_AGE)
        if PENDING in data:
            # A key that waits for the second factor waits for minutes, however often its page is asked for.
            limit = float(data[PENDING]["at"]) + settings.ACCOUNT_LOGIN_TIMEOUT
            until = min(limit, began + settings.SESSION_ABSOLUTE_AGE)
        if must_create or self.modified:
            pending = Owner(uuid.UUID(data[PENDING]["user"])) if PENDING in data else NOBODY
            signed_in = data.get("_auth_user_id")
            owner = Owner(uuid.UUID(signed_in), datetime.fromtimestamp(began, tz=UTC)) if signed_in else pending
            if not write_row(self.session_key, data, until, began=began, new=must_create, kind=STAFF, owner=owner):
                raise CreateError if must_create else UpdateError
            self._until = until
        elif until - getattr(self, "_until", 0.0) > settings.SESSION_COOKIE_AGE / 5:
            # Moved only once a fifth of the idle limit has passed, so that most pages write nothing.
            self._until = until
            touch_row(self.session_key, until, kind=STAFF)

    def get_expiry_age(self, **kwargs: object) -> int:
        return int(settings.SESSION_COOKIE_AGE)

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            delete_row(key)

    @classmethod
    def clear_expired(cls) -> None:
        SealedSession.objects.expired(timezone.localdate()).delete()


def gave_second_factor(request: HttpRequest, user: Staff) -> bool:
    """Whether the person gave the second factor in this session."""
    person, _at = request.session.get(FACTOR) or (None, None)
    return bool(person == str(user.pk))


class ReporterSession:
    """What a reporter's cookie opens: a draft, the code of a report just sent, or an open ticket.

    The row is read when its content is first asked for. It implements
    :class:`complaints.reporter_session.ReporterSession`.
    """

    def __init__(self, cookie: str | None) -> None:
        self._request_cookie = cookie
        self._cookie = cookie
        self._content: dict[str, Any] | None = None
        self._began = time.time()
        self._until = 0.0
        self._stored = False
        self._keeps_files = False
        self.modified = False
        self.ended = False
        # Whether a view or an upload has asked for the content: nothing is to be saved before.
        self.loaded = False

    @property
    def _data(self) -> dict[str, Any]:
        if self._content is None:
            self.loaded = True
            row = read_row(self._cookie) if self._cookie else {}
            self._content = row.get("data", {})
            self._keeps_files = self._keeps_files or row.get("files", False)
            if row:
                self._began, self._until, self._stored = row["began"], row["until"], True
            else:
                self._cookie = None
        return self._content

    @property
    def exists(self) -> bool:
        """Whether a row that has not ended belongs to the cookie."""
        return bool(self._data) and self._cookie is not None

    @property
    def keeps_files(self) -> bool:
        """Whether draft files belonged to the row when it was read; whoever adds one later sets this."""
        return self.exists and self._keeps_files

    @keeps_files.setter
    def keeps_files(self, value: bool) -> None:
        self._keeps_files = value

    @property
    def session_id(self) -> str:
        """The row's id; starts the session where there is none."""
        self.start()
        return row_id(str(self._cookie))

    @property
    def file_key(self) -> bytes:
        """The 32-byte key under which the keys of draft files are sealed; starts the session where there is none."""
        self.start()
        return blake2b(str(self._cookie).encode(), person=b"session-files")

    def start(self) -> None:
        """Make sure that there is a cookie; the row is written with the response."""
        if not self._data and self._cookie is None:
            self._cookie = new_cookie()
            self.modified = True

    def cycle(self) -> None:
        """Change the cookie and delete the old row, which prevents session fixation when a ticket is opened."""
        data = self._data
        if self._cookie and self._stored:
            delete_row(self._cookie)
        self._cookie, self._content, self._began, self._stored = new_cookie(), data, time.time(), False
        self.modified = True

    def end(self) -> None:
        """Delete the row at once and the cookie with the response."""
        if self._cookie:
            delete_row(self._cookie)
        self._content, self._cookie, self.modified, self.ended, self.loaded = {}, None, False, True, True

    def clear(self) -> None:
        """Remove all content and keep the cookie."""
        self._data.clear()
        self.modified = True

    def get(self, name: str, default: Any = None) -> Any:
        return self._data.get(name, default)

    def pop(self, name: str, default: Any = None) -> Any:
        self.modified = True
        return self._data.pop(name, default)

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.start()
        self._data[name] = value
        self.modified = True

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def _idle_limit(self) -> int:
        limits: dict[str, int] = settings.REPORTER_IDLE_SECONDS
        return min((limits[name] for name in self._data if name in limits), default=limits["draft"])

    def save(self) -> None:
        """Write the row where something changed; else move its end once a fifth of the idle limit has passed."""
        if self._content is None or self.ended:
            return
        if self._cookie and self.modified:
            # A row that was deleted meanwhile, by leaving in another tab, must not come back.
            new, until = not self._stored, time.time() + self._idle_limit()
            self._stored = write_row(self._cookie, self._content, until, began=self._began, new=new)
            self.ended = not self._stored
        else:
            self.stay_awake()

    def stay_awake(self) -> None:
        """Move the row's end once a fifth of the idle limit has passed; a long upload calls it as it goes on.

        A row that another request of the same browser wrote meanwhile is left alone: that request moved its end.
        """
        if not self._content or self._cookie is None or self.modified or self.ended or "sent" in self._content:
            return
        limit, now = self._idle_limit(), time.time()
        if self._until - now >= limit * 0.8:
            return
        # After an upload of an hour the database may have closed the connection.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        self._until = now + limit
        touch_row(self._cookie, self._until)

    @property
    def cookie_to_set(self) -> str | None:
        """The cookie for the response, where it differs from the request's."""
        return self._cookie if self.modified and self._cookie != self._request_cookie else None

    @property
    def cookie_to_drop(self) -> bool:
        """Whether the response must delete the browser's cookie."""
        return self._request_cookie is not None and self._content is not None and self._cookie is None
