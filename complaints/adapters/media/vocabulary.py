"""What copies of office documents may hold: names of elements and attributes, and values that tell nobody's name.

The lists are in ``complaints/data/office/``; they are read before a process is limited. For the office readers of this
package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "data" / "office"
_UNITS: Final = "%|pt|in|inch|cm|mm|pc|pi|px|em|emu|deg|grad|rad|fd|f|ft|s|ms|\\*"
_NUMBER: Final = rf"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?:{_UNITS})?"
_CODE: Final = r"#?(?:[0-9A-F]{1,8}|[0-9a-f]{1,8})|[0-9A-Fa-f]{20}"
_CELL: Final = r"\$?[A-Z]{1,3}\$?[0-9]{1,7}"
_DURATION: Final = r"-?P(?:\d+[YMD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?"
_PLAIN: Final = re.compile(f"(?:{_NUMBER}|{_CODE}|{_CELL}|{_DURATION})\\Z")
_SEPARATORS: Final = re.compile(r"[\s,;:|()\[\]/=]+")
# The key of names without a namespace, as the first element of Excel's legacy drawings has.
NO_SPACE: Final = ""
_LONGEST_STYLE: Final = 60
# A value of two characters names nobody.
_SHORT: Final = 2
_WORDS_OF_STYLES: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+|[^\W\d_a-zA-Z]+")
_ESCAPED: Final = re.compile(r"_([0-9a-f]{2})_")
# Folders and addresses, which name an account, a computer or a server.
_PLACE: Final = re.compile(
    r"(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\|://|\bfile:|\bmailto:|/(?:home|Users|Volumes|media|mnt|tmp|var|root|srv)/", re.I
)


@dataclass(frozen=True)
class Space:
    """A namespace: the prefix that copies use for it, and the names in it that they may hold."""

    prefix: str
    uri: str
    elements: frozenset[str]
    attributes: frozenset[str]


@dataclass(frozen=True)
class Vocabulary:
    """The namespaces by URI, and the enumerated values and words of built-in styles of a family of documents."""

    spaces: Mapping[str, Space] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    style_words: frozenset[str] = frozenset()

    def is_plain(self, value: str) -> bool:
        """Return whether a value is made of numbers, cells and enumerated words only, so that it tells nothing."""
        value = value.strip()
        if self._is_plain_word(value):
            return True
        return all(map(self._is_plain_word, _SEPARATORS.split(value))) and not names_a_place(value)

    def _is_plain_word(self, word: str) -> bool:
        return len(word) <= _SHORT or word in self.values or _PLAIN.match(word) is not None

    def is_builtin_style(self, name: str) -> bool:
        """Return whether a style's name or id is made of words of the programs' own styles."""
        name = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), name)
        if len(name) > _LONGEST_STYLE:
            return False
        return all(word.lower() in self.style_words or word.isdigit() for word in _WORDS_OF_STYLES.findall(name))


def names_a_place(text: str) -> bool:
    """Return whether a text holds a folder, a server or an address."""
    return _PLACE.search(text) is not None


@cache
def load(family: str) -> Vocabulary:
    """Return the vocabulary of "ooxml" or "odf".

    A line of the file without indentation begins a list: ``space PREFIX URI...`` a namespace, ``elements`` and
    ``attributes`` what it has, ``values`` and ``styles`` those of all. Indented lines hold the words.
    """
    spaces, lists = list[tuple[list[str], dict[str, list[str]]]](), dict[str, list[str]]()
    words = list[str]()
    for line in (FOLDER / f"{family}.txt").read_text("utf-8").splitlines():
        if line.startswith("space "):
            spaces.append((line.split()[1:], {}))
        elif line.startswith("  "):
            words.extend(line.split())
        elif line in {"elements", "attributes"}:
            words = spaces[-1][1].setdefault(line, [])
        elif line in {"values", "styles"}:
            words = lists.setdefault(line, [])
    return Vocabulary(
        spaces={
            uri: Space(prefix, uri, frozenset(names.get("elements", ())), frozenset(names.get("attributes", ())))
            for (prefix, *uris), names in spaces
            for uri in uris or [NO_SPACE]
        },
        values=frozenset(lists["values"]),
        style_words=frozenset(lists["styles"]),
    )
