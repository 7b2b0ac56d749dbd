"""Redaction as instructions over an original: which passages of a text, areas of a picture and spans of a sound go.

The original is never edited. What is released is worked out from it and from the instructions by :func:`redact`, so
that whoever holds both can work it out again. A passage widens to whole words, neighbours become one, and the marker in
its place has the same length whatever stood there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from complaints.domain import normalization


class Reason(StrEnum):
    """Why something is removed; the values are stored in sealed records."""

    IDENTITY = "identity"
    THIRD_PERSON = "third"
    NOT_RELEVANT = "irrelevant"


# What a body reads in place of a passage. Indonesian whoever reads it: it is part of the released text.
MARKERS: Final[Mapping[Reason, str]] = {
    Reason.IDENTITY: "[dihilangkan: identitas]",
    Reason.THIRD_PERSON: "[dihilangkan: pihak ketiga]",
    Reason.NOT_RELEVANT: "[dihilangkan: tidak terkait]",
}
# Boxes are in parts of a page's width and height, so that they hold for each size that a page is drawn in.
SCALE: Final = 10_000
# Milliseconds that are muted on each side of a span: lossy kinds of sound compute frames of this length that overlap,
# and so what is muted echoes in its neighbours.
MUTE_MARGIN: Final = 100
# Of one text, and of one file: the sandbox takes no more instructions at once.
MOST_PASSAGES: Final = 500
MOST_AREAS: Final = 80
# A released text names each thing by more than so many letters; shorter words stand everywhere.
LEFTOVER_LETTERS: Final = 4
_RUN: Final = re.compile(r"\S+")
_CELL: Final = re.compile(r"[^\n\t]+")
# Each run of marks is looked at once, however long it is.
_SENTENCE_END: Final = re.compile(r"(?<![.!?…])[.!?…]++[\"”’)\]]*+(?=\s)|\n")
# Words of every text, which betray nobody where they stand elsewhere.
_EVERYWHERE: Final = frozenset(
    {
        "adalah", "agar", "akan", "anda", "antara", "atas", "atau", "bahwa", "banyak", "beberapa", "bisa", "bukan",
        "dalam", "dapat", "dari", "dengan", "dia", "diri", "harus", "hanya", "hari", "itu", "jika", "juga", "kami",
        "karena", "kata", "kepada", "ketika", "kita", "lain", "lagi", "lalu", "maka", "masih", "mereka", "oleh",
        "orang", "pada", "para", "pernah", "saat", "saja", "sampai", "sangat", "saya", "sebagai", "sebelum",
        "sedang", "semua", "sendiri", "seorang", "seperti", "serta", "setelah", "sudah", "supaya", "tahun",
        "tanggal", "telah", "tentang", "tersebut", "tidak", "untuk", "waktu", "yaitu", "yang", "from", "that",
        "this", "were", "with",
    }
)  # fmt: skip


class NothingLeft(Exception):
    """Nothing would be left of a text or a sound: it is left out of the release instead."""


@dataclass(frozen=True, order=True)
class Span:
    """A passage: code points ``start`` to ``end`` (exclusive) of a text, or milliseconds of a sound."""

    start: int
    end: int
    reason: Reason

    def stored(self) -> list[object]:
        """Return the span as records hold it: ``[from, until, reason]``."""
        return [self.start, self.end, self.reason.value]

    @classmethod
    def read(cls, stored: Sequence[object]) -> Span:
        """Return the span that :meth:`stored` wrote."""
        start, end = (int(str(number)) for number in stored[:2])
        return cls(start, end, Reason(str(stored[2])))


@dataclass(frozen=True, order=True)
class Box:
    """An area of a picture, or of a page counted from 1, in parts of :data:`SCALE` of its width and height."""

    page: int
    left: int
    top: int
    width: int
    height: int
    reason: Reason

    def stored(self) -> list[object]:
        """Return the box as records hold it: ``[page, left, top, width, height, reason]``."""
        return [self.page, self.left, self.top, self.width, self.height, self.reason.value]

    @classmethod
    def read(cls, stored: Sequence[object]) -> Box:
        """Return the box that :meth:`stored` wrote."""
        page, left, top, width, height = (int(str(number)) for number in stored[:5])
        return cls(page, left, top, width, height, Reason(str(stored[5])))


@dataclass(frozen=True)
class Removed:
    """A run of text that one marker, or one for each of its reasons, stands for."""

    start: int
    end: int
    reasons: tuple[Reason, ...]

    @property
    def marker(self) -> str:
        return " ".join(MARKERS[reason] for reason in self.reasons)


def redact(text: str, spans: Iterable[Span]) -> str:
    """Return ``text`` with a marker in place of each removed run.

    Raises:
        NothingLeft: no word would be left.
    """
    return _without(text, removed_runs(text, spans))


def redact_cells(text: str, spans: Iterable[Span]) -> str:
    """Return the text of a document, as a reader of documents gives it, without what :func:`removed_in_cells` names.

    Raises NothingLeft as :func:`redact`.
    """
    return _without(text, removed_in_cells(text, spans))


def _without(text: str, runs: Sequence[Removed]) -> str:
    if not runs:
        return text
    kept = _kept_parts(text, runs)
    if not any(letter.isalnum() for part in kept for letter in part):
        raise NothingLeft
    pieces = [kept[0]]
    for run, part in zip(runs, kept[1:], strict=True):
        pieces += [run.marker, part]
    return "".join(pieces)


def _kept_parts(text: str, runs: Sequence[Removed]) -> list[str]:
    """Return what stands before, between and behind the removed runs, one part more than there are runs."""
    starts = [0, *(run.end for run in runs)]
    ends = [*(run.start for run in runs), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def removed_runs(text: str, spans: Iterable[Span]) -> list[Removed]:
    """Return what is removed, in order: spans widened to the words that they touch, neighbours merged.

    Spans without a word between them are one run: else the number of markers would tell the number of names.
    """
    words = list(_words(text))
    widened = sorted(wide for span in spans if (wide := _widened(span, words, len(text))))
    runs: list[Removed] = []
    for span in widened:
        if runs and not _has_word_between(words, runs[-1].end, span.start):
            last = runs[-1]
            reasons = tuple(reason for reason in Reason if reason in {*last.reasons, span.reason})
            runs[-1] = Removed(last.start, max(last.end, span.end), reasons)
        else:
            runs.append(Removed(span.start, span.end, (span.reason,)))
    return runs


def removed_in_cells(text: str, spans: Iterable[Span]) -> list[Removed]:
    """Return what is removed of a document, in order: of each line and each cell by itself.

    A document keeps its paragraphs and cells, so each has its own marker, where a body sees that something went.
    """
    wanted, runs = sorted(spans), list[Removed]()
    for cell in _CELL.finditer(text):
        start, end = cell.span()
        inside = [
            Span(max(span.start, start) - start, min(span.end, end) - start, span.reason)
            for span in wanted
            if span.start < end and start < span.end
        ]
        if inside:
            removed = removed_runs(cell.group(), inside)
            runs += [Removed(run.start + start, run.end + start, run.reasons) for run in removed]
    return runs


def _widened(span: Span, words: Sequence[tuple[int, int]], length: int) -> Span | None:
    """Return a span that ends where words end; None where it touches no word."""
    start, end = max(0, span.start), min(span.end, length)
    touched = [word for word in words if start < word[1] and word[0] < end] if start < end else []
    if not touched:
        return None
    return Span(touched[0][0], touched[-1][1], span.reason)


def _has_word_between(words: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    return any(word[0] < end and start < word[1] for word in words)


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each word: what stands between spaces, without the punctuation around it.

    So "0812-3456", "ani@contoh.id" and "Dinas/Badan" are one word each, and signs of other scripts belong to theirs.
    """
    for run in _RUN.finditer(text):
        start, end = run.span()
        while start < end and _is_punctuation(text[start]):
            start += 1
        while start < end and _is_punctuation(text[end - 1]):
            end -= 1
        if start < end:
            yield start, end


