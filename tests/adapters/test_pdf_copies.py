"""Copies of PDF files hold the entries that draw, by the kind of each object, and look like their originals."""

import io

import pikepdf
import pytest

from complaints.adapters.media import pages, pdf, pdf_content
from tests.adapters import poison_pdf


def clean(data: bytes) -> bytes:
    out = io.BytesIO()
    pdf.clean(io.BytesIO(data), out, "application/pdf")
    return out.getvalue()


def test_no_string_of_a_poisoned_pdf_is_left() -> None:
    original = poison_pdf.pdf()
    assert len(poison_pdf.marks_in(original)) > 200
    copy = clean(original)
    assert poison_pdf.marks_in(copy) == set()
    before, after = pages.draw(io.BytesIO(original), 0, 600), pages.draw(io.BytesIO(copy), 0, 600)
    assert before.tobytes() == after.tobytes()
    # All of it is drawn: a picture, a form, a pattern, a shading, an ink, a glyph, a picture in the operators.
    for spot in ((150, 340), (20, 380), (445, 295), (310, 310), (460, 220), (310, 150), (545, 345)):
        assert after.getpixel(spot) != (255, 255, 255)


def test_a_figure_of_pdftex_tells_nothing() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    figure = document.make_stream(b"1 0 0 rg 0 0 50 50 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
    figure.BBox, figure["/PTEX.FileName"] = [0, 0, 50, 50], pikepdf.String("/home/budi/gambar.pdf")
    figure["/PTEX.InfoDict"] = pikepdf.Dictionary(Author="Budi", CreationDate="D:20260101")
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im1=figure))
    page.Contents = document.make_stream(b"/Im1 Do")
    out = io.BytesIO()
    document.save(out)
    assert {"author", "time", "path"} <= pdf.inspect(out, "application/pdf")
    copy = clean(out.getvalue())
    assert b"PTEX" not in copy
    with pikepdf.open(io.BytesIO(copy)) as opened:
        entries = set(opened.pages[0].Resources.XObject.Im1.keys())
    assert entries <= {"/Type", "/Subtype", "/BBox", "/Length", "/Filter"}
    assert pages.draw(io.BytesIO(copy), 0, 100).getpixel((20, 80)) == (255, 0, 0)


def test_odd_descriptions_of_pages_are_drawn_as_before() -> None:
    """Unbalanced parentheses, comments within words, pictures whose data look like operators, names with signs."""
    document = pikepdf.Pdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    operators = (
        b"BT /Nama#20Huruf 12 Tf 10 80 Td (a \\( (dalam) 100% \\\\) Tj ET%comment\n0 0 1 rg%x\r10 10 20 20 re f\n"
        b"q 20 0 0 20 50 10 cm BI /W 3 /H 2 /BPC 8 /CS /G ID \x00 EI \xff% EI Q /P <</MCID 0>> BDC 1 0 0 rg 80 10"
        b" 9 9 re f EMC"
    )
    page = document.add_blank_page(page_size=(100, 100))
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary({"/Nama Huruf": font}))
    page.Contents = document.make_stream(operators)
    out = io.BytesIO()
    document.save(out)
    copy = clean(out.getvalue())
    before, after = pages.draw(out, 0, 300), pages.draw(io.BytesIO(copy), 0, 300)
    assert before.tobytes() == after.tobytes()
    with pikepdf.open(io.BytesIO(copy)) as opened:
        content = opened.pages[0].Contents.read_bytes()
    assert b"(a \\( (dalam) 100% \\\\) Tj" in content
    assert not [word for word in (b"comment", b"MCID", b"Nama") if word in content]


def test_large_drawings_are_copied_soon() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page()
    page.Contents = document.make_stream(b"10.5 20.25 m 30 40 l S\n" * 400_000)
    out = io.BytesIO()
    document.save(out)
    assert len(clean(out.getvalue())) < 200_000


@pytest.mark.parametrize("piece", [b"(", b"<<", b"< ", b" BI ", b"/a <<", b"%", b" EI ", b"((\\)"])
def test_malformed_streams_are_read_once(piece: bytes) -> None:
    """Each of these words looks for its end, which is not there: a million of them must not look a million times."""
    hostile = piece * 300_000
    assert len(pdf_content.bare(hostile, bytes, set())) <= len(hostile)
