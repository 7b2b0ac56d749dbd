"""What a reporter's page says is so: each sentence that states a fact is listed with tests that fail where it is not.

``stated_facts.toml`` is that list. A sentence whose words are those of a fact (kept, only, never ...) and that is not
in it fails here, so that whoever writes a promise has to name what keeps it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from typing import Any

import pytest

from tests.project import reporter_texts
from tests.project.reporter_texts import ROOT

REGISTER: dict[str, Any] = tomllib.loads((ROOT / "tests/project/stated_facts.toml").read_text(encoding="utf-8"))
FACTS: dict[str, dict[str, list[str]]] = REGISTER["facts"]
EXEMPT: list[dict[str, Any]] = REGISTER["exempt"]
# Words of sentences on what is stored, recorded, opened, read, deleted, found, kept or promised.
SIGNAL = re.compile(
    r"\b(?:never|only|alone|always|lock(?:ed)?|keeps?|kept|stor(?:e|es|ed)|saved|deleted?|record(?:ed|s)?|noted|cannot"
    r"|can no longer|nobody|no one|nothing|neither|none|no more|within|unchanged|promise[sd]?|opened|opens|received"
    r"|any more|has read|read so far|by itself|no officer|recalled|delivered|who you are|holds?)\b",
    re.IGNORECASE,
)


def listed() -> list[str]:
    """Every text of the list, facts and exempt ones."""
    return [text for entry in (*FACTS.values(), *EXEMPT) for text in entry["says"]]


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a file of tests; none where there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def unlisted(texts: frozenset[str]) -> list[str]:
    """The texts with a word of a fact that are not in the list."""
    known = set(listed())
    return sorted(text for text in texts if SIGNAL.search(text) and text not in known)


def test_every_sentence_that_states_a_fact_is_listed() -> None:
    assert unlisted(reporter_texts.texts()) == []


def test_every_listed_sentence_stands_on_a_page_and_once_in_the_list() -> None:
    texts = listed()
    assert sorted(set(texts) - reporter_texts.texts()) == []
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_has_a_test_that_exists(fact: str) -> None:
    proofs = [proof.split("::") for proof in FACTS[fact]["true_by"]]
    assert proofs
    assert [f"{path}::{name}" for path, name in proofs if name not in names_in(path)] == []


def test_an_exempt_text_has_a_word_of_a_fact_and_a_reason() -> None:
    assert [text for entry in EXEMPT for text in entry["says"] if not SIGNAL.search(text)] == []
    assert all(entry["reason"] and entry["says"] for entry in EXEMPT)


def test_a_new_promise_and_a_test_that_is_gone_are_found() -> None:
    promise = "We never keep anything."
    assert unlisted(frozenset({promise, "Continue"})) == [promise]
    assert "test_no_such_test" not in names_in("tests/views/test_about.py")
    assert names_in("tests/views/test_gone.py") == frozenset()
