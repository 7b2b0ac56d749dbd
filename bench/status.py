"""How many return visits by ticket code a second: the form, the code, the status page. Eight clients.

A visit is three requests, each with the answer that a browser without JavaScript gets, and a fresh connection; reports
are sent first, so that there is something to see. Leaving, a fourth, is measured apart. Keys: visits_per_s,
visit_p95_ms, errors, cpu_ms_per_visit (the web server's processor time), visits_and_leaving_per_s.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from functools import partial
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Browser, UnexpectedAnswer, in_parallel, milliseconds
from bench.intake import report
from bench.server import HOST, running

CLIENTS = 8


def visit(browser: Browser, *, codes: list[str], leave: bool = False) -> float:
    """Look at one of the reports, and ``leave``; return how long all of it took (seconds).

    Raises:
        UnexpectedAnswer: a page is not the next one.
    """
    # Whoever comes back has the style sheet and the icon.
    browser.has_assets = True
    page = browser.send(browser.open("/cek/"), {"code": random.choice(codes)})
    if "KN-" not in page.text:
        raise UnexpectedAnswer(f"no report on {page.path}")
    if leave:
        browser.post(page, {}, path="/cek/keluar/")
    return browser.seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with running(sqlite=options.sqlite) as portal:
        address = (HOST, portal.port)
        sent, errors, _ = in_parallel(report, clients=4, seconds=5, address=address)
        codes = [report.code for report in sent]
        scenario = partial(visit, codes=codes)
        _, errors_warm, _ = in_parallel(scenario, clients=CLIENTS, seconds=2, address=address)
        begun = portal.cpu_seconds()
        visits, errors_visits, seconds = in_parallel(
            scenario, clients=CLIENTS, seconds=options.seconds, address=address
        )
        cpu = portal.cpu_seconds() - begun
        leaving = partial(visit, codes=codes, leave=True)
        left, errors_left, seconds_left = in_parallel(
            leaving, clients=CLIENTS, seconds=options.seconds / 2, address=address
        )
    figures = {
        "visits_per_s": round(len(visits) / seconds, 1),
        "visit_p95_ms": milliseconds(visits, 0.95),
        "errors": errors + errors_warm + errors_visits + errors_left,
        "cpu_ms_per_visit": round(cpu / max(1, len(visits)) * 1000, 2),
        "visits_and_leaving_per_s": round(len(left) / seconds_left, 1),
        "clients": CLIENTS,
        "database": "sqlite" if options.sqlite else "postgresql",
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
