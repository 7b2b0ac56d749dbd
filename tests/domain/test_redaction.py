"""What is removed of a text: whole words, one marker whatever the length, nothing left beneath."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.domain import redaction
from complaints.domain.redaction import MARKERS, SCALE, Box, NothingLeft, Reason, Span, redact

LETTERS = "abcdefghijklmnopqrstuvwxyzàéüñ0123456789ꦏꦤꦸبن́"
BETWEEN = [" ", ", ", ". ", "\n", "\n\n", " (", ") ", "! ", " — ", "\t", " “", "” ", "; "]


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, list[str], list[Span]]:
    """A text of words that differ from each other, the words, and spans that begin and end anywhere."""
    middles = st.text(LETTERS, min_size=0, max_size=8)
    inner = st.sampled_from(["", "-", "'", "@", ".", "/"])
    words = [
        f"w{number}{draw(middles)}{draw(inner)}{draw(middles)}x{number}" for number in range(draw(st.integers(1, 25)))
    ]
    text = "".join(word + draw(st.sampled_from(BETWEEN)) for word in words)
    places = st.integers(-3, len(text) + 3)
    made = st.builds(Span, places, places, st.sampled_from(Reason))
    return text, words, draw(st.lists(made, max_size=8))


@settings(max_examples=500)
@given(marked_texts())
def test_no_removed_word_is_left_and_no_other_is_lost(case: tuple[str, list[str], list[Span]]) -> None:
    text, words, spans = case
    places = [(text.index(word), text.index(word) + len(word)) for word in words]
    touched = {
        word
        for word, (start, end) in zip(words, places, strict=True)
        if any(max(start, span.start) < min(end, span.end) for span in spans)
    }
    # What stands between two removed words is removed with them and holds none.
    if touched == set(words):
        with pytest.raises(NothingLeft):
            redact(text, spans)
        return
    released = redact(text, spans)
    for marker in MARKERS.values():
        released = released.replace(marker, " ")
    left = [word for word in words if word in released]
    assert left == [word for word in words if word not in touched]
    assert redact(text, spans) == redact(text, list(reversed(spans)))


@settings(max_examples=50)
@given(st.text(LETTERS, min_size=1, max_size=60), st.sampled_from(Reason))
def test_the_marker_is_the_same_whatever_the_length(word: str, reason: Reason) -> None:
    text = f"Saya lihat x{word}x di sana."
    assert redact(text, [Span(11, 12, reason)]) == f"Saya lihat {MARKERS[reason]} di sana."


def test_neighbours_are_one_and_keep_each_reason_once() -> None:
    text = "Yang hadir: Ani, Budi dan Citra.\n\nDewi pulang."
    names = [
        span for name in ("Ani", "Budi", "Citra", "Dewi") for span in redaction.find_words(text, name, Reason.IDENTITY)
    ]
    assert redact(text, names) == "Yang hadir: [dihilangkan: identitas] dan [dihilangkan: identitas] pulang."
    mixed = [*names[:1], *redaction.find_words(text, "budi", Reason.THIRD_PERSON)]
    assert redact(text, mixed).startswith("Yang hadir: [dihilangkan: identitas] [dihilangkan: pihak ketiga] dan")


def test_a_text_without_marks_stays_and_an_empty_one_is_refused() -> None:
    assert redact("Apa adanya.", []) == "Apa adanya."
    assert redact("Apa adanya.", [Span(3, 4, Reason.IDENTITY), Span(9, 2, Reason.IDENTITY)]) == "Apa adanya."
    with pytest.raises(NothingLeft):
        redact("Hanya saya!", [Span(0, 9, Reason.IDENTITY)])


def test_words_are_found_whatever_their_case_and_spaces() -> None:
    text = "Pak  Budi datang; PAK BUDI pulang. Budiman tinggal."
    found = redaction.find_words(text, "pak budi", Reason.THIRD_PERSON)
    assert [text[span.start : span.end] for span in found] == ["Pak  Budi", "PAK BUDI"]
    assert redaction.find_words(text, "  ", Reason.THIRD_PERSON) == []
    # Inside of a longer word the word goes as well: rather too much than a part of a name.
    assert "Budiman" not in redact(text, redaction.find_words(text, "Budi", Reason.THIRD_PERSON))


def test_sentences_are_numbered_by_line_and_full_stop() -> None:
    text = "Rapat pagi. Kami diminta!\n\nBesoknya “ya.” Lalu\npulang"
    assert [text[start:end] for start, end in redaction.sentences(text)] == [
        "Rapat pagi.",
        "Kami diminta!",
        "Besoknya “ya.”",
        "Lalu",
        "pulang",
    ]


def test_what_stands_elsewhere_is_named() -> None:
    story = "Kepala Seksi Rahmawati memanggil saya bersama yang lain."
    spans = redaction.find_words(story, "Seksi Rahmawati memanggil saya bersama yang", Reason.IDENTITY)
    removed = redaction.removed_words(story, spans)
    assert removed == {"seksi", "rahmawati", "memanggil", "bersama"}
    released = {"nama": "Ibu RAHMAWATI, S.E.", "berkas": "bukti-1.jpg", "kisah": redact(story, spans)}
    assert redaction.leftovers(removed, released) == {"rahmawati": ["nama"]}


def test_a_page_must_not_be_black() -> None:
    whole, half = Box(1, 0, 0, SCALE, SCALE, Reason.IDENTITY), Box(1, 0, 0, SCALE // 2, SCALE, Reason.IDENTITY)
    other = Box(1, SCALE // 2, 0, SCALE // 2, SCALE, Reason.IDENTITY)
    for boxes in ([whole], [half, other]):
        with pytest.raises(NothingLeft):
            redaction.visible(1, boxes)
    redaction.visible(1, [half])
    redaction.visible(2, [whole])


def test_a_sound_must_not_fall_silent() -> None:
    mutes = [Span(0, 400, Reason.IDENTITY), Span(300, 700, Reason.IDENTITY)]
    assert redaction.audible(1_000, mutes) == 200
    with pytest.raises(NothingLeft):
        redaction.audible(800, mutes)
