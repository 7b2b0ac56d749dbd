"""Sends requests that no browser sends to a served portal, for ten minutes: as stranger, reporter, and each role.

The last line is one JSON object: requests, the answers that were amiss (an error of the server, an answer without the
portal's headers, one that took half a minute), and by how many MiB the worker that grew most has grown for good since
its first 500 requests. A run with the same seed makes the same requests. Returns 1 where an answer was amiss, or a
worker ended or grew by more than 16.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle

from bench.attack.__main__ import without_postgresql
from bench.attack.factor import Thief, is_in
from bench.attack.served import ServedPortal, attacked
from bench.client import Browser
from bench.fuzz.pages import Answer, Exchange, Probe, crawl
from bench.fuzz.probes import ENDING, LOGIN_PAGES, REPORTER_PAGES, STAFF_PAGES, TICKET_PAGES, Probes, amiss
from bench.intake import report
from bench.server import HOST

SECONDS = 600
ROLES = ("verifikator1", "penerus1", "penjaga1", "bkn1", "auditor1", "admin1")
MOST_MIB = 16
# The first requests of a run load what each page needs, some 30 MiB: memory is compared from then on.
WARM_REQUESTS = 500
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


def staff(target: ServedPortal, username: str) -> Browser:
    """Return the browser of somebody who has signed in. Raises RuntimeError where that fails."""
    owner = Thief(target, target.account(username))
    browser, token = owner.at_factor()
    owner.give(browser, token, owner.right()[-1])
    if not is_in(browser):
        raise RuntimeError(f"{username} could not sign in.")
    return browser


def with_ticket(target: ServedPortal) -> Browser:
    """Return the browser of a reporter whose report is open on the status page."""
    code = report(target.browser()).code
    browser = target.browser()
    browser.post(browser.open("/cek/"), {"code": code})
    return browser


def everybody(target: ServedPortal) -> Iterator[tuple[Browser, tuple[str, ...]]]:
    """Yield a browser for each kind of person, with the pages where they begin."""
    yield target.browser(), (*LOGIN_PAGES, *REPORTER_PAGES)
    yield target.at_story(), REPORTER_PAGES
    yield with_ticket(target), TICKET_PAGES
    for username in ROLES:
        yield staff(target, username), STAFF_PAGES


def fuzz(target: ServedPortal, *, seconds: float, seed: int) -> dict[str, object]:
    """Probe in turns as each person; return the numbers and what was amiss."""
    askers = []
    for browser, start in everybody(target):
        ask = over_http(target.portal.port, browser.cookies)
        # The server ends a connection that was idle for long.
        browser.close()
        browser.open("/cek/")
        askers.append((ask, browser, Probes(seed, crawl(ask, start, avoid=ENDING))))
    target.send_reports(20)
    at_start = before = target.resident_mib()
    until, requests = time.monotonic() + seconds, 0
    answers_amiss: dict[str, str] = {}
    for ask, browser, probes in cycle(askers):
        if time.monotonic() >= until:
            break
        probe = probes.draw(browser.cookies["csrf"])
        if requests == WARM_REQUESTS:
            before = target.resident_mib()
        requests += 1
        if wrong := amiss(ask(probe)):
            answers_amiss.setdefault(f"{wrong} for {probe.method} {probe.path.partition('?')[0]}", repr(probe)[:1500])
    for what, probe_text in answers_amiss.items():
        print(f"{what}\n  {probe_text}", flush=True)
    after = target.resident_mib()
    grown = [after[worker] - before[worker] for worker in before if worker in after]
    return {
        "requests": requests,
        "amiss": len(answers_amiss),
        "workers_ended": len(set(at_start) - set(after)),
        "grown_mib": round(max(grown, default=0.0), 1),
        "seed": seed,
    }


def main() -> int:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of another run, to repeat its requests")
    options = parser.parse_args()
    with attacked(sqlite=bool(without_postgresql()), leaves_draft=False) as target:
        numbers = fuzz(target, seconds=options.seconds, seed=options.seed)
    print(json.dumps(numbers))
    bad = numbers["amiss"] or numbers["workers_ended"] or float(str(numbers["grown_mib"])) > MOST_MIB
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
