"""What a search compares: spellings of names and agencies, terms of a query, ranks; and what a document leaves out."""

from __future__ import annotations

import random

import pytest

from complaints.domain import search_words
from complaints.domain.errors import SealError
from complaints.domain.risk import RiskGrade
from complaints.domain.search_document import (
    SIZES,
    SearchDocument,
    SearchedTexts,
    is_partial,
    of_story,
    risk_in,
    texts_in,
)
from complaints.domain.search_words import AGENCIES, NAMES, PLACES, WORDS

TEXTS = SearchedTexts(
    names=(
        *search_words.name_spellings("Drs. H. Moh. Suprapti, M.Si."),
        *search_words.number_spellings("19800101 200501 1 003"),
        *search_words.name_spellings("Kabid Perbekalan"),
    ),
    agencies=tuple(search_words.office_spellings("Disdik Kab. Contoh")),
    places=tuple(search_words.office_spellings("Kota Tulung")),
    posts=(search_words.fold("https://instagram.com/p/AbC123unik"),),
    words=tuple(search_words.words_of("Kami dikumpulkan Bapak Kadis. Hubungi 0812-3456-7890 di Dinkes.")),
)


def rank(query: str) -> search_words.Rank | None:
    return search_words.rank(
        texts_in(of_story("", files=(), evidence=0, names=True, texts=TEXTS).encode()), search_words.terms_of(query)
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("suprapti", (NAMES, 0)),
        ("SUPRAP", (NAMES, 0)),
        ("Muhammad Suprapti", (NAMES, 0)),
        ("Mohamad", (NAMES, 0)),
        ("dra. suprapti", (NAMES, 1)),
        ("198001012005011003", (NAMES, 0)),
        ("200501", (NAMES, 0)),
        ("perbekalan", (NAMES, 0)),
        ("dinas pendidikan kabupaten contoh", (AGENCIES, 0)),
        ("disdik contoh", (AGENCIES, 0)),
        ("Dinas Pendidikan Kota Contoh", (PLACES, 0)),
        ("Dinas Pendidikan Provinsi Contoh", (AGENCIES, 1)),
        ("suprapti contoh", (AGENCIES, 0)),
        ("tulung", (PLACES, 0)),
        ("kumpul", (WORDS, 0)),
        ("dinas kesehatan", (WORDS, 0)),
        ("081234567890", (WORDS, 0)),
        ("0812-3456-7890", (WORDS, 0)),
        ("abc123unik", (WORDS, 0)),
        ("suprapti tidakada", None),
        ("drs prof", (NAMES, 1)),
        ("kabupaten provinsi", (AGENCIES, 1)),
    ],
)
def test_what_is_found_and_where(query: str, expected: search_words.Rank | None) -> None:
    assert rank(query) == expected


def test_no_letter_and_no_digit_is_no_term() -> None:
    assert not search_words.terms_of(" ?! ")
    assert rank("prof") is None


def test_words_beyond_the_largest_size_are_left_out_from_the_end() -> None:
    chance = random.Random(5)
    words = tuple(f"{chance.getrandbits(60):x}" for _number in range(4000))
    for risk in (None, *RiskGrade):
        document = SearchDocument(1, 2, risk=risk, texts=SearchedTexts(names=("suprapti",), words=words))
        data = document.encode()
        texts = texts_in(data)
        kept = texts[WORDS].split()
        assert risk_in(data) is risk and is_partial(data) and texts[NAMES] == "suprapti"
        assert 1000 < len(kept) < 4000 and tuple(kept) == words[: len(kept)]
        # One word more would not fit.
        assert len(data) < SIZES[-1] <= len(data) + 20
    assert not is_partial(SearchDocument(1, 2).encode())


@pytest.mark.parametrize("data", [b"", b"\1", b"\2\0\0x", b"\1\4\0x", b"\1\0\0x"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(SealError):
        texts_in(data)
