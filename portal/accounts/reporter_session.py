"""The reporter's session: what its cookie opens, an unfinished report or what followed it.

An unfinished report is a draft's row, of which the cookie is the secret; the code of a report just sent, and an open
ticket, are a session's row. Files that wait to be sent belong to a draft's row in both cases.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection

from complaints.domain.sealing.keys import DraftKeys
from complaints.services import draft_rows
from complaints.services.draft_rows import DRAFT, OpenDraft, SessionContent
from portal.accounts import sessions

# How often a draft is written again that another request of the same reporter has written meanwhile.
WRITES = 3
# A page that is only looked at moves the end once so many seconds have passed, so that most pages write nothing.
RENEW_AFTER = 300


class ReporterSession:
    """What a reporter's cookie opens: a draft, the code of a report just sent, or an open ticket.

    The rows are read when their content is first asked for. It implements
    :class:`complaints.reporter_session.ReporterSession`.
    """

    def __init__(self, cookie: str | None) -> None:
        self._request_cookie = cookie
        self._cookie = cookie
        self._content: SessionContent | None = None
        self._began = time.time()
        self._until = 0.0
        # Whether there is a session's row, and the draft's row as it was read or written last.
        self._stored = False
        self._draft: OpenDraft | None = None
        self._keeps_files = False
        self.modified = False
        self.ended = False
        # Whether a view or an upload has asked for the content: nothing is to be saved before.
        self.loaded = False

    @property
    def _data(self) -> SessionContent:
        if self._content is None:
            self.loaded = True
            self._content = self._read() if self._cookie else {}
            if not (self._stored or self._draft):
                self._cookie = None
        return self._content

    def _read(self) -> SessionContent:
        row, draft, has_files = sessions.read_reporter(self._keys(), str(self._cookie))
        self._stored = bool(row)
        if draft and DRAFT in draft.content:
            self._draft, self._keeps_files, self._until = draft, has_files, draft.until
            return copy.deepcopy(draft.content)
        if not row:  # files whose ticket has ended are nobody's
            return {}
        self._draft, self._keeps_files = draft, has_files and draft is not None
        self._began, self._until = row["began"], row["until"]
        return dict(row["data"])

    def _keys(self) -> DraftKeys:
        return DraftKeys.of(str(self._cookie))

    @property
    def exists(self) -> bool:
        """Whether a row that has not ended belongs to the cookie."""
        return bool(self._data) and self._cookie is not None

    @property
    def has_lapsed(self) -> bool:
        """Whether the browser came with a cookie that opens nothing any more."""
        return bool(self._request_cookie) and not self._data and not self.ended

    @property
    def keeps_files(self) -> bool:
        """Whether draft files belonged to the cookie when it was read; whoever adds one later sets this."""
        return self.exists and self._keeps_files

    @keeps_files.setter
    def keeps_files(self, value: bool) -> None:
        self._keeps_files = value

    @property
    def draft_keys(self) -> DraftKeys:
        """The id of the draft and its keys; starts the session where there is none."""
        self.start()
        return self._keys()

    @property
    def secret(self) -> str:
        """The secret of the draft, by which another device opens it."""
        self.start()
        return str(self._cookie)

    @property
    def is_parked(self) -> bool:
        """Whether the draft waits for its reporter, who has its code: it outlives what happens to this browser."""
        return bool(draft_rows.parked_until(self._data))

    def write_now(self) -> bool:
        """Write the draft at once; return False where it was deleted meanwhile."""
        self.save()
        self.modified = False
        return not self.ended

    def adopt(self, secret: str) -> None:
        """Go on with the draft of ``secret`` in this browser; what belonged to the old cookie ends, if not parked.

        Whoever has the code has the secret too, so that nothing but the draft may ever stand under it: an opened ticket
        gets another cookie.
        """
        if self._data:
            self._delete_rows()
        self._cookie, self._content, self.modified, self.loaded = secret, None, False, True
        self._stored, self._draft, self._keeps_files = False, None, False

    def hold_files(self) -> bool:
        """Make sure that the row is there to which files belong; return False where it has ended meanwhile."""
        if self._draft is None:
            keys, until = self.draft_keys, self._next_end()
            content = self._data if DRAFT in self._data else {}
            draft_rows.write_row(keys, content, until, version=0, seen=None)
            self._draft = draft_rows.read_row(keys)
        return self._draft is not None

    @property
    def version(self) -> int:
        """How often the draft will have been written once this request is saved."""
        return (self._draft.version if self._draft else 0) + (1 if self.modified else 0)

    def start(self) -> None:
        """Make sure that there is a cookie; the row is written with the response."""
        if not self._data and self._cookie is None:
            self._cookie = sessions.new_cookie()
            self.modified = True

    def cycle(self) -> None:
        """Change the cookie and delete the old rows, which prevents session fixation when a ticket is opened.

        A parked draft stays: its code opens it again.
        """
        data = self._data
        self._delete_rows()
        self._cookie, self._content, self._began = sessions.new_cookie(), data, time.time()
        self.modified = True

    def _delete_rows(self) -> None:
        if self._cookie and self._stored:
            sessions.delete_row(self._cookie)
        if self._cookie and self._draft and not draft_rows.parked_until(self._draft.content):
            draft_rows.delete_row(self._keys().id)
        self._stored, self._draft, self._keeps_files = False, None, False

    def end(self, *, with_parked: bool = False) -> None:
        """Delete the rows at once and the cookie with the response; a parked draft only if ``with_parked``."""
        stays = not with_parked and self.is_parked
        if self._cookie:
            sessions.delete_row(self._cookie)
            if not stays:
                draft_rows.delete_row(self._keys().id)
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
        return min((limits[name] for name in self._data if name in limits), default=limits[DRAFT])

    def _next_end(self) -> float:
        return max(time.time() + self._idle_limit(), draft_rows.parked_until(self._data))

    def save(self) -> None:
        """Write what changed; else move the end once some of the idle limit has passed."""
        if self._content is None or self.ended:
            return
        if not (self._cookie and self.modified):
            self.stay_awake()
        elif DRAFT in self._content:
            self._save_draft(self._cookie)
        else:
            self._save_session(self._cookie)

    def _save_draft(self, cookie: str) -> None:
        until = self._next_end()
        # A row that was deleted meanwhile, by leaving in another tab, must not come back.
        self.ended = not self._write_draft(until)
        if self._stored and not self.ended:
            sessions.delete_row(cookie)
            self._stored = False

    def _write_draft(self, until: float) -> bool:
        """Write the draft; what another request wrote since it was read stays, but for what this one changed."""
        keys, content = self._keys(), self._data
        if self._draft is None:
            sealed_end = draft_rows.write_row(keys, content, until, version=1, seen=None)
            self._draft = OpenDraft(copy.deepcopy(content), until, 1, sealed_end) if sealed_end else None
            return sealed_end is not None
        read = self._draft
        for _attempt in range(WRITES):
            version = read.version + 1
            sealed_end = draft_rows.write_row(keys, content, until, version=version, seen=read.sealed_end)
            if sealed_end:
                self._draft = OpenDraft(copy.deepcopy(content), until, version, sealed_end)
                return True
            newer = draft_rows.read_row(keys)
            if newer is None:
                return False
            content = merged(content, self._draft.content, newer.content)
            read = newer
        return False

    def _save_session(self, cookie: str) -> None:
        until = time.time() + self._idle_limit()
        new = not self._stored
        self._stored = sessions.write_row(cookie, self._data, until, began=self._began, new=new)
        self.ended = not self._stored
        # Where another request of the same report stored it first, the draft goes all the same: as long as it is there,
        # a page would show it in the place of the code.
        if self._draft is None or (self.ended and not new):
            return
        if self._keeps_files and "ticket" in self._data:
            self._touch_draft(until)
        else:
            draft_rows.delete_row(self._keys().id)
            self._draft = None

    def _touch_draft(self, until: float) -> None:
        if self._draft:
            sealed_end = draft_rows.touch_row(self._keys(), until, seen=self._draft.sealed_end)
            draft = self._draft
            self._draft = OpenDraft(draft.content, until, draft.version, sealed_end or draft.sealed_end)

    def stay_awake(self) -> None:
        """Move the end once some of the idle limit has passed; a long upload calls it as it goes on.

        A row that another request of the same browser wrote meanwhile is left alone: that request moved its end.
        """
        if not self._content or self._cookie is None or self.modified or self.ended or "sent" in self._content:
            return
        limit, now = self._idle_limit(), time.time()
        if self._until - now >= limit - min(limit / 5, RENEW_AFTER):
            return
        # After an upload of an hour the database may have closed the connection.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        self._until = self._next_end()
        if self._stored:
            sessions.touch_row(self._cookie, self._until)
        self._touch_draft(self._until)

    @property
    def cookie_to_set(self) -> str | None:
        """The cookie for the response, where it differs from the request's."""
        return self._cookie if self._cookie != self._request_cookie else None

    @property
    def cookie_to_drop(self) -> bool:
        """Whether the response must delete the browser's cookie."""
        return self._request_cookie is not None and self._content is not None and self._cookie is None


def merged(ours: SessionContent, base: SessionContent, theirs: SessionContent) -> SessionContent:
    """Return a draft that two requests wrote at once: theirs, with each answer that ours changed since ``base``."""
    mine, before, other = (content.get(DRAFT, {}) for content in (ours, base, theirs))
    changed = {name: value for name, value in mine.items() if before.get(name) != value}
    removed = set(before) - set(mine)
    kept = {name: value for name, value in other.items() if name not in removed}
    return {**theirs, DRAFT: {**kept, **changed}}
