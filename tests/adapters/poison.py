"""Office documents and PDF files with a mark of its own in every place that their formats have for strings.

A mark is a word that must not be in a copy, wherever it stood: attributes, texts of metadata, names of parts, targets
and ids of relationships, extensions, remarks, processing instructions, the zip around it all, embedded pictures.
"""

import io
import itertools
import re
import zipfile
from collections.abc import Iterator, Mapping

from tests.adapters import samples
from tests.adapters.samples import SHOWN

_MARK = re.compile("SAKSI[0-9]{4}X")
_TAG = re.compile(r"<(?=[A-Za-z])[\w:-]+")
OOXML = "http://schemas.openxmlformats.org"
MS = "http://schemas.microsoft.com/office"


def marks_in(data: bytes) -> set[str]:
    """All marks in a file, in each encoding that strings have, packed or not."""
    found = set()
    for text in _texts(data):
        for encoding in ("latin-1", "utf-16-le", "utf-16-be"):
            found |= set(_MARK.findall(text.decode(encoding, "replace")))
            found |= set(_MARK.findall(text[1:].decode(encoding, "replace")))
    return found


def _texts(data: bytes) -> Iterator[bytes]:
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                yield entry.filename.encode() + entry.comment + entry.extra
                yield archive.read(entry)


class Marks:
    """Counts marks up, and plants them for each "@@"."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        return f"SAKSI{next(self._numbers):04}X"

    def plant(self, text: str) -> str:
        return re.sub("@@", lambda _: self(), text)

    def everywhere(self, text: str) -> str:
        """Plant marks as remarks, orders, unknown attributes and unknown elements at each element as well."""
        declaration, separator, body = self.plant(text).rpartition("?>")
        root_end = body.index(">") if body[body.index(">") - 1] != "/" else body.index("/>")
        root = f'{body[:root_end]} xmlns:secret="urn:{self()}" secret:owner="{self()}" unknown="{self()}"'
        rest = _TAG.sub(
            lambda tag: (
                f"<!--{self()}--><?order {self()}?><secret:box>{self()}</secret:box>"
                f'{tag.group()} secret:note="{self()}" unknown="{self()}"'
            ),
            body[root_end:],
        )
        return f"{declaration}{separator}<?who {self()}?>{root}{rest}<!--{self()}-->"

    def packed(self, entries: Mapping[str, str | bytes]) -> bytes:
        """Zip the entries, with marks in what surrounds them."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.comment = self().encode()
            for name, data in entries.items():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
                if name != "mimetype":
                    entry.comment = self().encode()
                    word = self().encode()
                    entry.extra = b"\x99\x99" + len(word).to_bytes(2, "little") + word
                if isinstance(data, str) and name.endswith((".xml", ".vml")):
                    data = self.everywhere(data)
                elif isinstance(data, str):
                    data = self.plant(data)
                archive.writestr(entry, data)
        return out.getvalue()


def _picture(marks: Marks) -> bytes:
    """A JPEG with a mark in each kind of segment that draws nothing, a preview of JFIF, and marks behind its end."""
    data = samples.jpeg()
    segments = b""
    for marker, begins in (
        (0xE0, b"JFXX\x00\x10"),
        (0xE1, b"Exif\x00\x00"),
        (0xE2, b"ICC_PROFILE\x00\x01\x01"),
        (0xE7, b""),
    ):
        content = begins + marks().encode()
        segments += b"\xff" + bytes([marker]) + (len(content) + 2).to_bytes(2, "big") + content
    remark = marks().encode()
    segments += b"\xff\xfe" + (len(remark) + 2).to_bytes(2, "big") + remark
    return data[:2] + segments + data[2:] + marks().encode()


_PACKAGE = f"{OOXML}/package/2006"
_REL = f"{OOXML}/officeDocument/2006/relationships"
_SPACES = (
    f'xmlns:w="{OOXML}/wordprocessingml/2006/main" xmlns:a="{OOXML}/drawingml/2006/main" xmlns:r="{_REL}"'
    f' xmlns:p="{OOXML}/presentationml/2006/main" xmlns:x="{OOXML}/spreadsheetml/2006/main"'
    f' xmlns:wp="{OOXML}/drawingml/2006/wordprocessingDrawing" xmlns:pic="{OOXML}/drawingml/2006/picture"'
    f' xmlns:mc="{OOXML}/markup-compatibility/2006" xmlns:w14="{MS}/word/2010/wordml"'
    f' xmlns:w15="{MS}/word/2012/wordml" xmlns:p15="{MS}/powerpoint/2012/main" xmlns:a16="{MS}/drawing/2014/main"'
    f' xmlns:xr="{MS}/spreadsheetml/2014/revision" xmlns:x15ac="{MS}/spreadsheetml/2010/11/ac"'
    ' xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
    f' xmlns:c="{OOXML}/drawingml/2006/chart" xmlns:dgm="{OOXML}/drawingml/2006/diagram"'
    f' xmlns:xdr="{OOXML}/drawingml/2006/spreadsheetDrawing"'
)
_HEAD = '<?xml version="1.0"?>'


