"""A question of a body, as the office reads it: to answer, to pass on to reporters unchanged, or to give back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, reply_composer
from complaints.admin.base import BaseForm, StaffRequest, case_or_404, render, staff_page, text_field
from complaints.admin.case_summary import circle_words
from complaints.admin.question_lines import question_lines
from complaints.admin.reply_composer import Composer
from complaints.domain import workflow
from complaints.domain.workflow import Action, Permission, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.oversight import Release
from complaints.models.question import ReleaseQuestion
from complaints.services import circles, disclosure_check
from complaints.services.forwarding import asking
from complaints.services.forwarding.questions import Kind, Question
from complaints.services.transitions import CaseChanged, CaseVersion


class AnswerForm(BaseForm):
    """The office's answer to a body."""

    text = text_field(
        gettext_lazy("Answer to the body"),
        help_text=gettext_lazy("The body reads it at once; no reporter does."),
        required=True,
    )


class ReasonForm(BaseForm):
    """Why a question is not passed on."""

    reason = text_field(
        gettext_lazy("Why it is not passed on"),
        help_text=gettext_lazy("The body reads it and can ask again in other words."),
        required=True,
        rows=3,
    )


@staff_page("GET", "POST", opens_for=access.is_triage)
def question(request: StaffRequest, object_id: uuid.UUID, question_id: uuid.UUID) -> HttpResponseBase:
    """Show a question of a body; by POST pass it on to the reporters that it is for."""
    case, row = _question_or_404(request, object_id, question_id)
    opened = asking.read_question(actor=request.actor, question_id=row.pk)
    if row.kind == Kind.OFFICE:
        if request.method == "POST":
            raise Http404
        return _page(request, case, opened)
    composer = _composer(request, case, opened)
    composer.is_sending = composer.is_sending and request.method == "POST"
    if not opened.is_open:
        return _page(request, case, opened, refused=request.method == "POST")
    if not composer.may_send(opened.text):
        return _page(request, case, opened, composer=composer, status=composer.status)
    seen = request.POST.get("seen")
    try:
        asking.pass_on(
            actor=request.actor,
            question_id=row.pk,
            seen=None if seen is None else CaseVersion.parse(seen),
            override=composer.override_record(),
        )
    except (TransitionRefused, CaseChanged):
        fresh = asking.read_question(actor=request.actor, question_id=row.pk)
        return _page(request, case_or_404(request, object_id), fresh, composer=composer, refused=True)
    messages.success(request, _("Passed on. The reporter reads it on the status page."))
    return redirect("admin:complaints_case_change", case.pk)


@staff_page("POST", opens_for=access.is_triage)
def give_back(request: StaffRequest, object_id: uuid.UUID, question_id: uuid.UUID) -> HttpResponseBase:
    """Give a question back to the body with a reason."""
    case, row = _question_or_404(request, object_id, question_id)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            asking.give_back(actor=request.actor, question_id=row.pk, reason=form.cleaned_data["reason"])
        except (TransitionRefused, CaseChanged):
            return _again(request, case, row, reason=form, refused=True)
        messages.success(request, _("Given back to the body. No reporter has read it."))
        return redirect("admin:complaints_case_change", case.pk)
    return _again(request, case, row, reason=form)


@staff_page("POST", opens_for=access.is_triage)
def answer(request: StaffRequest, object_id: uuid.UUID, question_id: uuid.UUID) -> HttpResponseBase:
    """Answer a question to the office in words; with ``supplement`` in the form, by a supplement that was made."""
    case, row = _question_or_404(request, object_id, question_id)
    chosen, form = request.POST.get("supplement", ""), AnswerForm(request.POST)
    if chosen:
        form.fields["text"].required = False
    if not form.is_valid():
        return _again(request, case, row, answer=form)
    try:
        asking.answer(
            actor=request.actor,
            question_id=row.pk,
            text=form.cleaned_data["text"],
            supplement=uuid.UUID(chosen) if chosen else None,
        )
    except (Release.DoesNotExist, ValueError):
        raise Http404 from None
    except (TransitionRefused, CaseChanged):
        return _again(request, case, row, answer=form, refused=True)
    messages.success(request, _("Answered. The body reads it on its release."))
    return redirect("admin:complaints_case_change", case.pk)


def _question_or_404(request: StaffRequest, case_id: uuid.UUID, question_id: uuid.UUID) -> tuple[Case, ReleaseQuestion]:
    case = case_or_404(request, case_id)
    try:
        row = asking.question_of_office(request.actor, question_id)
    except ReleaseQuestion.DoesNotExist:
        raise Http404 from None
    if row.release.case_id != case.pk:
        raise Http404
    return case, row


def _again(
    request: StaffRequest,
    case: Case,
    row: ReleaseQuestion,
    *,
    answer: AnswerForm | None = None,
    reason: ReasonForm | None = None,
    refused: bool = False,
) -> HttpResponseBase:
    """Show the question with what was typed, which was not written."""
    opened = asking.read_question(actor=request.actor, question_id=row.pk)
    composer = None
    if row.kind == Kind.REPORTER and opened.is_open:
        composer = _composer(request, case, opened)
        composer.is_sending = False
        composer.may_send(opened.text)
    return _page(request, case, opened, composer=composer, answer=answer, reason=reason, refused=refused, status=400)


def _page(
    request: StaffRequest,
    case: Case,
    opened: Question,
    *,
    composer: Composer | None = None,
    answer: AnswerForm | None = None,
    reason: ReasonForm | None = None,
    refused: bool = False,
    status: int = 200,
) -> HttpResponseBase:
    release = opened.row.release
    (line,) = question_lines([opened])
    context: dict[str, object] = {
        "title": _("Question of %(body)s: %(case)s") % {"body": release.body.short_name, "case": case.reference},
        "case": case,
        "release": release,
        "line": line,
        "mark": CaseVersion(case.status, case.step_count),
        "circle": circle_words(circles.of_case(keyring=request.keyring, case_id=case.pk)),
        "is_to_reporter": opened.row.kind == Kind.REPORTER,
        "refused": refused,
        "may_supplement": Permission.FORWARD in access.permissions_of(request.user),
        # A supplement that was made since the question is an answer to it with one click.
        "supplements": release.supplements.filter(state=Release.State.OPEN, at__gt=opened.row.at).order_by("number"),
        "answer": answer or AnswerForm(),
        "reason": reason or ReasonForm(),
        "writing": composer.context() if composer else None,
        "blocked": composer is not None and composer.is_blocked,
    }
    return render(request, "admin/case_question.html", context, status=409 if refused else status)


def _composer(request: StaffRequest, case: Case, opened: Question) -> Composer:
    """Return the composer of words that the office cannot change: only its check and its preview are used."""
    row = workflow.transition_for(Action.ASK_REPORTER, Status.UNDER_EXAMINATION)
    body = opened.row.release.body.short_name
    label = labels.target_status_label(row, case, body)
    return Composer(
        request,
        "text",
        find_leaks=lambda text: disclosure_check.check(
            actor=request.actor, case_id=case.pk, readers=list(opened.asked), text=text
        ),
        make_preview=lambda text: reply_composer.step_preview(row, case, text, label=label, due_on=None, body=body),
    )
