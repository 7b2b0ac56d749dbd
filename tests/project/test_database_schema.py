"""A database that is not as the migrations make it is named: half restored, a trigger off, a function replaced."""

from __future__ import annotations

import os

import pytest
from django.db import connection

from complaints import database_checks, database_schema

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="a public portal runs on PostgreSQL")
WRITE = "RECORD_SCHEMA"
PLPGSQL = "CREATE FUNCTION {0} RETURNS {1} LANGUAGE plpgsql AS 'BEGIN END'"
CHECK = "ALTER TABLE complaints_case DROP CONSTRAINT case_status_known"


def test_the_record_is_that_of_a_migrated_database(db: None) -> None:
    """With RECORD_SCHEMA=1 write the record anew; read what changed before it is committed."""
    present = database_schema.present()
    if os.environ.get(WRITE):
        database_schema.RECORD.write_text("".join(f"{line}\n" for line in sorted(present)), encoding="ascii")
    assert sorted(present ^ database_schema.recorded()) == [], f"write complaints/data/schema.txt anew: {WRITE}=1"
    assert database_schema.compare() == database_schema.Comparison(missing=[], surplus=[])


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("DROP TRIGGER complaints_auditentry_append_only ON complaints_auditentry", "trigger complaints_auditentry"),
        ("DROP TRIGGER complaints_auditentry_move_head ON complaints_auditentry", "trigger complaints_auditentry"),
        (
            "ALTER TABLE complaints_casestep DISABLE TRIGGER complaints_casestep_append_only",
            "trigger complaints_casestep",
        ),
        ("ALTER TABLE complaints_casestep DISABLE TRIGGER ALL", "constraint complaints_casestep"),
        (
            "ALTER TABLE complaints_auditentry ENABLE REPLICA TRIGGER complaints_auditentry_move_head",
            "trigger complaints_auditentry",
        ),
        (CHECK, "constraint complaints_case case_status_known"),
        (
            f"{CHECK}; ALTER TABLE complaints_case ADD CONSTRAINT case_status_known CHECK (status <> '') NOT VALID",
            "constraint complaints_case case_status_known",
        ),
        ("ALTER TABLE complaints_message DROP CONSTRAINT message_sequence", "constraint complaints_message"),
        ("DROP INDEX message_unread", "index complaints_message message_unread"),
        (
            "CREATE OR REPLACE FUNCTION complaints_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'",
            "function complaints_append_only",
        ),
        ("ALTER FUNCTION complaints_move_head() RESET search_path", "function complaints_move_head"),
        ("ALTER FUNCTION complaints_move_head() SECURITY INVOKER", "function complaints_move_head"),
        ("DROP TABLE complaints_heartbeat", "table complaints_heartbeat"),
        ("ALTER TABLE complaints_message ENABLE ROW LEVEL SECURITY", "table complaints_message"),
        ("CREATE RULE x AS ON INSERT TO complaints_auditentry DO INSTEAD NOTHING", "rule complaints_auditentry x"),
        (
            "CREATE TRIGGER x BEFORE INSERT ON complaints_message FOR EACH ROW"
            " EXECUTE FUNCTION complaints_append_only()",
            "trigger complaints_message x",
        ),
        ("CREATE VIEW x AS SELECT 1", "view x"),
        ("CREATE TABLE x () INHERITS (complaints_verificationfault)", "table complaints_verificationfault INHERITED"),
        ("CREATE UNIQUE INDEX x ON complaints_verificationfault ((1))", "index complaints_verificationfault x unique"),
        (
            f"{PLPGSQL.format('x(text)', 'text')} IMMUTABLE; CREATE INDEX x ON complaints_verificationfault (x(code))",
            "index complaints_verificationfault x (expression)",
        ),
        ("ALTER TABLE complaints_case ADD CONSTRAINT x CHECK (status <> 'x')", "constraint complaints_case x check"),
        ("ALTER TABLE complaints_staff ALTER username DROP NOT NULL", "column complaints_staff username"),
        ("ALTER TABLE complaints_message ALTER batch SET DEFAULT 7", "column complaints_message batch"),
        ("CREATE POLICY x ON complaints_verificationfault USING (false)", "policy complaints_verificationfault x"),
        (
            f"{PLPGSQL.format('x()', 'event_trigger')}; CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION x()",
            "event trigger x",
        ),
        (f"CREATE SCHEMA x; {PLPGSQL.format('x.y()', 'trigger')}", "function x.y"),
        (PLPGSQL.format("count(uuid)", "bigint"), "function count plpgsql"),
        (PLPGSQL.format("pg_catalog.sha256(text)", "bytea"), "function pg_catalog.sha256"),
        (
            "CREATE OR REPLACE FUNCTION pg_catalog.pg_client_encoding() RETURNS name LANGUAGE sql STABLE PARALLEL SAFE"
            " STRICT AS 'SELECT ''UTF8''::name'",
            "function of the server changed pg_client_encoding()",
        ),
        ("CREATE OPERATOR = (LEFTARG = uuid, RIGHTARG = text, FUNCTION = x)", "operator ="),
        ("CREATE CAST (uuid AS text) WITH INOUT AS IMPLICIT", "cast uuid to text"),
        ("CREATE SCHEMA x; CREATE TABLE x.complaints_case AS TABLE complaints_case", "table x.complaints_case"),
        ("CREATE TEMPORARY TABLE complaints_case AS TABLE complaints_case", "schema in the search path pg_temp"),
        (
            f"{PLPGSQL.format('x()', 'trigger')}; ALTER EXTENSION plpgsql ADD FUNCTION x()",
            "extension plpgsql 1.0 with 1",
        ),
        (
            "SET LOCAL allow_system_table_mods = on;"
            " UPDATE pg_rewrite SET ev_enabled = 'O' WHERE ev_class = 'pg_roles'::regclass",
            "view of the server changed pg_roles",
        ),
        ("SET LOCAL session_replication_role = replica", "setting session_replication_role replica"),
        ("SET LOCAL constraint_exclusion = on", "setting constraint_exclusion on"),
        ("ALTER ROLE postgres SET search_path = x, public", "setting of role postgres search_path"),
        ("ALTER ROLE ALL SET session_preload_libraries = 'x'", "setting of the database session_preload_libraries"),
    ],
)
def test_what_is_missing_altered_or_too_much_is_named(db: None, harm: str, named: str) -> None:
    with connection.cursor() as cursor:
        if "CREATE OPERATOR" in harm:
            cursor.execute("CREATE FUNCTION x(uuid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        cursor.execute(harm)
    comparison = database_schema.compare()
    assert any(line.startswith(named) for line in (*comparison.missing, *comparison.surplus))
    messages = {message.id: message.msg for message in database_checks.check_database(None)}
    assert "portal.E033" in messages


def test_a_cut_restore_is_named(db: None) -> None:
    """Tables and rows, but nothing of what comes last in a dump: constraints, indexes, triggers."""
    with connection.cursor() as cursor:
        for table in ("complaints_message", "complaints_case", "complaints_auditentry"):
            cursor.execute(f"CREATE TABLE copy AS TABLE {table}")
            cursor.execute(f"DROP TABLE {table} CASCADE")
            cursor.execute(f"ALTER TABLE copy RENAME TO {table}")
    missing = database_schema.compare().missing
    assert len(missing) > 50
    assert {line.split()[0] for line in missing} >= {"constraint", "index", "trigger"}


def test_a_further_index_of_an_operator_does_no_harm(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX of_an_operator ON complaints_case (received_on)")
    assert database_schema.compare() == database_schema.Comparison(missing=[], surplus=[])


def test_a_further_table_is_named_once(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE x (LIKE complaints_case INCLUDING ALL)")
    assert database_schema.compare() == database_schema.Comparison(missing=[], surplus=["table x"])
