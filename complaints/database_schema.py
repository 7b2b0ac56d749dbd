"""What keeps rows true in PostgreSQL beside the columns: constraints, indexes, triggers, functions, rules.

``data/schema.txt`` holds the lines of a migrated empty database; a test compares it with one and writes it anew. The
deployment check compares it with the database in use, so that a half-restored one is named. Names, columns, the source
of functions and states are compared, not deparsed text, which differs between versions of PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection

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
_TABLES: Final = f"""
SELECT concat_ws(' ', 'table', t.relname, CASE WHEN t.relrowsecurity THEN 'ROW SECURITY' END,
    CASE WHEN t.relpersistence <> 'p' THEN 'NOT LOGGED' END)
FROM pg_class t WHERE {_OF_TABLES}
"""  # noqa: S608
_RULES: Final = f"""
SELECT concat_ws(' ', 'rule', t.relname, r.rulename) FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class
WHERE {_OF_TABLES}
"""  # noqa: S608
_QUERIES: Final = (_TABLES, _CONSTRAINTS, _INDEXES, _TRIGGERS, _FUNCTIONS, _RULES)
# Kinds of which a table of the portal must have no more than the record says: they change what a statement does. A
# further index or constraint of an operator does no harm.
_NO_MORE: Final = ("trigger", "rule")


@dataclass(frozen=True)
class Comparison:
    """Lines of the record that the database lacks, and lines of the database that must not be there."""

    missing: list[str]
    surplus: list[str]


def present() -> set[str]:
    """Return the lines of the connected PostgreSQL database."""
    with connection.cursor() as cursor:
        lines: set[str] = set()
        for query in _QUERIES:
            cursor.execute(query)
            lines |= {str(line) for (line,) in cursor.fetchall()}
        return lines


def recorded() -> set[str]:
    """Return the lines of a migrated empty database."""
    return set(RECORD.read_text(encoding="ascii").splitlines())


def compare() -> Comparison:
    """Compare the connected PostgreSQL database with the record; what was altered is missing in its right form."""
    have, should = present(), recorded()
    tables = {line.split()[1] for line in should if line.startswith("table ")}
    surplus = {line for line in have - should if line.startswith(_NO_MORE) and line.split()[1] in tables}
    return Comparison(missing=sorted(should - have), surplus=sorted(surplus))
