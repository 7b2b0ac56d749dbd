"""A whole report from a browser of text at a terminal, without scripts, styles or pictures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from complaints.domain.codes import ALPHABET, GROUPS
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile
from tests.browser.people import ReportTexts
from tests.browser.w3m import text_browser
from tests.cases import act, in_review
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


@pytest.mark.skipif(not shutil.which("w3m"), reason="SKIPPED: no w3m here; apt install w3m")
def test_what_was_added_is_removed_again_and_a_report_deleted(
    live_server: LiveServer, live_cast: Cast, tmp_path: Path
) -> None:
    """Removing on page 4 sends nothing: such a browser knows a button by its name, not by an address of its own."""
    texts = ReportTexts()
    with text_browser(tmp_path, live_server.url) as browser:
        browser.presses("Saya ditekan")
        browser.chooses("Kepala desa")
        browser.chooses("Diancam bila menolak")
        browser.presses("Lanjut")
        browser.fills("Instansi atau unit", texts.agency)
        browser.presses("Lanjut")
        browser.writes("Cerita Anda", texts.story)
        for name in ("satu.txt", "dua.txt"):
            (tmp_path / name).write_text("Undangan apel pagi.")
            browser.fills("Foto, dokumen, rekaman", str(tmp_path / name))
            assert name in browser.presses("Unggah berkas sekarang")
        shown = browser.presses("Hapus satu.txt")
        assert "satu.txt" not in shown and "dua.txt" in shown
        shown = browser.presses("Lanjut")
        assert "dua.txt" in shown and texts.story in shown
        shown = browser.presses("Hapus dua.txt")
        assert "Halaman 4 dari 4" in shown and "Tidak ada berkas." in shown
        assert texts.story in browser.presses("Unduh formulir B.1")
        browser.goes(f"{live_server.url}/lapor/periksa/")
        assert "Sudah dihapus." in browser.presses("Hapus sekarang")
    assert not (Complaint.objects.exists() or Draft.objects.exists() or DraftFile.objects.exists())


@pytest.mark.skipif(not shutil.which("w3m"), reason="SKIPPED: no w3m here; apt install w3m")
def test_what_leads_away_from_a_report_keeps_what_is_typed(
    live_server: LiveServer, live_cast: Cast, tmp_path: Path
) -> None:
    """The buttons of header and footer work: such a browser knows no button outside its form."""
    story = "Disuruh apel."
    with text_browser(tmp_path, live_server.url) as browser:
        browser.presses("Saya ditekan")
        browser.chooses("Kepala desa")
        assert "apa kata aturan" in browser.presses("Apakah ini pelanggaran")
        browser.goes(f"{live_server.url}/lapor/")
        assert "(*) Kepala desa" in browser.chooses("Diancam bila menolak")
        browser.presses("Lanjut")
        browser.fills("Instansi atau unit", "Dinas Pasar")
        assert "Isian Anda yang belum selesai" in browser.presses("Netral")
        assert "Dinas Pasar" in browser.goes(f"{live_server.url}/lapor/siapa/")
        browser.presses("Lanjut")
        browser.writes("Cerita Anda", story)
        shown = browser.presses("EN")
        assert "Page 3 of 4" in shown and story in shown
        assert "Halaman 3 dari 4" in browser.presses("ID")
        browser.writes("Cerita Anda", f"{story} Lagi.")
        assert "Kode tiket" in browser.presses("Cek status laporan")
        shown = browser.goes(f"{live_server.url}/lapor/cerita/")
        assert f"{story} Lagi." in shown


@pytest.mark.skipif(not shutil.which("w3m"), reason="SKIPPED: no w3m here; apt install w3m")
def test_every_button_of_an_open_report_and_question_works(
    live_server: LiveServer, live_cast: Cast, tmp_path: Path
) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(live_cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    with text_browser(tmp_path, f"{live_server.url}/cek/") as browser:
        browser.fills("Kode tiket", sent.code)
        assert "Ditutup" in browser.presses("Buka$")
        browser.writes("Pesan Anda", "Masih ada saksi.")
        assert "Keberatan atas hasil akhirnya?" in browser.presses("Nyatakan keberatan$")
        assert "Masih ada saksi." in browser.does("BEGIN", "SEARCH 'Kirim keberatan'", "NEXT_LINK", "GOTO_LINK")
        assert "belum terkirim" in browser.presses("Selesai, keluar")
        assert "Tanya dulu" in browser.presses("Hapus lalu keluar")
        browser.presses("Tanya dulu")
        browser.writes("Pertanyaan Anda", "Bolehkah saya menyukai postingan calon?")
        browser.presses("Lanjut")
        shown = browser.presses("Kirim pertanyaan")
        code = re.search(rf"(?:\b[{ALPHABET}]{{5}} ){{{GROUPS}}}", shown)
        assert code
        browser.goes(f"{live_server.url}/cek/")
        browser.fills("Kode tiket", code[0])
        assert "Ini pertanyaan, bukan laporan." in browser.presses("Buka$")
        browser.writes("Pesan Anda", "Satu hal lagi.")
        assert "tidak boleh" in browser.presses("Apa yang tidak boleh")
        assert "Satu hal lagi." in browser.goes(f"{live_server.url}/cek/jawaban/")
        assert "Satu hal lagi." in browser.presses("EN")
        browser.presses("ID")
        assert "Cabut pertanyaan?" in browser.presses("Cabut pertanyaan")
        assert "Satu hal lagi." in browser.presses("Tidak, jangan cabut")
        assert "apa yang ingin Anda pakai?" in browser.presses("Buat laporan")
    assert Complaint.objects.count() == 2
