"""Which formulas of tables a copy may keep: those made of cells, names, values and functions that only calculate.

For the office readers of this package. A formula that is not kept leaves its last value.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from complaints.adapters.media.vocabulary import FOLDER, names_a_place

_TOKENS: Final = re.compile(
    r"""
    (?P<text>"(?:[^"]|"")*")
    | (?P<sheet>'(?:[^']|'')*')
    | (?P<error>\#(?:REF|DIV/0|N/A|NAME|NULL|NUM|VALUE|CALC|SPILL|GETTING_DATA)[!?]?)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)
    | (?P<function>[^\W\d][\w.]*(?=\s*\())
    | (?P<name>[^\W\d][\w.?]*|\\)
    | (?P<bracket>\[)
    | (?P<other>[-+*/^&=<>%(){},;:!$@~.?\s]|\#)
    """,
    re.VERBOSE,
)
# Before the name of a function: of functions that a program added later, and of parameters.
_ADDED: Final = re.compile(r"^(?:_xlfn\.|_xlws\.|_xlpm\.|COM\.MICROSOFT\.|ORG\.OPENOFFICE\.|ORG\.LIBREOFFICE\.)+", re.I)
# A cell of OpenDocument, in brackets: [.A1], [$'A sheet'.$A$1:.B2]
_SHEET: Final = r"\$?(?:'(?:[^'#]|'')*'|[^\W\d][\w ]*|\#REF!)"
_ODF_CELL: Final = rf"(?:{_SHEET})?\.\$?(?:[A-Z]{{1,3}}|\#REF!)?\$?(?:\d{{1,7}}|\#REF!)?"
_ODF_CELLS: Final = re.compile(rf"\[(?:{_ODF_CELL}(?::{_ODF_CELL})?|\#REF!)\]")
# Marks of another file in the name of a sheet.
_OTHER_FILE: Final = re.compile(r"[\[\]\\/|#]|file:", re.I)


@cache
def _functions() -> frozenset[str]:
    lines = (FOLDER / "functions.txt").read_text("utf-8").splitlines()
    return frozenset(" ".join(line for line in lines if not line.startswith("#")).split())


def load() -> None:
    """Read the list of functions while files can still be opened."""
    _functions()


def only_calculates(formula: str, *, lost: frozenset[str] = frozenset(), odf: bool = False) -> bool:
    """Return whether a formula calls nothing and refers to nothing outside of its file.

    ``lost`` holds names, in lower case, that the copy does not define. ``odf`` tells formulas of OpenDocument, without
    their prefix, from those of Excel.
    """
    position, after_name = 0, False
    while position < len(formula):
        match = _TOKENS.match(formula, position)
        if match is None:
            return False
        kind, word = match.lastgroup or "", match.group()
        if kind == "bracket":
            end = _end_of_cells(formula, position) if odf else _end_of_columns(formula, position, after_name)
            if end < 0:
                return False
            position, after_name = end, False
            continue
        if not _is_harmless(kind, word) or (kind == "name" and word.lower() in lost):
            return False
        after_name = kind == "name"
        position = match.end()
    return True


def _is_harmless(kind: str, word: str) -> bool:
    if kind == "text":
        return not names_a_place(word)
    if kind == "sheet":
        return _OTHER_FILE.search(word) is None
    if kind == "function":
        return _ADDED.sub("", word).upper() in _functions()
    return word != "\\"


def _end_of_cells(formula: str, position: int) -> int:
    match = _ODF_CELLS.match(formula, position)
    return match.end() if match else -1


def _end_of_columns(formula: str, position: int, after_name: bool) -> int:
    """Return where the columns of a table end, which stand behind its name; -1 for the number of another file."""
    if not after_name:
        return -1
    depth = 0
    for end in range(position, min(len(formula), position + 2_000)):
        depth += {"[": 1, "]": -1}.get(formula[end], 0)
        if not depth:
            return -1 if names_a_place(formula[position:end]) else end + 1
    return -1
