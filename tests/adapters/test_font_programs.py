"""Fonts in a PDF keep their shapes and lose the texts of their makers."""

import io

import pikepdf
import pytest
import typst

from complaints.adapters.media import font_programs, pages, pdf
from tests.adapters.samples import MARK

_WORD = MARK.encode()
_TOLD = (b"Copyright", b"(C)", "Copyright".encode("utf-16-be"))


def sfnt(tables: dict[bytes, bytes]) -> bytes:
    head, body = b"\x00\x01\x00\x00" + len(tables).to_bytes(2, "big") + bytes(6), b""
    for tag, table in tables.items():
        start = 12 + 16 * len(tables) + len(body)
        head += tag + bytes(4) + start.to_bytes(4, "big") + len(table).to_bytes(4, "big")
        body += table
    return head + body


def index(*items: bytes) -> bytes:
    ends = [1]
    for item in items:
        ends.append(ends[-1] + len(item))
    return len(items).to_bytes(2, "big") + b"\x02" + b"".join(end.to_bytes(2, "big") for end in ends) + b"".join(items)


def cff() -> bytes:
    """A font in the compact format whose dictionary names its second string as notice, its third as its font's name."""
    notice, name = (bytes([28]) + (391 + number).to_bytes(2, "big") for number in (1, 2))
    dictionary = b"\x1e\xe2\x5f\x0c\x02" + notice + b"\x01" + name + b"\x0c\x26" + b"\xf7\x00\x0f"
    return b"\x01\x00\x04\x02" + index(b"Huruf") + index(dictionary) + index(b"glif", _WORD, b"nama") + b"shapes"


def test_texts_of_makers_become_blanks() -> None:
    names = b"\x00\x00\x00\x01\x00\x12" + bytes(12) + _WORD + MARK.encode("utf-16-be")
    tables = {b"glyf": b"shapes", b"head": bytes(20) + _WORD[:8] * 2 + b"box", b"name": names, b"FFTM": _WORD}
    tables[b"CFF "] = cff()
    type1 = (
        b"%!PS-AdobeFont-1.0: Huruf\n% " + _WORD + b"\n/Notice (a \\) " + _WORD + b") def\ncurrentfile eexec\x80shapes"
    )
    for data in (sfnt(tables), cff(), type1):
        copy = font_programs.bare(data)
        assert len(copy) == len(data)
        assert b"shapes" in copy
        assert _WORD in data
        assert _WORD not in copy
        assert MARK.encode("utf-16-be") not in copy
    assert b"glif" in font_programs.bare(cff())
    assert b"nama" in font_programs.bare(cff())
    assert b"box" in font_programs.bare(sfnt(tables))


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\x00\x04\x02\x00", b"true\xff\xff", b"OTTO\x00\x01", b"other", cff()[:40]]
)
def test_what_is_no_font_stays(data: bytes) -> None:
    assert font_programs.bare(data) == data


def test_pages_look_as_before() -> None:
    original = typst.compile(b'#set page(width: 8cm, height: 4cm)\nHuruf $x^2$ #text(font: "DejaVu Sans Mono")[kode]')
    out = io.BytesIO()
    pdf.clean(io.BytesIO(original), out, "application/pdf")
    assert pages.draw(io.BytesIO(original), 0, 600).tobytes() == pages.draw(out, 0, 600).tobytes()
    programs = [
        item[key].read_bytes()
        for document in (pikepdf.open(io.BytesIO(original)), pikepdf.open(out))
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == pikepdf.Name.FontDescriptor
        for key in ("/FontFile2", "/FontFile3")
        if key in item
    ]
    assert len(programs) >= 4
    told = [any(word in program for word in _TOLD) for program in programs]
    assert told == [True] * (len(told) // 2) + [False] * (len(told) // 2)
