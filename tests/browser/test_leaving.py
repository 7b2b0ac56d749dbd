"""The quick exit in a browser: with a script and without one it leads away, and Back shows nothing of the report."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from complaints.models.draft import Draft
from tests.browser.window import Opener, Window

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_cast")]


@pytest.fixture
def away(live_server: LiveServer, settings: Any) -> str:
    """Another origin than the portal's, on this machine: the same server under another name of the host."""
    port = urlsplit(live_server.url).port
    settings.EXIT_URL = f"http://127.0.0.1:{port}/healthz"
    return str(settings.EXIT_URL)


def at_page_two(browser: Window) -> Window:
    browser.go("/").press("Saya ditekan atau dibujuk mendukung calon")
    browser.page.locator("[name=accused_kind]").first.check(force=True)
    browser.page.locator("details:has([value=A1]) summary").click()
    browser.page.locator("[name=category][value=A1]").check()
    browser.press("Lanjut")
    assert Draft.objects.count() == 1
    return browser


@pytest.mark.parametrize("script", [False, True], ids=["without script", "with script"])
def test_the_link_leads_away_and_back_shows_nothing(window: Opener, away: str, script: bool) -> None:
    browser = at_page_two(window(width=360, height=740, script=script, may_leave_for=away))
    browser.page.evaluate("scrollTo(0, 900)") if script else browser.page.mouse.wheel(0, 900)
    box = browser.page.locator(".exit").bounding_box()
    assert box and 0 <= box["y"] < 55
    browser.follow(browser.page.locator(".exit"))
    assert (browser.page.url, Draft.objects.count()) == (away, 0)
    browser.page.go_back()
    assert browser.path != "/lapor/siapa/"
    assert browser.page.locator("[name=accused_name]").count() == 0
    assert browser.cookie("lapor") is None


def test_shift_three_times_leads_away_and_a_capital_letter_does_not(window: Opener, away: str) -> None:
    browser = at_page_two(window(may_leave_for=away))
    name = browser.page.locator("[name=accused_name]")
    name.press_sequentially("ABCD")
    for letter in "EFGH":
        name.press(f"Shift+{letter}")
    expect(name).to_have_value("ABCDEFGH")
    with browser.page.expect_navigation():
        for _time in range(3):
            name.press("Shift")
    assert (browser.page.url, Draft.objects.count()) == (away, 0)
    browser.page.go_back()
    assert browser.path != "/lapor/siapa/"


def test_page_one_leads_to_the_page_that_explains_it(window: Opener, away: str) -> None:
    browser = window(script=False, may_leave_for=away).go("/lapor/ditekan/").press("caranya")
    assert browser.heading == "Bila Anda perlu pergi dengan cepat"
    assert browser.page.title() == "Catatan · Keluar cepat"
    browser.press("Coba tombolnya")
    assert browser.page.url == away


def test_what_was_chosen_on_page_one_is_not_kept_by_leaving(window: Opener, away: str) -> None:
    """A page that is hidden keeps what was typed; one that is left by the quick exit must not."""
    browser = window(may_leave_for=away).go("/lapor/ditekan/")
    browser.page.locator("[name=accused_kind]").first.check(force=True)
    with browser.page.expect_navigation():
        browser.page.locator(".exit").click()
    assert browser.page.url == away
    for _request in range(3):
        browser.page.goto(away)
    assert (Draft.objects.count(), browser.cookie("lapor")) == (0, None)
