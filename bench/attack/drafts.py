"""The attack that fills the disk with unfinished reports: how long after the end of one is its space free again?"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.attack.target import Target
from bench.client import FORM, Browser, Page
from bench.intake import START, STORY, WHO

STORY_PAGE = "/lapor/cerita/"
UPLOAD = "/lapor/berkas/"
SMALL_FILE = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
STEP_SECONDS = 5.0
# So long after the end nobody waits any more.
PATIENCE_SECONDS = 3600


@dataclass(frozen=True)
class LeftDraft:
    """An unfinished report that was left: its rows and objects, and the moment after its last touch in seconds."""

    traces: frozenset[str]
    touched: float


def draft_free_min(target: Target) -> int:
    """Return the minutes from the end of an unfinished report until its rows and objects are gone, rounded up."""
    return math.ceil(target.draft_free_seconds() / 60)


def leave_draft(target: Target) -> LeftDraft:
    """Leave a report with a file and a part of another one. Raises RuntimeError where the portal kept less."""
    before = target.draft_traces()
    browser = target.browser()
    browser.send(browser.send(browser.open("/lapor/"), START), WHO)
    page = browser.open(STORY_PAGE)
    browser.post(page, STORY | {"go": "stay"}, files={"evidence": ("a.pdf", SMALL_FILE)})
    _send_part(browser, page)
    browser.close()
    traces = frozenset(target.draft_traces() - before)
    if len(traces) < 5:  # the report, two files, an object and a segment
        raise RuntimeError(f"Only {len(traces)} rows and objects were kept, so that nothing was tried.")
    return LeftDraft(traces, target.moment())


def _send_part(browser: Browser, page: Page) -> None:
    """Send the first of two segments of a file, as static/js/upload.js does."""
    token = {"X-CSRFToken": page.hidden().get("csrfmiddlewaretoken", "")}
    begun = _answer(browser, "mulai", urlencode({"name": "b.pdf", "size": 1_500_000, "mark": "1"}).encode(), token)
    numbers = dict(re.findall(r'"(id|segment)": "?([0-9a-f-]+)', begun.text))
    part = SMALL_FILE.ljust(int(numbers["segment"]), b"%")
    place = {"Upload-Id": numbers["id"], "Upload-Segment": "0"}
    _answer(browser, "potongan", part, token | place, kind="application/octet-stream")


def _answer(browser: Browser, path: str, body: bytes, headers: dict[str, str], *, kind: str = FORM) -> Page:
    answer = browser.request("POST", f"{UPLOAD}{path}/", body, kind, headers)
    if answer.status != 200 or '"error"' in answer.text:
        raise RuntimeError(f"{answer.status} for a part of a file, so that nothing was tried.")
    return answer


def seconds_until_gone(target: Target, draft: LeftDraft) -> float:
    """Wait until nothing of a report is left; return the seconds since its end.

    Raises RuntimeError where it was gone before its end.
    """
    end = draft.touched + target.draft_seconds()
    while target.moment() < end + PATIENCE_SECONDS:
        # Read before the rows: what is still there then was there at that moment.
        moment = target.moment()
        if not draft.traces & target.draft_traces():
            if moment < end - STEP_SECONDS:
                raise RuntimeError("An unfinished report was gone before its end.")
            break
        target.wait(STEP_SECONDS)
    return max(0.0, target.moment() - end)
