"""Reference data as it is delivered: read from JSON files, and merged column by column with what was edited here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from complaints.models.delivered import DeliveredRow

DATA: Final = Path(__file__).resolve().parent.parent / "data" / "catalog"
SAMPLES: Final = Path(__file__).resolve().parent.parent / "data" / "samples"
_DIGEST_CHARACTERS: Final = 12

# The values of a row by column, lists joined by line breaks.
Values: TypeAlias = Mapping[str, object]


class DeliveredDataError(ValueError):
    """A file of reference data that does not fit its table; the message names file, row and key."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A column that both the program and an administrator changed; the edit stays until somebody decides."""

    table: str
    code: str
    column: str

    def __str__(self) -> str:
        return f"{self.table} {self.code}: {self.column}"


@lru_cache(maxsize=32)
def rows_of(name: str, model: type[DeliveredRow], sample: bool = False) -> Mapping[str, Values]:
    """Return the rows of a file by their code.

    ``sample`` adds the rows and values that only the sample portal has. Raises DeliveredDataError for a key that
    is no column of the table, so that nothing is delivered that nothing reads.
    """
    columns = {field.name for field in model._meta.concrete_fields} - {"delivered"}
    rows: dict[str, Values] = {}
    for number, row in enumerate(json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")), start=1):
        unknown = sorted(set(row) - columns)
        if unknown or "code" not in row or row["code"] in rows:
            fault = f"no column {', '.join(unknown)}" if unknown else "its code is missing or stands twice"
            raise DeliveredDataError(f"{name}.json, row {number} ({row.get('code', 'no code')}): {fault}")
        rows[row["code"]] = {key: "\n".join(value) if isinstance(value, list) else value for key, value in row.items()}
    overlay = SAMPLES / f"{name}.json"
    for row in json.loads(overlay.read_text(encoding="utf-8")) if sample and overlay.exists() else ():
        rows[row["code"]] = {**rows.get(row["code"], {}), **row}
    return rows


def digest_of(value: object) -> str:
    """Return the digest of a value of a column, the same for a day of the database and of the file."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def mark(values: Values) -> str:
    """Return what ``DeliveredRow.delivered`` holds for these values."""
    return " ".join(f"{column}={digest_of(value)}" for column, value in sorted(values.items()) if column != "code")


def conflicts_of(name: str, row: DeliveredRow, values: Values) -> list[Conflict]:
    """Return the columns of a stored row that differ from the file, which changed since the row was last settled."""
    base = _base(row)
    return [
        Conflict(name, str(row.pk), column)
        for column, value in values.items()
        if digest_of(getattr(row, column)) != digest_of(value) != base.get(column)
        and base.get(column) != digest_of(getattr(row, column))
    ]


def merge(name: str, row: DeliveredRow, values: Values, *, overwrite: bool) -> tuple[bool, list[Conflict]]:
    """Take the file's values into a row, except in columns that were edited here.

    Returns whether the row changed, and the columns that both sides changed: they keep the edit, and stay conflicts
    until an administrator saves the row. ``overwrite`` takes the file's value everywhere.
    """
    before, base = row.delivered, _base(row)
    conflicts = [] if overwrite else conflicts_of(name, row, values)
    kept = {conflict.column for conflict in conflicts}
    changed = False
    for column, value in values.items():
        current = digest_of(getattr(row, column))
        is_unedited = current == base.get(column)
        if column != "code" and current != digest_of(value) and (overwrite or is_unedited):
            setattr(row, column, value)
            changed = True
    # A conflict keeps what the row was delivered with: else the next load would take it for settled.
    row.delivered = " ".join(
        f"{column}={base.get(column, '') if column in kept else digest_of(value)}"
        for column, value in sorted(values.items())
        if column != "code"
    )
    return changed or row.delivered != before, conflicts


def _base(row: DeliveredRow) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row.delivered.split())
