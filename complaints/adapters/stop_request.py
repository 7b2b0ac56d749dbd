"""Whether this worker process was asked to end: by SIGTERM, or by the command that started its cluster.

A job that is under way learns of it here, ends in order and is recorded, instead of being cut off.
"""

from __future__ import annotations

import contextlib
import select
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """Set once; a plain flag, because signal handlers must not take locks."""

    def __init__(self) -> None:
        self._is_set = False
        self._pipe: int | None = None

    def watch(self, pipe: int) -> None:
        """Count the end of this pipe as a request: its other end is held by whoever started the cluster."""
        self._pipe = pipe

    def is_set(self) -> bool:
        """Return whether this process was asked to end."""
        if not self._is_set and self._pipe is not None:
            self._is_set = bool(select.select([self._pipe], [], [], 0)[0])
        return self._is_set

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold SIGTERM back until the block has ended, and then let it act as before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        received: list[int] = []

        def note(number: int, frame: FrameType | None) -> None:
            self._is_set = True
            received.append(number)

        before = signal.signal(signal.SIGTERM, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            if received:
                signal.raise_signal(signal.SIGTERM)


THIS_PROCESS = StopRequest()
