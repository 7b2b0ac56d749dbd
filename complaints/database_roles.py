"""Roles of PostgreSQL: the SQL that makes them and grants their rights, and the comparison with what a database grants.

An owner role owns the tables and migrates; the web server, the job runner, backups and erasing sign in as roles that
may do what ``complaints.models.rights`` lists. Rights are compared as PostgreSQL would decide them
(``has_column_privilege``), with what comes through PUBLIC or another role, and not by the text of a grant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from complaints.models.rights import LINES, RoleKind, columns, stored_models

KINDS: Final[tuple[RoleKind, ...]] = ("web", "jobs", "backup", "erase")
# No role may become another, make roles or databases, or go round row security.
ATTRIBUTES: Final = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_UNSAFE: Final = {
    "rolsuper": "is a superuser",
    "rolcreatedb": "may make databases",
    "rolcreaterole": "may make roles",
    "rolreplication": "may replicate",
    "rolbypassrls": "bypasses row security",
}
MIGRATIONS: Final = "django_migrations"
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Relations that hold or show rows, and the sequences behind keys; not those of an extension.
_RELATIONS: Final = """
SELECT c.oid, c.relname, c.relkind, pg_get_userbyid(c.relowner)
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                  AND d.deptype = ANY(%s))
ORDER BY c.relname
"""
_FUNCTIONS: Final = """
SELECT p.oid, p.oid::regprocedure::text, pg_get_userbyid(p.proowner)
FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass
                  AND d.deptype = 'e')
