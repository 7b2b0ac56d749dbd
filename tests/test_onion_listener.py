"""The onion's listener: only Tor gets in, each circuit has its share, and what visitors claim is dropped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from portal.circuits import BURST, CONNECTIONS
from tests.project.test_tooling import needs_proc
from tests.webserver import HOST, ONION_HOST, ROOT, Answer, WebServer, circuit_line, get, head_of_post, serving

STORY = "/lapor/cerita/"
LARGE = 300_000
GO = "Expect: 100-continue\r\n"
PAGE = get(host=ONION_HOST)

pytestmark = needs_proc


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server for which nothing is too slow; whatever a test did, no circuit, host or path may be logged."""
    with serving(tmp_path_factory.mktemp("onion"), with_onion=True) as running:
        yield running
        written = running.log.read_text(encoding="utf-8")
        assert not any(word in written for word in ("fc00", "onion", "cek", "lapor", "kantor", "Traceback")), written


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that gives heads and bodies half a second."""
    folder = tmp_path_factory.mktemp("strict")
    with serving(folder, grace_seconds=0.5, head_seconds=0.5, with_onion=True) as running:
        yield running


def ask(server: WebServer, circuit: int | None, request: str | bytes = PAGE) -> Answer:
    with server.onion(circuit, request) as wire:
        return wire.answer()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- Who gets in


def test_a_page_comes_without_https_and_without_its_headers(server: WebServer) -> None:
    answer = ask(server, 1)
    assert (answer.status, "</html>" in answer.text) == (200, True)
    head = answer.head.lower()
    assert "strict-transport-security" not in head
    assert "set-cookie: csrf=" in head
    assert "secure" not in head


def test_the_line_may_come_in_pieces_and_counts_for_the_whole_connection(server: WebServer) -> None:
    line = circuit_line(2)
    with server.onion(None) as wire:
        for piece in (line[:5], line[5:-1], line[-1:] + PAGE[:10].encode(), PAGE[10:].encode()):
            wire.send(piece)
            time.sleep(0.05)
        assert wire.answer().status == 200
        assert wire.send(PAGE).answer().status == 200
        # A second line is a request that nobody understands.
        assert wire.send(line + PAGE.encode()).answer().status in (0, 400)


@pytest.mark.parametrize(
    "begun",
    [
        PAGE.encode(),
        b"PROXY UNKNOWN\r\n" + PAGE.encode(),
        b"PROXY TCP4 203.0.113.9 127.0.0.1 41 80\r\n" + PAGE.encode(),
        b"PROXY TCP6 2001:db8::1 ::1 41 80\r\n" + PAGE.encode(),
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + b"\x7f\x00\x00\x01" * 3 + PAGE.encode(),
        b"x" * 200,
        b"\r\n" + PAGE.encode(),
    ],
    ids=["http", "unknown", "tcp4", "address", "version-2", "long", "empty"],
)
def test_nobody_but_tor_gets_in(server: WebServer, begun: bytes) -> None:
    assert ask(server, None, begun).status == 0


def test_a_line_on_the_public_listener_is_no_request(server: WebServer) -> None:
    for host in (HOST, ONION_HOST):
        with server.wire() as wire:
            answer = wire.send(circuit_line(3) + get(host=host).encode()).answer()
        assert answer.status in (0, 400), host
        assert 'name="code"' not in answer.text


def test_each_listener_has_its_hosts(server: WebServer) -> None:
    for host in (HOST, "localhost", "evil.example", f"x.{ONION_HOST}", f"{ONION_HOST}:8001"):
        assert ask(server, 4, get(host=host)).status == 400, host
    assert ask(server, 4, "GET /cek/ HTTP/1.0\r\n\r\n").status == 400
    assert server.ask(get(host=ONION_HOST)).status == 400
    assert server.ask(get()).status == 200


def test_the_staffs_pages_are_not_there(server: WebServer) -> None:
    for path in ("/kantor/", "/kantor/masuk/", "/%6Bantor/masuk/", "//kantor/masuk/", "/./kantor/masuk/"):
        assert ask(server, 5, get(path, host=ONION_HOST)).status == 404, path
    assert ask(server, 5, get("http://127.0.0.1/kantor/masuk/", host=ONION_HOST)).status in (400, 404)
    for header in ("SCRIPT_NAME: /kantor", "PATH_INFO: /kantor/masuk/", "X-Original-URL: /kantor/masuk/"):
        answer = ask(server, 5, get("/cek/", f"{header}\r\n", host=ONION_HOST))
        assert (answer.status, 'name="code"' in answer.text) == (200, True), header
    assert server.ask(get("/kantor/masuk/")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-Proto: https",
        "X-Forwarded-Protocol: ssl",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Host: 127.0.0.1",
        "Forwarded: proto=https;host=127.0.0.1",
        "X_Forwarded_Proto: https",
    ],
)
def test_what_only_a_proxy_may_say_is_dropped(server: WebServer, header: str) -> None:
    answer = ask(server, 6, get("/cek/", f"{header}\r\n", host=ONION_HOST))
    assert answer.status == 200
    # The server trusts a proxy's X-Forwarded-Proto, and would send this to a browser of https.
    head = answer.head.lower()
    assert "strict-transport-security" not in head
    assert "secure" not in head


# --- Limits by circuit


def test_a_circuit_has_so_many_connections_and_others_are_unharmed(server: WebServer) -> None:
    with ExitStack() as stack:
        for _connection in range(CONNECTIONS):
            stack.enter_context(server.onion(10, "GET / HTTP/1.1\r\nX: "))
        until(lambda: ask(server, 10).status == 0)
        assert ask(server, 11).status == 200
        assert server.ask(get()).status == 200
    until(lambda: ask(server, 10).status == 200)


def test_a_circuit_has_so_many_requests_and_others_are_unharmed(server: WebServer) -> None:
    tried, answer = 1, ask(server, 20)
    while answer.status == 200 and tried < 20 * BURST:
        tried, answer = tried + 1, ask(server, 20)
    assert tried > BURST
    assert answer.status == 429
    assert "retry-after: 10" in answer.head.lower()
    assert "Terlalu banyak permintaan" in answer.text
    assert "Too many requests" in answer.text
    assert ask(server, 21).status == 200
    assert server.ask(get()).status == 200
    # It gets better by itself.
    until(lambda: ask(server, 20).status == 200)


def held(server: WebServer, stack: ExitStack, circuit: int) -> bool:
    """Begin to send a file; return whether a thread waits for it."""
    request = head_of_post(STORY, LARGE, more=GO, host=ONION_HOST)
    return stack.enter_context(server.onion(circuit, request)).answer().status == 100


def test_circuits_leave_threads_for_files_to_each_other_and_to_the_public_listener(tmp_path: Path) -> None:
    # Four for files, of which the onion has two.
    with ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path, with_onion=True, environment={"WEB_THREADS": "8"}))
        assert held(server, stack, 30)
        assert refused_file(server, 30)
        assert held(server, stack, 31)
        assert refused_file(server, 32)
        for _file in range(2):
            public = stack.enter_context(server.wire(head_of_post(STORY, LARGE, more=GO)))
            assert public.answer().status == 100
        assert [ask(server, circuit).status for circuit in (30, 32)] == [200, 200]


def refused_file(server: WebServer, circuit: int) -> bool:
    answer = ask(server, circuit, head_of_post(STORY, LARGE, host=ONION_HOST))
    return (answer.status, "Terlalu banyak berkas" in answer.text) == (503, True)


# --- The table of bodies


def test_bodies_obey_the_table(server: WebServer) -> None:
    for path, length, status in (("/cek/", 128 * 1024 + 1, 413), (STORY, 10**12, 413), ("/cek/", None, 411)):
        answer = ask(server, 40, head_of_post(path, length, host=ONION_HOST))
        assert (answer.status, "<h1>" in answer.text) == (status, True), path
    assert ask(server, 40, head_of_post("/cek/", 3, host=ONION_HOST) + "a=b").status == 403


def test_what_is_too_slow_ends(strict: WebServer) -> None:
    story, form = (head_of_post(path, LARGE if path == STORY else 1000, host=ONION_HOST) for path in (STORY, "/cek/"))
    begun = (b"", circuit_line(1)[:20], circuit_line(1), circuit_line(1) + b"GET / HTTP/1.1\r\nX: ")
    with ExitStack() as stack:
        without = [stack.enter_context(strict.onion(None, data)) for data in begun]
        pages = [stack.enter_context(strict.onion(1, head + "a")) for head in (story, form)]
        assert [wire.answer().status for wire in without] == [0] * len(begun)
        for answer in (wire.answer() for wire in pages):
            assert (answer.status, "Pengiriman terlalu lama" in answer.text) == (408, True)


def test_a_flood_over_the_onion_takes_no_place_from_others(tmp_path: Path) -> None:
    begun = "GET / HTTP/1.1\r\nX: "
    with ExitStack() as stack:
        small = stack.enter_context(serving(tmp_path, connections=20, with_onion=True))
        slow = stack.enter_context(small.wire("GET /cek/ HTTP/1.1\r\n"))
        flood = [stack.enter_context(small.onion(circuit, begun)) for circuit in range(100, 140)]
        assert flood[0].answer().status == 0, "the oldest of the flood goes"
        assert slow.send(f"Host: {HOST}\r\n\r\n").answer().status == 200
        assert ask(small, 200).status == 200


# --- A listener that is not there


def test_a_server_without_the_listener_that_is_configured_does_not_start() -> None:
    changed = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "BIND": f"{HOST}:0",
        "TEST_ENVIRONMENT": json.dumps({"ONION_BIND": f"{HOST}:1", "ONION_ORIGIN": f"http://{ONION_HOST}"}),
    }
    environment = {name: value for name, value in os.environ.items() if name != "ONION_BIND"} | {"WEB_WORKERS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", f"--config={ROOT / 'deploy' / 'gunicorn.conf.py'}", "portal.wsgi"],
        cwd=ROOT,
        env=environment | changed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Nothing listens at ONION_BIND" in done.stderr
