"""What the name of a file tells, and the names under which files are passed on."""

from __future__ import annotations

import time

import pytest

from complaints.domain.file_names import CODES, neutral_name, tells


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("Screenshot_20240112_101112_WhatsApp.jpg", "date hour app"),
        ("Screenshot_20240112-101112_com.instagram.android.png", "date hour app"),
        ("Screenshot_2024-01-12-10-11-12-123_org.thing.app.jpg", "date hour app"),
        ("Screenshot 2024-01-12 at 10.11.12 AM.png", "date hour"),
        ("Tangkapan Layar 2024-01-12 pukul 10.11.12.png", "date hour"),
        ("IMG_20240112_101112.jpg", "date hour"),
        ("PXL_20240112_031112345.MP.jpg", "date hour"),
        ("20240112_101112(1).jpg", "date hour"),
        ("VID_20240112_101112.mp4", "date hour"),
        ("photo_2024-01-12_10-11-12.jpg", "date hour"),
        ("Rekaman 12-01-2024 10.11.12.m4a", "date hour"),
        ("1705032712345.jpg", "date hour"),
        ("FB_IMG_1705032712345.jpg", "date hour app"),
        ("WhatsApp Image 2024-01-12 at 10.11.12 (2).jpeg", "date hour app"),
        ("IMG-20240112-WA0007.jpg", "date app"),
        ("PTT-20261125-WA0007.opus", "date app"),
        ("signal-2024-01-12-101112.jpg", "date hour app"),
        ("surat 12 Januari 2024.pdf", "date"),
        ("undangan_12012024.pdf", "date"),
        ("Chat WhatsApp dengan Pak Kadis.txt", "app person"),
        ("WhatsApp Chat with +62 812-3456-7890.txt", "app phone person"),
        ("SK 198001012005011001.pdf", "number"),
        ("SK 19800101 200501 1 001.pdf", "number"),
        ("081234567890.vcf", "phone"),
        ("IMG_4321.HEIC", ""),
        ("SK Nomor 800 Tahun 2024.pdf", ""),
        ("garis online.jpg", ""),
        ("undangan rapat.docx", ""),
        ("bukti-1.jpg", ""),
        ("", ""),
    ],
)
def test_names_that_tell(name: str, codes: str) -> None:
    assert tells(name) == codes.split()
    assert set(codes.split()) <= set(CODES)


def test_no_name_takes_long() -> None:
    started = time.process_time()
    for piece in ("a", "1", "-", "_", "a.", "Screenshot_1_", "20240112", " at ", "12 "):
        tells(piece * 255)
    assert time.process_time() - started < 1


def test_names_under_which_files_are_passed_on() -> None:
    assert neutral_name(3, "jpg") == "bukti-3.jpg"
    assert neutral_name(3, "jpg", 2) == "bukti-3-2.jpg"
    assert tells(neutral_name(3, "jpg")) == []
