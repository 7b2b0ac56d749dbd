"""The part of bench/queue.py that runs in a process per size, with the environment of a portal of its own: fills the
database, then answers each line of input, a page's name, with its time in milliseconds, or, with "queries" behind the
name, with the number of its queries."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import crowd
from bench.client import Page
from bench.inprocess import InProcessBrowser, signed_in
from complaints.services.blind_index import REPORTS_AT_ONCE
from complaints.services.case_file import REPORTS_A_PAGE

AFTER: Final = re.compile(r"after=([\w.]+)\"")
CASE_LINK: Final = re.compile(r"/case/([0-9a-f-]{36})/change/\"")
CASE_PAGES: Final = 12
JOINT_REPORTS: Final = 500
FILTERS: Final = (
    "",
    "status=every",
    "status=ended",
    "status=ours",
    "status=verified",
    "status=referred",
    "due=late",
    "due=today",
    "officer=me",
    "officer=none",
    "answers=unread",
    "group=pressure",
    "accused=superior",
    "province=33",
    "province=none",
    "officer=me&province=33",
    "status=ended&officer=me",
)


@dataclass(frozen=True)
class MeasuredPage:
    """A page that is measured: whose browser requests it, and its address."""

    browser: InProcessBrowser
    address: str

    def open(self) -> Page:
        """Request it; raises UnexpectedAnswer for anything but a page."""
        return self.browser.open(self.address)

    def queries(self) -> int:
        """Count the queries of the second request, because the first may renew what is kept in memory."""
        self.open()
        with CaptureQueriesContext(connection) as captured:
            self.open()
        # Where a transaction begins and ends goes with the query beside it.
        return sum(not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for query in captured)


def measured_pages(size: int) -> tuple[dict[str, MeasuredPage], int]:
    """Fill the database with ``size`` cases; return the pages by name, and how many cases they list."""
    queue = reverse("admin:complaints_case_changelist")
    officer, searcher = signed_in("verifikator1"), signed_in("verifikator2")
    crowd.fill(size, officer)
    pages = {query or "first": MeasuredPage(officer, f"{queue}?{query}") for query in FILTERS}
    pages["second"] = MeasuredPage(officer, f"{queue}?after={AFTER.findall(pages['first'].open().text)[0]}")
    cases = sorted({pk for page in pages.values() for pk in CASE_LINK.findall(page.open().text)})
    crowd.display(cases)
    searcher.post(searcher.open(queue), {"words": crowd.NIP}, path=reverse("admin:complaints_case_search"))
    pages["search"] = MeasuredPage(searcher, reverse("admin:complaints_case_search"))
    for number, pk in enumerate(cases[:CASE_PAGES]):
        pages[f"case-{number}"] = MeasuredPage(officer, reverse("admin:complaints_case_change", args=[pk]))
    return pages | _joint_pages(officer), len(cases)


def _joint_pages(officer: InProcessBrowser) -> dict[str, MeasuredPage]:
    """Link reports into one case; return its pages, which have been opened, so that every report is indexed."""
    joint, sent = crowd.join(JOINT_REPORTS, officer)
    page, last = reverse("admin:complaints_case_change", args=[joint]), -(-JOINT_REPORTS // REPORTS_A_PAGE)
    for _look in range(JOINT_REPORTS // REPORTS_AT_ONCE + 1):
        officer.open(page)
    reporter = InProcessBrowser()
    reporter.send(reporter.open(reverse("status_enter")), {"code": sent.code})
    return {
        "joint-first": MeasuredPage(officer, page),
        "joint-last": MeasuredPage(officer, f"{page}?reports={last}"),
        "joint-custody": MeasuredPage(officer, reverse("admin:complaints_case_custody", args=[joint])),
        "joint-link": MeasuredPage(officer, reverse("admin:complaints_case_link", args=[joint])),
        "joint-status": MeasuredPage(reporter, reverse("status_page")),
    }


def main() -> int:
    """Fill, then answer until the input ends."""
    begun = time.perf_counter()
    pages, cases = measured_pages(int(sys.argv[1]))
    about = {"pages": list(pages), "lines": cases, "filled_s": round(time.perf_counter() - begun)}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        name, _space, queries = line.strip().partition(" ")
        page = pages[name]
        print(page.queries() if queries else page.open().seconds * 1000, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
