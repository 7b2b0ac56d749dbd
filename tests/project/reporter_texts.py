"""The texts of the reporter's pages as their sources mark them for translation, and the catalogue's entries of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/id/LC_MESSAGES/django.po"
TEMPLATES = ("templates/complaints/**/*.html", "templates/*.html")
CODE = ("complaints/forms/*.py", "complaints/views/*.py", "complaints/page_cache.py")
_LITERAL = r"""u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
# A call in what Django makes of a template: of one with a context the text is the second argument.
_CALL = re.compile(rf"\b(?:n?gettext\(|n?pgettext\({_LITERAL}, ?){_LITERAL}")
_MARKS = {"_": 0, "gettext": 0, "ngettext": 0, "pgettext": 1, "npgettext": 1}


def of_template(source: str) -> Iterator[str]:
    """The texts that a template marks; of one with a plural its singular."""
    for _context, literal in _CALL.findall(templatize(source)):
        yield str(ast.literal_eval(literal))


def of_code(source: str) -> Iterator[str]:
    """The texts that a module marks; of one with a plural its singular."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            place = _MARKS.get(call.func.id.removesuffix("_lazy"), len(call.args))
            marked = call.args[place : place + 1]
            yield from (str(node.value) for node in marked if isinstance(node, ast.Constant))


@cache
def texts() -> frozenset[str]:
    """The English texts of the reporter's pages, of one with a plural its singular."""
    readers = {TEMPLATES: of_template, CODE: of_code}
    return frozenset(
        text
        for patterns, read in readers.items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        for text in read(path.read_text(encoding="utf-8"))
    )


@cache
def entries() -> tuple[polib.POEntry, ...]:
    """The catalogue's entries of these texts."""
    return tuple(entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete and entry.msgid in texts())


def indonesian(entry: polib.POEntry) -> list[str]:
    """The translations of an entry: one, or one for each form of its plural."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
