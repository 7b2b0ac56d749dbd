"""The forms of an inquiry: the question with what helps to answer it, and what a report begins with after one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.forms.fields import Choice, FormOptions, MinVisibleLength, ReporterForm, shortened, text

QUESTION_AT_LEAST = 15
QUESTION_AT_MOST = 4_000
BEGINNING_AT_MOST = 10_000


class _ChosenForm(ReporterForm):
    """A form with two choices that may be left open: the kind of person, and what was done; ``choosing`` names both."""

    choosing = ("", "")

    def __init__(
        self,
        data: QueryDict | None = None,
        /,
        *,
        kinds: Sequence[Choice] = (),
        categories: Sequence[Choice] = (),
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, **options)
        open_choice: Choice = ("", _("Not chosen"))
        for name, choices in zip(self.choosing, (kinds, categories), strict=True):
            self.set_choices(name, [open_choice, *choices], _("Choose one from the list."))


class InquiryForm(_ChosenForm):
    """The question; the choices and the box, which the form has where there ``is_separate`` a team, may stay empty."""

    asked = text(
        _("Your question"),
        rows=7,
        help_text=_("About rules and ways to report. Name no person and no office, and do not write your own name."),
        validators=[
            MinVisibleLength(
                QUESTION_AT_LEAST, _("Write a little more: at least %(limit_value)d characters; so far %(show_value)d.")
            ),
            shortened(QUESTION_AT_MOST),
        ],
        error_messages={"required": _("Write your question.")},
    )
    asked_kind = forms.ChoiceField(label=_("Whom is it about? (optional)"), required=False)
    asked_category = forms.ChoiceField(label=_("What is it about? (optional)"), required=False)
    asked_operator = forms.BooleanField(
        label=_("It is about somebody in the agency that runs this channel"),
        help_text=_("Then the separate team answers, and the verification team cannot open it."),
        required=False,
    )

    choosing = ("asked_kind", "asked_category")

    def __init__(
        self,
        data: QueryDict | None = None,
        /,
        *,
        kinds: Sequence[Choice] = (),
        categories: Sequence[Choice] = (),
        is_separate: bool = False,
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, kinds=kinds, categories=categories, **options)
        if not is_separate:
            del self.fields["asked_operator"]


class BeginReportForm(_ChosenForm):
    """What of an inquiry its asker takes into a report, by choosing and writing it here."""

    accused_kind = forms.ChoiceField(label=_("Who did it?"), required=False)
    category = forms.ChoiceField(label=_("What happened?"), required=False)
    story = text(
        _("Words that your account begins with (optional)"),
        rows=5,
        help_text=_("Paste or write what you want to take over. Page 3 shows it, and you can change it there."),
        required=False,
        validators=[shortened(BEGINNING_AT_MOST)],
    )

    choosing = ("accused_kind", "category")
