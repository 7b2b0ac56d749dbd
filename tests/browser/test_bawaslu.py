"""Bawaslu's box on a phone, and form B.1 as a download that leaves the page as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import ReportTexts
from tests.browser.window import Opener
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)


def test_form_b1_is_downloaded_from_the_check_page(window: Opener, live_cast: Cast) -> None:
    browser = window(width=360, script=False).go("/lapor/ditekan/")
    page, go_on = browser.page, browser.page.locator("main .btn-primary").first
    for choice in ("accused_kind][value=village_head", "category][value=A2"):
        page.locator(f"details:has([name={choice}]) summary").click()
        page.locator(f"[name={choice}]").check()
    browser.follow(go_on)
    expect(page.locator(".clock")).to_contain_text("hanya Bawaslu yang berwenang menilai")
    browser.follow(go_on)
    page.locator("[name=story]").fill(ReportTexts().story)
    browser.follow(go_on)
    page.locator("[name=identity][value=confidential]").check()
    page.locator("[name=name]").fill("Ratna Pelapor")
    with page.expect_download() as download:
        page.get_by_role("button", name="Unduh formulir B.1 terisi").click()
    assert download.value.suggested_filename == "catatan-cetak.html"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "Formulir Laporan" in text and "Diancam bila menolak" in text and "Ratna" not in text
    assert page.locator("[name=name]").input_value() == "Ratna Pelapor", "what was typed is still there"
    assert browser.path == "/lapor/periksa/"
