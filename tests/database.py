"""State of the test database: the rows that every test finds, and how they come back after a test that commits.

The cast is built once into the test database of each process (``conftest.django_db_setup``). A test in a transaction
rolls back to it; after a test that commits, :func:`restore` puts the same rows back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

from django.db import OperationalError, connection, transaction
from pytest_django import DjangoDbBlocker

from complaints.domain.hashchain import GENESIS
from complaints.models import triggers
from complaints.models.audit import ChainHead
from complaints.models.batch import Batch

# Rows of Django itself, which no test changes.
PERMANENT = {"django_migrations", "django_content_type", "auth_permission"}
# A request that a test has left behind may hold a lock; waiting longer than this for it would be waiting for ever.
LOCK_TIMEOUT_MS = 10_000
HEAD = ChainHead._meta.db_table
# Before any day on which a test closes a batch.
FIRST_DAY = date(2026, 1, 1)

_saved: dict[str, list[tuple[Any, ...]]] = {}


def install_triggers() -> None:
    """Complete tables that were made without migrations: first link and first batch of the audit chain, triggers."""
    ChainHead.objects.create(pk=1, digest=GENESIS)
    Batch.objects.create(number=1, day=FIRST_DAY)
    triggers.install_append_only(editor())
    triggers.install_move_head(editor())


def save() -> None:
    """Remember all present rows as those that :func:`restore` brings back; the open batch bears FIRST_DAY."""
    _saved.clear()
    with connection.cursor() as cursor:
        triggers.remove_append_only(editor())
        Batch.objects.update(day=FIRST_DAY)
        triggers.install_append_only(editor())
        for table in _tables():
            cursor.execute(f"SELECT * FROM {table}")
            if rows := cursor.fetchall():
                _saved[table] = rows


def restore() -> None:
    """Bring every table back to the saved rows, whatever another connection still holds."""
    try:
        _restore()
    except OperationalError:
        if connection.vendor != "postgresql":
            raise
        end_other_connections()
        _restore()


def _restore() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            # A row that another connection has not committed yet would outlive the deletion.
            cursor.execute(f"LOCK TABLE {', '.join(_tables())} IN ACCESS EXCLUSIVE MODE")
        triggers.remove_append_only(editor())
        # The tables are small. On PostgreSQL a TRUNCATE, which makes new files for each of them, takes a restoration
        # from 0.03 s of processor time to 0.28 s.
        for table in _tables():
            cursor.execute(f"DELETE FROM {table}")
        # An inserted audit entry moves the head of the chain, so that the head's own row has to come last.
        for table, rows in sorted(_saved.items(), key=lambda item: item[0] == HEAD):
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)
        _check_constraints()
        triggers.install_append_only(editor())


def empty() -> None:
    """Delete, inside the caller's transaction, all rows but those of Django itself; the chain begins anew."""
    with connection.cursor() as cursor:
        triggers.remove_append_only(editor())
        for table in _tables():
            cursor.execute(f"DELETE FROM {table}")
        ChainHead.objects.create(pk=1, digest=GENESIS)
        Batch.objects.create(number=1, day=FIRST_DAY)
        _check_constraints()
        triggers.install_append_only(editor())


def end_other_connections() -> None:
    """End all connections to a PostgreSQL test database but this one, their transactions with them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def recover() -> None:
    """Make this thread's connection usable again after an exception broke into the middle of a statement.

    psycopg cancels the statement only for exceptions that it knows; after any other it takes the connection for busy,
    and every later statement fails.
    """
    raw = connection.connection
    if connection.vendor != "postgresql" or raw is None or raw.closed:
        return
    if raw.info.transaction_status.name == "ACTIVE":
        raw.cancel_safe(timeout=5)
        while raw.pgconn.get_result() is not None:
            pass
    if connection.in_atomic_block:
        connection.needs_rollback = True


@contextmanager
def built_once(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Open the database for a fixture of module scope; what it builds is gone when the module is done.

    The fixture asks for ``shared_cast``, the tests for it and for ``db``, in this order.
    """
    with blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
    try:
        with blocker.unblock():
            yield
    finally:
        with blocker.unblock():
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)


def editor() -> SimpleNamespace:
    """As much of a schema editor as the triggers need; Django's own does not work inside a transaction."""

    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return SimpleNamespace(connection=connection, execute=execute)


def _tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(names) - PERMANENT)


def _check_constraints() -> None:
    # PostgreSQL changes no table, its triggers included, while foreign keys of the transaction wait to be checked.
    if connection.vendor == "postgresql":
        connection.check_constraints()
