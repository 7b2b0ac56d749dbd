"""Removing parts of a file before a body gets it: boxes on a picture or on pages, spans of a sound.

What is released is rendered anew from the pixels or samples of the working copy. Places are numbers, so that no script
is needed; with one they are drawn on the picture, or taken from the player.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypedDict

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.adapters import sandbox
from complaints.admin import kept_forms
from complaints.admin.base import BaseForm, StaffRequest, readable_case_or_404, render, staff_page
from complaints.admin.case_evidence import NO_COPY, allow_viewing
from complaints.admin.file_responses import inline_kind
from complaints.admin.labels import Label
from complaints.admin.redacted_documents import Document, document_page
from complaints.admin.redaction_refusals import manner_of, waits_for_copy, why_not
from complaints.admin.redactions import CHANGED_MEANWHILE, REASONS, Marks, kept_or_discarded, seen_in
from complaints.domain import redaction
from complaints.domain.file_names import exhibit_name
from complaints.domain.redaction import SCALE, Box, NothingLeft, Reason, Span
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.services import case_file, file_viewing, redactions
from complaints.services.evidence.copies import MAX_PAGES
from complaints.services.evidence.redacted_copies import Removal
from complaints.services.kept_forms import Values
from complaints.services.redactions import RedactedMeanwhile, ReportRedactions

_AREA: Final = re.compile(
    r"(?:b-(\d{1,2})-(\d{1,5})-(\d{1,5})-(\d{1,5})-(\d{1,5})|m-(\d{1,8})-(\d{1,8}))-([a-z]{1,12})"
)
_PERCENT: Final = SCALE // 100
_SECONDS_AT_MOST: Final = 24 * 60 * 60
# Where the mark of a film ends that stands for all of its sound: later than a form takes.
_ALL_SOUND: Final = _SECONDS_AT_MOST * 1000 + 1
_SPANS: Final = ("sound", "film")


def _percent(label: Label) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=100, decimal_places=2, localize=False)


def _seconds(label: Label) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=_SECONDS_AT_MOST, decimal_places=3, localize=False)


class BoxForm(BaseForm):
    """One box to be added, in percent of a page's width and height."""

    # Left empty, it adds nothing; a browser that asked for it would keep the other marks from being sent.
    use_required_attribute = False

    page = forms.IntegerField(label=gettext_lazy("Page"), min_value=1, max_value=MAX_PAGES, initial=1)
    left = _percent(gettext_lazy("From the left (%)"))
    top = _percent(gettext_lazy("From the top (%)"))
    width = _percent(gettext_lazy("Width (%)"))
    height = _percent(gettext_lazy("Height (%)"))

    def clean(self) -> None:
        values = self.cleaned_data
        if not self.errors and not (values["width"] and values["height"]):
            raise forms.ValidationError(_("A box needs a width and a height."))

    def area(self, reason: Reason) -> Box:
        """Return the box of a valid form."""
        names = ("left", "top", "width", "height")
        left, top, width, height = (int(self.cleaned_data[name] * _PERCENT) for name in names)
        return Box(self.cleaned_data["page"], left, top, width, height, reason)


class SpanForm(BaseForm):
    """One span of a sound or a film to be added, in seconds."""

    use_required_attribute = False

    start = _seconds(gettext_lazy("From (seconds)"))
    end = _seconds(gettext_lazy("Until (seconds)"))

    def clean(self) -> None:
        if not self.errors and self.cleaned_data["start"] >= self.cleaned_data["end"]:
            raise forms.ValidationError(_("The end must come after the beginning."))

    def area(self, reason: Reason) -> Span:
        """Return the span of a valid form, in milliseconds."""
        return Span(int(self.cleaned_data["start"] * 1000), int(self.cleaned_data["end"] * 1000), reason)


