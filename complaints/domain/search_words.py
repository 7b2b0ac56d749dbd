"""What a search compares: texts in the spellings under which they are looked for, and the terms of a query.

Everything is folded (normalization.fold), and names stand beside their normal forms, so that "Disdik Kab. X" is found
by "dinas pendidikan kabupaten x" and the other way round. A term is found as a part of any word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from complaints.domain import normalization

# Where a word stands, the best place first: whoever types a name looks for the accused.
NAMES, AGENCIES, PLACES, WORDS = range(4)
# Each term in its spellings, of which one has to be found.
Terms: TypeAlias = Sequence[tuple[str, ...]]
# By place and by how many words of the query are missing that people leave out; the lower, the better.
Rank: TypeAlias = tuple[int, int]
# A longer one is no word that somebody remembers.
_LONGEST_WORD: Final = 64
# Digits of one number, as phones and employee numbers are written.
_NUMBER: Final = re.compile(r"(?<!\d)\d(?:[ .\-]?\d){8,}(?!\d)")


def fold(text: str) -> str:
    """Return the folded words of a text with one space between them."""
    return " ".join(normalization.fold(text).split())


def name_spellings(text: str) -> list[str]:
    """Return the spellings of a person's name or position."""
    return _once([fold(text), normalization.name(text), normalization.office(text)])


def number_spellings(text: str) -> list[str]:
    """Return an employee number as it was typed, and its digits in a row."""
    return _once([fold(text), normalization.nip(text)])


def office_spellings(text: str) -> list[str]:
    """Return the spellings of an agency or a place."""
    return _once([fold(text), *normalization.office_spellings(text)])


def words_of(text: str) -> Iterator[str]:
    """Yield the folded words of a text in order, each followed by what it may stand for, then its long numbers."""
    for word in normalization.fold(text).split():
        yield from normalization.long_forms(word[:_LONGEST_WORD])
    for number in _NUMBER.findall(text):
        yield normalization.nip(number)[:_LONGEST_WORD]


def terms_of(query: str) -> Terms:
    """Return the terms of a query, each with what it may stand for; none where it holds no letter and no digit."""
    if number := normalization.number_alone(query):
        return ((number,),)
    return tuple(normalization.long_forms(word) for word in dict.fromkeys(normalization.fold(query).split()))


def rank(texts: Sequence[str], terms: Terms) -> Rank | None:
    """Return the rank of folded ``texts``, one for each place, in which all ``terms`` are read; None where not.

    Titles, degrees and levels of government may be missing where another term is found.
    """
    worst, missing = -1, 0
    for spellings in terms:
        place = next((number for number, text in enumerate(texts) if any(part in text for part in spellings)), None)
        if place is not None:
            worst = max(worst, place)
        elif normalization.may_be_missing(spellings[0]):
            missing += 1
        else:
            return None
    return (worst, missing) if worst >= 0 else None


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, texts)))
