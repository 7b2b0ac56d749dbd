"""A reporter with a phone and without scripts tells of retaliation; office and body act; the reporter reads what came.

The pages are looked at in both languages, and in the dark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from complaints.domain.retaliation import Retaliation, RetaliationKind
from complaints.models.case import InternalNote
from complaints.services import follow_up
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener, Window
from tests.cases import forwarded
from tests.world import Cast

PICTURES = os.environ.get("PICTURES", "")
PHONE, OFFICE = ((360, "light"), (360, "dark")), ((768, "light"), (1280, "dark"))

pytestmark = pytest.mark.django_db(transaction=True)


def fits(window: Window, name: str, sizes: tuple[tuple[int, str], ...]) -> None:
    assert looked_at(window, "id", sizes, least=0) == [], name
    if PICTURES:
        for width, scheme in sizes:
            window.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            window.page.set_viewport_size({"width": width, "height": 900})
            window.page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{scheme}.png", full_page=True)
            window.page.emulate_media(color_scheme="light")


def in_words(day: date) -> str:
    with override("id"):
        return date_format(day, "l, j F Y")


def test_a_reporter_is_moved_and_everybody_acts(window: Opener, live_cast: Cast) -> None:
    sent, release = forwarded(live_cast)
    reporter = Reporter(window(width=360, height=740, script=False))
    reporter.returns(sent.code)
    reporter.window.press("Sesuatu terjadi pada saya")
    assert "Cukup tekan “Kirim” satu kali" in reporter.window.words
    # What can help is read before anything was told, without a day.
    assert "dalam 90 hari" in reporter.window.words and "belum dipastikan" in reporter.window.words
    fits(reporter.window, "ask", PHONE)
    reporter.page.get_by_label("Pada tanggal berapa?").fill("2999-01-01")
    reporter.page.get_by_label("Keterangan lain").fill("Surat mutasi ke Gudangwilis.")
    reporter.window.press("Kirim")
    assert "Tanggal itu belum tiba" in reporter.window.words
    assert reporter.page.get_by_label("Keterangan lain").input_value() == "Surat mutasi ke Gudangwilis."
    moved_on = timezone.localdate() - timedelta(days=3)
    reporter.chooses("Saya dimutasi")
    reporter.page.get_by_label("Pada tanggal berapa?").fill(moved_on.isoformat())
    reporter.window.press("Kirim")
    words = reporter.window.words
    assert "Yang Anda sampaikan sudah kami terima." in words and "Saya dimutasi ke jabatan" in words
    assert f"sampai {in_words(moved_on + timedelta(days=90))}" in words
    assert "Gudangwilis" not in words
    fits(reporter.window, "sent", PHONE)

    vera = Officer(window(), "vera")
    assert "Mendesak: pembalasan" not in vera.window.words
    vera.opens("case", sent.case.reference)
    assert "mendesak: belum ada tindakan" in vera.window.words
    fits(vera.window, "case", OFFICE)
    vera.window.go("/kantor/")
    assert "Mendesak: pembalasan" in vera.window.words and "belum ada tindakan tercatat" in vera.window.words
    fits(vera.window, "desk", OFFICE)

    fitri = Officer(window(), "fitri")
    fitri.opens("case", sent.case.reference)
    fitri.window.press("Kirim ke lembaga pengawas sebagai mendesak")
    assert fitri.page.locator("[name=messages]:checked").count() == 1
    for name in ("no_trace", "no_conflict"):
        fitri.page.locator(f"[name={name}]").check()
    fits(fitri.window, "supplement", OFFICE)
    fitri.window.press("Teruskan tambahan")
    assert "Diteruskan ke BKN" in fitri.window.words

    kirana = Officer(window(), "kirana")
    kirana.opens("release", release.case.reference)
    assert "Pembalasan terhadap pelapor" in kirana.window.words and "Gudangwilis" in kirana.window.words
    fits(kirana.window, "body", OFFICE)

    vera.opens("case", sent.case.reference)
    vera.window.press("Catat apa yang dilakukan")
    fits(vera.window, "act", OFFICE)
    vera.page.get_by_label("Menghubungi LPSK").check()
    vera.page.locator("[name=words]").fill("Berbicara dengan petugas jaga.")
    vera.window.press("Catat apa yang dilakukan")
    assert "Tercatat." in vera.window.words
    vera.window.press("Tanyakan, atau lewati")
    assert vera.page.locator("[name=text]").input_value().startswith("Apakah Anda aman?")
    fits(vera.window, "check-in", OFFICE)
    vera.window.press("Kirim kepada pelapor")
    assert "ditanyakan pada" in vera.window.words

    text = reporter.reads("Menghubungi LPSK", "Apakah Anda aman?", "diteruskan sebagai hal mendesak")
    assert "petugas jaga" not in text
    note = InternalNote.objects.get()
    assert b"petugas" not in bytes(note.sealed)


def test_the_letter_to_bkn_holds_what_was_ticked(window: Opener, live_cast: Cast) -> None:
    sent, _release = forwarded(live_cast)
    today = timezone.localdate()
    told = Retaliation(RetaliationKind.MOVED, today)
    follow_up.add_message(ticket=sent.ticket, text="Ke Gudangwilis.", files=[], today=today, told=told)
    vera = Officer(window(), "vera")
    vera.opens("case", sent.case.reference)
    vera.window.press("Surat kepada BKN tentang mutasi itu")
    fits(vera.window, "letter", OFFICE)
    vera.page.locator("[name=to]").fill("Kepala BKN, Jakarta")
    vera.page.locator("[name=number]").fill("12/B/2026")
    with vera.page.expect_download() as download:
        vera.page.get_by_role("button", name="Cetak surat (PDF)").click()
    pdf = Path(download.value.path()).read_bytes()
    assert pdf.startswith(b"%PDF")
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
        assert "Permohonan pemeriksaan mutasi" in text and "Saya dimutasi" in text
        assert "Gudangwilis" not in text, "what was not ticked stays here"
    vera.opens("case", sent.case.reference)
    assert "Surat 12/B/2026" in vera.window.words and "belum ada tindakan" not in vera.window.words
