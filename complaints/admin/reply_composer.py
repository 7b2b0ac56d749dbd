"""Composing a text to reporters: a standard text to start from, a preview, and a check for what it would disclose.

One form, three buttons: insert a standard text, preview, send. All of it works without scripts. Where the check warns,
sending is refused once and then goes through with a reason, which is sealed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, TypedDict

from django.http import HttpRequest, QueryDict
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.base import BaseForm, text_field
from complaints.admin.case_summary import circle_words
from complaints.admin.labels import Label
from complaints.domain.disclosure import Disclosure
from complaints.domain.forbidden_questions import Hit
from complaints.domain.workflow import Action, Status, Transition, target_of
from complaints.forms.law_labels import code_label
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_membership, forbidden_questions, reference_data, rule_book
from complaints.services.disclosure_check import Override

# Reporters read Indonesian first.
LANGUAGES: Final = {"id": "Bahasa Indonesia", "en": "English"}
WARNINGS: Final[dict[str, Label]] = {
    "accused": gettext_lazy("Name of the accused"),
    "reporter": gettext_lazy("Seems to be the reporter's name"),
    "nip": gettext_lazy("Employee number (NIP)"),
    "number": gettext_lazy("Long number"),
    "phone": gettext_lazy("Telephone number"),
    "mail": gettext_lazy("E-mail address"),
    "office": gettext_lazy("Office or place that the report names"),
    "others": gettext_lazy("Words of another reporter"),
    "own": gettext_lazy("The reporter's own words: whoever finds the code would read them"),
    "staff": gettext_lazy("Name of a member of staff"),
    "code": gettext_lazy("Looks like a ticket code"),
    "reference": gettext_lazy("Reference of another case, or of one that several reporters share"),
}


# "rules" is filled in for inquiries alone: what the table of rules says of what they are about.
PLACEHOLDERS: Final = ("reference", "body", "due_on", "bawaslu_days", "rules")
_IN_BRACES: Final = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Option:
    """A standard text filled in for a case, in one language; ``value`` is what the form sends for it."""

    value: str
    title: str
    language: str
    text: str


# What the templates of the status page read, so that a preview can be drawn by them.
Preview = dict[str, object]


def unknown_placeholders(text: str) -> list[str]:
    """Return the parts of ``text`` in braces that are no placeholder, in order, each once."""
    known = {f"{{{name}}}" for name in PLACEHOLDERS}
    return list(dict.fromkeys(part for part in _IN_BRACES.findall(text) if part not in known))


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders filled in; one without a value becomes "…".

    Plain replacement on purpose: administrators write these texts, and a template language would give them access to
    more than these values.
    """
    return _IN_BRACES.sub(lambda match: values.get(match.group()[1:-1]) or "…", text)


@lru_cache(maxsize=8)
def _bawaslu_days(language: str, today: date, edition: tuple[int, int]) -> str:
    """Return within how many days Bawaslu accepts a report, for each kind of election, by the rules of today."""
    with translation.override(language):
        return ", ".join(
            f"{rule.number} {code_label(rule.unit)} ({code_label(kind)})"
            for rule in rule_book.bawaslu_rules(edition)
            for kind in sorted(rule.conditions.election)
            if today in rule.period
        )


def standard_text_options(
    moment: str, case: Case, *, due_on: date | None, body: str, rules: Callable[[], str] = str
) -> list[Option]:
    """Return the standard texts to choose from, Indonesian first.

    Args:
        moment: the code of a step, or "reply" for a message.
        case: the case whose values the texts are filled with.
        due_on: the deadline that the texts name.
        body: the short name of the oversight body, "" where there is none yet.
        rules: returns the rules of an inquiry in words, in the language of the moment.
    """
    rows, options = reference_data.standard_texts(moment, case.category.group if case.category else ""), []
    for language in LANGUAGES:
        with translation.override(language):
            # Every reporter knows another reference: it is filled in for each of them when the text is sent.
            values = {"reference": "{reference}", "body": body or _("the oversight body")}
            values["due_on"] = date_format(due_on, "l, j F Y") if due_on else ""
            values["bawaslu_days"] = _bawaslu_days(language, timezone.localdate(), reference_data.edition())
            values["rules"] = rules()
            for row in rows:
                text = fill_placeholders(row.text("body"), values)
                options.append(Option(f"{row.code}.{language}", row.text("title"), language, text))
    return options


def options_by_language(options: Sequence[Option]) -> list[tuple[str, list[Option]]]:
    """Return options as (name of the language, its options); [] where there are none."""
    if not options:
        return []
    return [(name, [option for option in options if option.language == code]) for code, name in LANGUAGES.items()]


def text_as_sent(text: str, case: Case, complaint: Complaint | None = None) -> str:
    """Return a text as the reporter of ``complaint`` gets it; without one, as the case's first reporter does."""
    reader = complaint or case.complaints.order_by("day", "pk").first()
    return case_membership.with_reference(text, reader) if reader else text


def step_preview(row: Transition, case: Case, text: str, *, label: str, due_on: date | None, body: str) -> Preview:
    """Return what the status page would show after a step whose new state is called ``label``."""
    target = target_of(row, Status(case.status), Status(case.asked_from) if case.asked_from else None)
    is_question, text = row.action is Action.ASK_REPORTER, text_as_sent(text, case)
    asker = body if is_question and case.status == Status.UNDER_EXAMINATION else ""
    event = {"day": timezone.localdate(), "label": label, "reason": text}
    return {
        "status": target.value,
        "due_on": due_on,
        "body_name": body,
        "question": text if is_question else "",
        "asking_body": asker,
        "askers": [("", asker)] if is_question else [],
        "events": [event],
        "has_reason": bool(text),
    }


