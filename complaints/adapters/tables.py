"""Rows of words to CSV and XLSX, as bytes. No cell is ever a formula: a spreadsheet would compute what a name begins.

Knows no models and no labels. XLSX passes through temporary files of openpyxl's, so it may hold clear columns only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from openpyxl import Workbook

Row = Sequence[object]
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What spreadsheets begin a formula with, in their wide forms as well, after whatever cannot be seen.
_FORMULA: Final = re.compile(r"^[\s\u00a0\u200b-\u200f\u2060\ufeff]*[=+\-@|%＝＋－＠]")
# Tab and line ends begin a new cell or row in some readers; the other control characters no sheet may hold.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def safe(value: object) -> str:
    """Return the words of a cell, as words: one that could be a formula gets an apostrophe before it."""
    text = _CONTROL.sub(" ", str(value))
    return f"'{text}" if _FORMULA.match(text) else text


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
