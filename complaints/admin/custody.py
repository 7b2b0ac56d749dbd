"""The custody sheet of a case or of one item, a page or a PDF to sign: only an admitted officer can open its hashes."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.adapters.custody_pdf import render as custody_pdf_custody
from complaints.admin import custody_words, found
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.models.evidence import EvidenceObject
from complaints.services.custody import Opening, custody_sheet

_DONE = {
    "case.opened": gettext_lazy("case read"),
    "object.opened": gettext_lazy("opened"),
    "object.worked": gettext_lazy("scanned and read in an officer's session"),
    "release.made": gettext_lazy("released to a body"),
    "release.opened": gettext_lazy("release read"),
    "custody.printed": gettext_lazy("custody sheet made"),
}


def line(opening: Opening) -> dict[str, object]:
    """Return one entry of the chain in words."""
    person, entry = opening.person, opening.entry
    what = str(_DONE[entry.event])
    if opening.variant:
        what = _("%(variant)s opened") % {"variant": found.VARIANTS[opening.variant]}
    return {
        "entry": entry,
        "what": what,
        "who": (person.get_full_name() or person.username) if person else _("the system"),
        "why": opening.why,
    }


class CaseCustody(CasePart):
    """Sheets, for triage; making one is written into the chain, on a page or on paper."""

    def own_urls(self) -> list[URLPattern]:
        """The sheet of a case, and of one item, each also as a PDF."""
        case, item = "<uuid:object_id>/berita-acara/", "<uuid:object_id>/berita-acara/<uuid:item_id>/"
        return [
            self.route(case, self.custody, "custody", "GET"),
            self.route(item, self.custody, "custody_item", "GET"),
            self.route(f"{case}pdf/", self.custody_pdf, "custody_pdf", "GET"),
            self.route(f"{item}pdf/", self.custody_pdf, "custody_item_pdf", "GET"),
            *super().own_urls(),
        ]

    def _sheet(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID | None) -> dict[str, Any]:
        case = case_or_404(request, object_id)
        if not access.may_read(request.user, case):
            raise Http404
        keyring, now = staff_request(request).keyring, timezone.now()
        try:
            sheet = custody_sheet(actor=request.actor, case_id=case.pk, evidence_id=item_id)
        except EvidenceObject.DoesNotExist:
            raise Http404 from None
        items = [
            {
                "item": item,
                "stored": [(one, found.VARIANTS[one.variant]) for one in item.stored],
                "openings": [line(one) for one in item.openings],
            }
            for item in sheet.items
        ]
        return {
            "title": _("Custody sheet %(reference)s") % {"reference": case.reference},
            "case": case,
            "sheet": sheet,
            "items": items,
            "others": [line(one) for one in sheet.others],
            "several": case.complaints.count() > 1,
            "only": item_id,
        }

    def custody(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
        """Show a sheet."""
        return self.page(request, "admin/custody.html", self._sheet(request, object_id, item_id))

    def custody_pdf(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
        """Give a sheet as a file to print and sign."""
        made = self._sheet(request, object_id, item_id)
        response = HttpResponse(custody_pdf_custody(custody_words.on_paper(made)), content_type="application/pdf")
        name = f"berita-acara-{made['case'].reference}.pdf"
        response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["Cache-Control"] = "no-store"
        return response
