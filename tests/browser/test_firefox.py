"""A whole report in Firefox: the fold, the code, the status page and the quick exit."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django.live_server_helper import LiveServer

from complaints.models.complaint import Complaint
from complaints.models.draft import Draft
from tests.browser.firefox import PROGRAM, firefox
from tests.browser.people import ReportTexts
from tests.world import Cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.skipif(PROGRAM is None, reason="SKIPPED: no Firefox here; apt install firefox-esr")
def test_a_report_goes_from_the_front_page_to_the_exit(
    live_server: LiveServer, live_cast: Cast, settings: Any, tmp_path: Path
) -> None:
    # Another origin than the portal's, on this machine: the same server under another name of the host.
    settings.EXIT_URL = f"http://127.0.0.1:{urlsplit(live_server.url).port}/healthz"
    texts = ReportTexts()
    with firefox(tmp_path) as browser:
        browser.driver.navigate(live_server.url)
        browser.presses("Saya ditekan atau dibujuk mendukung calon", "/lapor/ditekan/")
        browser.chooses("Kepala desa")
        browser.chooses("Diancam bila menolak")
        browser.presses("Lanjut", "/lapor/siapa/")
        browser.named("agency").send_keys(texts.agency)
        browser.presses("Lanjut", "/lapor/cerita/")
        browser.named("story").send_keys(texts.story)
        browser.presses("Lanjut", "/lapor/periksa/")
        assert texts.story in browser.words and texts.agency in browser.words
        browser.presses("Kirim laporan", "/lapor/kode/")
        code = browser.driver.find_element("id", "ticket").text
        browser.named("last").send_keys(code.split()[-1])
        browser.presses("Periksa, lalu lanjut", "/cek/")
        browser.named("code").send_keys(code.lower())
        browser.presses("Buka", "/cek/laporan/")
        assert "Diterima. Kami mulai memverifikasi" in browser.words
        browser.presses("Keluar cepat", "/healthz")
        assert browser.driver.get_url() == settings.EXIT_URL
        browser.driver.go_back()
        assert "Diterima" not in browser.words
        assert {cookie["name"] for cookie in browser.driver.get_cookies()} <= {"csrf"}
        browser.driver.navigate(f"{live_server.url}/cek/laporan/")
        assert browser.path == "/cek/"
    assert (Complaint.objects.count(), Draft.objects.count()) == (1, 0)
