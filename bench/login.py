"""Whether the time of a refused sign-in tells which usernames exist: wrong passwords for a known and for unknown names,
in turn and in random order, each from an address of its own so that no delay intervenes.

Keys: median_ratio (known / unknown), known_ms and unknown_ms (medians), attempts (of each kind). About half a minute.
"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Browser
from bench.server import HOST, Portal, running

KNOWN = "verifikator1"
ATTEMPTS = 80
MOST_SECONDS = 30
LOGIN = "/kantor/masuk/"


class Guesser:
    """Tries wrong passwords over one connection."""

    def __init__(self, portal: Portal) -> None:
        browser = Browser(HOST, portal.port)
        self.form = browser.open(LOGIN).hidden()
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self.headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        self.headers["Origin"] = f"http://{HOST}:{portal.port}"
        self.connection = http.client.HTTPConnection(HOST, portal.port, timeout=30)

    def guess(self, name: str) -> float:
        """Try a wrong password; return the seconds until the refusal was there."""
        body = urlencode({**self.form, "login": name, "password": secrets.token_hex(8)})
        address = ".".join(str(random.randrange(1, 255)) for _ in range(4))
        begun = time.perf_counter()
        self.connection.request("POST", LOGIN, body, {**self.headers, "X-Forwarded-For": address})
        answer = self.connection.getresponse()
        answer.read()
        seconds = time.perf_counter() - begun
        assert answer.status == 200, answer.status
        return seconds


def main() -> int:
    """Measure and print."""
    known: list[float] = []
    unknown: list[float] = []
    with running(sqlite=True, settings={"BEHIND_PROXY": "true", "WEB_WORKERS": "1"}) as portal:
        guesser = Guesser(portal)
        for _ in range(4):
            guesser.guess(secrets.token_hex(2))
        until = time.monotonic() + MOST_SECONDS
        while len(known) < ATTEMPTS and time.monotonic() < until:
            turns = [(known, KNOWN), (unknown, secrets.token_hex(2))]
            random.shuffle(turns)
            for times, name in turns:
                times.append(guesser.guess(name))
    known_s, unknown_s = statistics.median(known), statistics.median(unknown)
    figures = {
        "median_ratio": round(known_s / unknown_s, 3),
        "known_ms": round(known_s * 1000, 1),
        "unknown_ms": round(unknown_s * 1000, 1),
        "attempts": len(known),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