def _relationships(*rows: tuple[str, str, str]) -> str:
    lines = ""
    for identifier, kind, target in rows:
        kind = kind if kind.startswith("http") else f"{_REL}/{kind}"
        mode = ' TargetMode="External"' if ":" in target else ""
        lines += f'<Relationship Id="{identifier}" Type="{kind}" Target="{target}"{mode}/>'
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'


def _package(marks: Marks, main: str, main_type: str) -> dict[str, str | bytes]:
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml"'
        ' ContentType="application/@@"/><Default Extension="jpg" ContentType="image/jpeg"/>'
        f'<Override PartName="/{main}" ContentType="{main_type}"/></Types>',
        "_rels/.rels": _relationships(
            ("@@", "officeDocument", main),
            ("@@", f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
            ("@@", "custom-properties", "docProps/custom.xml"),
            ("@@", "http://example.test/@@", "docProps/@@.xml"),
        ),
        "docProps/core.xml": "<coreProperties><creator>@@</creator><title>@@</title></coreProperties>",
        "docProps/custom.xml": '<Properties><property name="@@" fmtid="@@">@@</property></Properties>',
        "docProps/app.xml": "<Properties><Manager>@@</Manager><HyperlinkBase>@@</HyperlinkBase></Properties>",
        "customXml/item1.xml": "<secret>@@</secret>",
    }


_DRAWING = (
    '<wp:inline wp14:anchorId="@@" xmlns:wp14="http://schemas.microsoft.com/office/word/2010/wordprocessingDrawing">'
    '<wp:docPr id="1" name="@@" descr="@@" title="@@"><a:hlinkClick r:id="own" tooltip="@@" tgtFrame="@@"'
    ' action="ppaction://macro?name=@@" invalidUrl="@@"/><a:extLst><a:ext uri="{@@}"><a16:creationId id="{@@}"/>'
    '</a:ext><a:ext uri="{28A0092B-C50C-407E-A947-70E740481C1C}"><a16:decor val="@@"/></a:ext></a:extLst></wp:docPr>'
    '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr>'
    '<pic:cNvPr id="2" name="@@" descr="@@" title="@@"/></pic:nvPicPr><pic:blipFill><a:blip r:embed="picture of me"'
    ' r:link="@@"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline>'
)


