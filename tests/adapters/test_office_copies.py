"""Copies of office documents hold what their lists name, and nothing else.

What an allow-list drops too much is as bad: people must see in the copy what they see in the original.
"""

import io
import re
import zipfile
from importlib import import_module

import pytest

from complaints.adapters.media import documents, formulas, kinds, markup, odf, odf_rules, ooxml, vocabulary
from complaints.adapters.media.refusal import Unreadable
from tests.adapters import poison, samples
from tests.adapters.samples import MARK, SAMPLES, SHOWN

OFFICE = {
    "docx": (poison.docx, kinds.DOCX),
    "xlsx": (poison.xlsx, kinds.XLSX),
    "pptx": (poison.pptx, kinds.PPTX),
    "odt": (lambda: poison.odf("text"), kinds.ODF + "text"),
    "ods": (lambda: poison.odf("spreadsheet"), kinds.ODF + "spreadsheet"),
    "odp": (lambda: poison.odf("presentation"), kinds.ODF + "presentation"),
}


def clean(data: bytes, media_type: str) -> bytes:
    out = io.BytesIO()
    import_module(f"complaints.adapters.media.{kinds.family(media_type)}").clean(io.BytesIO(data), out, media_type)
    return out.getvalue()


def texts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


def changed(kind: str, part: str, old: str, new: str, **more: str | bytes) -> bytes:
    """A sample document in which one part was changed, and parts were added."""
    with zipfile.ZipFile(io.BytesIO(SAMPLES[kind][1]())) as archive:
        entries: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
        text = archive.read(part).decode()
    assert old in text
    return samples.packed({**entries, part: text.replace(old, new), **more})


# --- Marks


@pytest.mark.parametrize("kind", OFFICE)
def test_no_string_of_a_poisoned_document_is_left(kind: str) -> None:
    make, media_type = OFFICE[kind]
    original = make()
    assert len(poison.marks_in(original)) > 200
    copy = clean(original, media_type)
    assert poison.marks_in(copy) == set()
    assert kinds.recognise_whole(io.BytesIO(copy)) == media_type


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("docx", [SHOWN, "dalam tag", "dalam xml", "pilihan", "tambahan", "catatan", "cadangan", "kepala"]),
        ("xlsx", [SHOWN, "catatan", "halaman", "SUM(1,2)+Jumlah", *(f"<v>{value}</v>" for value in range(3, 11))]),
        ("pptx", [SHOWN, "catatan", "obrolan"]),
        ("odt", [SHOWN, "catatan", "nama", "isi", "tempat", "bagian", "kaki"]),
        ("ods", [SHOWN, "of:=SUM(1;2)", *(f"<text:p>{value}</text:p>" for value in range(3, 8))]),
        ("odp", [SHOWN, "catatan", "kaki"]),
    ],
)
def test_what_people_see_of_a_poisoned_document_stays(kind: str, shown: list[str]) -> None:
    make, media_type = OFFICE[kind]
    copy = "".join(texts(clean(make(), media_type)).values())
    assert [word for word in shown if word not in copy] == []


# --- Cases: people, folders, requests


def test_people_have_one_alias_and_no_account() -> None:
    """PowerPoint writes each author again into an extension: the name, or the account in the domain."""
    presence = (
        '<p:extLst><p:ext uri="{19B8F6BF-5375-455C-9EA6-DF929625EA0E}"><p15:presenceInfo'
        ' xmlns:p15="http://schemas.microsoft.com/office/powerpoint/2012/main" userId="S-1-5-21-77" providerId="AD"/>'
        "</p:ext></p:extLst>"
    )
    old = f'<p:cmAuthor id="0" name="{MARK}" initials="{MARK}"/>'
    new = f'<p:cmAuthor id="0" name="{MARK}" initials="{MARK}">{presence}</p:cmAuthor>'
    original = changed("pptx", "ppt/commentAuthors.xml", old, new)
    assert "people" in documents.inspect(io.BytesIO(original), kinds.PPTX)
    authors = texts(clean(original, kinds.PPTX))["ppt/commentAuthors.xml"]
    assert 'name="Author 1"' in authors
    assert "S-1-5-21" not in authors
    assert "presenceInfo" not in authors


