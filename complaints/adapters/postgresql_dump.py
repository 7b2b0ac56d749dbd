"""Runs pg_dump and pg_restore. What they need to sign in goes through the environment, which others cannot read."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

# Names of libpq's variables for what a connection of Django has.
_VARIABLES: Final = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
_TLS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")
# Roles belong to a cluster and not to a database: restoring gives tables and rights to those of the new one.
_WITHOUT_ROLES: Final = ("--no-owner", "--no-privileges")


class DumpError(Exception):
    """The program is missing or failed; the message is its own, which holds no row."""


@contextlib.contextmanager
def dump(database: Mapping[str, object], *, snapshot: str, without_rows: Sequence[str]) -> Iterator[IO[bytes]]:
    """Give the stream of a dump in PostgreSQL's custom format; raises DumpError at its end where pg_dump failed.

    Args:
        database: the settings of a connection.
        snapshot: the exported snapshot that is dumped, whose transaction is still open.
        without_rows: tables of which the definition alone is dumped.
    """
    options = [f"--exclude-table-data={table}" for table in without_rows]
    command = ["pg_dump", "--format=custom", "--compress=1", *_WITHOUT_ROLES, f"--snapshot={snapshot}", *options]
    with _running(command, database, stdout=subprocess.PIPE) as process:
        yield _stream(process.stdout)


@contextlib.contextmanager
def restore(database: Mapping[str, object]) -> Iterator[IO[bytes]]:
    """Give the stream that takes a dump; it is restored whole in one transaction, or DumpError is raised at its end."""
    name = str(database["NAME"])
    command = ["pg_restore", "--exit-on-error", "--single-transaction", *_WITHOUT_ROLES, f"--dbname={name}"]
    with _running(command, database, stdin=subprocess.PIPE) as process:
        stream = _stream(process.stdin)
        try:
            yield stream
        except BrokenPipeError:
            pass  # pg_restore has ended before its input; its own words say why
        except BaseException:
            process.kill()  # a dump that ends too early must not be taken for a whole one
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@contextlib.contextmanager
def _running(
    command: Sequence[str], database: Mapping[str, object], *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(  # noqa: S603  a fixed program; arguments name a snapshot and tables of ours
            command, env=_environment(database), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise DumpError(f"{command[0]} is missing: install the client programs of PostgreSQL.") from error
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        words = _stream(process.stderr).read().decode(errors="replace").strip()
    if process.returncode:
        raise DumpError(words.splitlines()[0] if words else f"{command[0]} failed.")


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("no pipe")
    return stream


def _environment(database: Mapping[str, object]) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    variables |= {variable: str(database[key]) for key, variable in _VARIABLES.items() if database.get(key)}
    options = database.get("OPTIONS")
    options = options if isinstance(options, dict) else {}
    variables |= {f"PG{name.upper()}": str(options[name]) for name in _TLS if options.get(name)}
    return variables | {"PGDATABASE": str(database["NAME"])}
