"""An outage of the database: one line when it begins, one when it is over, however many requests and jobs meet it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import OperationalError, connection

from portal import outage
from portal.postgresql import base
from tests.webserver import HOST, ROOT, WebServer, get, serving

AWAY, BACK = "The database does not answer", "The database answers again"


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_VAR", str(tmp_path))
    monkeypatch.setattr(outage, "_met", [True])


def raised(error: Exception, cause: Exception | None = None) -> logging.LogRecord:
    try:
        raise error from cause
    except Exception:  # noqa: BLE001
        return logging.LogRecord("django.request", logging.ERROR, "/x.py", 1, "It broke", (), sys.exc_info())


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(".")[0] for record in caplog.records if record.name == "portal.outage"]


def test_many_errors_of_one_outage_write_one_line_and_its_end_another(caplog: pytest.LogCaptureFixture) -> None:
    one_line = outage.OneLine()
    for _request in range(50):
        assert not one_line.filter(raised(OperationalError(), psycopg.OperationalError("refused")))
    assert lines(caplog) == [AWAY]
    for _connection in range(5):
        outage.end()
    assert lines(caplog) == [AWAY, BACK]


def test_processes_of_a_node_share_the_line(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    outage.begin()
    monkeypatch.setattr(outage, "_met", [True])
    outage.begin()
    outage.end()
    monkeypatch.setattr(outage, "_met", [True])
    outage.end()
    assert lines(caplog) == [AWAY, BACK]


def test_a_connection_that_was_lost_is_no_new_outage_and_a_later_one_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    outage.end()
    outage.begin()
    assert lines(caplog) == [AWAY, BACK]
    monkeypatch.setattr(outage, "SETTLED_SECONDS", -1)
    outage.begin()
    assert lines(caplog) == [AWAY, BACK, AWAY]


@pytest.mark.parametrize(
    "record",
    [
        raised(ValueError("x")),
        raised(OperationalError(), psycopg.errors.DiskFull()),
        raised(OperationalError(), psycopg.errors.QueryCanceled()),
        raised(OperationalError(), psycopg.errors.DeadlockDetected()),
        raised(OperationalError("database is locked")),
        logging.LogRecord("psycopg.pool", logging.WARNING, "/x.py", 1, "rolling back returned connection", (), None),
    ],
    ids=["ours", "disk full", "time limit", "deadlock", "sqlite", "pool"],
)
def test_other_errors_are_written_as_before(record: logging.LogRecord) -> None:
    assert outage.OneLine().filter(record)


@pytest.mark.parametrize("error", [psycopg.errors.AdminShutdown, psycopg.errors.TooManyConnections])
def test_a_server_that_ends_its_connections_is_an_outage(error: type[psycopg.Error]) -> None:
    assert outage.is_outage(raised(OperationalError(), error()).exc_info[1])  # type: ignore[index]


def test_where_nothing_can_be_remembered_it_is_said_all_the_same(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_VAR", "/proc/none")
    monkeypatch.setattr(outage.os, "open", lambda *args: (_ for _ in ()).throw(PermissionError()))
    outage.begin()
    assert lines(caplog) == [AWAY]


# --- A served portal and a job runner whose database goes away


class Line:
    """A way to PostgreSQL that can be cut: a port of this machine that passes everything on."""

    def __init__(self, server: tuple[str, int] | str) -> None:
        self._server = server
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            family = socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET
            server = socket.socket(family, socket.SOCK_STREAM)
            server.connect(self._server)
            self._open += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def close(self) -> None:
        self.cut()
        self._listener.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def line() -> Iterator[tuple[Line, str]]:
    """A way to the test's database, and the URL by which processes go it."""
    place = connection.settings_dict
    host, port = str(place["HOST"] or "/var/run/postgresql"), int(place["PORT"] or 5432)
    way = Line(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
    who = f"{quote(str(place['USER']))}:{quote(str(place['PASSWORD']))}"
    yield way, f"postgres://{who}@{HOST}:{way.port}/{place['NAME']}"
    way.close()


on_postgresql = pytest.mark.skipif("DATABASE_URL" not in os.environ, reason="SQLite has no server that goes away")
# The middleware looks the draft of such a cookie up.
PAGE = get("/lapor/siapa/", "Cookie: lapor=" + "a" * 43 + "\r\n")


def wait_for(server: WebServer, status: int) -> None:
    until = time.monotonic() + 60
    while (answer := server.ask(PAGE)).status != status:
        assert time.monotonic() < until, answer
        time.sleep(0.2)


@on_postgresql
@pytest.mark.processes
def test_the_web_server_writes_one_line_and_one_when_it_is_over(
    transactional_db: None, line: tuple[Line, str], tmp_path: Path
) -> None:
    way, url = line
    with serving(tmp_path, environment={"DATABASE_URL": url}) as server:
        wait_for(server, 200)
        way.cut()
        with server.wires(8, PAGE) as wires:
            assert {wire.answer().status for wire in wires} == {503}
        way.is_cut = False
        wait_for(server, 200)
        assert server.ask(PAGE).status == 200
    written = (tmp_path / "web.log").read_text(encoding="utf-8")
    ours = [text for text in written.splitlines() if not text.startswith("[")]  # gunicorn's own
    assert len(ours) == 2, written
    assert AWAY in ours[0] and BACK in ours[1]
    assert "siapa" not in written and "views" not in written


ROUNDS = """
import django, sys, time
django.setup()
from django.db import connections
from complaints.models.session import Heartbeat
from complaints.broker import JobBroker
from django_q.conf import logger
broker = JobBroker(list_key="x")
for line in sys.stdin:
    try:
        broker.dequeue()
    except Exception:
        logger.exception("Failed to pull task from broker")
    connections.close_all()
    print("done", flush=True)
"""


@on_postgresql
@pytest.mark.processes
def test_the_job_runner_writes_one_line_too(transactional_db: None, line: tuple[Line, str], tmp_path: Path) -> None:
    """Each round is that of django-q2's pusher, which asks its broker, and the broker writes what it meets."""
    way, url = line
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", ROUNDS],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout and process.stderr

    def rounds(number: int) -> None:
        for _round in range(number):
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            assert process.stdout.readline() == "done\n"  # type: ignore[union-attr]

    rounds(2)
    way.cut()
    rounds(8)
    way.is_cut = False
    rounds(2)
    process.stdin.close()
    written = process.stderr.read()
    process.wait(timeout=60)
    ours = written.splitlines()
    assert len(ours) == 2, written
    assert "cannot be used" in ours[0] and "can be used again" in ours[1]


def test_a_new_connection_tells_that_the_outage_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outage.begin()
    monkeypatch.setattr(base.base.DatabaseWrapper, "get_new_connection", lambda *args: object())
    wrapper: Any = object.__new__(base.DatabaseWrapper)
    base.DatabaseWrapper.get_new_connection(wrapper, {})
    assert lines(caplog) == [AWAY, BACK]
