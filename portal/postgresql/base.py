"""Django's PostgreSQL backend with another health check of connections, kept by a thread or shared in a pool.

Without a query for each request, the first request after a restart of the database succeeds, and the others save a
round trip. Django loads this module by its name.
"""

from __future__ import annotations

import select
import time
from typing import Any, cast

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from portal import outage

# A server that vanished without closing leaves its sockets silent, so silence is trusted for this long only.
TRUSTED_SECONDS = 5.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL backend with another health check at the beginning of a request."""

    answered_at = 0.0

    def is_usable(self) -> bool:
        """Whether the connection can be used; queries the server where there is something to read or after a pause.

        A server that stops or restarts sends a notice to every connection and closes it, so anything to read between
        requests means that the connection may be dead.
        """
        if self.connection is not None and time.monotonic() - self.answered_at < TRUSTED_SECONDS and self._is_silent():
            return True
        usable = super().is_usable()
        if usable:
            self.answered_at = time.monotonic()
        return usable

    def _is_silent(self) -> bool:
        return not self.connection.closed and _is_silent(self.connection)

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        """The pool of this process, None where each thread has a connection of its own.

        Django's would ask the server with a query whether each connection that it gives out is alive.
        """
        pool = cast("ConnectionPool[Any] | None", super().pool)
        if pool is not None:
            pool._check = check_connection
        return pool

    def get_new_connection(self, conn_params):  # type: ignore[no-untyped-def]
        connection = super().get_new_connection(conn_params)
        self.answered_at = time.monotonic()
        outage.end()
        return connection


def check_connection(connection: psycopg.Connection[Any]) -> None:
    """Raise psycopg.OperationalError where a pooled connection is dead; asks the server only after a pause."""
    now = time.monotonic()
    if now - getattr(connection, "answered_at", 0.0) >= TRUSTED_SECONDS or not _is_silent(connection):
        ConnectionPool.check_connection(connection)
        connection.answered_at = now  # type: ignore[attr-defined]


def _is_silent(connection: psycopg.Connection[Any]) -> bool:
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)
