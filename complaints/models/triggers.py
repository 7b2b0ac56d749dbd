"""Triggers of the audit chain, of what it relies on, and of the steps of cases, in the SQL of SQLite and of PostgreSQL.

The first migration installs them. They are kept outside of it because tests must be able to set them aside: a forged
row cannot be written, and a table cannot be emptied, while they stand.
"""

from __future__ import annotations

from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

APPEND_ONLY_TABLES = (
    "complaints_auditentry",
    "complaints_casestep",
    "complaints_releasestep",
    "complaints_batch",
    "complaints_keptleaf",
    "complaints_verificationfault",
)
_MOVE_HEAD = "UPDATE complaints_chainhead SET sequence = NEW.sequence, digest = NEW.digest, era = NEW.era WHERE id = 1;"


class Editor(Protocol):
    """Part of Django's schema editor that the functions below use."""

    connection: BaseDatabaseWrapper

    def execute(self, sql: str) -> object:
        """Run one statement."""


def install_append_only(editor: Editor) -> None:
    """Let the database refuse to change or delete rows of the tables that only grow."""
    postgresql = editor.connection.vendor == "postgresql"
    if postgresql:
        editor.execute(
            "CREATE OR REPLACE FUNCTION complaints_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
        )
    for table in APPEND_ONLY_TABLES:
        if postgresql:
            editor.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION complaints_append_only()"
            )
            continue
        for statement in ("UPDATE", "DELETE"):
            editor.execute(
                f"CREATE TRIGGER {table}_no_{statement.lower()} BEFORE {statement} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'append-only'); END"
            )


def remove_append_only(editor: Editor) -> None:
    """Drop what :func:`install_append_only` created; its function stays on PostgreSQL, where it does nothing alone."""
    for table in APPEND_ONLY_TABLES:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
            continue
        for statement in ("update", "delete"):
            editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{statement}")


def install_move_head(editor: Editor) -> None:
    """Let the database move the head of the chain with each entry, so that no entry comes without it."""
    if editor.connection.vendor == "postgresql":
        # It runs as the owner of the tables, because the runtime roles may append an entry and not write the head. The
        # fixed search path keeps a table of the same name in a schema of somebody's own out of it.
        editor.execute(
            "CREATE OR REPLACE FUNCTION complaints_move_head() RETURNS trigger LANGUAGE plpgsql"
            " SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS"
            f" $$ BEGIN {_MOVE_HEAD} RETURN NULL; END $$"
        )
        editor.execute(
            "CREATE TRIGGER complaints_auditentry_move_head AFTER INSERT ON complaints_auditentry"
            " FOR EACH ROW EXECUTE FUNCTION complaints_move_head()"
        )
    else:
        editor.execute(
            "CREATE TRIGGER complaints_auditentry_move_head AFTER INSERT ON complaints_auditentry"
            f" BEGIN {_MOVE_HEAD} END"
        )


def remove_move_head(editor: Editor) -> None:
    """Drop what :func:`install_move_head` created."""
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER IF EXISTS complaints_auditentry_move_head ON complaints_auditentry")
        editor.execute("DROP FUNCTION IF EXISTS complaints_move_head()")
    else:
        editor.execute("DROP TRIGGER IF EXISTS complaints_auditentry_move_head")
