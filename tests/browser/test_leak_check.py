"""A reporter without scripts is stopped once, changes one place, keeps another, sends; an officer sees the circle."""

from __future__ import annotations

import pytest

from complaints.models.case import Case
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter, on_page_3
from tests.browser.test_retaliation import OFFICE, PHONE, fits
from tests.browser.window import Opener
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)

STORY = (
    "Nama saya Sulastri NIP 19850101 201001 2 003, HP 0812-3456-7890. Hanya saya dan beliau di ruangan ketika beliau "
    "meminta saya mendukung satu pasangan calon."
)


def test_one_place_is_replaced_one_kept_and_the_office_sees_the_circle(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window, script=False)
    page = reporter.page
    page.get_by_label("Cerita Anda").fill(STORY)
    page.get_by_role("radio", name="2–5").check()
    fits(reporter.window, "page-3", PHONE)
    reporter.window.press("Lanjut")
    assert page.url.endswith("/lapor/bagian/")
    assert "4 bagian dapat menunjukkan siapa Anda" in reporter.window.words
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    fits(reporter.window, "leaks", (*PHONE, (1280, "light")))
    page.get_by_label("Ganti dengan").nth(0).check()
    page.get_by_label("Ubah sendiri menjadi:").nth(1).check()
    page.get_by_label("Kata pengganti").nth(1).fill("(nomor saya)")
    reporter.window.press("EN: English")
    assert "4 places may show who you are" in reporter.window.words
    assert looked_at(reporter.window, "en", PHONE) == []
    assert page.get_by_label("Words in its place").nth(1).input_value() == "(nomor saya)"
    reporter.window.press("ID: Bahasa Indonesia")
    page.get_by_label("Biarkan", exact=True).nth(3).check()
    reporter.window.press("Terapkan dan lanjut")
    assert page.url.endswith("/lapor/periksa/")
    words = reporter.window.words
    assert "Nama saya [dihilangkan] NIP (nomor saya), HP 0812-3456-7890. Hanya saya dan beliau" in words
    assert "Sulastri" not in words and "2–5" in words
    # Back on page 3 nothing is asked again.
    reporter.window.press("Kembali")
    reporter.window.press("Lanjut")
    assert page.url.endswith("/lapor/periksa/")
    reporter.window.press("Kirim laporan")
    assert page.url.endswith("/lapor/kode/")

    vera = Officer(window(), "vera")
    vera.opens("case", Case.objects.get().reference)
    assert "Menurut perkiraan pelapor, jumlah orang yang mungkin tahu: 2–5" in vera.window.words
    assert "Nama saya [dihilangkan] NIP (nomor saya)" in vera.window.words
    fits(vera.window, "case-circle", OFFICE)
    assert reporter.window.complaints == vera.window.complaints == []


def test_an_answer_is_changed_on_the_page_before_it_is_sent(window: Opener, live_cast: Cast) -> None:
    sent = send_report()
    reporter = Reporter(window(width=360, height=740, script=False))
    reporter.returns(sent.code)
    reporter.page.get_by_label("Pesan Anda").fill("Hanya saya yang hadir.\nHP saya 0812-3456-7890.")
    reporter.page.get_by_role("radio", name="1", exact=True).check()
    fits(reporter.window, "message", PHONE[:1])
    reporter.window.press("Kirim pesan")
    fits(reporter.window, "telling", PHONE[:1])
    reporter.page.get_by_label("Ganti dengan").nth(1).check()
    reporter.window.press("Terapkan dan kirim")
    assert reporter.window.path == "/cek/laporan/"
    vera = Officer(window(), "vera")
    vera.opens("case", sent.case.reference)
    assert "Hanya saya yang hadir. HP saya [dihilangkan]." in vera.window.words
    assert "jumlah orang yang mungkin tahu: 1." in vera.window.words
