"""A portal as production runs it: gunicorn as deployed, ``manage.py work``, PostgreSQL and Redis."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from bench.attack import drafts
from bench.attack.drafts import SMALL_FILE
from bench.attack.drip import Drip, Visits, pages_beside, reports_through
from bench.attack.flood import FloodResult
from bench.attack.target import Account, Skipped
from bench.client import Browser, Page, UnexpectedAnswer
from bench.evidence import STORY_PAGE, at_story, resident_bytes
from bench.intake import STORY, report
from bench.proxy import nginx_path, proxied
from bench.server import HOST, Portal, redis_server, run_python, running, variable, working

JOBS_WITHIN_SECONDS = 300
MIB = 1024 * 1024
# The longest wait of a run: an unfinished report ends in place of two hours after five minutes.
DRAFT_SECONDS = 300
# Address and length of a body that slow connections announce.
SLOW_BODIES = (("/cek/", 1000), (STORY_PAGE, 10 * MIB))


@dataclass
class ServedPortal:
    """A :class:`bench.attack.target.Target` over HTTP and SQL."""

    portal: Portal
    folder: Path
    secret_key: str
    cache: Redis | None
    left_draft: Future[float] | None = None
    slow: tuple[list[Visits], list[Visits]] | None = None

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run SQL beside the portal, committed at once."""
        self._query(statement, values)

    def _query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        address = self.portal.database
        if address.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(address.removeprefix("sqlite:///"), timeout=20)) as file, file:
                return file.execute(statement.replace("%s", "?"), tuple(values)).fetchall()
        with psycopg.connect(address) as connection:
            cursor = connection.execute(statement.encode(), list(values))
            return cursor.fetchall() if cursor.description else []

    def run_jobs(self) -> None:
        """Wait for two more heartbeats: a whole minute of the runner lies between them. Raises SystemExit."""
        self.wait_for_heartbeats(3)  # with the one from before

    def wait_for_heartbeats(self, number: int) -> None:
        """Return once so many heartbeats were seen, the present one counted. Raises SystemExit where none come."""
        seen: set[object] = set()
        until = time.monotonic() + JOBS_WITHIN_SECONDS
        while time.monotonic() < until:
            seen.update(row[0] for row in self._query("SELECT beat_at FROM complaints_heartbeat"))
            if len(seen) >= number:
                return
            time.sleep(1)
        raise SystemExit("The runner ran no jobs.")

    def upload_file(self) -> None:
        """Add a file to an unsent report, for which the server compares the store with its limit."""
        browser = at_story(self.portal)
        page = browser.open(STORY_PAGE)
        # A server that fails over what was planted has looked at it.
        with contextlib.suppress(UnexpectedAnswer):
            browser.post(page, STORY | {"go": "stay"}, files={"evidence": ("a.pdf", SMALL_FILE)})
        browser.close()

    def send_reports(self, number: int) -> None:
        """Send whole reports, each from a new browser, so that both workers get some."""
        for _ in range(number):
            browser = self.browser()
            report(browser)
            browser.close()

    def at_story(self) -> Browser:
        """Return the browser of a reporter on page 3."""
        return at_story(self.portal)

    def at_once(self, requests: Sequence[Callable[[], Page]]) -> list[Page]:
        """Make each request in a thread of its own."""
        with ThreadPoolExecutor(max_workers=len(requests)) as threads:
            return list(threads.map(lambda request: request(), requests))

    def resident_mib(self) -> dict[int, float]:
        """Return the memory of the workers, without the processes that they start for files."""
        return {pid: resident_bytes(pid) / MIB for pid in self.portal.workers()}

    def browser(self) -> Browser:
        """Return a browser without cookies; the portal believes to be behind a proxy."""
        return Browser(HOST, self.portal.port)

    def account(self, *username: str) -> Account:
        """Return a sample officer with a new app, or another sample account."""
        return Account(**self._inside("account", *username))

    def draft_seconds(self) -> int:
        """Return the life that this run gives an unfinished report."""
        return DRAFT_SECONDS

    def draft_traces(self) -> set[str]:
        """Return ids of rows and names in the folder of sealed objects."""
        rows = self._query("SELECT id FROM complaints_draft") + self._query("SELECT id FROM complaints_draftfile")
        folder = self.portal.folder / "evidence"
        stored = {path.name for path in folder.iterdir()} if folder.exists() else set()
        return {str(row[0]) for row in rows} | stored

    def moment(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep; the job runner works beside it."""
        time.sleep(seconds)

    def draft_free_seconds(self) -> float:
        """Return what was measured of the report that was left at the beginning, once it is gone."""
        if self.left_draft is None:
            raise RuntimeError("No unfinished report was left.")
        return self.left_draft.result()

    def blind_columns(self) -> list[str]:
        """Alter columns as the owner of the tables, in a process of its own."""
        names: list[str] = self._inside("columns")
        return names

    def told_lines(self) -> list[str]:
        """Alter columns as the owner of the tables, in a process of its own."""
        names: list[str] = self._inside("lines")
        return names

    def sent_objects(self) -> set[str]:
        """Return names that rows of sent evidence bear and that lie in the folder of sealed objects."""
        rows = self._query("SELECT object_name FROM complaints_evidenceobject")
        stored = {path.name for path in (self.portal.folder / "evidence").iterdir()}
        return {str(row[0]) for row in rows} & stored

    def beside_slow_connections(self) -> tuple[list[Visits], list[Visits]]:
        """Measure once, a small body and one with files, through the proxy and at the server itself."""
        if self.slow is None:
            if nginx_path() is None:
                raise Skipped("no nginx")
            with proxied(self.portal.port) as proxy:
                through = [reports_through(proxy, Drip.body(*body, tls=True)) for body in SLOW_BODIES]
            direct = [pages_beside(self.portal.port, Drip.body(*body, tls=False)) for body in SLOW_BODIES]
            self.slow = (through, direct)
        return self.slow

    def escapes(self) -> list[str]:
        """Try the escapes in a process of its own, with the portal's settings."""
        place = self.folder / "escapes"
        place.mkdir()
        names: list[str] = self._inside("escapes", str(place))
        return names

    def flood(self) -> FloodResult:
        """Send 540 reports and handle them in a process of its own, in a transaction that is undone."""
        return FloodResult(**self._inside("flood"))

    def _inside(self, *command: str) -> Any:
        printed = run_python(self.portal.owner_environment, "-m", "bench.attack.inside", *command)
        return json.loads(printed.splitlines()[-1])

    def failed_jobs(self) -> list[str]:
        """Return the jobs that failed, each with the class of its error."""
        return [f"{name}: {kind}" for name, kind in self._query("SELECT name, type FROM complaints_jobfailure")]


@contextlib.contextmanager
def attacked(*, sqlite: bool, leaves_draft: bool = True) -> Iterator[ServedPortal]:
    """Serve a fresh portal with the sample cases, its job runner and a Redis while the context lasts.

    On PostgreSQL its services sign in by the runtime roles. ``leaves_draft``: a report is left unfinished at the
    beginning, and the context lasts until it is gone. Raises SystemExit where a job failed, because then it is no
    portal as in production.
    """
    with redis_server() as redis_url:
        settings = {"EVIDENCE_MAX_STORE_BYTES": str(1024 * MIB), "BEHIND_PROXY": "true"}
        settings["DRAFT_SECONDS"] = str(DRAFT_SECONDS)
        settings |= {"REDIS_URL": redis_url} if redis_url else {}
        with running(sqlite=sqlite, settings=settings, cases=True, roles=True) as portal, working(portal):
            folder = portal.folder / "attack"
            folder.mkdir()
            secret = variable(portal.folder / "portal.env", "SECRET_KEY")
            target = ServedPortal(portal, folder, secret, Redis.from_url(redis_url) if redis_url else None)
            target.wait_for_heartbeats(1)  # what a runner does at its start must not hide what it does later
            with ThreadPoolExecutor(max_workers=1) as pool:
                if leaves_draft:
                    target.left_draft = pool.submit(drafts.seconds_until_gone, target, drafts.leave_draft(target))
                yield target
            if failed := target.failed_jobs():
                raise SystemExit(f"Jobs failed: {', '.join(failed)}")
