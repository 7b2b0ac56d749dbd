"""The five roles of PostgreSQL in a test database, under names of its own, and connections as one of them.

Roles belong to the whole cluster: the names carry that of the database, so that runs side by side do not meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.management import call_command
from django.db import connection

from complaints.database_roles import RoleNames, fetch
from complaints.management.commands.database_roles import VARIABLES

postgresql = connection.vendor == "postgresql"


@dataclass(frozen=True)
class Roles:
    """The names, and by kind ("web", "jobs", "backup", "erase", "owner") the settings of a connection that signs in."""

    names: RoleNames
    sign_in: dict[str, dict[str, Any]]
    printed: str


def role_names(*, suffix: str = "") -> RoleNames:
    database = str(connection.settings_dict["NAME"])
    return RoleNames(*(f"{database}{suffix}_{kind}"[-63:] for kind in ("owner", "web", "jobs", "backup", "erase")))


@contextmanager
def made(folder: Path, **options: Any) -> Iterator[Roles]:
    """Make the roles by the command that operators run, its files in ``folder``; in the end they are gone again."""
    names = role_names()
    runtime, owner = folder / "portal.env", folder / "owner.env"
    with (folder / "printed.txt").open("w") as out:
        try:
            call_command(
                "database_roles",
                owner=names.owner,
                web=names.web,
                jobs=names.jobs,
                backup=names.backup,
                erase=names.erase,
                env_file=runtime,
                owner_file=owner,
                stdout=out,
                **options,
            )
            out.flush()
            lines = (runtime.read_text() + owner.read_text()).splitlines()
            urls = dict(line.split("=", 1) for line in lines)
            sign_in = {kind: dict(dj_database_url.parse(urls[name])) for kind, name in VARIABLES.items()}
            yield Roles(names, sign_in, Path(out.name).read_text())
        finally:
            drop(names)


def drop(names: RoleNames) -> None:
    """Give everything back to whoever made the test database, and remove the roles."""
    with connection.cursor() as cursor:
        for role in (names.web, names.jobs, names.backup, names.erase, names.owner):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone():
                name = connection.ops.quote_name(role)
                cursor.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
                cursor.execute(f"DROP OWNED BY {name}")
                cursor.execute(f"DROP ROLE {name}")


@contextmanager
def signed_in(role: dict[str, Any]) -> Iterator[None]:
    """Let Django's connection be one of this role; what a test did before must be committed."""
    assert not connection.in_atomic_block
    before = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update(USER=role["USER"], PASSWORD=role["PASSWORD"])
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


@contextmanager
def acting(role: str) -> Iterator[None]:
    """Let the transaction that a test runs in have the rights of this role; cheaper than a login of its own."""
    ((before,),) = fetch("SELECT current_user::text")
    fetch("SELECT set_config('role', %s, false)", role)
    try:
        yield
    finally:
        # A statement that the database refused has ended the transaction, which takes the role back as well.
        if not connection.needs_rollback:
            fetch("SELECT set_config('role', %s, false)", before)


def run_within(context: Callable[[], AbstractContextManager[None]], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` so that it runs inside a new ``context`` each time."""

    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        with context():
            return function(*arguments, **named)

    return run
