"""Clean copies show what the original shows and say nothing of who, where, when and with what; hostile files are
refused with a plain code, whatever they claim to be."""

import contextlib
import io
import random
import zipfile
import zlib
from importlib import import_module
from typing import Any

import av
import pikepdf
import pytest
from PIL import Image

from complaints.adapters.media import documents, hints, images, kinds, odf, ooxml, pages, pdf, pieces, tracks, zips
from complaints.adapters.media.refusal import CODES, Unreadable
from tests.adapters import samples
from tests.adapters.samples import COPIES, MARK, SAMPLES, SHOWN, SILENT

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
KINDS = sorted(SAMPLES)


@pytest.fixture(scope="session")
def made() -> dict[str, bytes]:
    return {name: make() for name, (_, make) in SAMPLES.items()}


def cleaner(media_type: str) -> Any:
    return import_module(f"complaints.adapters.media.{kinds.family(media_type)}")


def reader(media_type: str) -> Any:
    family = kinds.family(media_type)
    return documents if family in {"ooxml", "odf"} else import_module(f"complaints.adapters.media.{family}")


def clean(data: bytes, media_type: str) -> bytes:
    out = io.BytesIO()
    cleaner(media_type).clean(io.BytesIO(data), out, media_type)
    return out.getvalue()


def inside(data: bytes) -> bytes:
    """All bytes of a file, unpacked where it is packed."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return data + b"".join(archive.read(name) for name in archive.namelist())
    if data.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(data)) as document:
            streams = [item for item in document.objects if isinstance(item, pikepdf.Stream)]
            texts = b"".join(repr(item).encode() for item in document.objects)
            decoded = [item.read_bytes() for item in streams if item.get("/Subtype") != pikepdf.Name.Image]
            return data + texts + b"".join(decoded + [item.read_raw_bytes() for item in streams])
    return data


def marked(data: bytes) -> bool:
    content = inside(data)
    return any(MARK.encode(encoding) in content for encoding in ENCODINGS)


# --- Recognition


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_recognised_by_content(kind: str, made: dict[str, bytes]) -> None:
    expected, data = SAMPLES[kind][0], made[kind]
    assert kinds.recognise(data) == expected
    assert kinds.recognise_whole(io.BytesIO(data)) == expected
    assert expected in kinds.ALLOWED
    assert kinds.no_copy_reason(expected) == ""
    assert not kinds.disagrees(f"x.{kind}", expected)


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx"])
@pytest.mark.parametrize("seed", range(4))
def test_office_documents_are_recognised_in_any_order_of_entries(kind: str, seed: int, made: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(made[kind])) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    random.Random(seed).shuffle(entries)
    shuffled = samples.packed(dict(entries))
    assert kinds.recognise(shuffled) in {SAMPLES[kind][0], "application/zip"}
    assert kinds.recognise_whole(io.BytesIO(shuffled)) == SAMPLES[kind][0]


@pytest.mark.parametrize(
    "text",
    [
        "12/01/26, 10.11 - Budi: baik, pak 😀\n12/01/26, 10.12 - Siti: ya, siap\n" * 5,
        '{"messages": [{"from": "Budi", "text": "halo"}]}',
        "From: a@example.test\nSubject: halo\n\nisi",
        "#!/bin/sh\necho halo\n",
    ],
)
def test_chats_are_text_whatever_they_look_like(text: str) -> None:
    assert kinds.recognise(text.encode()) == "text/plain"
    assert kinds.no_copy_reason("text/plain") == "opaque"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        (b"MZ" + bytes(200), "application/x-dosexec"),
    ],
)
def test_what_a_browser_or_a_computer_would_run_is_not_allowed(data: bytes, media_type: str) -> None:
    assert kinds.recognise(data) == media_type
    assert media_type not in kinds.ALLOWED
    assert kinds.disagrees("foto.jpg", media_type)


def test_old_office_files_are_taken_and_have_no_copy() -> None:
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    assert kinds.recognise(head) == kinds.OLE
    for name, expected in (("WordDocument", "application/msword"), ("Workbook", "application/vnd.ms-excel")):
        whole = head + bytes(70_000) + name.encode("utf-16-le")
        assert kinds.recognise_whole(io.BytesIO(whole)) == expected
        assert kinds.no_copy_reason(expected) == "legacy"
        with pytest.raises(Unreadable) as refused:
            kinds.family(expected)
        assert refused.value.code == "legacy"


def test_a_polyglot_is_what_it_begins_with(made: dict[str, bytes]) -> None:
    both = made["jpg"] + made["docx"]
    assert kinds.recognise_whole(io.BytesIO(both)) == "image/jpeg"
    assert b"word/document.xml" not in clean(both, "image/jpeg")
    assert b"<script" not in clean(made["jpg"] + b"<script>alert(1)</script>", "image/jpeg")


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("foto.JPG", "image/jpeg", False),
        ("foto", "image/jpeg", False),
        ("foto.jpg", "application/pdf", True),
        ("surat.pdf.exe", "application/pdf", True),
        ("foto\u202egpj.exe", "image/jpeg", True),
        ("catatan.", "text/plain", False),
        ("a/b\\c.docm", kinds.DOCX, False),
        ("suara.opus", "audio/ogg", False),
    ],
)
def test_names_that_disagree(name: str, media_type: str, expected: bool) -> None:
    assert kinds.disagrees(name, media_type) is expected


# --- Copies


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_copy_says_nothing(kind: str, made: dict[str, bytes]) -> None:
    media_type, data = SAMPLES[kind][0], made[kind]
    assert marked(data) is (kind not in SILENT)
    out = io.BytesIO()
    copied_type = cleaner(media_type).clean(io.BytesIO(data), out, media_type)
    assert copied_type == COPIES.get(kind, media_type)
    assert not marked(out.getvalue())
    assert kinds.recognise(out.getvalue()) == copied_type
    # Comments stay, under stand-ins, so an office copy still says that people took part.
    assert reader(copied_type).inspect(io.BytesIO(out.getvalue()), copied_type) <= {"people", "history"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_file_gives_the_same_copy(kind: str, made: dict[str, bytes]) -> None:
    assert clean(made[kind], SAMPLES[kind][0]) == clean(made[kind], SAMPLES[kind][0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("jpg", {"place", "device", "author", "time", "software"}),
        ("png", {"place", "device", "author", "time", "software"}),
        ("webp", {"place", "device", "author", "time", "software"}),
        ("heic", {"place", "device", "author", "time", "software"}),
        ("pdf", {"place", "device", "author", "people", "time", "software", "attachment", "script"}),
        ("docx", {"place", "device", "author", "people", "organisation", "time", "path", "history", "attachment"}),
        ("docx", {"script", "remote", "title", "software"}),
        ("xlsx", {"author", "people", "organisation", "path", "device"}),
        ("pptx", {"author", "people", "attachment"}),
        ("odt", {"place", "author", "people", "software", "thumbnail", "script", "device"}),
        ("mp4", {"place", "author", "time", "title"}),
        ("hevc.mov", {"place", "author", "time", "title"}),
        ("mp3", {"author", "title"}),
    ],
)
def test_the_reporter_learns_what_a_file_betrays(kind: str, expected: set[str], made: dict[str, bytes]) -> None:
    media_type = SAMPLES[kind][0]
    codes = reader(media_type).inspect(io.BytesIO(made[kind]), media_type)
    assert expected <= codes <= set(hints.CODES)


def test_a_bare_file_betrays_nothing() -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        out = io.BytesIO()
        samples.picture().save(out, form)
        assert reader("image/png").inspect(out, f"image/{form.lower()}") == set()


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "heic", "avif", "tif"])
def test_photos_come_out_upright_and_unchanged_to_the_eye(kind: str, made: dict[str, bytes]) -> None:
    with Image.open(io.BytesIO(clean(made[kind], SAMPLES[kind][0]))) as copy:
        assert copy.size == (64, 96)
        assert set(copy.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "duration"}
        red, _, blue = copy.convert("RGB").getpixel((60, 8))  # type: ignore[misc]
    assert red > 90
    assert blue < 60


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_all_modes_of_pixels_can_be_copied(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    source = io.BytesIO()
    picture = samples.picture().convert("L").convert("I;16") if mode == "I;16" else samples.picture().convert(mode)
    if mode == "I;16":
        picture = picture.point(lambda value: value * 257)
    picture.save(source, form)
    copy = Image.open(io.BytesIO(clean(source.getvalue(), f"image/{form.lower()}")))
    before, after = samples.picture().convert("L").getpixel((90, 60)), copy.convert("L").getpixel((90, 60))
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert abs(before - after) < 50


@pytest.mark.parametrize("size", [(50_000, 50_000), (100_000, 801), (9_000, 9_000)])
def test_pixel_bombs_are_refused_before_they_go_off(size: tuple[int, int]) -> None:
    bomb = samples.png_bomb(*size, rows=10)
    with pytest.raises(Unreadable) as refused:
        clean(bomb, "image/png")
    assert refused.value.code == "bomb"
    # The library decodes a PNG for the notes behind its pixels.
    with pytest.raises(Unreadable) as refused:
        images.inspect(io.BytesIO(bomb), "image/png")
    assert refused.value.code == "bomb"


def test_photo_above_the_limit_is_halved_in_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 5_000)
    out = io.BytesIO()
    samples.picture(128, 96).save(out, "JPEG")
    with Image.open(io.BytesIO(clean(out.getvalue(), "image/jpeg"))) as copy:
        assert copy.size == (64, 48)


def test_previews_are_small_and_bare(made: dict[str, bytes]) -> None:
    for kind in ("jpg", "heic", "mp4", "hevc.mov", "webm", "3gp"):
        out = io.BytesIO()
        assert cleaner(SAMPLES[kind][0]).preview(io.BytesIO(made[kind]), out, SAMPLES[kind][0], 48) == "image/jpeg"
        with Image.open(io.BytesIO(out.getvalue())) as still:
            assert max(still.size) == 48
            # The first picture of the videos is black; the still shows a later one.
            assert still.convert("L").getextrema()[1] > 100  # type: ignore[operator]
        assert not marked(out.getvalue())


# --- PDF


def test_pdf_copies_keep_their_pages_and_nothing_else(made: dict[str, bytes]) -> None:
    with pikepdf.open(io.BytesIO(clean(made["pdf"], "application/pdf"))) as copy:
        assert set(copy.Root.keys()) == {"/Type", "/Pages"}
        assert "/Info" not in copy.trailer
        assert len(copy.pages) == 2
        for page in copy.pages:
            assert not {"/AA", "/Annots", "/PieceInfo", "/LastModified", "/Metadata"} & set(page.obj.keys())
            assert SHOWN.encode() in page.Contents.read_bytes()
    assert b"JavaScript" not in inside(clean(made["pdf"], "application/pdf"))


def test_pdf_copies_look_like_their_originals(made: dict[str, bytes]) -> None:
    before = pages.draw(io.BytesIO(made["pdf"]), 1, 400)
    after = pages.draw(io.BytesIO(clean(made["pdf"], "application/pdf")), 1, 400)
    assert before.size == after.size == (400, 267)
    assert before.tobytes() == after.tobytes()
    assert before.convert("L").getextrema() != (255, 255)


def test_what_a_form_shows_is_kept_as_drawing() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    shown = document.make_stream(b"1 0 0 rg 0 0 50 50 re f")
    shown.update(pikepdf.Dictionary(Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 50, 50]))
    field = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Widget,
        FT=pikepdf.Name.Tx,
        T=pikepdf.String(MARK),
        Rect=[10, 10, 60, 60],
        AP=pikepdf.Dictionary(N=shown),
        F=4,
    )
    page.obj.Annots = pikepdf.Array([document.make_indirect(field)])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=page.obj.Annots)
    out = io.BytesIO()
    document.save(out)
    copy = clean(out.getvalue(), "application/pdf")
    assert not marked(copy)
    assert pages.draw(io.BytesIO(copy), 0, 100).getpixel((30, 70)) == (255, 0, 0)


def test_layers_that_were_off_stay_off() -> None:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page(page_size=(100, 100))
    group = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(MARK)))
    page.Resources = pikepdf.Dictionary(Properties=pikepdf.Dictionary(L1=group))
    page.Contents = document.make_stream(b"/OC /L1 BDC 1 0 0 rg 0 0 100 100 re f EMC")
    off = pikepdf.Dictionary(OFF=pikepdf.Array([group]))
    document.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([group]), D=off)
    out = io.BytesIO()
    document.save(out)
    copy = clean(out.getvalue(), "application/pdf")
    assert not marked(copy)
    assert pages.draw(io.BytesIO(copy), 0, 100).getpixel((50, 50)) == (255, 255, 255)


def test_a_pdf_under_a_password_says_so() -> None:
    document = pikepdf.Pdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    for call in (lambda: clean(out.getvalue(), "application/pdf"), lambda: pages.draw(out, 0, 100)):
        with pytest.raises(Unreadable) as refused:
            call()
        assert refused.value.code == "encrypted"


def test_a_pdf_that_only_forbids_things_is_copied_and_free() -> None:
    document = pikepdf.Pdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner=MARK, user=""))
    with pikepdf.open(io.BytesIO(clean(out.getvalue(), "application/pdf"))) as copy:
        assert not copy.is_encrypted


def with_picture(data: bytes, **entries: Any) -> bytes:
    document = pikepdf.Pdf.new()
    page = document.add_blank_page()
    scan = document.make_stream(data)
    scan.update(pikepdf.Dictionary(Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, **entries))
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=scan))
    out = io.BytesIO()
    document.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out.getvalue()


def test_pictures_in_a_pdf_are_bared_however_they_are_packed() -> None:
    wrapped = pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.DCTDecode])
    jp2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"".join(
        (len(body) + 8).to_bytes(4, "big") + kind + body
        for kind, body in ((b"ftyp", b"jp2 "), (b"xml ", MARK.encode()), (b"uuid", MARK.encode()), (b"jp2c", b"pixels"))
    )
    for data, entries in (
        (zlib.compress(samples.jpeg()), {"Filter": wrapped}),
        (jp2, {"Filter": pikepdf.Name.JPXDecode}),
    ):
        original = with_picture(data, **entries)
        copy = clean(original, "application/pdf")
        assert not marked(copy)
        assert b"jp2c" in copy or b"JFIF" in copy
    odd = pikepdf.Array([pikepdf.Name.ASCIIHexDecode, pikepdf.Name.DCTDecode])
    copy = clean(with_picture(samples.jpeg().hex().encode() + b">", Filter=odd), "application/pdf")
    assert not marked(copy)
    assert b"JFIF" in copy
    for broken in (with_picture(MARK.encode(), Filter=odd), with_picture(MARK.encode(), Filter=odd[1])):
        assert not marked(clean(broken, "application/pdf"))


def test_earlier_states_of_a_pdf_are_told_and_gone() -> None:
    document = pikepdf.Pdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out)
    twice = out.getvalue() + b"\n9 0 obj (" + MARK.encode() + b") endobj\nstartxref\n9\n%%EOF\n" + out.getvalue()[-40:]
    assert "history" in pdf.inspect(io.BytesIO(twice), "application/pdf")
    assert not marked(clean(twice, "application/pdf"))


def test_pages_become_pictures_of_bounded_size(made: dict[str, bytes]) -> None:
    assert pages.count(io.BytesIO(made["pdf"])) == 2
    drawn = list(pages.each(io.BytesIO(made["pdf"]), 0, 10, 150))
    assert [page.size for page in drawn] == [(150, 100), (150, 100)]
    assert list(pages.each(io.BytesIO(made["pdf"]), 2, 10, 150)) == []
    document = pikepdf.Pdf.new()
    document.add_blank_page(page_size=(14_400, 14_400))
    out = io.BytesIO()
    document.save(out)
    assert pages.draw(out, 0, 500).size == (500, 500)


# --- Office


def test_word_copies_keep_what_is_shown(made: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(clean(made["docx"], kinds.DOCX))) as copy:
        names = set(copy.namelist())
        text = copy.read("word/document.xml").decode()
        comments = copy.read("word/comments.xml").decode()
        types = copy.read("[Content_Types].xml").decode()
        assert {entry.date_time for entry in copy.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert not [name for name in names if "vba" in name or "embeddings" in name or "docProps" in name]
    for kept in (f"{SHOWN} &amp; lain", "tambahan", "hasil", "tautan", 'mc:Ignorable="w14"', 'r:embed="rId5"'):
        assert kept in text
    for gone in ("DDEAUTO", "fldChar", "rsid", "paraId", "OLEObject", "r:link", "w:date"):
        assert gone not in text
    assert 'w:author="Author 1"' in text
    assert 'w:author="Author 1"' in comments
    assert "catatan" in comments
    assert "macro" not in types.lower()
    assert "rId4" in text


def test_excel_copies_keep_values_and_harmless_formulas(made: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(clean(made["xlsx"], kinds.XLSX))) as copy:
        sheet = copy.read("xl/worksheets/sheet1.xml").decode()
        comments = copy.read("xl/comments1.xml").decode()
        assert "xl/printerSettings/printerSettings1.bin" not in copy.namelist()
    assert SHOWN in sheet
    assert "<f>SUM(1,2)</f><v>3</v>" in sheet
    assert '<c r="C1"><v>4</v></c><c r="D1"><v>5</v></c>' in sheet
    assert '<pageSetup orientation="portrait"/>' in sheet
    assert "<t>Author 1:</t>" in comments
    assert "<t>Author 1:\nlagi</t>" in comments
    assert "catatan" in comments


def test_slides_and_open_documents_keep_text_and_comments(made: dict[str, bytes]) -> None:
    for kind, part in (("pptx", "ppt/slides/slide1.xml"), ("odt", "content.xml"), ("ods", "content.xml")):
        copy = clean(made[kind], SAMPLES[kind][0])
        with zipfile.ZipFile(io.BytesIO(copy)) as archive:
            assert SHOWN in archive.read(part).decode()
        assert b"catatan" in inside(copy)
        assert b"Author 1" in inside(copy)


def test_pictures_in_documents_stay_pictures(made: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(clean(made["odt"], SAMPLES["odt"][0]))) as copy:
        content = copy.read("content.xml").decode()
        picture = copy.read(next(name for name in copy.namelist() if f'xlink:href="{name}"' in content))
        assert copy.namelist()[0] == "mimetype"
        assert "https://" not in content
    before, after = Image.open(io.BytesIO(samples.jpeg())), Image.open(io.BytesIO(picture))
    assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
    assert not after.getexif()


def test_single_pictures_are_bared_without_touching_a_pixel() -> None:
    for data in (samples.jpeg(), samples.png()):
        bare = pieces.picture(data)
        assert bare is not None
        assert not marked(bare)
        before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(bare))
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
    assert pieces.picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>") is None
    for form in ("GIF", "TIFF", "BMP"):
        out = io.BytesIO()
        samples.picture().save(out, form, **({"comment": MARK} if form == "GIF" else {}))
        assert not marked(pieces.picture(out.getvalue()) or MARK.encode())


def test_documents_under_a_password_say_so() -> None:
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    locked = samples.packed({"mimetype": SAMPLES["odt"][0], "content.xml": "<a/>", "META-INF/manifest.xml": manifest})
    with pytest.raises(Unreadable) as refused:
        clean(locked, SAMPLES["odt"][0])
    assert refused.value.code == "encrypted"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><w:document xmlns:w="u">&x;</w:document>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><w:document xmlns:w="u"/>',
        "<w:document>" + "<a>" * 2_000 + "</a>" * 2_000 + "</w:document>",
        "<w:document><a></w:document>",
        "",
    ],
)
def test_hostile_xml_is_refused(text: str) -> None:
    with zipfile.ZipFile(io.BytesIO(samples.docx())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    hostile = samples.packed({**entries, "word/document.xml": text})
    with pytest.raises(Unreadable):
        clean(hostile, kinds.DOCX)


def test_zip_bombs_are_refused_by_what_they_declare() -> None:
    bomb = samples.packed({"[Content_Types].xml": "<a/>", "word/document.xml": bytes(64 * 1024 * 1024)})
    assert len(bomb) < 100_000
    many = samples.packed({f"a{number}": b"" for number in range(zips.MAX_ENTRIES + 1)})
    for data in (bomb, many):
        for call in (ooxml.clean, odf.clean):
            with pytest.raises(Unreadable) as refused:
                call(io.BytesIO(data), io.BytesIO(), kinds.DOCX)
            assert refused.value.code == "bomb"
    lying = bytearray(samples.packed({"a": bytes(1_000_000)}))
    for position in (22, len(lying) - 22 - 47 + 24):
        lying[position : position + 4] = (10).to_bytes(4, "little")
    with zips.opened(io.BytesIO(bytes(lying))) as archive, pytest.raises(Unreadable):
        archive.read("a")


@pytest.mark.parametrize("unit", ["<w:p><w:r/></w:p>", '<w:a w:a="" w:b="" w:c="" w:d=""/>', "<w:t>a</w:t>"])
def test_a_small_file_of_a_million_elements_is_refused_soon(unit: str) -> None:
    """15 MiB of them pack to some 40 KB, which is below what any ratio of sizes tells."""
    with zipfile.ZipFile(io.BytesIO(samples.docx())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    text = entries["word/document.xml"].decode()
    many = unit * (15 * 1024 * 1024 // len(unit))
    hostile = samples.packed({**entries, "word/document.xml": text.replace("<w:body>", f"<w:body>{many}")})
    assert len(hostile) < 60_000
    for read in (lambda: documents.inspect(io.BytesIO(hostile), kinds.DOCX), lambda: clean(hostile, kinds.DOCX)):
        with pytest.raises(Unreadable) as refused:
            read()
        assert refused.value.code == "bomb"


def test_a_large_table_of_equal_cells_is_copied() -> None:
    with zipfile.ZipFile(io.BytesIO(samples.xlsx())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in entries if name.startswith("xl/worksheets/sheet"))
    rows = "".join(
        f'<row r="{row}">' + "".join(f'<c r="{column}{row}" s="1"><v>0</v></c>' for column in "ABCDEFGHIJ") + "</row>"
        for row in range(1000, 6000)
    )
    table = entries[sheet].decode().replace("<sheetData>", f"<sheetData>{rows}")
    assert rows in table
    copy = clean(samples.packed({**entries, sheet: table}), kinds.XLSX)
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        assert archive.read(sheet).count(b"<v>0</v>") >= 50_000


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:\\x", "..\\x", "\\\\a\\b", "a//b", "a\x01b", "./x"])
def test_zips_with_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(Unreadable), zips.opened(io.BytesIO(samples.packed({name: "x"}))):
        pass


def test_zips_with_links_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("word/document.xml")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(Unreadable), zips.opened(out):
        pass


def test_zips_with_two_entries_of_one_name_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "a")
        archive.writestr("WORD/document.xml", "b")
    with pytest.raises(Unreadable), zips.opened(out):
        pass


# --- Sound and video


@pytest.mark.parametrize("kind", [kind for kind in KINDS if SAMPLES[kind][0].startswith(("audio", "video"))])
def test_recordings_keep_every_packet(kind: str, made: dict[str, bytes]) -> None:
    copy = clean(made[kind], SAMPLES[kind][0])

    def packets(data: bytes) -> list[tuple[int, int]]:
        with av.open(io.BytesIO(data)) as container:
            streams = [stream for stream in container.streams if stream.type in {"audio", "video"}]
            return [(packet.stream.index, packet.pts or 0) for packet in container.demux(streams) if packet.size]

    before, after = packets(made[kind]), packets(copy)
    if kind == "mp3":  # the last one was a tag, not sound
        before = before[: len(after)]
    assert len(after) >= 5
    if kind == "avi":  # frames and sound take turns more evenly in the copy
        before, after = sorted(before), sorted(after)
    assert [index for index, _ in before] == [index for index, _ in after]
    with av.open(io.BytesIO(copy)) as container:
        for frame in container.decode(*(stream for stream in container.streams)):
            assert frame.pts is not None
        assert not {"title", "artist", "location", "creation_time", "comment"} & set(container.metadata)


def test_encoders_do_not_sign_the_copy(made: dict[str, bytes]) -> None:
    assert b"x264 - core" in made["mp4"]
    assert b"x264 - core" not in clean(made["mp4"], "video/mp4")
    assert b"x265 (build" in made["hevc.mov"]
    assert b"x265 (build" not in clean(made["hevc.mov"], "video/quicktime")


def test_covers_and_captions_stay_behind(made: dict[str, bytes]) -> None:
    out = io.BytesIO()
    with av.open(io.BytesIO(made["m4a"])) as source, av.open(out, "w", format="mp4") as target:
        sound = target.add_stream_from_template(source.streams.audio[0])
        cover = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"  # type: ignore[union-attr]
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = sound
                target.mux(packet)
        still = av.Packet(samples.jpeg())
        still.stream, still.pts, still.dts = cover, 0, 0
        target.mux(still)
    assert marked(out.getvalue())
    assert "thumbnail" in tracks.inspect(out, "video/mp4")
    copy = clean(out.getvalue(), "video/mp4")
    assert not marked(copy)
    with av.open(io.BytesIO(copy)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]


def test_play_lists_and_foreign_containers_are_refused() -> None:
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    for media_type in ("video/mp4", "audio/mpeg", "audio/ogg", "video/x-matroska", "audio/x-wav", "audio/amr"):
        with pytest.raises(Unreadable):
            clean(playlist, media_type)
    with pytest.raises(Unreadable) as refused:
        tracks.clean(io.BytesIO(playlist), io.BytesIO(), "video/x-ms-wmv")
    assert refused.value.code == "unsupported"


# --- All kinds


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_were_cut_are_refused_or_copied_bare(kind: str, made: dict[str, bytes]) -> None:
    """Players show the beginning of a recording that broke off, so a copy of that part is right."""
    media_type, data = SAMPLES[kind][0], made[kind]
    for share in (0.0, 0.1, 0.5, 0.9, 0.99):
        cut = data[: int(len(data) * share)]
        try:
            copy = clean(cut, media_type)
        except Unreadable as refused:
            assert refused.code in CODES
        else:
            assert not marked(copy)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(8))
def test_files_with_flipped_bytes_are_refused_or_copied_bare(seed: int, made: dict[str, bytes]) -> None:
    dice = random.Random(seed)
    for kind in KINDS:
        media_type, data = SAMPLES[kind][0], bytearray(made[kind])
        for _ in range(5):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(Unreadable):
            assert kinds.recognise(clean(bytes(data), media_type)) in kinds.ALLOWED
        with contextlib.suppress(Unreadable):
            assert reader(media_type).inspect(io.BytesIO(data), media_type) <= set(hints.CODES)


@pytest.mark.parametrize(
    ("entry", "sizes"), [("application/vnd.oasis.opendocument.text", b""), ("", b"\x63\0\0\0" * 2)]
)
def test_a_zip_whose_first_entry_is_altered_or_cut_is_called_damaged(entry: str, sizes: bytes) -> None:
    """The entry "mimetype" is read to tell the kind; for damage in it the library raises errors of other classes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED if sizes else zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", entry)
    data = bytearray(packed.getvalue())
    begin = data.index(b"PK\x01\x02") + 20 if sizes else 30 + len("mimetype")
    data[begin : begin + 8] = sizes or b"\xff" * 8
    with pytest.raises(Unreadable, match="damaged"):
        kinds.recognise_whole(io.BytesIO(bytes(data)))
