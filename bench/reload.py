"""Whole reports at a steady pace through the shipped proxy, while the worker's key, the job runner and the web server
are replaced again and again, as docs/operations.md says under "New key".

Keys: reports, those of which the code was shown; errors, reports of which a request was answered wrongly or not at all,
and codes without a stored report; reloads; slowest_ms, the slowest request; unprocessed, files without a working copy;
failed_jobs, jobs that failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.client import Browser, UnexpectedAnswer
from bench.evidence import STORY_PAGE
from bench.intake import CHECK, FIRST, START, STORY, WHO, shown_code
from bench.proxy import NAME, Proxy, proxied
from bench.server import Portal, database, environment_of, fill, run_python, working
from bench.systemd import Systemd, systemd

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "img" / "home-phone.png"
# Every so many reports bring a file.
WITH_FILE = 5
PROCESSED_WITHIN_SECONDS = 300


def send(proxy: Proxy, number: int) -> tuple[str, float]:
    """Send a report; return its code and the seconds of its slowest request. Raises UnexpectedAnswer and OSError."""
    browser = Browser(NAME, proxy.https_port, has_assets=True, tls=True)
    first = FIRST.search(browser.open("/").text)
    page = browser.send(browser.open(first[1] if first else "/lapor/"), START)
    page = browser.send(page, WHO)
    content = PICTURE.read_bytes() if number % WITH_FILE == 0 else b""
    page = browser.send(page, STORY, files={"evidence": ("a.png" if content else "", content)})
    if page.path == STORY_PAGE:
        raise UnexpectedAnswer("the file was not taken")
    code = shown_code(browser.follow(browser.post(page, CHECK)))
    browser.close()
    return code, max(browser.times)


def replace(portal: Portal, manager: Systemd) -> None:
    """Do once what kanal-rotate.service does, but for the restart of the job runner. Raises SystemExit."""
    run_python(portal.environment, "manage.py", "rotate_worker_key")
    with working(portal):
        done = manager.run("deploy/reload-web")
    if done.returncode:
        raise SystemExit(done.stderr)


def rows(address: str, query: str) -> int:
    """Return the number that a query counts."""
    with psycopg.connect(address) as connection:
        row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0


def wait_until_processed(portal: Portal) -> int:
    """Let the job runner work on what waits; return how many files have no working copy then."""
    query = "SELECT count(*) FROM complaints_evidence WHERE state <> 'ready'"
    until = time.monotonic() + PROCESSED_WITHIN_SECONDS
    with working(portal):
        while rows(portal.database, query) and time.monotonic() < until:
            time.sleep(1)
    return rows(portal.database, query)


def measured(portal: Portal, manager: Systemd, options: argparse.Namespace) -> dict[str, object]:
    """Send reports until all reloads are done, then count."""
    running: list[Future[tuple[str, float]]] = []
    with proxied(manager.port) as proxy, ThreadPoolExecutor(max_workers=32) as pool:
        with ThreadPoolExecutor(max_workers=1) as operator:
            reloads = [operator.submit(replace, portal, manager) for _ in range(options.reloads)]
            due = time.monotonic()
            while not all(reload.done() for reload in reloads):
                running.append(pool.submit(send, proxy, len(running)))
                due += 1 / options.rate
                time.sleep(max(0.0, due - time.monotonic()))
        for reload in reloads:
            reload.result()
    sent, errors = [], 0
    for future in running:
        try:
            sent.append(future.result())
        except (UnexpectedAnswer, OSError) as error:
            print(f"a report failed: {error}", flush=True)
            errors += 1
    missing = abs(rows(portal.database, "SELECT count(*) FROM complaints_complaint") - len({code for code, _ in sent}))
    return {
        "reports": len(sent),
        "errors": errors + missing,
        "reloads": options.reloads,
        "slowest_ms": round(max(seconds for _, seconds in sent) * 1000),
        "unprocessed": wait_until_processed(portal),
        "failed_jobs": rows(portal.database, "SELECT count(*) FROM complaints_jobfailure"),
    }


def main() -> int:
    """Measure and print; 1 where a request failed, a file was lost or a job failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5.0, help="reports a second")
    parser.add_argument("--reloads", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {"BEHIND_PROXY": "true"})
            fill(environment)
            with systemd(lambda: environment) as manager:
                if not manager.start("kanal-web"):
                    raise SystemExit((manager.folder / "web.log").read_text(encoding="utf-8"))
                process = manager.servers["kanal-web"]
                portal = Portal(manager.port, address, folder, environment, environment, process)
                figures = measured(portal, manager, options)
    print(json.dumps(figures))
    return int(any(figures[key] for key in ("errors", "unprocessed", "failed_jobs")))


if __name__ == "__main__":
    sys.exit(main())