def docx() -> bytes:
    marks = Marks()
    entries = _package(marks, "word/document.xml", "application/vnd.@@")
    entries["word/document.xml"] = (
        f'{_HEAD}<w:document {_SPACES} mc:Ignorable="w14 @@" mc:PreserveAttributes="@@"><w:body>'
        f'<w:p w:rsidR="@@" w14:paraId="@@"><w:pPr><w:pStyle w:val="@@"/><w:rPr><w:rFonts w:hint="@@"/></w:rPr></w:pPr>'
        f'<w:permStart w:id="1" w:ed="KANTOR\\@@" w:edGrp="@@"/><w:bookmarkStart w:id="0" w:name="@@"/>'
        f"<w:r><w:t>{SHOWN}</w:t></w:r>"
        '<w:smartTag w:uri="@@" w:element="@@"><w:smartTagPr><w:attr w:uri="@@" w:name="@@" w:val="@@"/></w:smartTagPr>'
        "<w:r><w:t>dalam tag</w:t></w:r></w:smartTag>"
        '<w:customXml w:uri="@@" w:element="@@"><w:customXmlPr><w:placeholder w:val="@@"/></w:customXmlPr>'
        "<w:r><w:t>dalam xml</w:t></w:r></w:customXml>"
        '<w:sdt><w:sdtPr><w:alias w:val="@@"/><w:tag w:val="@@"/><w:placeholder><w:docPart w:val="@@"/></w:placeholder>'
        '<w:dataBinding w:xpath="@@" w:prefixMappings="@@" w:storeItemID="@@"/><w:dropDownList w:lastValue="@@">'
        '<w:listItem w:displayText="@@" w:value="@@"/></w:dropDownList><w15:color w:val="@@"/></w:sdtPr>'
        "<w:sdtContent><w:r><w:t>pilihan</w:t></w:r></w:sdtContent></w:sdt>"
        '<w:ins w:id="3" w:author="@@" w:date="@@"><w:r><w:t>tambahan</w:t></w:r></w:ins>'
        '<w:moveFromRangeStart w:id="4" w:author="@@" w:name="@@"/><w:moveFromRangeEnd w:id="4"/>'
        '<w:hyperlink r:id="link of me" w:tooltip="@@" w:tgtFrame="@@" w:docLocation="@@"'
        ' w:anchor="@@"><w:r><w:t>t</w:t>'
        "</w:r></w:hyperlink>"
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:name w:val="@@"/><w:entryMacro w:val="@@"/><w:helpText'
        ' w:val="@@"/><w:statusText w:val="@@"/><w:textInput><w:default w:val="@@"/></w:textInput></w:ffData>'
        '<w:fldData>@@</w:fldData></w:fldChar></w:r><w:r><w:instrText>INCLUDETEXT "@@"</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r><w:fldSimple w:instr="AUTHOR'
        ' @@"><w:r><w:t>h</w:t></w:r></w:fldSimple>'
        f"<w:r><w:drawing>{_DRAWING}</w:drawing></w:r>"
        '<mc:AlternateContent><mc:Choice xmlns:odd="urn:@@" Requires="odd"><odd:thing'
        ' name="@@">@@</odd:thing></mc:Choice>'
        "<mc:Fallback><w:r><w:t>cadangan</w:t></w:r></mc:Fallback></mc:AlternateContent>"
        '<w:r><w:pict o:gfxdata="@@"><v:shape id="@@" type="#@@" alt="@@" title="@@" href="@@" target="@@"'
        ' style="width:10pt;note:@@;mso-position-horizontal:@@" o:gfxdata="@@" o:spid="@@"><v:imagedata r:id="none"'
        ' o:title="@@" o:href="@@" src="@@"/><v:textbox style="@@"/><o:signatureline o:suggestedsigner="@@"/></v:shape>'
        '</w:pict></w:r><w:r><w:object><o:OLEObject ProgID="@@" ShapeID="@@" ObjectID="@@" r:id="@@"><o:FieldCodes>@@'
        "</o:FieldCodes></o:OLEObject></w:object></w:r></w:p>"
        '<w:altChunk r:id="@@"/><w:sectPr w:rsidR="@@"><w:printerSettings r:id="@@"/></w:sectPr></w:body></w:document>'
    )
    entries["word/settings.xml"] = (
        f'{_HEAD}<w:settings {_SPACES}><w:attachedTemplate r:id="@@"/><w:saveThroughXslt r:id="@@" w:solutionID="@@"/>'
        '<w:rsids><w:rsidRoot w:val="@@"/></w:rsids><w:docVars><w:docVar w:name="@@" w:val="@@"/></w:docVars>'
        '<w:mailMerge><w:query w:val="@@"/><w:connectString w:val="@@"/><w:mailSubject w:val="@@"/></w:mailMerge>'
        '<w:attachedSchema w:val="@@"/><w:documentProtection w:hash="@@" w:salt="@@"/><w:activeWritingStyle'
        ' w:appName="@@"/>'
        '<w:writeProtection w:hash="@@"/><w:smartTagType w:namespaceuri="@@" w:name="@@" w:url="@@"/><w:decimalSymbol'
        ' w:val="@@"/><w14:docId w14:val="@@"/><w15:docId w15:val="{@@}"/><w:clickAndTypeStyle'
        ' w:val="@@"/></w:settings>'
    )
    entries["word/styles.xml"] = (
        f'{_HEAD}<w:styles {_SPACES}><w:latentStyles><w:lsdException w:name="@@"/></w:latentStyles>'
        '<w:style w:type="paragraph" w:styleId="@@"><w:name w:val="@@"/><w:aliases w:val="@@"/><w:basedOn w:val="@@"/>'
        '<w:link w:val="@@"/><w:rsid w:val="@@"/></w:style></w:styles>'
    )
    entries["word/comments.xml"] = (
        f'{_HEAD}<w:comments {_SPACES}><w:comment w:id="0" w:author="@@" w:initials="@@" w:date="@@"><w:p><w:r>'
        "<w:t>catatan</w:t></w:r></w:p></w:comment></w:comments>"
    )
    entries["word/people.xml"] = f'{_HEAD}<w15:people {_SPACES}><w15:person w15:author="@@"/></w15:people>'
    entries["word/header of me.xml"] = f"{_HEAD}<w:hdr {_SPACES}><w:p><w:r><w:t>kepala</w:t></w:r></w:p></w:hdr>"
    entries["word/media/@@.jpg".replace("@@", marks())] = b""
    entries["word/media/me.jpg"] = _picture(marks)
    entries["word/_rels/document.xml.rels"] = _relationships(
        ("@@", "settings", "settings.xml"),
        ("@@", "styles", "styles.xml"),
        ("@@", "comments", "comments.xml"),
        ("@@", "header", "header of me.xml"),
        ("@@", f"{MS}/2011/relationships/people", "people.xml"),
        ("picture of me", "image", "media/me.jpg"),
        ("link of me", "hyperlink", "https://example.test/berita"),
        ("@@", "hyperlink", "file:///C:/Users/@@/a.docx"),
        ("@@", "image", "http://example.test/@@.png"),
        ("@@", "aFChunk", "@@.html"),
        ("@@", "customXml", "../customXml/item1.xml"),
        ("@@", "printerSettings", "@@.bin"),
    )
    return marks.packed(entries)


