"""No cell of a downloaded file is a formula, in whatever spelling; and what is written is read back."""

from __future__ import annotations

import csv
import io

import pytest
from openpyxl import load_workbook

from complaints.adapters import spreadsheet_export

PAYLOADS = [
    "=1+1",
    '=HYPERLINK("https://jahat.invalid","klik")',
    "+62812",
    "-2+3",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "|calc",
    "%0a=1",
    " =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\x00=1",
    "\x1b=1",
    "\u3000=1",
    "\u202f=1",
    "\u00ad=1",
    "\u202e=1",
    "\u2066=1",
    "\u0301=1",
    "\u2212" + "2+3",
    "\ufe66" + "1",
    "\ufe63" + "1",
]


def read_csv(rows: list[list[str]]) -> list[list[str]]:
    made = b"".join(spreadsheet_export.csv_lines(rows))
    assert made.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_could_be_a_formula_is_words(payload: str) -> None:
    cell = spreadsheet_export.safe(payload)
    assert cell.startswith("'") and not any(ord(letter) < 32 for letter in cell)
    assert read_csv([[payload, "lain"]]) == [[cell, "lain"]]
    made = spreadsheet_export.xlsx([("Kasus", [[payload]])], header="TERBATAS", author="Kanal Netral")
    cell_read = load_workbook(io.BytesIO(made))["Kasus"]["A1"]
    assert (cell_read.data_type, cell_read.value) == ("s", cell)


def test_csv_row_stays_on_one_line() -> None:
    rows = [['Dinas "A", B', "satu\ndua;tiga", "a\u2028b"], ["Ñandú", "", "0"]]
    assert read_csv(rows) == [['Dinas "A", B', "satu dua;tiga", "a b"], ["Ñandú", "", "0"]]


def test_everyday_words_stay_as_they_are() -> None:
    for words in ("LATIHAN-ABCDEF", "2026-11-22", "A1 Diperintah", "Sulawesi-Selatan", "1", ""):
        assert spreadsheet_export.safe(words) == words


def test_a_workbook_says_on_every_page_what_it_is() -> None:
    made = spreadsheet_export.xlsx(
        [("Klasifikasi", [["TERBATAS"]]), ("Kasus", [["x"]])], header="TERBATAS", author="Kanal Netral"
    )
    book = load_workbook(io.BytesIO(made))
    assert [sheet.oddHeader.center.text for sheet in book] == ["TERBATAS", "TERBATAS"]
    assert book.properties.creator == "Kanal Netral"
