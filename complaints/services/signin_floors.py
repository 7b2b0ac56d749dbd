"""What this process has counted itself at the staff's door, so that no row can be set back below it.

Counts of wrong codes and delays are rows of the database. Whoever writes to it could set them back after each guess,
and guess on. So each process remembers what it added to a row and did not take back; a row that holds less was altered.
The memory is bounded, and a process that begins anew believes the row.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Generic, TypeVar

from complaints.models.sign_in import UNKNOWN_ACCOUNT
from complaints.services.audit import named_faults
from complaints.services.audit.faults import Fault

logger = logging.getLogger(__name__)

# So many rows are remembered; of more the one that was met longest ago is forgotten. About 3 MB.
MOST: Final = 10_000
K = TypeVar("K")
V = TypeVar("V")


class _Memory(Generic[K, V]):
    """A mapping of at most MOST entries, for several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > MOST:
            self._values.popitem(last=False)

    def drop(self, key: K) -> V | None:
        return self._values.pop(key, None)

    def clear(self) -> None:
        self._values.clear()


# --- Counts of a day ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """What this process has added to the count of ``day``: ``n``, of which ``taken_back`` is not a part any more."""

    day: date
    n: int = 0
    taken_back: int = 0


# By account and kind; the day is in the value, so that a new day takes the place of the one before.
_counts: _Memory[tuple[uuid.UUID, str], Counted] = _Memory()


def counted(account: uuid.UUID, kind: str, day: date) -> Counted:
    """Return what this process has counted of a day."""
    known = _counts.get((account, kind))
    return known if known and known.day == day else Counted(day)


def add(account: uuid.UUID, kind: str, day: date) -> int:
    """Remember one more, after its row was raised; return the number with it."""
    with _counts.lock:
        known = counted(account, kind, day)
        _counts.put((account, kind), Counted(day, known.n + 1, known.taken_back))
        return known.n + 1


def take_back(account: uuid.UUID, kind: str, day: date) -> None:
    """Remember one less, before its row is lowered."""
    with _counts.lock:
        known = counted(account, kind, day)
        _counts.put((account, kind), Counted(day, max(0, known.n - 1), known.taken_back + 1))


def has_fallen(account: uuid.UUID, kind: str, before: Counted, stored: int) -> bool:
    """Whether a row that was just raised to ``stored`` holds less than this process alone had added ``before``."""
    # Where one was taken back meanwhile, the row may be lower by it.
    was_lowered = counted(account, kind, before.day).taken_back != before.taken_back
    return stored <= before.n and not was_lowered


# --- Delays ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delayed:
    """Failures that this process has added to a delay, and until when its last one delays the next attempt."""

    failures: int
    until: datetime


# By the id of the row.
delays: _Memory[str, Delayed] = _Memory()


def delay_again(key: str, until: datetime) -> None:
    """Remember one more failure, after its row was raised."""
    with delays.lock:
        known = delays.get(key)
        delays.put(key, Delayed((known.failures if known else 0) + 1, until))


def end_delay(key: str, now: datetime, *, all_failures: bool = False) -> datetime:
    """Remember one failure less, or none, before its row is lowered; return until when this process has delayed it."""
    with delays.lock:
        known = delays.drop(key)
        if known is None:
            return now
        if known.failures > 1 and not all_failures:
            delays.put(key, Delayed(known.failures - 1, now))
        return max(now, known.until)


# --- Told -----------------------------------------------------------------------------------------------------------


def tell_count(account: uuid.UUID, kind: str, day: date) -> None:
    """Name a count that was set back: a line of the log, and a fault that auditors are told of."""
    who = "unknown" if account == UNKNOWN_ACCOUNT else str(account)
    _tell(Fault(None, "signin.fell", f"staff {who}", state=f"{day.isoformat()}.{kind}"), day)


def tell_delay(day: date) -> None:
    """Name a delay that was ended or made longer by hand; it belongs to a source, of which nothing is kept."""
    _tell(Fault(None, "signin.fell", "login delay", state=day.isoformat()), day)


def _tell(fault: Fault, day: date) -> None:
    logger.error("A count or delay of refused sign-ins was altered in the database")
    named_faults.store([fault], today=day)


def forget_all() -> None:
    """Forget everything, as a process that begins anew."""
    _counts.clear()
    delays.clear()
