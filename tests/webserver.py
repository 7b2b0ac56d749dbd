"""gunicorn as deployed, in processes of its own, with the time and the room that a test gives it; and plain HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from bench.server import free_port

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
# A key of zeros with its checksum: nobody can have this address.
ONION_HOST = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaam2dqd.onion"
# For what is certain to happen, on a machine that does other things as well.
PATIENCE = 60
CONFIGURATION = """
from runpy import run_path

globals().update(run_path({shipped!r}))
worker_connections = {connections}

def post_worker_init(worker):
    worker.bodies.HEAD_SECONDS = {head_seconds}
    worker.bodies.GRACE_SECONDS = {grace_seconds}
"""


@dataclass(frozen=True)
class Answer:
    """Status, head and body of an answer; 0 where the connection ended without one."""

    status: int
    head: str
    text: str


@dataclass
class Wire:
    """One connection."""

    sock: socket.socket

    def send(self, data: str | bytes) -> Wire:
        self.sock.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def answer(self) -> Answer:
        """Wait for an answer with a length, or the end."""
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += (piece := self._piece())
            if not piece:
                return Answer(0, "", "")
        head = data[:end].decode("latin-1")
        length = re.search(r"^content-length: (\d+)", head, re.I | re.M)
        size = end + 4 + int(length[1] if length else 0)
        while len(data) < size and (piece := self._piece()):
            data += piece
        return Answer(int(head[9:12]), head, data[end + 4 : size].decode())

    def _piece(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except ConnectionError:
            return b""


@dataclass
class WebServer:
    """A running gunicorn with one worker, four threads and two for files."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    onion_port: int = 0

    @contextlib.contextmanager
    def wires(self, number: int, data: str = "") -> Iterator[list[Wire]]:
        """Give so many connections, on each of which ``data`` was sent."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.wire(data)) for _ in range(number)]

    @contextlib.contextmanager
    def wire(self, data: str = "") -> Iterator[Wire]:
        with socket.create_connection((HOST, self.port), timeout=PATIENCE) as sock:
            yield Wire(sock).send(data)

    @contextlib.contextmanager
    def onion(self, circuit: int | None, data: str | bytes = b"") -> Iterator[Wire]:
        """Give a connection as Tor's daemon makes it; without the line that names its circuit where there is none."""
        with socket.create_connection((HOST, self.onion_port), timeout=PATIENCE) as sock:
            yield Wire(sock).send(b"" if circuit is None else circuit_line(circuit)).send(data)

    def ask(self, request: str) -> Answer:
        """Send a request on a connection of its own and return the answer."""
        with self.wire(request) as wire:
            return wire.answer()


def circuit_line(circuit: int) -> bytes:
    """Return what Tor's daemon writes before a visitor's first byte."""
    return f"PROXY TCP6 fc00:dead:beef:4dad::{circuit >> 16:x}:{circuit & 0xFFFF:x} ::1 41 80\r\n".encode()


def get(path: str = "/cek/", more: str = "", *, host: str = HOST) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


def head_of_post(path: str, length: int | None, *, more: str = "", host: str = HOST) -> str:
    """Return the head of a form that was posted with a token that looks like the portal's."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    kind = "application/x-www-form-urlencoded" if path.endswith("/cek/") else "multipart/form-data; boundary=b"
    cookie = f"Cookie: csrf={'a' * 32}"
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\nContent-Type: {kind}\r\n{size}\r\n{more}\r\n"


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    grace_seconds: float = 3600,
    head_seconds: float = 3600,
    connections: int = 200,
    with_onion: bool = False,
    environment: Mapping[str, str] = {},
    port: int = 0,
) -> Iterator[WebServer]:
    """Run gunicorn while the context lasts, with more of an environment; by default nothing is too slow for it.

    Without a ``port`` it takes a free one.
    """
    shipped = str(ROOT / "deploy" / "gunicorn.conf.py")
    text = CONFIGURATION.format(
        shipped=shipped, connections=connections, grace_seconds=grace_seconds, head_seconds=head_seconds
    )
    (folder / "gunicorn.py").write_text(text, encoding="utf-8")
    port, log = port or free_port(), folder / "web.log"
    changed = {"BIND": f"{HOST}:{port}", "WEB_WORKERS": "1", "WEB_THREADS": "4", "WEB_GRACEFUL_SECONDS": "1"}
    onion_port = free_port() if with_onion else 0
    more = dict(environment)
    if with_onion:
        more |= {"ONION_BIND": f"{HOST}:{onion_port}", "ONION_ORIGIN": f"http://{ONION_HOST}"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", f"--config={folder / 'gunicorn.py'}", "portal.wsgi"],
            cwd=ROOT,
            env=environment_of(more) | changed | more,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_listening(process, port, log)
        yield WebServer(port, process, log, onion_port)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def environment_of(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a web server under the settings of the tests, with more where they are to be others."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_FOLDER": tempfile.gettempdir(),
        "BEHIND_PROXY": "true",
        **more,
        "TEST_ENVIRONMENT": json.dumps(dict(more)),
    }


def database_url() -> str:
    """Return the address of the database of the tests, for another process."""
    place = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{place['NAME']}"
    return f"postgres://{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT'] or 5432}/{place['NAME']}"


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))
