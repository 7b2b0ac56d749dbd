"""Giving back the database connection that a thread does not need while it waits for something slow."""

from __future__ import annotations

from django.db import connection


def give_back_connection() -> None:
    """Give this thread's connection back to the pool, unless a transaction is open; a thread calls it before it waits.

    Does nothing without a pool, where opening another connection would cost more.
    """
    if getattr(connection, "pool", None) is not None and not connection.in_atomic_block:
        connection.close()
