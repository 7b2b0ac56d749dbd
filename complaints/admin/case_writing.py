"""What an officer writes on the case page: a reply to one of its reporters, or an internal note on one of its reports.

What was not saved is shown again on the case page with what was typed.
"""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.assignment import tell_that_taken
from complaints.admin.base import StaffRequest, readable_case_or_404, render, staff_page, to_case
from complaints.admin.case import SubmittedForm, reply_options, show_case
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.admin.reply_composer import Composer, Preview, message_preview, text_as_sent
from complaints.domain.disclosure import Disclosure
from complaints.services import case_actions, case_work, circles, disclosure_check
from complaints.services.transitions import CaseChanged, CaseVersion


@staff_page("POST", opens_for=access.may_see_cases)
def reply(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Send a message to one reporter; or insert a standard text, or preview the message, on a page of its own."""
    case = readable_case_or_404(request, object_id)
    complaint = get_object_or_404(case.complaints, pk=complaint_id)
    seen = request.POST.get("seen")

    def find_leaks(text: str) -> list[Disclosure]:
        return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=[complaint.pk], text=text)

    def make_preview(text: str) -> Preview:
        return message_preview(text_as_sent(text, case, complaint))

    composer = Composer(
        request,
        "text",
        make_options=lambda: reply_options(case),
        find_leaks=find_leaks,
        make_preview=make_preview,
        find_circle=lambda: circles.of_case(keyring=request.keyring, case_id=case.pk),
    )
    form = ReplyForm(composer.data(), auto_id="id_reply_again_%s")
    if not form.is_valid() and composer.is_sending:
        return show_case(request, object_id, SubmittedForm(complaint.pk, reply=form))
    if not form.is_valid() or not composer.may_send(form.cleaned_data["text"]):
        title = _("Write to the reporter: %(case)s") % {"case": case.reference}
        context = {"title": title, "case": case, "complaint": complaint, "form": form, "mark": seen}
        context["writing"] = composer.context()
        return render(request, "admin/reply.html", context, status=composer.status)
    try:
        case_actions.reply_to_reporter(
            actor=request.actor,
            complaint_id=complaint.pk,
            text=form.cleaned_data["text"],
            seen=None if seen is None else CaseVersion.parse(seen),
            override=composer.override_record(),
        )
    except CaseChanged:
        return show_case(request, object_id, SubmittedForm(complaint.pk, reply=form, seen=seen or ""))
    messages.success(request, _("Sent. The reporter reads it on the status page."))
    if case_work.take_if_free(actor=request.actor, case_id=case.pk):
        tell_that_taken(request)
    return to_case(request, object_id)


@staff_page("POST", opens_for=access.may_see_cases)
def note(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Add an internal note to one report."""
    complaint = get_object_or_404(readable_case_or_404(request, object_id).complaints, pk=complaint_id)
    form = NoteForm(request.POST, auto_id="id_note_again_%s")
    if not form.is_valid():
        return show_case(request, object_id, SubmittedForm(complaint.pk, note=form))
    # Whatever happened to the case since: a note says something beside it, and contradicts nothing.
    case_actions.write_case_note(actor=request.actor, complaint_id=complaint.pk, text=form.cleaned_data["text"])
    messages.success(request, _("Note added. No reporter reads it."))
    return redirect("admin:complaints_case_change", object_id)
