"""Letters to print: to another authority with chosen parts of a report, and to an agency that does not act.

The portal sends nothing. A person delivers the letter, and the delivery is recorded as a step with its receipt.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, cast

from django import forms
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from complaints import access
from complaints.adapters import printed_pdf
from complaints.admin.base import (
    BaseForm,
    DayInput,
    StaffRequest,
    as_attachment,
    case_or_404,
    render,
    staff_page,
    text_field,
)
from complaints.admin.case_summary import answer_rows, circle_words
from complaints.admin.decision_labels import letter_values
from complaints.admin.release_choice import as_released
from complaints.domain.file_names import exhibit_name
from complaints.domain.workflow import Action
from complaints.forms.law_labels import MARKS
from complaints.models.complaint import Message
from complaints.models.oversight import Release
from complaints.services import case_file, circles, letters, transitions
from complaints.services.forwarding import reading

STEP_OF: Final = {letters.REMIND: Action.REMIND, letters.ESCALATE: Action.ESCALATE}


@dataclass(frozen=True)
class Part:
    """A part of a report that a letter may hold; ``ticked`` before anybody chose."""

    key: str
    title: str
    label: str
    value: str
    ticked: bool = False


class LetterForm(BaseForm):
    """To whom a letter goes, its number and date, and words of the officer's own."""

    to = text_field(gettext_lazy("To whom, with the address"), required=True, rows=3)
    number = forms.CharField(
        label=gettext_lazy("Number of the letter"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    day = forms.DateField(label=gettext_lazy("Date of the letter"), widget=DayInput)
    words = text_field(
        gettext_lazy("Words of your own (optional)"),
        help_text=gettext_lazy("They stand in the letter as you write them. Name nobody who could be the reporter."),
        rows=6,
    )


class ReferralForm(LetterForm):
    """A letter with chosen parts of reports."""

    parts = forms.MultipleChoiceField(
        error_messages={"required": gettext_lazy("Choose at least one part of the report.")}
    )

    def __init__(self, *args: object, parts: Sequence[Part], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.MultipleChoiceField, self.fields["parts"])
        field.choices = [(part.key, part.label) for part in parts]


@staff_page("GET", "POST", opens_for=access.is_triage)
def referral_letter(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Choose the parts of a letter to another authority; by POST print it. Opening the case is recorded."""
    case = case_or_404(request, object_id)
    choices = transitions.available_steps(staff=request.user, case=case)
    if not any(choice.action is Action.DELIVER and not choice.refused for choice in choices):
        return redirect("admin:complaints_case_step", case.pk, Action.DELIVER.value)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, is_whole=True)
    # What was redacted for a body is redacted for another authority, too.
    reports, copies, _later = as_released(request, opened)
    with override("id"):
        parts = list(_parts(reports, copies))
    form = ReferralForm(request.POST or None, initial={"day": timezone.localdate()}, parts=parts)
    if request.method == "POST" and form.is_valid():
        keys = set(form.cleaned_data["parts"])
        chosen = [part for part in parts if part.key in keys]
        letters.record_printing(actor=request.actor, case_id=case.pk, kind=letters.REFERRAL, parts=len(chosen))
        return letter_pdf(form, letters.REFERRAL, _("Verification team"), case.reference, chosen)
    ticked = set(request.POST.getlist("parts")) if form.is_bound else {part.key for part in parts if part.ticked}
    context: dict[str, object] = {
        "title": _("Letter to another authority: %(case)s") % {"case": case.reference},
        "form": form,
        "text": letters.letter_texts()[letters.REFERRAL],
        "basis": [(line.words, str(MARKS[line.mark])) for line in letters.letter_texts()[letters.REFERRAL].basis],
        "parts": [(part, part.key in ticked) for part in parts],
        "circle": circle_words(circles.of_case(keyring=request.keyring, case_id=case.pk)),
        "back": reverse("admin:complaints_case_step", args=[case.pk, Action.DELIVER.value]),
    }
    return render(request, "admin/letter.html", context, status=400 if form.is_bound else 200)


def _parts(reports: Sequence[case_file.ComplaintFile], copies: Mapping[uuid.UUID, uuid.UUID]) -> Iterator[Part]:
    """Yield what a letter may hold of each report, in the order of the page; ``copies`` are redacted files by file."""
    for number, report in enumerate(reports, start=1):
        title = _("Report %(number)d") % {"number": number}
        # How and when the reporter came to know, and how many could, tells of the reporter.
        of_reporter = {_("Came in as"), _("Learnt of it on"), _("People who could know this")}
        for row, (label, value) in enumerate(answer_rows(report.answers)):
            yield Part(f"{number}-a{row}", title, label, value, ticked=label not in of_reporter)
        for name, label in (("story", _("The story")), ("links", _("Links"))):
            if value := str(report.answers.get(name) or ""):
                yield Part(f"{number}-{name}", title, label, value)
        for entry in report.thread:
            # A rating has no words.
            if entry.message.direction == Message.Direction.FROM_REPORTER and entry.text:
                label = _("Message of %(day)s") % {"day": date_format(entry.message.day, "j F Y")}
                yield Part(f"{number}-m{entry.message.sequence}", title, label, entry.text)
        for item in report.evidence:
            named = next((copy for copy in item.redacted if copy.id == copies.get(item.row.pk)), item.original)
            info = named.info
            value = f"{exhibit_name(item.number)}, {info.label}, SHA-256 {info.sha256}"
            yield Part(f"{number}-f{item.number}", title, _("Evidence, kept here"), value)


@staff_page("GET", "POST", opens_for=access.is_overseer)
def agency_letter(request: StaffRequest, object_id: uuid.UUID, kind: str) -> HttpResponseBase:
    """Write a reminder to an agency or a letter to its superior; by POST print it. Opening the release is recorded."""
    if kind not in STEP_OF:
        raise Http404
    releases = access.releases_for(request.user).select_related("case", "body")
    release = get_object_or_404(releases, pk=object_id)
    rows = reading.actions(keyring=request.keyring, release=release)
    if STEP_OF[kind] not in {row.action for row in rows}:
        return redirect("admin:complaints_release_step", release.pk, STEP_OF[kind].value)
    opened = reading.open_release(actor=request.actor, release_id=release.pk)
    with override("id"):
        offered = letter_values(opened.decisions)
    form = LetterForm(request.POST or None, initial={"day": timezone.localdate(), **offered})
    if request.method == "POST" and form.is_valid():
        letters.record_printing(actor=request.actor, case_id=release.case_id, kind=kind, parts=0)
        return letter_pdf(form, kind, release.body.name, release.case.reference, [])
    context: dict[str, object] = {
        "title": _("Letter: %(case)s") % {"case": release.case.reference},
        "form": form,
        "text": letters.letter_texts()[kind],
        "basis": [(line.words, str(MARKS[line.mark])) for line in letters.letter_texts()[kind].basis],
        "back": reverse("admin:complaints_release_step", args=[release.pk, STEP_OF[kind].value]),
    }
    return render(request, "admin/letter.html", context, model=Release, status=400 if form.is_bound else 200)


def letter_pdf(form: LetterForm, kind: str, sender: str, reference: str, parts: Sequence[Part]) -> HttpResponse:
    """Return a letter as a PDF; its words are Indonesian whatever language the officer reads."""
    with override("id"):
        data = _letter(form, letters.letter_texts()[kind], sender, reference, parts)
    data["receipt"] = _receipt() if kind == letters.REFERRAL else []
    response = HttpResponse(printed_pdf.render("letter", data), content_type="application/pdf")
    return as_attachment(response, f"surat-{reference}.pdf")


def _letter(
    form: LetterForm, text: letters.LetterText, sender: str, reference: str, parts: Sequence[Part]
) -> dict[str, object]:
    values = form.cleaned_data
    day: date = values["day"]
    titles = list(dict.fromkeys(part.title for part in parts))
    head = [
        [_("Number"), str(values["number"])],
        [_("Date"), date_format(day, "j F Y")],
        [_("Subject"), text.subject],
        [_("Case"), reference],
    ]
    return {
        "lang": "id",
        "title": text.subject,
        "foot": f"{values['number']} · {reference}",
        "sender": sender,
        "head": head,
        "to": str(values["to"]),
        "paragraphs": [*text.paragraphs, *([values["words"]] if values["words"] else [])],
        "basis_title": _("Basis"),
        "basis": [line.words for line in text.basis],
        "parts": [
            {"title": title, "rows": [[part.label, part.value] for part in parts if part.title == title]}
            for title in titles
        ],
        "sign": sender,
        "signer": _("Name, office, date, signature"),
    }


def _receipt() -> list[str]:
    with override("id"):
        return [
            _("Received"),
            _("Date and number of the receipt:"),
            _("Name, office, signature:"),
        ]