def xlsx() -> bytes:
    marks = Marks()
    entries = _package(marks, "xl/workbook.xml", "application/vnd.@@")
    space = f'xmlns="{OOXML}/spreadsheetml/2006/main" {_SPACES}'
    entries["xl/workbook.xml"] = (
        f'{_HEAD}<workbook {space}><fileVersion appName="@@" lastEdited="@@" rupBuild="@@" codeName="@@"/>'
        '<fileSharing userName="@@" hashValue="@@"/><workbookPr codeName="@@"/><x15ac:absPath url="C:\\Users\\@@\\"/>'
        '<xr:revisionPtr documentId="@@"/><workbookProtection workbookPassword="@@"/><bookViews><workbookView'
        ' xr:uid="{@@}"/></bookViews><sheets><sheet name="Data" sheetId="1" r:id="sheet of me"/></sheets>'
        '<functionGroups><functionGroup name="@@"/></functionGroups><externalReferences><externalReference r:id="@@"/>'
        '</externalReferences><definedNames><definedName name="Jumlah">Data!$A$1</definedName>'
        '<definedName name="Luar" comment="@@" description="@@" help="@@" statusBar="@@" customMenu="@@">'
        '\'C:\\Users\\@@\\[a.xlsx]S\'!$A$1</definedName><definedName name="Web">WEBSERVICE("http://@@")</definedName>'
        '</definedNames><calcPr calcId="@@"/><customWorkbookViews><customWorkbookView name="@@" guid="{@@}"/>'
        '</customWorkbookViews><webPublishing css="@@"/><webPublishObjects><webPublishObject destinationFile="@@"'
        ' title="@@"/></webPublishObjects><smartTagTypes><smartTagType name="@@" url="@@"/></smartTagTypes>'
        '<extLst><ext uri="{@@}"><x15ac:thing name="@@">@@</x15ac:thing></ext></extLst></workbook>'
    )
    entries["xl/worksheets/sheet1.xml"] = (
        f'{_HEAD}<worksheet {space} xr:uid="{{@@}}"><sheetPr codeName="@@"/><customSheetViews><customSheetView'
        ' guid="{@@}"/></customSheetViews><sheetData><row r="1">'
        f'<c r="A1" t="inlineStr"><is><t>{SHOWN}</t></is></c><c r="B1"><f>SUM(1,2)+Jumlah</f><v>3</v></c>'
        "<c r=\"C1\"><f>'C:\\Users\\@@\\[Data.xlsx]S1'!A1</f><v>4</v></c>"
        '<c r="D1"><f>[1]@@!A1</f><v>5</v></c><c r="E1"><f>HYPERLINK("file:///home/@@/x","klik")</f><v>6</v></c>'
        '<c r="F1"><f>WEBSERVICE("http://example.test/@@")</f><v>7</v></c><c r="G1"><f>cmd|"/c @@"!A1</f><v>8</v></c>'
        '<c r="H1"><f>Luar+1</f><v>9</v></c><c r="I1"><f>@@(1)</f><v>10</v></c></row></sheetData>'
        '<sheetProtection password="@@" hashValue="@@" saltValue="@@" algorithmName="@@"/><protectedRanges>'
        '<protectedRange name="@@" securityDescriptor="O:WDG:WDD:@@"/></protectedRanges><scenarios><scenario name="@@"'
        ' user="@@" comment="@@"><inputCells r="A1"'
        ' val="@@"/></scenario></scenarios><dataConsolidate><dataRefs><dataRef'
        ' name="@@" r:id="@@"/></dataRefs></dataConsolidate><customProperties><customPr name="@@" r:id="@@"/>'
        '</customProperties><hyperlinks><hyperlink ref="A1" r:id="@@" display="@@" tooltip="@@" location="Data!A1"/>'
        '</hyperlinks><pageSetup orientation="portrait" r:id="@@"/><headerFooter><oddFooter>halaman</oddFooter>'
        '</headerFooter><cellSmartTags r="A1"><cellSmartTag type="1"><cellSmartTagPr key="@@" val="@@"/></cellSmartTag>'
        '</cellSmartTags><drawing r:id="drawing of me"/><legacyDrawing r:id="old drawing of me"/><oleObjects><oleObject'
        ' progId="@@" link="@@" shapeId="1"/></oleObjects><controls><control name="@@" shapeId="2"><controlPr'
        ' macro="@@"'
        ' altText="@@" linkedCell="@@"/></control></controls><webPublishItems><webPublishItem title="@@"'
        ' destinationFile="@@"/></webPublishItems></worksheet>'
    )
    entries["xl/drawings/drawing1.xml"] = (
        f'{_HEAD}<xdr:wsDr {_SPACES}><xdr:absoluteAnchor><xdr:sp macro="[0]!@@" textlink="@@"><xdr:nvSpPr><xdr:cNvPr'
        ' id="2" name="@@" descr="@@" title="@@"/></xdr:nvSpPr></xdr:sp></xdr:absoluteAnchor></xdr:wsDr>'
    )
    entries["xl/drawings/vmlDrawing1.vml"] = (
        f'<xml {_SPACES} xmlns:e="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit"/><v:shape id="@@"'
        ' alt="@@"><e:ClientData ObjectType="Note"><e:FmlaMacro>@@</e:FmlaMacro><e:FmlaLink>@@</e:FmlaLink><e:Accel>@@'
        "</e:Accel><e:Row>1</e:Row></e:ClientData></v:shape></xml>"
    )
    entries["xl/styles.xml"] = (
        f'{_HEAD}<styleSheet {space}><cellStyles><cellStyle name="@@" xfId="0" xr:uid="{{@@}}"/></cellStyles>'
        '<tableStyles defaultTableStyle="@@"><tableStyle name="@@"/></tableStyles></styleSheet>'
    )
    entries["xl/comments1.xml"] = (
        f'{_HEAD}<comments {space}><authors><author>@@</author></authors><commentList><comment ref="A1" authorId="0"'
        ' guid="{@@}" xr:uid="{@@}"><text><t>catatan</t></text></comment></commentList></comments>'
    )
    entries["xl/_rels/workbook.xml.rels"] = _relationships(
        ("sheet of me", "worksheet", "worksheets/sheet1.xml"),
        ("@@", "styles", "styles.xml"),
        ("@@", "externalLink", "externalLinks/externalLink1.xml"),
        ("@@", "connections", "connections.xml"),
    )
    entries["xl/worksheets/_rels/sheet1.xml.rels"] = _relationships(
        ("@@", "comments", "../comments1.xml"),
        ("drawing of me", "drawing", "../drawings/drawing1.xml"),
        ("old drawing of me", "vmlDrawing", "../drawings/vmlDrawing1.vml"),
        ("@@", "customProperty", "../customProperty1.bin"),
        ("@@", "hyperlink", "file:///C:/Users/@@/b.xlsx"),
    )
    entries["xl/externalLinks/externalLink1.xml"] = f"{_HEAD}<externalLink>@@</externalLink>"
    entries["xl/connections.xml"] = f'{_HEAD}<connections {space}><connection name="@@"/></connections>'
    entries["xl/customProperty1.bin"] = "@@"
    return marks.packed(entries)


