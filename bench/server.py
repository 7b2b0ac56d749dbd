"""A production server for one measurement: a fresh database and folder, the sample staff with their teams, gunicorn
with the deployed configuration on a free port; all of it is removed at the end. The scripts of this folder call it."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
POSTGRES = os.environ.get("DATABASE_URL_TEST_PG") or "postgres://postgres@127.0.0.1:5432/postgres"
READY_SECONDS = 30
STOP_SECONDS = 10
# An installation beside the measurement must lend it neither secrets nor addresses.
FOREIGN = (
    "PORTAL_",
    "DATABASE_",
    "DJANGO_",
    "EVIDENCE_",
    "AUDIT_",
    "REDIS_URL",
    "TEAM_KEY_PINS",
    "ADMIN_PATH",
    "ONION_",
    "STAFF_",
    "DEBUG",
)


@dataclass(frozen=True)
class Portal:
    """A running server: where it answers, its database as whoever made it, its folder and its process group.

    ``environment`` is that of the services, ``owner_environment`` that of commands which an operator runs.
    """

    port: int
    database: str
    folder: Path
    environment: dict[str, str]
    owner_environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """The address of the front page."""
        return f"http://{HOST}:{self.port}/"

    def cpu_seconds(self) -> float:
        """Return the processor time, user and system, that the web server's processes have used so far."""
        return sum(_cpu_seconds(pid) for pid in self.processes())

    def processes(self) -> list[int]:
        """Return the ids of the web server's processes, the master first, its sandboxes last."""
        workers = self.workers()
        return [self.process.pid, *workers, *(child for worker in workers for child in _descendants(worker))]

    def workers(self) -> list[int]:
        """Return the ids of the processes that answer requests."""
        return _children(self.process.pid)

    def count(self, table: str) -> int:
        """Return how many rows ``table`` holds."""
        if self.database.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.database.removeprefix("sqlite:///"))) as file:
                return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        with psycopg.connect(self.database) as connection:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            return sum(int(row[0]) for row in connection.execute(query))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():  # a child belongs to the thread that started it
            children += map(int, (thread / "children").read_text(encoding="ascii").split())
    return children


def _descendants(pid: int) -> list[int]:
    return [pid for child in _children(pid) for pid in (child, *_descendants(child))]


@contextlib.contextmanager
def database(folder: Path, *, sqlite: bool) -> Iterator[str]:
    """Give the address of an empty database, which is dropped at the end with its roles.

    Raises psycopg.Error without a server.
    """
    if sqlite:
        yield f"sqlite:///{folder / 'portal.sqlite3'}"
        return
    name = f"kanal_netral_bench_{os.getpid()}_{secrets.token_hex(4)}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for role in role_names(name).values():
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def role_names(name: str) -> dict[str, str]:
    """Return the roles of a database by kind: a role belongs to the whole cluster, so their names carry its name."""
    return {kind: f"{name}_{kind}" for kind in ("owner", "web", "jobs", "backup")}


def with_roles(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Make the four roles of a filled portal on PostgreSQL as an operator does.

    Returns:
        The environment of its services, whose roles its environment file names from now on, and that of its owner.
    """
    services = {name: value for name, value in environment.items() if name != "DATABASE_URL"}
    names = role_names(urlsplit(environment["DATABASE_URL"]).path.removeprefix("/"))
    owner_file = Path(environment["PORTAL_VAR"]) / "owner.env"
    run_python(
        services | {"DATABASE_ADMIN_URL": environment["DATABASE_URL"]},
        *("manage.py", "database_roles", "--owner-file", str(owner_file)),
        *(f"--{kind}={role}" for kind, role in names.items()),
    )
    owner = variable(owner_file, "DATABASE_OWNER_URL")
    return services, services | {"DATABASE_URL": owner, "DATABASE_OWNER_URL": owner}


def variable(file: Path, name: str) -> str:
    """Return the value of a variable in an environment file. Raises StopIteration where it has none."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith(f"{name}="))


def environment_of(folder: Path, address: str, settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a portal's processes: data and secrets in ``folder``, the database at ``address``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return inherited | {
        "PORTAL_VAR": str(folder),
        "PORTAL_ENV": str(folder / "portal.env"),
        "DATABASE_URL": address,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(ROOT),
        **settings,
    }


def run_python(environment: dict[str, str], *arguments: str) -> str:
    """Run Python at the root of the checkout and return what it printed. Raises SystemExit where it fails."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed\n{done.stdout}{done.stderr}")
    return done.stdout


def fill(environment: dict[str, str], *, cases: bool = False) -> None:
    """Give an empty portal its secrets, tables, reference data and the sample staff; with ``cases`` the sample cases.

    Only the commands that fill it run in sample mode; what is measured is the production configuration.
    """
    sample = environment | {"PORTAL_SAMPLE": "true"}
    run_python(environment, "-m", "portal.messages")
    run_python(environment, "-m", "portal.secrets", environment["PORTAL_ENV"])
    for command in (["migrate"], ["collectstatic", "--noinput"], ["load_catalog"], ["setup_keys", "--sample"]):
        run_python(sample, "manage.py", *command)
    if cases:
        run_python(sample, "manage.py", "sample_data")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "deploy" / "gunicorn.conf.py")]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--no-control-socket", "--bind", f"{HOST}:{port}", "portal.wsgi"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"The server did not become healthy:\n{log.read_text(encoding='utf-8', errors='replace')}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def working(portal: Portal) -> Iterator[None]:
    """Run the portal's jobs, as a node does, while the context lasts."""
    with (portal.folder / "jobs.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--grace", "2"],
            cwd=ROOT,
            env=portal.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        _stop(process)


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Give the address of a Redis of our own, which is empty and keeps nothing; "" where none can be started."""
    program = shutil.which("redis-server")
    if program is None:
        yield ""
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="kanal-netral-redis-") as folder:
        options = ["--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            _wait_until_listening(process, port)
            yield f"redis://{HOST}:{port}/0"
        finally:
            _stop(process)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("Redis did not start.")


@contextlib.contextmanager
def running(
    *, sqlite: bool = False, settings: dict[str, str] | None = None, cases: bool = False, roles: bool = False
) -> Iterator[Portal]:
    """Serve a fresh portal while the context lasts, with more of an environment where ``settings`` names it.

    Args:
        cases: with the sample cases.
        roles: its services sign in to PostgreSQL by their own roles, as in production, and not as a superuser.

    Raises SystemExit, with the server's log, where it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=sqlite) as address:
            environment = environment_of(folder, address, settings or {})
            fill(environment, cases=cases)
            environment, owner = with_roles(environment) if roles and not sqlite else (environment, environment)
            port = free_port()
            process = _start(folder, environment, port)
            try:
                _wait_until_healthy(process, port, folder / "server.log")
                yield Portal(port, address, folder, environment, owner, process)
            finally:
                _stop(process)
