"""The public list of questions that nobody may put to a reporter, read from the program's data."""

from __future__ import annotations

import json
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
