"""The pool of database connections that the threads of a web server's process share.

A thread has a connection while it works on a request, not while it waits for a person's connection. Other processes
have one thread and one connection each, and fork, which a pool does not survive.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import connection

# A request that has waited so long for a connection is told to come again (portal.errors).
WAIT_SECONDS: Final = 5
# A connection that was not needed for so long is closed.
IDLE_SECONDS: Final = 300
# A server that is away is asked again in doubling intervals for so long, then anew with the next request: whoever comes
# again when they were told to (portal.errors: after ten seconds) is not kept waiting for the last interval.
RECONNECT_SECONDS: Final = 8


def share_connections() -> None:
    """Let the threads of this process share at most ``DATABASE_POOL_SIZE`` connections; does nothing on SQLite."""
    if connection.vendor != "postgresql" or not settings.DATABASE_POOL_SIZE:
        return
    connection.close()
    database = settings.DATABASES["default"]
    database["CONN_MAX_AGE"] = 0
    database["OPTIONS"] = (database.get("OPTIONS") or {}) | {
        "pool": {
            "min_size": 1,
            "max_size": settings.DATABASE_POOL_SIZE,
            "timeout": WAIT_SECONDS,
            "max_idle": IDLE_SECONDS,
            "reconnect_timeout": RECONNECT_SECONDS,
        }
    }