def pptx() -> bytes:
    marks = Marks()
    entries = _package(marks, "ppt/presentation.xml", "application/vnd.@@")
    modern = f"{MS}/powerpoint/2018/8/main"
    entries["ppt/presentation.xml"] = (
        f'{_HEAD}<p:presentation {_SPACES}><p:sldIdLst><p:sldId id="256" r:id="slide of'
        ' me"/></p:sldIdLst><p:custShowLst>'
        '<p:custShow name="@@" id="0"/></p:custShowLst><p:modifyVerifier userId="@@" hashData="@@" saltData="@@"/>'
        '<p:custDataLst><p:custData r:id="@@"/><p:tags r:id="@@"/></p:custDataLst><p:extLst><p:ext'
        ' uri="{@@}"><p15:sldGuide'
        ' name="@@" userDrawn="1"/></p:ext><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}"><p14:sectionLst'
        f' xmlns:p14="{MS}/powerpoint/2010/main"><p14:section name="@@"'
        f' id="{{@@}}"/></p14:sectionLst></p:ext></p:extLst>'
        "</p:presentation>"
    )
    entries["ppt/slides/slide1.xml"] = (
        f'{_HEAD}<p:sld {_SPACES}><p:cSld name="@@"><p:spTree><p:sp><p:nvSpPr><p:cNvPr id="2" name="@@" descr="@@"'
        ' title="@@"><a:hlinkClick r:id="" action="ppaction://program?@@" tooltip="@@"><a:snd r:embed="@@" name="@@"/>'
        '</a:hlinkClick></p:cNvPr><p:nvPr><p:custDataLst><p:tags r:id="@@"/></p:custDataLst><a:videoFile r:link="@@"/>'
        '<p:extLst><p:ext uri="{@@}">@@</p:ext></p:extLst></p:nvPr></p:nvSpPr><p:spPr><a:custGeom><a:gdLst><a:gd'
        ' name="@@"'
        ' fmla="*/ @@ 1 2"/></a:gdLst></a:custGeom></p:spPr><p:txBody><a:p><a:pPr><a:buChar char="-"/></a:pPr><a:r>'
        f'<a:rPr lang="@@" altLang="@@" bmk="@@"/><a:t>{SHOWN}</a:t></a:r><a:fld id="{{@@}}"'
        ' type="@@"><a:t>1</a:t></a:fld>'
        '</a:p></p:txBody></p:sp><p:graphicFrame><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/'
        'presentationml/2006/ole"><p:oleObj name="@@" progId="@@" r:id="@@" spid="@@"/></a:graphicData></a:graphic>'
        '</p:graphicFrame><p:graphicFrame><a:graphic><a:graphicData uri="http://example.test/@@"><a:tbl><a:tblPr>'
        "<a:tableStyleId>{@@}</a:tableStyleId></a:tblPr></a:tbl></a:graphicData></a:graphic></p:graphicFrame></p:spTree>"
        '<p:controls><p:control name="@@" spid="@@" r:id="@@"/></p:controls></p:cSld><p:timing><p:cmd cmd="@@"'
        ' type="call"/><p:attrName>@@</p:attrName><p:strVal val="@@"/></p:timing></p:sld>'
    )
    entries["ppt/commentAuthors.xml"] = (
        f'{_HEAD}<p:cmAuthorLst {_SPACES}><p:cmAuthor id="0" name="@@" initials="@@"><p:extLst><p:ext'
        ' uri="{19B8F6BF-5375-455C-9EA6-DF929625EA0E}"><p15:presenceInfo userId="@@"'
        ' providerId="@@"/></p:ext></p:extLst>'
        "</p:cmAuthor></p:cmAuthorLst>"
    )
    entries["ppt/comments/comment1.xml"] = (
        f'{_HEAD}<p:cmLst {_SPACES}><p:cm authorId="0" dt="@@"><p:text>catatan</p:text></p:cm></p:cmLst>'
    )
    entries["ppt/authors.xml"] = (
        f'{_HEAD}<n:authorLst xmlns:n="{modern}"><n:author id="{{@@}}" name="@@" initials="@@" userId="@@"'
        ' providerId="@@"/></n:authorLst>'
    )
    entries["ppt/comments/modernComment_@@.xml".replace("@@", "1")] = (
        f'{_HEAD}<n:cmLst xmlns:n="{modern}" {_SPACES}><n:cm id="{{@@}}" authorId="{{@@}}" created="@@"'
        ' tags="@@"><n:txBody>'
        "<a:p><a:r><a:t>obrolan</a:t></a:r></a:p></n:txBody></n:cm></n:cmLst>"
    )
    entries["ppt/tableStyles.xml"] = (
        f'{_HEAD}<a:tblStyleLst {_SPACES} def="{{@@}}"><a:tblStyle styleId="{{@@}}" styleName="@@"/></a:tblStyleLst>'
    )
    entries["ppt/theme/theme1.xml"] = (
        f'{_HEAD}<a:theme {_SPACES} name="@@"><a:themeElements><a:clrScheme name="@@"/><a:fontScheme name="@@"/>'
        '<a:fmtScheme name="@@"/></a:themeElements><a:custClrLst><a:custClr name="@@"/></a:custClrLst></a:theme>'
    )
    entries["ppt/_rels/presentation.xml.rels"] = _relationships(
        ("slide of me", "slide", "slides/slide1.xml"),
        ("@@", "commentAuthors", "commentAuthors.xml"),
        ("@@", f"{MS}/2018/10/relationships/authors", "authors.xml"),
        ("@@", "tableStyles", "tableStyles.xml"),
        ("@@", "theme", "theme/theme1.xml"),
        ("@@", "tags", "tags/tag1.xml"),
    )
    entries["ppt/slides/_rels/slide1.xml.rels"] = _relationships(
        ("@@", "comments", "../comments/comment1.xml"),
        ("@@", f"{MS}/2018/10/relationships/comments", "../comments/modernComment_1.xml"),
        ("@@", "video", "file:///C:/Users/@@/a.mp4"),
    )
    entries["ppt/tags/tag1.xml"] = f'{_HEAD}<p:tagLst {_SPACES}><p:tag name="@@" val="@@"/></p:tagLst>'
    return marks.packed(entries)


