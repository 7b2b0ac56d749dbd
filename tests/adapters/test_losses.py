"""What a copy of an office document lacks, or holds where nobody sees it at first, is told; the rest is drawn."""

import errno
import io
import re
from fractions import Fraction
from importlib import import_module

import av
import pytest
from PIL import Image

from complaints.adapters.media import documents, jobs, kinds, losses, tracks
from complaints.adapters.media.pieces import picture
from complaints.adapters.media.refusal import Unreadable
from tests.adapters import samples
from tests.adapters.samples import SAMPLES
from tests.adapters.test_office_copies import changed, texts

jobs.preload(kinds.DOCX)


def copied(data: bytes, media_type: str) -> tuple[bytes, set[str]]:
    """The copy of a document, and the codes of what it lacks or hides."""
    out, found = io.BytesIO(), set[str]()
    module = import_module(f"complaints.adapters.media.{kinds.family(media_type)}")
    module.clean(io.BytesIO(data), out, media_type, found)
    assert set(losses.ordered(found)) == found
    return out.getvalue(), found


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("docx", {"pictures", "embedded-files", "macros", "tracked-changes", "comments"}),
        ("xlsx", {"formulas", "comments"}),
        ("pptx", {"embedded-files", "comments"}),
        ("odt", {"pictures", "comments"}),
    ],
)
def test_what_a_copy_lacks_is_told(kind: str, expected: set[str]) -> None:
    media_type, make = SAMPLES[kind]
    assert copied(make(), media_type)[1] == expected
    assert "hidden" not in documents.inspect(io.BytesIO(make()), media_type)


_WORD, _SHEET, _SLIDE = "word/document.xml", "xl/worksheets/sheet1.xml", "ppt/slides/slide1.xml"
_STYLED = '<w:pPr><w:pStyle w:val="Rahasia"/></w:pPr><w:r><w:t>hasil'
_PRESENTATION = "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"
_DRAWING = "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"


@pytest.mark.parametrize(
    ("kind", "part", "old", "new", "code"),
    [
        ("docx", _WORD, "<w:p ", '<w:altChunk r:id="rId5"/><w:p ', "embedded-page"),
        ("docx", _WORD, "<w:r><w:t>hasil", "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hasil", "hidden-text"),
        ("xlsx", "xl/workbook.xml", '<sheet name="Data"', '<sheet name="Data" state="veryHidden"', "hidden-sheets"),
        ("xlsx", _SHEET, '<row r="1"', '<row r="1" hidden="1"', "hidden-sheets"),
        (
            "xlsx",
            _SHEET,
            "<sheetData>",
            '<cols><col min="1" max="2" hidden="true"/></cols><sheetData>',
            "hidden-sheets",
        ),
        ("pptx", _SLIDE, "<p:sld ", '<p:sld show="0" ', "hidden-slides"),
        ("pptx", _SLIDE, '<p:nvPr id="2"', '<p:cNvPr id="3" name="a" hidden="1"/><p:nvPr id="2"', "hidden-text"),
        ("pptx", "ppt/slides/_rels/slide1.xml.rels", "/relationships/oleObject", "/relationships/video", "media"),
        ("pptx", "ppt/slides/_rels/slide1.xml.rels", "/relationships/oleObject", "/relationships/font", "fonts"),
        ("xlsx", "xl/_rels/workbook.xml.rels", "/relationships/externalLink", "/relationships/cellImage", "pictures"),
        ("odt", "content.xml", "<draw:frame>", '<draw:frame><draw:control draw:control="a"/>', "form-values"),
        ("odt", "content.xml", "<draw:frame>", '<draw:frame><draw:object-ole xlink:href="a"/>', "embedded-files"),
        ("odt", "content.xml", "<draw:frame>", '<text:hidden-text text:is-hidden="true"/><draw:frame>', "hidden-text"),
        ("odt", "content.xml", "<text:p>", '<text:section text:display="none"/><text:p>', "hidden-text"),
        (
            "odp",
            "content.xml",
            "<text:p>",
            f'<draw:layer xmlns:draw="{_DRAWING}" draw:display="none"/><text:p>',
            "layers",
        ),
        (
            "odp",
            "content.xml",
            "<text:p>",
            f'<draw:page><p:notes xmlns:p="{_PRESENTATION}"><text:p>bisikan</text:p></p:notes></draw:page><text:p>',
            "speaker-notes",
        ),
    ],
)
def test_what_people_do_not_see_is_told(kind: str, part: str, old: str, new: str, code: str) -> None:
    media_type, make = SAMPLES[kind]
    assert code not in copied(make(), media_type)[1]
    original = changed(kind, part, old, new)
    assert code in copied(original, media_type)[1]
    # The reporter is told before sending of what no page shows.
    is_unseen = code in losses.UNSEEN
    assert ("hidden" in documents.inspect(io.BytesIO(original), media_type)) is is_unseen


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("ods", '<s:header-left xmlns:s="urn:oasis:names:tc:opendocument:xmlns:style:1.0" s:display="false"/>'),
        ("odp", f'<p:notes xmlns:p="{_PRESENTATION}"><text:p>1</text:p></p:notes>'),
    ],
)
def test_what_each_document_has_hides_nothing(kind: str, plain: str) -> None:
    media_type, make = SAMPLES[kind]
    original = changed(kind, "content.xml", "<text:p>", f"{plain}<text:p>")
    assert copied(original, media_type)[1] == copied(make(), media_type)[1]
    assert "hidden" not in documents.inspect(io.BytesIO(original), media_type)


