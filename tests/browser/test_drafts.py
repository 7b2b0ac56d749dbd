"""An unfinished report in a real browser: open in two windows, ended, and with no room left for its files."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from pytest_django import Settings

from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from complaints.services.evidence import limits
from tests.browser.files import letter
from tests.browser.people import on_page_3
from tests.browser.window import Opener
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)

NOTICE = "Jawaban yang tersimpan berbeda dari yang tampil di halaman ini"


def account(page: Page) -> str:
    return page.get_by_label("Cerita Anda").input_value()


def goes_on(page: Page) -> None:
    page.get_by_role("button", name="Lanjut", exact=True).click()
    page.wait_for_load_state()


def test_an_older_window_shows_both_accounts_and_the_reporter_chooses(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    older = reporter.window.context.new_page()
    older.goto(reporter.page.url)
    reporter.tells()
    reporter.window.press("Lanjut")
    lacking = "Ditulis di jendela lama, yang masih terbuka sejak tadi dan belum tahu isian baru."
    older.get_by_label("Cerita Anda").fill(lacking)
    goes_on(older)
    notice = older.get_by_role("alert")
    assert NOTICE in notice.inner_text()
    assert reporter.texts.story in notice.inner_text()
    assert account(older) == lacking
    assert older.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert older.evaluate("document.documentElement.scrollWidth") <= 360
    notice.get_by_role("link", name="Pakai jawaban tersimpan").click()
    assert account(older) == reporter.texts.story
    older.get_by_label("Cerita Anda").fill(lacking)
    goes_on(older)
    assert older.url.endswith("/lapor/periksa/")
    assert lacking in older.locator("main").inner_text()


def test_leaving_an_older_window_saves_nothing(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window, script=False)
    older = reporter.window.context.new_page()
    older.goto(reporter.page.url)
    reporter.tells()
    reporter.window.press("Lanjut")
    older.get_by_label("Cerita Anda").fill("Ditulis di jendela lama, lalu ditinggalkan tanpa disimpan.")
    goes_on(older)
    assert NOTICE in older.get_by_role("alert").inner_text()
    older.get_by_role("button", name="Unggah berkas sekarang").click()
    older.wait_for_load_state()
    assert NOTICE in older.get_by_role("alert").inner_text(), "no other button replaces the answers"
    assert "lalu ditinggalkan" in account(older)
    older.get_by_role("link", name="Kembali", exact=True).click()
    assert older.url.endswith("/lapor/siapa/")
    reporter.page.reload()
    assert reporter.texts.story in reporter.window.words


def test_the_older_window_may_replace_what_it_was_shown(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window, script=False)
    older = reporter.window.context.new_page()
    older.goto(reporter.page.url)
    reporter.tells()
    reporter.window.press("Lanjut")
    chosen = "Ditulis di jendela lama, dan dipilih setelah melihat keduanya berdampingan di sini."
    older.get_by_label("Cerita Anda").fill(chosen)
    for _ in range(2):
        goes_on(older)
    assert older.url.endswith("/lapor/periksa/")
    reporter.page.reload()
    assert chosen in reporter.window.words
    assert reporter.texts.story not in reporter.window.words


def test_a_report_that_ended_is_told_and_what_is_typed_then_is_kept(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    Draft.objects.all().delete()
    reporter.tells()
    reporter.window.press("Lanjut")
    assert reporter.window.path == "/lapor/"
    assert "Halaman sebelumnya sudah terhapus setelah 2 jam tanpa kegiatan." in reporter.window.words
    reporter.chooses("Atasan saya", "Diancam bila menolak")
    reporter.window.press("Lanjut")
    reporter.page.get_by_label("Jenis instansi").select_option("regency")
    assert reporter.window.press("Lanjut").path == "/lapor/periksa/"
    assert reporter.texts.story in reporter.window.words


def test_the_page_of_a_report_that_ended_says_so_once(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    Draft.objects.all().delete()
    reporter.page.reload()
    assert reporter.window.heading == "Tidak ada lagi isian di sini."
    assert "setelah 2 jam tanpa kegiatan" in reporter.window.words
    assert reporter.page.evaluate("document.documentElement.scrollWidth") <= 360
    reporter.window.follow(reporter.page.get_by_role("link", name="Mulai lagi"))
    assert reporter.window.path == "/lapor/"
    assert reporter.window.go("/lapor/cerita/").path == "/lapor/", "told once, then it begins again"


@pytest.mark.parametrize("script", [False, True], ids=["without-javascript", "with-javascript"])
def test_no_room_for_files_is_told_and_the_report_is_sent(
    window: Opener, live_cast: Cast, settings: Settings, script: bool
) -> None:
    reporter = on_page_3(window, script=script)
    settings.EVIDENCE_DRAFT_BYTES = limits.drafts_bytes()
    reporter.tells([letter("undangan.pdf")])
    if not script:
        reporter.window.press("Lanjut")
    reporter.page.get_by_role("alert").filter(has_text="“undangan.pdf” belum dapat disimpan").wait_for()
    assert "berkasnya dapat menyusul dengan kode tiket." in reporter.window.words
    assert account(reporter.page) == reporter.texts.story
    if script:
        reporter.window.press("Lanjut")
    else:
        reporter.page.get_by_label("Foto, dokumen, rekaman").set_input_files([])
        reporter.window.press("Lanjut")
    assert reporter.window.path == "/lapor/periksa/"
    assert "“undangan.pdf” belum dapat disimpan" in reporter.window.words, "it stays listed until it is dismissed"
    reporter.removes("undangan.pdf")
    assert not DraftFile.objects.exists()
    reporter.window.press("Kirim laporan")
    reporter.returns(reporter.code())
    reporter.attaches([letter("undangan.pdf")])
    reporter.window.press("Kirim berkas")
    if not script:  # what the file tells of its origin is first shown
        reporter.window.press("Kirim berkas")
    reporter.page.get_by_text("Berkas Anda sudah kami terima").wait_for()
    assert Evidence.objects.filter(kind="file").count() == 1, "the whole store limits it, no budget of drafts"
