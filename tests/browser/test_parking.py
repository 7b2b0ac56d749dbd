"""A report that is left on a phone and resumed on another device by its code, in two browsers."""

from __future__ import annotations

import pytest

from complaints.models.complaint import Complaint
from complaints.models.draft import DraftDoor
from complaints.models.evidence import Evidence
from tests.browser.files import letter
from tests.browser.people import Reporter, on_page_3
from tests.browser.window import Opener
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)

LATER = "Simpan dan lanjutkan nanti"


def test_left_on_a_phone_and_sent_from_another_device(window: Opener, live_cast: Cast) -> None:
    phone = on_page_3(window)
    phone.tells([letter("undangan.pdf")])
    phone.window.press(LATER)
    assert (phone.window.path, phone.window.heading) == ("/lapor/nanti/", "Belum terkirim.")
    assert phone.page.title() == "Catatan"
    assert "siapa pun yang menemukan kode ini dapat membaca" in phone.window.words
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    code = phone.code()
    name, content = phone.window.download(phone.page.get_by_role("button", name="Unduh").click)
    assert (name, content.decode().strip().replace("-", "")) == ("catatan.txt", code)
    phone.window.press("Lanjutkan laporan")

    desk = Reporter(window(script=False))
    desk.returns(code)
    assert desk.window.path == "/lapor/cerita/"
    assert "Belum terkirim. Disimpan sampai" in desk.window.words
    assert desk.page.get_by_label("Cerita Anda").input_value() == phone.texts.story
    assert "undangan.pdf" in desk.window.words
    newer = "Ditulis di rumah, lebih lengkap daripada yang di ponsel tadi pagi."
    desk.page.get_by_label("Cerita Anda").fill(newer)
    desk.window.press("Lanjut")

    phone.page.get_by_label("Cerita Anda").fill("Ditulis di ponsel, tanpa tahu yang di rumah, cukup panjang juga.")
    phone.window.press("Lanjut")
    notice = phone.page.get_by_role("alert")
    assert "atau perangkat lain" in notice.inner_text()
    assert newer in notice.inner_text()
    phone.window.follow(notice.get_by_role("link", name="Pakai jawaban tersimpan"))
    assert phone.page.get_by_label("Cerita Anda").input_value() == newer

    desk.window.press("Kirim laporan")
    assert desk.code() == code
    assert (Complaint.objects.count(), Evidence.objects.count(), DraftDoor.objects.count()) == (1, 2, 0)
    phone.window.go("/lapor/periksa/")
    assert phone.code() == code


def test_closed_on_one_device_and_deleted_on_the_other(window: Opener, live_cast: Cast) -> None:
    desk = on_page_3(window, script=False)
    desk.page.get_by_label("Cerita Anda").fill("Belum selesai.")
    desk.window.press(LATER)
    code = desk.code()
    desk.window.press("Tutup di perangkat ini")
    assert desk.window.path == "/"
    phone = Reporter(window(width=360, height=740))
    phone.returns(code)
    assert phone.page.get_by_label("Cerita Anda").input_value() == "Belum selesai."
    phone.window.press("Hapus sekarang")
    desk.returns(code)
    assert "Tidak ada laporan dengan kode ini" in desk.window.words
