"""What an officer writes on the case page: to one reporter, and to the house."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import composing
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.domain.disclosure import Disclosure
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_actions, case_file, disclosure_check
from complaints.services.transitions import CaseChanged


class CaseTalk(CasePart):
    """Messages and notes."""

    def own_urls(self) -> list[URLPattern]:
        """One address for each of the two."""
        return [
            self.route("<uuid:object_id>/jawab/<uuid:complaint_id>/", self.reply, "reply", "POST"),
            self.route("<uuid:object_id>/catatan/<uuid:complaint_id>/", self.note, "note", "POST"),
            *super().own_urls(),
        ]

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Offer the standard texts, from memory."""
        talk = {"texts": composing.grouped(_options(opened.case)), "reads": True}
        return {"talk": talk, **super().case_context(request, opened)}

    def reply(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Write to one reporter."""
        complaint, asking = self._own_complaint(request, object_id, complaint_id), staff_request(request)
        case, seen = case_or_404(request, object_id), request.POST.get("seen")
        composer = _composer(request, case, complaint)
        form = ReplyForm(composer.data(), auto_id="id_reply_again_%s")
        if not form.is_valid() and composer.asked == "send":
            return self.case_page(request, object_id, complaint_id=complaint.pk, reply=form)
        if not form.is_valid() or not composer.may_send(form.cleaned_data["text"]):
            title = _("Write to the reporter: %(case)s") % {"case": case.reference}
            context = {"title": title, "case": case, "form": form, "mark": seen, "writing": composer.context()}
            return self.page(request, "admin/reply.html", context, status=composer.status)
        try:
            case_actions.reply_to_reporter(
                actor=asking.actor,
                complaint_id=complaint.pk,
                text=form.cleaned_data["text"],
                seen=seen,
                override=composer.overriding(),
            )
        except CaseChanged:
            return self.case_page(request, object_id, complaint_id=complaint.pk, reply=form, changed_since=seen)
        messages.success(request, _("Sent. The reporter reads it on the status page."))
        return redirect("admin:complaints_case_change", object_id)

    def note(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Write an internal note."""
        complaint, asking = self._own_complaint(request, object_id, complaint_id), staff_request(request)
        form, seen = NoteForm(request.POST, auto_id="id_note_again_%s"), request.POST.get("seen")
        if not form.is_valid():
            return self.case_page(request, object_id, complaint_id=complaint.pk, note=form)
        text = form.cleaned_data["text"]
        try:
            case_actions.write_case_note(actor=asking.actor, complaint_id=complaint.pk, text=text, seen=seen)
        except CaseChanged:
            return self.case_page(request, object_id, complaint_id=complaint.pk, note=form, changed_since=seen)
        messages.success(request, _("Note added. It stays in the house."))
        return redirect("admin:complaints_case_change", object_id)

    def _own_complaint(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> Complaint:
        case = case_or_404(request, object_id)
        found = case.complaints.filter(pk=complaint_id).first()
        if found is None or not access.may_read(request.user, case):
            raise Http404
        return found


def _options(case: Case) -> list[composing.Option]:
    body = case.lead_body.short_name if case.lead_body else ""
    return composing.options("reply", case, due_on=case.due_on, body=body)


def _composer(request: HttpRequest, case: Case, complaint: Complaint) -> composing.Composer:
    def look(text: str) -> list[Disclosure]:
        keyring = staff_request(request).keyring
        return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=[complaint.pk], text=text)

    def show(text: str) -> Any:
        return composing.preview_of_message(composing.as_told(text, case, complaint))

    return composing.Composer(request, "text", _options(case), look, show)
