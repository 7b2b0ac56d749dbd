"""What a copy of a PDF lacks, or holds without showing it, is told; a fault in one stream costs that stream alone."""

import io
import zlib

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from complaints.adapters.media import pages, pdf, pieces
from tests.adapters import samples
from tests.adapters.samples import MARK


def copied(document: pikepdf.Pdf) -> tuple[bytes, set[str]]:
    """The copy of a document, and the codes of what it lacks or hides."""
    original, out, found = io.BytesIO(), io.BytesIO(), set[str]()
    document.save(original, compress_streams=False)
    pdf.clean(original, out, "application/pdf", found)
    return out.getvalue(), found


def told(document: pikepdf.Pdf) -> set[str]:
    original = io.BytesIO()
    document.save(original)
    return pdf.inspect(original, "application/pdf")


def test_what_a_copy_of_a_pdf_lacks_is_told() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    empty, plain = io.BytesIO(), set[str]()
    document.save(empty)
    pdf.clean(empty, io.BytesIO(), "application/pdf", plain)
    assert plain == set()
    layer = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("a")))
    document.Root.OCProperties = pikepdf.Dictionary(OCGs=[layer], D=pikepdf.Dictionary(OFF=[layer]))
    document.attachments["a.txt"] = b"a"
    field = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Sig, T="a")
    field.V = pikepdf.Dictionary(Type=pikepdf.Name.Sig)
    film = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.RichMedia)
    for note in (field, film):
        note.Rect = [10, 10, 60, 60]
    page.obj.Annots = pikepdf.Array([document.make_indirect(field), document.make_indirect(film)])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([page.obj.Annots[0]]))
    out, found = io.BytesIO(), set[str]()
    document.save(out)
    twice = out.getvalue() + b"\nstartxref\n9\n%%EOF\n" + out.getvalue()[-40:]
    pdf.clean(io.BytesIO(twice), io.BytesIO(), "application/pdf", found)
    assert found == {"layers", "embedded-files", "form-values", "media", "earlier-revisions"}


def test_a_field_with_a_value_and_no_appearance_is_drawn() -> None:
    """Viewers draw it when they open the file; a field that has an appearance keeps its own."""
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(200, 100))
    red = document.make_stream(b"1 0 0 rg 0 0 40 20 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
    red.BBox = [0, 0, 40, 20]
    fields = []
    for number, rect in enumerate(([10, 60, 190, 80], [10, 10, 50, 30], [100, 10, 140, 30])):
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, Rect=rect, F=4
        )
        field.T, field.DA = f"f{number}", "/Helv 12 Tf 0 g"
        fields.append(document.make_indirect(field))
    fields[0].V, fields[1].V, fields[1].AP = "Isian formulir", "lain", pikepdf.Dictionary(N=red)
    page.obj.Annots = pikepdf.Array(fields)
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=document.make_indirect(font)))
    document.Root.AcroForm = pikepdf.Dictionary(Fields=page.obj.Annots, DR=resources, DA="/Helv 12 Tf 0 g")
    out, found = io.BytesIO(), set[str]()
    document.save(out)
    copy = io.BytesIO()
    pdf.clean(out, copy, "application/pdf", found)
    assert found == set()
    drawn = pages.draw(copy, 0, 400)
    assert min(drawn.crop((20, 40, 380, 80)).convert("L").tobytes()) < 100
    assert drawn.getpixel((40, 160)) == (255, 0, 0)
    assert drawn.crop((210, 150, 270, 170)).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(("state", "is_drawn"), [(Name.Yes, True), (Name.Off, False)])
def test_a_ticked_box_without_a_look_is_drawn(state: Name, is_drawn: bool) -> None:
    """Also where it has looks, but none for its state."""
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 50))
    empty = document.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 20, 20])
    boxes = [
        Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Btn, T=name, F=4, Rect=[left, 10, left + 20, 30])
        for name, left in (("a", 10), ("b", 50))
    ]
    boxes[0].V, boxes[1].AS, boxes[1].AP = state, state, Dictionary(N=Dictionary(Other=empty))
    page.obj.Annots = Array([document.make_indirect(box) for box in boxes])
    document.Root.AcroForm = Dictionary(Fields=page.obj.Annots)
    copy, found = copied(document)
    assert found == set()
    drawn = pages.draw(io.BytesIO(copy), 0, 200).convert("L")
    for left in (20, 100):
        assert (min(drawn.crop((left, 40, left + 40, 80)).tobytes()) < 128) is is_drawn


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (Dictionary(Subtype=Name.Text, Contents="catatan"), "page-comments"),
        (Dictionary(Subtype=Name.Ink), "page-comments"),
        (Dictionary(Subtype=Name.Link, A=Dictionary(S=Name.URI, URI="https://example.test/")), "links"),
        (Dictionary(Subtype=Name.Link, A=Dictionary(S=Name.GoTo, D="a")), ""),
    ],
)
def test_comments_and_links_on_a_page_are_told(note: Dictionary, code: str) -> None:
    document = pikepdf.Pdf.new()
    note.Type, note.Rect = Name.Annot, Array([10, 10, 60, 60])
    document.add_blank_page(page_size=(100, 100)).obj.Annots = Array([document.make_indirect(note)])
    assert copied(document)[1] == ({code} if code else set())


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        (Dictionary(S=Name.URI, URI=pikepdf.String("../C:/Users/budi/a.docx")), {"path"}),
        (Dictionary(S=Name.Launch, F=pikepdf.String("/home/budi/a.docx")), {"path"}),
        (Dictionary(S=Name.URI, URI=pikepdf.String("https://example.test/home/a:/b")), set()),
    ],
)
def test_links_to_files_of_a_computer_are_told(target: Dictionary, codes: set[str]) -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    page.obj.Annots = Array([Dictionary(Subtype=Name.Link, Rect=[0, 0, 9, 9], A=target)])
    assert told(document) & {"path"} == codes
    assert copied(document)[1] == {"links"}


