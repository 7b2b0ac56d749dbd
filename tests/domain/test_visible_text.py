"""What counts of a text is what can be seen of it."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.visible_text import INVISIBLE, visible

SHAPELESS = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u061c\u115f\u3164\u2800\ufe0f\U000e0100\U000e0041\x00\x85"


@given(st.text(st.sampled_from(SHAPELESS + " \n\t\u00a0\u3000")))
def test_nothing_is_visible_of_what_has_no_shape(text: str) -> None:
    assert visible(text) == ""


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters=SHAPELESS)), st.text(SHAPELESS))
def test_letters_numbers_and_signs_all_count(text: str, between: str) -> None:
    text = visible(text)
    assert visible(between.join(text)) == text
    assert visible(f" {text}\n\n") == text


@pytest.mark.parametrize("text", ["ꦲꦤꦕꦫꦏꦶ", "مُحَمَّد", "👍🏽", "é", "-"])
def test_every_script_is_text(text: str) -> None:
    assert visible(text) == text


def test_every_format_character_is_known() -> None:
    codes = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert [code for code in codes if not INVISIBLE.fullmatch(code)] == []
