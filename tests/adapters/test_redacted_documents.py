"""Passages of a document are in no byte of its redacted copy, and nothing that nobody could mark is in it either."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from html import unescape
from pathlib import Path

import pytest

from complaints.adapters import sandbox
from complaints.adapters.media import blackout_passages, instructions, kinds
from complaints.adapters.media.passages import MOST_LETTERS
from complaints.domain import redaction
from complaints.domain.redaction import MOST_PASSAGES, Reason, Removed, Span
from tests.adapters import samples
from tests.adapters.test_office_copies import OFFICE, clean, texts

NAME, MARKER = "Rahmawati", "[dihilangkan: identitas]"
_NODE = re.compile(r">([^<>]+)<")
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def text_of(data: bytes, media_type: str) -> str:
    """Return the text that an officer marks, as the sandbox gives it."""
    with sandbox.hold([data], 10**9) as held, sandbox.run("read_text", held, media_type) as result:
        (part,) = result.parts
        return part.read().decode()


def without(data: bytes, media_type: str, *wanted: str) -> tuple[bytes, str]:
    """Return a copy without each place of some words, and what a body is told to read in it."""
    text = text_of(data, media_type)
    spans = [span for words in wanted for span in redaction.find_words(text, words, Reason.IDENTITY)]
    assert spans
    options = instructions.packed_passages(redaction.removed_in_cells(text, spans))
    with sandbox.hold([data], 10**9) as held, sandbox.run("redact", held, media_type, **options) as result:
        (part,) = result.parts
        assert part.type == media_type
        return part.read(), redaction.redact_cells(text, spans)


def nodes(copy: bytes) -> list[str]:
    """Return the texts between the tags of all parts."""
    return [unescape(node) for part in texts(copy).values() for node in _NODE.findall(part) if node.strip()]


@pytest.mark.parametrize("kind", OFFICE)
def test_a_redacted_copy_holds_no_text_that_was_not_shown_for_marking(kind: str) -> None:
    make, media_type = OFFICE[kind]
    copy = clean(make(), media_type)
    text = text_of(copy, media_type)
    data = io.BytesIO()
    blackout_passages.redact(io.BytesIO(copy), data, media_type, {})
    assert kinds.recognise_whole(data) == media_type
    assert text_of(data.getvalue(), media_type) == text
    unseen = {node for node in nodes(data.getvalue()) if node not in text}
    # Numbers of the layout, and the signs of formats of numbers and days.
    assert {node for node in unseen if len(node) > len("1980") and not node.isdigit()} <= {"1970-01-01T00:00:00"}
    names = zipfile.ZipFile(data).namelist()
    assert not [name for name in names if re.search("media|Pictures|chart|embed|comments|Object|drawing", name)]


@pytest.mark.parametrize("kind", OFFICE)
def test_each_word_can_be_removed_of_all_places(kind: str) -> None:
    make, media_type = OFFICE[kind]
    copy = clean(make(), media_type)
    for word in {"Netralitas", "kaki", "catatan"} & set(re.findall(r"\w+", text_of(copy, media_type))):
        data, reads = without(copy, media_type, word)
        assert MARKER in reads and word not in reads
        assert not [node for node in nodes(data) if word in node]
        assert " ".join(text_of(data, media_type).split()) == " ".join(reads.split())


def letter(*paragraphs: str) -> bytes:
    """A Word file with a header, a table, a text box in two ways, and a name that is cut into pieces."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    cells = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in (NAME, "Kepala Seksi"))
    pieces = "".join(f"<w:r><w:t>{piece}</w:t></w:r>" for piece in ("Yth. Rah", "ma", "wati, terima kasih"))
    box = f"<w:txbxContent><w:p><w:r><w:t>Kotak {NAME}</w:t></w:r></w:p></w:txbxContent>"
    shape = (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:inline><a:graphic><a:graphicData uri="http://'
        'schemas.microsoft.com/office/word/2010/wordprocessingShape"><wps:wsp><wps:txbx>'
        f"{box}</wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:inline></w:drawing></mc:Choice>"
        f'<mc:Fallback><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox>{box}</v:textbox></v:shape>'
        "</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/"
    spaces = (
        f'xmlns:w="{_W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:a="{drawing}main"'
        f' xmlns:wp="{drawing}wordprocessingDrawing"'
        ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    )
    return changed(
        "docx",
        "word/document.xml",
        f"<w:document {spaces}><w:body>{body}<w:tbl><w:tr>{cells}</w:tr></w:tbl><w:p>{pieces}</w:p><w:p>{shape}</w:p>"
        f"<w:p><w:del><w:r><w:delText>{NAME}</w:delText></w:r></w:del></w:p></w:body></w:document>",
    )


def changed(kind: str, part: str, content: str, **more: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(samples.SAMPLES[kind][1]())) as archive:
        entries: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return samples.packed({**entries, part: content, **more})


def test_a_name_in_pieces_in_a_table_and_in_a_text_box_is_gone(tmp_path: Path) -> None:
    """unzip finds no letter of it, and LibreOffice's reader, where there is one, shows the markers."""
    copy = clean(letter(f"Saya {NAME}.", "Rapat hari Senin."), kinds.DOCX)
    text = text_of(copy, kinds.DOCX)
    assert text.count(NAME) == 4, "the text box is shown once, though the file has it in two ways"
    data, reads = without(copy, kinds.DOCX, NAME)
    file = tmp_path / "a.docx"
    file.write_bytes(data)
    if shutil.which("unzip"):
        assert NAME.encode() not in subprocess.run(["unzip", "-p", file], check=True, capture_output=True).stdout
    plain = " ".join(nodes(data))
    assert NAME not in plain and "wati" not in plain and "Rah" not in plain
    for words in (f"Saya {MARKER}.", MARKER, f"Yth. {MARKER}, terima kasih", f"Kotak {MARKER}", "Rapat hari Senin."):
        assert words in reads
    assert plain.count(MARKER) == 4 and "Rapat hari Senin." in plain


def workbook() -> bytes:
    cells = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
        '<c r="C1"><v>198001012005011001</v></c></row>'
        '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2"><f>B1&amp;"x"</f><v>0</v></c><c r="C2" s="1"><v>46000</v></c>'
        f'<c r="D2" t="str"><f>CONCATENATE("{NAME}","!")</f><v>{NAME}!</v></c></row>'
    )
    shared = f'<sst xmlns="{_S}"><si><t>Nama</t></si><si><r><t>Rahma</t></r><r><t>wati</t></r></si></sst>'
    styles = (
        f'<styleSheet xmlns="{_S}"><numFmts count="1">'
        f'<numFmt numFmtId="170" formatCode="&quot;{NAME}&quot;0"/></numFmts>'
        '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    )
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{relation}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(
            [("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")],
            1,
        )
    )
    book = (
        f'<workbook xmlns="{_S}" xmlns:r="{relation}"><sheets>'
        f'<sheet name="Data {NAME}" sheetId="1" r:id="rId1"/></sheets>'
        f'<definedNames><definedName name="{NAME}">Sheet1!$A$1</definedName></definedNames></workbook>'
    )
    return changed(
        "xlsx",
        "xl/workbook.xml",
        book,
        **{
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">{rows}</Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_S}"><sheetData>{cells}</sheetData>'
            '<dataValidations count="1">'
            f'<dataValidation type="list" sqref="A1"><formula1>"{NAME},x"</formula1></dataValidation></dataValidations>'
            "</worksheet>",
            "xl/sharedStrings.xml": shared,
            "xl/styles.xml": styles,
        },
    )


