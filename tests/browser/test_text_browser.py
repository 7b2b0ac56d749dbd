"""A whole report from a browser of text at a terminal, without scripts, styles or pictures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from complaints.domain.codes import ALPHABET, GROUPS
from complaints.models.complaint import Complaint
from tests.browser.people import ReportTexts
from tests.browser.w3m import text_browser
from tests.world import Cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.skipif(not shutil.which("w3m"), reason="SKIPPED: no w3m here; apt install w3m")
def test_a_report_is_sent_and_its_code_opens_it(live_server: LiveServer, live_cast: Cast, tmp_path: Path) -> None:
    texts = ReportTexts()
    with text_browser(tmp_path, live_server.url) as browser:
        browser.presses("Saya ditekan")
        browser.chooses("Atasan saya")
        shown = browser.chooses("Diancam bila menolak")
        assert "(*) Atasan saya" in shown and "(*) Diancam bila menolak" in shown
        assert "Halaman 2 dari 4" in browser.presses("Lanjut")
        browser.fills("Instansi atau unit", texts.agency)
        assert "Halaman 3 dari 4" in browser.presses("Lanjut")
        browser.writes("Cerita Anda", texts.story)
        shown = browser.presses("Lanjut")
        assert "Halaman 4 dari 4" in shown and texts.story in shown and texts.agency in shown
        shown = browser.presses("Kirim laporan")
        assert "Laporan Anda sudah kami terima." in shown
        groups = re.findall(rf"\b[{ALPHABET}]{{5}}\b", shown)
        assert len(groups) == GROUPS
        browser.fills("Ketik kelompok terakhir", groups[-1])
        assert "Cek status laporan" in browser.presses("Periksa, lalu")
        browser.fills("Kode tiket", " ".join(groups).lower())
        assert "Diterima. Kami mulai memverifikasi" in browser.presses("Buka$")
    assert Complaint.objects.count() == 1