def message_preview(text: str) -> Preview:
    """Return what the status page would show of a message."""
    return {"thread": [{"author": "office", "day": timezone.localdate(), "text": text}]}


class OverrideForm(BaseForm):
    """Why a text is sent in spite of the warnings."""

    override = text_field(
        gettext_lazy("Why you send it all the same"),
        help_text=gettext_lazy("Kept locked with what you send; the reporter does not read it."),
        rows=2,
    )


class ComposerContext(TypedDict):
    """What the templates around a composed field read; ``warnings`` are (kind, words of the text).

    ``never`` are (question of the public list, words of the text, reason); with ``blocked`` one of them that no reason
    lets through.
    """

    circle: str
    texts: list[tuple[str, list[Option]]]
    reads: bool
    preview: Preview | None
    warnings: list[tuple[str, str]]
    never: list[tuple[str, str, str]]
    blocked: bool
    override: OverrideForm | None
    unsent: bool


class Composer:
    """What a person asks of a form that holds a text to reporters, and what the form is answered with.

    Attributes:
        button: which button was pressed: "insert", "preview", "kinds" (of sanction), "rules" or "send", which any
            other means.
        is_sending: whether the text is to be sent now, so that the form has to be complete.
        leaks: what the posted text would disclose.
        never: what it asks of the list of questions that nobody may put to a reporter.
        preview: the preview of the posted text, where it is not sent.
        override: the form for the reason to send in spite of ``leaks``.
    """

    def __init__(
        self,
        request: HttpRequest,
        field: str,
        *,
        make_options: Callable[[], list[Option]] = list,
        find_leaks: Callable[[str], list[Disclosure]] | None = None,
        make_preview: Callable[[str], Preview] = message_preview,
        find_circle: Callable[[], Iterable[object]] = tuple,
    ) -> None:
        """Read the button out of a request.

        Args:
            request: the request that shows or posts the form.
            field: the name of the field that holds the text.
            make_options: returns the standard texts to choose from; called only where they are shown or inserted.
            find_leaks: returns what a text would disclose; None where no reporter reads the text.
            make_preview: returns the preview of a text; needed together with ``find_leaks``.
            find_circle: returns what reporters told of how many people could know it; codes of ``domain.circle``.
        """
        self.find_circle = find_circle
        self.request, self.field = request, field
        self.make_options, self.find_leaks, self.make_preview = make_options, find_leaks, make_preview
        button = request.POST.get("do", "")
        self.button = button if button in {"insert", "preview", "kinds", "rules"} else "send"
        self.is_sending = self.button == "send"
        self.leaks: list[Disclosure] = []
        self.never: list[Hit] = []
        self.preview: Preview | None = None
        self.override: OverrideForm | None = None

    def data(self) -> QueryDict:
        """Return what was posted, with the chosen standard text added below the text that was typed."""
        data = self.request.POST.copy()
        if self.button == "insert":
            value = data.get("standard")
            option = next((option for option in self.make_options() if option.value == value), None)
            if option:
                text = data.get(self.field, "").rstrip()
                data[self.field] = f"{text}\n\n{option.text}" if text else option.text
        return data

    def may_send(self, text: str) -> bool:
        """Check the text, and return whether it is sent now: the button says so and warnings have their reason."""
        if self.button == "insert" or self.find_leaks is None:
            return self.is_sending
        text = text.strip()
        self.leaks = self.find_leaks(text) if text else []
        self.never = forbidden_questions.find(text)
        is_warned = bool(self.leaks or self.never)
        self.override = OverrideForm(self.request.POST) if is_warned and not self.is_blocked else None
        if self.is_sending and (not is_warned or self._override_reason()):
            return True
        self.preview = self.make_preview(text) if text else None
        return False

    @property
    def is_blocked(self) -> bool:
        """Whether the text asks for what no reason lets through."""
        return not all(hit.question.may_override for hit in self.never)

    def _override_reason(self) -> str:
        if self.override is None or not self.override.is_valid():
            return ""
        return str(self.override.cleaned_data["override"]).strip()

    def override_record(self) -> Override | None:
        """Return the reason for sending in spite of the warnings, to be sealed; None where there were none."""
        if not (self.leaks or self.never):
            return None
        labels = {leak.kind.value: str(WARNINGS[leak.kind.value]) for leak in self.leaks}
        language = translation.get_language() or "id"
        labels |= {hit.kind: hit.question.text("title", language) for hit in self.never}
        names = {"kinds": ", ".join(labels.values()), "reason": self._override_reason()}
        return Override(tuple(labels), _("Sent in spite of a warning (%(kinds)s): %(reason)s") % names)

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows the form again: 400 where sending was refused, 200 for a preview."""
        return 400 if self.is_sending else 200

    def context(self) -> ComposerContext:
        """Return what the templates around the field read."""
        language = translation.get_language() or "id"
        return {
            "circle": circle_words(self.find_circle()),
            "texts": options_by_language(self.make_options()),
            "reads": self.find_leaks is not None,
            "preview": self.preview,
            "warnings": [(str(WARNINGS[leak.kind.value]), leak.words) for leak in self.leaks],
            "never": [
                (hit.question.text("title", language), hit.words, hit.question.text("reason", language))
                for hit in self.never
            ],
            "blocked": self.is_blocked,
            "override": self.override,
            "unsent": self.is_sending and bool(self.leaks or self.never),
        }
