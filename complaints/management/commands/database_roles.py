"""``manage.py database_roles``: make PostgreSQL's five roles, hand the database over to the owner, grant the rights.

An operator runs it once for an installation, and after each ``migrate``, because a new table grants nothing to anybody.
Making roles and handing over need a superuser (DATABASE_ADMIN_URL); granting alone does with DATABASE_OWNER_URL.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction

from complaints import database_roles
from complaints.adapters import private_file
from complaints.database_roles import RoleNames
from complaints.services.backup import restoring

PASSWORD_BYTES = 32
VARIABLES = {
    "owner": "DATABASE_OWNER_URL",
    "web": "DATABASE_URL",
    "jobs": "DATABASE_JOBS_URL",
    "backup": "DATABASE_BACKUP_URL",
    "erase": "DATABASE_ERASE_URL",
}


class Command(BaseCommand):
    """Prints what it does and no password; a second run changes nothing but to grant the same rights again."""

    help = "Make the database's roles, hand it over to the owner role, and grant the runtime roles their rights."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; none takes a password, because others can read a command line."""
        names = RoleNames()
        parser.add_argument("--owner", default=names.owner, help="Role that owns the tables and migrates.")
        parser.add_argument("--web", default=names.web, help="Role of the web server.")
        parser.add_argument("--jobs", default=names.jobs, help="Role of the job runner.")
        parser.add_argument("--backup", default=names.backup, help="Role that backups are made by.")
        parser.add_argument("--erase", default=names.erase, help="Role that reports are erased by.")
        parser.add_argument(
            "--env-file",
            type=Path,
            default=settings.ENV_FILE,
            help="Environment file that gets the URLs of the runtime roles where it does not name them yet.",
        )
        parser.add_argument("--owner-file", type=Path, help="The same for DATABASE_OWNER_URL; no service may read it.")
        parser.add_argument("--new-passwords", action="store_true", help="Draw new passwords for all five.")
        parser.add_argument("--check", action="store_true", help="Compare, change nothing; fails on a difference.")

    def handle(self, *args: object, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles: set DATABASE_URL to a database of PostgreSQL.")
        try:
            names = RoleNames(*(options[kind] for kind in VARIABLES))
        except ValueError as error:
            raise CommandError("Five different names of small letters, digits and _ are needed.") from error
        if restoring.is_unfinished():
            raise CommandError("A restoration into this database has not ended; nothing was changed.")
        if options["check"]:
            self._check(names)
            return
        files = dict.fromkeys(VARIABLES, options["env_file"]) | {"owner": options["owner_file"]}
        try:
            with transaction.atomic():
                self._make(names, files, renew=options["new_passwords"])
        except DatabaseError as error:
            raise CommandError(_refusal(error)) from None

    def _check(self, names: RoleNames) -> None:
        wrong = [f"{names.owner} {word}" for word in database_roles.powers(names.owner) if not word.startswith("owns")]
        for kind in database_roles.KINDS:
            role = names.of(kind)
            powers = database_roles.powers(role)
            wrong += [f"{role} {word}" for word in powers]
            if database_roles.exists(role):
                wrong += [f"{role}, {words}" for words in database_roles.differences(role, kind)]
        if wrong:
            raise CommandError("\n".join(wrong))
        self.stdout.write("The roles have the rights that the portal needs, and no others.")

    def _make(self, names: RoleNames, files: Mapping[str, Path | None], *, renew: bool) -> None:
        roles = {kind: str(getattr(names, kind)) for kind in VARIABLES}
        present = {role for role in roles.values() if database_roles.exists(role)}
        for role in roles.values():
            self._run(database_roles.role_statements(role))
        written = {
            kind: url
            for kind, role in roles.items()
            if (url := self._set_password(kind, role, is_new=role not in present, renew=renew))
        }
        for kind in written:
            if files[kind] is None:
                raise CommandError(f"Name a file for {VARIABLES[kind]} by --owner-file.")
        self._run(database_roles.ownership_statements(names.owner))
        self._run(database_roles.grant_statements(names), shown=False)
        self.stdout.write(
            f"Granted {names.web}, {names.jobs}, {names.backup} and {names.erase} their rights on every table."
        )
        # Last, and before the commit: a file may name a role that is not there yet, never the other way round.
        for kind, url in written.items():
            path = files[kind]
            if path is not None:
                private_file.put(path, VARIABLES[kind], url)
                self.stdout.write(f"Wrote {VARIABLES[kind]} to {path}.")

    def _run(self, statements: Iterable[str], *, shown: bool = True) -> None:
        # All are worked out before the first runs, because they follow from what the database says.
        for statement in list(statements):
            if shown:
                self.stdout.write(statement)
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def _set_password(self, kind: str, role: str, *, is_new: bool, renew: bool) -> str:
        """Set a role's password where it needs one; return the URL to be written, "" where the environment has it."""
        variable = VARIABLES[kind]
        given: dict[str, Any] = settings.DATABASE_ROLES.get(variable, {})
        if given.get("USER") == role and not renew:
            # Without a password in its URL the role signs in otherwise, by the socket's peer or a certificate.
            if is_new and given.get("PASSWORD"):
                self._alter_password(role, given["PASSWORD"])
            return ""
        if not is_new and not renew:
            raise CommandError(
                f"{role} is there, but {variable} does not name it. Set {variable}, or draw new passwords for all "
                "roles by --new-passwords and restart every node."
            )
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._alter_password(role, password)
        return _url(role, password)

    def _alter_password(self, role: str, password: str) -> None:
        # The server gets SCRAM's verifier only: a statement may end in a log.
        raw = connection.connection.pgconn
        verifier = raw.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER ROLE {connection.ops.quote_name(role)} PASSWORD %s", [verifier])
        self.stdout.write(f"Set the password of {role}.")


def _url(role: str, password: str) -> str:
    """Return the URL of a role for the database and server that DATABASE_URL names, else those of this connection."""
    roles: dict[str, dict[str, Any]] = settings.DATABASE_ROLES
    place = roles.get("DATABASE_URL") or dict(connection.settings_dict)
    host, port = str(place["HOST"]), str(place["PORT"])
    where = (f"[{host}]" if ":" in host else quote(host, safe="")) + (f":{port}" if port else "")
    options = {name: value for name, value in dict(place.get("OPTIONS") or {}).items() if isinstance(value, str)}
    name = quote(str(connection.settings_dict["NAME"]), safe="")
    return f"postgres://{role}:{password}@{where}/{name}" + (f"?{urlencode(options)}" if options else "")


def _refusal(error: DatabaseError) -> str:
    """Return the server's own sentence without the statement, which may hold a verifier, and what to do."""
    diagnosis = getattr(error.__cause__, "diag", None)
    reason = getattr(diagnosis, "message_primary", None) or "The database refused."
    return f"{reason}. Nothing was changed. Roles are made by a superuser: set DATABASE_ADMIN_URL for this one run."