@dataclass
class Areas:
    """What a form of a file holds: areas of earlier presses, and the form of the one to be added."""

    manner: str
    pages: int
    removal: Removal
    form: BoxForm | SpanForm
    reason: str = ""
    errors: list[str] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    # As of Marks in ``redactions``.
    seen: int | None = None

    @classmethod
    def stored(cls, kind: str, pages: int, removal: Removal) -> Areas:
        """Return a form that shows what is stored of a file of so many ``pages``."""
        return cls(kind, pages, removal, _form_of(kind))

    @classmethod
    def kept(cls, kind: str, pages: int, data: MultiValueDict[str, str]) -> Areas:
        """Return a form as it was left; nothing is added."""
        areas = cls(
            kind,
            pages,
            _removal(kind, _areas(data)),
            _form_of(kind, initial={name: str(data[name]) for name in data}),
            data.get("reason", ""),
        )
        areas.dropped, areas.seen = set(data.getlist("drop")), seen_in(data)
        return areas

    def values(self, data: QueryDict) -> Values:
        """Return the form as :meth:`kept` reads it, after the press that ``data`` sent."""
        left = kept_forms.typed(data) if self.form.is_bound else {"seen": data.getlist("seen")}
        areas = _listed(self.removal)
        return {**left, "drop": [], "areas": [" ".join(map(_value, areas))], "reason": [self.reason]}

    @classmethod
    def posted(cls, kind: str, pages: int, data: QueryDict) -> Areas:
        """Read a form; a new area counts where one of its numbers is filled in."""
        dropped = set(data.getlist("drop"))
        areas = [area for area in _areas(data) if _value(area) not in dropped]
        names = ("start", "end") if kind in _SPANS else ("left", "top", "width", "height")
        is_filled, is_silent = any(data.get(name, "").strip() for name in names), kind == "film" and "silent" in data
        form, reason = _form_of(kind, data if is_filled else None), data.get("reason", "")
        read = cls(kind, pages, _removal(kind, areas), form, reason)
        if (is_filled or is_silent) and reason not in set(Reason):
            read.errors.append(_("Choose a reason for what you mark."))
        elif is_silent:
            read._take(Span(0, _ALL_SOUND, Reason(reason)))
        if is_filled:
            read._add()
        return read

    def _add(self) -> None:
        if not self.form.is_valid() or self.errors:
            return
        area = self.form.area(Reason(self.reason))
        if isinstance(area, Box) and area.page > self.pages:
            self.form.add_error("page", _("There is no such page."))
            return
        if self._take(area):
            self.form = _form_of(self.manner)

    def _take(self, area: Box | Span) -> bool:
        areas = [*_listed(self.removal), area]
        if len(areas) > redaction.MOST_AREAS:
            self.errors.append(_("There are too many marks. Draw larger ones, or leave the file out."))
            return False
        self.removal = _removal(self.manner, areas)
        return True

    @property
    def is_valid(self) -> bool:
        """Whether everything that was typed could be taken."""
        return not self.errors and not (self.form.is_bound and self.form.errors)


def _form_of(kind: str, data: QueryDict | None = None, initial: dict[str, str] | None = None) -> BoxForm | SpanForm:
    return SpanForm(data, initial=initial) if kind in _SPANS else BoxForm(data, initial=initial)


def _areas(data: MultiValueDict[str, str]) -> list[Box | Span]:
    return [area for value in data.get("areas", "").split() if (area := _area(value))]


def _removal(kind: str, areas: list[Box | Span]) -> Removal:
    boxes = tuple(sorted({area for area in areas if isinstance(area, Box)}))
    spans = tuple(sorted({area for area in areas if isinstance(area, Span)}))
    if kind != "film":
        return Removal(boxes, spans)
    cuts = tuple(span for span in spans if span.end != _ALL_SOUND)
    return Removal(mutes=tuple(span for span in spans if span.end == _ALL_SOUND), cuts=cuts)


def _listed(removal: Removal) -> list[Box | Span]:
    return [*removal.boxes, *removal.mutes, *removal.cuts]


def _area(value: str) -> Box | Span | None:
    match = _AREA.fullmatch(value)
    if match is None or match[8] not in set(Reason):
        return None
    if match[6]:
        return Span(int(match[6]), int(match[7]), Reason(match[8]))
    left, top, width, height = (min(int(match[number]), SCALE) for number in range(2, 6))
    return Box(int(match[1]), left, top, width, height, Reason(match[8]))


def _value(area: Box | Span) -> str:
    if isinstance(area, Span):
        return f"m-{area.start}-{area.end}-{area.reason.value}"
    return f"b-{area.page}-{area.left}-{area.top}-{area.width}-{area.height}-{area.reason.value}"


def _words(area: Box | Span, kind: str) -> str:
    if isinstance(area, Span) and area.end == _ALL_SOUND:
        return _("all of its sound")
    if isinstance(area, Span):
        return _("second %(start)s to %(end)s") % {"start": area.start / 1000, "end": area.end / 1000}
    parts = {"left": area.left, "top": area.top, "width": area.width, "height": area.height}
    facts = {name: f"{number / _PERCENT:g}" for name, number in parts.items()}
    words = _("%(left)s%% from the left, %(top)s%% from the top, %(width)s%% wide, %(height)s%% high") % facts
    return words if kind == "picture" else _("page %(page)d: %(words)s") % {"page": area.page, "words": words}


