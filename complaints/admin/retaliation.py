"""Retaliation on the case page: what reporters told, what the office did, check-ins, and the letter to BKN."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypedDict

from django import forms
from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from complaints import access
from complaints.admin import labels, letters
from complaints.admin.base import BaseForm, StaffRequest, case_or_404, render, staff_page, text_field, to_case
from complaints.admin.case_summary import answer_rows, circle_words
from complaints.admin.labels import Label
from complaints.admin.release_choice import as_released
from complaints.admin.reply_composer import Composer, message_preview, standard_text_options, text_as_sent
from complaints.domain.disclosure import Disclosure
from complaints.domain.retaliation import CHECK_IN, OfficeAct, RetaliationKind
from complaints.domain.workflow import Permission
from complaints.forms.law_labels import MARKS
from complaints.forms.retaliation import KIND_LABELS
from complaints.models.case import Case
from complaints.services import case_actions, case_file, circles, disclosure_check, retaliation
from complaints.services.forwarding.release import is_with_body
from complaints.services.letters import TRANSFER, letter_texts
from complaints.services.retaliation import ReportRetaliation, ToldMessage
from complaints.services.transitions import CaseChanged, CaseVersion

ACT_LABELS: Final[dict[str, Label]] = {
    OfficeAct.LPSK: gettext_lazy("Contacted LPSK"),
    OfficeAct.TRANSFER_LETTER: gettext_lazy("Wrote to BKN about the transfer"),
    OfficeAct.BODY: gettext_lazy("Informed the oversight body"),
    OfficeAct.OTHER: gettext_lazy("Did something else"),
}
# The standard text of a check-in (data/catalog/standard_texts.json).
CHECK_IN_TEXT: Final = "reply_check_in.id"
_LETTER_NUMBER: Final = 120


class ActForm(BaseForm):
    """What the office did about what a reporter told."""

    act = forms.ChoiceField(
        label=gettext_lazy("What was done?"),
        choices=list(ACT_LABELS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what was done.")},
    )
    words = text_field(
        gettext_lazy("In your words"),
        help_text=gettext_lazy("With whom you spoke, when, and what follows. No reporter reads it."),
        required=True,
    )
    tells = forms.BooleanField(
        label=gettext_lazy("Tell the reporter what was done and on which day, without your words"),
        required=False,
        initial=True,
    )


class CheckInForm(BaseForm):
    """The question to the reporter."""

    text = text_field(gettext_lazy("Write to the reporter"), required=True)


class SkipForm(BaseForm):
    """Why a check-in is left out."""

    reason = text_field(
        gettext_lazy("Why nobody is asked this time"),
        help_text=gettext_lazy("For example: the reporter wrote yesterday. No reporter reads it."),
        required=True,
        rows=2,
    )


# --- The section of the case page -------------------------------------------------------------------------------------


class ToldContext(TypedDict):
    """One message in words; ``kind`` is "" where the reporter did not say, ``supplement`` an address or ""."""

    message: ToldMessage
    kind: str
    supplement: str


class RetaliationContext(TypedDict):
    """What ``admin/case/retaliation.html`` reads of one report."""

    report: ReportRetaliation
    told: list[ToldContext]
    acts: list[tuple[retaliation.RecordedAct, str]]
    is_transfer: bool


def retaliation_context(request: StaffRequest, opened: case_file.CaseFile) -> dict[str, list[RetaliationContext]]:
    """Return what the opened reports tell of retaliation, the newest message of each first."""
    reports = retaliation.of_case(keyring=request.keyring, opened=opened, today=timezone.localdate())
    may = Permission.FORWARD in access.permissions_of(request.user) and is_with_body(opened.case)
    supplement = reverse("admin:complaints_case_supplement", args=[opened.case.pk]) if may else ""
    return {"retaliation": [_context(report, supplement) for report in reports.values()]}


def _context(report: ReportRetaliation, supplement: str) -> RetaliationContext:
    return {
        "report": report,
        "told": [
            {
                "message": item,
                "kind": kind_label(item.told.kind),
                "supplement": f"{supplement}?message={item.message_id}" if supplement and not item.passed_on else "",
            }
            for item in reversed(report.told)
        ],
        "acts": [(act, _act_label(act)) for act in report.acts],
        "is_transfer": any(item.told.kind in {"moved", "demoted"} for item in report.told),
    }


def kind_label(kind: str) -> str:
    """Return what happened, in the reporter's words; "" where it was not said."""
    return str(KIND_LABELS[RetaliationKind(kind)]) if kind else ""


def _act_label(act: retaliation.RecordedAct) -> str:
    return str(ACT_LABELS[act.act]) if act.act in ACT_LABELS else _("Check-in left out")


# --- Acts -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A report of an opened case that tells of retaliation."""

    case: Case
    opened: case_file.CaseFile
    report: ReportRetaliation


