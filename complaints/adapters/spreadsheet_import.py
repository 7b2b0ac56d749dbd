"""Tables that an officer uploads, CSV or XLSX, read into rows of text in memory. Nothing in them is computed.

A workbook passes the same guard as every zip here, then a reader that streams; formulas are refused, because what
they show depends on the program that opens them.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final

from openpyxl import load_workbook

from complaints.adapters.media import Unreadable
from complaints.adapters.media.zips import opened

MAX_BYTES: Final = 1024 * 1024
MAX_UNPACKED_BYTES: Final = 20 * 1024 * 1024
MAX_COLUMNS: Final = 40
MAX_CELL: Final = 8_000
# Both parsers that openpyxl may use raise kinds of SyntaxError; zip and deflate have errors of their own.
_FAILURES: Final = (
    Unreadable, zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError, OSError, EOFError,
)  # fmt: skip


class BadTable(Exception):  # noqa: N818  said to an officer, not a fault
    """A file that is no usable table; ``code`` says why: "too_large", "damaged", "encoding", "rows", "cell", "formula",
    "number".

    ``row`` counts from 1 with the header, 0 where it is not one row's fault.
    """

    def __init__(self, code: str, row: int = 0) -> None:
        super().__init__(code)
        self.code, self.row = code, row


def read(data: bytes, *, most_rows: int) -> list[list[str]]:
    """Return the rows of a table, the header first, as text; days as ISO.

    Raises:
        BadTable: too large, damaged, more than ``most_rows`` below the header, a formula, a cell too long.
    """
    if len(data) > MAX_BYTES:
        raise BadTable("too_large")
    rows = _of_workbook(data, most_rows) if data.startswith(b"PK") else _of_text(data)
    found: list[list[str]] = []
    for number, row in enumerate(rows, start=1):
        if number > most_rows + 1 and any(row):
            raise BadTable("rows", number)
        if len(row) > MAX_COLUMNS or any(len(cell) > MAX_CELL for cell in row):
            raise BadTable("cell", number)
        found.append(row)
    while found and not any(found[-1]):
        found.pop()
    return found


def _of_text(data: bytes) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadTable("encoding") from None
    if "\0" in text:
        raise BadTable("damaged")
    first = text.split("\n", 1)[0]
    # Indonesian spreadsheets write semicolons.
    delimiter = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield [cell.strip() for cell in row]
    except csv.Error:
        raise BadTable("damaged") from None


def _of_workbook(data: bytes, most_rows: int) -> Iterable[list[str]]:
    try:
        with opened(io.BytesIO(data)) as archive:
            if sum(archive.size(name) for name in archive) > MAX_UNPACKED_BYTES:
                raise BadTable("too_large")
        with warnings.catch_warnings():
            # It would name what it does not know of the file on stderr.
            warnings.simplefilter("ignore")
            return _cells(data, most_rows)
    except _FAILURES:
        raise BadTable("damaged") from None


def _cells(data: bytes, most_rows: int) -> list[list[str]]:
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    try:
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
        rows = []
        for number, row in enumerate(sheet.iter_rows(max_row=most_rows + 2, max_col=MAX_COLUMNS), start=1):
            if any(cell.data_type == "f" for cell in row):
                raise BadTable("formula", number)
            # A spreadsheet keeps 15 digits of a number: the rest of a NIP is made up.
            if any(cell.data_type == "n" and abs(_number(cell.value)) >= 10**15 for cell in row):
                raise BadTable("number", number)
            cells = [_text(cell.value) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            rows.append(cells)
        return rows
    finally:
        book.close()


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
