"""Files leave the house as attachments that no browser will run, after the opening was written into the chain."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import chain

from django.contrib import messages
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.domain.workflow import TransitionRefused
from complaints.models.evidence import EvidenceObject
from complaints.services import case_actions
from complaints.services.evidence.storage import FileInfo, InfectedFile


def attachment(name: str, info: FileInfo, stream: Iterator[bytes]) -> StreamingHttpResponse:
    """Answer with a file under a neutral name: the reporter's own could betray them, or pose as a program.

    The first segment is opened before the headers leave, so that a damaged file is an error page and no file.
    """
    first = next(stream, b"")
    response = StreamingHttpResponse(chain([first], stream), content_type="application/octet-stream")
    ending = "".join(letter for letter in info.label.lower() if letter.isalnum()) or "bin"
    response.headers["Content-Disposition"] = content_disposition_header(True, f"{name}.{ending}") or "attachment"
    response.headers["Content-Length"] = str(info.length)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


class CaseFiles(CasePart):
    """Working copies, and originals for a reason."""

    def own_urls(self) -> list[URLPattern]:
        """One address per stored object, by POST: opening is an act."""
        return [
            self.route("<uuid:object_id>/berkas/<uuid:stored_id>/", self.file, "file", "POST"),
            *super().own_urls(),
        ]

    def file(self, request: HttpRequest, object_id: uuid.UUID, stored_id: uuid.UUID) -> HttpResponseBase:
        """Open a stored object of this case."""
        case, asking = case_or_404(request, object_id), staff_request(request)
        mine = EvidenceObject.objects.filter(evidence__complaint__case=case).select_related("evidence")
        stored = mine.filter(pk=stored_id).first()
        if stored is None or not access.may_read(asking.user, case):
            raise Http404
        reason = request.POST.get("reason", "").strip()
        try:
            info, stream = case_actions.open_object(
                actor=asking.actor,
                object_id=stored.pk,
                reason=reason,
                knowing=request.POST.get("knowing") == "yes",
            )
        except InfectedFile:
            messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
            return redirect("admin:complaints_case_change", object_id)
        except TransitionRefused:
            messages.error(request, _("Nothing was opened: an original needs a reason."))
            return redirect("admin:complaints_case_change", object_id)
        kind = _("original") if stored.variant == EvidenceObject.Variant.ORIGINAL else _("working copy")
        name = f"{case.reference} {_('evidence')} {stored.evidence.sequence} {kind}".replace(" ", "-")
        try:
            return attachment(name, info, stream)
        except OSError:
            messages.error(request, _("The evidence storage does not answer. Try again later."))
            return redirect("admin:complaints_case_change", object_id)
