"""Tables of an import: both kinds read alike, hostile ones refused with a code, nothing computed."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
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
        assert read(data, most_rows=10) == ROWS


def test_numbers_lose_no_digit() -> None:
    assert read(workbook(["nip"], ["197001011990031001"], [1.0], [7]), most_rows=9)[1:] == [
        ["197001011990031001"],
        ["1"],
        ["7"],
    ]
    assert refused(workbook(["nip"], [197001011990031001])) == ("number", 2)


def test_what_is_no_usable_table_is_refused_with_a_code() -> None:
    assert refused(b"a" * (MAX_BYTES + 1)) == ("too_large", 0)
    assert refused("uraian\nkafé".encode("latin-1")) == ("encoding", 0)
    assert refused(b"a,b\0") == ("damaged", 0)
    assert refused(b'a,"b\n') == ("damaged", 0)
    assert refused(b"PK\x03\x04 no zip") == ("damaged", 0)
    assert refused(b"a\n" * 12) == ("rows", 12)
    assert refused(workbook(*([["a"]] * 12))) == ("rows", 12)
    assert refused(b"a\n" + b"x" * 8001) == ("cell", 2)
    assert refused(b"a\n" + b"," * 50) == ("cell", 2)
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
