"""Reads the tables that an officer uploads, CSV or XLSX, into rows of text in memory. Nothing in them is computed.

A workbook passes the checks of adapters.media.zips, then a streaming reader; formulas are refused because their value
depends on the program that opens them.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Final

from openpyxl import load_workbook

from complaints.adapters.media.refusal import Unreadable
from complaints.adapters.media.zips import opened

MAX_BYTES: Final = 1024 * 1024
MAX_UNPACKED_BYTES: Final = 20 * 1024 * 1024
MAX_COLUMNS: Final = 40
MAX_CELL: Final = 8_000
# The XML parsers that openpyxl may use raise subclasses of SyntaxError; zipfile and zlib have their own errors.
_FAILURES: Final = (
    Unreadable, zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError, OSError, EOFError,
)  # fmt: skip


class BadTable(Exception):  # noqa: N818  shown to an officer, not a fault of the program
    """A file is no usable table.

    ``code`` is the reason: "too_large", "damaged", "encoding", "rows", "cell", "formula" or "number". ``row`` counts
    from 1 with the header; 0 where the reason is not in a single row.
    """

    def __init__(self, code: str, row: int = 0) -> None:
        super().__init__(code)
        self.code, self.row = code, row


def read(data: bytes, *, most_rows: int) -> list[list[str]]:
    """Return the rows of a table, the header first, as text; dates in ISO 8601.

    Raises BadTable: too large, damaged, more than ``most_rows`` below the header, a formula, a cell too long.
    """
    if len(data) > MAX_BYTES:
        raise BadTable("too_large")
    parsed = _xlsx_rows(data, most_rows) if data.startswith(b"PK") else _csv_rows(data)
    rows: list[list[str]] = []
    for number, row in enumerate(parsed, start=1):
        if number > most_rows + 1 and any(row):
            raise BadTable("rows", number)
        if len(row) > MAX_COLUMNS or any(len(cell) > MAX_CELL for cell in row):
            raise BadTable("cell", number)
        rows.append(row)
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _csv_rows(data: bytes) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadTable("encoding") from None
    if "\0" in text:
        raise BadTable("damaged")
    first = text.split("\n", 1)[0]
    # Spreadsheet programs with Indonesian settings write semicolons.
    delimiter = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield [cell.strip() for cell in row]
    except csv.Error:
        raise BadTable("damaged") from None


def _xlsx_rows(data: bytes, most_rows: int) -> Iterable[list[str]]:
    try:
        with opened(io.BytesIO(data)) as archive:
            if sum(archive.size(name) for name in archive) > MAX_UNPACKED_BYTES:
                raise BadTable("too_large")
        with warnings.catch_warnings():
            # openpyxl's warnings would print unknown parts of the file on stderr.
            warnings.simplefilter("ignore")
            return _sheet_rows(data, most_rows)
    except _FAILURES:
        raise BadTable("damaged") from None


def _sheet_rows(data: bytes, most_rows: int) -> list[list[str]]:
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    try:
        sheet = book.worksheets[0]
        # The dimensions that a file declares are not trusted.
        sheet.reset_dimensions()
        rows = []
        for number, row in enumerate(sheet.iter_rows(max_row=most_rows + 2, max_col=MAX_COLUMNS), start=1):
            if any(cell.data_type == "f" for cell in row):
                raise BadTable("formula", number)
            # A spreadsheet stores 15 digits of a number: the other digits of a NIP are lost.
            numbers = [cell.value for cell in row if cell.data_type == "n" and isinstance(cell.value, int | float)]
            if any(abs(value) >= 10**15 for value in numbers):
                raise BadTable("number", number)
            cells = [_text(cell.value) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            rows.append(cells)
        return rows
    finally:
        book.close()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
