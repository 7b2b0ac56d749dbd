"""Ticket codes: drawn evenly, forgiven generously, told what is wrong before anything is looked up."""

import traceback
from collections import Counter
from hashlib import blake2b
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.codes import (
    ALPHABET,
    GROUP,
    GROUPS,
    LENGTH,
    MalformedCode,
    check_symbol,
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
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d"
SEPARATORS = f" \t\n\u00a0\u2009\u200b\u200d\ufeff\u00ad\u3000{DASHES}._,;:'\"/\\|*#()"
CODE = "7Q2MF0K9X7WB3HHTD5ZBR8C6GJN1VV"

drawn_groups = st.lists(st.text(ALPHABET, min_size=4, max_size=4), min_size=GROUPS, max_size=GROUPS)
canonical_codes = drawn_groups.map(lambda groups: "".join(group + check_symbol(group) for group in groups))
separators = st.text(SEPARATORS, max_size=3)


def drawn(code: str) -> str:
    """Return the symbols of a code that were drawn."""
    return "".join(code[start : start + 4] for start in range(0, LENGTH, GROUP))


def refused(text: str) -> tuple[int, int | None]:
    """Return the length and the group that the refusal of a text names."""
    with pytest.raises(MalformedCode) as error:
        normalise(text)
    return error.value.length, error.value.group


def test_codes_are_unique_and_uniformly_distributed() -> None:
    codes = [new_code() for _ in range(SAMPLES)]
    assert len(set(codes)) == SAMPLES
    expected = SAMPLES / len(ALPHABET)
    for place in range(LENGTH):
        counts = Counter(code[place] for code in codes)
        assert set(counts) == set(ALPHABET)
        chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
        assert chi_square < CHI_SQUARE_BOUND


def test_a_code_has_120_bits_of_crockfords_alphabet() -> None:
    assert ALPHABET == "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    assert len(ALPHABET) ** len(drawn(new_code())) == 2**120


@given(canonical_codes)
def test_a_canonical_or_grouped_code_is_read_as_it_is(code: str) -> None:
    assert normalise(code) == normalise(grouped(code)) == code
    assert [len(group) for group in grouped(code).split("-")] == [GROUP] * GROUPS


def test_the_check_symbol_is_the_weighted_sum_over_gf_32() -> None:
    """Powers of x: 2, 4, 8, 16 and, by x^5 = x^2 + 1, from 16 to 5."""
    assert [check_symbol(group) for group in ("0000", "1000", "0100", "0010", "0001", "0002", "Z000")] == list(
        "0248G5V"
    )
    assert normalise(CODE) == CODE


@given(canonical_codes, st.integers(0, LENGTH - 1), st.integers(1, 31))
def test_every_wrong_symbol_is_found_in_its_group(code: str, place: int, other: int) -> None:
    wrong = ALPHABET[(ALPHABET.index(code[place]) + other) % 32]
    assert refused(code[:place] + wrong + code[place + 1 :]) == (LENGTH, place // GROUP + 1)


@given(canonical_codes)
def test_every_swap_of_neighbours_in_a_group_is_found(code: str) -> None:
    for first, second in pairwise(range(LENGTH)):
        if first // GROUP == second // GROUP and code[first] != code[second]:
            swapped = code[:first] + code[second] + code[first] + code[second + 1 :]
            assert refused(swapped) == (LENGTH, first // GROUP + 1)


@given(canonical_codes, st.data())
def test_case_separators_and_lookalikes_are_forgiven(code: str, data: st.DataObject) -> None:
    typed = data.draw(separators)
    for symbol in code:
        likes = {"0": "0Oo", "1": "1IiLl"}.get(symbol, symbol + symbol.lower())
        typed += data.draw(st.sampled_from(likes)) + data.draw(separators)
    assert normalise(typed[:256]) == code if len(typed) <= 256 else refused(typed) == (0, None)


FULL_WIDTH = "".join(chr(ord(symbol) + 0xFEE0) for symbol in CODE)
GROUPED = grouped(CODE)
READ = [
    CODE, CODE.lower(), CODE.title(), GROUPED, GROUPED.lower(), f" {GROUPED} ", f"\n{GROUPED}\r\n", f"\t{GROUPED}",
    GROUPED.replace("-", " "), GROUPED.replace("-", "  "), GROUPED.replace("-", "."), GROUPED.replace("-", "_"),
    GROUPED.replace("-", ","), GROUPED.replace("-", "/"), GROUPED.replace("-", "\\"), GROUPED.replace("-", "|"),
    GROUPED.replace("-", "\u2013"), GROUPED.replace("-", "\u2014"), GROUPED.replace("-", "\u2212"),
    GROUPED.replace("-", "\u00a0"), GROUPED.replace("-", "\u200b"), GROUPED.replace("-", "\n"),
    GROUPED.replace("-", " - "), " ".join(CODE), "-".join(CODE), f"{GROUPED}.", f"{GROUPED},", f"{GROUPED}!",
    f'"{GROUPED}"', f"'{GROUPED}'", f"\u201c{GROUPED}\u201d", f"({GROUPED})", f"[{GROUPED}]", f"<{GROUPED}>",
    f"*{GROUPED}*", f"#{GROUPED}", f"={GROUPED}", f"\U0001f600 {GROUPED}", FULL_WIDTH, FULL_WIDTH.lower(),
    CODE.replace("0", "O"), CODE.replace("0", "o"), CODE.replace("1", "I"), CODE.replace("1", "l"),
    CODE.replace("1", "L"), CODE.replace("1", "i"), f"{CODE}{CODE}", f"{GROUPED} {GROUPED}", f"{GROUPED}\n{GROUPED}",
    f"Kode: {GROUPED}", f"kode {GROUPED}", f"KODE:{GROUPED}", f"Kode tiket: {GROUPED}", f"kode tiket {GROUPED}",
    f"- Kode tiket = {GROUPED}", f"Ticket code: {GROUPED}", f"code {GROUPED}", f"Kode tiket: {GROUPED}.",
    f"kode-tiket: {GROUPED.lower()}", f"Tiket: {GROUPED}",
]  # fmt: skip


def test_sixty_spellings_are_read() -> None:
    assert len(READ) == len(set(READ)) == 60
    assert {text: normalise(text) for text in READ} == dict.fromkeys(READ, CODE)


def test_a_code_that_begins_like_a_word_is_read() -> None:
    for word in ("K0DE", "C0DE"):
        code = word + check_symbol(word) + CODE[GROUP:]
        for typed in (code, grouped(code), f"Kode {code}", " ".join([word.replace("0", "o"), code[4:]])):
            assert normalise(typed) == code


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", (0, None)),
        (" - ", (0, None)),
        ("\u0663\u0660\u0431", (0, None)),
        (CODE[:-1], (29, 6)),
        (CODE[:-5], (25, None)),
        (CODE[1:], (29, 1)),
        (CODE[:12] + CODE[13:], (29, 3)),
        (CODE + "0", (31, None)),
        (CODE + CODE[:5], (35, None)),
        (CODE + CODE[:-1], (59, None)),
        (drawn(CODE), (24, 1)),
        (CODE.replace("V", "U"), (28, 6)),
        (f"{CODE}{' ' * 1_000_000}", (0, None)),
        (CODE.replace("B", "8"), (30, 3)),
        (CODE.replace("5", "S"), (30, 4)),
    ],
)
def test_what_is_wrong_is_told(text: str, told: tuple[int, int | None]) -> None:
    assert refused(text) == told


@given(st.text(max_size=60))
def test_any_text_becomes_a_canonical_code_or_is_refused(text: str) -> None:
    try:
        code = normalise(text)
    except MalformedCode:
        return
    assert len(code) == LENGTH
    assert normalise(code) == code


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(MalformedCode) as error:
        normalise("RAHASIA-U")
    assert "RAHASIA" not in "".join(traceback.format_exception_only(error.value))
    assert error.value.args == ("malformed code",)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


@given(canonical_codes)
def test_derivations_are_apart_stable_and_as_published(code: str) -> None:
    derived = {lookup_digest(code), reporter_seed(code), sign_seed(code)}
    assert len(derived) == 3
    content = drawn(code).encode()
    assert lookup_digest(code) == blake2b(content, digest_size=32, person=b"lookup 1").digest()
    assert reporter_seed(code) == blake2b(content, digest_size=32, person=b"reporter 1").digest()
    assert sign_seed(code) == blake2b(content, digest_size=32, person=b"sign 1").digest()


@pytest.mark.parametrize("derive", [lookup_digest, reporter_seed, sign_seed])
@pytest.mark.parametrize("text", ["", "0" * 29, "0" * 31, "o" * 30, "a" * 30, "-" * 30, "é" * 30, GROUPED, "1" * 30])
def test_nothing_is_derived_from_a_code_that_is_not_canonical(derive: object, text: str) -> None:
    assert callable(derive)
    with pytest.raises(MalformedCode):
        derive(text)
