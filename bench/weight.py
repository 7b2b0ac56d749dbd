"""What a first report weighs on the wire: a cold Chromium without JavaScript, the shortest way to the ticket code.

Keys: gzip_bytes, response headers and bodies, each body as ``gzip -6`` makes it or as the server compressed it;
raw_bytes, the same uncompressed; sent_bytes, what really came over the wire; requests, the icon among them.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.intake import STORY
from bench.server import HOST, running

CHROMIUM_NAMES = (
    os.environ.get("CHROMIUM", ""),
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chromium-headless-shell",
)
CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ICON = re.compile(r'<link rel="icon" href="([^"]+)"')


@dataclass
class Answer:
    """One answer: the size of its headers, its body uncompressed, and what came over the wire (bytes)."""

    headers: int
    body: bytes
    sent: int
    compressed: bool

    @property
    def gzipped(self) -> int:
        """Headers and body, compressed."""
        best = len(gzip.compress(self.body, 6)) if self.body else 0
        return self.sent if self.compressed else self.headers + min(best, len(self.body))


@dataclass
class Wire:
    """Listens to the browser's network and keeps an answer for every request, each step of a redirect included."""

    devtools: CDPSession
    heads: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)
    steps: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    addresses: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def listen(self) -> None:
        """Begin; bodies are fetched by :meth:`collect` while the page that asked for them is still open."""
        self.devtools.on("Network.requestWillBeSent", self._asked)
        self.devtools.on("Network.responseReceivedExtraInfo", self._head)
        self.devtools.on("Network.loadingFinished", self._finished)
        self.devtools.send("Network.enable")

    def _asked(self, event: dict[str, Any]) -> None:
        self.addresses.append(event["request"]["url"])
        if "redirectResponse" in event:
            self.steps[event["requestId"]].append(int(event["redirectResponse"]["encodedDataLength"]))

    def _head(self, event: dict[str, Any]) -> None:
        self.heads[event["requestId"]].append(event["headersText"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.sizes[event["requestId"]] = int(event["encodedDataLength"])

    def collect(self) -> None:
        """Turn what has finished since the last call into answers."""
        while self.sizes:
            request, size = self.sizes.popitem()
            if request not in self.heads:  # out of the browser's own cache
                continue
            found = self.devtools.send("Network.getResponseBody", {"requestId": request})
            *redirects, head = self.heads.pop(request)
            for text, sent in zip(redirects, self.steps.pop(request, []), strict=True):
                self.answers.append(Answer(len(text), b"", sent, compressed=False))
            compressed = "content-encoding:" in head.lower()
            self.answers.append(Answer(len(head), found["body"].encode(), size, compressed))


def walk(page: Page, wire: Wire, address: str) -> str:
    """Go the shortest way to the ticket code and return it."""
    page.goto(address)
    icon = ICON.search(page.content())
    wire.collect()
    _next(page, wire, "a.btn-primary >> nth=0")
    page.check("[name=accused_kind] >> nth=0", force=True)
    page.check("[name=category] >> nth=0", force=True)
    _next(page, wire)
    page.select_option("[name=agency_kind]", "unknown")
    _next(page, wire)
    page.fill("[name=story]", STORY["story"])
    _next(page, wire)
    _next(page, wire)
    code = page.inner_text("#ticket")
    if icon and not any(asked.endswith(icon[1]) for asked in wire.addresses):
        # Without a window Chromium shows no icon and may fetch none; with one it does.
        wire.addresses.append(icon[1])
        wire.answers.append(fetched(address, icon[1]))
    return code


def _next(page: Page, wire: Wire, selector: str = ".actions .btn-primary") -> None:
    with page.expect_navigation(wait_until="load"):
        page.click(selector)
    wire.collect()


def fetched(address: str, path: str) -> Answer:
    """Get a file as a browser asks for it."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip, deflate, br"})
    answer = connection.getresponse()
    body = answer.read()
    headers = len(f"HTTP/1.1 {answer.status} {answer.reason}\r\n{answer.headers}".encode())
    connection.close()
    return Answer(headers, body, headers + len(body), compressed="content-encoding" in answer.headers)


def main() -> int:
    """Measure and print. Raises SystemExit without a Chromium."""
    path = next((found for name in CHROMIUM_NAMES if name and (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("No Chromium here; install it or set CHROMIUM.")
    with running() as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        page = browser.new_context(java_script_enabled=False, locale="id-ID").new_page()
        wire = Wire(page.context.new_cdp_session(page))
        wire.listen()
        code = walk(page, wire, portal.address)
        browser.close()
    assert re.fullmatch(r"([0-9A-Z]{4}\s*){6}", code), code
    assert all(urlsplit(asked).netloc in {"", f"{HOST}:{portal.port}"} for asked in wire.addresses), wire.addresses
    print(
        json.dumps(
            {
                "gzip_bytes": sum(answer.gzipped for answer in wire.answers),
                "raw_bytes": sum(answer.headers + len(answer.body) for answer in wire.answers),
                "sent_bytes": sum(answer.sent for answer in wire.answers),
                "requests": len(wire.answers),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
