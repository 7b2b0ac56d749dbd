"""A browser without JavaScript that costs little: one kept connection, cookies, redirects, the first form of a page.
It asks for what a real one asks for. The scripts that measure throughput call it, in processes of their own."""

from __future__ import annotations

import multiprocessing
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from multiprocessing.connection import Connection
from typing import Any
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
TIMEOUT_SECONDS = 30


class Unexpected(Exception):  # noqa: N818
    """The server answered otherwise than a reporter may expect."""


@dataclass(frozen=True)
class Page:
    """An answer: where it came from, its status, its body, and how long the request took (seconds)."""

    path: str
    status: int
    head: str
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Return the body of a page, which the portal does not compress."""
        return self.body.decode()

    def hidden(self) -> dict[str, str]:
        """Return the hidden fields, the token among them."""
        return {name: unescape(value) for name, value in HIDDEN.findall(self.text)}

    def assets(self) -> list[str]:
        """Return the style sheet and the icon, which a browser fetches by itself."""
        return [str(path) for path in ASSETS.findall(self.text)]


@dataclass
class Browser:
    """One reporter's browser, as cold as it is new."""

    host: str
    port: int
    cached: bool = False
    cookies: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    requests: int = 0
    seconds: float = 0.0
    _socket: socket.socket | None = None

    def open(self, path: str) -> Page:
        """Get a page and what it needs; what has been fetched once, or is ``cached`` anyway, is not fetched.

        Raises:
            Unexpected: any status but 200.
        """
        page = self._get(path)
        for asset in () if self.cached else page.assets():
            if asset not in self.seen:
                self.seen.add(asset)
                self._get(asset)
        return page

    def _get(self, path: str) -> Page:
        page = self._ask("GET", path)
        if page.status != 200:
            raise Unexpected(f"{page.status} for GET {path}")
        return page

    def post(self, page: Page, answers: dict[str, str], *, path: str = "", files: str = "") -> Page:
        """Post a page's form to ``path`` or to where it came from; return the redirect.

        Args:
            files: the name of the file field that stays empty, which makes the form a multipart one.

        Raises:
            Unexpected: the form was not taken.
        """
        values = page.hidden() | answers
        kind, body = _multipart(values, files) if files else (FORM, urlencode(values).encode())
        head = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nOrigin: http://{self.host}:{self.port}\r\n"
        taken = self._ask("POST", path or page.path, head, body)
        if taken.status != 302:
            raise Unexpected(f"{taken.status} for POST {taken.path}")
        return taken

    def follow(self, taken: Page) -> Page:
        """Open the page that a redirect points to."""
        target = LOCATION.search(taken.head)
        if target is None:
            raise Unexpected(f"a redirect to nowhere from {taken.path}")
        return self.open(urlsplit(target[1]).path)

    def send(self, page: Page, answers: dict[str, str], *, files: str = "") -> Page:
        """Post a page's form as :meth:`post` does, then follow."""
        return self.follow(self.post(page, answers, files=files))

    def close(self) -> None:
        """Close the connection."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _ask(self, method: str, path: str, more: str = "", body: bytes = b"") -> Page:
        self.requests += 1
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        cookie = f"Cookie: {cookies}\r\n" if cookies else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{HEADERS}{cookie}{more}\r\n"
        begun = time.perf_counter()
        if self._socket is None:
            self._socket = socket.create_connection((self.host, self.port), TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(head.encode() + body)
        status, answer, content = _answer(self._socket)
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        for name, value in COOKIE.findall(answer):
            self.cookies[name] = value
        if CLOSES.search(answer):
            self.close()
        return Page(path, status, answer, content, seconds)


FORM = "application/x-www-form-urlencoded"


def _multipart(values: dict[str, str], files: str) -> tuple[str, bytes]:
    mark = f"----WebKitFormBoundary{secrets.token_hex(8)}"
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in values.items()]
    empty = f'name="{files}"; filename=""\r\nContent-Type: application/octet-stream'
    parts.append(f"--{mark}\r\nContent-Disposition: form-data; {empty}\r\n\r\n\r\n--{mark}--\r\n")
    return f"multipart/form-data; boundary={mark}", "".join(parts).encode()


def _answer(link: socket.socket) -> tuple[int, str, bytes]:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(link)
    head = data[:end].decode("latin-1")
    found = LENGTH.search(head)
    if found is None:
        raise Unexpected("an answer without a length")
    size = end + 4 + int(found[1])
    while len(data) < size:
        data += _more(link)
    return int(head[9:12]), head, data[end + 4 :]


def _more(link: socket.socket) -> bytes:
    piece = link.recv(65536)
    if not piece:
        raise Unexpected("the connection was cut")
    return piece


# --- Many at once -----------------------------------------------------------------------------------------------------

Act = Callable[[Browser, int], Any]


def together(act: Act, *, clients: int, seconds: float, address: tuple[str, int]) -> tuple[list[Any], int, float]:
    """Let ``clients`` processes repeat ``act`` for a time, each time with a cold browser.

    Returns:
        What the acts returned, how many failed, and the seconds until the last one was done.
    """
    begun = time.perf_counter()
    running = []
    for number in range(clients):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.Process(target=_repeat, args=(act, number, seconds, address, theirs))
        worker.start()
        running.append((worker, ours))
    results, errors = [], 0
    for worker, ours in running:
        done, failed = ours.recv()
        worker.join()
        results += done
        errors += failed
    return results, errors, time.perf_counter() - begun


def _repeat(act: Act, number: int, seconds: float, address: tuple[str, int], answer: Connection) -> None:
    done, failed = [], 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        browser = Browser(*address)
        try:
            done.append(act(browser, number))
        except (Unexpected, OSError) as error:
            print(f"client {number}: {error}", flush=True)
            failed += 1
            time.sleep(0.1)
        finally:
            browser.close()
    answer.send((done, failed))
    answer.close()


def percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of ``values`` do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
