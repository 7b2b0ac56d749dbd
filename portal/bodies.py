"""How large the body of a request may be at each address, how fast it must come, and the page for one that does not.

The table is the only place that says so: the web server's worker (:mod:`portal.body_worker`) reads it before a thread
sees a request, BodyMiddleware (:mod:`portal.middleware`) where another server runs the portal, and a test holds
deploy/nginx.conf against it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from complaints.services.evidence.resumable import segment_bytes
from complaints.uploads import BODY_STEPS, BODY_VIEW

KIB: Final = 1024
# Every body but that of a file: the longest story with all other answers of its page fits many times.
SMALL_BYTES: Final = 128 * KIB
# Of the request line and the headers together.
HEAD_BYTES: Final = 32 * KIB
HEAD_SECONDS: Final = 10
# A body brings this many bytes a second on average, but for its first seconds ...
BYTES_PER_SECOND: Final = 2 * KIB
GRACE_SECONDS: Final = 10
# ... and what came faster buys no longer pause than this, or one large piece would hold a thread for hours.
PAUSE_SECONDS: Final = 30
# What a form with files holds besides them.
_FORM_BYTES: Final = 1024 * KIB


def _form_with_files() -> int:
    # What is above the limits of a single file or of all files is refused by the form, which keeps the text.
    return int(settings.EVIDENCE_MAX_FILES * settings.EVIDENCE_MAX_FILE_BYTES) + _FORM_BYTES


# The addresses that take files, by name, each with the function that returns its largest body in bytes. Besides the
# pages with a file field these are the buttons within their forms, which send the chosen files along. The addresses of
# a body's decisions name a release each, so that they are no paths that can be listed (takes_files).
FILE_ADDRESSES: Final[dict[str, Callable[[], int]]] = {
    "report_story": _form_with_files,
    "upload_segment": segment_bytes,
    "status_add": _form_with_files,
    "admin:complaints_case_finding": _form_with_files,
    "admin:complaints_case_finding_table": _form_with_files,
}
_PAGES: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "408.html",
    HTTPStatus.LENGTH_REQUIRED: "400.html",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "413.html",
    HTTPStatus.SERVICE_UNAVAILABLE: "503_files.html",
}
_RETRY_SECONDS: Final = 10


@cache
def file_paths() -> dict[str, Callable[[], int]]:
    """Return the path of every address that takes files, in each language, with the function as in FILE_ADDRESSES."""
    paths: dict[str, Callable[[], int]] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            paths |= {reverse(name): most for name, most in FILE_ADDRESSES.items()}
    return paths


@cache
def _decision_paths() -> re.Pattern[str]:
    """Match the paths at which a body records a decision and may add its copy: each names a release."""
    release = uuid.UUID(int=0)
    paths = "|".join(reverse(BODY_VIEW, args=[release, action]) for action in sorted(BODY_STEPS))
    return re.compile(paths.replace(str(release), "[0-9a-f-]{36}"))


def takes_files(path: str) -> bool:
    """Return whether a body with files may come to ``path`` (without a query)."""
    return path in file_paths() or _decision_paths().fullmatch(path) is not None


def largest_body(path: str) -> int:
    """Return how many bytes a body may have at ``path`` (without a query)."""
    most = file_paths().get(path)
    if most is None and takes_files(path):
        return int(settings.EVIDENCE_MAX_FILE_BYTES) + _FORM_BYTES
    return max(most() if most else 0, SMALL_BYTES)


@dataclass
class Pace:
    """Until when more of a body has to come; seconds of :func:`time.monotonic`."""

    until: float

    @classmethod
    def begun(cls, now: float) -> Pace:
        """Return the pace of a body of which nothing has come yet."""
        return cls(now + GRACE_SECONDS)

    def received(self, size: int, now: float) -> None:
        """Note that ``size`` bytes came."""
        self.until = min(self.until + size / BYTES_PER_SECOND, now + PAUSE_SECONDS)


def refusal_page(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Return the page for a body that is too large, came too slowly, or found no thread."""
    response = render(request, _PAGES[status], status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response
