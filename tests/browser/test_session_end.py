"""What is typed outlives the session: words are back after the sign-in, the newest window wins, and the end is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from complaints.domain.workflow import Action
from complaints.models.session import KeptForms, SealedSession
from complaints.services import staff_drafts
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.test_ways_on import PICTURES, SIZES
from tests.browser.window import Opener
from tests.cases import act
from tests.world import Cast, send_report, start_session

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "Kepada pelapor: apakah ada surat atau pesan tertulis?"


def types(page: Page, text: str) -> None:
    """Type into the note of the case page, and wait until the draft is kept."""
    page.locator("form[action*='/catatan/'] textarea").fill(text)
    with page.expect_response(lambda answer: "/draf/" in answer.url and answer.request.method == "POST") as kept:
        page.clock.fast_forward(10_500)
    assert kept.value.ok


def note_of(page: Page) -> str:
    return page.locator("form[action*='/catatan/'] textarea").input_value()


def test_words_are_back_after_the_session_and_the_newest_window_wins(
    window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both windows belong to one test, which waits for nothing between them.
    monkeypatch.setattr(staff_drafts, "LEAST_MILLISECONDS", 0)
    sent = send_report()
    act(live_cast, "vera", sent, Action.START_REVIEW)
    vera = Officer(window(), "vera")
    vera.page.clock.install()
    path = vera.opens("case", sent.case.reference)
    types(vera.page, TEXT)
    SealedSession.objects.all().delete()
    # The next session of the same person.
    vera.window.takes_cookies(start_session("vera"))
    vera.window.go(path)
    restored = vera.page.locator("form[action*='/catatan/'] .draft")
    restored.wait_for()
    assert note_of(vera.page) == TEXT and "belum dikirim" in restored.inner_text()
    other = vera.window.context.new_page()
    other.clock.install()
    other.goto(vera.page.url)
    other.locator("form[action*='/catatan/'] .draft").wait_for()
    types(vera.page, f"{TEXT} Dan siapa yang melihatnya?")
    types(other, "Jendela kedua.")
    told = other.locator("form[action*='/catatan/'] .draft")
    assert "Jendela lain memuat kata-kata lain" in told.inner_text()
    vera.window.go(path)
    restored.wait_for()
    assert note_of(vera.page) == "Jendela kedua."
    if PICTURES:
        vera.page.screenshot(path=Path(PICTURES) / "draft.png", full_page=True)
    with vera.page.expect_navigation():
        vera.page.locator("form[action*='/catatan/'] button").last.click()
    assert "Jendela kedua." in vera.window.words and not KeptForms.objects.exists()
    assert note_of(vera.page) == ""


def test_two_minutes_before_the_end_a_page_says_so_and_stays_on_request(window: Opener, live_cast: Cast) -> None:
    sent = send_report()
    act(live_cast, "vera", sent, Action.START_REVIEW)
    vera = Officer(window(), "vera")
    vera.opens("case", sent.case.reference)
    bar = vera.page.locator("#session-end")
    assert bar.is_hidden()
    answers = [{"seconds": 115, "longest": 1800}, {"seconds": 115, "longest": 115}]
    vera.page.route("**/sesi/sisa/", lambda route: route.fulfill(json=answers[0]))
    vera.page.clock.install()
    vera.window.go(vera.window.path)
    vera.page.clock.fast_forward((1800 - 119) * 1000)
    bar.get_by_role("button", name="Tetap masuk").wait_for()
    assert looked_at(vera.window, "id", SIZES, least=0) == []
    if PICTURES:
        for scheme in ("light", "dark"):
            vera.page.emulate_media(color_scheme=scheme)
            vera.page.screenshot(path=Path(PICTURES) / f"session-end-{scheme}.png")
    vera.page.unroute("**/sesi/sisa/")
    bar.get_by_role("button", name="Tetap masuk").click()
    bar.wait_for(state="hidden")
    SealedSession.objects.all().delete()
    vera.page.locator("form[action*='/catatan/'] textarea").fill("Tidak terkirim.")
    vera.page.clock.fast_forward(1_801_000)
    bar.get_by_role("link", name="Masuk lagi").wait_for()
    vera.page.locator("form[action*='/catatan/'] button").last.click()
    assert note_of(vera.page) == "Tidak terkirim." and not SealedSession.objects.exists()
