"""Finds what office documents hold where nobody sees it at first, by their elements; for ``ooxml``, ``odf`` and
``documents``.

Names are looked at without their prefixes, so that a file can be judged before and while it is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# Each of these elements tells it by being there.
_TAGS: Final = {
    **dict.fromkeys(("ins", "del", "moveFrom", "moveTo", "changed-region"), "tracked-changes"),
    **dict.fromkeys(("comment", "cm", "annotation"), "comments"),
}
# In Word, Excel and PowerPoint an attribute of an element hides it,
_ATTRIBUTES: Final = {
    "sheet": ("state", "hidden-sheets"),
    "row": ("hidden", "hidden-sheets"),
    "col": ("hidden", "hidden-sheets"),
    "sheetFormatPr": ("zeroHeight", "hidden-sheets"),
    "cNvPr": ("hidden", "hidden-text"),
    "docPr": ("hidden", "hidden-text"),
}
# in OpenDocument the value of an attribute does, whatever element has it.
_VALUES: Final = {
    ("visibility", "collapse"): "hidden-sheets",
    ("visibility", "filter"): "hidden-sheets",
    ("display", "none"): "hidden-text",
    ("is-hidden", "true"): "hidden-text",
}
# or that of one element, where others have such an attribute for something else.
_PROPERTIES: Final = {
    ("table-properties", "display", "false"): "hidden-sheets",
    ("drawing-page-properties", "visibility", "hidden"): "hidden-slides",
}
_OFF: Final = frozenset({"0", "false", "off"})
_SHOWN: Final = _OFF | {"visible"}
_SHOWS_NO_VALUE: Final = ";;;"
_OPEN_NOTES: Final = "presentation:notes"


class HiddenContent:
    """Collects the codes of :mod:`losses` for what one document hides, over all of its parts."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._style = ""
        self._hiding_styles: set[str] = set()
        self._used_styles: set[str] = set()

    @property
    def codes(self) -> set[str]:
        """The codes, once all parts were noted: a style that hides text may be defined behind the text that uses it."""
        return self.found | ({"hidden-text"} if self._hiding_styles & self._used_styles else set())

    def note(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        """Take note of the element at the end of ``path``, of Word, Excel or PowerPoint; raises nothing."""
        name = path[-1].rpartition(":")[2]
        reader = _READERS.get(name)
        if reader is not None:
            reader(self, path, {key.rpartition(":")[2]: value for key, value in attributes.items()})

    def note_open(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        """Take note of an element of OpenDocument."""
        prefix, _, name = path[-1].rpartition(":")
        if name in _TAGS and prefix != "math":
            self.found.add(_TAGS[name])
        for key, value in attributes.items():
            key = key.rpartition(":")[2]
            if (key, value) in _VALUES:
                self.found.add("layers" if name == "layer" else _VALUES[key, value])
            elif (name, key, value) in _PROPERTIES:
                self.found.add(_PROPERTIES[name, key, value])

    def note_text(self, path: Sequence[str], text: str) -> None:
        """Take note of a run of text: of the notes of a slide."""
        in_notes = path[0] == "p:notes" and path[-2:] == ["a:r", "a:t"]
        # Those of a master hold the numbers of pages.
        in_open_notes = _OPEN_NOTES in path and "draw:page" in path
        if (in_notes or in_open_notes) and text.strip():
            self.found.add("speaker-notes")

    def _tag(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        self.found.add(_TAGS[path[-1].rpartition(":")[2]])

    def _attribute(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        key, code = _ATTRIBUTES[path[-1].rpartition(":")[2]]
        if attributes.get(key, "0") not in _SHOWN:
            self.found.add(code)

    def _slide(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if attributes.get("show", "1") in _OFF:
            self.found.add("hidden-slides")

    def _format(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if attributes.get("formatCode") == _SHOWS_NO_VALUE:
            self.found.add("hidden-sheets")

    def _vanish(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        around = [name.rpartition(":")[2] for name in path]
        if attributes.get("val", "1") in _OFF or around[-3:-1] == ["pPr", "rPr"]:
            return  # of the mark of a paragraph, which is no text
        if "style" in around:
            self._hiding_styles.add(self._style)
        elif "r" in around:
            self.found.add("hidden-text")

    def _defined_style(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        self._style = attributes.get("styleId", "")

    def _used_style(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        self._used_styles.add(attributes.get("val", ""))


_READERS: Final = {
    **dict.fromkeys(_TAGS, HiddenContent._tag),
    **dict.fromkeys(_ATTRIBUTES, HiddenContent._attribute),
    "sld": HiddenContent._slide,
    "numFmt": HiddenContent._format,
    "vanish": HiddenContent._vanish,
    "style": HiddenContent._defined_style,
    "pStyle": HiddenContent._used_style,
    "rStyle": HiddenContent._used_style,
}