def test_holders_of_permissions_and_scenarios_are_not_named() -> None:
    permission = '<w:p><w:permStart w:id="1" w:edGrp="none" w:ed="DINAS\\budi"/><w:r><w:t>teks</w:t></w:r></w:p><w:p '
    word = changed("docx", "word/document.xml", "<w:p ", permission)
    assert "people" in documents.inspect(io.BytesIO(word), kinds.DOCX)
    assert "budi" not in "".join(texts(clean(word, kinds.DOCX)).values())
    scenario = (
        '<scenarios><scenario name="a" user="budi" comment="budi"><inputCells r="A1" val="1"/></scenario></scenarios>'
        '<protectedRanges><protectedRange name="a" sqref="A1" securityDescriptor="O:WDG:WDD:budi"/></protectedRanges>'
    )
    table = changed("xlsx", "xl/worksheets/sheet1.xml", "<pageSetup", scenario + "<pageSetup")
    assert "people" in documents.inspect(io.BytesIO(table), kinds.XLSX)
    assert "budi" not in "".join(texts(clean(table, kinds.XLSX)).values())


def test_a_formula_with_a_folder_leaves_its_value() -> None:
    path = "['file:///home/budi/Data.xlsx']S1!A1"
    table = changed("xlsx", "xl/worksheets/sheet1.xml", "<f>SUM(1,2)</f>", f"<f>{path}</f>")
    assert "path" in documents.inspect(io.BytesIO(table), kinds.XLSX)
    assert '<c r="B1"><v>3</v></c>' in texts(clean(table, kinds.XLSX))["xl/worksheets/sheet1.xml"]


def test_open_tables_keep_values_and_lose_what_calls_out() -> None:
    for formula, codes in (
        ("of:=WEBSERVICE(&quot;http://example.test/&quot;)", {"remote"}),
        ("of:=['file:///C:/Users/budi/a.ods'#$Sheet1.A1]", {"path"}),
        ("of:=DDE(&quot;soffice&quot;;&quot;a&quot;;&quot;b&quot;)", {"remote"}),
    ):
        spaces = 'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        cell = (
            f'<table:table-cell {spaces} table:formula="{formula}" office:value="5"><text:p>5</text:p>'
            "</table:table-cell><text:p>"
        )
        table = changed("ods", "content.xml", "<text:p>", cell)
        assert codes <= documents.inspect(io.BytesIO(table), kinds.ODF + "spreadsheet")
        content = texts(clean(table, kinds.ODF + "spreadsheet"))["content.xml"]
        assert "formula" not in content
        assert 'office:value="5"' in content
        assert "<text:p>5</text:p>" in content


def test_names_and_descriptions_of_pictures_go() -> None:
    named = '<draw:frame draw:name="C:\\Users\\budi\\foto.jpg">'
    described = '<svg:desc xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0">budi</svg:desc>'
    original = changed("odt", "content.xml", "<draw:frame>", named + described)
    assert "budi" not in "".join(texts(clean(original, SAMPLES["odt"][0])).values())


def test_changes_keep_their_place_and_lose_their_day() -> None:
    """LibreOffice puts a deleted text in front of the document where its change has no date."""
    change = (
        '<text:tracked-changes><text:changed-region text:id="ct1"><text:deletion><office:change-info>'
        "<dc:creator>budi</dc:creator><dc:date>2026-11-03T10:11:12</dc:date></office:change-info><text:p>hapus</text:p>"
        '</text:deletion></text:changed-region></text:tracked-changes><text:p>a<text:change text:change-id="ct1"/>'
        "</text:p><text:p>"
    )
    content = texts(clean(changed("odt", "content.xml", "<text:p>", change), SAMPLES["odt"][0]))["content.xml"]
    assert "<dc:creator>Author 2</dc:creator><dc:date>1970-01-01T00:00:00</dc:date></office:change-info>" in content
    assert "2026" not in content


def test_comments_on_slides_of_libreoffice_are_kept() -> None:
    """It writes them in a namespace of its own."""
    comment = (
        '<draw:page><o:annotation xmlns:o="http://openoffice.org/2009/office"><dc:creator>budi</dc:creator>'
        "<dc:date>2026-11-03</dc:date><text:p>komentar</text:p></o:annotation></draw:page><text:p>"
    )
    content = texts(clean(changed("odp", "content.xml", "<text:p>", comment), SAMPLES["odp"][0]))["content.xml"]
    assert "<dc:creator>Author 2</dc:creator><text:p>komentar</text:p>" in content
    assert "2026" not in content
    assert "budi" not in content


def test_links_of_open_documents_to_files_are_told_and_gone() -> None:
    for target, codes, lost in (
        ("../C:/Users/budi/a.odt", {"path"}, {"links"}),
        ("file:///home/budi/a.odt", {"path"}, {"links"}),
        ("https://example.test/a", set(), set()),
        ("#bagian", set(), set()),
    ):
        original = changed("odt", "content.xml", "<text:p>", f'<text:p><text:a xlink:href="{target}">a</text:a>')
        assert documents.inspect(io.BytesIO(original), SAMPLES["odt"][0]) & {"path"} == codes
        copy, found = io.BytesIO(), set[str]()
        odf.clean(io.BytesIO(original), copy, SAMPLES["odt"][0], found)
        assert found & {"links"} == lost
        assert "budi" not in texts(copy.getvalue())["content.xml"]


