"""The kinds of parts that Word, Excel and PowerPoint files show, with their names and types in a copy."""

from __future__ import annotations

import re
from typing import Final

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
# By the type of the relationship: those of ECMA-376, where "{}" is the format of the document.
_STANDARD: Final = {
    **dict.fromkeys(
        (
            *("styles", "numbering", "settings", "fontTable", "header", "footer", "footnotes", "endnotes", "comments"),
            *("worksheet", "chartsheet", "sharedStrings", "sheetMetadata", "table", "pivotTable"),
            *("pivotCacheDefinition", "pivotCacheRecords", "slideMaster", "slideLayout", "slide", "notesMaster"),
            *("notesSlide", "handoutMaster", "tableStyles", "commentAuthors"),
        ),
        "{format}.{kind}+xml",
    ),
    "theme": "theme+xml",
    "themeOverride": "themeOverride+xml",
    "drawing": "drawing+xml",
    "chart": "drawingml.chart+xml",
    "chartUserShapes": "drawingml.chartshapes+xml",
    "diagramData": "drawingml.diagramData+xml",
    "diagramLayout": "drawingml.diagramLayout+xml",
    "diagramQuickStyle": "drawingml.diagramStyle+xml",
    "diagramColors": "drawingml.diagramColors+xml",
    "vmlDrawing": "vmlDrawing",
    "image": "",
    "officeDocument": "",
}
_BASES: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/",
    "http://purl.oclc.org/ooxml/officeDocument/relationships/",
)
_MICROSOFT: Final = {
    "http://schemas.microsoft.com/office/2014/relationships/chartEx": "application/vnd.ms-office.chartex+xml",
    "http://schemas.microsoft.com/office/2007/relationships/diagramDrawing": (
        "application/vnd.ms-office.drawingml.diagramDrawing+xml"
    ),
    "http://schemas.microsoft.com/office/2018/10/relationships/comments": "application/vnd.ms-powerpoint.comments+xml",
    "http://schemas.microsoft.com/office/2018/10/relationships/authors": "application/vnd.ms-powerpoint.authors+xml",
}
HYPERLINKS: Final = frozenset(f"{base}hyperlink" for base in _BASES)
MAINS: Final = {"word": "word/document.xml", "xl": "xl/workbook.xml", "ppt": "ppt/presentation.xml"}
_FORMATS: Final = {"word": "wordprocessingml", "xl": "spreadsheetml", "ppt": "presentationml"}
_MAIN_KINDS: Final = {"word": "document", "xl": "sheet", "ppt": "presentation"}
_PICTURES: Final = {
    b"\xff\xd8": ("jpeg", "image/jpeg"),
    b"\x89PNG": ("png", "image/png"),
    b"GIF8": ("gif", "image/gif"),
    b"II*\x00": ("tiff", "image/tiff"),
    b"MM\x00*": ("tiff", "image/tiff"),
    b"BM": ("bmp", "image/bmp"),
    b"\x01\x00\x00\x00": ("emf", "image/x-emf"),
    b"\xd7\xcd\xc6\x9a": ("wmf", "image/x-wmf"),
    b"\x01\x00\x09\x00": ("wmf", "image/x-wmf"),
    b"\x02\x00\x09\x00": ("wmf", "image/x-wmf"),
}
# Names that the programs give to parts; another name may say something.
_USUAL: Final = re.compile(
    r"(word|xl|ppt)/((theme|media|charts|diagrams|drawings|worksheets|chartsheets|tables|pivotTables|pivotCache|slides"
    r"|slideLayouts|slideMasters|notesSlides|notesMasters|handoutMasters|comments|externalLinks)/)?"
    r"(styles|numbering|settings|fontTable|theme|themeOverride|header|footer|footnotes|endnotes|comments?|sheet|metadata"
    r"|sharedStrings|drawing|vmlDrawing|table|pivotTable|pivotCacheDefinition|pivotCacheRecords|slide|slideLayout"
    r"|slideMaster|notesSlide|notesMaster|handoutMaster|tableStyles|commentAuthors|authors|chart|chartEx|data|layout"
    r"|quickStyles?|colors|image)\d{0,6}\.(xml|vml)"
)


def content_type(relationship: str, root: str) -> str | None:
    """Return the type of a part that is shown, by the type of its relationship; None for others, "" for pictures.

    ``root`` is the folder of the document's format: "word", "xl" or "ppt".
    """
    if relationship in _MICROSOFT:
        return _MICROSOFT[relationship]
    base, _, kind = relationship.rpartition("/")
    if f"{base}/" not in _BASES or kind not in _STANDARD:
        return None
    if kind == "officeDocument":
        return f"{_OFFICE}{_FORMATS[root]}.{_MAIN_KINDS[root]}.main+xml"
    suffix = _STANDARD[kind].format(format=_FORMATS[root], kind=kind)
    return _OFFICE + suffix if suffix else ""


def picture_type(data: bytes) -> tuple[str, str]:
    """Return ending and media type of a picture that ``pieces`` has made."""
    return next(media_type for magic, media_type in _PICTURES.items() if data.startswith(magic))


def new_name(part: str, number: int, root: str, ending: str) -> str:
    """Return the name of a part in the copy: its own where programs give such names, else one of its number."""
    if part == MAINS[root] or (ending in {"xml", "vml"} and _USUAL.fullmatch(part)):
        return part
    return f"{root}/{'parts/part' if ending in {'xml', 'vml'} else 'media/image'}{number}.{ending}"
