"""Sealed sessions, each in one row that only the holder of its cookie can open (``portal.rows``).

``SessionStore`` is Django's session engine for staff; ``ReporterSession`` is the reporter's, with a cookie of its own.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import connection
from django.utils import timezone

from complaints.domain.sealing.primitives import blake2b
from complaints.models.session import SealedSession
from portal.accounts.session_rows import STAFF, Owner, delete_row, new_cookie, read_row, row_id, touch_row, write_row

# What a password has opened and the second factor has not yet released: whose, since when, the key.
PENDING = "pending"


class SessionStore(SessionBase):
    """Staff sessions for django.contrib.sessions, with an idle and an absolute limit."""

    def _get_new_session_key(self) -> str:
        return new_cookie()

    @property
    def row(self) -> str:
        """The id of this session's row; empty before there is one."""
        return row_id(self.session_key) if self.session_key else ""

    def load(self) -> dict[str, Any]:
        """Return the session's data, or nothing once a limit has passed."""
        content = read_row(self.session_key, STAFF) if self.session_key else {}
        if content and content["began"] + settings.SESSION_ABSOLUTE_AGE > time.time():
            self._began, self._until = content["began"], content["until"]
            return dict(content["data"])
        self._session_key = None
        return {}

    def exists(self, session_key: str) -> bool:
        """Tell whether a row belongs to ``session_key``."""
        return SealedSession.objects.filter(pk=row_id(session_key)).exists()

    def create(self) -> None:
        """Take a new key and write an empty row."""
        self._session_key = self._get_new_session_key()
        self._began = time.time()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the row where something changed; else only put off its end.

        A page that changed nothing must not write back what it has read: another request may have written since.

        Raises:
            CreateError: the row exists although it must not.
            UpdateError: the row was deleted meanwhile (logged out elsewhere).
        """
        if self.session_key is None:
            self.create()
            return
        data = cast(Any, self)._get_session(no_load=must_create)
        if self.session_key is None:
            raise UpdateError
        began = getattr(self, "_began", None) or time.time()
        until = min(self._end_of(data), began + settings.SESSION_ABSOLUTE_AGE)
        if not (must_create or self.modified):
            self._stay_awake(until)
            return
        owner = _owner(data, began)
        if not write_row(self.session_key, data, until, began=began, new=must_create, door=STAFF, owner=owner):
            raise CreateError if must_create else UpdateError
        self._until = until

    def _end_of(self, data: dict[str, Any]) -> float:
        """A key that waits for the second factor waits for minutes, however often its page is asked for."""
        if PENDING in data:
            return float(data[PENDING]["at"]) + settings.ACCOUNT_LOGIN_TIMEOUT
        return time.time() + self.get_expiry_age()

    def _stay_awake(self, until: float) -> None:
        # Once a fifth of the idle time has passed; whoever wrote meanwhile has put off the end as well.
        if until - getattr(self, "_until", 0.0) > settings.SESSION_COOKIE_AGE / 5:
            self._until = until
            touch_row(str(self.session_key), until, door=STAFF)

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return the idle limit in seconds."""
        return int(settings.SESSION_COOKIE_AGE)

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row."""
        if key := session_key or self.session_key:
            delete_row(key)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete the rows whose last day is over."""
        SealedSession.objects.expired(timezone.localdate()).delete()


def _owner(data: dict[str, Any], began: float) -> Owner:
    if PENDING in data and "_auth_user_id" not in data:
        return Owner(uuid.UUID(data[PENDING]["user"]))
    if "_auth_user_id" not in data:
        return Owner()
    return Owner(uuid.UUID(data["_auth_user_id"]), datetime.fromtimestamp(began, tz=UTC))


