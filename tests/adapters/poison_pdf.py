"""A PDF file with a mark of its own in the entries of every kind of object, and in the streams that draw."""

import io

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from tests.adapters.poison import Marks
from tests.adapters.samples import SHOWN, picture


class _Poison:
    """Adds to objects what programs add that tells of them, and of who used them."""

    def __init__(self, document: Pdf) -> None:
        self.document = document
        self.marks = Marks()

    def text(self) -> String:
        return String(self.marks())

    def add(self, item: Dictionary | Stream) -> pikepdf.Object:
        """Add entries with marks to an object: metadata of the standard, and what only one program knows."""
        xmp = self.document.make_stream(f"<x>{self.marks()}</x>".encode(), Type=Name.Metadata, Subtype=Name.XML)
        item.Metadata = xmp
        item.PieceInfo = Dictionary(App=Dictionary(LastModified=self.text(), Private=self.text()))
        item["/PTEX.FileName"] = self.text()
        item["/PTEX.InfoDict"] = Dictionary(Author=self.text(), CreationDate=self.text())
        item.ScannerSerial = self.text()
        item[f"/{self.marks()}"] = self.text()
        item.AF = Array([Dictionary(F=self.text(), UF=self.text())])
        item.LastModified = self.text()
        return item if isinstance(item, Stream) else self.document.make_indirect(item)

    def operators(self, drawn: str) -> bytes:
        """Return drawing operators with comments, and with what is said to readers."""
        return (
            f"%{self.marks()}\n/Span <</ActualText ({self.marks()}) /Alt ({self.marks()}) /E"
            f" <{self.marks().encode().hex()}>"
            f" /MCID 0 /Lang (id) /Owner << /N ({self.marks()}) >> >> BDC {drawn} EMC /{self.marks()} MP\n"
            f"/{self.marks()} <</T (a \\) {self.marks()})>> DP % {self.marks()}\n/P /{self.marks()} BDC EMC"
        ).encode()

    def stream(self, data: bytes, **entries: object) -> pikepdf.Object:
        return self.add(self.document.make_stream(data, **entries))


def _profile(poison: _Poison) -> bytes:
    """A colour profile of sRGB whose texts say who made it."""
    from PIL import ImageCms

    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    word = poison.marks().encode()
    for tag in (b"desc", b"cprt"):
        at = data.index(tag)
        offset = int.from_bytes(data[at + 4 : at + 8], "big")
        data = data[: offset + 28] + word[:9] + data[offset + 37 :]
    return data


