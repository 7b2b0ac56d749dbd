"""The page on which passages of an office document or a plain text are marked, as those of a text of the report are."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from complaints.admin.base import StaffRequest, render
from complaints.admin.redactions import (
    REASONS,
    Marks,
    hints_of,
    mark_line,
    pieces_of,
    proposed_lines,
    sentence_lines,
    text_labels,
    written_marks,
)
from complaints.domain import redaction
from complaints.domain.file_names import exhibit_name
from complaints.domain.redaction import NothingLeft
from complaints.models.complaint import Complaint
from complaints.services import case_file, redactions
from complaints.services.evidence.redacted_copies import PLAIN
from complaints.services.keyring import read_answers
from complaints.services.redactions import ReportRedactions


@dataclass(frozen=True)
class Document:
    """A document that is open for redaction, with its text, its redacted copy, and the number of its redaction."""

    item: case_file.EvidenceItem
    complaint: Complaint
    counted: ReportRedactions
    text: str
    made: case_file.ObjectInfo | None
    seen: int


def document_page(request: StaffRequest, document: Document, marks: Marks, *, status: int = 200) -> HttpResponse:
    """Show the text of a document with its marks beside what a body will read."""
    text, item = document.text, document.item
    try:
        reads = redaction.redact_cells(text, marks.spans)
    except NothingLeft:
        reads = ""
    accused = str(read_answers(request.keyring.complaint(document.complaint), document.complaint).get("accused_name"))
    hints = hints_of(text, marks.spans, accused=accused)
    source = item.working or item.original
    context = {
        "title": _("Redaction: %(text)s") % {"text": exhibit_name(item.number)},
        "case_id": document.complaint.case_id,
        "complaint": document.complaint,
        "document": item,
        "is_office": source.info.type != PLAIN,
        "download": reverse("admin:complaints_case_file", args=[document.complaint.case_id, source.id]),
        "made": document.made,
        "seen": document.seen if marks.seen is None else marks.seen,
        "is_kept": marks.seen is not None,
        "marks": written_marks(marks.spans),
        "errors": marks.errors,
        "words": marks.words,
        "reasons": [(reason.value, label, reason.value == marks.reason) for reason, label in REASONS.items()],
        "pieces": pieces_of(text, redaction.removed_in_cells(text, marks.spans)),
        "reads": reads,
        "marked": [mark_line(text, span, marks) for span in marks.spans],
        "proposed": proposed_lines(text, marks, hints),
        "sentences": sentence_lines(text, marks),
        "left": _left(request, document, marks, reads) if reads else [],
    }
    return render(request, "admin/redaction_text.html", context, status=status)


def _left(request: StaffRequest, document: Document, marks: Marks, reads: str) -> list[tuple[str, str]]:
    """Return the removed words that still stand in the document or in a text of its report, each with where."""
    texts = redactions.read_texts(keyring=request.keyring, complaints=[document.complaint])[document.complaint.pk]
    released = {exhibit_name(document.item.number): reads}
    for target, label in text_labels(texts).items():
        released[label] = redactions.released_text(document.counted, target, texts[target])
    runs = redaction.removed_in_cells(document.text, marks.spans)
    removed = {word for run in runs for word in redaction.telling_words(document.text[run.start : run.end])}
    return [(word, ", ".join(names)) for word, names in redaction.leftovers(removed, released).items()]
