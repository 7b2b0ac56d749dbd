"""Sentences as officers write them: which put a question of the public list, and which only look like one."""

from __future__ import annotations

import json

import pytest

from complaints.services import forbidden_questions
from complaints.services.delivered_data import DATA

CAUGHT = {
    "name": (
        "Siapa nama lengkap Anda?",
        "Mohon sebutkan nama Bapak/Ibu.",
        "Boleh kami tahu namanya?",
        "Boleh tahu nama?",
        "Siapakah Anda sebenarnya?",
        "Tolong lampirkan KTP Anda.",
        "Berapa NIP Anda?",
        "Kami perlu identitas lengkap Anda.",
        "Mohon perkenalkan diri Anda dulu.",
        "What is your full name?",
        "Please identify yourself.",
    ),
    "unit": (
        "Anda bekerja di bidang apa?",
        "Di unit mana Anda bertugas?",
        "Apa jabatan Anda?",
        "Di mana Anda bekerja?",
        "Anda dari dinas mana?",
        "Mohon tuliskan unit kerja Anda.",
        "Which unit do you work in?",
    ),
    "contact": (
        "Berapa nomor HP Anda?",
        "Mohon kirim nomor WA yang bisa dihubungi.",
        "Boleh minta email Anda?",
        "Apakah Anda bisa kami hubungi sore ini?",
        "Silakan hubungi kami lewat WhatsApp.",
        "What is your phone number?",
    ),
    "circle": (
        "Siapa lagi yang tahu hal ini?",
        "Siapa saja yang mengetahuinya?",
        "Apakah hanya Anda yang hadir?",
        "Kepada siapa Anda sudah bercerita?",
        "Who else knows about this?",
    ),
    "evidence": (
        "Tolong foto daftar hadirnya.",
        "Mohon carikan surat tugasnya.",
        "Bisakah Anda merekam rapat berikutnya?",
        "Silakan kumpulkan bukti dari rekan lain.",
        "Anda bisa mengambil salinannya di bagian umum?",
        "Please take a photo of the list.",
    ),
    "meeting": ("Bisakah kita bertemu besok?", "Silakan datang ke kantor kami.", "Can we meet next week?"),
}
PASSES = (
    "Nama Anda tetap terkunci dan tidak ikut dikirim.",
    "Lembaga itu hanya dapat membaca nama Anda bila Anda memberikannya.",
    "Memotong nama akun Anda adalah langkah yang tepat.",
    "Anda dapat datang ke kantor Bawaslu terdekat.",
    "Pada tanggal berapa rapat itu?",
    "Di mana rapat itu diadakan?",
    "Siapa nama pejabat yang memimpin rapat?",
    "Apa jabatan orang yang Anda laporkan?",
    "Di instansi mana kejadian itu?",
    "Jangan menulis nama Anda di sini.",
    "Anda tidak perlu menyebut nama Anda.",
    "Jangan mencari bukti baru; kirim yang sudah ada pada Anda.",
    "Apakah Anda sudah memiliki foto kejadian itu?",
    "Apakah ada saksi lain di rapat itu?",
    "Bagaimana ajakan itu disampaikan?",
    "Apakah ajakan itu tertulis atau lisan?",
    "Terima kasih, laporan Anda sedang kami periksa.",
    "Kami tidak akan menanyakan nama Anda.",
    "Apakah tautan unggahan itu masih bisa dibuka?",
    "Kata-kata apa yang dipakai pejabat itu?",
    "Apakah peserta diminta berfoto bersama calon?",
    "Berapa kali hal itu terjadi?",
    "Do not write your name here.",
    "When did the meeting take place?",
    "Send only what you already have.",
    "Apakah nama pejabat dalam laporan sudah benar?",
)


def codes(text: str) -> set[str]:
    return {hit.question.code for hit in forbidden_questions.find(text)}


def test_sixty_sentences() -> None:
    assert sum(map(len, CAUGHT.values())) + len(PASSES) >= 60
    missed = [text for code, texts in CAUGHT.items() for text in texts if code not in codes(text)]
    wrong = {text: codes(text) for text in PASSES if codes(text)}
    assert (missed, wrong) == ([], {})


def test_hits_quote_the_text_as_typed() -> None:
    (hit,) = forbidden_questions.find("Terima kasih. Siapa nama\u00a0Anda? Kapan itu?")
    assert (hit.question.code, hit.words, hit.question.may_override) == ("name", "nama Anda", False)


@pytest.mark.parametrize("language", ["id", "en"])
def test_no_standard_text_puts_one(language: str) -> None:
    rows = json.loads((DATA / "standard_texts.json").read_text(encoding="utf-8"))
    assert [(row["code"], codes(row[f"body_{language}"])) for row in rows if codes(row[f"body_{language}"])] == []


def test_the_list_is_whole_in_both_languages() -> None:
    for question in forbidden_questions.listed():
        for language in ("id", "en"):
            assert all(question.text(name, language) for name in ("title", "reason", "example"))
            # What the list gives as an example is found.
            assert question.code in codes(question.text("example", language))