ORDER BY 2
"""


@dataclass(frozen=True)
class RoleNames:
    """Names of the five roles; roles belong to a whole cluster, so two portals in one need names of their own."""

    owner: str = "kanal_owner"
    web: str = "kanal_web"
    jobs: str = "kanal_jobs"
    backup: str = "kanal_backup"
    erase: str = "kanal_erase"

    def __post_init__(self) -> None:
        """Raise ValueError for a name that would need quoting, or one that is given twice."""
        names = (self.owner, self.web, self.jobs, self.backup, self.erase)
        if len(set(names)) < len(names) or not all(_NAME.fullmatch(name) for name in names):
            raise ValueError(names)

    def of(self, kind: RoleKind) -> str:
        """Return the name of the role of this kind."""
        return {"web": self.web, "jobs": self.jobs, "backup": self.backup, "erase": self.erase}[kind]


def fetch(query: str, *parameters: str | int | Sequence[str] | Sequence[int]) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))  # type: ignore[arg-type]  # psycopg sends lists as arrays
        return list(cursor.fetchall())


def exists(role: str) -> bool:
    """Whether the cluster has a role of this name."""
    return bool(fetch("SELECT 1 FROM pg_roles WHERE rolname = %s", role))


# --- Statements that make the roles and hand the database over --------------------------------------------------------


def role_statements(role: str) -> Iterator[str]:
    """Yield what gives a role its attributes and takes its memberships away; nothing where they are right."""
    if not exists(role):
        yield f"CREATE ROLE {_quote(role)} {ATTRIBUTES}"
        return
    wrong = " OR ".join((*_UNSAFE, "NOT rolcanlogin"))
    if fetch(f"SELECT 1 FROM pg_roles WHERE rolname = %s AND ({wrong})", role):  # noqa: S608  conditions of _UNSAFE
        yield f"ALTER ROLE {_quote(role)} {ATTRIBUTES}"
    for group in _memberships(role):
        yield f"REVOKE {_quote(group)} FROM {_quote(role)}"


def ownership_statements(owner: str) -> Iterator[str]:
    """Yield what gives the database, its tables and functions to the owner role; nothing where they are its own."""
    ((database, database_owner, schema, schema_owner),) = fetch(
        "SELECT datname, pg_get_userbyid(datdba), nspname, pg_get_userbyid(nspowner) FROM pg_database, pg_namespace"
        " WHERE datname = current_database() AND nspname = current_schema()"
    )
    if database_owner != owner:
        yield f"ALTER DATABASE {_quote(database)} OWNER TO {_quote(owner)}"
    # From PostgreSQL 15 on, the schema belongs to whoever owns the database.
    if schema_owner not in (owner, "pg_database_owner"):
        yield f"ALTER SCHEMA {_quote(schema)} OWNER TO {_quote(owner)}"
    # A sequence behind a column goes with its table.
    for _oid, name, kind, present in fetch(_RELATIONS, ["e", "a", "i"]):
        if present != owner:
            yield f"ALTER {'SEQUENCE' if kind == 'S' else 'TABLE'} {_quote(name)} OWNER TO {_quote(owner)}"
    for _oid, signature, present in fetch(_FUNCTIONS):
        if present != owner:
            yield f"ALTER FUNCTION {signature} OWNER TO {_quote(owner)}"


def grant_statements(names: RoleNames) -> Iterator[str]:
    """Yield what takes every right from the runtime roles and PUBLIC, then grants those of their lines.

    Run in one transaction, so that no moment is without rights, by the owner role or a superuser.
    """
    all_roles = ", ".join(_quote(names.of(kind)) for kind in KINDS)
    ((database, schema),) = fetch("SELECT current_database(), current_schema()")
    for place in (f"DATABASE {_quote(database)}", f"SCHEMA {_quote(schema)}"):
        yield f"REVOKE ALL ON {place} FROM PUBLIC, {all_roles}"
    yield f"GRANT CONNECT ON DATABASE {_quote(database)} TO {all_roles}"
    yield f"GRANT USAGE ON SCHEMA {_quote(schema)} TO {all_roles}"
    relations = fetch(_RELATIONS, ["e"])
    for _oid, name, kind, _owner in relations:
        yield f"REVOKE ALL ON {'SEQUENCE' if kind == 'S' else 'TABLE'} {_quote(name)} FROM PUBLIC, {all_roles}"
        if kind == "S":
            # pg_dump reads where a sequence stands.
            yield f"GRANT SELECT ON SEQUENCE {_quote(name)} TO {_quote(names.backup)}"
    # A function that runs with its owner's rights could else be made the trigger of somebody's own table.
    for _oid, signature, _owner in fetch(_FUNCTIONS):
        yield f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, {all_roles}"
    yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {_quote(names.owner)} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"
    tables = {name for _oid, name, _kind, _owner in relations}
    for role in KINDS:
        yield from _table_grants(role, _quote(names.of(role)), tables)


def _table_grants(kind: RoleKind, role: str, tables: set[str]) -> Iterator[str]:
    for table, rights in _expected(kind).items():
        # Before the first migration there are none.
        if table not in tables:
            continue
        words = [
            f"{right} ({', '.join(_quote(column) for column in sorted(named))})" if right == "UPDATE" else right
            for right, named in sorted(rights.items())
        ]
        if words:
            yield f"GRANT {', '.join(words)} ON TABLE {_quote(table)} TO {role}"


def _quote(name: str) -> str:
    return str(connection.ops.quote_name(name))


def _memberships(role: str) -> list[str]:
    query = "SELECT pg_get_userbyid(m.roleid) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
    query += " WHERE r.rolname = %s ORDER BY 1"
    return [group for (group,) in fetch(query, role)]


# --- Comparison -------------------------------------------------------------------------------------------------------

# The columns on which a role has a right; the whole table is named by an empty set.
_Rights = dict[str, set[str]]
_WHOLE: Final[set[str]] = set()


def _expected(kind: RoleKind) -> dict[str, _Rights]:
    """Return by table, then by right, the columns on which a role of ``kind`` has it."""
    # No model has Django's list of applied migrations, and a restored portal needs it.
    tables: dict[str, _Rights] = {MIGRATIONS: {"SELECT": set(_WHOLE)}} if kind == "backup" else {}
    models = stored_models()
    for label, line in LINES.items():
        # A line whose model is gone speaks of no table; a test names it.
        if label not in models:
            continue
        rights, expected = line.of(kind), _Rights()
        whole = {"SELECT": rights.read, "INSERT": rights.insert, "DELETE": rights.delete}
        expected |= {right: set(_WHOLE) for right, granted in whole.items() if granted}
        if rights.update:
            expected["UPDATE"] = set(columns(models[label], rights.update))
        tables[models[label]._meta.db_table] = expected
    return tables


_TABLE_RIGHTS: Final = """
SELECT c.relname, p.name FROM pg_class c, unnest(%s::text[]) AS p(name)
WHERE c.oid = ANY(%s::oid[]) AND has_table_privilege(%s, c.oid, p.name)
"""
_COLUMN_RIGHTS: Final = """
SELECT c.relname, p.name, a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
     unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p(name)
