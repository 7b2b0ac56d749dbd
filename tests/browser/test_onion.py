"""A report over the onion of a portal that runs as in production, by a browser that does not take onions for secure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser

from bench.client import Browser as PlainBrowser
from bench.client import Page
from tests.browser.files import photo
from tests.browser.people import Reporter
from tests.browser.tor import tor
from tests.browser.window import Window
from tests.project.test_tooling import needs_proc
from tests.views.walk import ANONYMOUS, START, STORY_PAGE, WHO
from tests.webserver import HOST, ONION_HOST, WebServer, circuit_line, get, serving
from tests.world import Cast

PUBLIC_HOST, STAFF_HOST = "lapor.example.go.id", "kantor.example.go.id"
ONION = f"http://{ONION_HOST}"
CODE = re.compile(r"<span>([0-9A-Z]{5})</span>")
WIDTH = 360
PHOTO = photo("apel-fajar.jpg")
# Chromium says so of every page without https; Tor Browser takes an onion for secure.
UNTRUSTED = "The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy"

pytestmark = [needs_proc, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def portal(live_cast: Cast, tmp_path: Path) -> Iterator[WebServer]:
    """The portal with three origins, over the database of the tests; nothing of a visitor may be logged."""
    place = connection.settings_dict
    login = f"{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT'] or 5432}/"
    environment = {
        "DATABASE_URL": f"sqlite:///{place['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{login}{place['NAME']}",
        "TEAM_KEY_PINS": live_cast.pins,
        "PORTAL_ORIGIN": f"https://{PUBLIC_HOST}",
        "STAFF_ORIGIN": f"https://{STAFF_HOST}",
    }
    with serving(tmp_path, with_onion=True, environment=environment) as served:
        yield served
        written = served.log.read_text(encoding="utf-8")
        assert not any(word in written for word in ("onion", "fc00", "cek", "lapor", "Traceback")), written


def over_tor(portal: WebServer) -> PlainBrowser:
    return PlainBrowser(HOST, portal.onion_port, name=ONION_HOST, preface=circuit_line(1))


def ask(browser: PlainBrowser, path: str, **headers: str) -> Page:
    return browser.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_whole_report_without_script(portal: WebServer) -> None:
    visitor = over_tor(portal)
    page = visitor.open("/lapor/ditekan/")
    for answers in (START, WHO):
        page = visitor.send(page, answers)
    content = PHOTO.content
    page = visitor.send(page, STORY_PAGE, files={"evidence": (PHOTO.name, content)})
    assert PHOTO.name in page.text
    page = visitor.send(page, ANONYMOUS)
    code = "-".join(CODE.findall(page.text))
    assert (page.path, len(code)) == ("/lapor/kode/", 35)
    assert set(visitor.cookies) == {"lapor", "csrf"}
    again = over_tor(portal)
    assert "KN-" in again.send(again.open("/cek/"), {"code": code}).text


def test_the_two_listeners_of_a_portal_in_production(portal: WebServer) -> None:
    """The proxy is played by its header."""
    public = PlainBrowser(HOST, portal.port, name=PUBLIC_HOST)
    plain = portal.ask(get("/", host=PUBLIC_HOST))
    assert (plain.status, f"location: https://{PUBLIC_HOST}/\r\n" in plain.head.lower()) == (301, True)
    assert ask(public, "/", X_Forwarded_Proto="https").status == 200
    assert ask(public, "/kantor/masuk/", X_Forwarded_Proto="https").status == 404
    staff = PlainBrowser(HOST, portal.port, name=STAFF_HOST)
    assert ask(staff, "/kantor/masuk/", X_Forwarded_Proto="https").status == 200
    assert ask(staff, "/cek/", X_Forwarded_Proto="https").status == 404
    assert ask(over_tor(portal), "/kantor/masuk/").status == 404
    for forged in ("", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Ssl: on\r\n"):
        with portal.onion(2, get("/cek/", forged, host=ONION_HOST)) as wire:
            answer = wire.answer()
        assert answer.status == 200, forged
        assert "strict-transport-security" not in answer.head.lower(), forged
        assert "secure" not in answer.head.lower(), forged


# The browser first: within its loop Django opens a connection of its own, which PostgreSQL's run could not drop.
@pytest.mark.parametrize("script", [False, True], ids=["without-javascript", "with-javascript"])
def test_a_whole_report_in_a_browser(browser: Browser, portal: WebServer, script: bool) -> None:
    names: list[str] = []
    with tor(portal.onion_port, names) as proxy:
        context = browser.new_context(
            viewport={"width": WIDTH, "height": 740}, java_script_enabled=script, proxy={"server": proxy}
        )
        window = Window(context, ONION)
        reporter = Reporter(window)
        assert ONION in window.go("/").words
        assert window.page.evaluate("document.documentElement.scrollWidth") <= WIDTH
        window.press("Saya ditekan atau dibujuk mendukung calon")
        reporter.chooses("Atasan saya", "Diancam bila menolak")
        window.press("Lanjut")
        reporter.says_who_and_where(timezone.localdate() - timedelta(days=7))
        window.press("Lanjut")
        reporter.tells([PHOTO])
        window.press("Lanjut")
        assert PHOTO.name in window.words
        window.press("Kirim laporan")
        assert window.heading == "Laporan Anda sudah kami terima."
        code = reporter.code()
        reporter.returns(code)
        assert window.path == "/cek/laporan/"
        window.press("Selesai, keluar")
        assert {cookie["name"] for cookie in context.cookies()} <= {"csrf"}
        context.close()
    assert set(names) == {ONION_HOST}
    assert [line for line in window.complaints if UNTRUSTED not in line] == []