@pytest.mark.parametrize(
    ("instruction", "is_told"), [('HYPERLINK "https://x.com/a"', True), ('HYPERLINK \\l "b"', False)]
)
def test_an_address_in_a_field_is_told(instruction: str, is_told: bool) -> None:
    quoted = instruction.replace('"', "&quot;")
    run = f"<w:r><w:instrText> {quoted} </w:instrText></w:r>"
    for field in (f'<w:fldSimple w:instr="{quoted}"><w:r><w:t>b</w:t></w:r></w:fldSimple>', run):
        copy, lost = io.BytesIO(), set[str]()
        word = changed("docx", "word/document.xml", "<w:p ", f"<w:p>{field}</w:p><w:p ")
        ooxml.clean(io.BytesIO(word), copy, kinds.DOCX, lost)
        assert ("links" in lost) is is_told
        assert "HYPERLINK" not in "".join(texts(copy.getvalue()).values())


@pytest.mark.parametrize(
    "target", ["file:///C:/Users/budi/a.docx", "../../../C:/Users/budi/a.docx", "..%2Fa/b.docx", "a.docx"]
)
def test_links_to_files_are_told_and_gone(target: str) -> None:
    link = f'<Relationship Id="rId77" Type="{samples._REL}/hyperlink" TargetMode="External" Target="{target}"/></Rel'
    word = changed("docx", "word/_rels/document.xml.rels", "</Rel", link)
    assert "path" in documents.inspect(io.BytesIO(word), kinds.DOCX)
    copy, lost = io.BytesIO(), set[str]()
    ooxml.clean(io.BytesIO(word), copy, kinds.DOCX, lost)
    assert "links" in lost
    assert target not in "".join(texts(copy.getvalue()).values())


def test_fields_of_headers_that_nobody_filled_in_stay_empty() -> None:
    space = "urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"
    fields = "<text:title>???</text:title><text:date>00.00.0000</text:date><text:date>1 Mei</text:date>"
    control = f'<loext:content-control xmlns:loext="{space}" loext:alias="budi">isi</loext:content-control>'
    original = changed("ods", "content.xml", "<text:p>", f"<text:p>{fields} {control}</text:p><text:p>")
    content = texts(clean(original, kinds.ODF + "spreadsheet"))["content.xml"]
    assert "<text:p>1 Mei isi</text:p>" in content
    assert "budi" not in content


def test_openoffices_own_document_types_are_read() -> None:
    """Versions 1 to 3 wrote them into every manifest and formula; their definitions are never loaded."""
    doctype = '<!DOCTYPE manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd">'
    original = changed("odt", "META-INF/manifest.xml", "<manifest:manifest", f"{doctype}<manifest:manifest")
    assert SHOWN in texts(clean(original, SAMPLES["odt"][0]))["content.xml"]
    for other in (doctype.replace("OpenOffice.org", "Other"), doctype[:-1] + ' [<!ENTITY a "b">]>'):
        hostile = changed("odt", "META-INF/manifest.xml", "<manifest:manifest", f"{other}<manifest:manifest")
        with pytest.raises(Unreadable):
            clean(hostile, SAMPLES["odt"][0])


def test_names_of_parts_compare_without_case() -> None:
    with zipfile.ZipFile(io.BytesIO(samples.docx())) as archive:
        entries = {name.lower(): archive.read(name) for name in archive.namelist()}
    # Some programs on Windows write the names with backslashes.
    backward = {name.replace("/", "\\"): data for name, data in entries.items()}
    for odd in (samples.packed(entries), samples.packed({"word\\": b"", **backward})):
        assert kinds.recognise_whole(io.BytesIO(odd)) == kinds.DOCX
        assert SHOWN in texts(clean(odd, kinds.DOCX))["word/document.xml"]


