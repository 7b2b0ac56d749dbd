"""Nobody closes the door by sending slowly: no thread waits for a head or a small body, and few wait for files."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from portal.request_head import Head, read_head
from tests.project.test_tooling import needs_proc
from tests.webserver import WebServer, get, head_of_post, serving

STORY = "/lapor/cerita/"
LARGE = 300_000
FILE_THREADS = 2
# Far more than the server has threads.
MANY = 40
GO = "Expect: 100-continue\r\n"
SMALL = 128 * 1024

pytestmark = needs_proc


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server for which nothing is too slow, so that what waits here waits for ever."""
    with serving(tmp_path_factory.mktemp("patient")) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that gives heads and bodies half a second, and has room for few connections."""
    folder = tmp_path_factory.mktemp("strict")
    with serving(folder, grace_seconds=0.5, head_seconds=0.5, connections=20) as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- What the loop reads of a head


@pytest.mark.parametrize(
    ("received", "path", "length"),
    [
        (b"GET /cek/?a=b HTTP/1.1\r\nHost: a\r\n\r\n", "/cek/", 0),
        (b"POST /cek/ HTTP/1.1\r\ncontent-LENGTH:  12 \r\n\r\nabc", "/cek/", 12),
        (b"POST /cek/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "/cek/", None),
        (b"POST /cek/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n", "/cek/", None),
        (b"POST /cek/ HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "/cek/", 0),
        (b"POST /cek/ HTTP/1.1\r\nContent-Length : 5\r\n\r\n", "/cek/", 0),
        (b"POST\r\n\r\n", "", 0),
        (b"\xff\xfe \xff\r\n\r\n", "\xff", 0),
        (b"\r\n\r\n", "", 0),
    ],
)
def test_head_is_read(received: bytes, path: str, length: int | None) -> None:
    begins = received.index(b"\r\n\r\n") + 4
    assert read_head(bytearray(received)) == Head(path, length, begins, awaits_go=False)


@pytest.mark.parametrize("received", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r"])
def test_head_that_is_not_whole_is_waited_for(received: bytes) -> None:
    assert read_head(bytearray(received)) is None


# --- Slow senders hold nothing that others need


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "GET / HTTP/1.1\r\nX: ",
        head_of_post("/cek/", 1000),
        head_of_post("/cek/", 1000) + "a",
        head_of_post(STORY, SMALL) + "a",
        head_of_post(STORY, LARGE) + "a",
    ],
    ids=["nothing", "head", "no-body", "small-body", "story", "files"],
)
def test_pages_and_stories_come_beside_many_slow_senders(patient: WebServer, begun: str) -> None:
    with patient.wires(MANY, begun):
        assert patient.ask(get()).status == 200
        assert patient.ask(head_of_post("/cek/", 3) + "a=b").status == 403
        # A story without files: it is read, and found to lack its token.
        assert patient.ask(head_of_post(STORY, SMALL) + "a" * SMALL).status in (400, 403)


def held(server: WebServer, stack: ExitStack, path: str = STORY) -> bool:
    """Begin to send a file; return whether a thread waits for it."""
    return stack.enter_context(server.wire(head_of_post(path, LARGE, more=GO))).answer().status == 100


def test_a_decision_of_a_body_brings_its_copy(patient: WebServer) -> None:
    path = f"/kantor/complaints/release/{uuid.uuid4()}/langkah/sanction/"
    with ExitStack() as stack:
        until(lambda: held(patient, stack, path))
    assert patient.ask(head_of_post(path.replace("sanction", "take_up"), LARGE)).status == 413


def test_above_its_threads_a_body_with_files_is_refused_at_once(patient: WebServer) -> None:
    with ExitStack() as stack:
        for _thread in range(FILE_THREADS):
            # Those of the test before may not have gone yet.
            until(lambda: held(patient, stack))
        answer = patient.ask(head_of_post(STORY, LARGE))
        assert answer.status == 503
        assert "retry-after: 10" in answer.head.lower()
        assert "connection: close" in answer.head.lower()
        assert "Terlalu banyak berkas" in answer.text
        answer = patient.ask(head_of_post("/en" + STORY, LARGE))
        assert (answer.status, "Too many files" in answer.text) == (503, True)
    # Anybody may ask for as many as they like, so they write no line.
    assert "status 503" not in patient.log.read_text(encoding="utf-8")
    # Who gave up leaves the place to others.
    with ExitStack() as stack:
        until(lambda: held(patient, stack))


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/cek/", SMALL + 1, 413),
        ("/en/lapor/", SMALL + 1, 413),
        ("/", 10**15, 413),
        ("/lapor/berkas/potongan/", 1024 * 1024 + 1, 413),
        (STORY, 10**12, 413),
        ("/cek/", None, 411),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_comes(
    patient: WebServer, path: str, length: int | None, status: int
) -> None:
    answer = patient.ask(head_of_post(path, length))
    assert answer.status == status
    assert "<h1>" in answer.text


def test_a_large_body_in_time_reaches_the_portal(patient: WebServer) -> None:
    body = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + "a" * LARGE + "\r\n--b--\r\n"
    until(lambda: patient.ask(head_of_post(STORY, len(body)) + body).status == 403)
    chunks = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    until(lambda: patient.ask(head_of_post(STORY, None) + chunks).status == 403)


def test_a_body_in_pieces_and_requests_in_one_piece(patient: WebServer) -> None:
    with patient.wire(head_of_post("/cek/", 3)) as wire:
        assert wire.send("a=").send("b").answer().status == 403
        assert wire.send(get()).answer().status == 200, "the connection is kept"
        wire.send(get() + get("/cek/", "Connection: close\r\n"))
        assert wire.sock.recv(12).endswith(b"200")
        rest = b""
        while piece := wire.sock.recv(65536):
            rest += piece
        assert rest.count(b"HTTP/1.1 200 OK") == 1
    with patient.wire(head_of_post("/cek/", 3, more=GO)) as wire:
        assert wire.answer().status == 100
        wire.send("a=b")
        assert wire.answer().status in (100, 403)


def test_malformed_heads_end_and_nobody_waits_for_them(patient: WebServer) -> None:
    for head in ("GET\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "\xff\r\n\r\n"):
        assert patient.ask(head).status in (0, 400)
    assert patient.ask("GET / HTTP/1.1\r\nX: " + "a" * 40_000).status == 0


# --- What is too slow ends


def test_a_small_body_that_stops_gets_the_page_that_says_so(strict: WebServer) -> None:
    answer = strict.ask(head_of_post("/cek/", 1000) + "a")
    assert (answer.status, "Pengiriman terlalu lama" in answer.text) == (408, True)


def test_a_file_that_stops_gets_the_page_that_says_so(strict: WebServer) -> None:
    answer = strict.ask(head_of_post("/en" + STORY, LARGE) + "a")
    assert (answer.status, "That took too long" in answer.text) == (408, True)


def test_a_head_that_stops_ends_the_connection(strict: WebServer) -> None:
    assert strict.ask("").status == 0
    assert strict.ask("GET / HTTP/1.1\r\nX: ").status == 0


def test_whoever_waited_longest_goes_where_there_is_no_room(strict: WebServer) -> None:
    for _round in range(3):
        with strict.wires(MANY, "GET / HTTP/1.1\r\nX: "):
            assert strict.ask(get()).status == 200


def test_refused_bodies_that_idle_do_not_stop_the_loop(patient: WebServer) -> None:
    begun = time.monotonic()
    with patient.wires(MANY) as wires:
        for wire in wires:
            # Nothing more comes, and the connection stays open after the answer.
            assert wire.send(head_of_post("/cek/", LARGE)).answer().status == 413
        assert patient.ask(get()).status == 200
    # gunicorn waits two seconds for each of them, one after the other.
    assert time.monotonic() - begun < 2 * MANY / 2
