"""Small files of every kind, made here: each says who, where and with what in all the places that its format has.

MARK stands for everything that must not be in a clean copy, SHOWN for what must still be there.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache

import av
import pikepdf
import pillow_heif
from PIL import ExifTags, Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

pillow_heif.register_heif_opener()

MARK = "SAKSI7731"
SHOWN = "Netralitas ASN"
XMP = f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="{MARK}">
<dc:creator><rdf:Seq><rdf:li>{MARK}</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """A picture that is neither one colour nor the same upside down."""
    image = Image.new("RGB", (width, height), (200, 210, 220))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 4), fill=(120, 20, 20))
    return image


def exif() -> Image.Exif:
    """What a phone writes: maker, model, place, time, and that the picture lies on its side."""
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = MARK
    tags[ExifTags.Base.Model] = MARK
    tags[ExifTags.Base.Artist] = MARK
    tags[ExifTags.Base.Software] = MARK
    tags[ExifTags.Base.DateTime] = "2026:03:01 10:11:12"
    tags[ExifTags.Base.Orientation] = 6
    tags.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (6.0, 10.0, 30.5), 3: "E", 4: (106.0, 49.0, 1.5), 29: MARK})
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.BodySerialNumber] = MARK
    return tags


def jpeg() -> bytes:
    out = io.BytesIO()
    picture().save(out, "JPEG", exif=exif(), xmp=XMP.encode(), comment=MARK)
    by_line = b"\x1c\x02\x50" + struct.pack(">H", len(MARK)) + MARK.encode()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(by_line)) + by_line
    block = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    data = out.getvalue()
    return data[:2] + block + data[2:] + MARK.encode()


def png() -> bytes:
    texts = PngInfo()
    texts.add_text("Author", MARK)
    texts.add_itxt("XML:com.adobe.xmp", XMP)
    out = io.BytesIO()
    picture().save(out, "PNG", exif=exif(), pnginfo=texts)
    return out.getvalue() + MARK.encode()


def webp() -> bytes:
    out = io.BytesIO()
    picture().save(out, "WEBP", exif=exif(), xmp=XMP.encode())
    return out.getvalue()


def heic() -> bytes:
    out = io.BytesIO()
    picture().save(out, "HEIF", exif=exif().tobytes(), xmp=XMP.encode())
    return out.getvalue()


def saved(form: str, **options: object) -> bytes:
    """The picture in another format, with what the format holds of a phone's notes."""
    out = io.BytesIO()
    picture().save(out, form, **options)
    return out.getvalue()