def pdf() -> bytes:
    document = Pdf.new()
    poison = _Poison(document)
    add, text, stream, marks = poison.add, poison.text, poison.stream, poison.marks
    rgb = Array([Name.ICCBased, stream(_profile(poison), N=3, Alternate=Name.DeviceRGB)])
    pixels = picture(8, 8).tobytes()
    image = stream(
        pixels, Type=Name.XObject, Subtype=Name.Image, Width=8, Height=8, BitsPerComponent=8, Name=Name("/x")
    )
    image.ColorSpace, image.SMask = (
        rgb,
        stream(
            bytes(range(64)),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=8,
            Height=8,
            BitsPerComponent=8,
            ColorSpace=Name.DeviceGray,
        ),
    )
    image.Alternates, image.OPI = Array([Dictionary(Image=text())]), Dictionary({"/2.0": Dictionary(F=text())})
    group = add(Dictionary(Type=Name.Group, S=Name.Transparency, CS=Name.DeviceRGB))
    form = stream(
        poison.operators("0 0 1 rg 0 0 20 20 re f"),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=[0, 0, 20, 20],
        Group=group,
    )
    form.Ref, form.Name, form.Measure = Dictionary(F=text(), ID=Array([text()])), Name(f"/{marks()}"), text()
    table = stream(
        f"%!PS {marks()}\n/CIDInit /ProcSet findresource begin % {marks()}\nendcmap".encode(),
        CIDSystemInfo=add(Dictionary(Registry=text(), Ordering=text(), Supplement=0)),
    )
    descriptor = add(Dictionary(Type=Name.FontDescriptor, FontName=Name.Helvetica, Flags=32, FontFamily=text()))
    descriptor.CharSet = text()
    font = add(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, ToUnicode=table, Name=Name("/x"))
    )
    font.FontDescriptor, font.Encoding = (
        descriptor,
        add(Dictionary(Type=Name.Encoding, BaseEncoding=Name.WinAnsiEncoding)),
    )
    glyph = document.make_stream(b"% " + marks().encode() + b"\n500 0 0 0 10 10 d1 0 0 10 10 re f")
    drawn_font = add(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=[0, 0, 10, 10],
            FontMatrix=[0.1, 0, 0, 0.1, 0, 0],
            CharProcs=Dictionary(a=glyph),
            Encoding=Dictionary(Differences=[97, Name.a]),
            FirstChar=97,
            LastChar=97,
            Widths=[10],
            Resources=add(Dictionary()),
        )
    )
    tile = stream(
        poison.operators("1 0 0 rg 0 0 5 5 re f"),
        Type=Name.Pattern,
        PatternType=1,
        PaintType=1,
        TilingType=1,
        BBox=[0, 0, 10, 10],
        XStep=10,
        YStep=10,
        Resources=add(Dictionary()),
    )
    function = add(Dictionary(FunctionType=2, Domain=[0, 1], C0=[1, 1, 0], C1=[0, 1, 1], N=1))
    shading = add(Dictionary(ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=[0, 0, 50, 0], Function=function))
    ink = Array([Name.DeviceN, Array([Name(f"/{marks()}")]), Name.DeviceRGB, function, add(Dictionary())])
    state = add(Dictionary(Type=Name.ExtGState, LW=1, CA=0.9, HT=add(Dictionary(HalftoneType=1, SpotFunction=text()))))
    state.SMask = add(
        Dictionary(
            Type=Name.Mask,
            S=Name.Luminosity,
            G=stream(
                b"1 g 0 0 300 200 re f",
                Type=Name.XObject,
                Subtype=Name.Form,
                BBox=[0, 0, 300, 200],
                Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray),
            ),
        )
    )
    layer = add(Dictionary(Type=Name.OCG, Name=text(), Usage=Dictionary(CreatorInfo=Dictionary(Creator=text()))))
    own = marks()
    page = document.add_blank_page(page_size=(300, 200))
    page.Resources = add(
        Dictionary(
            XObject=Dictionary({f"/{own}": image, "/Fm1": form}),
            Font=Dictionary(F1=font, T3=drawn_font),
            Pattern=Dictionary({f"/{marks()}": tile, "/P1": tile}),
            Shading=Dictionary(Sh1=shading),
            ColorSpace=Dictionary(Cs1=rgb, Ink=ink),
            ExtGState=Dictionary(GS1=state),
            Properties=Dictionary(MC1=layer, MC2=add(Dictionary(T=text(), Contents=text()))),
        )
    )
    operators = (
        f"/GS1 gs BT /F1 18 Tf 20 150 Td ({SHOWN}) Tj ET q 96 0 0 64 20 20 cm /{own} Do Q /OC /MC1 BDC /Fm1 Do EMC"
        " /MC2 gs q 150 20 50 50 re W n 1 0 0 1 150 20 cm /Sh1 sh Q /Pattern cs /P1 scn 220 20 40 40 re f"
        " /Ink cs 0.5 scn 220 80 20 20 re f BT /T3 10 Tf 150 120 Td (a) Tj ET"
        f" q 10 0 0 10 270 20 cm BI /W 2 /H 2 /BPC 8 /CS /G /{marks()} ({marks()}) ID \x01\xf0\x80\x20 EI Q"
    )
    page.Contents = document.make_stream(poison.operators("") + b" " + operators.encode("latin-1"))
    add(page.obj)
    page.obj.AA = Dictionary(O=Dictionary(S=Name.JavaScript, JS=text()))
    page.obj.Thumb, page.obj.ID, page.obj.B = stream(pixels), text(), Array([Dictionary(T=text())])
    page.obj.PresSteps = Dictionary(NA=Dictionary(S=Name.URI, URI=text()))
    document.docinfo["/Author"], document.docinfo[f"/{marks()}"] = marks(), marks()
    root = document.Root
    root.OCProperties = Dictionary(OCGs=Array([layer]), D=add(Dictionary(Name=text(), ON=Array([layer]))))
    root.Lang, root.Outlines, root.URI = text(), Dictionary(First=Dictionary(Title=text())), Dictionary(Base=text())
    root.StructTreeRoot = Dictionary(K=Dictionary(T=text(), Alt=text(), ActualText=text()))
    root.Names = Dictionary(Dests=Dictionary(Names=Array([text(), Array([page.obj, Name.Fit])])))
    root.PageLabels = Dictionary(Nums=Array([0, Dictionary(P=text())]))
    root.Collection, root.Legal, root.DPartRoot = Dictionary(D=text()), Dictionary(Attestation=text()), text()
    document.attachments[f"{marks()}.txt"] = marks().encode()
    out = io.BytesIO()
    document.save(out, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue() + f"\n% {marks()}\n".encode()


def marks_in(data: bytes) -> set[str]:
    """All marks in a PDF: in its bytes, its objects, and its streams without their filters."""
    import re

    found = set(re.findall(rb"SAKSI[0-9]{4}X?", data))
    with pikepdf.open(io.BytesIO(data)) as document:
        for item in document.objects:
            text = item.unparse(resolved=True) if not isinstance(item, Stream) else repr(item.stream_dict).encode()
            found |= set(re.findall(rb"SAKSI[0-9]{4}X?", text))
            if isinstance(item, Stream):
                found |= set(re.findall(rb"SAKSI[0-9]{4}X?", item.read_bytes()))
    return {word.decode() for word in found}