def test_cells_go_as_texts_and_as_whole_numbers_and_no_formula_repeats_them() -> None:
    copy = clean(workbook(), kinds.XLSX)
    text = text_of(copy, kinds.XLSX)
    assert text == f"Data {NAME}\nNama\t{NAME}\t198001012005011001\n{NAME}\t0\t09-12-2025\t{NAME}!\n"
    data, reads = without(copy, kinds.XLSX, NAME, "198001012005011001", "09-12-2025")
    assert reads == f"Data {MARKER}\nNama\t{MARKER}\t{MARKER}\n{MARKER}\t0\t{MARKER}\t{MARKER}!\n"
    parts = texts(data)
    every = "".join(parts.values())
    for gone in (NAME, "wati", "19800101", "46000", "CONCATENATE", "dataValidation", "definedName"):
        assert gone not in every
    assert not any("sharedStrings" in name for name in parts)
    assert '<c r="C1" t="str"><v>[dihilangkan: identitas]</v></c>' in parts["xl/worksheets/sheet1.xml"]
    # One cell of two with the same text: the other stays, and the page says that the word is still there.
    start = text.index(NAME, text.index("Nama"))
    run = Removed(start, start + len(NAME), (Reason.IDENTITY,))
    out = io.BytesIO()
    blackout_passages.redact(io.BytesIO(copy), out, kinds.XLSX, instructions.packed_passages([run]))
    sheet = texts(out.getvalue())["xl/worksheets/sheet1.xml"]
    assert f'<c r="B1" t="str"><v>{MARKER}</v></c>' in sheet and f'<c r="A2" t="str"><v>{NAME}</v></c>' in sheet


def test_plain_texts_lose_passages_and_those_that_hide_something_are_refused() -> None:
    data, reads = without(f"Dari: {NAME}\r\nRapat Senin.\r\n".encode("utf-16"), "text/plain", NAME)
    assert data.decode() == reads == f"Dari: {MARKER}\nRapat Senin.\n"
    packed = b"Content-Transfer-Encoding: base64\n\nUmFobWF3YXRp\n"
    for content, code in ((packed, "unsupported"), (b"a" * (4 * MOST_LETTERS + 1), "too_large")):
        with pytest.raises(sandbox.JobFailed) as failed:
            text_of(content, "text/plain")
        assert failed.value.code == code


def test_a_document_that_nobody_would_read_through_is_refused() -> None:
    copy = clean(letter(*["kata " * 1_000] * 13), kinds.DOCX)
    with pytest.raises(sandbox.JobFailed) as failed:
        text_of(copy, kinds.DOCX)
    assert failed.value.code == "too_large"


def test_as_many_passages_as_a_form_takes_reach_the_sandbox() -> None:
    words = [f"nama{number:03}" for number in range(MOST_PASSAGES)]
    data, reads = without("\n".join([*words, "tetap"]).encode(), "text/plain", *words)
    assert data.decode() == reads
    assert reads.count(MARKER) == MOST_PASSAGES and reads.endswith("tetap")
    runs = [Removed(2**17 - 2, 2**17 - 1, tuple(Reason)), Removed(0, 1, (Reason.NOT_RELEVANT,))] * 150
    assert instructions.passages_of({"limit": 20, **instructions.packed_passages(runs)}) == runs


def test_each_line_and_cell_has_a_marker_of_its_own() -> None:
    text = "Saya Rahmawati\ndan Budi\tSetia\nSelesai."
    assert redaction.redact_cells(text, [Span(5, 28, Reason.IDENTITY)]) == (
        f"Saya {MARKER}\n{MARKER}\t{MARKER}\nSelesai."
    )
    with pytest.raises(redaction.NothingLeft):
        redaction.redact_cells(text, [Span(0, len(text), Reason.IDENTITY)])
