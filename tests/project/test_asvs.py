"""docs/asvs.md against the standard: each requirement once, with its level, and shown by something that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
STANDARD = Path(__file__).parent / "asvs-5.0.0.txt"
MOST_OPEN = 10
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([123]) \| ([^|]+) \| (pass|open) \| ([^|]*) \|$", re.M)
OPEN = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([123]) \| ([^|]{20,}) \|$", re.M)
BESIDE = re.compile(r"^- ((?:\d+(?:\.\d+)+(?:, )?)+): [^;]+; .+\.$", re.M)
SHOWN = re.compile(r"`([^`]+)`")


def levels() -> dict[str, str]:
    """The levels of all requirements by id."""
    lines = STANDARD.read_text(encoding="ascii").splitlines()
    return dict([line.split() for line in lines if not line.startswith("#")])


def not_applying() -> list[str]:
    """The ids below "Does not apply"; a section stands for all of its own."""
    named = [part for ids in BESIDE.findall(DOCUMENT) for part in ids.split(", ")]
    return [each for part in named for each in levels() if each == part or each.startswith(f"{part}.")]


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@cache
def checks() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "complaints").glob("*checks.py"))
    return set(re.findall(r'"([EW]\d{3})"', text))


def exists(shown: str) -> bool:
    """Whether a test, a file of tests, a document, a check or the attacks are there."""
    if shown == "make attack" or re.fullmatch(r"[EW]\d{3}", shown):
        return shown == "make attack" or shown in checks()
    path, _, test = shown.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    tests = {name for name in functions(file) if name.startswith("test_")} if path.endswith(".py") else set()
    return test in tests if test else bool(tests) or path.endswith(".md")


def test_every_requirement_is_there_once() -> None:
    listed = [row[0] for row in ROW.findall(DOCUMENT)] + not_applying()
    assert sorted(listed) == sorted(levels())


def test_levels_are_those_of_the_standard() -> None:
    assert {row[0]: row[1] for row in ROW.findall(DOCUMENT)}.items() <= levels().items()


def test_what_passes_is_shown_by_something_that_exists() -> None:
    missing = []
    for number, _level, _asks, state, cell in ROW.findall(DOCUMENT):
        shown = SHOWN.findall(cell)
        assert shown or state == "open", number
        missing += [(number, each) for each in shown if not exists(each)]
    assert missing == []


def test_what_passes_on_paper_alone_is_what_the_standard_wants_on_paper() -> None:
    """Sections x.1 of the standard ask for documents; everything else needs a test or a check."""
    on_paper = {
        number
        for number, _level, _asks, state, cell in ROW.findall(DOCUMENT)
        if state == "pass" and all(each.endswith(".md") for each in SHOWN.findall(cell))
    }
    assert {number for number in on_paper if number.split(".")[1] != "1"} <= {"6.2.10"}


def test_few_are_open_and_each_has_a_reason() -> None:
    rows = {row[0] for row in ROW.findall(DOCUMENT) if row[3] == "open"}
    reasons = {number: level for number, level, _why in OPEN.findall(DOCUMENT)}
    assert reasons.keys() == rows
    assert reasons.items() <= levels().items()
    assert len(rows) <= MOST_OPEN


def test_the_numbers_at_the_beginning_are_true() -> None:
    rows = ROW.findall(DOCUMENT)
    is_open = sum(row[3] == "open" for row in rows)
    counted = (
        f"Of its {len(levels())} requirements {len(rows)} apply, {len(rows) - is_open} pass and {is_open} are open."
    )
    assert counted in DOCUMENT
