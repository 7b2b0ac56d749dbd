"""Streams hostile XML from one file to another and leaves out or changes elements by rules.

Rules with a vocabulary copy what it lists and nothing else, under its prefixes; those without one only read. Entities
are refused; comments, processing instructions and what the vocabulary does not list are dropped. For the office readers
of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException, DTDForbidden, ExternalReferenceForbidden
from defusedxml.expatreader import DefusedExpatParser

from complaints.adapters.media.namespaces import Names, Tags
from complaints.adapters.media.refusal import Unreadable, refusal
from complaints.adapters.media.vocabulary import Space, Vocabulary

MAX_DEPTH: Final = 1_000
_FLUSH_PIECES: Final = 4_096
_READ_BYTES: Final = 64 * 1024
_OPENOFFICE: Final = "-//OpenOffice.org//DTD "


def local(name: str) -> str:
    """Return a qualified name without its prefix."""
    return name.rpartition(":")[2]


def names(*lines: str) -> frozenset[str]:
    """Return the words in ``lines``."""
    return frozenset(" ".join(lines).split())


@dataclass
class Rules:
    """Decides for each element; this class copies all that the vocabulary lists. Subclasses override what differs.

    With a vocabulary, names have its prefixes ("w:p"; attributes without prefix keep none), else those of the file.
    ``unwrap`` holds names of listed elements that are replaced by their content.
    """

    vocabulary: Vocabulary | None = None
    unwrap: frozenset[str] = frozenset()
    # The elements around the current one, outermost first; without a vocabulary, without their prefixes.
    path: list[str] = field(default_factory=list)
    # What the prefixes of the file mean at this place: values of attributes may name them.
    prefixes: Mapping[str, Space] = field(default_factory=dict)

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return the attributes of the copied element, or None to drop it with its content."""
        return attributes

    def left_out(self, name: str) -> None:
        """Take note of an element that the vocabulary does not list, by its name without prefix."""

    def text(self, text: str) -> str | None:
        """Return the text to write for a run of text, or None to drop the element that it begins."""
        return text

    def written(self, name: str) -> tuple[str, str] | None:
        """Return the name and text of an element to write in place of an unwrapped one; None for nothing more."""
        return None

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


class _Reader(ContentHandler):
    """Shows a file to rules that only read."""

    def __init__(self, rules: Rules, allowance: Allowance) -> None:
        super().__init__()
        self._rules = rules
        self._allowance = allowance
        self._text: list[str] = []
        self._dropped = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self._allowance.spend(1 + len(attrs))
        self._end_text()
        if len(self._rules.path) >= MAX_DEPTH:
            raise Unreadable("bomb")
        self._rules.path.append(local(name))
        if self._dropped or not self._begin(name, dict(attrs.items())):
            self._dropped += 1

    def endElement(self, name: str) -> None:  # noqa: N802
        self._end_text()
        if self._dropped:
            self._dropped -= 1
        else:
            self._finish(name)
        self._rules.path.pop()

    def characters(self, content: str) -> None:
        if not self._dropped:
            self._text.append(content)

    def _end_text(self) -> None:
        if self._text:
            text, self._text = self._rules.text("".join(self._text)), []
            if text is None:
                self._dropped = 1
            self._write_text(text)

    def _begin(self, name: str, attributes: dict[str, str]) -> bool:
        """Show the rules an element; return False to pass over its content."""
        return self._rules.start(name, attributes) is not None

    def _finish(self, name: str) -> None:
        self._rules.end(name)

    def _write_text(self, text: str | None) -> None:
        """Take the text that the rules made of a run; None drops its element."""


