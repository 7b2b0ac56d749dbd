"""Compares the structure of the database with what the migrations make of it: what could blind a verification of rows.

A trigger, rule, policy or view decides what a statement stores and reads. Names in a fault are those of objects, cut to
a fixed alphabet: whoever makes an object chooses its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.db import connection

from complaints import database_roles, database_schema
from complaints.domain.sealing.primitives import blake2b
from complaints.models.rights import RoleKind
from complaints.services.audit.faults import SUBJECT_CHARS, Fault

# Of more differences than this only the number is named.
NAMED_AT_MOST: Final = 50
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9_ .,:()=-]")
_ROLES: Final[tuple[tuple[RoleKind, str], ...]] = (
    ("web", "DATABASE_URL"),
    ("jobs", "DATABASE_JOBS_URL"),
    ("backup", "DATABASE_BACKUP_URL"),
    ("erase", "DATABASE_ERASE_URL"),
)


def structure_faults() -> list[Fault]:
    """Return a fault for each difference, NAMED_AT_MOST and one for the rest; raises DatabaseError."""
    comparison = database_schema.compare()
    # What was added explains what is missing then: a schema in front of ours hides every column of it.
    lines = [("structure.surplus", line) for line in comparison.surplus]
    lines += [("structure.rights", line) for line in _rights()]
    lines += [("structure.missing", line) for line in sorted(comparison.missing, key=_is_column)]
    faults = [_fault(code, line) for code, line in lines[:NAMED_AT_MOST]]
    if rest := lines[NAMED_AT_MOST:]:
        faults.append(
            Fault(None, rest[0][0], f"and {len(rest)} more", _digest("\n".join(line for _code, line in rest)))
        )
    return faults


def _is_column(line: str) -> bool:
    return line.startswith("column ")


def _fault(code: str, line: str) -> Fault:
    return Fault(None, code, _UNUSUAL.sub("?", line)[:SUBJECT_CHARS], _digest(line))


def _digest(text: str) -> str:
    return blake2b(text.encode(), person=b"structure").hex()


def _rights() -> Iterator[str]:
    """Yield how the runtime roles differ from their lines; nothing where this process knows of no roles."""
    roles: dict[str, dict[str, Any]] = settings.DATABASE_ROLES
    if connection.vendor != "postgresql" or "DATABASE_JOBS_URL" not in roles:
        return
    for kind, variable in _ROLES:
        role = str(roles.get(variable, {}).get("USER") or "")
        for words in (*database_roles.powers(role), *database_roles.differences(role, kind)) if role else ():
            yield f"{role} {words}"