class ReporterSession:
    """What a reporter's cookie opens: an unfinished report, a sent one's code, or an open ticket. Loaded when asked."""

    def __init__(self, cookie: str | None) -> None:
        """Wrap the cookie of a request, if it has one."""
        self._sent_cookie = cookie
        self._cookie = cookie
        self._content: dict[str, Any] | None = None
        self._began = time.time()
        self._until = 0.0
        self._stored = False
        self._keeps_files = False
        self.modified = False
        self.ended = False

    @property
    def _data(self) -> dict[str, Any]:
        if self._content is None:
            content = read_row(self._cookie) if self._cookie else {}
            self._content = content.get("data", {})
            self._keeps_files = self._keeps_files or content.get("files", False)
            if content:
                self._began, self._until, self._stored = content["began"], content["until"], True
            else:
                self._cookie = None
        return self._content

    @property
    def exists(self) -> bool:
        """Whether there is a live row behind the cookie."""
        return bool(self._data) and self._cookie is not None

    @property
    def keeps_files(self) -> bool:
        """Whether files waited to be sent when the row was read, or came since; whoever adds one sets it."""
        return self.exists and self._keeps_files

    @keeps_files.setter
    def keeps_files(self, value: bool) -> None:
        self._keeps_files = value

    @property
    def session_id(self) -> str:
        """Return the row id, starting the session where there is none."""
        self.start()
        return row_id(str(self._cookie))

    @property
    def file_key(self) -> bytes:
        """Return the key under which the keys of a draft's files are sealed."""
        self.start()
        return blake2b(str(self._cookie).encode(), person=b"session-files")

    def start(self) -> None:
        """Make sure that there is a cookie; the row is written with the response."""
        if not self._data and self._cookie is None:
            self._cookie = new_cookie()
            self.modified = True

    def cycle(self) -> None:
        """Change the cookie and drop the old row, as at every code entry."""
        data = self._data
        if self._cookie and self._stored:
            delete_row(self._cookie)
        self._cookie, self._content, self._began, self._stored = new_cookie(), data, time.time(), False
        self.modified = True

    def end(self) -> None:
        """Delete the row at once and the cookie with the response."""
        if self._cookie:
            delete_row(self._cookie)
        self._content, self._cookie, self.modified, self.ended = {}, None, False, True

    def clear(self) -> None:
        """Forget all content, keep the cookie."""
        self._data.clear()
        self.modified = True

    def get(self, name: str, default: Any = None) -> Any:
        """Return the content ``name``."""
        return self._data.get(name, default)

    def pop(self, name: str, default: Any = None) -> Any:
        """Remove and return the content ``name``."""
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

    def _idle(self) -> int:
        limits: dict[str, int] = settings.REPORTER_IDLE_SECONDS
        return min((limits[name] for name in self._data if name in limits), default=limits["draft"])

    def save(self) -> None:
        """Write the row where something changed, or where a fifth of the idle time has passed."""
        if self._content is None or self.ended:
            return
        if self._cookie and self.modified:
            # A row that was deleted meanwhile, by leaving in another tab, must not come back.
            new, until = not self._stored, time.time() + self._idle()
            self._stored = write_row(self._cookie, self._content, until, began=self._began, new=new)
            self.ended = not self._stored
        else:
            self.stay_awake()

    def stay_awake(self) -> None:
        """Put off the end once a fifth of the idle time has passed; a long request calls it while it goes on.

        What another request of the same browser wrote meanwhile stays as it is: it has put off the end by itself.
        """
        if not self._content or self._cookie is None or self.modified or self.ended or "sent" in self._content:
            return
        idle, now = self._idle(), time.time()
        if self._until - now >= idle * 0.8:
            return
        # A request of an hour may find its connection to the database closed by the other end.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        self._until = now + idle
        touch_row(self._cookie, self._until)

    @property
    def cookie_to_set(self) -> str | None:
        """Return the cookie for the response, where it differs from the request's."""
        return self._cookie if self.modified and self._cookie != self._sent_cookie else None

    @property
    def cookie_to_drop(self) -> bool:
        """Whether the browser should forget its cookie."""
        return self._sent_cookie is not None and self._content is not None and self._cookie is None
