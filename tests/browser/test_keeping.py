"""Nothing typed is lost: with script a hidden page keeps it, without script every way out of a page does."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from complaints.models.complaint import Message
from complaints.models.draft import Draft
from tests.browser.people import Reporter, on_page_3
from tests.browser.window import Opener
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)
KEPT, UNKEPT = "Tersimpan.", "Belum tersimpan."
HIDE = """() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def hides(page: Page) -> str:
    """Put the page into the background, and return what it says beside the box once the save was answered."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.evaluate(HIDE)
    state = page.locator("form [role=status]").first
    state.filter(has_text=re.compile("ersimpan")).wait_for()
    return " ".join(state.inner_text().split())


def elsewhere(reporter: Reporter, path: str = "/lapor/cerita/") -> Page:
    page = reporter.window.context.new_page()
    page.goto(f"{reporter.window.origin}{path}")
    return page


def saves(reporter: Reporter) -> list[Request]:
    """Return, as they come, the requests of the script that keeps."""
    asked: list[Request] = []
    reporter.page.on("request", lambda one: asked.append(one) if one.resource_type == "fetch" else None)
    return asked


@pytest.mark.parametrize("length", [200, 70_000], ids=["short", "more-than-64-KiB"])
def test_a_hidden_page_keeps_what_is_typed_and_another_tab_has_it(window: Opener, live_cast: Cast, length: int) -> None:
    reporter = on_page_3(window)
    asked = saves(reporter)
    typed = ("Kami disuruh berkumpul. " * (length // 24)).strip()
    reporter.page.get_by_label("Cerita Anda").fill(typed)
    assert hides(reporter.page) == KEPT
    assert elsewhere(reporter).get_by_label("Cerita Anda").input_value() == typed
    reporter.page.evaluate(HIDE)
    reporter.page.get_by_label("Cerita Anda").press_sequentially("x")
    reporter.page.get_by_label("Cerita Anda").fill(reporter.texts.story)
    assert hides(reporter.page) == KEPT
    assert {one.url for one in asked} == {reporter.page.url}
    kept = len(asked)
    assert reporter.window.press("Lanjut").path == "/lapor/periksa/", "its own older answers are no other window's"
    assert len(asked) == kept, "a button keeps by itself"
    assert reporter.texts.story in reporter.window.words


def test_a_reloaded_page_shows_what_was_typed(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    for typed in ("Kami disuruh berkumpul di aula.", "Kami disuruh berkumpul di aula kantor camat."):
        reporter.page.get_by_label("Cerita Anda").fill(typed)
        reporter.page.reload()
        expect(reporter.page.get_by_label("Cerita Anda")).to_have_value(typed)
    assert reporter.page.evaluate("history.state") is None


def test_every_page_keeps(window: Opener, live_cast: Cast) -> None:
    reporter = Reporter(window(width=360, height=740))
    reporter.window.go("/lapor/ditekan/")
    reporter.chooses("Atasan saya")
    assert hides(reporter.page) == KEPT
    assert elsewhere(reporter, "/lapor/").locator("[name=accused_kind]:checked").count() == 1
    reporter.chooses("Diancam bila menolak")
    reporter.window.press("Lanjut")
    reporter.page.get_by_label("Instansi atau unit kerja").fill("Dinas Pantai")
    assert hides(reporter.page) == KEPT
    assert "Dinas Pantai" in elsewhere(reporter, "/lapor/siapa/").content()
    reporter.page.get_by_label("Jenis instansi").select_option("regency")
    reporter.window.press("Lanjut")
    reporter.tells()
    reporter.window.press("Lanjut")
    reporter.page.get_by_label(re.compile(r"^\s*Berikan nama saya")).check()
    reporter.page.get_by_label("Nama lengkap").fill("Sri")
    assert hides(reporter.page) == KEPT
    assert 'value="Sri"' in elsewhere(reporter, "/lapor/periksa/").content()
    reporter.window.press("Kirim laporan")
    assert reporter.window.path == "/lapor/kode/", "what it kept itself is no change"


def test_choosing_a_file_keeps_first_and_what_failed_is_said(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    reporter.page.get_by_label("Cerita Anda").fill("Sebelum kamera dibuka.")
    with reporter.page.expect_file_chooser(), reporter.page.expect_response("**/lapor/cerita/"):
        reporter.page.get_by_label("Foto, dokumen, rekaman").click()
    assert elsewhere(reporter).get_by_label("Cerita Anda").input_value() == "Sebelum kamera dibuka."
    reporter.page.get_by_label("Cerita Anda").fill("Sesudahnya.")
    Draft.objects.all().delete()
    assert UNKEPT in hides(reporter.page), "the report has ended"
    assert not Draft.objects.exists(), "and does not come back unasked"


def test_an_older_window_says_that_it_keeps_nothing(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    older = elsewhere(reporter)
    reporter.page.get_by_label("Cerita Anda").fill("Jendela baru.")
    hides(reporter.page)
    older.get_by_label("Cerita Anda").fill("Jendela lama.")
    assert "di jendela lain tersimpan isian yang lebih baru" in hides(older)
    older.get_by_role("button", name="Lanjut", exact=True).click()
    older.get_by_role("alert").filter(has_text="Jendela baru.").wait_for()
    assert older.get_by_label("Cerita Anda").input_value() == "Jendela lama."


@pytest.mark.parametrize(
    ("button", "leads"), [("EN: English", "/en/lapor/siapa/"), ("Kanal Netral", "/"), ("Cek status laporan", "/cek/")]
)
def test_without_script_each_way_out_keeps(window: Opener, live_cast: Cast, button: str, leads: str) -> None:
    reporter = Reporter(window(width=360, height=740, script=False))
    reporter.window.go("/").press("Saya ditekan atau dibujuk mendukung calon")
    reporter.chooses("Atasan saya", "Diancam bila menolak")
    reporter.window.press("Lanjut")
    assert "Semua tombol di sini menyimpannya; Muat ulang dan Kembali tidak." in reporter.window.words
    reporter.page.get_by_label("Instansi atau unit kerja").fill("Dinas Pantai")
    assert reporter.window.press(button).path == leads
    if leads != "/en/lapor/siapa/":
        reporter.window.press("Lanjutkan laporan Anda")
        assert reporter.window.path == "/lapor/cerita/", "the first page that is not answered"
        reporter.window.go("/lapor/siapa/")
    assert reporter.page.locator("[name=agency]").input_value() == "Dinas Pantai"


def test_enter_in_a_field_goes_on(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window, script=False)
    reporter.window.go("/lapor/siapa/")
    with reporter.page.expect_navigation():
        reporter.page.get_by_label("Instansi atau unit kerja").press("Enter")
    assert reporter.window.path == "/lapor/cerita/"


def test_deleting_is_said_on_the_front_page(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    reporter.window.press("Kanal Netral")
    assert "tersimpan terkunci di server kami sampai 2 jam" in reporter.window.words
    reporter.window.press("Hapus sekarang")
    assert "Sudah dihapus." in reporter.window.words
    assert reporter.window.go("/").heading.startswith("Ditekan")
    assert "Lanjutkan laporan Anda" not in reporter.window.words


def test_a_message_is_sent_once_however_often_it_is_pressed(window: Opener, live_cast: Cast) -> None:
    reporter = Reporter(window(width=360, height=740))
    reporter.returns(send_report().code)
    reporter.page.get_by_label("Pesan Anda").fill("Rapatnya di aula lantai dua.")
    reporter.page.get_by_role("button", name="Kirim pesan").dblclick()
    reporter.page.get_by_text("Pesan Anda sudah kami terima").wait_for()
    reporter.page.wait_for_load_state()
    assert Message.objects.count() == 1
