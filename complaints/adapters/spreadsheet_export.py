"""Writes rows of text as CSV and XLSX bytes. No cell is ever a formula, which guards against CSV injection.

XLSX passes through temporary files of openpyxl, so it may hold clear columns only.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from openpyxl import Workbook

Row = Sequence[object]
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The characters that begin a formula; full-width and small forms are normalised to these before the comparison.
_FORMULA_STARTS: Final = frozenset("=+-@|%\N{MINUS SIGN}")
# Tab and line ends begin a new cell or row in some programs; XLSX forbids the other control characters.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def safe(value: object) -> str:
    """Return the text of a cell; an apostrophe is put before text that could be read as a formula."""
    text = _CONTROL.sub(" ", str(value))
    return f"'{text}" if _may_be_formula(text) else text


def _may_be_formula(text: str) -> bool:
    """Return whether the first visible character can begin a formula."""
    for letter in text:
        # Separators, control and format characters, and marks: spreadsheet programs drop many of them.
        if unicodedata.category(letter)[0] not in "ZCM":
            return unicodedata.normalize("NFKC", letter)[0] in _FORMULA_STARTS
    return False


def csv_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a CSV file line by line: UTF-8 with a byte order mark, as spreadsheet programs need; every cell quoted."""
    yield b"\xef\xbb\xbf"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe(value) for value in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def xlsx(sheets: Sequence[tuple[str, Iterable[Row]]], *, header: str, author: str) -> bytes:
    """Return a workbook of named sheets; ``header`` is printed on every page."""
    book = Workbook(write_only=True)
    book.properties.creator = author
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.oddHeader.center.text = header
        for row in rows:
            sheet.append([safe(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
