"""Ticket codes: drawn evenly, forgiven generously, refused without a word about their content."""

import traceback
from collections import Counter
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.codes import (
    ALPHABET,
    LENGTH,
    MalformedCode,
    grouped,
    lookup_digest,
    new_code,
    normalise,
    reporter_seed,
    sign_seed,
)

SAMPLES = 100_000
# 31 degrees of freedom per position; 120 is passed by chance less than once in 10^11 positions.
CHI_SQUARE_BOUND = 120
SEPARATORS = " -\t\n\u00a0\u2009\u200b\u200d\ufeff\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d\u3000"

canonical_codes = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)
separators = st.text(SEPARATORS, max_size=3)


def test_codes_are_unique_and_uniformly_distributed() -> None:
    codes = [new_code() for _ in range(SAMPLES)]
    assert len(set(codes)) == SAMPLES
    expected = SAMPLES / len(ALPHABET)
    for place in range(LENGTH):
        counts = Counter(code[place] for code in codes)
        assert set(counts) == set(ALPHABET)
        chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
        assert chi_square < CHI_SQUARE_BOUND


def test_alphabet_is_crockfords() -> None:
    assert ALPHABET == "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    assert len(ALPHABET) ** LENGTH == 2**120


@given(canonical_codes)
def test_normalising_a_canonical_or_grouped_code_is_idempotent(code: str) -> None:
    assert normalise(code) == code
    assert normalise(grouped(code)) == code
    groups = grouped(code).split("-")
    assert [len(group) for group in groups] == [4] * 6
    assert "".join(groups) == code


@given(canonical_codes, st.data())
def test_case_separators_and_lookalikes_are_forgiven(code: str, data: st.DataObject) -> None:
    typed = data.draw(separators)
    for symbol in code:
        likes = {"0": "0Oo", "1": "1IiLl"}.get(symbol, symbol + symbol.lower())
        typed += data.draw(st.sampled_from(likes)) + data.draw(separators)
    assert normalise(typed) == code


@pytest.mark.parametrize("separator", list(SEPARATORS))
def test_each_separator_is_forgiven(separator: str) -> None:
    code = new_code()
    assert normalise(separator.join(code)) == code


@pytest.mark.parametrize("symbol", [*"Uu!_.*/\\#é٣０ſıß", "\x00", "\u212a", "\ud800", "😀"])
def test_other_symbols_are_refused(symbol: str) -> None:
    for text in ("0" * 23 + symbol, symbol + "0" * 23, "0" * 24 + symbol):
        with pytest.raises(MalformedCode):
            normalise(text)


@pytest.mark.parametrize("text", ["", " ", "-", "0" * 23, "0" * 25, "0" * 48, "0" * 24 + " " * 1_000_000])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(MalformedCode):
        normalise(text)


@given(st.text(max_size=60))
def test_any_text_becomes_a_canonical_code_or_is_refused(text: str) -> None:
    try:
        code = normalise(text)
    except MalformedCode:
        return
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert normalise(code) == code


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(MalformedCode) as refused:
        normalise("RAHASIA-U")
    assert "RAHASIA" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.args == ("malformed code",)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@given(canonical_codes)
def test_derivations_are_apart_stable_and_as_published(code: str) -> None:
    derived = {lookup_digest(code), reporter_seed(code), sign_seed(code)}
    assert len(derived) == 3
    assert lookup_digest(code) == blake2b(code.encode(), digest_size=32, person=b"lookup 1").digest()
    assert reporter_seed(code) == blake2b(code.encode(), digest_size=32, person=b"reporter 1").digest()
    assert sign_seed(code) == blake2b(code.encode(), digest_size=32, person=b"sign 1").digest()


@pytest.mark.parametrize("derive", [lookup_digest, reporter_seed, sign_seed])
@pytest.mark.parametrize("text", ["", "0" * 23, "0" * 25, "o" * 24, "a" * 24, "-" * 24, "é" * 24, grouped("0" * 24)])
def test_nothing_is_derived_from_a_code_that_is_not_canonical(derive: object, text: str) -> None:
    assert callable(derive)
    with pytest.raises(MalformedCode):
        derive(text)
