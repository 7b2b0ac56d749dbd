"""Migrations from nothing and back, in this process on a database of its own; triggers come and go with the tables.

That the models need no further migration is a check of its own (``makemigrations --check`` in ``.ci/check``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

ALIAS = "migrated"


@pytest.fixture
def database(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """An empty SQLite database, which Django knows by a name of its own meanwhile."""
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "migrated.sqlite3")}
    connections.databases[ALIAS] = connections.configure_settings({"default": engine})["default"]
    with django_db_blocker.unblock():
        yield connections[ALIAS]
        connections[ALIAS].close()
    del connections[ALIAS], connections.databases[ALIAS]


def rows(database: BaseDatabaseWrapper, query: str) -> list[tuple[object, ...]]:
    with database.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def triggers(database: BaseDatabaseWrapper) -> set[object]:
    return {name for (name,) in rows(database, "SELECT name FROM sqlite_master WHERE type = 'trigger'")}


def migrate(database: BaseDatabaseWrapper, *, back: bool = False) -> None:
    """Migrate the portal's own app, and what it depends on, to its last migration; or it alone back to nothing."""
    executor = MigrationExecutor(database)
    executor.migrate([("complaints", None)] if back else executor.loader.graph.leaf_nodes("complaints"))


def test_migrations_forwards_backwards_and_forwards(database: BaseDatabaseWrapper) -> None:
    migrate(database)
    installed = triggers(database)
    assert "complaints_auditentry_no_delete" in installed and len(installed) == 11
    head = "SELECT sequence, length(digest) FROM complaints_chainhead"
    assert rows(database, head) == [(0, 32)]
    migrate(database, back=True)
    assert not triggers(database)
    assert not [name for name in database.introspection.table_names() if name.startswith("complaints_")]
    migrate(database)
    assert triggers(database) == installed
    assert rows(database, head) == [(0, 32)]
