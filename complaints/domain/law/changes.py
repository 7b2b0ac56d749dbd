"""Changes of rules that two people agreed on, laid over the rules that come with the program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from complaints.domain.law.reading import Fault, RuleError, Tables, read_rules
from complaints.domain.law.rules import Period, RuleBook
from complaints.domain.retention_periods import RETENTION
from complaints.domain.workflow import LIMITS, URGENT_LIMITS, Unit

Row: TypeAlias = Mapping[str, object]
_CODE: Final = re.compile("[0-9A-Za-z_-]{1,40}")
# No limit is longer; a number of any size would take a deadline beyond the last day that a date can hold.
LIMIT_AT_MOST: Final = 1000
_UNITS: Final = frozenset(unit.value for unit in Unit)
# The names by which the workflow and the retention of reports count.
COUNTED: Final = frozenset({*LIMITS.values(), *URGENT_LIMITS.values(), *RETENTION})


@dataclass(frozen=True, slots=True)
class RowKey:
    """Names a row: its table, its code, and the first day of its validity (ISO), "" where it has none."""

    table: str
    code: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.table} {self.code} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class Change:
    """A whole row that takes the place of another, or is new.

    Attributes:
        key: the row that it replaces; of a new one its table and code.
        is_new: whether it stands beside the others.
        before: the code of the row before which a new one stands, "" for the end of its table.
        row: the row as JSON text.
        base: the row that the program delivered in this place when the change was proposed, as JSON text; "" for none.
    """

    key: RowKey
    is_new: bool
    before: str
    row: str
    base: str


@dataclass(slots=True)
class LaidRow:
    """A row of a table with changes: what the program delivers in its place, and against what it was changed.

    Both are JSON text; ``delivered`` is "" where the program has no such row, ``base`` None where nobody changed it.
    """

    values: Row
    delivered: str = ""
    base: str | None = None

    @property
    def version(self) -> str:
        """The first day of validity (ISO), "" where there is none."""
        return str(self.values.get("valid_from") or "")


@dataclass(frozen=True, slots=True)
class Reading:
    """The rules in force.

    Attributes:
        rows: by table, in order.
        conflicts: rows that both an update of the program and a change here have altered; the change holds.
        left_out: rows whose change does not fit the program's rules any more; the program's row holds.
        lost: rules of which a confirmed change is not stored any more as it was confirmed.
    """

    book: RuleBook
    rows: Mapping[str, Sequence[LaidRow]]
    conflicts: tuple[RowKey, ...]
    left_out: tuple[RowKey, ...]
    lost: tuple[str, ...] = ()

    def find(self, key: RowKey) -> LaidRow | None:
        """Return the row of a key, None where there is none."""
        rows = (row for row in self.rows.get(key.table, ()) if row.values.get("code") == key.code)
        return next((row for row in rows if row.version == key.version), None)


def read_with(tables: Tables, changes: Sequence[Change]) -> Reading:
    """Return the program's rules with the changes, oldest first, laid over them; raises RuleError without changes.

    A change that cannot be read is left out: no update of the program may end with a portal that has no rules.
    """
    try:
        return _read(tables, changes, ())
    except RuleError:
        if not changes:
            raise
    kept: list[Change] = []
    left_out: list[RowKey] = []
    for change in changes:
        try:
            _read(tables, [*kept, change], ())
        except RuleError:
            left_out.append(change.key)
        else:
            kept.append(change)
    return _read(tables, kept, left_out)


def check_change(tables: Tables, changes: Sequence[Change], change: Change) -> Reading:
    """Return the rules as they would be with one change more; raises RuleError where they cannot be right so."""
    # Those that an update has left out stay out: a new change may repair them.
    left_out = read_with(tables, changes).left_out
    kept = [item for item in changes if item.key not in left_out]
    return _read(tables, [*kept, change], ())


def _read(tables: Tables, changes: Iterable[Change], left_out: Iterable[RowKey]) -> Reading:
    rows = {name: [LaidRow(row, row_text(row)) for row in tables[name]] for name in tables}
    for change in changes:
        _lay(rows[change.key.table], change)
    book = read_rules({name: [row.values for row in laid] for name, laid in rows.items()})
    _check_limits(book, {str(row.get("what")) for row in tables["limits"]})
    conflicts = tuple(
        RowKey(name, str(row.values["code"]), row.version)
        for name, laid in rows.items()
        for row in laid
        if row.base is not None and row.base != row.delivered
    )
    return Reading(book, rows, conflicts, tuple(left_out))


def _lay(rows: list[LaidRow], change: Change) -> None:
    values = read_row(change.key.table, change.row)
    if not change.is_new:
        for place, row in enumerate(rows):
            if (row.values.get("code"), row.version) == (change.key.code, change.key.version):
                rows[place] = LaidRow(values, row.delivered, change.base)
                return
    end = len(rows)
    place = next((place for place, row in enumerate(rows) if row.values.get("code") == change.before), end)
    rows.insert(place, LaidRow(values, "", change.base))


def _check_limits(book: RuleBook, known: set[str]) -> None:
    """Refuse limits with which a step could not be dated, or that no page has words for."""
    for rule in book.limits:
        if rule.what not in known:
            raise RuleError(Fault.UNKNOWN_CODE, "limits", rule.code, key="what", value=rule.what)
        if (rule.number or 0) > LIMIT_AT_MOST:
            raise RuleError(Fault.TOO_HIGH, "limits", rule.code, value=str(LIMIT_AT_MOST))
    for name in sorted(COUNTED):
        rules = [rule for rule in book.limits if rule.code == name]
        is_countable = len(rules) == 1 and rules[0].number is not None and rules[0].unit.value in _UNITS
        if not is_countable or rules[0].period != Period(None, None):
            raise RuleError(Fault.COUNTED, "limits", name, value=", ".join(sorted(_UNITS)))


def read_row(table: str, text: str) -> Row:
    """Return a row from JSON text; raises RuleError for what is no object, or names a key twice."""

    def of_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
        row = dict(pairs)
        if len(row) < len(pairs):
            raise RuleError(Fault.KEY_TWICE, table)
        return row

    try:
        text.encode()
        row = json.loads(text, object_pairs_hook=of_pairs)
        row_text(row).encode()
    except RuleError:
        raise
    except json.JSONDecodeError as error:
        raise RuleError(Fault.NO_JSON, table, key=str(error.lineno), value=str(error.colno)) from None
    except (ValueError, RecursionError):
        raise RuleError(Fault.UNREADABLE, table) from None
    if not isinstance(row, dict):
        raise RuleError(Fault.NO_OBJECT, table)
    if not _CODE.fullmatch(str(row.get("code", ""))):
        raise RuleError(Fault.BAD_CODE, table)
    return row


def row_text(row: object) -> str:
    """Return a row as JSON text, a key a line, in the order of its keys."""
    return json.dumps(row, ensure_ascii=False, indent=2)