_ODF_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space or name}:1.0"'
    for name, space in {
        **dict.fromkeys(("office", "text", "table", "style", "meta", "script", "form", "config", "chart"), ""),
        "number": "datastyle",
        "draw": "drawing",
        "svg": "svg-compatible",
        "fo": "xsl-fo-compatible",
        "presentation": "",
        "anim": "animation",
    }.items()
) + (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)
_ODF_TEXT = (
    '<office:annotation office:name="@@"><dc:creator>@@</dc:creator><dc:date>@@</dc:date><meta:creator-initials>@@'
    "</meta:creator-initials><text:p>catatan</text:p></office:annotation>"
    f'<text:p text:style-name="@@" xhtml:about="@@" xhtml:property="@@">{SHOWN}<text:bookmark text:name="@@"/>'
    '<text:a xlink:href="file:///home/@@/a.odt" office:name="@@" office:title="@@"'
    ' office:target-frame-name="@@">t</text:a>'
    '<text:file-name text:display="full">nama</text:file-name><text:user-defined text:name="@@" text:formula="@@">isi'
    '</text:user-defined><text:placeholder text:placeholder-type="text" text:description="@@">tempat</text:placeholder>'
    '<text:script script:language="@@" xlink:href="@@">@@</text:script><text:toc-mark text:string-value="@@"/>'
    '<text:hidden-text text:condition="@@" text:string-value="@@" text:is-hidden="true">x</text:hidden-text>'
    '<text:database-display text:database-name="@@" text:table-name="@@"'
    ' text:column-name="@@">b</text:database-display>'
    '<text:execute-macro text:name="@@"><office:event-listeners><script:event-listener xlink:href="@@"'
    ' script:event-name="@@"/></office:event-listeners>m</text:execute-macro></text:p>'
    '<draw:frame draw:name="@@" draw:style-name="@@" xml:id="@@"><draw:image xlink:href="Pictures/me.jpg"'
    ' draw:filter-name="@@"/><svg:title>@@</svg:title><svg:desc>@@</svg:desc><office:event-listeners>'
    '<script:event-listener xlink:href="@@"/></office:event-listeners></draw:frame>'
    '<draw:frame><draw:image xlink:href="http://example.test/@@"/></draw:frame><draw:frame><draw:object-ole'
    ' xlink:href="./Object 1" draw:class-id="@@"/></draw:frame><draw:frame><draw:plugin xlink:href="@@"'
    ' draw:mime-type="@@"/></draw:frame><draw:custom-shape><draw:enhanced-geometry draw:type="@@"><draw:equation'
    ' draw:name="@@" draw:formula="@@"/></draw:enhanced-geometry></draw:custom-shape>'
    '<text:section text:name="@@" text:protection-key="@@"><text:section-source xlink:href="@@" text:filter-name="@@"/>'
    '<text:p>bagian</text:p></text:section><text:user-field-decls><text:user-field-decl text:name="@@"'
    ' office:string-value="@@"/></text:user-field-decls>'
)
_ODF_TABLE = (
    '<table:content-validations><table:content-validation table:name="@@" table:condition="of:WEBSERVICE(@@)"/>'
    '</table:content-validations><table:table table:name="Data" table:protection-key="@@"><table:title>@@</table:title>'
    '<table:desc>@@</table:desc><office:forms form:apply-design-mode="@@"/><table:scenario table:comment="@@"/>'
    f'<table:table-row><table:table-cell office:value-type="string"><text:p>{SHOWN}</text:p></table:table-cell>'
    '<table:table-cell table:formula="of:=SUM(1;2)" office:value="3"><text:p>3</text:p></table:table-cell>'
    '<table:table-cell table:formula="of:=[\'file:///C:/Users/@@/a.ods\'#$S.A1]" office:value="4"><text:p>4</text:p>'
    '</table:table-cell><table:table-cell table:formula="of:=WEBSERVICE(&quot;http://@@&quot;)"><text:p>5</text:p>'
    '</table:table-cell><table:table-cell table:formula="of:=DDE(&quot;soffice&quot;;&quot;@@&quot;;&quot;A1&quot;)">'
    '<text:p>6</text:p></table:table-cell><table:table-cell table:formula="of:=Luar+1"><text:p>7</text:p>'
    "</table:table-cell></table:table-row></table:table><table:table table:name=\"'file:///home/@@/a.ods'#$S\">"
    '<table:table-source xlink:href="@@" table:table-name="@@"/></table:table><table:named-expressions>'
    '<table:named-expression table:name="Luar" table:expression="of:=[\'file:///home/@@/a.ods\'#$S.A1]"/>'
    '</table:named-expressions><table:database-ranges><table:database-range table:name="x"'
    ' table:target-range-address="D.A1">'
    '<table:database-source-sql table:database-name="@@" table:sql-statement="@@"/></table:database-range>'
    '</table:database-ranges><table:data-pilot-tables><table:data-pilot-table table:name="@@"'
    ' table:application-data="@@">'
    '<table:source-service table:name="@@" table:user-name="@@" table:password="@@"/></table:data-pilot-table>'
    '</table:data-pilot-tables><table:dde-links><table:dde-link><office:dde-source office:dde-application="@@"'
    ' office:dde-topic="@@" office:dde-item="@@"/></table:dde-link></table:dde-links>'
)


