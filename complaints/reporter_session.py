"""The type of the reporter's sealed session, for the app, which may not import ``portal.accounts.sessions``; the size
of what it holds."""

from __future__ import annotations

import json
from typing import Any, Protocol


def stored_size(content: object) -> int:
    """Return the size of ``content`` in the row of a draft, in bytes."""
    return len(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))


class DraftKeys(Protocol):
    """What follows from the secret of a draft; see ``services.draft_rows``."""

    @property
    def id(self) -> str:
        """The id of the draft's row."""

    @property
    def files(self) -> bytes:
        """The 32-byte key under which the keys of its files are sealed."""

    @property
    def names(self) -> bytes:
        """The 32-byte key from which the names of its segments come."""


class ReporterSession(Protocol):
    """A mapping of JSON content behind the reporter's cookie, stored with the response.

    Its entries: "draft" (the unfinished report), "sent" (the code of the report just sent), "ticket" (the keys of an
    open report), "notice" (the code of a notice for the next status page), "act" (the token of the page that was sent
    last), "screenshots" (a post, and the ids of files that wait to be sent with it), "unsent" (what was typed on the
    pages of an open report, by page).
    """

    keeps_files: bool

    @property
    def exists(self) -> bool:
        """Whether a row that has not ended belongs to the cookie."""

    @property
    def has_lapsed(self) -> bool:
        """Whether the browser came with a cookie that opens nothing any more."""

    @property
    def draft_keys(self) -> DraftKeys:
        """The id of the draft, which its files name, and its keys; starts the session where there is none."""

    @property
    def version(self) -> int:
        """How often the draft will have been written once this request is saved."""

    @property
    def secret(self) -> str:
        """The secret of the draft, by which another device opens it."""

    @property
    def is_parked(self) -> bool:
        """Whether the draft waits for its reporter, who has its code: it outlives what happens to this browser."""

    def write_now(self) -> bool:
        """Write the draft at once; return False where it was deleted meanwhile."""

    def adopt(self, secret: str) -> None:
        """Go on with the draft of ``secret`` in this browser; what belonged to the old cookie ends, if not parked."""

    def hold_files(self) -> bool:
        """Make sure that the row is there to which files belong; return False where it has ended meanwhile."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return the entry ``name``."""

    def pop(self, name: str, default: Any = None) -> Any:
        """Remove and return the entry ``name``."""

    def __getitem__(self, name: str) -> Any: ...

    def __setitem__(self, name: str, value: Any) -> None: ...

    def __contains__(self, name: str) -> bool: ...

    def clear(self) -> None:
        """Remove all content and keep the cookie."""

    def cycle(self) -> None:
        """Change the cookie and delete the old row, unless it is a parked draft."""

    def end(self, *, with_parked: bool = False) -> None:
        """Delete the row at once and the cookie with the response; a parked draft only if ``with_parked``."""

    def stay_awake(self) -> None:
        """Move the session's end, as a long upload goes on."""
