"""Attacks by a stranger on the memory of the web server: forms of very many files, very many sign-ins at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from bench.attack.target import Target
from bench.client import Browser, Page

BOUNDARY: Final = "parts"
ASK, STORY, LOGIN = "/cek/", "/lapor/cerita/", "/kantor/masuk/"
WARM_UP_REPORTS: Final = 20
PARTS: Final = (999, 10_000)
SIGN_INS: Final = 64
# What lasts is counted, not what a request takes while it is answered.
SETTLE_SECONDS: Final = 2.0
PDF: Final = b"%PDF-1.4\n"


def many_parts(number: int, fields: Mapping[str, str], content: bytes = b"x") -> tuple[str, bytes]:
    """Return content type and body of a form: its fields, then ``number`` files of ``content``."""
    start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{start}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    file = f'{start}evidence"; filename="a.pdf"\r\n\r\n'.encode() + content + b"\r\n"
    body = b"".join([*parts, file * number, f"--{BOUNDARY}--\r\n".encode()])
    return f"multipart/form-data; boundary={BOUNDARY}", body


def multipart_rss_mib(target: Target) -> float:
    """Return by how many MiB a worker has grown for good after forms of PARTS files: the most of each number."""
    target.send_reports(WARM_UP_REPORTS)
    return max(_growth(target, partial(_post_at_once, target, number)) for number in PARTS)


def parts_s(target: Target) -> float:
    """Return the seconds until the slowest form of the most PARTS was answered, each posted alone.

    Its files are of no kind that is taken: of those that are, the time is that of their encryption and examination.
    """
    answers = _expected([post() for post in _forms(target, max(PARTS), b"\0")])
    return round(max(page.seconds for page in answers), 2)


def signin_rss_mib(target: Target) -> float:
    """Return by how many MiB a worker has grown for good after SIGN_INS at once, of names that nobody has."""
    target.send_reports(WARM_UP_REPORTS)
    return _growth(target, partial(_sign_in, target))


def _growth(target: Target, attack: Callable[[], object]) -> float:
    before = target.resident_mib()
    attack()
    time.sleep(SETTLE_SECONDS)
    after = target.resident_mib()
    if set(after) != set(before):
        raise RuntimeError("A worker ended meanwhile.")
    return round(max((after[worker] - before[worker] for worker in before), default=0.0), 1)


def _post_at_once(target: Target, number: int) -> list[Page]:
    return _expected(target.at_once([post for _ in range(3) for post in _forms(target, number, PDF)]))


def _forms(target: Target, number: int, content: bytes) -> list[Callable[[], Page]]:
    """Return the posts of forms where no file is taken, where the token is wrong, and in an open report."""
    stranger, reporter = target.browser(), target.at_story()
    wrong = {"csrfmiddlewaretoken": stranger.open(ASK).hidden().get("csrfmiddlewaretoken", "")[::-1]}
    right = reporter.open(STORY).hidden() | {"story": "Kami semua diminta mendukung satu pasangan calon.", "go": "stay"}
    posts: list[Callable[[], Page]] = []
    for browser, path, fields in ((stranger, ASK, wrong), (stranger, STORY, wrong), (reporter, STORY, right)):
        kind, body = many_parts(number, fields, content)
        posts.append(partial(_beside(target, browser).request, "POST", path, body, kind))
    return posts


def _expected(answers: list[Page]) -> list[Page]:
    for page in answers:
        if page.status not in (200, 302, 400, 403, 413):
            raise RuntimeError(f"{page.status} for many parts at {page.path}")
    if not any(b"tidak dapat ditambahkan" in page.body for page in answers):
        raise RuntimeError("No page said that there were too many files, so that nothing was tried.")
    return answers


def _beside(target: Target, browser: Browser) -> Browser:
    """Return a browser with another's cookies and a connection of its own."""
    other = target.browser()
    other.has_assets = True
    other.cookies.update(browser.cookies)
    return other


def _sign_in(target: Target) -> list[Page]:
    """Sign in with wrong names from as many addresses; each is refused, at once or after its password was checked."""
    browsers = [target.browser() for _ in range(SIGN_INS)]
    posts = []
    for number, browser in enumerate(browsers):
        browser.has_assets = True
        browser.source = f"198.51.100.{number + 1}"
        form = {**browser.open(LOGIN).hidden(), "login": f"tidak-ada-{number}", "password": "x"}
        posts.append(partial(browser.post_to, LOGIN, form))
    answers = target.at_once(posts)
    for page in answers:
        if page.status not in (200, 429):
            raise RuntimeError(f"{page.status} for a sign-in")
    return answers
