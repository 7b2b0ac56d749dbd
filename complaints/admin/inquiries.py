"""Inquiries, which are questions before a report: their own list, and the page on which one is read and answered.

An inquiry is opened, locked and recorded as a case is, and is in no list of cases. Its answer begins from a standard
text and from what the table of rules says of what was chosen.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, step_labels
from complaints.admin.base import BaseForm, DayInput, StaffRequest, render, staff_page, text_field
from complaints.admin.case_summary import DeadlineLabel, answer_rows, deadline_label, deadline_not_shown
from complaints.admin.legal_basis import crime_lines, judgment_lines, sanction_groups
from complaints.admin.reply_composer import Composer, Option, message_preview, standard_text_options
from complaints.domain.disclosure import Disclosure
from complaints.domain.law.facts import StatedFacts
from complaints.domain.law.judgment import Judgment
from complaints.domain.law.vocabulary import ServiceStatus
from complaints.domain.workflow import ASKED_ON_FROM, Action, Status, TransitionRefused
from complaints.forms.law_labels import STATUS
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import (
    case_actions,
    case_file,
    case_summary,
    disclosure_check,
    first_look,
    legal_basis,
    reference_data,
)
from complaints.services.audit import recorded_lines
from complaints.services.case_file import CaseFile
from complaints.services.transitions import CaseChanged, CaseVersion

WAITING_AT_MOST: Final = 100
OTHERS_AT_MOST: Final = 50
CLOSE: Final = "close"


def waiting(person: Staff) -> QuerySet[Case]:
    """Return the inquiries that wait for the office, for a count of their own."""
    return access.inquiries_for(person).filter(status=Status.ASKED)


# --- The list


@dataclass(frozen=True)
class InquiryLine:
    """An inquiry in the list; one that is not as the chain records it shows its reference alone."""

    case: Case
    clock: DeadlineLabel
    status: str
    line: str


@staff_page("GET", opens_for=access.is_triage)
def inquiry_list(request: StaffRequest) -> HttpResponse:
    """List the inquiries that wait, by the day of the answer, and then the newest of the others."""
    first_look.process_new_reports(actor=request.actor)
    rows = recorded_lines.with_first(access.inquiries_for(request.user).select_related("category", "lead_body"))
    open_rows = rows.filter(status=Status.ASKED).order_by("due_on", "received_on", "pk")[:WAITING_AT_MOST]
    others = rows.exclude(status=Status.ASKED).order_by("-status_on", "pk")[:OTHERS_AT_MOST]
    lines = _lines(request, [*open_rows, *others])
    context = {
        "title": _("Ask first"),
        "waiting": [line for line in lines if line.case.status == Status.ASKED],
        "others": [line for line in lines if line.case.status != Status.ASKED],
    }
    return render(request, "admin/inquiries.html", context)


def _lines(request: StaffRequest, cases: list[Case]) -> list[InquiryLine]:
    today = timezone.localdate()
    summaries = case_summary.summaries(actor=request.actor, cases=cases) if cases else {}
    differing = recorded_lines.differing(cases)
    return [
        InquiryLine(case, deadline_not_shown(), str(labels.NOT_AS_RECORDED), "")
        if case.pk in differing
        else InquiryLine(
            case, deadline_label(case.due_on, today), labels.case_status_label(case), summaries.get(case.pk, "")
        )
        for case in cases
        if not request.keyring.has_conflict(case.pk)
    ]


# --- One inquiry


def _categories() -> list[tuple[str, str]]:
    return [("", _("not chosen")), *((row.code, f"{row.code} {row}") for row in reference_data.categories())]


def _accused_kinds() -> list[tuple[str, str]]:
    return [("", _("not chosen")), *((row.code, row.text("label")) for row in reference_data.accused_kinds())]


def _statuses() -> list[tuple[str, str]]:
    return [("", _("not chosen")), *((str(code), str(label)) for code, label in STATUS.items())]


class AnswerForm(BaseForm):
    """The words to the asker, and by what the rules are looked up; nothing of the look-up is kept."""

    category = forms.ChoiceField(label=gettext_lazy("What happened"), choices=_categories, required=False)
    accused_kind = forms.ChoiceField(label=gettext_lazy("Kind of accused"), choices=_accused_kinds, required=False)
    status = forms.ChoiceField(label=gettext_lazy("Status of the accused"), choices=_statuses, required=False)
    day = forms.DateField(label=gettext_lazy("Day of the act"), widget=DayInput, required=False)
    text = text_field(
        gettext_lazy("Words to whoever asked"),
        help_text=gettext_lazy("In the office's name. Explain rules and ways; judge nobody, and ask for no report."),
        required=True,
        rows=8,
    )

    def looked_up(self) -> Judgment | None:
        """Return what the rules say of what is chosen; None without a category or a day."""
        names = ("category", "accused_kind", "status")
        category, accused_kind, status = (str(self[name].value() or "") for name in names)
        try:
            day = forms.DateField(required=False).clean(self["day"].value())
        except ValidationError:
            return None
        if not category or day is None:
            return None
        return legal_basis.judge_report(
            category=category,
            accused_kind=accused_kind,
            answers={"event_from": day.isoformat()},
            handled_on=timezone.localdate(),
            stated=StatedFacts(status=ServiceStatus(status) if status in STATUS else None),
        )


@staff_page("GET", "POST", opens_for=access.is_triage)
def inquiry_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Open an inquiry, which is recorded; by POST look up rules, put in a standard text, preview, answer or close."""
    case = get_object_or_404(access.inquiries_for(request.user), pk=object_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, visible=access.inquiries_for)
    if request.method != "POST":
        return _page(request, opened, AnswerForm(initial=_chosen(opened)))
    unfilled = AnswerForm(request.POST)
    composer = _composer(request, opened.case, unfilled)
    form = AnswerForm(composer.data())
    if not form.is_valid() and composer.is_sending:
        return _page(request, opened, form, composer)
    if not form.is_valid() or composer.button == "rules" or not composer.may_send(form.cleaned_data["text"]):
        return _page(request, opened, form, composer)
    try:
        _send(request, opened.case, form.cleaned_data["text"], composer)
    except (CaseChanged, TransitionRefused):
        fresh = case_file.open_case(actor=request.actor, case_id=case.pk, visible=access.inquiries_for)
        return _page(request, fresh, form, composer, changed=True)
    messages.success(request, _("Sent. Whoever asked reads it with the ticket code."))
    return redirect("admin:inquiries")


