"""Reads the tables that an officer uploads, CSV or XLSX, into rows of text in memory. Nothing in them is computed.

A workbook passes the checks of adapters.media.zips, then a streaming reader; formulas are refused because their value
depends on the program that opens them. CSV is read as spreadsheets save it under Indonesian settings: in UTF-8, in
UTF-16 with tabs ("Unicode Text"), or in the code page of Windows, with a line "sep=;" or without.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from complaints.adapters.media.refusal import Unreadable
from complaints.adapters.media.zips import opened

MAX_BYTES: Final = 1024 * 1024
MAX_UNPACKED_BYTES: Final = 20 * 1024 * 1024
MAX_COLUMNS: Final = 40
MAX_CELL: Final = 8_000
# A sheet may leave out rows, and name any number for the next one; none is looked for below this one.
MAX_SHEET_ROWS: Final = 10_000
# How a spreadsheet shows a long number, 1,98001E+17: it keeps 15 digits, the others are lost.
_SCIENTIFIC: Final = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+?\d{2,3}", re.IGNORECASE)
_DIGITS_KEPT: Final = 15
# The first line by which spreadsheets tell each other the delimiter.
_DELIMITER_LINE: Final = re.compile(r'"?sep=(?P<delimiter>[,;\t|])"?\r?\n?', re.IGNORECASE)
# The old format of Excel, which is also what a workbook with a password is stored as.
_OLD_FORMAT: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# The XML parsers that openpyxl may use raise subclasses of SyntaxError; zipfile and zlib have their own errors.
_FAILURES: Final = (
    Unreadable, zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError, OSError, EOFError,
)  # fmt: skip


class BadTable(Exception):
    """A file is no usable table.

    ``code`` is the reason: "too_large", "damaged", "old_format", "encoding", "rows", "cell", "columns", "formula" or
    "number". ``row`` counts as the spreadsheet does, from 1; 0 where the reason is not in a single row. ``column`` is
    its name in the first row that is not empty, or its letter; "" where the reason is not in a single cell.
    """

    def __init__(self, code: str, row: int = 0, column: str = "") -> None:
        super().__init__(code)
        self.code, self.row, self.column = code, row, column


class TableRow(NamedTuple):
    """A row that is not empty: its number as the spreadsheet shows it, and the text of its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class _Cell:
    """A cell as text; ``fault`` is the code of BadTable for which the table is refused, or ""."""

    text: str
    fault: str = ""


def read(data: bytes, *, most_rows: int) -> list[TableRow]:
    """Return the rows of a table that are not empty, the header first, as text; dates in ISO 8601.

    Of a workbook the first sheet counts that is not hidden. Raises BadTable: too large, damaged, more than
    ``most_rows`` below the header, a formula, a number that has lost digits, a cell too long.
    """
    if len(data) > MAX_BYTES:
        raise BadTable("too_large")
    if data.startswith(_OLD_FORMAT):
        raise BadTable("old_format")
    if data.startswith(b"PK"):
        return _xlsx_rows(data, lambda parsed: _checked(parsed, most_rows))
    return _checked(_csv_rows(data), most_rows)


def _checked(parsed: Iterator[list[_Cell]], most_rows: int) -> list[TableRow]:
    rows: list[TableRow] = []
    for number, cells in enumerate(parsed, start=1):
        if not any(cell.text for cell in cells):
            continue
        if len(rows) > most_rows:
            raise BadTable("rows", number)
        if len(cells) > MAX_COLUMNS:
            raise BadTable("columns", number)
        for place, cell in enumerate(cells):
            if fault := _fault(cell):
                raise BadTable(fault, number, _column_name(rows[0].cells if rows else [], place))
        rows.append(TableRow(number, [cell.text for cell in cells]))
    return rows


def _fault(cell: _Cell) -> str:
    if cell.fault:
        return cell.fault
    if len(cell.text) > MAX_CELL:
        return "cell"
    return "number" if _SCIENTIFIC.fullmatch(cell.text) else ""


def _column_name(header: Sequence[str], place: int) -> str:
    return (header[place] if place < len(header) else "") or get_column_letter(place + 1)


def _csv_rows(data: bytes) -> Iterator[list[_Cell]]:
    text = _decoded(data)
    if first := _DELIMITER_LINE.match(text):
        # The spreadsheet does not show this line, so the rows are counted without it.
        delimiter, text = first["delimiter"], text[first.end() :]
    else:
        head = next((line for line in text.splitlines() if line.strip()), "")
        # Spreadsheet programs with Indonesian settings write semicolons.
        delimiter = max(",;\t", key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for number, row in enumerate(reader, start=1):
            if number > MAX_SHEET_ROWS:
                raise BadTable("rows", number)
            # Before anything is made of its cells: a row may have a million.
            if len(row) > MAX_COLUMNS:
                if any(map(str.strip, row)):
                    raise BadTable("columns", number)
                row = []
            yield [_Cell(cell.strip()) for cell in row]
    except csv.Error:
        raise BadTable("damaged") from None


def _decoded(data: bytes) -> str:
    """Return the text of a CSV by its byte order mark, else as UTF-8, else in the code page of Windows (cp1252).

    Raises BadTable: "encoding" where it is in none of them, "damaged" where it is no text.
    """
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROLS.search(text):
            raise BadTable("damaged")
        return text
    raise BadTable("encoding")


def _xlsx_rows(data: bytes, check: Callable[[Iterator[list[_Cell]]], list[TableRow]]) -> list[TableRow]:
    try:
        with opened(io.BytesIO(data)) as archive:
            if sum(archive.size(name) for name in archive) > MAX_UNPACKED_BYTES:
                raise BadTable("too_large")
        with warnings.catch_warnings():
            # openpyxl's warnings would print unknown parts of the file on stderr.
            warnings.simplefilter("ignore")
            return check(_sheet_rows(data))
    except _FAILURES:
        raise BadTable("damaged") from None


def _sheet_rows(data: bytes) -> Iterator[list[_Cell]]:
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    try:
        sheet = next((sheet for sheet in book.worksheets if sheet.sheet_state == "visible"), None)
        if sheet is None:
            return
        # The dimensions that a file declares are not trusted.
        sheet.reset_dimensions()
        # One column more than a table may have, so that a wider one is refused and not cut.
        for row in sheet.iter_rows(max_row=MAX_SHEET_ROWS, max_col=MAX_COLUMNS + 1):
            cells = [_Cell(_text(cell.value), _fault_of_type(cell.data_type, cell.value)) for cell in row]
            while cells and not cells[-1].text:
                cells.pop()
            yield cells
    finally:
        book.close()


def _fault_of_type(data_type: str, value: object) -> str:
    if data_type == "f":
        return "formula"
    # A spreadsheet stores 15 digits of a number: the other digits of a NIP are lost.
    lost = data_type == "n" and isinstance(value, int | float) and abs(value) >= 10**_DIGITS_KEPT
    return "number" if lost else ""


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
