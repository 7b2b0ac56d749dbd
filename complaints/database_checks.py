"""Deployment checks of the database: the roles that the portal signs in as, and what keeps rows true in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError, connection

from complaints import database_roles, database_schema
from complaints.models.rights import RoleKind
from complaints.services.backup import restoring

TAG = "portal"
# As many differences as one message names; the command names them all.
NAMED = 5
# Beside its workers, what a job runner keeps connected: its sentinel, its pusher and its monitor.
JOB_PROCESSES = 3
# A worker has another one for a moment, by which it renews the lease of its job.
JOB_CONNECTIONS = 2
# Where a web server is replaced, another one takes what comes (deploy/reload-web); one node after the other.
STANDBY = 1
# Left for migrate, backup and a person at the prompt.
COMMANDS = 3


def _error(number: str, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"{TAG}.{number}")


@register(TAG, deploy=True)
def check_database(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check roles and structure on PostgreSQL; on SQLite that the portal is not a public one."""
    if connection.vendor != "postgresql":
        return list(_sqlite())
    try:
        return [
            *_owner_at_hand(),
            *_roles(),
            *_structure(),
            *_connections(),
            *_commit_times(),
            *_restoration(),
        ]
    except DatabaseError as error:
        hint = "Is DATABASE_URL right, and has migrate been run? Nothing of roles and structure was compared."
        return [_error("E051", f"Roles and structure of the database cannot be read ({type(error).__name__}).", hint)]


def _sqlite() -> Iterator[CheckMessage]:
    if settings.PUBLIC_ORIGIN.startswith("https:"):
        hint = "Set DATABASE_URL to a database of PostgreSQL and run manage.py database_roles."
        text = "The database is SQLite, which has no roles: whoever runs code in the portal could rewrite the chain."
        yield _error("E030", text, hint)


def _owner_at_hand() -> Iterator[CheckMessage]:
    at_hand = [name for name in ("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL") if name in settings.DATABASE_ROLES]
    if at_hand:
        hint = "Keep it in a file that no service reads, and set it for migrate and database_roles alone."
        yield _error("E034", f"{' and '.join(at_hand)} can be read by this process.", hint)


def _roles() -> Iterator[CheckMessage]:
    ((role,),) = database_roles.fetch("SELECT session_user::text")
    yield from _role(role, ("web", "jobs"))
    others: tuple[tuple[RoleKind, str], ...] = (
        ("jobs", "DATABASE_JOBS_URL"),
        ("backup", "DATABASE_BACKUP_URL"),
        ("erase", "DATABASE_ERASE_URL"),
    )
    for kind, variable in others:
        other: dict[str, Any] = settings.DATABASE_ROLES.get(variable, {})
        if other.get("USER") and other["USER"] != role:
            yield from _role(other["USER"], (kind,))


def _role(role: str, kinds: tuple[RoleKind, ...]) -> Iterator[CheckMessage]:
    """Check one role; of several kinds the one that it is most like."""
    if powers := database_roles.powers(role):
        hint = "Run manage.py database_roles, and let DATABASE_URL name the web server's role or the job runner's."
        yield _error("E031", f"The portal's database role {role} {_some(powers)}.", hint)
        return
    wrong = min((database_roles.differences(role, kind) for kind in kinds), key=len)
    if wrong:
        hint = "Run manage.py database_roles as the owner; it is due after each migrate. With --check it names all."
        yield _error("E032", f"Rights of the database role {role} are not the portal's: {_some(wrong)}.", hint)


def _structure() -> Iterator[CheckMessage]:
    comparison = database_schema.compare()
    differences = [f"missing or altered: {line}" for line in comparison.missing]
    differences += [f"not the portal's: {line}" for line in comparison.surplus]
    if differences:
        hint = (
            "A restore was cut, or somebody switched a safeguard off. Restore it whole into an empty database (psql "
            "with ON_ERROR_STOP=1, pg_restore with --exit-on-error); after an upgrade run migrate."
        )
        yield _error("E033", f"The database is not as the migrations make it. {_some(differences)}.", hint)


def _connections() -> Iterator[CheckMessage]:
    """Compare the connections that all nodes may open at once with those that the server admits to such roles."""
    ((admitted,),) = database_roles.fetch(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    )
    needed = connections_needed()
    if needed > admitted:
        hint = (
            "Raise max_connections, or lower WEB_WORKERS or DATABASE_POOL_SIZE. WEB_NODES and JOB_NODES tell how many "
            "machines there are."
        )
        text = f"The nodes may open {needed} connections to the database at once; its server admits {admitted}."
        yield _error("E050", text, hint)


def connections_needed() -> int:
    """Return how many connections the nodes open at most, with a few for commands and maintenance."""
    processes, each = settings.WEB_WORKERS, settings.DATABASE_POOL_SIZE or settings.WEB_THREADS
    jobs = int(str(settings.Q_CLUSTER["workers"])) * JOB_CONNECTIONS + JOB_PROCESSES
    return (settings.WEB_NODES + STANDBY) * processes * each + settings.JOB_NODES * jobs + COMMANDS


def _commit_times() -> Iterator[CheckMessage]:
    ((kept,),) = database_roles.fetch("SELECT current_setting('track_commit_timestamp')")
    if kept != "off":
        hint = "Set track_commit_timestamp = off in postgresql.conf and restart PostgreSQL, which then drops them."
        yield _error("E061", "PostgreSQL keeps the hour of each transaction, and so when reporters wrote.", hint)


def _restoration() -> Iterator[CheckMessage]:
    if restoring.is_unfinished():
        hint = "Drop the database, empty the evidence storage, and run manage.py restore again until it says all whole."
        yield _error("E070", "A backup was being restored into this database, and that has not ended.", hint)


def _some(words: list[str]) -> str:
    rest = f"; and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return "; ".join(words[:NAMED]) + rest
