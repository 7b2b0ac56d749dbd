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
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, Request, sync_playwright

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
REDIRECTS = (301, 302, 303)
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
class Recorder:
    """Keeps an answer for every request that a page makes over the network, each step of a redirect included."""

    finished: list[Request] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def collect(self) -> None:
        """Turn what has finished since the last call into answers, while the page that requested it is still open."""
        while self.finished:
            request = self.finished.pop()
            response, sizes = request.response(), request.sizes()
            assert response is not None
            headers, sent = sizes["responseHeadersSize"], sizes["responseHeadersSize"] + sizes["responseBodySize"]
            self.addresses.append(request.url)
            if not sent:  # out of the browser's own cache
                continue
            body = b"" if response.status in REDIRECTS else response.body()
            self.answers.append(Answer(headers, body, sent, "content-encoding" in response.headers))


def walk(page: Page, recorder: Recorder, address: str) -> str:
    """Go the shortest way to the ticket code and return it."""
    page.goto(address)
    icon = ICON.search(page.content())
    recorder.collect()
    _next(page, recorder, "a.btn-primary >> nth=0")
    page.check("[name=accused_kind] >> nth=0", force=True)
    page.click("details:has([name=category]) >> nth=0 >> summary")
    page.check("[name=category] >> nth=0", force=True)
    _next(page, recorder)
    _next(page, recorder)
    page.fill("[name=story]", STORY["story"])
    _next(page, recorder)
    _next(page, recorder)
    code = page.inner_text("#ticket")
    if icon and not any(address.endswith(icon[1]) for address in recorder.addresses):
        # Without a window Chromium shows no icon and may fetch none; with one it does.
        recorder.addresses.append(icon[1])
        recorder.answers.append(fetched(address, icon[1]))
    return code


def _next(page: Page, recorder: Recorder, selector: str = ".actions .btn-primary") -> None:
    with page.expect_navigation(wait_until="load"):
        page.click(selector)
    recorder.collect()


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
    path = next((executable for name in CHROMIUM_NAMES if name and (executable := shutil.which(name))), None)
    if path is None:
        raise SystemExit("No Chromium here; install it or set CHROMIUM.")
    with running() as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        page = browser.new_context(java_script_enabled=False, locale="id-ID").new_page()
        recorder = Recorder()
        page.on("requestfinished", lambda request: recorder.finished.append(request))
        code = walk(page, recorder, portal.address)
        browser.close()
    assert re.fullmatch(r"([0-9A-Z]{5}\s*){6}", code), code
    assert all(urlsplit(address).netloc in {"", f"{HOST}:{portal.port}"} for address in recorder.addresses), (
        recorder.addresses
    )
    print(
        json.dumps(
            {
                "gzip_bytes": sum(answer.gzipped for answer in recorder.answers),
                "raw_bytes": sum(answer.headers + len(answer.body) for answer in recorder.answers),
                "sent_bytes": sum(answer.sent for answer in recorder.answers),
                "requests": len(recorder.answers),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
