"""Migrations from nothing and back, in this process on a database of its own; triggers come and go with the tables.
What they lead to is what the other tests find, whose tables are made from the models.

That the models need no further migration is a check of its own (``makemigrations --check`` in ``.ci/check``).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from pytest_django import DjangoDbBlocker

ALIAS = "migrated"


@pytest.fixture(scope="module")
def migrated(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """A migrated SQLite database, which Django knows by a name of its own meanwhile."""
    path = tmp_path_factory.mktemp("migrations") / "migrated.sqlite3"
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    connections.databases[ALIAS] = connections.configure_settings({"default": engine})["default"]
    # Where the tests' own tables are made from the models, the session has switched migrations off.
    with django_db_blocker.unblock(), override_settings(MIGRATION_MODULES={}):
        migrate(connections[ALIAS])
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


def test_migrations_forwards_backwards_and_forwards(migrated: BaseDatabaseWrapper) -> None:
    installed = triggers(migrated)
    assert "complaints_auditentry_no_delete" in installed and len(installed) == 13
    head = "SELECT sequence, length(digest) FROM complaints_chainhead"
    assert rows(migrated, head) == [(0, 32)]
    migrate(migrated, back=True)
    assert not triggers(migrated)
    assert not [name for name in migrated.introspection.table_names() if name.startswith("complaints_")]
    migrate(migrated)
    assert triggers(migrated) == installed
    assert rows(migrated, head) == [(0, 32)]


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL's tables are migrated")
def test_the_tests_have_the_tables_that_migrations_make(migrated: BaseDatabaseWrapper, db: None) -> None:
    assert schema(migrated) == schema(connection)


def schema(database: BaseDatabaseWrapper) -> set[tuple[str, tuple[str, ...]]]:
    """Tables, indexes and triggers of the portal's own app; of a table its columns and constraints in any order.

    Read past Django, which lets a test with a database reach no other than that.
    """
    query = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name LIKE 'complaints%' AND sql IS NOT NULL"
    statements = database.connection.execute(query).fetchall()
    return {(name, _parts(sql) if kind == "table" else (sql,)) for kind, name, sql in statements}


def _parts(statement: str) -> tuple[str, ...]:
    """The columns and constraints of a new table: what stands between the outer commas inside the parentheses."""
    depth, parts = 0, [""]
    for character in statement[statement.index("(") + 1 : statement.rindex(")")]:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return tuple(sorted(part.strip() for part in parts))
