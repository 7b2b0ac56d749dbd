"""Questions of a body as pages show them, to the body and to the office."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypedDict

from django.utils import timezone
from django.utils.translation import gettext as _

from complaints.models.question import QuestionReply, ReleaseQuestion
from complaints.services.forwarding.questions import Question, due_on

Became = QuestionReply.Kind


class QuestionLine(TypedDict):
    """A question, its words ("" where the page does not open them), and what became of it.

    ``numbers`` are the reports whose reporters it is for. ``due_on`` is None where nothing is left to do.
    """

    row: ReleaseQuestion
    text: str
    why: str
    numbers: str
    state: str
    due_on: date | None
    is_late: bool
    replies: list[tuple[QuestionReply, str]]


def question_lines(questions: Iterable[Question]) -> list[QuestionLine]:
    """Return opened questions, the newest first."""
    return [
        {
            "row": question.row,
            "text": question.text,
            "why": question.why,
            "numbers": ", ".join(str(number) for number in sorted(question.asked.values())),
            "state": state_label(question.state, is_open=question.is_open),
            "due_on": question.due_on,
            "is_late": is_late(question.due_on),
            "replies": [(reply.row, reply.text) for reply in question.replies],
        }
        for question in reversed(list(questions))
    ]


def closed_lines(rows: Iterable[ReleaseQuestion]) -> list[QuestionLine]:
    """Return questions whose words stay sealed, by what their rows tell, oldest first."""
    lines: list[QuestionLine] = []
    for row in rows:
        due, replies = due_on(row), sorted(row.replies.all(), key=lambda reply: reply.at)
        state = state_label(replies[-1].kind if replies else "", is_open=due is not None)
        lines.append(
            {
                "row": row,
                "text": "",
                "why": "",
                "numbers": "",
                "state": state,
                "due_on": due,
                "is_late": is_late(due),
                "replies": [],
            }
        )
    return lines


def is_late(day: date | None) -> bool:
    """Whether the office's day for a question has passed."""
    return day is not None and day < timezone.localdate()


def state_label(state: str, *, is_open: bool) -> str:
    """Return in words what became of a question; ``state`` is a value of QuestionReply.Kind, or ""."""
    if state:
        return str(Became(state).label)
    return _("Waiting for the office") if is_open else _("Ended with the release")