def odf(kind: str) -> bytes:
    marks = Marks()
    inside = {
        "text": _ODF_TEXT,
        "spreadsheet": _ODF_TABLE,
        "presentation": f'<draw:page draw:name="@@" presentation:user-transformed="@@">{_ODF_TEXT}</draw:page>'
        '<presentation:settings presentation:start-page="@@"><presentation:show presentation:name="@@"/>'
        "</presentation:settings>",
    }[kind]
    changes = (
        '<text:tracked-changes><text:changed-region text:id="@@"><text:insertion><office:change-info><dc:creator>@@'
        "</dc:creator><dc:date>@@</dc:date></office:change-info></text:insertion></text:changed-region>"
        "</text:tracked-changes>"
    )
    content = (
        f'{_HEAD}<office:document-content {_ODF_SPACES} office:version="1.3"><office:scripts><office:script'
        ' script:language="@@">@@</office:script></office:scripts><office:font-face-decls/><office:automatic-styles>'
        '<style:style style:name="@@" style:family="paragraph" style:parent-style-name="@@" style:display-name="@@"'
        ' style:master-page-name="@@"/></office:automatic-styles><office:body>'
        f"<office:{kind}>{changes if kind == 'text' else ''}{inside}</office:{kind}></office:body>"
        "</office:document-content>"
    )
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return marks.packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": content,
            "styles.xml": f'{_HEAD}<office:document-styles {_ODF_SPACES}><office:styles><style:style style:name="@@"'
            ' style:display-name="@@"/><draw:gradient draw:name="@@" draw:display-name="@@"/></office:styles>'
            "<office:master-styles><style:master-page"
            ' style:name="@@"><style:footer><text:p>kaki</text:p></style:footer>'
            "</style:master-page></office:master-styles></office:document-styles>",
            "meta.xml": f"{_HEAD}<office:document-meta {_ODF_SPACES}><office:meta><meta:initial-creator>@@"
            "</meta:initial-creator><meta:user-defined>@@</meta:user-defined></office:meta></office:document-meta>",
            "settings.xml": f"{_HEAD}<office:document-settings {_ODF_SPACES}><config:config-item"
            ' config:name="PrinterName">@@'
            "</config:config-item></office:document-settings>",
            "manifest.rdf": f"{_HEAD}<rdf>@@</rdf>",
            "Pictures/me.jpg": _picture(marks),
            "Configurations2/@@.xml".replace("@@", marks()): "<x>@@</x>",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}"><manifest:file-entry'
            ' manifest:full-path="content.xml" manifest:media-type="text/@@"/><manifest:file-entry'
            ' manifest:full-path="Pictures/me.jpg" manifest:media-type="image/@@"/></manifest:manifest>',
        }
    )
