"""What a text to a reporter gives away, in whatever spelling; what an officer writes every day gives away nothing."""

from __future__ import annotations

import json

import pytest

from complaints.admin.reply_composer import fill_placeholders, unknown_placeholders
from complaints.domain import codes, disclosure
from complaints.domain.disclosure import DisclosureKind, KnownFacts
from complaints.services.reference_data import DATA

STORY = "Waktu apel pagi di lapangan belakang kami disuruh mengumpulkan fotokopi KTP keluarga dan nomor rekening."
KNOWN = KnownFacts(
    accused=("Drs. Hendra Wiratno, M.Si", "Suprapti"),
    stories=("Perkenalkan, saya Lestari Wulandari, bendahara di sana. " + STORY,),
    offices=("Dinas Pendidikan Kabupaten Suka Maju", "Puskesmas Sendang"),
    others=("Setiap malam Jumat ada rapat tertutup di rumah dinas beliau bersama dua camat.",),
    staff=("Laras Anindita", "verifikator1"),
    references=("KN-26-7K2M9Q",),
)


def disclosed(text: str, known: KnownFacts = KNOWN) -> list[tuple[str, str]]:
    return [(leak.kind.value, leak.words) for leak in disclosure.check(text, known)]


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (DisclosureKind.ACCUSED, "Kami memeriksa Hendra Wiratno.", "Hendra Wiratno"),
        (DisclosureKind.ACCUSED, "Kami memeriksa HENDRA  wiratno.", "HENDRA  wiratno"),
        (DisclosureKind.ACCUSED, "Kami memeriksa Héndra\nWiratno.", "Héndra\nWiratno"),
        (DisclosureKind.ACCUSED, "Kami memeriksa Hen\u200bdra saja.", "Hendra"),
        (DisclosureKind.ACCUSED, "Kami memeriksa ＨＥＮＤＲＡ.", "HENDRA"),
        (DisclosureKind.ACCUSED, "Ibu Suprapti dipanggil.", "Suprapti"),
        (DisclosureKind.REPORTER, "Terima kasih, Bu Lestari.", "Lestari"),
        (DisclosureKind.NIP, "NIP 197208141997031982 tercatat.", "197208141997031982"),
        (DisclosureKind.NIP, "NIP 19720814 199703 1 982 tercatat.", "19720814 199703 1 982"),
        (DisclosureKind.NIP, "NIP 1972.0814.1997.0319.82 tercatat.", "1972.0814.1997.0319.82"),
        (DisclosureKind.PHONE, "Hubungi 0812-3456-7890 ya.", "0812-3456-7890"),
        (DisclosureKind.PHONE, "Hubungi +62 812 3456 7890 ya.", "+62 812 3456 7890"),
        (DisclosureKind.PHONE, "Hubungi (021) 3812345 ya.", "021) 3812345"),
        (DisclosureKind.NUMBER, "NIK 3374121234567890.", "3374121234567890"),
        (DisclosureKind.MAIL, "Kirim ke lestari.w@surat.example saja.", "lestari.w@surat.example"),
        (DisclosureKind.MAIL, "Kirim ke lestari (at) surat.example saja.", "lestari (at) surat.example"),
        (DisclosureKind.OFFICE, "Kami akan datang ke Dinas Pendidikan besok.", "Dinas Pendidikan"),
        (DisclosureKind.OFFICE, "Apakah masih bekerja di Suka Maju?", "Suka Maju"),
        (DisclosureKind.OFFICE, "Apakah masih bekerja di sendang?", "sendang"),
        (
            DisclosureKind.OTHERS,
            "Benarkah ada rapat tertutup di rumah dinas beliau?",
            "ada rapat tertutup di rumah dinas beliau",
        ),
        (
            DisclosureKind.OWN,
            "Anda menulis: kami disuruh mengumpulkan fotokopi KTP keluarga.",
            "kami disuruh mengumpulkan fotokopi KTP keluarga",
        ),
        (DisclosureKind.STAFF, "Salam, Laras Anindita.", "Laras Anindita"),
        (DisclosureKind.STAFF, "Salam, verifikator1.", "verifikator1"),
        (DisclosureKind.REFERENCE, "Lihat juga kn-26-7k2m9r di sana.", "kn-26-7k2m9r"),
    ],
)
def test_it_is_found_in_the_words_as_they_stand(kind: DisclosureKind, text: str, words: str) -> None:
    assert (kind.value, words) in disclosed(text)


def test_a_ticket_code_is_found_however_it_is_grouped() -> None:
    code = "7K2MZ9Q4X2AB3DB8FHJX0NPR65TVWR"
    for spelling in (code, code.lower(), codes.grouped(code), codes.grouped(code).replace("-", " - ")):
        assert disclosed(f"Kode Anda {spelling} tadi.") == [("code", spelling)], spelling
    spaced = codes.grouped(code).replace("-", " ")
    assert disclosed(f"Kode: {spaced}, ya.") == [("code", spaced)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Terima kasih. Keterangan Anda sudah kami baca.",
        "Kepala dinas dan pegawai lain akan kami tanya secara umum.",
        "Mohon jawab paling lambat Rabu, 25 November 2026, sebelum pukul 16.00.",
        "Laporan KN-26-7K2M9Q kami teruskan.",
        "Laporan {reference} kami teruskan.",
        "Surat nomor 800.1.6.4/118/2026 sudah ada.",
        "Ini baru dapat kami baca nanti saat ada data yang kami cari.",
        "Pendidikan adalah bidang yang luas.",
    ],
)
def test_everyday_words_pass(text: str) -> None:
    assert disclosed(text) == []


def test_four_words_are_an_accident_and_five_are_not() -> None:
    known = KnownFacts(others=("satu dua tiga empat lima enam tujuh",))
    assert disclosed("satu dua tiga empat", known) == []
    assert disclosed("nol dua, tiga empat: lima ENAM sepuluh", known) == [("others", "dua, tiga empat: lima ENAM")]
    assert disclosed("satu dua tiga empat lima. satu dua tiga empat lima", known) == [
        ("others", "satu dua tiga empat lima")
    ]


def test_no_warning_without_known_facts() -> None:
    empty = KnownFacts(accused=("", "tidak tahu", "??"), offices=("", "Dinas"), others=("",), staff=("",))
    assert disclosed("Dinas tidak tahu apa-apa tentang kantor ini.", empty) == []


def test_the_standard_texts_of_the_house_give_away_nothing() -> None:
    for row in json.loads((DATA / "standard_texts.json").read_text(encoding="utf-8")):
        for language in ("id", "en"):
            text = row[f"body_{language}"]
            assert unknown_placeholders(text) == [], row["code"]
            assert disclosed(text) == [], row["code"]


def test_placeholders_are_filled_and_nothing_else_is() -> None:
    values = {"reference": "KN-26-ABCDEF", "body": "", "due_on": "besok"}
    text = "{reference} {due_on} {body} {reference.__class__} {0}"
    assert unknown_placeholders(text) == ["{reference.__class__}", "{0}"]
    assert fill_placeholders(text, values) == "KN-26-ABCDEF besok … … …"