def test_strict_documents_and_other_prefixes_are_read() -> None:
    text = samples.docx()
    with zipfile.ZipFile(io.BytesIO(text)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    main = entries["word/document.xml"].decode()
    strict = main.replace(
        f"{poison.OOXML}/wordprocessingml/2006/main", "http://purl.oclc.org/ooxml/wordprocessingml/main"
    )
    renamed = re.sub(r"(</?|\s|xmlns:)w:", r"\1budi:", main).replace("xmlns:w=", "xmlns:budi=")
    for document in (strict, renamed):
        assert document != main
        copy = texts(clean(samples.packed({**entries, "word/document.xml": document}), kinds.DOCX))
        assert SHOWN in copy["word/document.xml"]
        assert "budi" not in copy["word/document.xml"]


def test_styles_of_programs_keep_their_names_and_others_get_aliases() -> None:
    words = vocabulary.load("ooxml")
    for name in ("heading 1", "Heading1", "List Bullet 2", "TableGrid", "Body Text", "Hyperlink", "toc 1"):
        assert words.is_builtin_style(name)
    for name in ("Kop Surat Budi", "GayaDinas", "Budi1"):
        assert not words.is_builtin_style(name)
    for value in ("12.5pt", "-3", "FFAA00", "auto", "A1:B20", "none solid 3pt", "50%", ""):
        assert words.is_plain(value)
    for value in ("Budi", "budi.santoso", "DINAS\\budi", "2026-03-01T10:11:12Z", "C:/x", MARK):
        assert not words.is_plain(value)


# --- Formulas


@pytest.mark.parametrize(
    ("formula", "kept"),
    [
        ("SUM(A1:B2)*2", True),
        ('IF(ISERROR(VLOOKUP(A1,\'Data 2026\'!$A:$B,2,0)),"","ya")', True),
        ("Table1[[#This Row],[Nilai]]/100", True),
        ("_xlfn.XLOOKUP(A1,B:B,C:C)", True),
        ("{1,2;3,4}", True),
        ("Sheet1!#REF!+1E+3", True),
        ("[1]Sheet1!A1", False),
        ("'C:\\Users\\Budi\\[Data.xlsx]S1'!A1", False),
        ('HYPERLINK("file:///C:/a")', False),
        ('"x"&"C:\\Users\\budi"', False),
        ("cmd|'/c calc'!A1", False),
        ("Hitung(1)", False),
        ('INDIRECT("a"&"b")', False),
        ('CELL("filename")', False),
        ("hilang+1", False),
    ],
)
def test_formulas_that_only_calculate_are_kept(formula: str, kept: bool) -> None:
    assert formulas.only_calculates(formula, lost=frozenset({"hilang"})) is kept


@pytest.mark.parametrize(
    ("formula", "kept"),
    [
        ("=SUM([.A1:.B2])", True),
        ("=[$'Lembar 1'.$A$1]+[.B1]", True),
        ('=IF([.A1]="#";"a";[.B1])', True),
        ("=COM.MICROSOFT.IFS([.A1]>1;2)", True),
        ("=['file:///C:/Users/budi/a.ods'#$Sheet1.A1]", False),
        ('=COM.MICROSOFT.WEBSERVICE("http://example.test")', False),
        ('=DDE("soffice";"a";"b")', False),
    ],
)
def test_formulas_of_opendocument_are_judged_alike(formula: str, kept: bool) -> None:
    assert formulas.only_calculates(formula, odf=True) is kept


# --- The lists


@pytest.mark.parametrize("family", ["ooxml", "odf"])
def test_the_lists_name_nobody(family: str) -> None:
    words = vocabulary.load(family)
    for uri, space in words.spaces.items():
        assert uri == space.uri
        named = {
            "author",
            "lastModifiedBy",
            "presenceInfo",
            "permStart",
            "fileSharing",
            "creationId",
            "absPath",
            "rsid",
        }
        assert not (named - {"author"}) & space.elements
        assert not {"rsidR", "paraId", "descr", "userName", "securityDescriptor", "codeName"} & space.attributes
    assert len(words.values) > 500


def test_a_prefix_means_one_namespace_in_a_copy() -> None:
    out = io.BytesIO()
    rules = markup.Rules(vocabulary=vocabulary.load("ooxml"))
    space = f"{poison.OOXML}/wordprocessingml/2006/main"
    other = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    text = f'<a:document xmlns:a="{space}"><b:p xmlns:b="{other}"/><c:p xmlns:c="{space}"><p/></c:p></a:document>'
    assert markup.rewrite(io.BytesIO(text.encode()), out, rules, markup.Allowance(100))
    assert out.getvalue().endswith(f'<w:document xmlns:w="{space}"><w:p/></w:document>'.encode())


@pytest.mark.parametrize(
    "value", ["A1" * 100_000, "'" * 200_001, ".AAA1111111" * 5_000 + "!", "a:" * 100_000 + "?b?", "a" * 200_000]
)
def test_long_values_are_judged_at_once(value: str) -> None:
    """No expression tries the ways to read a value one by one: these would keep it busy for days."""
    formulas.only_calculates(f"{value}(", odf=True)
    values = odf_rules.Values(vocabulary.load("odf"))
    values.attribute("table:table-cell", "table:formula", value, {})
    assert values.attribute("table:table", "table:cell-range-address", value, {}) is None
    assert vocabulary.load("ooxml").is_builtin_style("x" + value) is False
