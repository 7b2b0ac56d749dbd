"""The text of an office document, in the order in which it is read, and the same document without passages of it.

A reader of a document shows this class each text that people would see, part by part, twice: first to learn where each
of them stands in the whole text, then to write them without what is removed. In the sandbox only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from complaints.adapters.media.refusal import Unreadable
from complaints.domain import normalization, redaction
from complaints.domain.redaction import Removed

# As many letters as the pages of a PDF that are shown hold: what nobody looks at is not released.
MOST_LETTERS: Final = 60_000
_NUMBERS: Final = re.compile(r"\d+")


@dataclass
class Part:
    """One part of a document: the text that was read of it, and where it begins in that of the whole document."""

    start: int = 0
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    # Of each value that is removed as a whole, from where to where it stands in the part, in order.
    wholes: list[tuple[int, int]] = field(default_factory=list)
    # Of each frame, whether it holds a text, and how many frames are inside of it, in order.
    frames: list[tuple[bool, int]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass
class Passages:
    """Collects the texts of a document, or, once :meth:`arranged`, writes them without what is removed."""

    removed: Sequence[Removed] = ()
    learned: Mapping[str, Part] | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    def part(self, name: str) -> PartText:
        """Return what the reader of a part shows its texts to."""
        known = self.learned[name] if self.learned is not None else Part()
        self.parts[name] = Part(known.start)
        return PartText(self, self.parts[name], known)

    def text(self) -> str:
        """Return the text of the whole document; raises Unreadable ("too_large") where nobody would read all of it."""
        text = "".join(self.parts[name].text for name in self._order())
        if len(text) > MOST_LETTERS:
            raise Unreadable("too_large")
        return text

    def _order(self) -> list[str]:
        """Return the names of the parts as people read them: the main part, then those that programs count up."""
        return sorted(self.parts, key=_place)

    def arranged(self, removed: Sequence[Removed]) -> Passages:
        """Return what writes the same document without the runs ``removed`` of :meth:`text`."""
        text, start = self.text(), 0
        for name in self._order():
            self.parts[name].start = start
            start += self.parts[name].length
        words = frozenset(word for run in removed for word in redaction.telling_words(text[run.start : run.end]))
        return Passages(removed, self.parts, words=words)

    def names(self, value: str) -> bool:
        """Whether a name that programs show, as that of a sheet or of a format of numbers, holds a removed word."""
        return bool(self.words) and any(word in normalization.fold(value) for word in self.words)


def _place(name: str) -> tuple[int, list[int], str]:
    """Return where a part is read: what holds the text before headers, notes and what slides share."""
    base = name.rpartition("/")[2]
    first = ("document", "workbook", "content", "sheet", "slide", "header", "footer", "footnotes", "endnotes")
    rank = next((number for number, word in enumerate(first) if re.match(rf"{word}\d*\.", base)), len(first))
    return rank, [int(number) for number in _NUMBERS.findall(base)], name


@dataclass
class PartText:
    """The texts of one part, shown in the order of the file; each method returns what the copy has in place of it."""

    passages: Passages
    part: Part
    known: Part
    _wholes: int = 0
    _frames: int = 0
    _open: list[int] = field(default_factory=list)

    def add(self, text: str) -> str:
        """Take a text; return it with a marker where a removed run begins in it, and without what is removed."""
        start = self.part.start + self.part.length
        self._take(text)
        kept, place, end = "", start, start + len(text)
        for run in self._runs(start, end):
            kept += text[place - start : max(place, run.start) - start]
            kept += run.marker if start <= run.start else ""
            place = min(run.end, end)
        return kept + text[place - start :]

    def whole(self, text: str) -> str | None:
        """Take a text that stays or goes as a whole; return None where it stays, else what stands in its place."""
        start = self.part.start + self.part.length
        self._take(text)
        self.part.wholes.append((start - self.part.start, start - self.part.start + len(text)))
        self._wholes += 1
        runs = self._runs(start, start + len(text))
        return " ".join(run.marker for run in runs if start <= run.start) if runs else None

    def loses_next_whole(self) -> bool:
        """Whether the next value that :meth:`whole` will be asked about is removed."""
        if self._wholes >= len(self.known.wholes):
            return False
        start, end = self.known.wholes[self._wholes]
        return bool(self._runs(self.known.start + start, self.known.start + end))

    def separate(self, sign: str = "\n") -> None:
        """Take what stands between two texts: the end of a paragraph or line, or of a cell; of several ends one."""
        if self.part.length and not (sign in "\n\t" and self.part.pieces[-1] == "\n"):
            self._take(sign)

    def open_frame(self) -> bool:
        """Begin a frame, which may hold a text; return False where it held none, so that the copy lacks it."""
        number = self._frames
        self._frames += 1
        if self.passages.learned is not None:
            has_text, inside = self.known.frames[number] if number < len(self.known.frames) else (False, 0)
            self._frames += 0 if has_text else inside
            return has_text
        self.part.frames.append((False, 0))
        self._open.append(number)
        return True

    def close_frame(self) -> None:
        """End the frame that was begun last."""
        if self._open:
            number = self._open.pop()
            self.part.frames[number] = (self.part.frames[number][0], self._frames - number - 1)

    def _take(self, text: str) -> None:
        self.part.pieces.append(text)
        self.part.length += len(text)
        if self.part.length > MOST_LETTERS:
            raise Unreadable("too_large")
        if text.strip():
            for number in self._open:
                self.part.frames[number] = (True, self.part.frames[number][1])

    def _runs(self, start: int, end: int) -> list[Removed]:
        return [run for run in self.passages.removed if run.start < end and start < run.end]
