"""Tables of an import: both kinds read alike, hostile ones refused with a code, nothing computed."""

from __future__ import annotations

import io
import time
import zipfile
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from complaints.adapters.spreadsheet_import import MAX_BYTES, BadTable, read

ROWS = [["tautan", "tanggal", "uraian"], ["https://x.com/a/status/1", "2026-11-02", "Baris, dengan koma"]]


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cells(data: bytes) -> list[list[str]]:
    return [row.cells for row in read(data, most_rows=10)]


def refused(data: bytes, most_rows: int = 10) -> tuple[str, int]:
    with pytest.raises(BadTable) as bad:
        read(data, most_rows=most_rows)
    return bad.value.code, bad.value.row


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_and_xlsx_read_alike(mark: bytes) -> None:
    comma = b'tautan,tanggal,uraian\r\nhttps://x.com/a/status/1,2026-11-02,"Baris, dengan koma"\r\n\r\n'
    semicolon = b"tautan;tanggal;uraian\nhttps://x.com/a/status/1;2026-11-02;Baris, dengan koma\n"
    sheet = workbook(ROWS[0], [ROWS[1][0], date(2026, 11, 2), ROWS[1][2]], [None, None])
    for data in (mark + comma, mark + semicolon, sheet):
        assert cells(data) == ROWS


# As Excel saves the same table under Indonesian settings: "CSV", "Unicode Text", with the line of the delimiter, and
# with what people leave above a table.
@pytest.mark.parametrize(
    ("encoding", "before", "delimiter", "header"),
    [
        ("cp1252", "", ";", 1),
        ("cp1252", "sep=;\r\n", ";", 1),
        ("utf-8", '"SEP=,"\r\n', ",", 1),
        ("utf-8-sig", ";;\r\n\r\n", ";", 3),
        ("utf-16", "", "\t", 1),
        ("utf-16", "sep=\t\r\n\t\t\r\n", "\t", 2),
    ],
)
def test_what_excel_in_indonesia_writes_is_read(encoding: str, before: str, delimiter: str, header: int) -> None:
    row = ["https://x.com/a/status/1", "02.11.2026", "Nu’man – “netral” é"]
    text = before + "".join(delimiter.join(line) + "\r\n" for line in (ROWS[0], row, ["", "", ""], row))
    assert [tuple(found) for found in read(text.encode(encoding), most_rows=10)] == [
        (header, ROWS[0]),
        (header + 1, row),
        (header + 3, row),
    ]


def test_a_hidden_sheet_in_front_and_blank_rows_are_passed_over() -> None:
    book = Workbook()
    book.active.append(["daftar", "kode"])
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("Temuan")
    for place, text in enumerate(ROWS[0], start=1):
        sheet.cell(4, place, text)
    sheet.cell(6, 3, "isi")
    out = io.BytesIO()
    book.save(out)
    assert [tuple(row) for row in read(out.getvalue(), most_rows=10)] == [(4, ROWS[0]), (6, ["", "", "isi"])]
    assert refused(out.getvalue(), most_rows=0) == ("rows", 6)


def test_a_row_far_below_costs_no_time() -> None:
    far = _rewritten("xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="99999999999999"')
    assert cells(far) == [["a"]]


def test_a_million_cells_or_lines_cost_no_time() -> None:
    begun = time.process_time()
    assert read(b";" * 1_000_000, most_rows=10) == []
    assert refused(b"a;b\n" + b"x;" * 500_000) == ("columns", 2)
    assert refused(b"\n" * 1_000_000) == ("rows", 10_001)
    assert time.process_time() - begun < 2


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode("utf-16")))
def test_any_bytes_are_a_table_or_a_refusal(data: bytes) -> None:
    with suppress(BadTable):
        assert all(any(row.cells) for row in read(data, most_rows=10))


def test_numbers_lose_no_digit() -> None:
    assert cells(workbook(["nip"], ["197001011990031001"], [1.0], [7]))[1:] == [["197001011990031001"], ["1"], ["7"]]
    lost = [workbook(["a", "nip"], ["x", number]) for number in (197001011990031001, "1.98E+17")]
    lost += [f"a;nip\nx;{number}".encode() for number in ("1,98001E+17", "1.98E+17", "2E17", "-1,9e+17")]
    for data in lost:
        assert refused(data) == ("number", 2)
        with pytest.raises(BadTable) as bad:
            read(data, most_rows=9)
        assert bad.value.column == "nip"
    assert cells(b"a;uraian\nE17;2E+1x di kantor")[1] == ["E17", "2E+1x di kantor"]


def test_what_is_no_usable_table_is_refused_with_a_code() -> None:
    assert refused(b"a" * (MAX_BYTES + 1)) == ("too_large", 0)
    assert refused(b"uraian\n\x81\x8d") == ("encoding", 0)
    assert refused(b"\xff\xfea") == ("encoding", 0)
    assert refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)) == ("old_format", 0)
    assert refused(bytes([0x89]) + b"PNG\r\n\x1a\n") == ("damaged", 0)
    assert refused(b"a,b\0") == ("damaged", 0)
    assert refused(b'a,"b\n') == ("damaged", 0)
    assert refused(b"PK\x03\x04 no zip") == ("damaged", 0)
    assert refused(b"a\n" * 12) == ("rows", 12)
    assert refused(workbook(*([["a"]] * 12))) == ("rows", 12)
    assert refused(b"a\n" + b"x" * 8001) == ("cell", 2)
    assert refused(b"a\n" + b"," * 50 + b"b") == ("columns", 2)
    assert refused(workbook(["a"], [None] * 40 + ["b"])) == ("columns", 2)
    assert refused(workbook(["a"], ["=1+1"])) == ("formula", 2)


def _rewritten(name: str, old: bytes, new: bytes) -> bytes:
    """A workbook one of whose parts was changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(["a"], [3.5]))) as whole, zipfile.ZipFile(out, "w") as made:
        for part in whole.namelist():
            content = whole.read(part)
            assert part != name or old in content
            made.writestr(part, content.replace(old, new) if part == name else content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("xl/workbook.xml", b"</sheets>", b"</shets>"),
        ("xl/styles.xml", b"<fonts", b"<"),
        ("[Content_Types].xml", b"<Types", b""),
        ("xl/worksheets/sheet1.xml", b"<sheetData", b"<<"),
        ("xl/_rels/workbook.xml.rels", b"Target", b"Traget"),
        ("docProps/core.xml", b"xmlns:dcterms", b"xmlns:x"),
    ],
)
def test_a_workbook_with_a_broken_part_is_damaged(name: str, old: bytes, new: bytes) -> None:
    assert refused(_rewritten(name, old, new)) == ("damaged", 0)


def test_a_workbook_whose_packing_is_broken_is_damaged() -> None:
    whole = workbook(*(["kata", number] for number in range(9)))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
        start = entry.header_offset + 30 + len(entry.filename) + 8
    assert refused(whole[:start] + b"\xff" * 40 + whole[start + 40 :]) == ("damaged", 0)


def test_a_zip_that_is_monstrous_inside_is_not_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(name, b" " * (12 * 1024 * 1024))
    assert len(out.getvalue()) < MAX_BYTES
    assert refused(out.getvalue())[0] in {"too_large", "damaged"}


def test_entities_in_a_sheet_are_refused() -> None:
    source = workbook(["a"])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + data.replace(
                    b"<?xml version='1.0' encoding='UTF-8'?>", b""
                )
            new.writestr(name, data)
    assert refused(out.getvalue())[0] == "damaged"
