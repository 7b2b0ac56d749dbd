"""A report about the operator in a browser: the reporter reads who will hold it before sending and afterwards, the
separate team finds it in its queue, and triage does not."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from pytest_django import Settings

from complaints.models.case import Case
from tests.browser.conftest import Opener
from tests.browser.people import Officer, on_page_3
from tests.browser.window import Window
from tests.world import Cast

BEFORE = "Laporan ini tentang instansi yang mengelola kanal ini."
ALIKE = "Nama instansi yang Anda tulis hampir sama dengan nama instansi yang mengelola kanal ini."
HELD = "Laporan Anda ditangani tim terpisah. Tim verifikasi tidak dapat membuka maupun menemukannya."


def faults(browser: Window) -> list[str]:
    """What axe finds on a page, and whether it is wider than its window."""
    wide = browser.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    found = [f"{browser.path} {violation['id']}" for violation in Axe().run(browser.page).response["violations"]]
    return found + [f"{browser.path} is too wide"] * bool(wide)


@pytest.mark.both_databases
def test_the_reporter_reads_who_holds_the_report_and_the_team_finds_it(
    window: Opener, live_cast: Cast, settings: Settings
) -> None:
    settings.OPERATOR_AGENCIES = ("Badan Kanal Tirtamerapi", "BKT")
    reporter = on_page_3(window)
    reporter.page.get_by_label("Cerita Anda").fill(
        "Waktu apel pagi kami disuruh memasang umbul-umbul kuning dan difoto bergantian."
    )
    reporter.window.press("Lanjut")
    assert BEFORE not in reporter.window.words

    reporter.window.go("/lapor/siapa/")
    reporter.page.get_by_label("Instansi atau unit kerja", exact=True).fill("Biro Umum, B.K.T.")
    reporter.window.press("Lanjut")
    assert reporter.window.path == "/lapor/periksa/"
    assert re.search(
        rf"{re.escape(BEFORE)}\s+Karena itu laporan Anda tidak masuk ke tim verifikasi", reporter.window.words
    )
    problems = faults(reporter.window)
    # A name that only resembles the operator's goes the same way, and the page says so before anything is sent.
    reporter.window.go("/lapor/siapa/")
    reporter.page.get_by_label("Instansi atau unit kerja", exact=True).fill("Badan Kanal Tirtamerpi")
    reporter.window.press("Lanjut")
    assert ALIKE in reporter.window.words and BEFORE not in reporter.window.words
    assert "Bila yang Anda maksud instansi lain, perbaiki namanya sebelum mengirim." in reporter.window.words
    problems += faults(reporter.window)
    reporter.window.press("Kirim laporan")
    assert HELD in reporter.window.words
    problems += faults(reporter.window)
    reporter.returns(reporter.code())
    reporter.reads(HELD)
    problems += faults(reporter.window)

    reference = Case.objects.get().reference
    sari, vera = Officer(window(), "sari"), Officer(window(), "vera")
    sari.window.go("/kantor/complaints/case/")
    assert "Di sini tampil laporan yang ditangani tim terpisah." in sari.window.words
    problems += faults(sari.window)
    sari.window.follow(sari.page.get_by_role("link", name=reference))
    assert re.search(r"Ditangani oleh\s+Tim terpisah", sari.window.words)
    problems += faults(sari.window)
    vera.window.go("/kantor/complaints/case/")
    assert reference not in vera.window.words
    assert "tim terpisah" not in vera.window.words
    assert problems == []