def png_bomb(width: int, height: int, rows: int) -> bytes:
    """A PNG that declares that size and holds so many rows, all of one colour: some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# --- PDF


def pdf(pages: int = 2) -> bytes:
    document = pikepdf.Pdf.new()
    scan = document.make_stream(jpeg())
    scan.update(
        pikepdf.Dictionary(
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=96,
            Height=64,
            ColorSpace=pikepdf.Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=pikepdf.Name.DCTDecode,
        )
    )
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for number in range(pages):
        page = document.add_blank_page(page_size=(300, 200))
        orders = f"BT /F1 18 Tf 20 150 Td ({SHOWN} {number}) Tj ET q 96 0 0 64 20 20 cm /Im1 Do Q"
        page.Contents = document.make_stream(orders.encode())
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font), XObject=pikepdf.Dictionary(Im1=scan))
        page.obj.PieceInfo = pikepdf.Dictionary(Private=pikepdf.String(MARK))
        page.obj.AA = pikepdf.Dictionary(O=_script())
        page.obj.LastModified = pikepdf.String(MARK)
    _hide(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _script() -> pikepdf.Object:
    return pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String(f"app.alert('{MARK}')"))


def _hide(document: pikepdf.Pdf) -> None:
    document.docinfo["/Author"] = MARK
    document.docinfo["/Creator"] = MARK
    document.docinfo["/CreationDate"] = "D:20260301101112+07'00'"
    xmp = document.make_stream(XMP.encode())
    xmp.update(pikepdf.Dictionary(Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML))
    document.Root.Metadata = xmp
    document.Root.OpenAction = _script()
    document.Root.Names = pikepdf.Dictionary(
        JavaScript=pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String(MARK), _script()]))
    )
    document.attachments[f"{MARK}.txt"] = MARK.encode()
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Text,
        Rect=[10, 10, 30, 30],
        T=pikepdf.String(MARK),
        Contents=pikepdf.String(MARK),
        A=pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String(MARK)),
    )
    document.pages[0].obj.Annots = document.make_indirect(pikepdf.Array([document.make_indirect(note)]))


# --- Office


def packed(entries: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else None
            archive.writestr(name, data, stored)
    return out.getvalue()


def locked_zip(data: bytes) -> bytes:
    """The zip with the mark of a password on each entry."""
    changed = bytearray(data)
    for begin, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(begin)
        while place >= 0:
            changed[place + offset] |= 1
            place = changed.find(begin, place + 1)
    return bytes(changed)


_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_PIC = "http://schemas.openxmlformats.org/drawingml/2006/picture"
_TYPE = "application/vnd.openxmlformats-officedocument."


def _rels(*rows: tuple[str, str]) -> str:
    relationships = ""
    for number, (kind, target) in enumerate(rows, 1):
        kind = kind if "/" in kind else f"{_REL}/{kind}"
        mode = ' TargetMode="External"' if ":" in target else ""
        relationships += f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"{mode}/>'
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<?xml version="1.0"?><Relationships xmlns="{space}">{relationships}</Relationships>'


def _common(main: str, main_type: str, parts: Mapping[str, str]) -> dict[str, str | bytes]:
    core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    rows = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in parts.items())
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{space}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="jpeg" ContentType="image/jpeg"/>'
        '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
        f'<Override PartName="/{main}" ContentType="{main_type}"/>{rows}</Types>',
        "_rels/.rels": _rels(
            ("officeDocument", main),
            (core, "docProps/core.xml"),
            ("extended-properties", "docProps/app.xml"),
            ("custom-properties", "docProps/custom.xml"),
        ),
        "docProps/core.xml": '<cp:coreProperties xmlns:cp="urn:cp" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:dcterms="urn:t"><dc:creator>{MARK}</dc:creator><cp:lastModifiedBy>{MARK}</cp:lastModifiedBy>'
        "<dcterms:created>2026-03-01T10:11:12Z</dcterms:created></cp:coreProperties>",
        "docProps/app.xml": f"<Properties><Application>{MARK}</Application><Company>{MARK}</Company></Properties>",
        "docProps/custom.xml": f'<Properties><property name="{MARK}"/></Properties>',
    }


def docx(*, macros: bool = True) -> bytes:
    main_type = "application/vnd.ms-word.document.macroEnabled.main+xml" if macros else _TYPE + "wordprocessingml"
    entries = _common("word/document.xml", main_type, {"word/comments.xml": _TYPE + "wordprocessingml.comments+xml"})
    entries["word/document.xml"] = (
        f'<?xml version="1.0"?><w:document xmlns:w="{_W}" xmlns:r="{_REL}" xmlns:a="{_A}" xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="w14"><w:body>'
        f'<w:p w:rsidR="00A1B2C3" w14:paraId="0BADCAFE"><w:r><w:t>{SHOWN} &amp; lain</w:t></w:r>'
        f'<w:ins w:id="1" w:author="{MARK}" w:date="2026-03-01T10:11:12Z"><w:r><w:t>tambahan</w:t></w:r></w:ins>'
        f'<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>DDEAUTO {MARK}</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>hasil</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
        '<w:p><w:hyperlink r:id="rId4"><w:r><w:t>tautan</w:t></w:r></w:hyperlink>'
        f'<w:r><w:drawing><a:graphic><a:blip r:embed="rId5"/><pic:cNvPr xmlns:pic="{_PIC}" id="1" name="{MARK}.jpg"'
        f' descr="C:\\Users\\{MARK}\\a.jpg"/></a:graphic></w:drawing></w:r>'
        '<w:r><w:object><o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office" r:id="rId6"/></w:object></w:r>'
        '<w:r><w:drawing><a:graphic><a:blip r:link="rId7"/></a:graphic></w:drawing></w:r></w:p></w:body></w:document>'
    )
    entries["word/comments.xml"] = (
        f'<w:comments xmlns:w="{_W}"><w:comment w:id="0" w:author="{MARK}" w:initials="{MARK}"'
        ' w:date="2026-03-01T10:11:12Z"><w:p><w:r><w:t>catatan</w:t></w:r></w:p></w:comment></w:comments>'
    )
    entries["word/settings.xml"] = (
        f'<w:settings xmlns:w="{_W}" xmlns:r="{_REL}"><w:attachedTemplate r:id="rId1"/>'
        '<w:rsids><w:rsidRoot w:val="00A1B2C3"/></w:rsids><w:zoom w:percent="100"/></w:settings>'
    )
    entries["word/_rels/settings.xml.rels"] = _rels(("attachedTemplate", f"file:///C:/Users/{MARK}/t.dotx"))
    entries["word/_rels/document.xml.rels"] = _rels(
        ("comments", "comments.xml"),
        ("settings", "settings.xml"),
        ("http://schemas.microsoft.com/office/2006/relationships/vbaProject", "vbaProject.bin"),
        ("hyperlink", "https://example.test/berita"),
        ("image", "media/image1.jpeg"),
        ("oleObject", "embeddings/oleObject1.bin"),
        ("image", f"https://example.test/{MARK}.png"),
        ("http://schemas.microsoft.com/office/2011/relationships/people", "people.xml"),
    )
    entries["word/people.xml"] = f'<w:people xmlns:w="{_W}"><w:person w:author="{MARK}"/></w:people>'
    entries["word/vbaProject.bin"] = f"Sub AutoOpen {MARK}"
    entries["word/embeddings/oleObject1.bin"] = MARK
    entries["word/media/image1.jpeg"] = jpeg()
    return packed(entries)


def xlsx() -> bytes:
    sheet_type, comments_type = _TYPE + "spreadsheetml.worksheet+xml", _TYPE + "spreadsheetml.comments+xml"
    parts = {"xl/worksheets/sheet1.xml": sheet_type, "xl/comments1.xml": comments_type}
    entries = _common("xl/workbook.xml", _TYPE + "spreadsheetml.sheet.main+xml", parts)
    entries["xl/workbook.xml"] = (
        f'<workbook xmlns="{_S}" xmlns:r="{_REL}"><fileSharing userName="{MARK}"/><x:absPath xmlns:x="http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac"'
        f' url="C:\\Users\\{MARK}\\"/><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets>'
        f'<externalReferences><externalReference r:id="rId2"/></externalReferences></workbook>'
    )
    entries["xl/_rels/workbook.xml.rels"] = _rels(
        ("worksheet", "worksheets/sheet1.xml"), ("externalLink", "externalLinks/externalLink1.xml")
    )
    entries["xl/externalLinks/externalLink1.xml"] = f"<externalLink>{MARK}</externalLink>"
    entries["xl/worksheets/sheet1.xml"] = (
        f'<worksheet xmlns="{_S}" xmlns:r="{_REL}"><sheetData><row r="1">'
        f'<c r="A1" t="inlineStr"><is><t>{SHOWN}</t></is></c><c r="B1"><f>SUM(1,2)</f><v>3</v></c>'
        f'<c r="C1"><f t="shared" ref="C1:D1" si="0">[1]{MARK}!A1</f><v>4</v></c>'
        '<c r="D1"><f t="shared" si="0"/><v>5</v></c></row></sheetData>'
        '<pageSetup orientation="portrait" r:id="rId2"/></worksheet>'
    )
    entries["xl/worksheets/_rels/sheet1.xml.rels"] = _rels(
        ("comments", "../comments1.xml"), ("printerSettings", "../printerSettings/printerSettings1.bin")
    )
    entries["xl/printerSettings/printerSettings1.bin"] = MARK
    entries["xl/comments1.xml"] = (
        f'<comments xmlns="{_S}"><authors><author>{MARK}</author></authors><commentList><comment ref="A1"'
        f' authorId="0"><text><r><t>{MARK}:</t></r><r><t>catatan</t></r></text></comment>'
        f'<comment ref="B1" authorId="0"><text><t>{MARK}:\nlagi</t></text></comment></commentList></comments>'
    )
    return packed(entries)


def pptx() -> bytes:
    parts = {
        "ppt/slides/slide1.xml": _TYPE + "presentationml.slide+xml",
        "ppt/commentAuthors.xml": _TYPE + "presentationml.commentAuthors+xml",
        "ppt/comments/comment1.xml": _TYPE + "presentationml.comments+xml",
    }
    entries = _common("ppt/presentation.xml", _TYPE + "presentationml.presentation.main+xml", parts)
    entries["ppt/presentation.xml"] = (
        f'<p:presentation xmlns:p="{_P}" xmlns:r="{_REL}"><p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst>'
        "</p:presentation>"
    )
    entries["ppt/_rels/presentation.xml.rels"] = _rels(
        ("slide", "slides/slide1.xml"), ("commentAuthors", "commentAuthors.xml")
    )
    entries["ppt/commentAuthors.xml"] = (
        f'<p:cmAuthorLst xmlns:p="{_P}"><p:cmAuthor id="0" name="{MARK}" initials="{MARK}"/></p:cmAuthorLst>'
    )
    entries["ppt/slides/slide1.xml"] = (
        f'<p:sld xmlns:p="{_P}" xmlns:a="{_A}" xmlns:r="{_REL}"><p:cSld><p:spTree><p:nvPr id="2" name="Title 1"/>'
        f'<a:t>{SHOWN}</a:t><p:oleObj r:id="rId2" progId="Package"/></p:spTree></p:cSld></p:sld>'
    )
    entries["ppt/slides/_rels/slide1.xml.rels"] = _rels(
        ("comments", "../comments/comment1.xml"), ("oleObject", "../embeddings/oleObject1.bin")
    )
    entries["ppt/embeddings/oleObject1.bin"] = MARK
    entries["ppt/comments/comment1.xml"] = (
        f'<p:cmLst xmlns:p="{_P}"><p:cm authorId="0" dt="2026-03-01T10:11:12"><p:text>catatan</p:text></p:cm></p:cmLst>'
    )
    return packed(entries)


ODF_SPACES = ("office", "text", "meta", "script")


def odf(kind: str) -> bytes:
    spaces = (
        " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ODF_SPACES)
        + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    )
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    annotation = (
        f"<office:annotation><dc:creator>{MARK}</dc:creator><dc:date>2026-03-01T10:11:12</dc:date>"
        f"<meta:creator-initials>{MARK}</meta:creator-initials><text:p>catatan</text:p></office:annotation>"
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:scripts><script:event-listener'
        f' xlink:href="{MARK}"/></office:scripts><office:body><office:{kind}>{annotation}<text:p>{SHOWN}</text:p>'
        '<draw:frame><draw:image xlink:href="Pictures/a.jpg"/></draw:frame>'
        f'<draw:frame><draw:image xlink:href="https://example.test/{MARK}"/></draw:frame>'
        f"</office:{kind}></office:body></office:document-content>"
    )
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    names = ("content.xml", "meta.xml", "settings.xml", "Pictures/a.jpg", "Basic/Standard/a.xml")
    rows = "".join(f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="x/y"/>' for name in names)
    return packed(
        {
            "mimetype": media_type,
            "content.xml": content,
            "meta.xml": f"<office:document-meta {spaces}><office:meta><meta:initial-creator>{MARK}"
            f"</meta:initial-creator><meta:generator>{MARK}</meta:generator></office:meta></office:document-meta>",
            "settings.xml": f'<office:document-settings {spaces}><config-item name="PrinterName">{MARK}</config-item>'
            "</office:document-settings>",
            "Pictures/a.jpg": jpeg(),
            "Basic/Standard/a.xml": MARK,
            "Thumbnails/thumbnail.png": png(),
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}">{rows}</manifest:manifest>',
        }
    )


# --- Sound and pictures that move

TAGS = {
    "title": MARK,
    "artist": MARK,
    "comment": MARK,
    "location": f"{MARK}+06.1-106.8/",
    "creation_time": "2026-03-01T10:11:12Z",
}
_RATES = {"libopencore_amrnb": 8000, "libopus": 48000}


def track(form: str, *codecs: str, frames: int = 20, options: Mapping[str, str] | None = None) -> bytes:
    """A second or so of sound, pictures or both, tagged wherever the container takes a tag."""
    out = io.BytesIO()
    with av.open(out, "w", format=form, options=dict(options or {})) as container:
        container.metadata.update(TAGS)
        for codec in codecs:
            _add(container, codec)
        for stream in container.streams:
            stream.metadata["title"] = MARK
            for frame in _frames(stream, frames):
                container.mux(stream.encode(frame))  # type: ignore[attr-defined]
            container.mux(stream.encode(None))  # type: ignore[attr-defined]
    return out.getvalue()


def _add(container: av.container.OutputContainer, codec: str) -> None:
    if codec in {"libx264", "libx265", "libvpx", "h263"}:
        video: av.VideoStream = container.add_stream(codec, rate=10)  # type: ignore[assignment]
        video.width, video.height, video.pix_fmt = 176, 144, "yuv420p"
        if codec == "libx265":
            video.options = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
    else:
        # Vorbis in Matroska keeps a tag of its own in the header of the stream.
        options = {"strict": "experimental"} if codec == "vorbis" else {}
        layout = "mono" if "amr" in codec else "stereo"
        container.add_stream(codec, rate=_RATES.get(codec, 44100), layout=layout, options=options)


def _frames(stream: av.stream.Stream, count: int) -> list[av.VideoFrame | av.AudioFrame]:
    made: list[av.VideoFrame | av.AudioFrame] = []
    for number in range(count):
        if isinstance(stream, av.VideoStream):
            video = av.VideoFrame.from_image(  # type: ignore[no-untyped-call]
                picture(176, 144) if number else Image.new("RGB", (176, 144))
            )
            video.pts = number
            made.append(video)
        elif isinstance(stream, av.AudioStream):
            samples = stream.codec_context.frame_size or 1024
            sound = av.AudioFrame(format=stream.format.name, layout=stream.layout.name, samples=samples)
            for plane in sound.planes:
                plane.update(bytes(plane.buffer_size))
            sound.rate, sound.pts, sound.time_base = stream.rate, number * samples, Fraction(1, stream.rate)
            made.append(sound)
    return made


def mp3() -> bytes:
    """With all three kinds of tags that MP3 files carry, before and behind the sound."""
    ape_item = struct.pack("<II", len(MARK), 0) + b"Artist\0" + MARK.encode()
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, len(ape_item) + 32, 1, 0) + bytes(8)
    id3v1 = b"TAG" + MARK.encode().ljust(125, b"\0")
    return track("mp3", "libmp3lame") + ape_item + ape + id3v1


_MAKERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpg": ("image/jpeg", jpeg),
    "png": ("image/png", png),
    "webp": ("image/webp", webp),
    "heic": ("image/heic", heic),
    "avif": ("image/avif", lambda: saved("AVIF", exif=exif(), xmp=XMP.encode())),
    "gif": ("image/gif", lambda: saved("GIF", comment=MARK.encode())),
    "bmp": ("image/bmp", lambda: saved("BMP")),
    "tif": ("image/tiff", lambda: saved("TIFF", exif=exif())),
    "pdf": ("application/pdf", pdf),
    "docx": (_TYPE + "wordprocessingml.document", docx),
    "xlsx": (_TYPE + "spreadsheetml.sheet", xlsx),
    "pptx": (_TYPE + "presentationml.presentation", pptx),
    "odt": ("application/vnd.oasis.opendocument.text", lambda: odf("text")),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", lambda: odf("spreadsheet")),
    "odp": ("application/vnd.oasis.opendocument.presentation", lambda: odf("presentation")),
    "mp4": ("video/mp4", lambda: track("mp4", "libx264", "aac", options={"movflags": "use_metadata_tags"})),
    "hevc.mov": ("video/quicktime", lambda: track("mov", "libx265", "aac")),
    "m4v": ("video/x-m4v", lambda: track("ipod", "libx264", "aac")),
    "m4a": ("audio/x-m4a", lambda: track("ipod", "aac")),
    "3gp": ("video/3gpp", lambda: track("3gp", "h263", "libopencore_amrnb")),
    "3g2": ("video/3gpp2", lambda: track("3g2", "h263", "aac")),
    "avi": ("video/x-msvideo", lambda: track("avi", "libx264", "libmp3lame")),
    "webm": ("video/webm", lambda: track("webm", "libvpx", "libopus")),
    "vorbis.webm": ("video/webm", lambda: track("webm", "libvpx", "vorbis")),
    "mkv": ("video/x-matroska", lambda: track("matroska", "libx264", "libmp3lame")),
    "ogg": ("audio/ogg", lambda: track("ogg", "libopus")),
    "mp3": ("audio/mpeg", mp3),
    "wav": ("audio/x-wav", lambda: track("wav", "pcm_s16le")),
    "amr": ("audio/amr", lambda: track("amr", "libopencore_amrnb")),
    "aac": ("audio/x-hx-aac-adts", lambda: track("adts", "aac")),
    "flac": ("audio/flac", lambda: track("flac", "flac")),
}

# By ending: the type that is recognised, and how to make one (the same one each time).
SAMPLES = {ending: (media_type, cache(make)) for ending, (media_type, make) in _MAKERS.items()}
# By ending: the type of a copy that is of another kind than its original.
COPIES = {
    **dict.fromkeys(("heic", "avif"), "image/jpeg"),
    **dict.fromkeys(("gif", "bmp", "tif"), "image/png"),
    "m4v": "video/mp4",
}
# Formats without a place for words.
SILENT = frozenset({"amr", "aac", "bmp"})
