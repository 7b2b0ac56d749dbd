"""The forms of the four pages of a report; almost every answer may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Unpack

from crispy_forms.layout import Fieldset, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.forms.circle import CIRCLE_LAYOUT, circle_field
from complaints.forms.fields import (
    Choice,
    EvidenceField,
    Files,
    FormOptions,
    MinVisibleLength,
    ReporterForm,
    day,
    line,
    shortened,
    text,
)
from complaints.models.case import AgencyKind

AGENCY_LABELS = dict(AgencyKind.choices)
IDENTITY_LABELS = {
    "anonymous": _("Stay anonymous; we do not know who you are"),
    "confidential": _("Give my name to the oversight body alone"),
}
STORY_AT_LEAST = 50
STORY_AT_MOST = 20_000


class StartForm(ReporterForm):
    """Page 1: the kind of person accused, and the category."""

    accused_kind = forms.ChoiceField(
        label=_("Who did it?"),
        help_text=_("It decides who may judge it."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who did it. If you do not know, choose the last answer.")},
    )
    category = forms.ChoiceField(
        label=_("What happened?"),
        help_text=_("Open a group and choose the closest."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what happened; take the closest one.")},
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Files | None = None,
        /,
        *,
        kinds: Sequence[Choice] = (),
        categories: Sequence[Choice] = (),
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, files, **options)
        for name, choices in (("accused_kind", kinds), ("category", categories)):
            self.set_choices(name, choices, self.fields[name].error_messages["required"])


class WhoForm(ReporterForm):
    """Page 2: the accused, the place and the days; every answer may be left out.

    ``today`` is the latest day that may be written (``fields.latest_day``).
    """

    accused_name = line(
        _("Name or account"),
        limit=200,
        help_text=_("As far as you know: a name, a nickname, or an account on social media."),
    )
    accused_unknown = forms.BooleanField(label=_("I do not know the name"), required=False)
    accused_position = line(
        _("Position"), limit=200, help_text=_("For example: section head, teacher, subdistrict head.")
    )
    accused_nip = line(
        _("NIP (employee number)"),
        limit=40,
        mode="numeric",
        help_text=_(
            "Not needed. Write it only if many people know it: a number that few know can point to you. "
            "A wrong or missing number never stops a report."
        ),
    )
    agency_kind = forms.ChoiceField(
        label=_("What kind of agency?"), required=False, initial=AgencyKind.UNKNOWN, choices=AgencyKind.choices
    )
    agency = line(_("Agency or unit"), limit=200, help_text=_("For example: Dinas Pendidikan."))
    regency = line(_("Regency or city"), limit=120)
    province = forms.ChoiceField(label=_("Province"), required=False)
    event_from = day(_("The day it happened"), _("If it took several days: the first one."))
    event_until = day(_("Until"), _("Only if it took several days."))
    learnt_on = day(_("The day you learnt of it"), _("The time limit for a report to Bawaslu runs from that day."))

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Files | None = None,
        /,
        *,
        today: date,
        provinces: Sequence[tuple[str, str]] = (),
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, files, **options)
        self.today = today
        unlisted = _("Choose one from the list.")
        self.fields["agency_kind"].error_messages["invalid_choice"] = unlisted
        self.set_choices("province", [("", _("I do not know")), *provinces], unlisted)

    def parts(self) -> tuple[Layout, ...]:
        """Return one layout with three fieldsets: person, place, time."""
        person = ("accused_name", "accused_unknown", "accused_position", "accused_nip")
        return (
            Layout(
                Fieldset(_("The person you report"), *person),
                Fieldset(_("Where"), "agency_kind", "agency", "regency", "province"),
                Fieldset(_("When"), "event_from", "event_until", "learnt_on"),
            ),
        )

    def clean_agency_kind(self) -> str:
        """Return the kind of agency: an empty answer is that it is not known."""
        return self.cleaned_data["agency_kind"] or AgencyKind.UNKNOWN.value

    def clean(self) -> None:
        """Refuse future days, and a last day before the first."""
        answers = self.cleaned_data
        for name in ("event_from", "event_until", "learnt_on"):
            if answers.get(name) and answers[name] > self.today:
                self.add_error(name, _("This day is still to come. Choose today or earlier, or leave it empty."))
        begin, end = answers.get("event_from"), answers.get("event_until")
        if begin and end and end < begin:
            self.add_error("event_until", _("The last day is before the first. Change one of the two."))


class StoryForm(ReporterForm):
    """Page 3: the account, files and links."""

    story = text(
        _("Your account"),
        rows=12,
        help_text=_("Do not write your own name here."),
        validators=[
            MinVisibleLength(
                STORY_AT_LEAST, _("Tell a little more: at least %(limit_value)d characters; so far %(show_value)d.")
            ),
            shortened(STORY_AT_MOST),
        ],
        error_messages={"required": _("Tell what happened; a few sentences are enough.")},
    )
    evidence = EvidenceField(label=_("Photos, documents, recordings"), required=False)
    links = text(
        _("Links to posts"),
        rows=3,
        help_text=_(
            "One per line. We store each as you paste it, and once more without what is known to name who shared it."
        ),
        required=False,
        validators=[shortened(4_000)],
    )
    circle = circle_field()

    def parts(self) -> tuple[Layout, ...]:
        """Return separate layouts for account, files, links and the circle: the template has text between them."""
        return Layout("story"), Layout("evidence"), Layout("links"), CIRCLE_LAYOUT


class IdentityForm(ReporterForm):
    """Page 4: whether the reporter gives a name to the body that the page names.

    ``body`` is the code of that body today, "" where none has a team here and no name can be given.
    """

    ANONYMOUS, CONFIDENTIAL = IDENTITY_LABELS

    identity = forms.ChoiceField(
        label=_("Your name"),
        initial=ANONYMOUS,
        choices=list(IDENTITY_LABELS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether you stay anonymous.")},
    )
    name = line(_("Full name"), limit=200)
    contact = line(_("How to reach you"), limit=300, help_text=_("Not needed; you can be asked on the status page."))
    # The body that the page named; the template writes it.
    recipient = forms.CharField(required=False, max_length=20)

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Files | None = None,
        /,
        *,
        body: str = "",
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, files, **options)
        self.body = body
        if not body:
            anonymous = [(self.ANONYMOUS, IDENTITY_LABELS[self.ANONYMOUS])]
            self.set_choices("identity", anonymous, _("No body can get a name here yet. Choose to stay anonymous."))

    def parts(self) -> tuple[Layout, ...]:
        """Return separate layouts for the choice and for the fields of a confidential report."""
        return Layout("identity"), Layout("name", "contact")

    def clean(self) -> None:
        """Drop name and contact of an anonymous report; require the name of a confidential one."""
        answers = self.cleaned_data
        if answers.get("identity") == self.ANONYMOUS:
            self.errors.pop("name", None)
            self.errors.pop("contact", None)
            answers.update(name="", contact="", recipient="")
        elif not answers.get("name") and not {"name", "identity"} & set(self.errors):
            self.add_error("name", ValidationError(_("Write your name, or choose to stay anonymous.")))
        elif answers.get("identity") == self.CONFIDENTIAL and answers.get("recipient") != self.body:
            self.add_error(
                "identity", ValidationError(_("Your name would now go to another body. Read below which one."))
            )
