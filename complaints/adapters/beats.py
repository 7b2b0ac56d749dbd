"""Signs of life of the job cluster's processes, through a pipe to the command that watches them from outside.

A beat is a byte, and tells nothing of a job. A process that is stopped, or waits for a lock for ever, writes none.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Final

# Who beats: what starts processes anew, what hands out jobs, what runs them; or what waits for the database to answer.
SENTINEL: Final = b"s"
PUSHER: Final = b"p"
WORKER: Final = b"w"
WAITS_FOR_DATABASE: Final = b"d"
_AT_ONCE: Final = 65_536


class Beats:
    """What the processes of a cluster write; they inherit it by fork."""

    def __init__(self) -> None:
        self._pipe: int | None = None

    @property
    def are_watched(self) -> bool:
        """Whether somebody reads the beats."""
        return self._pipe is not None

    def write_to(self, pipe: int) -> None:
        """Write the beats into this pipe from now on."""
        os.set_blocking(pipe, False)
        self._pipe = pipe

    def give(self, sign: bytes) -> None:
        """Write a beat; one that finds the pipe full or nobody who reads is lost."""
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                os.write(self._pipe, sign)


THIS_CLUSTER: Final = Beats()


class Watch:
    """Tells from its beats whether a cluster has stalled; all times are of the monotonic clock, in seconds."""

    def __init__(self, pipe: int, *, limit: float, start_seconds: float) -> None:
        """Read from ``pipe``. Within the first ``start_seconds`` nobody is late, because a process loads the portal."""
        os.set_blocking(pipe, False)
        self._pipe, self._limit = pipe, limit
        self._looked_at = time.monotonic()
        self._seen = dict.fromkeys((SENTINEL, PUSHER, WORKER), self._looked_at + start_seconds)

    def is_stalled(self) -> bool:
        """Read what has come; whether one of the three has been silent for longer than the limit.

        Who has not looked for long has stood still too, and judges nobody by that time.
        """
        now = time.monotonic()
        if now - self._looked_at > self._limit / 2:
            self._seen = {sign: max(seen, now) for sign, seen in self._seen.items()}
        self._looked_at = now
        received = self._read()
        for sign in (SENTINEL, PUSHER, WORKER):
            if sign in received or (WAITS_FOR_DATABASE in received and sign != SENTINEL):
                self._seen[sign] = now
        return now - min(self._seen.values()) > self._limit

    def _read(self) -> bytes:
        received = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._pipe, _AT_ONCE):
                received += piece
        return received


class Working:
    """Tells whether the thread that made it goes on: a thread that hangs uses no processor time.

    One that waits with a look now and then, as for an answer of PostgreSQL, does use some.
    """

    def __init__(self) -> None:
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._used = time.clock_gettime(self._clock)
        self._changed_at = time.monotonic()

    def silent_seconds(self) -> float:
        """Return for how long no call of this method has found that the thread had used its processor."""
        used, now = time.clock_gettime(self._clock), time.monotonic()
        if used != self._used:
            self._used, self._changed_at = used, now
        return now - self._changed_at