def _send(request: StaffRequest, case: Case, text: str, composer: Composer) -> None:
    """Answer or close the inquiry; what is added to an answer is a message, which leaves it where it stands."""
    seen, override = CaseVersion.parse(request.POST.get("seen", "")), composer.override_record()
    is_closing = request.POST.get("do") == CLOSE
    if case.status in ASKED_ON_FROM and not is_closing:
        complaint = case.complaints.get()
        case_actions.reply_to_reporter(
            actor=request.actor, complaint_id=complaint.pk, text=text, seen=seen, override=override
        )
        return
    action = Action.CLOSE_INQUIRY if is_closing else Action.ANSWER_INQUIRY
    case_actions.act(actor=request.actor, case_id=case.pk, action=action, reason=text, seen=seen, override=override)


def _chosen(opened: CaseFile) -> dict[str, object]:
    """Return by what the rules are looked up at first: what was chosen with the question, on the day that it came."""
    answers = opened.complaints[0].answers
    return {**{name: answers.get(name) for name in ("category", "accused_kind")}, "day": opened.case.received_on}


def _composer(request: StaffRequest, case: Case, form: AnswerForm) -> Composer:
    def rules() -> str:
        return _in_words(form.looked_up())

    def make_options() -> list[Option]:
        moments = (Action.ANSWER_INQUIRY.value, Action.CLOSE_INQUIRY.value)
        made = (standard_text_options(moment, case, due_on=None, body="", rules=rules) for moment in moments)
        return [option for options in made for option in options]

    def find_leaks(text: str) -> list[Disclosure]:
        return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=(), text=text)

    return Composer(request, "text", make_options=make_options, find_leaks=find_leaks, make_preview=message_preview)


def _in_words(judged: Judgment | None) -> str:
    """Return the rules that fit as lines of a standard text; "" where nothing was looked up."""
    return "\n".join(dict.fromkeys(_rule_lines(judged))) if judged else ""


def _rule_lines(judged: Judgment) -> Iterator[str]:
    """Yield the sanctions and crimes that name a text, each with that on which it depends."""
    for status, rows in [*sanction_groups(judged), ("", crime_lines(judged))]:
        for line in rows:
            depends_on = _("only if: %(conditions)s") % {"conditions": line.depends_on} if line.depends_on else ""
            beside = "; ".join(part for part in (line.basis, depends_on) if part)
            if line.basis:
                yield f"- {status}: {line.says} ({beside})" if status else f"- {line.says} ({beside})"


def _page(
    request: StaffRequest,
    opened: CaseFile,
    form: AnswerForm,
    composer: Composer | None = None,
    *,
    changed: bool = False,
) -> HttpResponse:
    report = opened.complaints[0]
    composer = composer or _composer(request, opened.case, form)
    may_take = {choice.action.value for choice in opened.choices}
    context = {
        "title": _("Inquiry %(reference)s") % {"reference": opened.case.reference},
        "case": opened.case,
        "under_check": opened.under_check,
        "status": labels.case_status_label(opened.case),
        "clock": deadline_label(opened.case.due_on, timezone.localdate()),
        "question": report.answers.get("story"),
        "chosen": answer_rows(report.answers),
        "thread": report.thread,
        "mark": opened.version,
        "form": form,
        "writing": composer.context(),
        "lines": judgment_lines(form.looked_up()),
        "shows_rules": composer.button == "rules",
        "may_write": not opened.under_check and opened.case.status != Status.WITHDRAWN,
        "buttons": step_labels.INQUIRY_STEPS,
        "may_close": Action.CLOSE_INQUIRY.value in may_take,
        "changed": changed,
    }
    status = 409 if changed else composer.status if form.is_bound else 200
    return render(request, "admin/inquiry.html", context, status=status)
