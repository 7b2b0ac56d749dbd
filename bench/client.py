"""A browser without JavaScript that costs little: one kept connection, cookies, redirects, the first form of a page.

It requests what a real one requests. The scripts that measure throughput run it in processes of their own. Why it is
ours and not a load tool's: docs/adr/0023-own-load-client.md.
"""

from __future__ import annotations

import multiprocessing
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from multiprocessing.connection import Connection
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
ASSETS = re.compile(r'<link rel="(?:icon|stylesheet)" href="([^"]+)"')
COOKIE = re.compile(r"^set-cookie: ([^=]+)=([^;]*)", re.I | re.M)
LENGTH = re.compile(r"^content-length: (\d+)", re.I | re.M)
LOCATION = re.compile(r"^location: (\S+)", re.I | re.M)
CLOSES = re.compile(r"^connection: close", re.I | re.M)
# What Chromium sends, so that the server has as much to read as from a real one.
HEADERS = (
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0 Mobile Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: id-ID,id;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\nUpgrade-Insecure-Requests: 1\r\n"
)
FORM = "application/x-www-form-urlencoded"
TIMEOUT_SECONDS = 30

Result = TypeVar("Result")


class UnexpectedAnswer(Exception):
    """The server answered otherwise than a reporter may expect."""


@dataclass(frozen=True)
class Page:
    """An answer: the path requested, the status, where it redirects to, the body, how long it took (seconds)."""

    path: str
    status: int
    location: str
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Return the body of a page, which the portal does not compress."""
        return self.body.decode()

    def hidden(self) -> dict[str, str]:
        """Return the hidden fields, the CSRF token among them."""
        return {name: unescape(value) for name, value in HIDDEN.findall(self.text)}


@dataclass
class Browser:
    """One reporter's browser with an empty cache; ``has_assets`` says that it holds style sheet and icon already.

    ``source`` is the address that a trusted proxy names as the sender's; without one, there is no proxy. ``tls`` speaks
    to a proxy, of which any certificate is believed, as if it listened on the usual port. ``name`` is the host that it
    asks for, where that is not the one that it connects to, and ``preface`` what it writes first, as Tor's daemon does.
    ``times`` are the seconds of each request.
    """

    host: str
    port: int
    has_assets: bool = False
    source: str = ""
    tls: bool = False
    name: str = ""
    preface: bytes = b""
    cookies: dict[str, str] = field(default_factory=dict)
    fetched_assets: set[str] = field(default_factory=set)
    requests: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    _socket: socket.socket | None = None

    def open(self, path: str) -> Page:
        """Get a page and, unless they were fetched before, its style sheet and icon.

        Raises:
            UnexpectedAnswer: any status but 200.
        """
        page = self._get(path)
        for asset in () if self.has_assets else ASSETS.findall(page.text):
            if asset not in self.fetched_assets:
                self.fetched_assets.add(asset)
                self._get(asset)
        return page

    def _get(self, path: str) -> Page:
        page = self.request("GET", path)
        if page.status != 200:
            raise UnexpectedAnswer(f"{page.status} for GET {path}")
        return page

    def post(
        self, page: Page, answers: Mapping[str, str], *, path: str = "", files: Mapping[str, tuple[str, bytes]] = {}
    ) -> Page:
        """Post a page's form to ``path`` or to where it came from; return the redirect.

        Args:
            files: name and content of a file by the name of its field, which makes the form a multipart one.

        Raises:
            UnexpectedAnswer: the form was not accepted.
        """
        values = {**page.hidden(), **answers}
        kind, body = multipart(values, files) if files else (FORM, urlencode(values).encode())
        answer = self.request("POST", path or page.path, body, kind)
        if answer.status != 302:
            raise UnexpectedAnswer(f"{answer.status} for POST {answer.path}")
        return answer

    def post_to(self, path: str, values: Mapping[str, str]) -> Page:
        """Post a form without files; return the answer, whatever it is."""
        return self.request("POST", path, urlencode(values).encode(), FORM)

    def follow(self, redirect: Page) -> Page:
        """Open the page that a redirect points to."""
        return self.open(urlsplit(redirect.location).path)

    def send(self, page: Page, answers: Mapping[str, str], *, files: Mapping[str, tuple[str, bytes]] = {}) -> Page:
        """Post a page's form as :meth:`post` does, then follow."""
        return self.follow(self.post(page, answers, files=files))

    def close(self) -> None:
        """Close the connection."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", headers: Mapping[str, str] = {}
    ) -> Page:
        """Make one request over the kept connection; cookies are sent and stored."""
        self.requests += 1
        address = self.name or (self.host if self.tls else f"{self.host}:{self.port}")
        origin = f"{'https' if self.tls else 'http'}://{address}"
        head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n{HEADERS}"
        if self.cookies:
            head += f"Cookie: {'; '.join(f'{name}={value}' for name, value in self.cookies.items())}\r\n"
        if self.source:
            head += f"X-Forwarded-For: {self.source}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if content_type:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nOrigin: {origin}\r\n"
        begun = time.perf_counter()
        if self._socket is None:
            self._socket = connected(self.host, self.port, tls=self.tls)
            self._socket.sendall(self.preface)
        self._socket.sendall(f"{head}\r\n".encode() + body)
        status, answer, content = _answer(self._socket)
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        self.times.append(seconds)
        self.cookies.update(COOKIE.findall(answer))
        if CLOSES.search(answer):
            self.close()
        location = LOCATION.search(answer)
        return Page(path, status, location[1] if location else "", content, seconds)


def connected(host: str, port: int, *, tls: bool = False, source: str = "") -> socket.socket:
    """Return a connection, from the address ``source`` where one is given. Raises OSError."""
    plain = socket.create_connection((host, port), TIMEOUT_SECONDS, (source, 0) if source else None)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    try:
        return _unverified().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


@cache
def _unverified() -> ssl.SSLContext:
    """Settings of TLS for any certificate, made once: a default context reads all authorities of the machine, 20 ms."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def multipart(values: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return content type and body of a form with files, as Chromium writes it."""
    boundary = f"----WebKitFormBoundary{secrets.token_hex(8)}"
    start = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{start}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in values.items()]
    for name, (file_name, content) in files.items():
        head = f'{start}"{name}"; filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def _answer(connection: socket.socket) -> tuple[int, str, bytes]:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _received(connection)
    head = data[:end].decode("latin-1")
    length = LENGTH.search(head)
    if length is None:
        raise UnexpectedAnswer("an answer without a length")
    size = end + 4 + int(length[1])
    while len(data) < size:
        data += _received(connection)
    return int(head[9:12]), head, data[end + 4 :]


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise UnexpectedAnswer("the connection was cut")
    return data


