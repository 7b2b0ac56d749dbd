"""What an officer writes on the case page: to one reporter, and to the house."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.models.complaint import Complaint
from complaints.services import casework


class CaseTalk(CasePart):
    """Messages and notes."""

    def own_urls(self) -> list[URLPattern]:
        """One address for each of the two."""
        return [
            self.route("<uuid:object_id>/jawab/<uuid:complaint_id>/", self.reply, "reply", "POST"),
            self.route("<uuid:object_id>/catatan/<uuid:complaint_id>/", self.note, "note", "POST"),
            *super().own_urls(),
        ]

    def reply(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Write to one reporter."""
        complaint, asking = self._own_complaint(request, object_id, complaint_id), staff_request(request)
        form = ReplyForm(request.POST, auto_id="id_reply_again_%s")
        if not form.is_valid():
            return self.case_page(request, object_id, complaint_id=complaint.pk, reply=form)
        text = form.cleaned_data["text"]
        casework.reply(keyring=asking.keyring, complaint_id=complaint.pk, text=text, now=timezone.now())
        messages.success(request, _("Sent. The reporter reads it on the status page."))
        return redirect("admin:complaints_case_change", object_id)

    def note(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Write an internal note."""
        complaint, asking = self._own_complaint(request, object_id, complaint_id), staff_request(request)
        form = NoteForm(request.POST, auto_id="id_note_again_%s")
        if not form.is_valid():
            return self.case_page(request, object_id, complaint_id=complaint.pk, note=form)
        text = form.cleaned_data["text"]
        casework.note(keyring=asking.keyring, complaint_id=complaint.pk, text=text, now=timezone.now())
        messages.success(request, _("Note added. It stays in the house."))
        return redirect("admin:complaints_case_change", object_id)

    def _own_complaint(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> Complaint:
        case = case_or_404(request, object_id)
        found = case.complaints.filter(pk=complaint_id).first()
        if found is None or not access.may_read(request.user, case):
            raise Http404
        return found
