"""Removing passages of a report before a body reads it: the list of its texts and files, and the page of one text.

Marks are added press by press, without scripts: sentences and proposals by ticks, words as typed, each with the reason
that is chosen then. With a script a selected passage is one more way. Nothing is stored before "Keep".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from complaints import access
from complaints.admin import kept_forms
from complaints.admin.base import StaffRequest, readable_case_or_404, render, staff_page
from complaints.admin.case_summary import circle_of
from complaints.admin.labels import Label
from complaints.admin.redaction_refusals import waits_for_copy, why_not
from complaints.domain import redaction, telling_passages
from complaints.domain.redaction import NothingLeft, Reason, Removed, Span
from complaints.domain.telling_passages import Proposal, Tells
from complaints.models.complaint import Complaint
from complaints.services import case_file, redactions
from complaints.services.case_file import CaseFile, ComplaintFile
from complaints.services.kept_forms import Values
from complaints.services.redactions import RedactedMeanwhile, ReportRedactions

REASONS: Final[dict[Reason, Label]] = {
    Reason.IDENTITY: pgettext_lazy("reason to remove", "tells who the reporter is"),
    Reason.THIRD_PERSON: pgettext_lazy("reason to remove", "a third person, who is not accused"),
    Reason.NOT_RELEVANT: pgettext_lazy("reason to remove", "not relevant to the report"),
}
TELLS: Final[dict[Tells, Label]] = {
    Tells.OWN_NAME: gettext_lazy("Seems to be the reporter's name"),
    Tells.NAME: gettext_lazy("Name of a person"),
    Tells.CONTACT: gettext_lazy("Number or address of a person"),
    Tells.UNIT: gettext_lazy("Unit or room: few people work there"),
    Tells.FEW: gettext_lazy("So few people that each of them can be guessed"),
    Tells.COUNT: gettext_lazy("Number of people: it narrows down who it can be"),
    Tells.ALONE: gettext_lazy("Only one person can say this"),
    Tells.TALK: gettext_lazy("Day or hour of a conversation: those who were there know who told of it"),
    Tells.SINGLE: gettext_lazy("Only in this report, in none of the linked ones"),
}
TEXTS: Final[dict[str, Label]] = {
    "story": gettext_lazy("The account"),
    "accused_name": gettext_lazy("Name or account"),
    "accused_position": gettext_lazy("Position"),
    "accused_nip": gettext_lazy("NIP"),
    "agency": gettext_lazy("Agency"),
    "regency": gettext_lazy("Regency or city"),
    "links": gettext_lazy("Links"),
}
POST_FIELDS: Final[dict[str, Label]] = {
    "url": gettext_lazy("Address of the post"),
    "typed": gettext_lazy("As typed"),
    "account": gettext_lazy("Account"),
}
_PLACE: Final = re.compile(r"(\d{1,6})-(\d{1,6})")
_MARK: Final = re.compile(r"(\d{1,6})-(\d{1,6})-([a-z]{1,12})")
# Letters of an id in a target.
_ID: Final = 36
# So many letters of a passage stand for it in a list.
_SHOWN: Final = 160


@dataclass(frozen=True)
class OpenReport:
    """A report that is open for redaction, its number in the case, and the texts of it and of the others by target."""

    case_file: CaseFile
    report: ComplaintFile
    number: int
    texts: Mapping[str, str]
    others: Mapping[int, Mapping[str, str]]
    counted: Mapping[uuid.UUID, ReportRedactions]

    @property
    def complaint(self) -> Complaint:
        return self.report.complaint

    @property
    def redactions(self) -> ReportRedactions:
        """What counts for this report."""
        return self.counted[self.complaint.pk]


def open_report(request: StaffRequest, case_id: uuid.UUID, complaint_id: uuid.UUID) -> OpenReport:
    """Open a report with the others of its page of the case; recorded as every opening. Http404 where there is none."""
    case = readable_case_or_404(request, case_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, holding=complaint_id)
    complaints = {
        number: report.complaint for number, report in enumerate(opened.complaints, start=opened.paging.first)
    }
    number = next((place for place, complaint in complaints.items() if complaint.pk == complaint_id), None)
    if number is None:
        raise Http404
    texts = redactions.read_texts(keyring=request.keyring, complaints=list(complaints.values()))
    return OpenReport(
        opened,
        opened.complaints[number - opened.paging.first],
        number,
        texts[complaint_id],
        {place: texts[complaint.pk] for place, complaint in complaints.items() if place != number},
        redactions.of_reports(keyring=request.keyring, complaints=list(complaints.values())),
    )


def text_labels(texts: Iterable[str]) -> dict[str, str]:
    """Return by target what a text is called; messages and posts are numbered in their order."""
    labels: dict[str, str] = {}
    places: dict[str, dict[str, int]] = {"message": {}, "post": {}}
    for target in texts:
        kind, _dash, rest = target.partition("-")
        if kind == "answer":
            labels[target] = str(TEXTS[rest])
            continue
        key, name = rest[:_ID], rest[_ID + 1 :]
        number = places[kind].setdefault(key, len(places[kind]) + 1)
        if kind == "message":
            labels[target] = _("Message %(number)d") % {"number": number}
        else:
            labels[target] = _("Post %(number)d: %(field)s") % {"number": number, "field": POST_FIELDS[name]}
    return labels


# --- The list of a report's texts and files


class TextLine(TypedDict):
    """One text in the list: how many passages go, and how many hints of what may betray the reporter are left."""

    label: str
    url: str
    count: int
    hints: int
    begins: str


class FileLine(TypedDict):
    """One file in the list: what of it is redacted, and why it cannot be, "" where it can."""

    item: case_file.EvidenceItem
    url: str
    state: str


@staff_page("GET", opens_for=access.may_see_cases)
def report_redactions(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """List the texts and files of a report with what is removed of each, and the releases that can be compared."""
    opened = open_report(request, object_id, complaint_id)
    labels = text_labels(opened.texts)
    texts: list[TextLine] = [
        {
            "label": labels[target],
            "url": reverse("admin:complaints_case_redact_text", args=[object_id, complaint_id, target]),
            "count": len(redaction.removed_runs(text, _spans(opened.redactions, target))),
            "hints": len(_hints(opened, text, _spans(opened.redactions, target))),
            "begins": _short(redactions.released_text(opened.redactions, target, text)),
        }
        for target, text in opened.texts.items()
    ]
    files: list[FileLine] = [
        {
            "item": item,
            "url": reverse("admin:complaints_case_redact_file", args=[object_id, item.row.pk]),
            "state": _file_state(opened.redactions, item),
        }
        for item in opened.report.evidence
    ]
    context = {
        "title": _("Redaction: %(reference)s") % {"reference": opened.case_file.case.reference},
        "case": opened.case_file.case,
        "circle": circle_of(opened.report),
        "number": opened.number,
        "complaint": opened.complaint,
        "texts": texts,
        "files": files,
        "releases": opened.case_file.releases,
    }
    return render(request, "admin/redactions.html", context)


def _spans(counted: ReportRedactions, target: str) -> tuple[Span, ...]:
    instructions = counted.of(target)
    return instructions.spans if instructions else ()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _file_state(counted: ReportRedactions, item: case_file.EvidenceItem) -> str:
    instructions = counted.of(f"file-{item.row.pk}")
    if instructions and instructions.removal:
        number = len(instructions.removal)
        return ngettext("%(number)d part removed", "%(number)d parts removed", number) % {"number": number}
    if waits := waits_for_copy(item):
        return _("cannot be redacted yet: %(state)s") % {"state": waits}
    return why_not(item) or _("nothing removed")


# --- The page of one text


@dataclass
class Marks:
    """What a form of a text holds: marks of earlier presses, and what is to be added now.

    ``errors`` are sentences for the person; what could not be taken stays in ``words``, ``ticked`` and ``proposed``.
    ``dropped`` are marks ticked to be taken back. ``seen`` is the redaction that a form was made on which was kept
    when the person left it; None where the page shows the newest.
    """

    spans: list[Span]
    reason: str = ""
    words: str = ""
    ticked: set[str] = field(default_factory=set)
    proposed: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    seen: int | None = None

    @classmethod
    def kept(cls, data: MultiValueDict[str, str], text: str) -> Marks:
        """Read a form as it was left, and add nothing; marks that do not lie in the text are dropped."""
        spans = [
            Span(int(start), int(end), Reason(reason))
            for start, end, reason in _MARK.findall(data.get("marks", ""))
            if reason in set(Reason) and int(start) < int(end) <= len(text)
        ]
        marks = cls(spans, data.get("reason", ""), data.get("words", ""))
        marks.ticked, marks.proposed = set(data.getlist("sentence")), set(data.getlist("proposal"))
        marks.dropped, marks.seen = set(data.getlist("drop")), seen_in(data)
        return marks

    @classmethod
    def posted(cls, data: QueryDict, text: str) -> Marks:
        """Read a form that was sent: without the marks that the person takes back, with what is to be added."""
        marks = cls.kept(data, text)
        marks.spans = [span for span in marks.spans if _value(span) not in marks.dropped]
        marks.dropped, marks.seen = set(), None
        marks._add(text, data.get("selection", ""))
        return marks

    def values(self, seen: str) -> Values:
        """Return the form as :meth:`kept` reads it."""
        texts = {"marks": written_marks(self.spans), "reason": self.reason, "words": self.words, "seen": seen}
        lists = {"sentence": sorted(self.ticked), "proposal": sorted(self.proposed)}
        return {**{name: [text] for name, text in texts.items()}, **lists}

    def _add(self, text: str, selection: str) -> None:
        wanted = self.words.strip() or self.ticked or self.proposed or selection
        if not wanted:
            return
        if self.reason not in set(Reason):
            self.errors.append(_("Choose a reason for what you mark."))
            return
        reason = Reason(self.reason)
        chosen = [_PLACE.fullmatch(value) for value in self.ticked | self.proposed]
        self.spans += [Span(int(place[1]), int(place[2]), reason) for place in chosen if place]
        self.spans += _selected(text, selection, reason)
        self.ticked, self.proposed = set(), set()
        self._add_words(text, reason)
        self.spans = sorted(set(self.spans))
        if len(self.spans) > redaction.MOST_PASSAGES:
            self.spans = self.spans[: redaction.MOST_PASSAGES]
            self.errors.append(_("There are too many marks. Mark whole sentences, or leave the text out."))

    def _add_words(self, text: str, reason: Reason) -> None:
        missing = []
        for line in filter(None, map(str.strip, self.words.splitlines())):
            spans = redaction.find_words(text, line, reason)
            self.spans += spans
            missing += [] if spans else [line]
        self.words = "\n".join(missing)
        if missing:
            self.errors.append(_("These words are not in the text. What you typed stays in the field below."))


def written_marks(spans: Iterable[Span]) -> str:
    return " ".join(map(_value, spans))


def _value(span: Span) -> str:
    return f"{span.start}-{span.end}-{span.reason.value}"


def _selected(text: str, selection: str, reason: Reason) -> list[Span]:
    """Return the passage that a script selected; it counts in the text as a browser shows it, of which no line ends in
    two characters."""
    match = _PLACE.fullmatch(selection)
    shown = [place for place, letter in enumerate(text) if not (letter == "\r" and text[place + 1 : place + 2] == "\n")]
    if match is None or not int(match[1]) < int(match[2]) <= len(shown):
        return []
    return [Span(shown[int(match[1])], shown[int(match[2]) - 1] + 1, reason)]


class Piece(TypedDict):
    """A part of a text on the page; ``is_removed`` where a body reads a marker in its place."""

    text: str
    is_removed: bool


class MarkLine(TypedDict):
    """One mark, or what could become one, in a list; ``value`` is what the form sends for it."""

    value: str
    words: str
    label: str
    ticked: bool


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def redact_text(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID, target: str) -> HttpResponseBase:
    """Show a text with what is removed of it beside what a body will read; by POST, add marks or keep them."""
    name = f"marks-{complaint_id}-{target}"
    if request.method == "POST" and (answer := kept_or_discarded(request, object_id, name)):
        return answer
    opened = open_report(request, object_id, complaint_id)
    text = opened.texts.get(target)
    if text is None:
        raise Http404
    if request.method != "POST":
        kept = kept_forms.kept(request, name)
        left = Marks.kept(MultiValueDict(kept), text) if kept else Marks(list(_spans(opened.redactions, target)))
        return _text_page(request, opened, target, left)
    marks = Marks.posted(request.POST, text)
    kept_forms.keep(request, name, marks.values(request.POST.get("seen", "")))
    if marks.errors or request.POST.get("do") != "keep":
        return _text_page(request, opened, target, marks, status=400 if marks.errors else 200)
    try:
        redactions.save_text(
            actor=request.actor, complaint_id=complaint_id, target=target, spans=marks.spans, seen=seen_in(request.POST)
        )
    except NothingLeft:
        marks.errors.append(_("Nothing would be left of this text. Leave it out of the release instead."))
        return _text_page(request, opened, target, marks, status=400)
    except RedactedMeanwhile:
        marks.errors.append(str(CHANGED_MEANWHILE) % {"number": len(_spans(opened.redactions, target))})
        return _text_page(request, opened, target, marks, status=409)
    kept_forms.forget(request, name)
    messages.success(request, _("The marks are saved. A body reads the text without these passages."))
    return redirect("admin:complaints_case_redact", object_id, complaint_id)


def kept_or_discarded(request: StaffRequest, case_id: uuid.UUID, name: str) -> HttpResponse | None:
    """Keep a form of marks that is left, or drop what is kept of it; None where another button was pressed."""
    pressed = request.POST.get("do")
    if pressed not in (kept_forms.HOLD, kept_forms.DISCARD):
        return None
    readable_case_or_404(request, case_id)
    if pressed == kept_forms.HOLD:
        return kept_forms.held(kept_forms.keep(request, name, kept_forms.typed(request.POST)))
    kept_forms.forget(request, name)
    return redirect(request.path)


CHANGED_MEANWHILE: Final = gettext_lazy(
    "Not saved: in the meantime somebody else saved other marks here (%(number)d). Yours are still "
    "below; save again to replace the others."
)


def seen_in(data: MultiValueDict[str, str]) -> int | None:
    """Return the number of the redaction that a page showed; None where the form names none."""
    text = data.get("seen", "")
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


def _text_page(
    request: StaffRequest, opened: OpenReport, target: str, marks: Marks, *, status: int = 200
) -> HttpResponse:
    text, tried = opened.texts[target], opened.redactions.with_spans(target, marks.spans)
    try:
        reads = redaction.redact(text, marks.spans)
    except NothingLeft:
        reads = ""
    context = {
        "title": _("Redaction: %(text)s") % {"text": text_labels(opened.texts)[target]},
        "case_id": opened.case_file.case.pk,
        "circle": circle_of(opened.report),
        "complaint": opened.complaint,
        "number": opened.number,
        "seen": opened.redactions.sequence(target) if marks.seen is None else marks.seen,
        "is_kept": marks.seen is not None,
        "marks": written_marks(marks.spans),
        "errors": marks.errors,
        "words": marks.words,
        "reasons": [(reason.value, label, reason.value == marks.reason) for reason, label in REASONS.items()],
        "pieces": pieces_of(text, redaction.removed_runs(text, marks.spans)),
        "reads": reads,
        "marked": [mark_line(text, span, marks) for span in marks.spans],
        "proposed": proposed_lines(text, marks, _hints(opened, text, marks.spans)),
        "sentences": sentence_lines(text, marks),
        "left": _left(opened, target, tried) if reads else [],
    }
    return render(request, "admin/redaction_text.html", context, status=status)


def pieces_of(text: str, runs: Iterable[Removed]) -> list[Piece]:
    """Return a text in parts for the page, those that are removed marked."""
    pieces: list[Piece] = []
    place = 0
    for run in runs:
        pieces += [{"text": text[place : run.start], "is_removed": False}]
        pieces += [{"text": text[run.start : run.end], "is_removed": True}]
        place = run.end
    return [*pieces, {"text": text[place:], "is_removed": False}]


def mark_line(text: str, span: Span, marks: Marks) -> MarkLine:
    """Return a mark that stands, with the tick by which it is taken back."""
    words, label = _short(text[span.start : span.end]), str(REASONS[span.reason])
    return {"value": _value(span), "words": words, "label": label, "ticked": _value(span) in marks.dropped}


def _hints(opened: OpenReport, text: str, spans: Sequence[Span]) -> list[Proposal]:
    """Return what may betray the reporter and is not marked yet."""
    others = [other for texts in opened.others.values() for other in texts.values()]
    return hints_of(text, spans, accused=str(opened.report.answers.get("accused_name") or ""), others=others)


def hints_of(text: str, spans: Sequence[Span], *, accused: str, others: Sequence[str] = ()) -> list[Proposal]:
    """Return what of a text may betray the reporter and is not marked yet."""
    proposed = telling_passages.proposals(text, accused=[accused], others=others)
    return [item for item in proposed if not any(span.start <= item.start and item.end <= span.end for span in spans)]


def proposed_lines(text: str, marks: Marks, hints: Iterable[Proposal]) -> list[MarkLine]:
    """Return hints, each with the tick by which it becomes a mark."""
    lines: list[MarkLine] = []
    for item in hints:
        value = f"{item.start}-{item.end}"
        words, label = _short(text[item.start : item.end]), str(TELLS[item.kind])
        lines.append({"value": value, "words": words, "label": label, "ticked": value in marks.proposed})
    return lines


def sentence_lines(text: str, marks: Marks) -> list[MarkLine]:
    """Return the sentences of a text, each with the tick by which it becomes a mark."""
    return [
        {
            "value": f"{start}-{end}",
            "words": text[start:end],
            "label": str(number),
            "ticked": f"{start}-{end}" in marks.ticked,
        }
        for number, (start, end) in enumerate(redaction.sentences(text), start=1)
    ]


def _left(opened: OpenReport, target: str, tried: ReportRedactions) -> list[tuple[str, str]]:
    """Return the words removed from a text that still stand in what is released, each with where."""
    released: dict[str, str] = {}
    for number, texts in {opened.number: opened.texts, **opened.others}.items():
        here = number == opened.number
        counted = tried if here else opened.counted[_id_of(opened, number)]
        for other, label in text_labels(texts).items():
            name = label if here else _("report %(number)d: %(text)s") % {"number": number, "text": label}
            released[name] = _as_released(counted, other, texts[other])
    left = redactions.words_left({target: opened.texts[target]}, tried, released)
    return [(word, ", ".join(names)) for word, names in left.items()]


def _as_released(counted: ReportRedactions, target: str, text: str) -> str:
    try:
        return redactions.released_text(counted, target, text)
    except NothingLeft:
        return ""


def _id_of(opened: OpenReport, number: int) -> uuid.UUID:
    place = number - opened.case_file.paging.first
    return opened.case_file.complaints[place].complaint.pk
