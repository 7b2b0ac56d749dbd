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
from complaints.admin.labels import Label, staff_name
from complaints.models.case import Case
from complaints.models.evidence import EvidenceObject
from complaints.services import case_membership
from complaints.services.audit.log import RecordedEntry
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
    "custody.printed": gettext_lazy("custody sheet made"),
    "letter.printed": gettext_lazy("letter printed"),
}


class EntryLine(TypedDict):
    """An entry of the audit chain in words; ``why`` is the reason for opening an original."""

    entry: RecordedEntry
    what: str
    who: str
    why: str


class SheetItem(TypedDict):
    """An item on the sheet: its stored objects, each with its label, what its copy lacks, and who opened them."""

    item: ItemSheet
    stored: list[tuple[StoredLine, str]]
    losses: list[str]
    openings: list[EntryLine]


class SheetContext(TypedDict):
    """What the page of a sheet reads; ``several``: the case holds several reports; ``only``: the single item."""

    title: str
    case: Case
    sheet: Sheet
    items: list[SheetItem]
    others: list[EntryLine]
    several: bool
    only: uuid.UUID | None


def _entry_line(opening: Opening) -> EntryLine:
    label = str(EVENTS[opening.entry.event])
    if "first" in opening.entry.facts:
        label = _("a part of the case's reports read")
    if opening.variant:
        label = _("%(variant)s opened") % {"variant": VARIANTS[opening.variant]}
    return {"entry": opening.entry, "what": label, "who": staff_name(opening.person), "why": opening.why}


def _stored_label(stored: StoredLine) -> str:
    if stored.variant == EvidenceObject.Variant.WORKING:
        return copy_label(stored.losses)
    return str(VARIANTS[stored.variant])


def _sheet_context(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None) -> SheetContext:
    case = readable_case_or_404(request, object_id)
    try:
        sheet = custody_sheet(actor=request.actor, case_id=case.pk, evidence_id=item_id)
    except EvidenceObject.DoesNotExist:
        raise Http404 from None
    return {
        "title": _("Custody sheet %(reference)s") % {"reference": case.reference},
        "case": case,
        "sheet": sheet,
        "items": [
            {
                "item": item,
                "stored": [(stored, _stored_label(stored)) for stored in item.stored],
                "losses": [line for stored in item.stored for line in losses_of_copy(stored.losses)],
                "openings": [_entry_line(opening) for opening in item.openings],
            }
            for item in sheet.items
        ],
        "others": [_entry_line(opening) for opening in sheet.others],
        "several": case_membership.is_shared(case),
        "only": item_id,
    }


@staff_page("GET", opens_for=access.may_see_cases)
def custody(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
    """Show the sheet of a case, or of one item of it."""
    return render(request, "admin/custody.html", _sheet_context(request, object_id, item_id))


@staff_page("GET", opens_for=access.may_see_cases)
def custody_pdf(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID | None = None) -> HttpResponse:
    """Give the sheet of a case, or of one item of it, as a PDF."""
    context = _sheet_context(request, object_id, item_id)
    response = HttpResponse(printed_pdf.render("custody", _pdf_data(context)), content_type="application/pdf")
    return as_attachment(response, f"berita-acara-{context['case'].reference}.pdf")


# --- The PDF: every text of it, in the officer's language


def _pdf_data(context: SheetContext) -> dict[str, object]:
    """Return all texts of the PDF as plain data, in the shape that ``custody.typ`` reads."""
    sheet = context["sheet"]
    about = _("Made on %(at)s by") % {"at": date_format(timezone.localtime(sheet.at), "l, j M Y, H:i")}
    confidential = _("Confidential: it names who worked on the case and tells the hashes of what the reporter sent.")
    explained = _(
        "The SHA-256 of an original is that of the file as the reporter sent it: sha256sum on the sender's side gives "
        "the same. The chain is verified with the command audit_verify."
    )
    last = _("Last entry of the chain when this sheet was made: %(number)s") % {"number": sheet.head[0]}
    return {
        "lang": (get_language() or "id")[:2],
        "title": context["title"],
        "about": f"{about} {staff_name(sheet.person) if sheet.person else ''}. {confidential}",
        "items": [_pdf_item(row, several=context["several"]) for row in context["items"]],
        "files": [_("File"), _("Bytes"), "SHA-256"],
        "log": [_("Entry"), _("When"), _("Who"), _("What")],
        "opened": _("Who opened it"),
        "nobody": _("Nobody yet."),
        "empty": _("No files were sent."),
        "chain": _("The case in the audit chain"),
        "others": [_pdf_entry(line) for line in context["others"]],
        "last": last,
        "head": sheet.head[1],
        "explained": explained,
        "hands": [_("Handed over by"), _("Received by")],
        "sign": _("Name, office, date, signature"),
    }


def _pdf_item(row: SheetItem, *, several: bool) -> dict[str, object]:
    item = row["item"]
    title = _("Report %(number)s, evidence %(sequence)s") if several else _("Evidence %(sequence)s")
    info = item.original.info
    return {
        "title": title % {"number": item.report, "sequence": item.sequence},
        "facts": [
            [_("Received"), date_format(item.received, "l, j M Y")],
            [_("Name in the portal"), f"bukti-{item.sequence}"],
            [_("Name as sent"), info.name],
            [_("Kind"), info.label],
            *([[_("Working copy"), " ".join(row["losses"])]] if row["losses"] else []),
        ],
        "stored": [_pdf_stored(stored, label) for stored, label in row["stored"]],
        "openings": [_pdf_entry(line) for line in row["openings"]],
    }


def _pdf_stored(stored: StoredLine, label: str) -> dict[str, object]:
    return {
        "variant": f"{label} {stored.number}" if stored.number else label,
        "bytes": str(stored.info.length),
        "digests": [[_("of the file"), stored.info.sha256], [_("of the stored ciphertext"), stored.object_digest]],
    }


def _pdf_entry(line: EntryLine) -> dict[str, object]:
    entry = line["entry"]
    return {
        "entry": entry.sequence,
        "at": date_format(timezone.localtime(entry.at), "j M Y, H:i"),
        "who": line["who"],
        "what": line["what"],
        "why": line["why"],
        "digest": entry.digest,
    }
