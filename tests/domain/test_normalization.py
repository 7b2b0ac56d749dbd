"""One spelling for a person, an agency and a number, however they were typed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain import normalization

SAME_NAME = [
    "Budi Santoso",
    "  BUDI   santoso ",
    "Dr. H. Budi Santoso, S.E., M.Si.",
    "drs budi santoso SE",
    "Bapak Budi Santoso S. Sos",
    "Ir. Budi Santoso, M.M",
    "@budi_santoso",
    "Budi Santóso",
    "Prof. Dr. Budi Santoso S.H., M.H., Ph.D",
]
OTHER_NAMES = ["Budi", "Santoso Budi", "Budi Santosa", "Hj. Siti Aminah, S.Pd", ""]
NIPS = {
    "19700101 199003 1 001": "197001011990031001",
    "NIP. 197001011990031001": "197001011990031001",
    "१९७००१०११९": "1970010119",
    "131 234 567": "131234567",
    "1234": "",
    "tidak tahu": "",
    "": "",
}


@pytest.mark.parametrize("typed", SAME_NAME)
def test_titles_degrees_and_typing_do_not_matter(typed: str) -> None:
    assert normalization.name(typed) == "budi santoso"


@pytest.mark.parametrize("typed", OTHER_NAMES)
def test_other_names_stay_others(typed: str) -> None:
    assert normalization.name(typed) != "budi santoso"


def test_a_name_that_is_nothing_but_a_title_stays_a_name() -> None:
    assert normalization.name("Ma") == "ma"
    assert normalization.name("Dr. Se") == "se"
    assert normalization.name("Moh. Ma'ruf") == normalization.name("Muhammad Maruf")


APOSTROPHES = "'’‘`´ʼʻʿʾ′＇‛"
# The same name in letters of its own, without vowel marks, stretched, and as other keyboards write its letters.
SAME_ARABIC = ["محمد معروف", "مُحَمَّد مَعْرُوف", "محـــمد معروف", "\u200fمحمد\u200f معروف", "ﻣﺤﻤﺪ معروف"]


@given(st.text(st.sampled_from(APOSTROPHES + "\u200b\u200c\ufeff"), min_size=1, max_size=3))
def test_apostrophes_and_invisible_characters_do_not_matter(between: str) -> None:
    assert normalization.name(f"Siti Ma{between}ruf") == "siti maruf"
    assert normalization.office(f"Kec. Ma{between}rang") == "kecamatan marang"
    assert normalization.name(f"𝐁udi\ufe0f {between}") == "budi"


@pytest.mark.parametrize("typed", SAME_ARABIC)
def test_a_name_in_arabic_letters_compares_with_itself(typed: str) -> None:
    assert normalization.name(typed) == normalization.name(SAME_ARABIC[0]) != ""
    assert normalization.name(typed) != normalization.name("محمد")
    assert normalization.name("علي يحيى") == normalization.name("علی یحیی")
    assert normalization.name("عبد الرحمن، M.Si") != ""


def test_a_name_in_javanese_letters_keeps_its_vowels() -> None:
    karta, karti, kerta = "ꦏꦂꦠ", "ꦏꦂꦠꦶ", "ꦏꦼꦂꦠ"
    assert len({normalization.name(name) for name in (karta, karti, kerta)}) == 3
    assert " " not in normalization.name(karti)
    assert normalization.name(f"{karti} {karta}") == normalization.name(f"{karti}  {karta}.")
    assert normalization.person(karta, "Dinas Contoh") != ""


@pytest.mark.parametrize("typed", ["", "-", " ? ", "Tidak tahu", "tidak diketahui", "."])
def test_nobody_is_nobody(typed: str) -> None:
    assert normalization.name(typed) == ""
    assert normalization.person(typed, "Dinas Contoh") == ""
    assert normalization.agency_key(typed, "Suka Maju") == ""


@pytest.mark.parametrize(("typed", "digits"), NIPS.items())
def test_a_number_is_its_digits(typed: str, digits: str) -> None:
    assert normalization.nip(typed) == digits


# Of a civil servant, with spaces, with what keeps a spreadsheet from counting, and of two employed by contract.
NUMBERS = [
    "198603152010012001",
    "19860315 201001 2 001",
    "'198603152010012001",
    "NIP. 198603152010012001",
    "199312282025212001",
    "NI PPPK: 199009132025242014",
]
# Too short, born on no day or tomorrow, appointed as a child, in month 13 or 2028, of no sex, without a serial number.
NO_NUMBERS = [
    *("123", "'", "131234567", "19860315201001200", "1986031520100120011"),
    *("198602302010012001", "202601012026012001", "198603151999012001", "198603152010132001", "198603152028012001"),
    *("198603152010013001", "198603152010012000", "198603152010012001 Budi", "tidak tahu"),
]


def test_an_employee_number_is_told_from_other_digits() -> None:
    today = date(2026, 11, 29)
    assert [text for text in NUMBERS if not normalization.is_employee_number(text, today=today)] == []
    assert [text for text in NO_NUMBERS if normalization.is_employee_number(text, today=today)] == []


@given(st.dates(date(1960, 1, 1), date(2005, 1, 1)), st.integers(1, 12), st.sampled_from("12"), st.integers(1, 999))
def test_every_number_of_a_grown_up_is_one(born: date, month: int, sex: str, serial: int) -> None:
    number = f"{born:%Y%m%d}{born.year + 20}{month:02}{sex}{serial:03}"
    assert normalization.is_employee_number(number, today=date(2026, 11, 29))


def test_a_person_is_a_name_at_an_agency() -> None:
    person = normalization.person("Budi Santoso, S.E.", "Disdik Kab. Suka Maju")
    assert person == normalization.person("budi santoso", "DINAS PENDIDIKAN KABUPATEN SUKA-MAJU")
    assert person != normalization.person("budi santoso", "Dinas Kesehatan")


def test_an_agency_belongs_to_its_place() -> None:
    assert normalization.agency_key("Dinkes", "Kab. Suka Maju") == normalization.agency_key(
        "Dinas Kesehatan", "kabupaten suka maju"
    )
    assert normalization.agency_key("Dinkes", "Kota Suka") != normalization.agency_key("Dinkes", "Kab. Suka")


def test_parts_are_separated_unambiguously() -> None:
    assert normalization.person("Budi Dinas", "Contoh") != normalization.person("Budi", "Dinas Contoh")


@given(st.text(max_size=80))
def test_the_spelling_of_a_spelling_is_itself(typed: str) -> None:
    for rule in (normalization.name, normalization.office, normalization.nip):
        normalized = rule(typed)
        assert rule(normalized) == normalized
        assert rule(f"  {typed}  ") == normalized
    assert "\0" not in normalization.name(typed)


@given(st.text(max_size=40), st.sampled_from(["Dr. ", "Drs. ", "H. ", "Hj. ", "Ir. ", "Bapak "]))
def test_a_title_in_front_changes_nothing(typed: str, title: str) -> None:
    if len(normalization.office(typed.partition(",")[0])) > 1 and normalization.name(typed):
        assert normalization.name(title + typed) == normalization.name(typed)


def test_an_agency_is_known_by_its_other_spellings() -> None:
    operators = (
        "Dinas Komunikasi dan Informatika Provinsi Jawa Tengah",
        "Kementerian Komunikasi dan Informatika Republik Indonesia",
        "Pemerintah Kabupaten Contoh",
        "Bank Indonesia",
    )
    named = (
        "Dinas Kominfo Prov. Jateng", "DISKOMINFO JATENG", "dinas komunikasi & informatika provinsi jawa tengah",
        "Bidang Aplikasi, Dinas Kominfo Pemprov Jawa Tengah", "Dinas Kominfo (Diskominfo) Propinsi Jawa Tengah",
        "Kominfo, Dinas Komunikasi Informatika Pemerintah Provinsi Jateng", "Kemenkominfo", "Kementerian Kominfo RI",
        "Ditjen Aptika Kementerian Komunikasi dan Informatika", "Dinas Sosial Pemkab Contoh", "Bank Indonesia, Solo",
    )  # fmt: skip
    others = (
        "Dinas Kominfo", "Dinas Kominfo Jatim", "Dinas Kominfo Kota Jawa Tengah", "Dinas Kesehatan Prov. Jateng",
        "Universitas Jawa Tengah", "Dinas Sosial Kabupaten Contoh", "Pemerintah Kota Contoh", "Bank Jateng",
        "Kementerian Dalam Negeri RI", "Republik Indonesia", "",
    )  # fmt: skip
    assert [text for text in named if not normalization.names_office(text, operators)] == []
    assert [text for text in others if normalization.names_office(text, operators)] == []


def test_plain_text_is_folded_as_any_other() -> None:
    """Texts in ASCII take a shorter way."""
    signs = "".join(map(chr, range(128)))
    assert normalization.fold(f"\u0629{signs}")[1:] == normalization.fold(signs)


MINISTRY = ("Kementerian Komunikasi dan Digital",)


def test_an_agency_is_known_by_its_misspellings() -> None:
    """Thirty ways to write one ministry; which ones are the name, and which only resemble it."""
    named = (
        "KEMENTERIAN KOMUNIKASI DAN DIGITAL", "Kementerian Komunikasi & Digital RI", "Kementerian Komunikasi Digital",
        "Kementrian Komdigi", "Kemkomdigi", "Kemenkomdigi", "Kemen Komdigi", "Kementerian Komdigi (Pusat)",
        "Kominfo (Kementerian Kominfo)", "Kemenkominfo", "KEMKOMINFO", "Kementerian Komunikasi dan Informatika",
        "Ditjen Pengawasan Ruang Digital, Kementerian Komdigi", "Kementrian Kominfo RI",
    )  # fmt: skip
    alike = (
        "Komdigi", "Kominfo", "Staf Komdigi", "Komunikasi dan Digital", "Kantor Pusat Kominfo", "Menkomdigi",
        "Kementerian Komunikasi dan Digtal", "Kementerian Komunkasi dan Digital", "Kementeriankomunikasi dan digital",
        "Kementerian Komunikasi dan Digitall", "Kementerina Komunikasi dan Digital", "Kemetrian Komunikasi dan Digital",
        "Kementerian Komunikasi dan Infomatika", "Kementerian Komunikasi dan Informatka", "Komunikasi & Digiral",
        "Kementerian Komu nikasi dan Digital",
    )  # fmt: skip
    others = (
        "Kementerian Keuangan", "Kementerian Sosial", "Dinas Kominfo Kota Semarang", "Kominfo Semarang", "Diskominfo",
        "Kementerian Komunikasi dan Kebudayaan", "Dinas Kesehatan", "Badan Kepegawaian Negara", "Komisi Informasi", "",
    )  # fmt: skip
    assert len(named + alike) == 30
    assert [text for text in named if not normalization.names_office(text, MINISTRY)] == []
    assert [text for text in (*alike, *others) if normalization.names_office(text, MINISTRY)] == []
    found = [text for text in (*alike, *others) if normalization.resembles_office(text, MINISTRY, is_regional=False)]
    assert found == [*alike]
    assert not normalization.resembles_office("Kominfo", MINISTRY, is_regional=True)


@pytest.mark.parametrize(
    ("text", "agency", "alike"),
    [
        ("Dinas Kesehtan Kabupaten Bandung", "Dinas Kesehatan Kabupaten Bandung", True),
        ("Dinas Kesehatan Kabupaten Badung", "Dinas Kesehatan Kabupaten Bandung", True),
        ("Dinas Kesehatan Kabupaten Malaka", "Dinas Kesehatan Kabupaten Malang", False),
        ("Dinas Kesehatan Kota Bandung", "Dinas Kesehatan Kabupaten Bandung", False),
        ("Kementerian Luar Negeri", "Kementerian Dalam Negeri", False),
        ("BACM", "BACN", False),
    ],
)
def test_how_far_a_misspelling_goes(text: str, agency: str, alike: bool) -> None:
    assert normalization.resembles_office(text, [agency], is_regional=True) == alike