def in_parallel(
    scenario: Callable[[Browser], Result],
    *,
    clients: int,
    seconds: float,
    address: tuple[str, int],
    tls: bool = False,
) -> tuple[list[Result], int, float]:
    """Let ``clients`` processes repeat a scenario for a time, each time with a new browser.

    Returns:
        What the scenarios returned, how many failed, and the seconds until the last one was done.
    """
    begun = time.perf_counter()
    running = []
    for _ in range(clients):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=_repeat, args=(scenario, seconds, address, tls, sender))
        process.start()
        running.append((process, receiver))
    results: list[Result] = []
    errors = 0
    for process, receiver in running:
        done, failed = receiver.recv()
        process.join()
        results += done
        errors += failed
    return results, errors, time.perf_counter() - begun


def _repeat(
    scenario: Callable[[Browser], Result], seconds: float, address: tuple[str, int], tls: bool, sender: Connection
) -> None:
    done, failed = [], 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        browser = Browser(*address, tls=tls)
        try:
            done.append(scenario(browser))
        except (UnexpectedAnswer, OSError) as error:
            print(f"a client failed: {error}", flush=True)
            failed += 1
            time.sleep(0.1)
        finally:
            browser.close()
    sender.send((done, failed))
    sender.close()


def percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of ``values`` do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def milliseconds(values: list[float], share: float) -> float:
    """Return a percentile of ``values`` (seconds) in milliseconds, to a tenth."""
    return round(percentile(values, share) * 1000, 1)