def test_text_is_hidden_by_a_style_that_is_used() -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    styles = f'<w:styles xmlns:w="{space}"><w:style w:styleId="Rahasia"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
    paragraph = "<w:p><w:pPr>{}<w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p><w:p "
    related = (
        "</Relationships>",
        f'<Relationship Id="rId9" Type="{samples._REL}/styles" Target="styles.xml"/></Relationships>',
    )
    for style, is_hidden in (("", False), ('<w:pStyle w:val="Rahasia"/>', True)):
        data = changed("docx", _WORD, "<w:p ", paragraph.format(style), **{"word/styles.xml": styles})
        entries = dict(texts(data))
        entries["word/_rels/document.xml.rels"] = entries["word/_rels/document.xml.rels"].replace(*related)
        original = samples.packed(entries)
        assert ("hidden-text" in copied(original, kinds.DOCX)[1]) is is_hidden
        assert ("hidden" in documents.inspect(io.BytesIO(original), kinds.DOCX)) is is_hidden


# --- What can be drawn instead


@pytest.mark.parametrize(
    ("described", "shown"),
    [
        ("<w:checkBox><w:sizeAuto/><w:default w:val='0'/><w:checked/></w:checkBox>", "☒"),
        ("<w:checkBox><w:default w:val='1'/></w:checkBox>", "☒"),
        ("<w:checkBox><w:default w:val='1'/><w:checked w:val='0'/></w:checkBox>", "☐"),
        ("<w:ddList><w:result w:val='1'/><w:listEntry w:val='satu'/><w:listEntry w:val='dua'/></w:ddList>", "dua"),
        ("<w:ddList><w:listEntry w:val='satu'/><w:listEntry w:val='dua'/></w:ddList>", "satu"),
        ("<w:ddList><w:result w:val='9'/><w:listEntry w:val='satu'/></w:ddList>", ""),
        ("<w:textInput><w:default w:val='bawaan'/></w:textInput>", ""),
    ],
)
def test_fields_of_forms_show_what_they_showed(described: str, shown: str) -> None:
    """Their state stands in the description of the field; a text stands in its result."""
    begin = '<w:fldChar w:fldCharType="begin">'
    field = f'{begin}<w:ffData><w:name w:val="Budi"/><w:helpText w:val="Budi"/>{described}</w:ffData></w:fldChar>'
    original = changed("docx", _WORD, begin[:-1] + "/>", field)
    copy, found = copied(original, kinds.DOCX)
    text = texts(copy)[_WORD]
    assert "form-values" not in found
    assert "Budi" not in text
    result = re.sub(r"</?w:r/?>", "", text.partition("</w:ins>")[2].partition("</w:p>")[0])
    assert result == (f"<w:t>{shown}</w:t>" if shown else "<w:t>hasil</w:t>")


def test_a_newer_check_box_keeps_its_sign() -> None:
    box = (
        '<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox></w:sdtPr><w:sdtContent><w:r>'
        "<w:t>☒</w:t></w:r></w:sdtContent></w:sdt><w:r><w:t>hasil"
    )
    copy, found = copied(changed("docx", _WORD, "<w:r><w:t>hasil", box), kinds.DOCX)
    assert "<w:t>☒</w:t>" in texts(copy)[_WORD]
    assert "form-values" not in found


