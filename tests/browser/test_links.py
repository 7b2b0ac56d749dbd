"""Links from page 3 to the officer and the body: what is stored is shown, and what names the sharer stays inside."""

from __future__ import annotations

import pytest

from complaints.models.case import Case
from tests.browser.people import Officer, on_page_3
from tests.browser.window import Opener
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)
STATUS = "https://x.com/i/status/1790000000000000001"
SHARED = "Lihat postingan ini https://www.instagram.com/p/AbC123/?igsh=PENGIRIM"
LINKS = f"{SHARED}\nhttps://twitter.com/budi/status/1790000000000000001 dan https://vt.tiktok.com/ZSabC/"


def test_what_is_stored_of_a_link_is_shown_to_reporter_and_officer(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    assert "juga tanpa bagian yang setahu kami" in reporter.window.words
    page.get_by_text("Tambah rincian postingan").click()
    page.locator("[name=url]").fill(SHARED)
    reporter.window.press("Tambah postingan")
    assert f"Yang Anda ketik: {SHARED}" in reporter.window.words
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_label("Cerita Anda").fill(reporter.texts.story)
    page.locator("[name=links]").fill(LINKS)
    reporter.window.press("Lanjut")
    checked = reporter.window.words
    stored = ("https://instagram.com/p/AbC123", f"Yang Anda ketik: {SHARED}", STATUS, "https://vt.tiktok.com/ZSabC")
    assert [text for text in stored if text not in checked] == []
    assert "Postingan 3" in checked
    assert "Postingan 4" not in checked
    assert "Hanya petugas yang membuka laporan ini membacanya utuh." in checked
    assert "ganti dengan alamat postingan itu sendiri" in checked
    reporter.window.press("Kirim laporan")

    vera = Officer(window(), "vera")
    vera.window.go("/kantor/complaints/case/")
    case = Case.objects.get()
    read = vera.window.go(f"/kantor/complaints/case/{case.pk}/change/").words
    assert f"Alamat postingan https://instagram.com/p/AbC123 Seperti diketik {SHARED}" in " ".join(read.split())
    assert "jangan membukanya" in read
    assert STATUS in read
    assert vera.page.locator("a[href*='instagram']").count() == 0
    vera.does("start_review")
    vera.does("verify")

    fitri = Officer(window(width=360), "fitri")
    fitri.window.go(f"/kantor/complaints/case/{case.pk}/teruskan/")
    assert "Lihat postingan ini https://www.instagram.com/p/AbC123/" in fitri.window.words
    assert "PENGIRIM" not in fitri.window.words