def _place(request: StaffRequest, case_id: uuid.UUID, complaint_id: uuid.UUID) -> _Place:
    """Open the case at a report, which is recorded; Http404 where the report tells of no retaliation."""
    case = case_or_404(request, case_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, holding=complaint_id)
    reports = retaliation.of_case(keyring=request.keyring, opened=opened, today=timezone.localdate())
    if complaint_id not in reports:
        raise Http404
    return _Place(case, opened, reports[complaint_id])


def _seen(request: StaffRequest) -> CaseVersion | None:
    return CaseVersion.parse(seen) if (seen := request.POST.get("seen")) else None


@staff_page("GET", "POST", opens_for=access.is_triage)
def record_act(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Record what the office did about what a reporter told; from then on it is no longer urgent."""
    place, form = _place(request, object_id, complaint_id), ActForm(request.POST or None)
    if not form.is_valid():
        return _act_page(request, place, form)
    act = form.cleaned_data["act"]
    try:
        retaliation.record_act(
            actor=request.actor,
            complaint=place.report.complaint,
            act=act,
            words=form.cleaned_data["words"],
            reply=_told_to_reporter(act, request.actor.today) if form.cleaned_data["tells"] else "",
            seen=_seen(request),
        )
    except CaseChanged:
        return _act_page(request, place, form, is_stale=True)
    messages.success(request, _("Recorded. It is no longer listed as urgent."))
    return to_case(request, object_id)


def _told_to_reporter(act: str, day: date) -> str:
    with override("id"):
        sentence = _("About what you told us, on %(day)s we recorded what we did: %(act)s.")
        return sentence % {"day": date_format(day, "j F Y"), "act": ACT_LABELS[act]}


def _act_page(request: StaffRequest, place: _Place, form: ActForm, *, is_stale: bool = False) -> HttpResponseBase:
    context: dict[str, object] = {
        "title": _("Retaliation, what was done: %(case)s") % {"case": place.case.reference},
        "case": place.case,
        "mark": place.opened.version,
        "form": form,
        "has_reporter": place.report.complaint.has_reporter,
        "stale": is_stale,
        "changes": labels.change_lines(place.case, request.POST.get("seen", "")) if is_stale else [],
    }
    status = 409 if is_stale else 400 if form.is_bound else 200
    return render(request, "admin/retaliation_act.html", context, status=status)


@staff_page("GET", "POST", opens_for=access.is_triage)
def check_in(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID, code: str) -> HttpResponseBase:
    """Ask a reporter whether they are safe, or record why nobody asks this time."""
    place = _place(request, object_id, complaint_id)
    item = next((item for item in place.report.check_ins if item.code == code), None)
    if item is None or not place.report.complaint.has_reporter:
        raise Http404
    if item.done_on is not None:
        messages.info(request, _("This check-in was made or left out already."))
        return to_case(request, object_id)
    if request.POST.get("do") == "skip":
        return _skip(request, place, item)
    complaint = place.report.complaint

    def find_leaks(text: str) -> list[Disclosure]:
        return disclosure_check.check(actor=request.actor, case_id=place.case.pk, readers=[complaint.pk], text=text)

    composer = Composer(
        request,
        "text",
        find_leaks=find_leaks,
        make_preview=lambda text: message_preview(text_as_sent(text, place.case, complaint)),
    )
    form = CheckInForm(composer.data() if request.method == "POST" else None, initial={"text": _question(place.case)})
    if not form.is_valid() or not composer.may_send(form.cleaned_data["text"]):
        return _check_in_page(request, place, item, form, composer=composer)
    try:
        case_actions.reply_to_reporter(
            actor=request.actor,
            complaint_id=complaint.pk,
            text=form.cleaned_data["text"],
            seen=_seen(request),
            override=composer.override_record(),
            marks={CHECK_IN: code},
        )
    except CaseChanged:
        return _check_in_page(request, place, item, form, composer=composer, is_stale=True)
    messages.success(request, _("Sent. The reporter reads it on the status page."))
    return to_case(request, object_id)


def _skip(request: StaffRequest, place: _Place, item: retaliation.CheckIn) -> HttpResponseBase:
    form = SkipForm(request.POST)
    if not form.is_valid():
        return _check_in_page(request, place, item, CheckInForm(initial={"text": _question(place.case)}), skip=form)
    try:
        case_actions.write_case_note(
            actor=request.actor,
            complaint_id=place.report.complaint.pk,
            text=form.cleaned_data["reason"],
            seen=_seen(request),
            marks={CHECK_IN: item.code, "skipped": True},
        )
    except CaseChanged:
        question = CheckInForm(initial={"text": _question(place.case)})
        return _check_in_page(request, place, item, question, skip=form, is_stale=True)
    messages.success(request, _("Recorded: nobody is asked this time."))
    return to_case(request, place.case.pk)


def _question(case: Case) -> str:
    """Return the standard text of a check-in in Indonesian, "" where an administrator has ended it."""
    options = standard_text_options("reply", case, due_on=None, body="")
    return next((option.text for option in options if option.value == CHECK_IN_TEXT), "")


def _check_in_page(
    request: StaffRequest,
    place: _Place,
    item: retaliation.CheckIn,
    form: CheckInForm,
    *,
    composer: Composer | None = None,
    skip: SkipForm | None = None,
    is_stale: bool = False,
) -> HttpResponseBase:
    composer = composer or Composer(request, "text")
    context: dict[str, object] = {
        "title": _("Ask whether the reporter is safe: %(case)s") % {"case": place.case.reference},
        "case": place.case,
        "mark": place.opened.version,
        "item": item,
        "form": form,
        "skip": skip or SkipForm(),
        "writing": composer.context(),
        "circle": circle_words(circles.of_case(keyring=request.keyring, case_id=place.case.pk)),
        "stale": is_stale,
        "changes": labels.change_lines(place.case, request.POST.get("seen", "")) if is_stale else [],
    }
    is_wrong = form.errors or (skip is not None and skip.errors)
    status = 409 if is_stale else 400 if is_wrong else composer.status if form.is_bound else 200
    return render(request, "admin/retaliation_check_in.html", context, status=status)


# --- The letter to BKN ------------------------------------------------------------------------------------------------


@staff_page("GET", "POST", opens_for=access.is_triage)
def transfer_letter(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Choose what a letter to BKN about a transfer says; by POST record it as an act, and print it."""
    place = _place(request, object_id, complaint_id)
    reports, _copies, _later = as_released(request, place.opened)
    file = next(file for file in reports if file.complaint.pk == place.report.complaint.pk)
    with override("id"):
        parts = list(_parts(place.report, file))
    form = letters.ReferralForm(request.POST or None, initial={"day": timezone.localdate()}, parts=parts)
    if request.method == "POST" and form.is_valid():
        number = str(form.cleaned_data["number"])[:_LETTER_NUMBER]
        retaliation.record_act(
            actor=request.actor,
            complaint=place.report.complaint,
            act=OfficeAct.TRANSFER_LETTER.value,
            words=_("Letter %(number)s of %(day)s printed.")
            % {"number": number, "day": date_format(form.cleaned_data["day"], "j F Y")},
        )
        keys = set(form.cleaned_data["parts"])
        chosen = [part for part in parts if part.key in keys]
        return letters.letter_pdf(form, TRANSFER, _("Verification team"), place.case.reference, chosen)
    text = letter_texts()[TRANSFER]
    ticked = set(request.POST.getlist("parts")) if form.is_bound else {part.key for part in parts if part.ticked}
    context: dict[str, object] = {
        "title": _("Letter to BKN about a transfer: %(case)s") % {"case": place.case.reference},
        "form": form,
        "text": text,
        "basis": [(line.words, str(MARKS[line.mark])) for line in text.basis],
        "parts": [(part, part.key in ticked) for part in parts],
        "circle": circle_words(circles.of_case(keyring=request.keyring, case_id=place.case.pk)),
        "lead": _(
            "The portal sends nothing. Printing is recorded as an act, with number and date of the letter. A letter "
            "about one transfer can show who told of it: read first whether the reporter agrees."
        ),
        "back": reverse("admin:complaints_case_change", args=[place.case.pk]),
        "back_label": _("Back to the case"),
    }
    return render(request, "admin/letter.html", context, status=400 if form.is_bound else 200)


# The answers that say which agency BKN is asked to look at.
_OF_AGENCY: Final = ("agency", "agency_kind", "regency", "province")


def _parts(report: ReportRetaliation, file: case_file.ComplaintFile) -> Iterator[letters.Part]:
    """Yield what the letter may hold: the agency, and of each message the kind, the day and the text.

    ``file`` is the report as a body would read it.
    """
    texts = {entry.message.pk: entry.text for entry in file.thread}
    of_act = {name: file.answers[name] for name in ("category", "accused_kind")}
    known, title = answer_rows(of_act), _("The agency")
    rows = answer_rows(of_act | {name: file.answers.get(name) for name in _OF_AGENCY})
    for number, (label, value) in enumerate(row for row in rows if row not in known):
        yield letters.Part(f"a{number}", title, label, value, ticked=True)
    for number, item in enumerate(report.told):
        title = _("Told on %(day)s") % {"day": date_format(item.day, "j F Y")}
        if kind := kind_label(item.told.kind):
            yield letters.Part(f"k{number}", title, _("What happened"), kind, ticked=True)
        if item.told.happened_on:
            yield letters.Part(f"d{number}", title, _("Day"), date_format(item.told.happened_on, "j F Y"))
        if text := texts[item.message_id]:
            yield letters.Part(f"t{number}", title, _("In the reporter's words"), text)
