"""What the migrations make of a database, and what somebody has added: tables, constraints, triggers, functions, rules.

``data/schema.txt`` holds the lines of a migrated empty PostgreSQL database; a test compares it with one and writes it
anew. The deployment check and the nightly verification compare it with the database in use. Names, columns, the source
of functions and states are compared, not deparsed text, which differs between versions of PostgreSQL. What goes beyond
the record is named, unless it is an index that changes the result of no statement. On SQLite the triggers are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from django.db import connection

from complaints.models import triggers

RECORD: Final = Path(__file__).resolve().parent / "data" / "schema.txt"
# What the queries below put in are these two constants, nothing from outside (S608).
_HERE: Final = "current_schema()::regnamespace"
_OF_TABLES: Final = f"t.relnamespace = {_HERE} AND t.relkind IN ('r', 'p')"

# A foreign key is held by triggers of the server's own, which DISABLE TRIGGER ALL switches off as well. The columns of
# a CHECK have no order; NOT NULL, which newer servers list too, belongs to the columns.
_CONSTRAINTS: Final = f"""
SELECT concat_ws(' ', 'constraint', t.relname, c.conname,
    CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
        WHEN 'c' THEN 'check' ELSE 'exclude' END
    || '(' || (SELECT coalesce(string_agg(a.attname, ','
            ORDER BY CASE WHEN c.contype <> 'c' THEN k.place END, a.attname), '')
        FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) || ')',
    'to ' || f.relname,
    CASE WHEN NOT c.convalidated THEN 'NOT VALIDATED' END,
    CASE WHEN EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgconstraint = c.oid AND g.tgenabled <> 'O')
        THEN 'DISABLED' END)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid LEFT JOIN pg_class f ON f.oid = c.confrelid
WHERE {_OF_TABLES} AND c.contype IN ('p', 'u', 'f', 'c', 'x')
"""  # noqa: S608
_INDEXES: Final = f"""
SELECT concat_ws(' ', 'index', t.relname, n.relname, CASE WHEN i.indisunique THEN 'unique' END,
    CASE WHEN i.indisexclusion THEN 'exclusion' END,
    '(' || (SELECT string_agg(coalesce(a.attname, 'expression'), ',' ORDER BY k.place)
        FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0) || ')',
    CASE WHEN i.indpred IS NOT NULL THEN 'partial' END,
    CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'INVALID' END)
FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE {_OF_TABLES}
"""  # noqa: S608
_TRIGGERS: Final = f"""
SELECT concat_ws(' ', 'trigger', t.relname, g.tgname, 'type ' || g.tgtype, 'calls ' || p.proname,
    CASE WHEN g.tgqual IS NOT NULL OR g.tgattr::text <> '' THEN 'CONDITIONAL' END,
    CASE WHEN g.tgenabled <> 'O' THEN 'DISABLED' END)
FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
WHERE {_OF_TABLES} AND NOT g.tgisinternal
"""  # noqa: S608
_FUNCTIONS: Final = f"""
SELECT concat_ws(' ', 'function', p.proname, l.lanname, CASE WHEN p.prosecdef THEN 'as its owner' END,
    array_to_string(p.proconfig, ' '), 'sha256 ' || encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'))
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = {_HERE} AND NOT EXISTS (SELECT 1 FROM pg_depend d
    WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
"""  # noqa: S608
# Sequences and composite types change no statement of the portal; a table that inherits adds its rows to its parent's.
_TABLES: Final = f"""
SELECT concat_ws(' ', CASE t.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
        WHEN 'f' THEN 'foreign table' ELSE 'table' END, t.relname, CASE WHEN t.relrowsecurity THEN 'ROW SECURITY' END,
    CASE WHEN t.relpersistence <> 'p' THEN 'NOT LOGGED' END,
    CASE WHEN EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = t.oid) THEN 'INHERITED' END)
FROM pg_class t WHERE t.relnamespace = {_HERE} AND t.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
    SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
"""  # noqa: S608
# A column that is NOT NULL by the catalogue alone lets the planner leave out what is NULL in it.
_COLUMNS: Final = f"""
SELECT concat_ws(' ', 'column', t.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'not null' END, CASE WHEN a.atthasdef AND a.attgenerated = '' THEN 'default' END,
    CASE WHEN a.attgenerated <> '' THEN 'generated' END, CASE WHEN a.attidentity <> '' THEN 'identity' END,
    CASE WHEN a.attcollation <> y.typcollation THEN 'collated' END)
FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_type y ON y.oid = a.atttypid
WHERE {_OF_TABLES} AND a.attnum > 0 AND NOT a.attisdropped
"""  # noqa: S608
_RULES: Final = f"""
SELECT concat_ws(' ', 'rule', t.relname, r.rulename) FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class
WHERE {_OF_TABLES}
UNION ALL
SELECT concat_ws(' ', 'policy', t.relname, p.polname) FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid
WHERE {_OF_TABLES}
"""  # noqa: S608
_QUERIES: Final = (_TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _FUNCTIONS, _RULES)

# --- What a migrated database has nothing of --------------------------------------------------------------------------

# Object ids from here on are given after initdb. Transactions of initdb have numbers below FIRST_TRANSACTION.
_FIRST_ID: Final = 16384
_FIRST_TRANSACTION: Final = 1000
_ADDED: Final = {
    "operator": ("pg_operator", "oprname"),
    "operator class": ("pg_opclass", "opcname"),
    "operator family": ("pg_opfamily", "opfname"),
    "language": ("pg_language", "lanname"),
    "collation": ("pg_collation", "collname"),
    "conversion": ("pg_conversion", "conname"),
    "event trigger": ("pg_event_trigger", "evtname"),
}
_MEMBER: Final = "EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = o.oid AND d.classid = '{0}'::regclass"
_MEMBER_OF_EXTENSION: Final = _MEMBER + " AND d.deptype = 'e')"
# What belongs to an extension is named with it, by its number of objects: a function can be made a member by hand.
_EXTENSIONS: Final = f"""
SELECT concat_ws(' ', 'extension', e.extname, e.extversion, 'with', count(d.objid), 'objects')
FROM pg_extension e LEFT JOIN pg_depend d ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass
    AND d.deptype = 'e' AND d.objid >= {_FIRST_ID}
GROUP BY e.oid, e.extname, e.extversion HAVING e.oid >= {_FIRST_ID} OR count(d.objid) > 0
"""  # noqa: S608
# An event trigger acts on every statement, whoever made it.
_ADDITIONS: Final = tuple(
    f"SELECT '{kind} ' || o.{column} FROM {catalogue} o WHERE o.oid >= {_FIRST_ID}"  # noqa: S608
    + ("" if kind == "event trigger" else f" AND NOT {_MEMBER_OF_EXTENSION.format(catalogue)}")
    for kind, (catalogue, column) in _ADDED.items()
)
# A function in a schema of its own can be called by a trigger or an index of ours, and one among the server's own
# functions stands in for them.
_FUNCTIONS_ELSEWHERE: Final = f"""
SELECT concat_ws(' ', 'function', n.nspname || '.' || o.proname) FROM pg_proc o
JOIN pg_namespace n ON n.oid = o.pronamespace
WHERE o.oid >= {_FIRST_ID} AND o.pronamespace <> {_HERE} AND NOT {_MEMBER_OF_EXTENSION.format("pg_proc")}
"""  # noqa: S608
_CASTS: Final = f"""
SELECT concat_ws(' ', 'cast', o.castsource::regtype, 'to', o.casttarget::regtype) FROM pg_cast o
WHERE o.oid >= {_FIRST_ID} AND NOT {_MEMBER_OF_EXTENSION.format("pg_cast")}
"""  # noqa: S608
_OWN_CATALOGUE: Final = " UNION ALL ".join(
    f"SELECT '{kind} of the server changed ' || {name} FROM {catalogue} o"  # noqa: S608
    f" WHERE oid < {_FIRST_ID} AND xmin::text::bigint >= {_FIRST_TRANSACTION}"
    for kind, name, catalogue in (
        ("function", "oid::regprocedure", "pg_proc"),
        ("operator", "oid::regoperator", "pg_operator"),
        ("cast", "castsource::regtype || ' to ' || casttarget::regtype", "pg_cast"),
        ("operator class", "opcname", "pg_opclass"),
        ("operator of a family", "amopopr::regoperator", "pg_amop"),
        ("function of a family", "amproc::text", "pg_amproc"),
        ("type", "typname", "pg_type"),
        ("language", "lanname", "pg_language"),
        ("view", "ev_class::regclass", "pg_rewrite"),
    )
)
# Names of the portal's tables in other schemas: by search_path they would stand in for them, for one role alone.
_TABLES_ELSEWHERE: Final = f"""
SELECT concat_ws(' ', 'table', n.nspname || '.' || t.relname) FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND t.relnamespace <> {_HERE}
    AND EXISTS (SELECT 1 FROM pg_class h WHERE h.relnamespace = {_HERE} AND h.relname = t.relname)
    AND NOT pg_is_other_temp_schema(t.relnamespace)
"""  # noqa: S608
_SUBSCRIPTIONS: Final = """
SELECT 'subscription ' || s.subname FROM pg_subscription s JOIN pg_database b ON b.oid = s.subdbid
WHERE b.datname = current_database()
"""
# Settings of a session that decide what a statement does, each with its only value.
_SETTINGS: Final = {
    "session_replication_role": "origin",
    "row_security": "on",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "zero_damaged_pages": "off",
    "ignore_system_indexes": "off",
    "allow_system_table_mods": "off",
    "constraint_exclusion": "partition",
    "transform_null_equals": "off",
    "default_transaction_read_only": "off",
}
# The view leaves out what a role may not read, where current_setting() would end the whole comparison.
_SESSION: Final = " UNION ALL ".join(
    f"SELECT 'setting ' || name || ' ' || setting FROM pg_settings WHERE name = '{name}' AND setting <> '{value}'"  # noqa: S608  constants of this file
    for name, value in _SETTINGS.items()
)
_SEARCH_PATH: Final = """
SELECT 'schema in the search path ' || name FROM unnest(current_schemas(true)) AS path(name)
WHERE name NOT IN ('pg_catalog', current_schema())
"""
# What an operator may give a role or a database; any other setting could lead one role elsewhere than the others.
_HARMLESS: Final = (
    *("application_name", "client_encoding", "default_transaction_isolation", "effective_cache_size"),
    *(
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "jit",
        "lock_timeout",
        "log_min_duration_statement",
    ),
    *("log_statement", "maintenance_work_mem", "random_page_cost", "statement_timeout", "temp_file_limit", "timezone"),
    *("transaction_timeout", "work_mem"),
)
_OF_ROLES: Final = f"""
SELECT DISTINCT concat_ws(' ', 'setting of', coalesce('role ' || r.rolname, 'the database'), split_part(c, '=', 1))
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND (s.setrole = 0 OR has_schema_privilege(s.setrole, current_schema(), 'USAGE'))
    AND lower(split_part(c, '=', 1)) NOT IN ({", ".join(f"'{name}'" for name in _HARMLESS)})
"""  # noqa: S608
_NEVER: Final = (
    *(_EXTENSIONS, *_ADDITIONS, _FUNCTIONS_ELSEWHERE, _CASTS, _OWN_CATALOGUE, _TABLES_ELSEWHERE, _SUBSCRIPTIONS),
    *(_SESSION, _SEARCH_PATH, _OF_ROLES),
)
# Lines of what a table consists of, which begin with its name.
_PARTS: Final = ("column ", "constraint ", "index ")


@dataclass(frozen=True)
class Comparison:
    """Lines of the record that the database lacks, and lines of the database that must not be there."""

    missing: list[str]
    surplus: list[str]


def present() -> set[str]:
    """Return the lines of the connected PostgreSQL database."""
    return _lines(_QUERIES)


def _lines(queries: tuple[str, ...]) -> set[str]:
    with connection.cursor() as cursor:
        lines: set[str] = set()
        for query in queries:
            cursor.execute(query)
            lines |= {str(line) for (line,) in cursor.fetchall()}
        return lines


def recorded() -> set[str]:
    """Return the lines of a migrated empty PostgreSQL database."""
    return set(RECORD.read_text(encoding="ascii").splitlines())


def compare() -> Comparison:
    """Compare the connected database with what the migrations make; what was altered is missing in its right form.

    Raises DatabaseError where the role may not read the catalogue.
    """
    if connection.vendor == "sqlite":
        return _compare_sqlite()
    have, should = present(), recorded()
    tables = {line.split()[1] for line in should if line.startswith("table ")}
    # A further table is named once, without what it consists of.
    parts = {line for line in have - should if line.startswith(_PARTS) and line.split()[1] not in tables}
    surplus = {line for line in have - should - parts if not _is_plain_index(line)} | _lines(_NEVER)
    return Comparison(missing=sorted(should - have), surplus=sorted(surplus))


def _is_plain_index(line: str) -> bool:
    """Whether an index changes no result: it refuses no row and calls no function."""
    words = line.split()
    return words[0] == "index" and not {"unique", "exclusion", "partial"} & set(words[3:]) and "expression" not in line


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _compare_sqlite() -> Comparison:
    """Compare the triggers by their statements, and name views and triggers of this connection alone."""
    should: list[str] = []
    editor = SimpleNamespace(connection=connection, execute=should.append)
    triggers.install_append_only(editor)
    triggers.install_move_head(editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
            " UNION ALL SELECT type, name, tbl_name, sql FROM sqlite_temp_master WHERE type IN ('trigger', 'view')"
        )
        rows = cursor.fetchall()
    have = {
        statement: f"trigger {table} {name}" if kind == "trigger" else f"view {name}"
        for kind, name, table, statement in rows
    }
    missing = [f"trigger {words[words.index('ON') + 1]} {words[2]}" for words in _split(set(should) - set(have))]
    surplus = [name for statement, name in have.items() if statement not in should]
    return Comparison(missing=sorted(missing), surplus=sorted(surplus))


def _split(statements: set[str]) -> list[list[str]]:
    return [statement.split() for statement in statements]
