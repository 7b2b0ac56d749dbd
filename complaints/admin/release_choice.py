"""What can be chosen of a case for a body: of each report its answers, posts, messages, files and notes, one by one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, TypedDict
from zlib import crc32

from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.admin import kept_forms
from complaints.admin.base import StaffRequest
from complaints.admin.case_evidence import copy_label, losses_of_copy, origin_traces
from complaints.admin.case_summary import PostLines, circle_of, post_lines, report_gist
from complaints.admin.evidence_labels import file_label
from complaints.admin.labels import Label
from complaints.admin.release_content import answer_choices, told_words
from complaints.admin.stated_facts import stated_words
from complaints.domain import telling_passages
from complaints.domain.circle import CIRCLE
from complaints.domain.retaliation import TOLD, Retaliation
from complaints.models.complaint import Message
from complaints.services import case_file, redactions
from complaints.services.after_the_end import RATING_MARK
from complaints.services.erasure.erasure_requests import REQUEST_MARK
from complaints.services.evidence.posts import for_body
from complaints.services.evidence.redacted_copies import manner
from complaints.services.forwarding.contents import Choice, Held
from complaints.services.forwarding.late_parts import LateParts
from complaints.services.kept_forms import Values
from complaints.services.redactions import ReportRedactions

# The marks of messages that are the office's own matter: no body gets them.
NOT_OF_THE_MATTER: Final = {RATING_MARK, REQUEST_MARK}
# The fields of the form by which parts are chosen.
CHOSEN: Final = ("reports", "answers", "messages", "posts", "notes", "objects", "facts")
COUNTED: Final[dict[str, Label]] = {
    "reports": gettext_lazy("Reports"),
    "answers": gettext_lazy("Answers"),
    "messages": gettext_lazy("Messages"),
    "posts": gettext_lazy("Posts"),
    "notes": gettext_lazy("Notes"),
    "objects": gettext_lazy("Files"),
    "facts": gettext_lazy("Statements of the office"),
}


@dataclass
class Line:
    """One part that can be chosen: the field and value of its box, what it is, and what the body holds of it.

    ``text`` is long, and shown whole. ``warnings`` say what an officer must know, ``remark`` what the portal knows.
    """

    name: str
    value: str
    label: str
    text: str = ""
    post: PostLines | None = None
    remark: str = ""
    warnings: list[str] = field(default_factory=list)
    sent_as: str = ""
    item: uuid.UUID | None = None
    is_held: bool = False
    is_ticked: bool = False
    was_opened: bool = True
    # Whether it is ticked before anybody chose.
    is_usual: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_usual = self.is_ticked

    @property
    def token(self) -> str:
        """A short text that stands for the part: which parts a form offered, and which of them were ticked."""
        return _token(self.name, self.value)


def _token(name: str, value: str) -> str:
    return f"{crc32(f'{name} {value}'.encode()):08x}"


class Group(TypedDict):
    """The parts of one kind of a report that can be sent, and those that the body has."""

    title: str
    lines: list[Line]
    held: list[Line]


class Count(TypedDict):
    """How many parts of one kind go, of how many that the body does not have."""

    name: str
    label: str
    chosen: int
    offered: int


class ReportChoice(TypedDict):
    """One report with all its parts; a body that holds some of it cannot lose it again.

    ``number`` is that in the case, ``number_at_body`` the one by which the body knows it, 0 where it does not. ``held``
    counts the parts that it holds, and with ``has_new`` it lacks a usual part. ``was_whole`` where passages or parts of
    files were removed after the body got it: it holds them.
    """

    complaint: case_file.ComplaintFile
    circle: str
    number: int
    number_at_body: int
    line: Line
    groups: list[Group]
    held: int
    has_new: bool
    was_whole: bool
    gist: str


def as_released(
    request: StaffRequest, opened: case_file.CaseFile, *, since: datetime | None = None
) -> tuple[list[case_file.ComplaintFile], dict[uuid.UUID, uuid.UUID], set[uuid.UUID]]:
    """Return the reports of a case with texts as a body would read them, and by file the redacted copy of it.

    Last the reports of which something was removed after ``since``.
    """
    complaints = [report.complaint for report in opened.complaints]
    counted = redactions.of_reports(keyring=request.keyring, complaints=complaints)
    reports = [_report_as_released(report, counted[report.complaint.pk]) for report in opened.complaints]
    copies = (item.stored for of_report in counted.values() for item in of_report.by_target.values() if item.stored)
    later = {
        pk
        for pk, of_report in counted.items()
        if since and any(item and item.at and item.at > since for item in of_report.by_target.values())
    }
    return reports, {stored.evidence_id: stored.pk for stored in copies}, later


def _report_as_released(report: case_file.ComplaintFile, counted: ReportRedactions) -> case_file.ComplaintFile:
    posts = [
        replace(post, info=redactions.released_post(counted, post.row, for_body(post.info))) for post in report.posts
    ]
    thread = [
        replace(entry, text=redactions.released_text(counted, f"message-{entry.message.pk}", entry.text))
        for entry in report.thread
    ]
    return replace(report, answers=redactions.released_answers(counted, report.answers), posts=posts, thread=thread)


def report_choices(
    opened: case_file.CaseFile,
    held: Held,
    opened_files: Mapping[str, int],
    redacted: Mapping[uuid.UUID, uuid.UUID],
    later: Collection[uuid.UUID] = (),
    stated_after: datetime | None = None,
) -> list[ReportChoice]:
    """Return the reports of an opened case with what can be chosen of them, the usual parts ticked.

    ``opened_files`` counts by the id of an object how often it was opened here; ``redacted`` are by the id of a file
    the objects that go in its place. ``later`` are reports of which something was removed after the forwarding. What
    the office stated before ``stated_after`` is not ticked.
    """
    choices: list[ReportChoice] = []
    for number, report in enumerate(opened.complaints, start=1):
        pk = report.complaint.pk
        line = Line("reports", str(pk), "", is_held=pk in held.numbers, is_ticked=True)
        notes = [_note_line(note, held) for note in opened.notes if note.row.complaint_id == pk]
        groups = [
            _group(_("Answers"), _answer_lines(report, held)),
            _group(_("Posts"), _post_lines(report, held)),
            _group(_("Messages of the reporter"), _message_lines(report, held)),
            _group(_("Files"), _file_lines(report, number, held, opened_files, redacted)),
            _group(_("What the office states for the rules of the law"), _facts_lines(report, held, stated_after)),
            _group(_("Internal notes: only what is meant for the body"), notes),
        ]
        choices.append(
            {
                "complaint": report,
                "number": number,
                "number_at_body": held.numbers.get(pk, 0),
                "line": line,
                "groups": groups,
                "held": sum(len(group["held"]) for group in groups),
                "has_new": not line.is_held or any(item.is_ticked for group in groups for item in group["lines"]),
                "gist": report_gist(report.answers),
                "circle": circle_of(report),
                "was_whole": pk in held.numbers and pk in later,
            }
        )
    return choices


def _group(title: str, lines: Iterable[Line]) -> Group:
    listed = list(lines)
    return {
        "title": title,
        "lines": [line for line in listed if not line.is_held],
        "held": [line for line in listed if line.is_held],
    }


def _note_line(note: case_file.Note, held: Held) -> Line:
    row = note.row
    return Line("notes", str(row.pk), _day(timezone.localdate(row.at)), note.text, is_held=row.pk in held.rows)


def _facts_lines(report: case_file.ComplaintFile, held: Held, after: datetime | None) -> Iterable[Line]:
    """Yield the last statement of facts, by which the body judges as the office does; an empty one says nothing."""
    for statement in report.statements[-1:]:
        if words := stated_words(statement.stated):
            day = _day(timezone.localdate(statement.at))
            is_held = statement.id in held.rows
            is_new = after is None or statement.at > after
            yield Line("facts", str(statement.id), day, words, is_held=is_held, is_ticked=is_new)


def _answer_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    pk = report.complaint.pk
    for key, label, words in answer_choices(report.answers):
        is_held = pk in held.numbers and key in held.answers[pk]
        warnings = [] if is_held or key != "story" else _hints(report, words)
        is_ticked = pk not in held.numbers and key != CIRCLE
        yield Line("answers", f"{pk}.{key}", label, words, warnings=warnings, is_held=is_held, is_ticked=is_ticked)


def _hints(report: case_file.ComplaintFile, text: str) -> list[str]:
    """Return in a sentence how much of a text as a body would read it may tell who the reporter is."""
    accused = str(report.answers.get("accused_name") or "")
    number = len(telling_passages.proposals(text, accused=[accused]))
    words = ngettext(
        "%(number)d hint of what may tell who the reporter is: look at it before you send this text.",
        "%(number)d hints of what may tell who the reporter is: look at them before you send this text.",
        number,
    )
    return [words % {"number": number}] if number else []


def _post_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    shown = post_lines(report, for_body=True)
    for item, lines in zip(report.posts, shown, strict=True):
        is_held = item.row.pk in held.rows
        # With a word of ours before it: what was typed may show nothing.
        title = _("Post: %(title)s") % {"title": lines.title}
        yield Line("posts", str(item.row.pk), title, post=lines, is_held=is_held, is_ticked=True)


def _message_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    for entry in report.thread:
        message = entry.message
        # A rating is for the office.
        if message.direction == Message.Direction.FROM_REPORTER and not NOT_OF_THE_MATTER & entry.marks.keys():
            is_held = message.pk in held.rows
            told = told_words(Retaliation.from_mark(entry.marks[TOLD])) if TOLD in entry.marks else ""
            yield Line(
                "messages",
                str(message.pk),
                _day(message.day),
                entry.text,
                remark=_("Retaliation, goes with the message as urgent: %(what)s") % {"what": told} if told else "",
                warnings=[] if is_held else _hints(report, entry.text),
                is_held=is_held,
                is_ticked=True,
            )


def _file_lines(
    report: case_file.ComplaintFile,
    number: int,
    held: Held,
    opened_files: Mapping[str, int],
    redacted: Mapping[uuid.UUID, uuid.UUID],
) -> Iterable[Line]:
    """Yield every working copy and original of a report, the copy of a file before its original.

    Of a file with a redacted copy, which goes whatever is ticked, only the copy is offered.
    """
    original = _("original")
    for item in report.evidence:
        looked = sum(opened_files.get(str(info.id), 0) for info in (item.working, item.original) if info)
        remark = _("opened by an officer here") if looked else _("no officer here has opened it")
        name, codes = file_label(number, item.number), item.findings.losses if item.findings else []
        goes_redacted = item.row.pk in redacted
        versions = (item.original, item.working, *item.redacted)
        is_known = any(info.id in held.objects for info in versions if info)
        if item.working is not None:
            is_held = redacted.get(item.row.pk, item.working.id) in held.objects
            warnings = [_("Its redacted copy is released in its place.")] if goes_redacted else losses_of_copy(codes)
            if is_known and not is_held:
                warnings.append(_("The body has another version of this file, and keeps it."))
            if manner(item.working.info.type) == "picture" and not is_held:
                warnings.append(_("From where was it taken, and who could have been there?"))
            yield Line(
                *("objects", str(item.working.id)),
                f"{name}: {copy_label(codes)}",
                remark=remark,
                warnings=warnings,
                item=item.row.pk,
                is_held=is_held,
                is_ticked=not is_known,
                was_opened=bool(looked),
            )
        if goes_redacted and item.working is not None:
            continue
        yield Line(
            *("objects", str(item.original.id)),
            f"{name}: {original}",
            remark=remark,
            warnings=[_("Its redacted copy is released in its place.")]
            if goes_redacted
            else _warnings_of_original(item),
            sent_as=item.original.info.name,
            item=None if item.working else item.row.pk,
            is_held=item.original.id in held.objects,
            was_opened=bool(looked),
        )


def _warnings_of_original(item: case_file.EvidenceItem) -> list[str]:
    lines = []
    if item.findings and item.findings.scan == "infected":
        lines.append(_("The malware scanner found something in it. The body can open it all the same."))
    if traces := origin_traces(item):
        lines.append(_("The original contains: %(what)s.") % {"what": traces})
    elif item.working:
        lines.append(_("May hold traces that the working copy does not."))
    else:
        lines.append(_("There is no working copy. Open it and look for traces of the reporter before you tick it."))
    return lines


def all_lines(choices: Iterable[ReportChoice]) -> Iterable[Line]:
    """Yield every part, the reports themselves included."""
    for choice in choices:
        yield choice["line"]
        for group in choice["groups"]:
            yield from (*group["lines"], *group["held"])


def offered(choices: list[ReportChoice]) -> str:
    """Return which parts a form offers, in one field."""
    return " ".join(line.token for line in all_lines(choices))


def posted_choice(data: QueryDict) -> Values:
    """Return what a form of choosing sent, with the ticked parts as their tokens: fifty reports have 600 parts."""
    ticked = [_token(name, value) for name in CHOSEN for value in data.getlist(name)]
    typed = {name: values for name, values in kept_forms.typed(data).items() if name not in CHOSEN}
    return {**typed, "ticked": [" ".join(ticked)]}


def tick(choices: list[ReportChoice], posted: Values) -> None:
    """Tick what was ticked, in place of what is ticked at first; what the form did not offer yet stays as at first.

    ``posted`` is that of :func:`posted_choice`.
    """
    known, ticked = (set(" ".join(posted.get(name, [])).split()) for name in ("offered", "ticked"))
    for line in all_lines(choices):
        if line.token in known:
            line.is_ticked = line.token in ticked


def tick_usual(choices: list[ReportChoice]) -> None:
    """Tick what is ticked before anybody chose: notes, originals and what was left out before are ticked one by one."""
    for line in all_lines(choices):
        line.is_ticked = line.is_usual


def tick_nothing(choices: list[ReportChoice]) -> None:
    """Tick nothing."""
    for line in all_lines(choices):
        line.is_ticked = False


def ticked(choices: list[ReportChoice]) -> str:
    """Return the tokens of what is ticked, as :func:`posted_choice` gives them."""
    return " ".join(line.token for line in all_lines(choices) if line.is_ticked)


def counts(choices: list[ReportChoice]) -> list[Count]:
    """Return how many parts of each kind go, and how many could."""
    lines = {name: list[tuple[Line, bool]]() for name in CHOSEN}
    for choice in choices:
        goes = choice["line"].is_ticked or choice["line"].is_held
        lines["reports"].append((choice["line"], True))
        for group in choice["groups"]:
            for line in group["lines"]:
                lines[line.name].append((line, goes))
    return [
        {
            "name": name,
            "label": str(COUNTED[name]),
            "chosen": sum(goes and line.is_ticked and not line.is_held for line, goes in of_name),
            "offered": sum(not line.is_held for line, _goes in of_name),
        }
        for name, of_name in lines.items()
        if any(not line.is_held for line, _goes in of_name)
    ]


def tick_only(choices: Iterable[ReportChoice], message: str) -> None:
    """Tick this message of a reporter with its report, and nothing else that the body does not hold."""
    for choice in choices:
        lines = [line for group in choice["groups"] for line in group["lines"]]
        for line in lines:
            line.is_ticked = line.name == "messages" and line.value == message
        choice["line"].is_ticked = any(line.is_ticked for line in lines)


def tick_new(choices: list[ReportChoice], late: LateParts) -> None:
    """Make usual, and tick, what came since the body's newest release; of a report that joined, the usual parts.

    What was left out of an earlier release is ticked one by one, if at all. What the office stated is judged by its
    hour, in :func:`report_choices`.
    """
    new = {str(pk) for pk in (*late.messages, *late.evidence)}
    for choice in choices:
        lines = [line for group in choice["groups"] for line in group["lines"]]
        if choice["complaint"].complaint.pk not in late.reports:
            choice["line"].is_usual = False
            for line in lines:
                is_new = line.name == "facts" or line.value in new or str(line.item) in new
                line.is_usual = line.is_usual and is_new
        choice["has_new"] = choice["line"].is_usual or any(line.is_usual for line in lines)
    tick_usual(choices)


def choice_of(choices: list[ReportChoice]) -> Choice:
    """Return what is ticked; of a report that is not ticked nothing goes."""
    answers: dict[uuid.UUID, set[str]] = {}
    ids: dict[str, set[uuid.UUID]] = {name: set() for name in CHOSEN}
    for choice in choices:
        pk = choice["complaint"].complaint.pk
        if not (choice["line"].is_ticked or choice["line"].is_held):
            continue
        answers[pk] = set()
        for line in (line for group in choice["groups"] for line in (*group["lines"], *group["held"])):
            if line.name == "answers" and (line.is_ticked or line.is_held):
                answers[pk].add(line.value.partition(".")[2])
            elif line.is_ticked and not line.is_held:
                ids[line.name].add(uuid.UUID(line.value))
    return Choice(answers, ids["messages"], ids["posts"], ids["notes"], ids["objects"], ids["facts"])


def _day(day: date) -> str:
    return date_format(day, "l, j M Y")
