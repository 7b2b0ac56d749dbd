"""What a phone without scripts shows first: who runs this, for whom, and each way on; then the page about it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator

from complaints.domain.operator import SAMPLE
from tests.browser.measure import looked_at
from tests.browser.window import Opener, Window
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)

WIDTH, HEIGHT = 360, 740
WORDS = {
    "id": ("Siapa kami, dan apakah ini asli?", "Cek status laporan", "Tentang kanal ini", "Ke halaman utama"),
    "en": (
        "Who we are, and is this genuine?",
        "Check the status of a report",
        "About this portal",
        "To the front page",
    ),
}


def lower_edge(part: Locator) -> float:
    """How far below the top of the window a part of the page ends, in pixels."""
    box = part.bounding_box()
    assert box
    return box["y"] + box["height"]


def is_first_screen(browser: Window, texts: tuple[str, ...]) -> None:
    """Nothing of ``texts`` needs scrolling on a small phone."""
    page = browser.page
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    below = [text for text in texts if lower_edge(page.locator("main").get_by_text(text).first) > HEIGHT]
    assert below == []
    assert lower_edge(page.locator(".doors")) <= HEIGHT


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_first_screen_and_the_page_about_it(window: Opener, live_cast: Cast, settings: Any, language: str) -> None:
    settings.OPERATOR, settings.PUBLIC_ORIGIN = SAMPLE, "https://lapor.example.go.id"
    browser, sizes = window(script=False), ((WIDTH, "light"), (WIDTH, "dark"), (1280, "light"))
    leads_to_it, status, title, home = WORDS[language]
    browser.go("/en/" if language == "en" else "/")
    is_first_screen(browser, (SAMPLE.name, SAMPLE.basis, "PPPK", "pilkada", status))
    assert looked_at(browser, language, sizes) == []
    browser.press(leads_to_it)
    assert browser.page.locator("h1").inner_text() == title
    assert looked_at(browser, language, sizes) == []
    assert all(text in browser.page.inner_text("main") for text in (SAMPLE.unit, SAMPLE.contact))
    browser.press(home)
    assert browser.complaints == []
