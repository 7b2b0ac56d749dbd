"""What a text browser reads of the reporter's forms: help and errors before their field, and spaces between words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser

import pytest
from django.http import QueryDict

from complaints.forms import posts, report, retaliation, status
from complaints.forms.fields import ReporterForm
from complaints.views.steps import START

TODAY = date(2026, 11, 30)
FORMS: dict[str, Callable[[QueryDict | None], ReporterForm]] = {
    "start": lambda data: START.make("pressed", data),
    "who": lambda data: report.WhoForm(data, today=TODAY),
    "story": report.StoryForm,
    "identity": lambda data: report.IdentityForm(data, body="bkn"),
    "post": lambda data: posts.PostForm(data, today=TODAY),
    "code": status.CodeForm,
    "message": status.MessageForm,
    "evidence": status.MoreEvidenceForm,
    "name": status.NameForm,
    "withdraw": status.WithdrawForm,
    "retaliation": lambda data: retaliation.RetaliationForm(data, today=TODAY),
}


class Reader(HTMLParser):
    """Notes the order of what a page holds: ids of help and errors, then each control with what describes it."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.late: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"input", "select", "textarea"}:
            described = (given.get("aria-describedby") or "").split()
            self.late += [name for name in described if name not in self.read]
            self.read.append(given.get("name") or "")
        elif given.get("id"):
            self.read.append(str(given["id"]))


@pytest.mark.django_db
@pytest.mark.parametrize("name", FORMS)
def test_help_and_errors_come_before_their_field(name: str) -> None:
    for data in (None, QueryDict("")):
        form = FORMS[name](data)
        reader = Reader()
        reader.feed("".join(form.rendered()))
        assert reader.late == []
        for field in form.fields:
            helped, errors = f"{form[field].auto_id}_helptext", f"{form[field].auto_id}_error"
            for place in (helped, errors):
                if place in reader.read:
                    assert reader.read.index(place) < reader.read.index(field)


@pytest.mark.django_db
def test_words_of_a_choice_do_not_run_together() -> None:
    html = "".join(START.make("pressed").rendered())
    assert not re.search(r"[^\s>]<small", html)
    assert not re.search(r"<input[^>]*><", html)


def test_no_style_moves_what_is_read(pytestconfig: pytest.Config) -> None:
    assert not re.search(r"[^-]\border\s*:", (pytestconfig.rootpath / "static/css/portal.css").read_text())
