"""Mails, contacts, tables and chats are looked into, and what they name is told; a zip of them too."""

from __future__ import annotations

import contextlib
import io
import random
import time

import pytest

from complaints.adapters.media import archives, hints, kinds, texts
from complaints.adapters.media.refusal import Unreadable
from tests.adapters import samples
from tests.adapters.test_tails import bare

MAIL = """Return-Path: <x@example.test>
Received: from pc-12 ([10.2.3.4]) by mx.example.test; Mon, 2 Nov 2026 09:11:02 +0700
From: Seorang Pegawai <x@example.test>
X-Mailer: Surat 1.0
Subject: halo

isi
"""
CONTACT = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Pegawai;Seorang;;;\r\nFN:Seorang Pegawai\r\nTEL;TYPE=CELL:+62 812-3456-7890\r\n"
)
CONTACT += "ADR;TYPE=HOME:;;Jalan Contoh 1;Kota;;;\r\nORG:Dinas Contoh\r\nEND:VCARD\r\n"
ANDROID = "12/01/26, 10.11 - Seorang Pegawai: baik, pak 😀\n12/01/26, 10.12 - Pak Kadis: ya, siap\n"
IOS = "[12/01/26, 10.11.12] Seorang Pegawai: baik\n\u200e[12/01/26, 10.12.01] Pak Kadis: \u200eimage omitted\n"
ENGLISH = "1/12/26, 10:11\u202fAM - A Colleague: fine\n"
TELEGRAM = '{"messages": [{"date": "2026-01-12T10:11:12", "from": "Seorang Pegawai", "text": "halo"}]}'
CASES: dict[str, tuple[str, str]] = {
    "a mail": (MAIL, "names emails hours network device"),
    "a mail with an attachment": (
        MAIL + "Content-Transfer-Encoding: base64\n",
        "names emails hours network device partly",
    ),
    "a contact": (CONTACT, "names phones addresses organisation"),
    "a chat of Android": (ANDROID, "names hours"),
    "a chat of iOS": (IOS, "names hours"),
    "a chat in English": (ENGLISH, "names hours"),
    "a line of a chat that nobody wrote": ("12/01/26, 10.11 - Pesan dan panggilan dienkripsi\n", "hours"),
    "an export of Telegram": (TELEGRAM, "names hours"),
    "its page": ('<div class="from_name">\nSeorang\n</div>', "names"),
    "a table of names": (
        "No;Nama Lengkap;NIP;No. HP;Alamat\n1;Seorang;198001012005011001;-;-\n",
        "names numbers phones addresses",
    ),
    "a table with hours": ("tanggal,jam,keterangan\n12,x,y\n", "hours"),
    "a label": ("Kepada : Kepala Dinas\nAlamat: Jl. Contoh 1\n", "names addresses"),
    "a NIP with blanks": ("19800101 200501 1 001", "numbers"),
    "a NIK": ("nomor 3171010101800001 itu", "numbers"),
    "a mobile number": ("hubungi 0812-3456-7890 ya", "phones"),
    "one of a house": ("hubungi (021) 555-0123 ya", "phones"),
    "an hour in words": ("rapat pukul 09.30 dan 13.00 WIB", "hours"),
    "an hour": ("mulai 19:30", "hours"),
    "subtitles": ("1\n00:00:01,000 --> 00:00:02,500\nhalo\n", ""),
    "a calendar": ("ORGANIZER;CN=Seorang:mailto:x@example.test\nDTSTART:20261102T093000Z\n", "names emails hours"),
    "rich text": (
        r"{\rtf1{\info{\author Seorang}{\creatim\yr2026}{\*\company Dinas}}halo}",
        "author time organisation",
    ),
    "a story": ("Atasan saya meminta semua pegawai hadir di apel pagi, harganya Rp10.500 dan 2,5 persen.", ""),
    "a decree": ("Keputusan Nomor 800/123/2024 tanggal 12-01-2024 tentang netralitas", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_text_names_is_told(name: str) -> None:
    text, codes = CASES[name]
    found = texts.inspect(io.BytesIO(text.encode()), "text/plain")
    assert found == set(codes.split())
    assert found <= set(hints.CODES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings_of_other_programs_are_read(encoding: str) -> None:
    text = ANDROID.replace("😀", "é") * 3
    assert texts.inspect(io.BytesIO(text.encode(encoding)), "text/plain") == {"names", "hours"}


def test_of_a_long_text_both_ends_are_read_and_that_is_said() -> None:
    gap = b"kata demi kata\n" * 100_000
    held = io.BytesIO(b"0812-3456-7890\n" + gap + ANDROID.encode())
    started = time.process_time()
    assert texts.inspect(held, "text/plain") == {"phones", "names", "hours", "partly"}
    assert time.process_time() - started < 5
    assert texts.inspect(io.BytesIO(gap[: texts.HEAD_BYTES + 100]), "text/plain") == set()


@pytest.mark.parametrize(
    "piece", ["0", "08", "@", "a@", "a.", " ", "\t", ": ", "1/", "12/01/26, ", "[", "<meta ", '"from" ', ";", "FN;"]
)
def test_no_text_takes_long(piece: str) -> None:
    started = time.process_time()
    texts.inspect(io.BytesIO((piece * 100_000)[:100_000].encode()), "text/plain")
    assert time.process_time() - started < 1


def test_damaged_texts_end_in_codes_or_a_refusal() -> None:
    randomly = random.Random(7)
    for text, _codes in CASES.values():
        data = bytearray(text.encode())
        for _ in range(5):
            for _ in range(min(8, len(data))):
                data[randomly.randrange(len(data))] = randomly.randrange(256)
            with contextlib.suppress(Unreadable):
                assert texts.inspect(io.BytesIO(bytes(data)), "text/plain") <= set(hints.CODES)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Unreadable):
        texts.decoded(bytes(1000), "utf-8")


# --- Zip files


def test_an_exported_chat_is_looked_into() -> None:
    chat = samples.packed({"Chat WhatsApp dengan Pak Kadis.txt": ANDROID, "IMG-20260112-WA0001.jpg": samples.jpeg()})
    assert kinds.recognise_whole(io.BytesIO(chat)) == "application/zip"
    codes = archives.inspect(io.BytesIO(chat), "application/zip")
    assert {"names", "hours", "place", "device", "author", "time"} <= codes
    assert "partly" not in codes


def test_a_zip_that_names_nobody() -> None:
    quiet = samples.packed({"a.png": bare("PNG"), "b.txt": "halo", "c.pdf": "%PDF"})
    codes = archives.inspect(io.BytesIO(quiet), "application/zip")
    assert codes == {"time"}  # every zip names when its entries were made


@pytest.mark.parametrize(
    "entries",
    [
        {f"{number}.txt": "halo" for number in range(21)},
        {f"{number}.png": bare("PNG") for number in range(21)},
        {f"{number}.bin": "" for number in range(1001)},
        {"panjang.txt": "kata " * 200_000},
        {f"{number}.txt": "kata " * 100_000 for number in range(5)},
        {"rusak.jpg": "ini bukan gambar"},
        {"biner.txt": bytes(2000)},
    ],
)
def test_what_is_not_read_of_a_zip_is_said(entries: dict[str, str | bytes]) -> None:
    assert "partly" in archives.inspect(io.BytesIO(samples.packed(entries)), "application/zip")


def test_a_zip_bomb_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        archives.inspect(io.BytesIO(samples.packed({"a.txt": bytes(40 * 1024 * 1024)})), "application/zip")
    assert refused.value.code == "bomb"