WHERE c.oid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND has_column_privilege(%s, c.oid, a.attnum, p.name)
"""
_WHOLE_ONLY: Final = ["SELECT", "INSERT", "DELETE", "TRUNCATE", "TRIGGER"]


def _present(role: str) -> dict[str, _Rights]:
    """Return by table, then by right, the columns on which a role has it; shaped as :func:`_expected`."""
    tables: dict[str, _Rights] = defaultdict(dict)
    relations = [oid for oid, _name, kind, _owner in fetch(_RELATIONS, ["e"]) if kind != "S"]
    for table, right in fetch(_TABLE_RIGHTS, _WHOLE_ONLY, relations, role):
        tables[table][right] = set(_WHOLE)
    for table, right, column in fetch(_COLUMN_RIGHTS, relations, role):
        # Reading and inserting are whole or not at all; a part of the columns is a right that no line gives.
        if right not in ("SELECT", "INSERT") or tables[table].get(right) != _WHOLE:
            tables[table].setdefault(right, set()).add(column)
    return tables


def differences(role: str, kind: RoleKind) -> list[str]:
    """Return in sentences how the rights of ``role`` differ from those of ``kind``; an empty list where they agree."""
    present, expected = _present(role), _expected(kind)
    wrong = []
    for table in sorted({*present, *expected}):
        has, should = present.get(table, {}), expected.get(table, {})
        surplus = _words(has, should)
        missing = _words(should, has)
        wrong += [f"{table}: has {word}" for word in surplus] + [f"{table}: lacks {word}" for word in missing]
    return wrong + [f"may {what}" for what in _beyond_tables(role, kind)]


def _words(left: _Rights, right: _Rights) -> Iterator[str]:
    """Yield the rights that only ``left`` has, with the columns of an UPDATE."""
    for name in sorted(left):
        if name not in right or (bool(left[name]) != bool(right[name])):
            yield f"{name} ({', '.join(sorted(left[name]))})" if left[name] else name
        elif lone := left[name] - right[name]:
            yield f"{name} ({', '.join(sorted(lone))})"


_BEYOND: Final = """
SELECT what FROM (VALUES
  ('make objects in the schema', has_schema_privilege(%(role)s, current_schema(), 'CREATE')),
  ('make schemas', has_database_privilege(%(role)s, current_database(), 'CREATE')),
  ('make temporary tables', has_database_privilege(%(role)s, current_database(), 'TEMP'))
) AS rights(what, granted) WHERE granted
"""


def _beyond_tables(role: str, of: RoleKind) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND, {"role": role})
        yield from (what for (what,) in cursor.fetchall())
    for oid, signature, _owner in fetch(_FUNCTIONS):
        if fetch("SELECT 1 WHERE has_function_privilege(%s, %s::oid, 'EXECUTE')", role, oid):
            yield f"call {signature}"
    for oid, name, kind, _owner in fetch(_RELATIONS, ["e"]):
        right = "USAGE, UPDATE" if of == "backup" else "USAGE, SELECT, UPDATE"
        if kind == "S" and fetch("SELECT 1 WHERE has_sequence_privilege(%s, %s::oid, %s)", role, oid, right):
            yield f"use the sequence {name}"
    if connection.pg_version >= 150000 and fetch(  # type: ignore[attr-defined]  # of Django's PostgreSQL backend
        "SELECT 1 WHERE has_parameter_privilege(%s, 'session_replication_role', 'SET')", role
    ):
        yield "set session_replication_role, which switches triggers off"


def powers(role: str) -> list[str]:
    """Return in words what makes a role more than a runtime role: attributes, memberships, what it owns."""
    names = ", ".join(_UNSAFE)
    rows = fetch(f"SELECT {names} FROM pg_roles WHERE rolname = %s", role)  # noqa: S608  columns of _UNSAFE
    if not rows:
        return ["does not exist"]
    unsafe = [words for words, is_set in zip(_UNSAFE.values(), rows[0], strict=True) if is_set]
    unsafe += [f"is a member of {group}" for group in _memberships(role)]
    owned = {
        "the database": "SELECT 1 FROM pg_database WHERE datname = current_database() AND pg_get_userbyid(datdba) = %s",
        "the schema": "SELECT 1 FROM pg_namespace WHERE nspname = current_schema() AND pg_get_userbyid(nspowner) = %s",
    }
    things = [what for what, query in owned.items() if fetch(query, role)]
    things += _owned_by(role, fetch(_RELATIONS, ["e"]), place=3) + _owned_by(role, fetch(_FUNCTIONS), place=2)
    return unsafe + [f"owns {thing}" for thing in things]


def _owned_by(role: str, rows: Iterable[tuple[Any, ...]], *, place: int) -> list[str]:
    return [str(row[1]) for row in rows if row[place] == role]
