"""Streams hostile XML from one file to another and leaves out or changes elements by rules.

Namespace prefixes stay as they are, because office documents refer to them by name; entities and document types are
refused; comments and processing instructions are dropped. For the office readers of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from complaints.adapters.media.refusal import Unreadable, refusal

MAX_DEPTH: Final = 1_000
_FLUSH_PIECES: Final = 4_096
_READ_BYTES: Final = 64 * 1024


def local(name: str) -> str:
    """Return a qualified name without its prefix."""
    return name.rpartition(":")[2]


def names(*lines: str) -> frozenset[str]:
    """Return the words in ``lines``."""
    return frozenset(" ".join(lines).split())


@dataclass
class Rules:
    """Decides for each element; this class copies all. Subclasses override what differs.

    ``drop`` names elements (without prefix) to drop with their content, ``unwrap`` those to replace by their content.
    """

    drop: frozenset[str] = frozenset()
    unwrap: frozenset[str] = frozenset()
    path: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return the attributes of the copied element, or None to drop it with its content."""
        return None if local(name) in self.drop else attributes

    def text(self, text: str) -> str | None:
        """Return the text to write for a run of text, or None to drop the element that it begins.

        ``path`` holds the elements around it, outermost first.
        """
        return text

    def end(self, name: str) -> None:
        """Take note of the end of an element that was copied."""


class Allowance:
    """How many elements and attributes are read of one file: some for every file, and more for a larger one.

    A small file that unpacks to millions of them would keep a reader busy for longer than many large ones. Tables of
    equal cells reach 2.5 of them a packed byte.
    """

    EVERY_FILE: Final = 100_000
    PER_PACKED_BYTE: Final = 3

    def __init__(self, packed_bytes: int) -> None:
        """Allow what a file of this length may have."""
        self._left = self.EVERY_FILE + self.PER_PACKED_BYTE * packed_bytes

    def spend(self, count: int) -> None:
        """Take note of elements and attributes; raises Unreadable ("bomb") where there are too many."""
        self._left -= count
        if self._left < 0:
            raise Unreadable("bomb")


class _Copier(ContentHandler):
    def __init__(self, rules: Rules, out: BinaryIO | None, allowance: Allowance) -> None:
        super().__init__()
        self._rules = rules
        self._allowance = allowance
        self._out = out
        self._pieces: list[str] = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n']
        self._text: list[str] = []
        self._dropped = 0
        self._open = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self._allowance.spend(1 + len(attrs))
        self._end_text()
        self._rules.path.append(local(name))
        if len(self._rules.path) > MAX_DEPTH:
            raise Unreadable("bomb")
        if self._dropped:
            self._dropped += 1
            return
        attributes = self._rules.start(name, dict(attrs.items()))
        if attributes is None:
            self._dropped = 1
        elif local(name) not in self._rules.unwrap:
            self._close_tag()
            self._pieces.append(f"<{name}" + "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items()))
            self._open = True

    def endElement(self, name: str) -> None:  # noqa: N802
        self._end_text()
        if self._dropped:
            self._dropped -= 1
        else:
            self._rules.end(name)
            if local(name) not in self._rules.unwrap:
                self._pieces.append("/>" if self._open else f"</{name}>")
                self._open = False
        self._rules.path.pop()
        if len(self._pieces) > _FLUSH_PIECES:
            self.flush()

    def characters(self, content: str) -> None:
        if not self._dropped:
            self._text.append(content)

    def _end_text(self) -> None:
        if self._text:
            text, self._text = self._rules.text("".join(self._text)), []
            if text is not None:
                self._write(escape(text))
            elif self._open:
                self._pieces.pop()
                self._open = False
                self._dropped = 1

    def _write(self, text: str) -> None:
        if text:
            self._close_tag()
            self._pieces.append(text)

    def _close_tag(self) -> None:
        if self._open:
            self._pieces.append(">")
            self._open = False

    def flush(self) -> None:
        if self._out is not None:
            self._out.write("".join(self._pieces).encode("utf-8", "replace"))
        self._pieces.clear()


def rewrite(source: BinaryIO, out: BinaryIO | None, rules: Rules, allowance: Allowance) -> None:
    """Stream XML from ``source`` to ``out`` by ``rules``; without ``out`` the rules only read.

    Raises Unreadable: malformed, too deep, with more elements than ``allowance`` has left, or with a document type or
    entities.
    """
    copier = _Copier(rules, out, allowance)
    parser = DefusedExpatParser(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.setContentHandler(copier)
    try:
        parser.feed(b"")  # without this, closing would accept an empty file
        while piece := source.read(_READ_BYTES):
            parser.feed(piece)
        parser.close()
    except (SAXException, DefusedXmlException, ValueError, LookupError) as error:
        raise refusal(error) from error
    copier.flush()


class Aliases:
    """Aliases of people's names: a person has the same alias throughout a document."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the alias of ``name``; an empty name stays empty."""
        name = name.strip()
        return self._known.setdefault(name, f"Author {len(self._known) + 1}") if name else ""

    def __len__(self) -> int:
        return len(self._known)

    def relabelled(self, text: str) -> str:
        """Return ``text`` with an alias where it begins with "Name:" of a person with an alias."""
        for name, alias in self._known.items():
            if text.lstrip().startswith(f"{name}:"):
                return text.replace(name, alias, 1)
        return text
