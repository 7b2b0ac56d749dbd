"""The custody sheet of a case or of one item: a page to print, with hashes that only an admitted officer can open."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import found
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.models.evidence import EvidenceObject
from complaints.services import casework
from complaints.services.casework.custody import Opening

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
    """Sheets, for triage; making one is written into the chain."""

    def own_urls(self) -> list[URLPattern]:
        """The sheet of a case, and of one item."""
        return [
            self.route("<uuid:object_id>/berita-acara/", self.custody, "custody", "GET"),
            self.route("<uuid:object_id>/berita-acara/<uuid:item_id>/", self.custody, "custody_item", "GET"),
            *super().own_urls(),
        ]

    def custody(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
        """Show a sheet."""
        case = case_or_404(request, object_id)
        if not access.may_read(request.user, case):
            raise Http404
        keyring, now = staff_request(request).keyring, timezone.now()
        try:
            sheet = casework.custody_sheet(keyring=keyring, case_id=case.pk, now=now, evidence_id=item_id)
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
        context = {
            "title": _("Custody sheet %(reference)s") % {"reference": case.reference},
            "case": case,
            "sheet": sheet,
            "items": items,
            "others": [line(one) for one in sheet.others],
            "several": case.complaints.count() > 1,
        }
        return self.page(request, "admin/custody.html", context)