def test_text_that_is_not_drawn_is_told() -> None:
    """Programs put the words that they recognised behind the picture of a scanned page."""
    for orders, is_told in ((b"BT 3 Tr (kata) Tj ET", True), (b"BT 0 Tr (kata) Tj 1.3 Tr ET", False)):
        document = pikepdf.Pdf.new()
        document.add_blank_page().Contents = document.make_stream(orders)
        assert copied(document)[1] == ({"undrawn-text"} if is_told else set())
        assert ("hidden" in told(document)) is is_told


def test_layers_that_are_off_are_told_before_sending() -> None:
    document = pikepdf.Pdf.new()
    document.add_blank_page()
    layer = document.make_indirect(Dictionary(Type=Name.OCG, Name="a"))
    document.Root.OCProperties = Dictionary(OCGs=[layer], D=Dictionary(OFF=[layer]))
    assert "hidden" in told(document)


# --- Faults


def broken_page() -> pikepdf.Pdf:
    """A page whose operators break off, after a red square, and whose picture, mask and form cannot be read."""
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    faulty = Dictionary(
        {
            name: document.make_stream(
                MARK.encode(), Type=Name.XObject, Subtype=Name.Image, Width=8, Height=8, BitsPerComponent=8
            )
            for name in ("/Im1", "/Im2")
        }
    )
    for item in faulty.values():
        item.ColorSpace, item.Filter = Name.DeviceGray, Name.DCTDecode
    faulty.Im2.Filter = Name.JBIG2Decode
    faulty.Fm1 = document.make_stream(MARK.encode(), Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 9, 9])
    faulty.Fm1.Filter = Name.FlateDecode
    orders = b"1 0 0 rg 0 0 50 50 re f q 30 0 0 30 60 60 cm /Im1 Do Q " + b" ".join(b"%d g" % n for n in range(9000))
    page.Resources = Dictionary(XObject=faulty)
    page.Contents = document.make_stream(zlib.compress(orders)[:-900] + b"garbage!" * 20)
    page.Contents.Filter = Name.FlateDecode
    return document


def test_a_fault_in_one_stream_costs_that_stream_alone() -> None:
    copy, found = copied(broken_page())
    assert found == {"damaged-parts", "pictures"}
    assert MARK.encode() not in copy
    drawn = pages.draw(io.BytesIO(copy), 0, 200)
    assert drawn.getpixel((20, 180)) == (255, 0, 0)
    # Grey, so that people see that something stood there.
    assert drawn.getpixel((150, 50)) == (208, 208, 208)


def test_what_stands_behind_packed_data_goes() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    picture = document.make_stream(zlib.compress(bytes(40_000)) + MARK.encode() * 9)
    picture.update(Dictionary(Type=Name.XObject, Subtype=Name.Image, Width=200, Height=200, BitsPerComponent=8))
    picture.ColorSpace, picture.Filter = Name.DeviceGray, Array([Name.FlateDecode])
    picture.DecodeParms = Array([Dictionary(Predictor=1)])
    page.Resources = Dictionary(XObject=Dictionary(Im1=picture))
    page.Contents = document.make_stream(zlib.compress(b"q 50 0 0 50 0 0 cm /Im1 Do Q") + MARK.encode())
    page.Contents.Filter = Name.FlateDecode
    copy, found = copied(document)
    assert found == set()
    assert MARK.encode() not in copy
    assert pages.draw(io.BytesIO(copy), 0, 100).getpixel((10, 90)) == (0, 0, 0)


def test_a_jpeg_between_the_operators_is_left_out() -> None:
    document = pikepdf.Pdf.new()
    picture = b"q BI /W 96 /H 64 /CS /RGB /BPC 8 /F /DCT ID " + samples.jpeg() + b" EI Q "
    page = document.add_blank_page(page_size=(100, 100))
    page.Contents = document.make_stream(picture + b"1 0 0 rg 0 0 50 50 re f")
    copy, found = copied(document)
    assert found == {"pictures"}
    assert pages.draw(io.BytesIO(copy), 0, 200).getpixel((20, 180)) == (255, 0, 0)
    with pikepdf.open(io.BytesIO(copy)) as opened:
        assert MARK.encode() not in opened.pages[0].Contents.read_bytes()


def segment(kind: int, data: bytes, *, length: int | None = None, referred: bytes = b"\x00") -> bytes:
    size = len(data) if length is None else length
    return (1).to_bytes(4, "big") + bytes([kind]) + referred + b"\x01" + size.to_bytes(4, "big") + data


def test_comments_in_jbig2_go() -> None:
    page, region = segment(48, bytes(19)), segment(38, bytes(18) + b"pixels\xff\xac" + bytes(4), length=0xFFFFFFFF)
    symbols = segment(0, b"symbols", referred=b"\x20\x07")
    many = segment(6, b"text", referred=b"\xe0\x00\x00\x09" + bytes(2) + bytes(9))
    comment = segment(62, b"\x20\x00\x00\x00" + MARK.encode())
    assert pieces.jbig2(page + comment + symbols + many + region + comment) == page + symbols + many + region
    for broken in (page[:-1], page + b"ab", segment(38, bytes(18) + b"pixels", length=0xFFFFFFFF)):
        assert pieces.jbig2(broken) is None
