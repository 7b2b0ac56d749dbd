"""Asking first, without scripts: an officer answers by a standard text, the asker reads it and begins a report."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from complaints.models.case import Case, CaseKind
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener, Window
from tests.world import Cast

SIZES = ((360, "light"), (1280, "dark"))
# Pictures of the pages are kept where a developer asks for them.
PICTURES = os.environ.get("PICTURES", "")
QUESTION = "Bolehkah rekan saya menyukai unggahan calon bupati di akun pribadinya?"

pytestmark = pytest.mark.django_db(transaction=True)


def fits(window: Window, name: str) -> None:
    assert looked_at(window, "id", SIZES, least=0) == [], name
    if PICTURES:
        for width, scheme in SIZES:
            window.page.set_viewport_size({"width": width, "height": 900})
            window.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            window.page.screenshot(path=Path(PICTURES) / f"inquiry-{name}-{width}.png", full_page=True)


def test_a_question_is_answered_and_becomes_a_report_by_its_askers_hand(window: Opener, live_cast: Cast) -> None:
    asker = Reporter(window(width=360, height=740, script=False))
    asker.window.go("/").press("Tanya dulu")
    fits(asker.window, "ask")
    asker.page.get_by_label("Pertanyaan Anda").fill(QUESTION)
    asker.page.get_by_label("Tentang apa?").select_option("C1")
    asker.window.press("Lanjut")
    assert asker.window.path == "/tanya/periksa/" and QUESTION in asker.window.words
    fits(asker.window, "check")
    asker.window.press("Kirim pertanyaan")
    code = asker.code()
    assert "Pertanyaan Anda sudah kami terima." in asker.window.words
    fits(asker.window, "code")

    fitri = Officer(window(), "fitri")
    reference = Case.objects.get().reference
    assert reference not in fitri.window.go("/kantor/complaints/case/?status=every").words
    fitri.window.go("/kantor/")
    fitri.window.follow(fitri.page.locator(".counts a[href='/kantor/tanya/']"))
    fits(fitri.window, "list")
    fitri.window.press(reference)
    assert QUESTION in fitri.window.words
    fits(fitri.window, "page")
    fitri.page.locator("[name=accused_kind]").select_option("colleague")
    fitri.window.follow(fitri.page.locator("[value=rules]"))
    fitri.page.locator("[name=standard]").select_option("inquiry_rules.id")
    fitri.page.locator("[value=insert]").click()
    fitri.page.wait_for_function("document.querySelector('[name=text]').value.includes('tabel aturan')")
    fitri.window.follow(fitri.page.locator("[value=preview]"))
    fits(fitri.window, "preview")
    fitri.window.press("Kirim jawaban")
    assert fitri.window.path == "/kantor/tanya/"

    asker.returns(code)
    assert asker.window.path == "/cek/jawaban/"
    assert "Sudah dijawab." in asker.window.words and "Menurut tabel aturan kami" in asker.window.words
    assert QUESTION not in asker.window.words
    fits(asker.window, "answered")
    asker.window.press("Buat laporan")
    fits(asker.window, "report")
    asker.page.locator("[name=accused_kind]").select_option("colleague")
    asker.page.locator("[name=category]").select_option("C1")
    asker.page.get_by_label("Awal cerita Anda").fill("Rekan saya menyukai unggahan calon bupati.")
    asker.window.press("Ke halaman 1 laporan")
    assert asker.page.locator("[name=category]:checked").input_value() == "C1"
    asker.window.press("Lanjut")
    asker.page.get_by_label("Jenis instansi").select_option("regency")
    asker.window.press("Lanjut")
    assert asker.page.get_by_label("Cerita Anda").input_value() == "Rekan saya menyukai unggahan calon bupati."
    assert list(Case.objects.values_list("kind", flat=True)) == [CaseKind.INQUIRY]
