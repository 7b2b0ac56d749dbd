"""How many whole reports a second: every request that a browser without JavaScript makes, from a cold start until the
ticket code is shown, against PostgreSQL (or SQLite with --sqlite).

Keys: flows_per_s_1 and flows_per_s_8 at 1 and 8 clients; last_post_p95_ms, the sending POST, at 8 clients; errors over
both; cpu_ms_per_flow, processor time of the web server alone at 8 clients, which other work disturbs least.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Browser, Page, UnexpectedAnswer, in_parallel, milliseconds
from bench.server import HOST, running

CODE = re.compile(r'<p class="ticket code"[^>]*>(.*?)</p>', re.S)
GROUP = re.compile(r"<span>([0-9A-Z]{5})</span>")
FIRST = re.compile(r'<a class="btn btn-primary" href="(/lapor/[^"]*)"')

START = {"accused_kind": "superior", "category": "A1"}
WHO = {
    "accused_name": "Kepala Bidang X",
    "accused_position": "Kepala Bidang",
    "accused_nip": "",
    "agency_kind": "regency",
    "agency": "Dinas Contoh",
    "regency": "Kabupaten Suka Maju",
    "province": "33",
    "event_from": "2026-11-02",
    "event_until": "",
    "learnt_on": "",
}
STORY = {
    "story": "Pada rapat pagi kami diminta mendukung pasangan calon nomor dua dan mencatat nama keluarga. " * 8,
    "links": "",
}
CHECK = {"identity": "anonymous", "name": "", "contact": ""}


NO_FILE = {"evidence": ("", b"")}


@dataclass(frozen=True)
class SentReport:
    """A report that was sent: its code, how long the sending POST took (seconds), how many requests all took."""

    code: str
    last_post: float
    requests: int


def report(browser: Browser, *, nip: str = "", links: str = "") -> SentReport:
    """Send a report as a person does, about an accused with ``nip``, with the addresses of posts in ``links``.

    Raises:
        UnexpectedAnswer: a page is not the next one.
    """
    front = browser.open("/")
    first = FIRST.search(front.text)
    page = browser.open(first[1] if first else "/lapor/")
    page = browser.send(page, START)
    page = browser.send(page, WHO | {"accused_nip": nip})
    page = browser.send(page, STORY | {"links": links}, files=NO_FILE)
    sent = browser.post(page, CHECK)
    return SentReport(shown_code(browser.follow(sent)), sent.seconds, browser.requests)


def shown_code(page: Page) -> str:
    """Return the ticket code that a page shows. Raises UnexpectedAnswer without one."""
    box = CODE.search(page.text)
    groups = GROUP.findall(box[1]) if box else []
    if len(groups) != 6:
        raise UnexpectedAnswer(f"no code on {page.path}")
    return "-".join(groups)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with running(sqlite=options.sqlite) as portal:
        address = (HOST, portal.port)
        warm_up, errors, _ = in_parallel(report, clients=4, seconds=3, address=address)
        at_1, errors_1, seconds_1 = in_parallel(report, clients=1, seconds=options.seconds / 2, address=address)
        begun = portal.cpu_seconds()
        at_8, errors_8, seconds_8 = in_parallel(report, clients=8, seconds=options.seconds, address=address)
        cpu = portal.cpu_seconds() - begun
        sent = [*warm_up, *at_1, *at_8]
        # A code that was shown stands for a stored report, and for one only.
        missing = abs(portal.count("complaints_complaint") - len({report.code for report in sent}))
    figures = {
        "flows_per_s_1": round(len(at_1) / seconds_1, 1),
        "flows_per_s_8": round(len(at_8) / seconds_8, 1),
        "last_post_p95_ms": milliseconds([report.last_post for report in at_8], 0.95),
        "errors": errors + errors_1 + errors_8 + missing,
        "cpu_ms_per_flow": round(cpu / max(1, len(at_8)) * 1000, 2),
        "requests": max((report.requests for report in sent), default=0),
        "database": "sqlite" if options.sqlite else "postgresql",
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