@pytest.mark.parametrize("form", ["WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF"])
def test_pictures_of_other_kinds_are_converted(form: str) -> None:
    out = io.BytesIO()
    samples.picture().save(out, form)
    original = changed("docx", _WORD, "<w:p ", "<w:p ", **{"word/media/image1.jpeg": out.getvalue()})
    copy, _ = copied(original, kinds.DOCX)
    name = next(name for name in texts(copy) if name.startswith("word/media/"))
    ending, kind = (("jpeg", "image/jpeg"), ("png", "image/png"))[form in {"TIFF", "BMP", "GIF"}]
    assert name.endswith(f".{ending}")
    assert f'PartName="/{name}" ContentType="{kind}"' in texts(copy)["[Content_Types].xml"]
    converted = picture(out.getvalue())
    assert converted is not None
    with Image.open(io.BytesIO(converted)) as image, Image.open(io.BytesIO(samples.jpeg())) as before:
        assert image.size == before.size
        assert not image.getexif()


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("WEBP", {}), ("PNG", {"default_image": False})])
def test_of_an_animation_the_first_picture_stays(form: str, options: dict[str, bool]) -> None:
    frames, out, found = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")], io.BytesIO(), set[str]()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], **options)
    converted = picture(out.getvalue(), found)
    assert converted is not None
    assert found == {"animations"}
    with Image.open(io.BytesIO(converted)) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGB").getpixel((1, 1)) == pytest.approx((255, 0, 0), abs=3)


def test_a_drawing_with_a_picture_in_its_place_is_no_loss() -> None:
    """Programs write a PNG beside each SVG; where there is none, the drawing is lost, and that is told."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><text>Budi</text></svg>'
    beside = (
        '<a:blip r:embed="rId5"><a:extLst><a:ext uri="{96DAC541-7B7A-43D3-8B79-37D633B846F1}"><asvg:svgBlip'
        ' xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" r:embed="rId9"/></a:ext></a:extLst>'
        "</a:blip>"
    )
    linked = '<w:r><w:drawing><a:graphic><a:blip r:link="rId7"/></a:graphic></w:drawing></w:r>'
    related = f'<Relationship Id="rId9" Type="{samples._REL}/image" Target="media/image2.svg"/></Relationships>'
    for blip, is_lost in ((beside, False), ('<a:blip r:embed="rId9"/>', True)):
        entries = dict[str, str | bytes](texts(samples.docx()))
        entries["word/media/image1.jpeg"], entries["word/media/image2.svg"] = samples.jpeg(), svg
        document, rels = str(entries[_WORD]), str(entries["word/_rels/document.xml.rels"])
        entries[_WORD] = document.replace('<a:blip r:embed="rId5"/>', blip).replace(linked, "")
        entries["word/_rels/document.xml.rels"] = rels.replace("</Relationships>", related)
        copy, found = copied(samples.packed(entries), kinds.DOCX)
        assert ("pictures" in found) is is_lost
        assert "svg" not in "".join(texts(copy))
    images = '<draw:frame><draw:image xlink:href="Pictures/b.svg"/><draw:image xlink:href="{}"/></draw:frame><text:p>'
    for name, is_lost in (("Pictures/a.jpg", False), ("Pictures/c.jpg", True)):
        content, entries = texts(samples.odf("text"))["content.xml"], dict(texts(samples.odf("text")))
        entries["content.xml"] = re.sub("<draw:frame>.*?</draw:frame>", "", content, flags=re.DOTALL).replace(
            "<text:p>", images.format(name), 1
        )
        packed = samples.packed({**entries, "Pictures/a.jpg": samples.jpeg(), "Pictures/b.svg": svg})
        assert ("pictures" in copied(packed, kinds.ODF + "text")[1]) is is_lost


def test_subtitles_and_files_beside_a_film_are_told() -> None:
    made, found = io.BytesIO(), set[str]()
    plain = io.BytesIO(samples.track("matroska", "libopus", frames=5))
    with av.open(plain) as source, av.open(made, "w", format="matroska") as film:
        sound, words = film.add_stream_from_template(source.streams[0]), film.add_mux_stream("subrip")
        film.add_attachment("a.txt", "text/plain", b"halo")
        subtitle: av.Packet[av.stream.Stream] = av.Packet(b"halo")
        subtitle.stream, subtitle.pts, subtitle.dts, subtitle.time_base = words, 0, 0, Fraction(1, 1000)
        film.mux_one(subtitle)
        for packet in source.demux(source.streams[0]):
            if packet.size:
                packet.stream = sound
                film.mux_one(packet)
    tracks.clean(made, io.BytesIO(), "video/x-matroska", found)
    assert found == {"captions", "embedded-files"}


def test_what_a_muxer_does_not_write_is_no_crash_of_the_portal() -> None:
    with pytest.raises(Unreadable) as refused, tracks.opened(io.BytesIO(samples.mp3()), "audio/mpeg"):
        raise av.error.PermissionError(errno.EPERM, "codec frame size is not set")
    assert refused.value.code == "unsupported"
