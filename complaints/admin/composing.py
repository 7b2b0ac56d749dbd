"""Words to a reporter on their way: choosing a standard text, reading it as the reporter will, and what it gives away.

One form, three buttons: put the text in, look, send. All of it works without scripts; sending is refused once where
the check has something to say, and goes through with a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.http import HttpRequest, QueryDict
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.forms import HouseForm, words
from complaints.domain import standard_texts
from complaints.domain.disclosure import Disclosure
from complaints.domain.workflow import Action, Status, Transition, target_of
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_membership, reference_data
from complaints.services.disclosure_check import Override

# The texts as they are marked up for a reader: reporters read Indonesian first.
LANGUAGES: Final = ("id", "en")
KINDS: Final[dict[str, Any]] = {
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


@dataclass(frozen=True)
class Option:
    """A standard text to choose: filled in for this case, in one language."""

    value: str
    title: str
    language: str
    text: str


def options(moment: str, case: Case, *, due_on: date | None, body: str) -> list[Option]:
    """Return the standard texts for a step of a case ("reply" for a message), Indonesian first."""
    rows, found = reference_data.standard_texts(moment, case.category.group), []
    for language in LANGUAGES:
        with translation.override(language):
            # The reference stays in braces: each reporter is told by the one that they know, when it is sent.
            values = {"reference": "{reference}", "body": body or _("the oversight body")}
            values["due_on"] = date_format(due_on, "l, j F Y") if due_on else ""
            for row in rows:
                text = standard_texts.fill(row.text("body"), values)
                found.append(Option(f"{row.code}.{language}", row.text("title"), language, text))
    return found


def preview_of_step(row: Transition, case: Case, text: str, *, label: str, due_on: date | None, body: str) -> Any:
    """Return what the status page would hold after a step, in the shape that its own templates read."""
    target = target_of(row, Status(case.asked_from) if case.asked_from else None)
    asks, text = row.action is Action.ASK_REPORTER, as_told(text, case)
    event = {"day": timezone.localdate(), "label": label, "reason": text}
    return {
        "status": target.value,
        "due_on": due_on,
        "body_name": body,
        "question": text if asks else "",
        "question_from_body": asks and case.status == Status.UNDER_EXAMINATION,
        "events": [event],
    }


def as_told(text: str, case: Case, complaint: Complaint | None = None) -> str:
    """Return a text as one reporter gets it: as ``complaint``'s, else as that of the case's first."""
    told = complaint or case.complaints.order_by("day", "pk").first()
    return case_membership.with_reference(text, told) if told else text


def preview_of_message(text: str) -> Any:
    """Return what the status page would hold of a message."""
    return {"thread": [{"author": "office", "day": timezone.localdate(), "text": text}]}


class OverrideForm(HouseForm):
    """Why a text is sent in spite of what the check says."""

    override = words(
        gettext_lazy("Why you send it all the same"),
        help_text=gettext_lazy("Stays in the house, sealed, beside what you send."),
        rows=2,
    )


@dataclass
class Composer:
    """What is asked of one form whose ``field`` a reporter reads.

    Args:
        look: finds what a text gives away; None where no reporter reads it.
        show: makes the preview of a text.
    """

    request: HttpRequest
    field: str
    options: Sequence[Option]
    look: Callable[[str], list[Disclosure]] | None
    show: Callable[[str], Any]
    found: list[Disclosure] = dataclasses.field(default_factory=list)
    preview: Any = None
    override: OverrideForm | None = None

    @property
    def asked(self) -> str:
        """Which button was pressed; anything else than the first two means sending."""
        pressed = self.request.POST.get("do", "")
        return pressed if pressed in {"insert", "preview"} else "send"

    def data(self) -> QueryDict:
        """Return what was posted, with the chosen standard text put in; what was typed is never lost."""
        data = self.request.POST.copy()
        chosen = next((one for one in self.options if one.value == data.get("standard")), None)
        if self.asked == "insert" and chosen:
            typed = data.get(self.field, "").rstrip()
            data[self.field] = f"{typed}\n\n{chosen.text}" if typed else chosen.text
        return data

    def may_send(self, text: str) -> bool:
        """Whether what was posted goes out now: the button says so, and every warning has its reason."""
        if self.asked == "insert" or self.look is None:
            return self.asked == "send"
        text = text.strip()
        self.found = self.look(text) if text else []
        self.override = OverrideForm(self.request.POST) if self.found else None
        given = bool(self.override and self.override.is_valid() and self.override.cleaned_data["override"].strip())
        if self.asked == "send" and (given or not self.found):
            return True
        self.preview = self.show(text) if text else None
        return False

    def overriding(self) -> Override | None:
        """Return the reason for sending in spite of the warnings, None where there were none."""
        if not self.found or self.override is None:
            return None
        kinds = tuple(dict.fromkeys(leak.kind.value for leak in self.found))
        named = ", ".join(str(KINDS[kind]) for kind in kinds)
        reason = self.override.cleaned_data["override"].strip()
        said = _("Sent in spite of a warning (%(kinds)s): %(reason)s") % {"kinds": named, "reason": reason}
        return Override(kinds, said)

    @property
    def status(self) -> int:
        """The status of the page that is shown again: looking is fine, sending was refused."""
        return 400 if self.asked == "send" else 200

    def context(self) -> dict[str, Any]:
        """Return what the templates around the field need."""
        return {
            "texts": grouped(self.options),
            "reads": self.look is not None,
            "preview": self.preview,
            "warnings": [(str(KINDS[leak.kind.value]), leak.words) for leak in self.found],
            "override": self.override,
            "unsent": self.asked == "send" and bool(self.found),
        }


def grouped(found: Sequence[Option]) -> list[tuple[str, list[Option]]]:
    """Return options by the name of their language."""
    names = {"id": "Bahasa Indonesia", "en": "English"}
    return [(names[code], [one for one in found if one.language == code]) for code in LANGUAGES if found]