# --- The page


@dataclass(frozen=True)
class OpenFile:
    """A file that is open for redaction."""

    item: case_file.EvidenceItem
    complaint: Complaint
    kind: str
    counted: ReportRedactions

    @property
    def target(self) -> str:
        return f"file-{self.item.row.pk}"

    @property
    def pages(self) -> int:
        """How many pages can be marked; a picture counts as one."""
        return len(self.item.pages) or 1


def _open_file(request: StaffRequest, case_id: uuid.UUID, item_id: uuid.UUID) -> OpenFile:
    """Open a file of a case to look at it; recorded. Http404 where there is none."""
    case = readable_case_or_404(request, case_id)
    files = Evidence.objects.filter(complaint__case=case, kind=Evidence.Kind.FILE).select_related("complaint")
    row = files.filter(pk=item_id).first()
    if row is None:
        raise Http404
    item = file_viewing.view_item(actor=request.actor, evidence_id=item_id)
    allow_viewing(request.session, item_id, now=timezone.now())
    counted = redactions.of_report(keyring=request.keyring, complaint=row.complaint)
    return OpenFile(item, row.complaint, manner_of(item), counted)


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def redact_file(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponseBase:
    """Show a file with what is removed of it; by POST, add an area or span, or have the copy rendered."""
    name = f"marks-file-{item_id}"
    if request.method == "POST" and (answer := kept_or_discarded(request, object_id, name)):
        return answer
    opened = _open_file(request, object_id, item_id)
    if opened.kind == "text":
        return _document(request, opened, name)
    if request.method != "POST" or not opened.kind:
        return _file_page(request, opened, _left(request, opened, name))
    areas = Areas.posted(opened.kind, opened.pages, request.POST)
    kept_forms.keep(request, name, areas.values(request.POST))
    if not areas.is_valid or request.POST.get("do") != "keep":
        return _file_page(request, opened, areas, status=200 if areas.is_valid else 400)
    problem, status = _kept(request, opened, areas.removal)
    if problem:
        areas.errors.append(problem)
        return _file_page(request, opened, areas, status=status)
    return _made(request, opened, name)


def _made(request: StaffRequest, opened: OpenFile, name: str) -> HttpResponseBase:
    kept_forms.forget(request, name)
    messages.success(request, _("The copy is made. A body gets it in place of the file."))
    # The fragment takes the place of the form's own, so that what was done is in sight.
    address = reverse("admin:complaints_case_redact_file", args=[opened.complaint.case_id, opened.item.row.pk])
    return redirect(f"{address}#content-start")


def _document(request: StaffRequest, opened: OpenFile, name: str) -> HttpResponseBase:
    """Show a document with the passages that are removed of it; by POST, add marks or have the copy made."""
    try:
        text = redactions.document_text(keyring=request.keyring, row=opened.item.row)
    except (sandbox.JobFailed, sandbox.Unavailable, OSError) as fault:
        problem, status = _fault(fault)
        return _file_page(request, opened, _left(request, opened, name), status=status, problem=problem)
    counted = opened.counted.of(opened.target)
    shown = Document(opened.item, opened.complaint, opened.counted, text, _copy_made(opened), _seen(request, opened))
    if request.method != "POST":
        kept = kept_forms.kept(request, name)
        stored = Marks(list(counted.removal.passages) if counted else [])
        return document_page(request, shown, Marks.kept(MultiValueDict(kept), text) if kept else stored)
    marks = Marks.posted(request.POST, text)
    kept_forms.keep(request, name, marks.values(request.POST.get("seen", "")))
    if marks.errors or request.POST.get("do") != "keep":
        return document_page(request, shown, marks, status=400 if marks.errors else 200)
    problem, status = _kept(request, opened, Removal(passages=tuple(marks.spans)))
    if problem:
        marks.errors.append(problem)
        return document_page(request, shown, marks, status=status)
    return _made(request, opened, name)


def _copy_made(opened: OpenFile) -> case_file.ObjectInfo | None:
    """Return the redacted copy that counts, None where nothing is removed."""
    stored = instructions.stored if (instructions := opened.counted.of(opened.target)) else None
    return next((copy for copy in opened.item.redacted if stored and copy.id == stored.pk), None)


def _left(request: StaffRequest, opened: OpenFile, name: str) -> Areas:
    """Return the form as the person left it, else with what is stored."""
    kept = kept_forms.kept(request, name)
    if kept and opened.kind:
        return Areas.kept(opened.kind, opened.pages, MultiValueDict(kept))
    counted = opened.counted.of(opened.target)
    return Areas.stored(opened.kind, opened.pages, counted.removal if counted else Removal())


def _kept(request: StaffRequest, opened: OpenFile, removal: Removal) -> tuple[str, int]:
    """Have the copy rendered and stored; return why it was not, with the status of the page, or ("", 200)."""
    try:
        redactions.save_file(
            actor=request.actor, evidence_id=opened.item.row.pk, removal=removal, seen=seen_in(request.POST)
        )
    except NothingLeft:
        return _("Nothing would be left of this file. Leave it out of the release instead."), 400
    except RedactedMeanwhile:
        stored = redactions.of_report(keyring=request.keyring, complaint=opened.complaint).of(opened.target)
        return str(CHANGED_MEANWHILE) % {"number": len(stored.removal) if stored else 0}, 409
    except (sandbox.JobFailed, sandbox.Unavailable, OSError) as fault:
        return _fault(fault)
    return "", 200


def _fault(fault: sandbox.JobFailed | sandbox.Unavailable | OSError) -> tuple[str, int]:
    """Return why no copy can be made, with the status of the page."""
    if isinstance(fault, sandbox.JobFailed):
        reason = NO_COPY.get(fault.code, NO_COPY["crashed"])
        return _("No copy was made: %(reason)s. Leave the file out, or release it as it is.") % {"reason": reason}, 400
    if isinstance(fault, sandbox.Unavailable):
        return _("No copy was made: the reading program does not answer. Try again later."), 503
    return _("No copy was made: the evidence storage does not answer. Try again later."), 503


class Shown(TypedDict):
    """A picture, page or sound on the page; the boxes are text, for numbers would be written as the language does."""

    url: str
    number: int
    boxes: list[dict[str, str]]


def _shown(copy: case_file.ObjectInfo, item: case_file.EvidenceItem, case_id: uuid.UUID, boxes: Iterable[Box]) -> Shown:
    number = copy.number or 1
    return {
        "url": reverse("admin:complaints_case_shown", args=[case_id, item.row.pk, copy.id]),
        "number": number,
        "boxes": [
            {"x": str(box.left), "y": str(box.top), "wide": str(box.width), "high": str(box.height)}
            for box in boxes
            if box.page == number
        ],
    }


def _made_urls(case_id: uuid.UUID, item: case_file.EvidenceItem, made: case_file.ObjectInfo) -> list[str]:
    """Return where the redacted copy is shown, page by page for a PDF; nothing where it is only downloaded."""
    url = reverse("admin:complaints_case_shown", args=[case_id, item.row.pk, made.id])
    if made.info.pictures:
        return [f"{url}?page={number}" for number in range(1, len(made.info.pictures) + 1)]
    return [url] if inline_kind(made.info) else []


def _seen(request: StaffRequest, opened: OpenFile) -> int:
    """Return the number of the newest redaction; read again, because somebody may have stored another meanwhile."""
    return redactions.of_report(keyring=request.keyring, complaint=opened.complaint).sequence(opened.target)


def _file_page(
    request: StaffRequest, opened: OpenFile, areas: Areas, *, status: int = 200, problem: str = ""
) -> HttpResponse:
    item, case = opened.item, opened.complaint.case_id
    copies = item.pages if opened.kind == "pages" else [item.working] if item.working and opened.kind else []
    made = _copy_made(opened)
    listed = _listed(areas.removal)
    context = {
        "title": _("Redaction: %(text)s") % {"text": exhibit_name(item.number)},
        "case_id": case,
        "complaint": opened.complaint,
        "item": item,
        "manner": "" if problem else opened.kind,
        "waits": waits_for_copy(item),
        "why_not": problem or why_not(item),
        "seen": _seen(request, opened) if areas.seen is None else areas.seen,
        "is_kept": areas.seen is not None,
        "form": areas.form,
        "errors": areas.errors,
        "reasons": [(reason.value, label, reason.value == areas.reason) for reason, label in REASONS.items()],
        "areas": " ".join(map(_value, listed)),
        "marked": [
            {
                "value": _value(area),
                "words": _words(area, opened.kind),
                "label": str(REASONS[area.reason]),
                "ticked": _value(area) in areas.dropped,
            }
            for area in listed
        ],
        "shown": [_shown(copy, item, case, areas.removal.boxes) for copy in copies],
        "made": made,
        "made_urls": _made_urls(case, item, made) if made else [],
        "later_pages": opened.kind == "pages" and item.findings is not None and item.findings.pages > MAX_PAGES,
        "most_pages": MAX_PAGES,
    }
    return render(request, "admin/redaction_file.html", context, status=status)
