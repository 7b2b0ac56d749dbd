"""The status page on a phone: the answer is below its question, is kept until it is sent, and an end is objected to."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from complaints.domain.workflow import Action
from tests.browser.files import letter
from tests.browser.test_keeping import KEPT, hides
from tests.browser.window import Opener, Window
from tests.cases import act, in_review
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db(transaction=True)


def opens(window: Opener, sent: Sent, *, script: bool = False) -> Window:
    browser = window(width=360, height=740, script=script).go("/cek/")
    browser.page.locator("[name=code]").fill(sent.code)
    return browser.press("Buka")


def test_question_and_answer_share_the_first_screen(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.ASK_REPORTER, "Pada tanggal berapa rapat itu, dan siapa saja yang hadir?")
    browser = opens(window, sent)
    question, answer = (browser.page.locator(name).bounding_box() for name in (".alert .said", "#id_text"))
    assert question and answer
    assert answer["y"] - question["y"] - question["height"] <= 120
    assert question["y"] > 55
    assert answer["y"] + answer["height"] <= 740
    browser.page.get_by_label("Jawaban Anda").fill("Hari Senin, kira-kira dua puluh orang.")
    browser.press("Kirim jawaban")
    assert "Pesan Anda sudah kami terima." in browser.words


def test_an_end_is_objected_to_and_rated(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(live_cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    browser = opens(window, sent).press("Membantu")
    assert "Penilaian Anda sudah kami terima." in browser.words
    browser.press("Nyatakan keberatan")
    browser.page.get_by_label("Mengapa Anda keberatan?").fill("Lampiran kedua saya belum dibaca.")
    browser.press("Kirim keberatan")
    assert "Laporan dibuka kembali." in browser.words
    assert browser.heading.startswith("Sedang diverifikasi.")
    assert browser.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_an_answer_is_kept_when_the_phone_drops_the_tab(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.ASK_REPORTER, "Pada tanggal berapa rapat itu?")
    browser = opens(window, sent, script=True)
    answer, account = browser.page.locator("#id_text"), browser.page.get_by_label("Akun orang yang")
    answer.fill("Hari Senin, seingat saya.")
    assert hides(browser.page) == KEPT
    browser.page.close()
    browser.page = browser.context.new_page()
    browser.go("/cek/laporan/")
    answer, account = browser.page.locator("#id_text"), browser.page.get_by_label("Akun orang yang")
    assert answer.input_value() == "Hari Senin, seingat saya."
    # The button of another box takes both along.
    answer.fill("Hari Selasa.")
    browser.page.get_by_text("Tambah postingan media sosial").click()
    account.fill("@contoh")
    browser.page.get_by_label("Foto, dokumen, rekaman").set_input_files([letter("undangan.pdf").given()])
    browser.page.locator("[data-kept]", has_text="undangan.pdf").wait_for()
    browser.press("Kirim berkas")
    assert "Berkas Anda sudah kami terima." in browser.words
    assert (answer.input_value(), account.input_value()) == ("Hari Selasa.", "@contoh")
    answer.fill("Hari Rabu.")
    browser.page.reload()
    expect(answer).to_have_value("Hari Rabu.")
    # Files are an answer too, so this is a message.
    browser.press("Kirim pesan")
    assert "Pesan Anda sudah kami terima." in browser.words and answer.input_value() == ""
    assert account.input_value() == "@contoh"


def test_without_script_the_button_of_one_box_keeps_the_others(window: Opener, live_cast: Cast) -> None:
    browser = opens(window, send_report())
    message, account = browser.page.get_by_label("Pesan Anda"), browser.page.get_by_label("Akun orang yang")
    message.fill("Kabar panjang")
    browser.page.get_by_text("Tambah postingan media sosial").click()
    account.fill("@contoh")
    browser.page.get_by_label("Foto, dokumen, rekaman").set_input_files([letter("undangan.pdf").given()])
    for _press in range(2):  # what the file tells of its origin is first shown
        browser.press("Kirim berkas")
        assert (message.input_value(), account.input_value()) == ("Kabar panjang", "@contoh")
    assert "Berkas Anda sudah kami terima." in browser.words
    browser.press("Berikan nama Anda, atau tarik kembali").press("Kembali ke laporan")
    # "Enter" in a line of the page sends nothing.
    with browser.page.expect_navigation():
        account.press("Enter")
    browser.press("Selesai, keluar")
    assert "Tulisan atau berkas di halaman ini belum terkirim." in browser.words
    browser.press("Kirim pesan")
    assert "Pesan Anda sudah kami terima." in browser.words and account.input_value() == "@contoh"
    browser.press("Selesai, keluar").press("Hapus lalu keluar")
    assert browser.path == "/"


def test_without_script_each_way_off_an_open_report_keeps(window: Opener, live_cast: Cast) -> None:
    browser = opens(window, send_report())
    message = browser.page.get_by_label("Pesan Anda")
    ways = ("Sesuatu terjadi pada saya", "Kembali ke laporan", "Cabut laporan", "Tidak, jangan cabut")
    for number, way in enumerate(ways):
        if not number % 2:
            message.fill(f"Kabar {number}")
        browser.press(way)
    assert (browser.path, message.input_value()) == ("/cek/laporan/", "Kabar 2")
    assert "Belum tersimpan. Semua tombol di sini menyimpannya" in browser.words
    browser.press("EN: English")
    assert browser.page.locator("#id_text").input_value() == "Kabar 2"
