"""The custody sheet (berita acara) of a case or of one item, as a page or as a PDF to sign.

Only an admitted member of triage can open the hashes on it; making a sheet is recorded in the audit chain.
"""

from __future__ import annotations

import uuid
from typing import Final, TypedDict

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters import printed_pdf
from complaints.admin.base import StaffRequest, as_attachment, readable_case_or_404, render, staff_page
from complaints.admin.case_evidence import VARIANTS, copy_label, losses_of_copy
from complaints.admin.evidence_labels import file_label
from complaints.admin.labels import Label, staff_name
from complaints.domain.file_names import exhibit_name
from complaints.models.case import Case
from complaints.models.evidence import EvidenceObject
from complaints.services import case_membership
from complaints.services.custody import ItemSheet, Opening, Sheet, StoredLine, custody_sheet

# What an entry of the audit chain says on the sheet, by its event.
EVENTS: Final[dict[str, Label]] = {
    "case.opened": gettext_lazy("case read"),
    "object.opened": gettext_lazy("opened"),
    "object.worked": gettext_lazy("scanned and read in an officer's session"),
    "object.retried": gettext_lazy("made to wait for an officer again"),
    "redaction.made": gettext_lazy("redacted copy made"),
    "release.made": gettext_lazy("released to a body"),
    "release.opened": gettext_lazy("release read"),
    "release.downloaded": gettext_lazy("all files of the release downloaded"),
    "release.recalled": gettext_lazy("release recalled"),
    "custody.printed": gettext_lazy("custody sheet made"),
    "letter.printed": gettext_lazy("letter printed"),
}


class EntryLine(TypedDict):
    """An entry of the audit chain in words; ``why`` is the reason for opening an original."""

    entry: int
    at: str
    who: str
    what: str
    why: str
    digest: str


class ItemTexts(TypedDict):
    """One item: its facts as (label, value), its stored objects, and who opened them."""

    title: str
    facts: list[tuple[str, str]]
    stored: list[dict[str, object]]
    openings: list[EntryLine]


def _entry_line(opening: Opening) -> EntryLine:
    entry, label = opening.entry, str(EVENTS[opening.entry.event])
    if "first" in entry.facts:
        label = _("a part of the case's reports read")
    if opening.variant:
        label = _("%(variant)s opened") % {"variant": VARIANTS[opening.variant]}
    return {
        "entry": entry.sequence,
        "at": date_format(timezone.localtime(entry.at), "j M Y, H:i"),
        "who": staff_name(opening.person),
        "what": label,
        "why": opening.why,
        "digest": entry.digest,
    }


def _sheet(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None) -> tuple[Case, dict[str, object]]:
    """Return a case and all texts of its sheet, or of that of one item, which the page and the PDF print alike.

    They are plain data in the shape that ``custody.typ`` reads.
    """
    case = readable_case_or_404(request, object_id)
    try:
        sheet = custody_sheet(actor=request.actor, case_id=case.pk, evidence_id=item_id)
    except EvidenceObject.DoesNotExist:
        raise Http404 from None
    return case, _texts(sheet, several=case_membership.is_shared(case))


@staff_page("GET", opens_for=access.may_see_cases)
def custody(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
    """Show the sheet of a case, or of one item of it."""
    case, texts = _sheet(request, object_id, item_id)
    return render(
        request, "admin/custody.html", {"title": texts["title"], "case": case, "sheet": texts, "only": item_id}
    )


@staff_page("GET", opens_for=access.may_see_cases)
def custody_pdf(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
    """Give the sheet of a case, or of one item of it, as a PDF."""
    case, texts = _sheet(request, object_id, item_id)
    response = HttpResponse(printed_pdf.render("custody", texts), content_type="application/pdf")
    return as_attachment(response, f"berita-acara-{case.reference}.pdf")


# --- The texts of the sheet, in the officer's language


def _texts(sheet: Sheet, *, several: bool) -> dict[str, object]:
    about = _("Made on %(at)s by") % {"at": date_format(timezone.localtime(sheet.at), "l, j M Y, H:i")}
    confidential = _("Confidential: it names who worked on the case and tells the hashes of what the reporter sent.")
    former = _("Its reports stood in these cases before: %(references)s.") % {"references": ", ".join(sheet.former)}
    explained = _(
        "The SHA-256 of an original is that of the file as the reporter sent it: sha256sum on the sender's side gives "
        "the same. The chain is verified with the command audit_verify."
    )
    last = _("Last entry of the chain when this sheet was made: %(number)s") % {"number": sheet.head[0]}
    return {
        "lang": (get_language() or "id")[:2],
        "title": _("Custody sheet %(reference)s") % {"reference": sheet.case.reference},
        "about": f"{about} {staff_name(sheet.person) if sheet.person else ''}. {confidential}",
        "former": former if sheet.former else "",
        "items": [_item_texts(item, several=several) for item in sheet.items],
        "files": [_("File"), _("Bytes"), "SHA-256"],
        "log": [_("Entry"), _("When"), _("By"), _("Act")],
        "opened": _("Who opened it"),
        "nobody": _("Nobody yet."),
        "empty": _("No files were sent."),
        "chain": _("The case in the audit chain"),
        "others": [_entry_line(opening) for opening in sheet.others],
        "last": last,
        "head": sheet.head[1],
        "explained": explained,
        "hands": [_("Handed over by"), _("Received by")],
        "sign": _("Name, office, date, signature"),
    }


def _item_texts(item: ItemSheet, *, several: bool) -> ItemTexts:
    info = item.original.info
    losses = [line for stored in item.stored for line in losses_of_copy(stored.losses)]
    return {
        "title": file_label(item.report, item.number) if several else exhibit_name(item.number),
        "facts": [
            (_("Received"), date_format(item.received, "l, j M Y")),
            (_("Name as sent"), info.name),
            (_("Kind"), info.label),
            *([(_("Working copy"), " ".join(losses))] if losses else []),
        ],
        "stored": [_stored_texts(stored) for stored in item.stored],
        "openings": [_entry_line(opening) for opening in item.openings],
    }


def _stored_texts(stored: StoredLine) -> dict[str, object]:
    is_copy = stored.variant == EvidenceObject.Variant.WORKING
    label = copy_label(stored.losses) if is_copy else str(VARIANTS[stored.variant])
    return {
        "variant": f"{label} {stored.number}" if stored.number else label,
        "bytes": str(stored.info.length),
        "digests": [(_("of the file"), stored.info.sha256), (_("of the stored ciphertext"), stored.object_digest)],
    }
