"""Connections that send a request a byte at a time, and the visitors beside them."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event

from bench.client import Browser, UnexpectedAnswer, connected, in_parallel
from bench.intake import report
from bench.proxy import NAME, Proxy
from bench.server import HOST

CONNECTIONS = 250
REPORTERS = 8
# Longer than the first seconds of a body, in which nothing has to come (portal/bodies.py).
SECONDS = 20.0
BYTE_EVERY = 1.0
# As if it came from a page of the portal, with a token that looks like one: otherwise nobody would wait for the body.
_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {scheme}://{host}\r\nCookie: csrf={token}\r\n"
    "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
)
_TOKEN = "a" * 32


@dataclass(frozen=True)
class Drip:
    """What every connection sends at once; of what follows a byte a second."""

    head: str

    @classmethod
    def body(cls, path: str, length: int, *, tls: bool) -> Drip:
        """Return a whole head of a form with a body of ``length`` bytes."""
        kind = "multipart/form-data; boundary=b" if length > 100_000 else "application/x-www-form-urlencoded"
        host, scheme = (NAME, "https") if tls else (HOST, "http")
        return cls(_HEAD.format(path=path, host=host, scheme=scheme, token=_TOKEN, kind=kind, length=length))


@dataclass
class Visits:
    """How long the requests of visitors took (seconds), and how many were answered wrongly or not at all."""

    times: list[float] = field(default_factory=list)
    errors: int = 0


@contextlib.contextmanager
def dripping(drip: Drip, *, port: int, tls: bool, connections: int = CONNECTIONS) -> Iterator[None]:
    """Keep so many connections dripping while the context lasts, each from an address of its own.

    A connection that was ended is made anew.
    """
    # A process: a thread would be at work while the reporters' processes are forked, and leave them its locks.
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=_keep_dripping, args=(drip, port, tls, connections, stop), daemon=True)
    process.start()
    # The visitors come when all of them stand.
    time.sleep(BYTE_EVERY)
    try:
        yield
    finally:
        stop.set()
        process.join()


def _keep_dripping(drip: Drip, port: int, tls: bool, connections: int, stop: Event) -> None:
    wires: dict[int, socket.socket] = {}
    while not stop.is_set():
        begun = time.monotonic()
        for number in range(connections):
            wire = wires.get(number)
            if wire is None or not _drop(wire):
                wires.pop(number, None)
                with contextlib.suppress(OSError):
                    wires[number] = _begun(drip, number, port, tls)
        stop.wait(max(0.0, begun + BYTE_EVERY - time.monotonic()))
    for wire in wires.values():
        wire.close()


def _begun(drip: Drip, number: int, port: int, tls: bool) -> socket.socket:
    wire = connected(HOST, port, tls=tls, source=f"127.0.{1 + number // 200}.{1 + number % 200}")
    wire.sendall(drip.head.encode())
    wire.setblocking(False)
    return wire


def _drop(wire: socket.socket) -> bool:
    """Send a byte; return whether the connection stands."""
    try:
        wire.send(b"a")
        while wire.recv(65536):
            pass
    except (BlockingIOError, InterruptedError):
        return True
    except OSError as error:
        # With TLS, "nothing to read yet" is an error of its own.
        if type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError"):
            return True
    wire.close()
    return False


def timed_report(browser: Browser) -> list[float]:
    """Send a whole report and return how long each request took."""
    report(browser)
    return browser.times


def reports_through(proxy: Proxy, drip: Drip, *, seconds: float = SECONDS) -> Visits:
    """Return how REPORTERS fare who send whole reports through the proxy beside the drip."""
    with dripping(drip, port=proxy.https_port, tls=True):
        address = (NAME, proxy.https_port)
        done, errors, _ = in_parallel(timed_report, clients=REPORTERS, seconds=seconds, address=address, tls=True)
    return Visits([time for times in done for time in times], errors)


def pages_beside(port: int, drip: Drip, *, seconds: float = SECONDS, connections: int = CONNECTIONS) -> Visits:
    """Return how a visitor fares who opens pages of the server itself beside the drip, each on a new connection."""
    visits = Visits()
    with dripping(drip, port=port, tls=False, connections=connections):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            browser = Browser(HOST, port, has_assets=True)
            try:
                browser.open("/cek/")
                visits.times += browser.times
            except (UnexpectedAnswer, OSError):
                visits.errors += 1
            finally:
                browser.close()
            time.sleep(0.05)
    return visits
