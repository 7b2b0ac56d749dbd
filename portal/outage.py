"""An outage of the database in the log: a line when it begins and one when it is over, from all processes of a node.

Each request and each job that meets it would otherwise write a traceback, with the second and the page of a reporter.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from typing import Final

import psycopg

from portal import environment

logger = logging.getLogger(__name__)
_FILE: Final = "database-outage"
# Connections that were lost by the outage are met for so long after its end, and are no new one.
SETTLED_SECONDS: Final = 60
# Of SQLSTATE: connection, operator intervention, too many connections. Without one the server was not reached.
_CLASSES: Final = ("08", "57P", "53300")
# What psycopg's pool writes while it looks for the server.
_OF_THE_POOL: Final = ("error connecting", "reconnection attempt", "discarding", "closing returned", "error resetting")
# Whether this process has met an outage, or has just begun, so that it looks whether one is over.
_met = [True]


class OneLine(logging.Filter):
    """Drops what an outage has libraries and the portal write, and has one line written in its place."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("psycopg.pool") and str(record.msg).startswith(_OF_THE_POOL):
            return False
        error = record.exc_info[1] if record.exc_info else None
        if not is_outage(error):
            return True
        begin()
        return False


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that the server of the database is away."""
    while error is not None and not isinstance(error, psycopg.Error):
        error = error.__cause__
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return not error.sqlstate or error.sqlstate.startswith(_CLASSES)


def begin() -> None:
    """Write that the database does not answer, unless a process of this node has."""
    _met[0] = True
    if _moves_to("away"):
        logger.error("The database does not answer. Errors that follow from it are not written one by one.")


def end() -> None:
    """Write that the database answers again, where it was said that it does not; to be called at each connection."""
    if _met[0]:
        _met[0] = False
        if _moves_to("back"):
            logger.warning("The database answers again.")


def _moves_to(state: str) -> bool:
    """Return whether this process is the first to note that an outage begins ("away") or is over ("back")."""
    path = environment.var_dir() / _FILE
    try:
        handle = os.open(path, os.O_RDWR | (os.O_CREAT if state == "away" else 0), 0o600)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # nothing can be remembered here, and saying it twice is better than not at all
    with os.fdopen(handle, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = file.read()
        is_settling = last == "back" and time.time() - os.fstat(handle).st_mtime < SETTLED_SECONDS
        if last == state or (state == "away" and is_settling) or (state == "back" and last != "away"):
            return False
        file.seek(0)
        file.truncate()
        file.write(state)
        return True
