"""How many passwords a process works at once: each takes Argon2id, of 64 to 100 MiB and some tenths of a second.

Whoever finds no place is refused at once, so that a flood of sign-ins takes neither memory nor threads. One place is
kept for browsers in which somebody has signed in before (docs/adr/0041).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Final

PLACES: Final = 2
WAIT_SECONDS: Final = 0.1
# What a refused person is told to wait: a place is free again within a second.
RETRY_SECONDS: Final = 5

_places = threading.BoundedSemaphore(PLACES)
_for_strangers = threading.BoundedSemaphore(PLACES - 1)
_is_known: ContextVar[bool] = ContextVar("is_known", default=False)
_has_place: ContextVar[bool] = ContextVar("has_place", default=False)


class Busy(Exception):
    """Other passwords take every place; nothing was checked, counted or written. ``seconds`` is how long to wait."""

    seconds = RETRY_SECONDS


@contextmanager
def known_browser(*, is_known: bool) -> Iterator[None]:
    """Say whether the request of the block comes from a browser in which somebody has signed in before."""
    token = _is_known.set(is_known)
    try:
        yield
    finally:
        _is_known.reset(token)


@contextmanager
def place() -> Iterator[None]:
    """Hold a place while the block works passwords; inside another such block this does nothing.

    Raises Busy where none is free within WAIT_SECONDS.
    """
    if _has_place.get():
        yield
        return
    until = time.monotonic() + WAIT_SECONDS
    with ExitStack() as held:
        for places in (_places,) if _is_known.get() else (_for_strangers, _places):
            if not places.acquire(timeout=max(0.0, until - time.monotonic())):
                raise Busy
            held.callback(places.release)
        held.callback(_has_place.reset, _has_place.set(True))
        yield
