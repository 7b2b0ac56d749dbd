"""Sends requests that no browser sends to a served portal, for ten minutes, as stranger, reporter and officer.

The last line is one JSON object: requests, the answers that were amiss (an error of the server, an answer without the
portal's headers, one that took half a minute), and by how many MiB the worker that grew most has grown for good. A
run with the same seed makes the same requests. Returns 1 where an answer was amiss or a worker grew by more than 32.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from itertools import cycle

from bench.attack.__main__ import without_postgresql
from bench.attack.factor import Thief, is_in
from bench.attack.served import ServedPortal, attacked
from bench.client import Browser
from bench.fuzz.pages import Answer, Exchange, Probe, crawl
from bench.fuzz.probes import AVOIDED, REPORTER_PAGES, TOKEN, Probes, amiss
from bench.server import HOST

SECONDS = 600
MOST_MIB = 32
TIMEOUT_SECONDS = 60
# Nothing is answered: the connection ended.
CUT = 599


def over_http(port: int, cookies: dict[str, str]) -> Exchange:
    """Return how a probe is answered on a new connection with these cookies."""

    def ask(probe: Probe) -> Answer:
        connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
        begun = time.monotonic()
        try:
            connection.putrequest(probe.method, probe.path, skip_accept_encoding=True)
            given = {name.lower() for name, _value in probe.headers}
            if "cookie" not in given:
                connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
            connection.putheader("Origin", f"http://{HOST}:{port}")
            if probe.content_type:
                connection.putheader("Content-Type", probe.content_type)
            if probe.body or probe.method == "POST":
                connection.putheader("Content-Length", str(len(probe.body)))
            for name, value in probe.headers:
                connection.putheader(name, value)
            connection.endheaders(probe.body)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read(), time.monotonic() - begun)
        except (OSError, http.client.HTTPException):
            return Answer(CUT, {}, b"", time.monotonic() - begun)
        finally:
            connection.close()

    return ask


def officer(target: ServedPortal) -> Browser:
    """Return the browser of a sample officer who has signed in. Raises RuntimeError where that fails."""
    owner = Thief(target, target.account())
    browser, token = owner.at_factor()
    owner.give(browser, token, owner.right()[-1])
    if not is_in(browser):
        raise RuntimeError("The officer could not sign in.")
    return browser


def fuzz(target: ServedPortal, *, seconds: float, seed: int) -> dict[str, object]:
    """Probe in turns as each person; return the numbers and what was amiss."""
    reporter, staff = target.at_story(), officer(target)
    askers = []
    for browser, start in ((target.browser(), REPORTER_PAGES), (reporter, REPORTER_PAGES), (staff, ("/kantor/",))):
        browser.open(start[0] if browser is not staff else "/kantor/")
        ask = over_http(target.portal.port, browser.cookies)
        askers.append((ask, browser, Probes(seed, crawl(ask, start, avoid=AVOIDED))))
    target.send_reports(20)
    before, until, requests = target.resident_mib(), time.monotonic() + seconds, 0
    found: dict[str, str] = {}
    for ask, browser, probes in cycle(askers):
        if time.monotonic() >= until:
            break
        probe = probes.draw(_token(browser))
        requests += 1
        if wrong := amiss(ask(probe)):
            found.setdefault(f"{wrong} for {probe.method} {probe.path.partition('?')[0]}", repr(probe)[:1500])
    for what, probe_text in found.items():
        print(f"{what}\n  {probe_text}", flush=True)
    after = target.resident_mib()
    grown = [after[worker] - before[worker] for worker in before if worker in after]
    return {
        "requests": requests,
        "amiss": len(found),
        "workers_ended": len(set(before) - set(after)),
        "grown_mib": round(max(grown, default=0.0), 1),
        "seed": seed,
    }


def _token(browser: Browser) -> str:
    return browser.cookies.get("csrf", "") or browser.open("/cek/").hidden().get(TOKEN, "")


def main() -> int:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of another run, to repeat its requests")
    options = parser.parse_args()
    with attacked(sqlite=bool(without_postgresql())) as target:
        numbers = fuzz(target, seconds=options.seconds, seed=options.seed)
    print(json.dumps(numbers))
    bad = numbers["amiss"] or numbers["workers_ended"] or float(str(numbers["grown_mib"])) > MOST_MIB
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
