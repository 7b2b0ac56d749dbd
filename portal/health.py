"""What a load balancer and a watchdog ask: whether this process lives, and whether it can take a report now.

Neither is ever red by what the records say: a watchdog that restarts the portal would help nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from threading import Lock
from typing import Final

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from complaints.models.team import Team
from complaints.services import team_key_history
from complaints.services.evidence import storage
from complaints.services.team_key_history import UnpinnedKey

# Seconds: how long a probe is waited for, and how long its result counts. Whoever asks often costs one probe in these.
WAIT_SECONDS: Final = 3.0
COUNTS_SECONDS: Final = 5.0


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _store() -> None:
    next(iter(storage.storage().present()), None)


def _pins() -> None:
    team_key_history.pinned_team(Team.Kind.TRIAGE.value)


_CHECKS: Final[tuple[tuple[str, Callable[[], None]], ...]] = (
    ("database", _database),
    ("store", _store),
    ("pins", _pins),
)


class Probe:
    """One look at a time at what a report needs, in a thread of its own: a database that hangs answers no time limit.

    A look that does not end keeps its thread and its connection, and no second one begins beside it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[str] | None = None
        self._ended_at = float("-inf")

    def result(self) -> str:
        """Return the first part that is missing ("database", "store", "pins", or "time"), "" where all is there."""
        with self._lock:
            if self._running is None or (self._running.done() and time.monotonic() - self._ended_at > COUNTS_SECONDS):
                self._pool = self._pool or ThreadPoolExecutor(max_workers=1, thread_name_prefix="ready")
                self._running = self._pool.submit(self._look)
            running = self._running
        try:
            return running.result(timeout=WAIT_SECONDS)
        except TimeoutError:
            return "time"

    def _look(self) -> str:
        try:
            for name, check in _CHECKS:
                try:
                    check()
                except (DatabaseError, OSError, UnpinnedKey):
                    return name
            return ""
        finally:
            connection.close()
            self._ended_at = time.monotonic()


_probe: Final = Probe()


def alive(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process answers anything."""
    return HttpResponse("ok\n", content_type="text/plain")


def missing_part() -> str:
    """Return what :meth:`Probe.result` returns, of this process's probe."""
    return _probe.result()


def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 where a report can be taken, else 503 with the part that is missing."""
    missing = missing_part()
    return HttpResponse(f"{missing or 'ok'}\n", content_type="text/plain", status=503 if missing else 200)
