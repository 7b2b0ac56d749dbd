"""Checks kept connections without a query for each request, so that the first request after a restart of the database
succeeds and the others save a round trip. Django loads this module by its name."""

from __future__ import annotations

import select
import time

from django.db.backends.postgresql import base

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
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def get_new_connection(self, conn_params):  # type: ignore[no-untyped-def]
        connection = super().get_new_connection(conn_params)
        self.answered_at = time.monotonic()
        return connection
