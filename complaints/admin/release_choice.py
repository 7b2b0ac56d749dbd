"""What can be chosen of a case for a body: of each report its answers, posts, messages, files and notes, one by one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, TypedDict
from zlib import crc32

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.admin.base import StaffRequest
from complaints.admin.case_evidence import copy_label, losses_of_copy, origin_traces
from complaints.admin.case_summary import PostLines, post_lines
from complaints.admin.release_content import answer_choices, file_name
from complaints.models.complaint import Message
from complaints.services import case_file, redactions
from complaints.services.evidence.posts import for_body
from complaints.services.forwarding.contents import Choice, Held, report_numbers
from complaints.services.forwarding.late_parts import LateParts
from complaints.services.redactions import ReportRedactions

# The fields of the form by which parts are chosen.
CHOSEN: Final = ("reports", "answers", "messages", "posts", "notes", "objects")


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

    @property
    def token(self) -> str:
        """A short text that stands for the part in a form: which parts it offered."""
        return f"{crc32(f'{self.name} {self.value}'.encode()):08x}"


class Group(TypedDict):
    """The parts of one kind of a report that can be sent, and those that the body has."""

    title: str
    lines: list[Line]
    held: list[Line]


class ReportChoice(TypedDict):
    """One report with all its parts; a body that holds some of it cannot lose it again.

    ``held`` counts the parts that it holds. ``was_whole`` where passages or parts of files were removed after the body
    got it: it holds them.
    """

    complaint: case_file.ComplaintFile
    number: int
    line: Line
    groups: list[Group]
    held: int
    was_whole: bool


def as_released(
    request: StaffRequest, opened: case_file.CaseFile, *, since: datetime | None = None
) -> tuple[list[case_file.ComplaintFile], dict[uuid.UUID, uuid.UUID], set[uuid.UUID]]:
    """Return the reports of a case with texts as a body would read them, and by file the redacted copy of it.

    Last the reports of which something was removed after ``since``.
    """
    complaints = [report.complaint for report in opened.complaints]
    counted = redactions.of_reports(keyring=request.keyring, complaints=complaints)
    reports = [_report_as_released(report, counted[report.complaint.pk]) for report in opened.complaints]
    copies = (item.stored for found in counted.values() for item in found.by_target.values() if item.stored)
    later = {
        pk
        for pk, found in counted.items()
        if since and any(item and item.at and item.at > since for item in found.by_target.values())
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
) -> list[ReportChoice]:
    """Return the reports of an opened case with what can be chosen of them, the usual parts ticked.

    ``opened_files`` counts by the id of an object how often it was opened here; ``redacted`` are by the id of a file
    the objects that go in its place. ``later`` are reports of which something was removed after the forwarding.
    """
    numbers = report_numbers([report.complaint for report in opened.complaints], held)
    choices: list[ReportChoice] = []
    for report in opened.complaints:
        pk = report.complaint.pk
        line = Line("reports", str(pk), "", is_held=pk in held.numbers, is_ticked=True)
        notes = [_note_line(note, held) for note in opened.notes if note.row.complaint_id == pk]
        groups = [
            _group(_("Answers"), _answer_lines(report, held)),
            _group(_("Posts"), _post_lines(report, held)),
            _group(_("Messages of the reporter"), _message_lines(report, held)),
            _group(_("Files"), _file_lines(report, numbers[pk], held, opened_files, redacted)),
            _group(_("Internal notes: only what is meant for the body"), notes),
        ]
        choices.append(
            {
                "complaint": report,
                "number": numbers[pk],
                "line": line,
                "groups": groups,
                "held": sum(len(group["held"]) for group in groups),
                "was_whole": pk in held.numbers and pk in later,
            }
        )
    # As the body counts them: that is how it speaks of them.
    return sorted(choices, key=lambda choice: choice["number"])


def _group(title: str, lines: Iterable[Line]) -> Group:
    found = list(lines)
    return {
        "title": title,
        "lines": [line for line in found if not line.is_held],
        "held": [line for line in found if line.is_held],
    }


def _note_line(note: case_file.Note, held: Held) -> Line:
    row = note.row
    return Line("notes", str(row.pk), _day(timezone.localdate(row.at)), note.text, is_held=row.pk in held.rows)


def _answer_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    pk = report.complaint.pk
    for key, label, words in answer_choices(report.answers):
        is_held = pk in held.numbers and key in held.answers[pk]
        yield Line("answers", f"{pk}.{key}", label, words, is_held=is_held, is_ticked=pk not in held.numbers)


def _post_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    shown = post_lines(report.posts, for_body=True)
    for item, lines in zip(report.posts, shown, strict=True):
        is_held = item.row.pk in held.rows
        yield Line("posts", str(item.row.pk), lines.title, post=lines, is_held=is_held, is_ticked=True)


def _message_lines(report: case_file.ComplaintFile, held: Held) -> Iterable[Line]:
    for entry in report.thread:
        message = entry.message
        if message.direction == Message.Direction.FROM_REPORTER:
            is_held = message.pk in held.rows
            yield Line(
                "messages",
                str(message.pk),
                _day(message.day),
                entry.text,
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
    for place, item in enumerate(report.evidence, start=1):
        looked = sum(opened_files.get(str(info.id), 0) for info in (item.working, item.original) if info)
        remark = _("opened by an officer here") if looked else _("no officer here has opened it")
        name, codes = file_name(number, place), item.findings.losses if item.findings else []
        goes_redacted = item.row.pk in redacted
        versions = (item.original, item.working, *item.redacted)
        is_known = any(info.id in held.objects for info in versions if info)
        if item.working is not None:
            is_held = redacted.get(item.row.pk, item.working.id) in held.objects
            warnings = [_("Its redacted copy is released in its place.")] if goes_redacted else losses_of_copy(codes)
            if is_known and not is_held:
                warnings.append(_("The body has another version of this file, and keeps it."))
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
        if goes_redacted:
            continue
        yield Line(
            *("objects", str(item.original.id)),
            f"{name}: {original}",
            remark=remark,
            warnings=_warnings_of_original(item),
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


def tick(choices: list[ReportChoice], posted: Mapping[str, list[str]]) -> None:
    """Tick what was ticked, in place of what is ticked at first; what the form did not offer yet stays as at first."""
    known = set(" ".join(posted.get("offered", [])).split())
    for line in all_lines(choices):
        if line.token in known:
            line.is_ticked = line.value in posted.get(line.name, [])


def tick_new(choices: list[ReportChoice], late: LateParts) -> None:
    """Tick what came since the body's newest release and nothing else; of a report that joined, the usual parts."""
    new = {str(pk) for pk in (*late.messages, *late.evidence)}
    for choice in choices:
        if choice["complaint"].complaint.pk in late.reports:
            continue
        for group in choice["groups"]:
            for line in group["lines"]:
                line.is_ticked = line.is_ticked and (line.value in new or str(line.item) in new)


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
    return Choice(answers, ids["messages"], ids["posts"], ids["notes"], ids["objects"])


def _day(day: date) -> str:
    return date_format(day, "l, j M Y")