class _Copier(_Reader):
    """Copies what the vocabulary of the rules lists."""

    def __init__(self, rules: Rules, vocabulary: Vocabulary, out: BinaryIO, allowance: Allowance) -> None:
        super().__init__(rules, allowance)
        self._out = out
        self._names = Names(vocabulary)
        self._tags = Tags(self._names)
        self._pieces: list[str] = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n']
        # Whether the last piece is a start tag without its end.
        self._open = False
        self.is_empty = True

    def _begin(self, name: str, attributes: dict[str, str]) -> bool:
        path = self._rules.path
        self._names.enter(len(path), attributes)
        self._rules.prefixes = self._names.prefixes
        listed = self._names.element(name)
        if listed is None:
            self._rules.left_out(local(name))
            self._names.leave(len(path))
            return False
        path[-1], space = listed
        copied = self._rules.start(path[-1], self._names.attributes(space, attributes))
        if copied is None:
            self._names.leave(len(path))
            return False
        if path[-1] not in self._rules.unwrap:
            self._close_tag()
            self._pieces.append(self._tags.start(len(path), name, path[-1], copied))
            self._open, self.is_empty = True, False
        return True

    def _finish(self, name: str) -> None:
        element, depth = self._rules.path[-1], len(self._rules.path)
        self._rules.end(element)
        if element not in self._rules.unwrap:
            self._pieces.append("/>" if self._open else self._tags.end(element))
            self._open = False
            self._tags.leave(depth)
        elif added := self._rules.written(element):
            self._close_tag()
            self._pieces.append(f"{self._tags.start(depth, name, added[0], {})}>{escape(added[1])}")
            self._pieces.append(self._tags.end(added[0]))
            self._tags.leave(depth)
        self._names.leave(depth)
        if len(self._pieces) > _FLUSH_PIECES:
            self.flush()

    def _write_text(self, text: str | None) -> None:
        if text:
            self._close_tag()
            self._pieces.append(escape(text))
        elif text is None:
            self._drop_begun()

    def _drop_begun(self) -> None:
        """Take back the element whose start tag was written last; text behind other content drops nothing."""
        if not self._open:
            self._dropped = 0
            return
        self._pieces.pop()
        self._open = False
        self._tags.leave(len(self._rules.path))
        self._names.leave(len(self._rules.path))

    def _close_tag(self) -> None:
        if self._open:
            self._pieces.append(">")
            self._open = False

    def flush(self) -> None:
        self._out.write("".join(self._pieces).encode("utf-8", "replace"))
        self._pieces.clear()


def read(source: BinaryIO, rules: Rules, allowance: Allowance) -> None:
    """Show XML to rules without a vocabulary; raises as :func:`rewrite`."""
    _parse(source, _Reader(rules, allowance))


def rewrite(source: BinaryIO, out: BinaryIO, rules: Rules, allowance: Allowance) -> bool:
    """Stream what the vocabulary of ``rules`` lists from ``source`` to ``out``; return whether anything was written.

    Raises Unreadable: malformed, too deep, with more elements than ``allowance`` has left, or with entities.
    """
    copier = _Copier(rules, rules.vocabulary or Vocabulary(), out, allowance)
    _parse(source, copier)
    copier.flush()
    return not copier.is_empty


class _Parser(DefusedExpatParser):
    """Reads no document type but those that OpenOffice wrote into every file, whose definitions are never loaded."""

    def defused_start_doctype_decl(
        self, name: str, system: str | None, public: str | None, has_internal_subset: int
    ) -> None:
        if has_internal_subset or not (public or "").startswith(_OPENOFFICE):
            raise DTDForbidden(name, system, public)

    # The stub gives the inherited method no result, but Expat asks for one.
    def defused_external_entity_ref_handler(  # type: ignore[override]
        self, context: str, base: str | None, system: str | None, public: str | None
    ) -> int:
        """Return that the definitions were dealt with: the reader of this interface is Expat."""
        if not (public or "").startswith(_OPENOFFICE):
            raise ExternalReferenceForbidden(context, base, system, public)
        return 1


def _parse(source: BinaryIO, handler: ContentHandler) -> None:
    parser = _Parser(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.setContentHandler(handler)
    try:
        parser.feed(b"")  # without this, closing would accept an empty file
        while piece := source.read(_READ_BYTES):
            parser.feed(piece)
        parser.close()
    except (SAXException, DefusedXmlException, ValueError, LookupError) as error:
        raise refusal(error) from error


class Aliases:
    """Aliases of names: a person, a style or a bookmark has the same alias throughout a document."""

    def __init__(self, label: str = "Author ") -> None:
        """Make aliases of ``label`` and a number."""
        self._label = label
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the alias of ``name``; an empty name stays empty."""
        name = name.strip()
        return self._known.setdefault(name, f"{self._label}{len(self._known) + 1}") if name else ""

    def __len__(self) -> int:
        return len(self._known)

    def relabelled(self, text: str) -> str:
        """Return ``text`` with an alias where it begins with "Name:" of a person with an alias."""
        for name, alias in self._known.items():
            if text.lstrip().startswith(f"{name}:"):
                return text.replace(name, alias, 1)
        return text
