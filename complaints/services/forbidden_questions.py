"""The public list of questions that nobody may put to a reporter, read from the program's data."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Final

from complaints.domain import forbidden_questions
from complaints.domain.forbidden_questions import ForbiddenQuestion, Hit

DATA: Final = Path(__file__).resolve().parent.parent / "data" / "questions" / "never.json"


@cache
def listed() -> tuple[ForbiddenQuestion, ...]:
    """Return the list in its order."""
    return forbidden_questions.read(json.loads(DATA.read_text(encoding="utf-8")))


def find(text: str) -> list[Hit]:
    """Return the questions of the list that a text puts."""
    return forbidden_questions.find(text, listed())


def find_beside_name(text: str) -> list[Hit]:
    """Return those beside the question for a name, which a body may put by a request for it and in no other way."""
    return [hit for hit in find(text) if hit.question.code != "name"]


def refuse(text: str, given: Collection[str] = ()) -> None:
    """Raise ForbiddenQuestionPut where ``text`` puts one of them; each service that writes to reporters calls it.

    ``given`` are the kinds of warning (``Hit.kind``) that have a reason; what no reason lets through is refused anyway.
    """
    forbidden_questions.refuse(text, listed(), given)
