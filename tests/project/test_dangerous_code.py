"""Dangerous functionality stays where docs/controls.md names it: processes, calls of C, SQL by hand, markup from text;
scripts in browsers take no names from a page and keep nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Private to Python, but nothing public tells the parts of a pattern.
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("complaints", "portal", "deploy") for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
DOCUMENT = (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
# Code that data could become.
NEVER = {"eval", "exec", "compile", "__import__", "input", "breakpoint"}
NEVER_OF_MODULES = {"os.system", "os.popen", "pickle.loads", "pickle.load", "marshal.loads", "shelve.open", "yaml.load"}
# Sinks of scripts, and places in which a page could leave something behind or be taken over from.
NOT_IN_SCRIPTS = re.compile(
    r"\b(eval|Function|localStorage|sessionStorage|indexedDB|postMessage|outerHTML|insertAdjacentHTML|__proto__)\b"
    r"|document\.(write|cookie|domain|forms|images|links)\b|window\[|\.prototype\b|\bvar "
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def importing(module: str) -> set[str]:
    found = set()
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(each.split(".")[0] == module for each in names):
                found.add(name(path))
    return found


def test_no_text_becomes_code() -> None:
    bad = [(name(path), call) for path in SOURCES for call, _node in calls(path) if call in NEVER | NEVER_OF_MODULES]
    assert bad == []


def test_no_shell_is_started() -> None:
    """Programs are started from lists, by the modules that the document names."""
    keywords = [(name(path), call) for path in SOURCES for call, node in calls(path) for key in node.keywords
                if key.arg == "shell"]  # fmt: skip
    assert keywords == []
    assert {path for path in importing("subprocess") if f"`{path}`" not in DOCUMENT} == set()


def test_calls_of_the_c_library_are_where_the_document_says() -> None:
    assert {path for path in importing("ctypes") if f"`{path}`" not in DOCUMENT} == set()


def constant_patterns() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for call, node in calls(path):
            if call.startswith("re.") and node.args and isinstance(node.args[0], ast.Constant):
                text = node.args[0].value
                yield name(path), text.decode("latin-1") if isinstance(text, bytes) else str(text)


def unbounded(pattern: object, inside: bool = False) -> bool:
    """Whether a repetition without end holds another one, as in (a+)+, for which matching can take forever."""
    for kind, value in pattern:  # type: ignore[attr-defined]
        parts = value if isinstance(value, tuple | list) else [value]
        is_endless = kind in (constants.MAX_REPEAT, constants.MIN_REPEAT) and value[1] is constants.MAXREPEAT
        if is_endless and inside:
            return True
        for part in parts:
            each = part if isinstance(part, list) else [part]
            if any(isinstance(one, parser.SubPattern) and unbounded(one, inside or is_endless) for one in each):
                return True
    return False


def test_the_search_finds_a_repetition_in_a_repetition() -> None:
    assert unbounded(parser.parse(r"x(a+|b)*y"))
    assert unbounded(parser.parse(r"(?:(?:a*)b)+"))
    assert not unbounded(parser.parse(r"(?:ab)+c{1,9}(d|e)"))


# Each repetition inside begins or ends with a character that is not in the one beside it.
SAFE = {
    r"\d{1,3}(?:[.,]\d{3})+|(?:\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}|\d{4}-\d{2}-\d{2})(?:\D+\d{1,4})*",
    r"[^\W_]+(?:['’`][^\W_]+)*",
    r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?#].*)?",
    r"(?:[a-z0-9_-]+\.)+[a-z]{2,}(?=[/?#]|:[0-9]|$)",
}


def test_no_pattern_can_take_forever() -> None:
    bad = [(path, text) for path, text in constant_patterns() if unbounded(parser.parse(text)) and text not in SAFE]
    assert bad == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_take_no_names_from_pages_and_keep_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert '"use strict";' in text
    assert NOT_IN_SCRIPTS.findall(text) == []
    # One place takes markup, which the server has made and escaped.
    assert text.count("innerHTML") == (1 if path.name == "upload.js" else 0)


COMPARED = re.compile(r"(digest|secret|signature|hmac|password|token|session_key)$")
# No secrets: digests that anybody may know, the mark of a form for the session that it was made in, what a person types
# twice at the terminal, and an address.
PUBLIC_COMPARISONS = {
    "complaints/views/inquiry.py",  # which page shows which state of a draft
    "complaints/domain/hashchain.py",
    "complaints/management/commands/setup_keys.py",
    "complaints/services/audit/latest_head.py",
    "complaints/services/audit/log.py",
    "complaints/services/audit/recorded_rules.py",
    "complaints/views/report.py",
    "portal/middleware.py",
}


def test_secrets_are_compared_in_constant_time() -> None:
    found = set()
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                sides = [node.left, *node.comparators]
                if any(COMPARED.search(ast.unparse(side)) for side in sides) and not any(
                    isinstance(side, ast.Constant) for side in sides
                ):
                    found.add((name(path), ast.unparse(node)))
    assert {pair for pair in found if pair[0] not in PUBLIC_COMPARISONS} == set()
