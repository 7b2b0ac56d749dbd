"""Keeps two workers off one file: an advisory lock of PostgreSQL, held by the worker's connection.

It ends with the connection, and so with a worker that is killed; no row tells when a file was taken. SQLite has one
machine and one job cluster, in which the claim of the job itself (``job_runs``) keeps two runs apart.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, connection

# The first of PostgreSQL's two keys; no other use of the portal has locks of two keys.
_CLASS: Final = 8_316
# A machine that is gone is noticed within a minute, and its locks end; PostgreSQL's own defaults take two hours.
_KEEPALIVE: Final = (("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3"))


def prepare() -> None:
    """Have the database notice soon where the other end of this connection is gone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for setting in _KEEPALIVE:
                cursor.execute("SELECT set_config(%s, %s, false)", setting)


def take(identifier: uuid.UUID) -> bool:
    """Take a file; return False where another worker has it."""
    return _asked("SELECT pg_try_advisory_lock(%s, %s)", identifier)


def release(identifier: uuid.UUID) -> None:
    """Release a file that this connection has taken; where the connection is gone, so is the lock."""
    with contextlib.suppress(DatabaseError):
        _asked("SELECT pg_advisory_unlock(%s, %s)", identifier)


@contextlib.contextmanager
def released(identifier: uuid.UUID) -> Iterator[None]:
    """Release a file at the end, whatever comes of it."""
    try:
        yield
    finally:
        release(identifier)


def _asked(statement: str, identifier: uuid.UUID) -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        # 32 of the random bits: two files that share them are worked on one after the other.
        cursor.execute(statement, [_CLASS, int.from_bytes(identifier.bytes[:4], "big", signed=True)])
        return bool(cursor.fetchone()[0])
