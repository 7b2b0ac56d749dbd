"""Rows of words to CSV and XLSX, as bytes. No cell is ever a formula: a spreadsheet would compute what a name begins.

Knows no models and no labels. XLSX passes through temporary files of openpyxl's, so it may hold clear columns only.
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
# What spreadsheets begin a formula with; wide and small forms are brought to these first.
_BEGINS: Final = frozenset("=+-@|%\N{MINUS SIGN}")
# Tab and line ends begin a new cell or row in some readers; the other control characters no sheet may hold.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def safe(value: object) -> str:
    """Return the words of a cell, as words: one that could be a formula gets an apostrophe before it."""
    text = _CONTROL.sub(" ", str(value))
    return f"'{text}" if _may_compute(text) else text


def _may_compute(text: str) -> bool:
    """Whether a text begins, after whatever cannot be seen, as a formula does."""
    for letter in text:
        # Separators, controls, formats and marks: readers drop many of them before they look at a cell.
        if unicodedata.category(letter)[0] not in "ZCM":
            return unicodedata.normalize("NFKC", letter)[0] in _BEGINS
    return False


def csv_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a CSV file line by line: UTF-8 with its mark, so that spreadsheets read it as such; every cell quoted."""
    yield b"\xef\xbb\xbf"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe(value) for value in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def xlsx(sheets: Sequence[tuple[str, Iterable[Row]]], *, header: str, author: str) -> bytes:
    """Return a workbook of named sheets; ``header`` stands on every printed page."""
    book = Workbook(write_only=True)
    book.properties.creator = author
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.oddHeader.center.text = header
        for row in rows:
            sheet.append([safe(value) for value in row])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
