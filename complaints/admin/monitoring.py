"""Findings from monitoring, entered one by one; each row of a table (admin.imports) is judged by the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, DayInput, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import Label
from complaints.domain import normalization, posts
from complaints.domain.visible_text import visible
from complaints.forms.fields import DAY_FORMATS, TOO_LONG, DayField, EvidenceField, VisibleField, latest_day
from complaints.forms.posts import one_link
from complaints.models.case import AgencyKind
from complaints.models.post import PostAct
from complaints.models.team import Staff
from complaints.services import monitoring, reference_data
from complaints.services.similarity import Similar

# A finding's answers by their names in a report, as findings.enter takes them; of a table's row also "row".
Answers = dict[str, Any]
Choices = list[tuple[str, str]]


# --- Forms


def code_choices() -> dict[str, Choices]:
    """Return the codes and labels of each field that takes a code."""
    categories = [category for category in reference_data.categories() if category.group != "elsewhere"]
    return {
        "accused_kind": [(kind.code, str(kind)) for kind in reference_data.accused_kinds()],
        "category": [(category.code, f"{category.code} {category}") for category in categories],
        "act": [(code, str(label)) for code, label in PostAct.choices],
        "agency_kind": [(code, str(label)) for code, label in AgencyKind.choices if code != "unknown"],
        "province": [(province.code, province.name) for province in reference_data.provinces()],
    }


def _line(label: Label, *, limit: int, required: bool = False, help_text: Label = "") -> forms.CharField:
    """Return a field for one line of at most ``limit`` characters that no browser remembers."""
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return VisibleField(
        label=label,
        max_length=limit,
        required=required,
        help_text=help_text,
        widget=widget,
        error_messages={"max_length": TOO_LONG},
    )


class FindingForm(BaseForm):
    """What staff saw themselves: the post, who, where, when, and what it shows.

    Errors that a table says in words of its own have the codes "links", "no_link", "no_nip" and "future".
    """

    url = _line(
        gettext_lazy("Link to the post"),
        limit=posts.MOST_CHARS,
        required=True,
        help_text=gettext_lazy(
            "The portal never opens it. It is kept as typed, and in one form for each post, "
            "by which reports are compared."
        ),
    )
    accused_name = _line(gettext_lazy("Name or account"), limit=200)
    accused_nip = _line(gettext_lazy("NIP"), limit=40)
    accused_position = _line(gettext_lazy("Position"), limit=200)
    accused_kind = forms.ChoiceField(label=gettext_lazy("Kind of accused"))
    category = forms.ChoiceField(label=gettext_lazy("What happened"))
    act = forms.ChoiceField(label=gettext_lazy("What the account did"), required=False)
    agency_kind = forms.ChoiceField(label=gettext_lazy("Kind of agency"), required=False)
    agency = _line(gettext_lazy("Agency"), limit=200)
    regency = _line(gettext_lazy("Regency or city"), limit=200)
    province = forms.ChoiceField(label=gettext_lazy("Province"), required=False)
    event_from = DayField(
        label=gettext_lazy("Happened on"),
        required=False,
        input_formats=DAY_FORMATS,
        error_messages={"invalid": gettext_lazy("Write the day as 2026-11-25 or 25/11/2026.")},
        widget=DayInput(attrs={"autocomplete": "off"}),
    )
    story = text_field(gettext_lazy("What is to be seen"), required=True, rows=6)
    evidence = EvidenceField(label=gettext_lazy("Screenshots"), required=False)

    def __init__(
        self,
        data: Mapping[str, str] | None = None,
        files: MultiValueDict[str, UploadedFile[bytes]] | None = None,
        *,
        person: Staff,
        today: date,
        latest: date,
    ) -> None:
        """Judge days against ``latest`` (``fields.latest_day``); the post was seen ``today``, by ``person``."""
        super().__init__(data, files)
        self.person, self.today, self.latest = person, today, latest
        for name, choices in code_choices().items():
            choice_field = self.fields[name]
            empty_label = _("choose") if choice_field.required else _("not known")
            choice_field.choices = [("", empty_label), *choices]  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        """Refuse what is no link, and several links: a finding is about one post."""
        return one_link(self.cleaned_data["url"], is_needed=True)

    def clean_accused_nip(self) -> str:
        """Refuse what is no employee number: a wrong one would lead to somebody else, or to nobody."""
        number: str = self.cleaned_data["accused_nip"]
        if number and not normalization.is_employee_number(number, today=self.latest):
            raise ValidationError(
                _(
                    "This is not a NIP: it has 18 digits and begins with a date of birth (YYYYMMDD). "
                    "Correct it, or leave it empty."
                ),
                code="no_nip",
            )
        return number

    def clean_event_from(self) -> date | None:
        day: date | None = self.cleaned_data["event_from"]
        if day and day > self.latest:
            raise ValidationError(_("This day is still to come."), code="future")
        return day

    def clean_story(self) -> str:
        """Refuse a text of which nothing can be seen."""
        story: str = self.cleaned_data["story"]
        if not visible(story):
            raise ValidationError(self.fields["story"].error_messages["required"], code="required")
        return story

    def clean(self) -> None:
        """Refuse what another team handles: whoever entered it here could not find it again."""
        if monitoring.is_held_elsewhere(person=self.person, answers=self.cleaned_data):
            self.add_error(
                "agency",
                _(
                    "The separate team handles what is about the agency that runs this channel, the armed forces or "
                    "the police. Tell one of its members; nothing is stored here."
                ),
            )

    def answers(self) -> Answers:
        """Return the cleaned answers by their names in a report, days as ISO text; without the screenshots."""
        answers = {name: value for name, value in self.cleaned_data.items() if name != "evidence"}
        day = answers["event_from"]
        return answers | {
            "event_from": day.isoformat() if day else "",
            "accused_unknown": not answers["accused_name"],
            "seen_on": self.today.isoformat(),
            "account": "",
        }


# --- One finding


@staff_page("GET", "POST", opens_for=access.is_triage)
def enter(request: StaffRequest) -> HttpResponseBase:
    """Ask for one finding, then store it as a case; a post that is known already wants a confirmation."""
    today, latest = timezone.localdate(), latest_day(timezone.now())
    if request.method != "POST":
        return _show_form(request, FindingForm(person=request.user, today=today, latest=latest))
    form = FindingForm(request.POST, request.FILES, person=request.user, today=today, latest=latest)
    if not form.is_valid():
        return _show_form(request, form, status=400)
    answers = form.answers()
    known = monitoring.known_posts(keyring=request.keyring, urls=[answers["url"]]).get(answers["url"], [])
    if known and request.POST.get("anyway") != "on":
        return _show_form(request, form, known=known, status=409)
    files = form.cleaned_data["evidence"]
    case = monitoring.enter_report(actor=request.actor, answers=answers, files=files)
    messages.success(request, _("The finding stands in the queue as %(reference)s.") % {"reference": case.reference})
    return redirect("admin:complaints_case_change", case.pk)


def _show_form(
    request: StaffRequest, form: FindingForm, *, known: Sequence[Similar] = (), status: int = 200
) -> HttpResponse:
    context = {
        "title": _("Enter a finding"),
        "form": form,
        "known": known,
        # A browser does not send a chosen file again by itself, and what arrived is not kept.
        "files_again": bool(request.FILES),
    }
    return render(request, "admin/finding.html", context, status=status)
