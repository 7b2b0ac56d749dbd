"""Half-way through an upload: what the real web server holds open and what lies in its folders is sealed, and after a
cut connection nothing is left. gunicorn runs in a process of its own, as in production."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from tests.images import photo
from tests.project.test_serve import free_port
from tests.project.test_tooling import needs_proc
from tests.security import traces
from tests.world import Cast

ROOT = Path(__file__).resolve().parents[3]
MEBIBYTE = 1024 * 1024
WORD = "KenariDiUdara5c1e77"
# An image first, because the kind of file is recognised; then the word all over.
CONTENT = photo() + (WORD + " ").encode() * (8 * MEBIBYTE // (len(WORD) + 1))

pytestmark = needs_proc


@dataclass
class Server:
    """A running gunicorn, its temporary folder and the cookies of one reporter with a draft."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    cookies: str = ""
    token: str = ""

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [self.process.pid, *(int(pid) for pid in children.split())]

    def stored(self) -> list[Path]:
        return [path for path in self.folder.rglob("evidence/*") if path.is_file()]

    def ask(self, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
        plain = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Cookie": self.cookies, "Content-Type": "application/x-www-form-urlencoded"}
        plain.request(method, path, body, headers)
        answer = plain.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies = "; ".join([*filter(None, [self.cookies]), line.split(";")[0]])
        return answer

    def draft(self) -> None:
        page = self.ask("GET", "/lapor/ditekan/").read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token
        self.token = token[1]
        form = f"csrfmiddlewaretoken={self.token}&accused_kind=superior&category=A2"
        assert self.ask("POST", "/lapor/ditekan/", form).status == 302

    def begin_upload(self, sent: int) -> socket.socket:
        """Send the beginning of a form with one large file, ``sent`` bytes of it; the rest never comes."""
        part = 'Content-Disposition: form-data; name="{}"'
        fields = [("csrfmiddlewaretoken", self.token), ("story", "a" * 60), ("go", "stay")]
        head = "".join(f"--b\r\n{part.format(name)}\r\n\r\n{value}\r\n" for name, value in fields)
        head += f'--b\r\n{part.format("evidence")}; filename="{WORD}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        length = len(head) + len(CONTENT) + len("\r\n--b--\r\n")
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        request = (
            f"POST /lapor/cerita/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookies}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{head}"
        )
        wire.sendall(request.encode() + CONTENT[:sent])
        return wire


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def answers(server: Server) -> bool:
    assert server.process.poll() is None, "gunicorn ended"
    try:
        return server.ask("GET", "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture
def server(live_cast: Cast, tmp_path: Path) -> Iterator[Server]:
    database = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database}"
    else:
        url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database}"
    folder, port = tmp_path / "tmp", free_port()
    folder.mkdir()
    changed = {"DATABASE_URL": url, "BIND": f"127.0.0.1:{port}", "WEB_WORKERS": "1", "WEB_GRACEFUL_SECONDS": "1"}
    changed |= {"TMPDIR": str(folder), "TEST_FOLDER": str(folder)}
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "portal.wsgi"],
            cwd=ROOT,
            env=os.environ | changed | {"DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "DEBUG"},
            stdout=log,
            stderr=log,
        )
        running = Server(process, port, folder)
        try:
            wait_for(lambda: answers(running), "gunicorn does not answer", seconds=60)
            running.draft()
            yield running
        finally:
            process.terminate()
            process.wait(timeout=20)
    assert WORD.encode() not in (tmp_path / "web.log").read_bytes()


def left(server: Server) -> list[str]:
    """Where the word is found in what the server holds open and in its folders."""
    places = [*traces.open_files(server.pids()), *traces.files_below(server.folder)]
    places += [*traces.files_below(Path("/dev/shm"))]  # noqa: S108
    return traces.hits(WORD, places)


def arrived(server: Server, size: int) -> bool:
    return any(path.stat().st_size >= size for path in server.stored())


def test_nothing_of_an_upload_is_ever_readable_on_a_disk(server: Server) -> None:
    wire = server.begin_upload(len(CONTENT) // 2)
    # All but the segment at hand has been written, and what was written is sealed.
    wait_for(lambda: arrived(server, 2 * MEBIBYTE), "nothing was stored")
    assert left(server) == []
    wire.close()
    wait_for(lambda: server.stored() == [], "a cut upload left something")
    assert left(server) == []
    for _round in range(2):
        cut_ten_uploads(server)
    assert left(server) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM complaints_draftfile")
        assert cursor.fetchone() == (0,)


def cut_ten_uploads(server: Server) -> None:
    wires = [server.begin_upload(2 * MEBIBYTE + number * 100_000) for number in range(10)]
    wait_for(lambda: len(server.stored()) > 5, "nothing was stored")
    for number, wire in enumerate(wires):
        if number % 2:  # half of them are reset, half of them just end
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.close()
    wait_for(lambda: server.stored() == [], "cut uploads left something")


def test_what_a_killed_worker_leaves_is_sealed(server: Server) -> None:
    wire = server.begin_upload(len(CONTENT) // 2)
    wait_for(lambda: arrived(server, 2 * MEBIBYTE), "nothing was stored")
    for pid in server.pids()[1:]:
        os.kill(pid, signal.SIGKILL)
    wire.close()
    wait_for(lambda: answers(server), "no new worker", seconds=60)
    assert len(server.stored()) == 1
    assert left(server) == []


def test_search_finds_a_deleted_file_that_is_still_open(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as spool:
        spool.write(WORD.encode())
        spool.flush()
        assert list(tmp_path.iterdir()) == []
        assert traces.hits(WORD, traces.open_files([os.getpid()]))