def _is_punctuation(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PS"


def find_words(text: str, wanted: str, reason: Reason) -> list[Span]:
    """Return each place where ``wanted`` stands in ``text``, whatever the case of its letters and the spaces in it.

    Found inside of a longer word it removes that word as well, as :func:`redact` widens it. [] where it stands nowhere.
    """
    parts = [re.escape(part) for part in wanted.split()]
    if not parts:
        return []
    pattern = re.compile(r"\s+".join(parts), re.IGNORECASE)
    return [Span(match.start(), match.end(), reason) for match in pattern.finditer(text)]


def sentences(text: str) -> list[tuple[int, int]]:
    """Return start and end of each sentence, in order; each line begins a new one, empty ones are left out."""
    spans = []
    for start, end in pairwise([0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]):
        piece = text[start:end].rstrip("\n")
        if piece.strip():
            spans.append((start + len(piece) - len(piece.lstrip()), start + len(piece)))
    return spans


def removed_words(text: str, spans: Iterable[Span]) -> set[str]:
    """Return the removed words, folded, that would tell something where they stand elsewhere."""
    return {word for run in removed_runs(text, spans) for word in telling_words(text[run.start : run.end])}


def telling_words(text: str) -> set[str]:
    """Return the words of a text, folded, that tell something by themselves."""
    return {word for word in normalization.fold(text).split() if tells(word)}


def tells(word: str) -> bool:
    """Whether a folded word tells something by itself: it is long enough, and none of those that stand everywhere."""
    return len(word) >= LEFTOVER_LETTERS and word not in _EVERYWHERE


def leftovers(removed: Iterable[str], released: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the removed words that still stand in released texts.

    Args:
        removed: folded words, as :func:`removed_words` returns them.
        released: by a name for the reader, the texts as they are released.

    Returns:
        By removed word, sorted, the names of the texts in which it stands.
    """
    wanted, left = set(removed), dict[str, list[str]]()
    for name, text in released.items():
        for word in wanted.intersection(normalization.fold(text).split()):
            left.setdefault(word, []).append(name)
    return dict(sorted(left.items()))


def visible(pages: int, boxes: Sequence[Box]) -> None:
    """Raise NothingLeft where boxes cover every page of ``pages``; a picture has one.

    Looked at are the middles of 50 by 50 fields of each page.
    """
    fields = 50
    middles = [SCALE * (2 * number + 1) // (2 * fields) for number in range(fields)]
    for page in range(1, pages + 1):
        on_page = [box for box in boxes if box.page == page]
        if not all(any(_covers(box, x, y) for box in on_page) for x in middles for y in middles):
            return
    raise NothingLeft


def _covers(box: Box, x: int, y: int) -> bool:
    return box.left <= x < box.left + box.width and box.top <= y < box.top + box.height


def audible(length: int, mutes: Iterable[Span]) -> int:
    """Return how many milliseconds of a sound are left beside spans and margins; raises NothingLeft where none is."""
    left, until = 0, 0
    for span in sorted(mutes):
        left += max(0, min(span.start - MUTE_MARGIN, length) - until)
        until = max(until, span.end + MUTE_MARGIN)
    left += max(0, length - until)
    if left <= 0:
        raise NothingLeft
    return left
