"""Names of XML elements and attributes as a hostile file writes them, and as a copy does; for ``markup`` only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import quoteattr

from complaints.adapters.media.vocabulary import NO_SPACE, Space, Vocabulary

# Attributes of XML itself; their prefix needs no declaration.
_OF_XML: Final = frozenset({"xml:space", "xml:lang", "xml:id"})


class Names:
    """Gives the names of a file the prefixes of the vocabulary; a name that it does not list has none."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._spaces = vocabulary.spaces
        # Of two namespaces with one prefix, as those of strict and transitional documents, a file uses one.
        bare = vocabulary.spaces.get(NO_SPACE)
        self._chosen: dict[str, Space] = {bare.prefix: bare} if bare else {}
        self._scopes: list[tuple[int, dict[str, Space]]] = [(0, {"": bare} if bare else {})]
        self._elements: dict[str, tuple[str, Space] | None] = {}
        self._attributes: dict[tuple[str, str], str | None] = {}

    @property
    def prefixes(self) -> dict[str, Space]:
        """What the file's prefixes mean at this place."""
        return self._scopes[-1][1]

    def enter(self, depth: int, attributes: Mapping[str, str]) -> None:
        """Take note of the declarations of an element."""
        declared = {key[6:]: uri for key, uri in attributes.items() if key == "xmlns" or key.startswith("xmlns:")}
        if not declared:
            return
        scope = {prefix: space for prefix, space in self.prefixes.items() if prefix not in declared}
        for prefix, uri in declared.items():
            space = self._spaces.get(uri)
            if space is not None and self._chosen.setdefault(space.prefix, space) is space:
                scope[prefix] = space
        self._scopes.append((depth, scope))
        self._elements, self._attributes = {}, {}

    def leave(self, depth: int) -> None:
        """Forget the declarations of the element at this depth."""
        if self._scopes[-1][0] == depth:
            self._scopes.pop()
            self._elements, self._attributes = {}, {}

    def element(self, name: str) -> tuple[str, Space] | None:
        """Return an element's name with the vocabulary's prefix, and its namespace; None where it is not listed."""
        if name not in self._elements:
            prefix, _, word = name.rpartition(":")
            space = self.prefixes.get(prefix)
            listed = space is not None and word in space.elements
            self._elements[name] = (f"{space.prefix}:{word}", space) if space is not None and listed else None
        return self._elements[name]

    def attributes(self, space: Space, attributes: Mapping[str, str]) -> dict[str, str]:
        """Return the listed attributes of an element in ``space``; those without prefix stay without."""
        result = {}
        for key, value in attributes.items():
            pair = (space.prefix, key)
            if pair not in self._attributes:
                self._attributes[pair] = self._attribute(space, key)
            name = self._attributes[pair]
            if name is not None:
                result[name] = value
        return result

    def _attribute(self, space: Space, key: str) -> str | None:
        prefix, _, word = key.rpartition(":")
        if not prefix:
            return word if word in space.attributes else None
        if prefix == "xml":
            return key if key in _OF_XML else None
        target = self.prefixes.get(prefix)
        return f"{target.prefix}:{word}" if target is not None and word in target.attributes else None

    def uri(self, prefix: str) -> str:
        """Return the namespace that this file uses for a prefix of the vocabulary."""
        return self._chosen[prefix].uri


class Tags:
    """The tags of a copy; its first element declares what the file's first one does, others what they lack."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._default: str | None = None
        self._declared: list[tuple[int, str]] = []

    def start(self, depth: int, raw: str, name: str, attributes: Mapping[str, str]) -> str:
        """Return a start tag without its end; ``raw`` is the element's name in the file."""
        element_prefix = name.partition(":")[0]
        used = {key.partition(":")[0] for key in attributes if ":" in key and key not in _OF_XML}
        declarations = ""
        if self._default is None:
            self._default = "" if ":" in raw else element_prefix
            spaces = self._names.prefixes.values()
            used |= {space.prefix for space in spaces if space.uri != NO_SPACE} - {self._default}
            uri = self._names.uri(element_prefix)
            declarations = f" xmlns={quoteattr(uri)}" if self._default and uri != NO_SPACE else ""
        if element_prefix != self._default:
            used.add(element_prefix)
        for prefix in sorted(used - {prefix for _, prefix in self._declared}):
            self._declared.append((depth, prefix))
            declarations += f" xmlns:{prefix}={quoteattr(self._names.uri(prefix))}"
        values = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        return f"<{self._written(name)}{declarations}{values}"

    def end(self, name: str) -> str:
        """Return an end tag."""
        return f"</{self._written(name)}>"

    def leave(self, depth: int) -> None:
        """Forget the declarations of the element at this depth."""
        while self._declared and self._declared[-1][0] >= depth:
            self._declared.pop()

    def _written(self, name: str) -> str:
        prefix, _, word = name.partition(":")
        return word if prefix == self._default else name
