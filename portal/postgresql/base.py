"""Tells a live connection from a dead one without asking the server each time, so that the first request after a
restart of the database succeeds and no other pays for it. Django loads this module by its name."""

from __future__ import annotations

import select
import time

from django.db.backends.postgresql import base

# A server that vanished without a word leaves its sockets quiet, so a quiet one is believed for this long only.
BELIEVED_SECONDS = 5.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, except for the health check at the beginning of a request."""

    answered_at = 0.0

    def is_usable(self) -> bool:
        """Whether the connection can be used; asks the server only where it spoke up or was silent for long.

        A server that stops or restarts says so to every connection and closes it: between requests, anything to read
        is bad news.
        """
        if self.connection is not None and time.monotonic() - self.answered_at < BELIEVED_SECONDS and self._is_quiet():
            return True
        usable = super().is_usable()
        if usable:
            self.answered_at = time.monotonic()
        return usable

    def _is_quiet(self) -> bool:
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def get_new_connection(self, conn_params):  # type: ignore[no-untyped-def]
        """Open a connection; it has just answered."""
        connection = super().get_new_connection(conn_params)
        self.answered_at = time.monotonic()
        return connection
