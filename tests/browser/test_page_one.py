"""Page 1 on a phone: two screens before anything is chosen, and folds that work by keyboard and after an error."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.window import Opener
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)

# Two screens of a phone of 360 x 740.
MOST_PX = 1480


@pytest.mark.parametrize("path", ["/lapor/ditekan/", "/lapor/melihat/", "/en/lapor/ditekan/", "/en/lapor/melihat/"])
def test_page_one_takes_two_screens_of_a_phone(window: Opener, live_cast: Cast, path: str) -> None:
    page = window(width=360, script=False).go(path).page
    assert page.locator("html").evaluate("node => node.getBoundingClientRect().height") <= MOST_PX


def test_one_group_lies_open_and_a_chosen_one_does_again(window: Opener, live_cast: Cast) -> None:
    browser = window(width=360, script=False).go("/lapor/melihat/")
    page, chosen = browser.page, browser.page.locator("[name=category][value=C5]")
    page.locator("summary", has_text="Partai atau tim sukses").click()
    page.locator("[name=category][value=B10]").check()
    page.locator("summary", has_text="Media sosial atau grup").click()
    expect(page.locator("[name=category][value=B10]")).to_be_hidden()
    chosen.check()
    assert page.locator("[name=category]:checked").count() == 1, "radios of one set across the folds"
    browser.follow(page.locator("main .btn-primary"))
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(chosen).to_be_visible()
    expect(chosen).to_be_checked()
    expect(page.locator("[name=category][value=B10]")).to_be_hidden()


def test_none_of_these_fits_leads_on(window: Opener, live_cast: Cast) -> None:
    browser = window(width=360, script=False).go("/lapor/ditekan/")
    browser.page.get_by_label("Tidak ada yang cocok").check()
    browser.page.get_by_label("Saya tidak tahu").check()
    browser.follow(browser.page.locator("main .btn-primary"))
    assert browser.path == "/lapor/siapa/"
    browser.follow(browser.page.locator("main .btn-primary"))
    assert browser.path == "/lapor/cerita/"


@pytest.mark.parametrize(
    ("prefix", "whole", "left_out"), [("", "Jangan memakai", "Keluar cepat"), ("/en", "Do not use", "Quick exit")]
)
def test_on_paper_no_sentence_waits_for_a_link(
    window: Opener, live_cast: Cast, prefix: str, whole: str, left_out: str
) -> None:
    """Ways of the screen are left out with the sentences that lead to them; a site of others has its address."""
    browser = window(width=360, script=False).go(f"{prefix}/lapor/ditekan/")
    browser.page.emulate_media(media="print")
    assert whole in browser.words and left_out not in browser.words
    assert ":" not in browser.page.locator("h1 + p").inner_text()
    browser.go(f"{prefix}/lapor/pintu-lain/bawaslu/")
    printed = "node => getComputedStyle(node, '::after').content"
    (site,) = browser.page.locator("a[rel~=external]").all()
    assert site.is_visible() and "https://" in site.evaluate(printed)
