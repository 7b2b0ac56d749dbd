"""The status page on a phone: the answer stands below its question, and an end can be objected to and rated."""

from __future__ import annotations

import pytest

from complaints.domain.workflow import Action
from tests.browser.window import Opener, Window
from tests.cases import act, in_review
from tests.world import Cast, Sent

pytestmark = pytest.mark.django_db(transaction=True)


def opens(window: Opener, sent: Sent) -> Window:
    browser = window(width=360, height=740, script=False).go("/cek/")
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
