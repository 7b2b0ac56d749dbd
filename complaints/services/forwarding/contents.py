"""What a release consists of: what an officer chooses of a case, the parts that follow from it, and how they are read.

The page of the body, the preview before sending and the office's page afterwards all read :class:`Content`, which
:func:`arrange` makes of the same parts that are sealed.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Final, TypedDict

from django.utils import timezone

from complaints.adapters.media import kinds
from complaints.adapters.media import losses as copy_losses
from complaints.domain.circle import CIRCLE
from complaints.domain.file_names import neutral_name
from complaints.domain.retaliation import TOLD, Retaliation
from complaints.domain.risk import RiskGrade
from complaints.domain.sealing.records import JSON
from complaints.models.case import Assessment, Case, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import assessments, redactions
from complaints.services.assessments import FactsContent
from complaints.services.evidence import posts, storage
from complaints.services.keyring import Keyring, read_answers
from complaints.services.messages import read_marked, read_note
from complaints.services.redactions import ReportRedactions

# Answers that go with every report: the body reads them of the case anyway.
ALWAYS: Final = ("category", "accused_kind", "province")
# The answers that are chosen one by one, each with the names that belong together.
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "accused": ("accused_name", "accused_unknown"),
    "position": ("accused_position",),
    "nip": ("accused_nip",),
    "agency": ("agency", "agency_kind"),
    "regency": ("regency",),
    "event": ("event_from", "event_until"),
    "learnt_on": ("learnt_on",),
    "door": ("door",),
    "story": ("story",),
    "links": ("links",),
    # For the office: it goes only where an officer ticks it, and is not named among what was left out.
    CIRCLE: (CIRCLE,),
}
_GRADES: Final = (RiskGrade.HIGH, RiskGrade.MEDIUM, RiskGrade.LOW)


@dataclass(frozen=True)
class Choice:
    """What of a case goes to a body, by ids of rows. Of a report that is not in ``answers`` nothing goes.

    ``answers`` are by report the keys of ANSWERS that go; ``objects`` are originals or working copies. ``facts`` are
    statements of the office for the rules of the law.
    """

    answers: Mapping[uuid.UUID, Collection[str]] = field(default_factory=dict)
    messages: Collection[uuid.UUID] = ()
    posts: Collection[uuid.UUID] = ()
    notes: Collection[uuid.UUID] = ()
    objects: Collection[uuid.UUID] = ()
    facts: Collection[uuid.UUID] = ()


@dataclass
class Held:
    """What a body holds of a case already: report numbers, answers by report, ids of chosen rows and of objects.

    ``numbered`` has besides the numbers of reports that were recalled: no other report may get one of them.
    """

    numbers: dict[uuid.UUID, int] = field(default_factory=dict)
    numbered: dict[uuid.UUID, int] = field(default_factory=dict)
    answers: dict[uuid.UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: set[uuid.UUID] = field(default_factory=set)
    objects: set[uuid.UUID] = field(default_factory=set)


class PartBody(TypedDict, total=False):
    """A part as it is sealed: ``kind`` report, message, post, note or facts, the number of its report, its content.

    ``answers`` by name and the ANSWERS ``left_out``, of a report; ``text`` of a message or note; ``told`` of a message
    about retaliation, as its mark; ``post`` as the fields of ``PostInfo``; ``stated`` as :class:`FactsContent`, what
    the office states of the act for the rules of the law. ``missing`` counts by kind what a report has besides and
    what did not go with this release.
    """

    kind: str
    report: int
    day: str
    answers: dict[str, JSON]
    left_out: list[str]
    missing: dict[str, int]
    text: str
    told: JSON
    post: dict[str, JSON]
    stated: FactsContent


@dataclass(frozen=True)
class Part:
    """A part with the row that it was made from; the body is not told that row's id outside of the portal."""

    source: uuid.UUID
    body: PartBody


@dataclass(frozen=True)
class ReleasedItem:
    """A file of a release: the id of its row, its variant, the body's number of its report, and its own in the report.

    ``info`` is what is sealed beside it.
    """

    id: uuid.UUID
    variant: str
    info: storage.FileInfo
    report: int
    number: int
    stored: EvidenceObject | None = None


@dataclass
class ReportContent:
    """What a body reads of one report in one release; ``has_answers`` where its answers, or some, went with it.

    ``stated`` is what the office stated of the act, with the day, and no word of the reporter.
    """

    number: int
    day: date | None = None
    has_answers: bool = False
    answers: dict[str, JSON] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)
    posts: list[dict[str, JSON]] = field(default_factory=list)
    messages: list[tuple[date, str]] = field(default_factory=list)
    # What happened to the reporter, of those of ``messages`` that tell it: the day, what was told, the text.
    told: list[tuple[date, Retaliation, str]] = field(default_factory=list)
    notes: list[tuple[date, str]] = field(default_factory=list)
    stated: tuple[date, FactsContent] | None = None


@dataclass(frozen=True)
class Content:
    """All that a body reads of one release: the covering note, danger and urgency, the reports and the files."""

    cover: str
    danger: str
    urgent: bool
    reports: list[ReportContent]
    files: list[ReleasedItem]


@dataclass(frozen=True)
class Composed:
    """The parts and files of a choice, before they are sealed; ``numbers`` by report, of those of which parts go."""

    parts: list[Part]
    files: list[ReleasedItem]
    numbers: dict[uuid.UUID, int]
    danger: str
    urgent: bool
    # How many passages were removed from the texts of a report that go, by its number.
    passages: dict[int, int]

    def content(self, cover: str) -> Content:
        """Return what the body will read."""
        return arrange(
            {"cover": cover, "danger": self.danger, "urgent": self.urgent},
            [part.body for part in self.parts],
            [item for item in self.files if item.variant != EvidenceObject.Variant.PAGE],
        )


def arrange(manifest: Mapping[str, JSON], parts: Iterable[PartBody], files: list[ReleasedItem]) -> Content:
    """Return the parts of a release by report, as its readers see them."""
    reports: dict[int, ReportContent] = {}
    for part in parts:
        report = reports.setdefault(part["report"], ReportContent(part["report"]))
        day = date.fromisoformat(part["day"])
        if part["kind"] == "report":
            report.day, report.has_answers = day, True
            report.answers, report.left_out = part["answers"], part["left_out"]
            report.missing = part["missing"]
        elif part["kind"] == "post":
            report.posts.append(part["post"])
        elif part["kind"] == "facts":
            report.stated = day, part["stated"]
        else:
            (report.messages if part["kind"] == "message" else report.notes).append((day, part["text"]))
            if "told" in part:
                report.told.append((day, Retaliation.from_mark(part["told"]), part["text"]))
    ordered = [reports[number] for number in sorted(reports)]
    return Content(manifest["cover"], manifest["danger"], manifest["urgent"], ordered, files)


def whole(case_id: uuid.UUID, *, objects: Collection[uuid.UUID] = ()) -> Choice:
    """Return the choice of every report of a case with all that is ticked at first but files, and of ``objects``."""
    reports = list(Complaint.objects.filter(case=case_id).values_list("pk", flat=True))
    messages = Message.objects.from_reporter().filter(complaint__case=case_id)
    rows = Evidence.objects.filter(complaint__case=case_id, kind=Evidence.Kind.POST)
    return Choice(
        answers=dict.fromkeys(reports, tuple(key for key in ANSWERS if key != CIRCLE)),
        messages=set(messages.values_list("pk", flat=True)),
        posts=set(rows.values_list("pk", flat=True)),
        objects=set(objects),
        facts={row.pk for row in assessments.last_facts(reports).values()},
    )


def report_numbers(complaints: Sequence[Complaint], held: Held) -> dict[uuid.UUID, int]:
    """Return the numbers by which a body knows reports: one that it holds, or held, keeps its own, new ones follow.

    A body counts what it gets: a gap would tell how many reports of the case it does not get.

    Args:
        complaints: the reports of which something goes, in their order.
    """
    numbers, following = dict(held.numbered), max(held.numbered.values(), default=0)
    for complaint in complaints:
        if complaint.pk not in numbers:
            following += 1
            numbers[complaint.pk] = following
    return numbers


def compose(
    *, keyring: Keyring, case: Case, complaints: Sequence[Complaint], choice: Choice, held: Held | None = None
) -> Composed:
    """Return the parts and files of ``choice``, without what the body has ``held`` already.

    Args:
        complaints: all reports of the case in their order, with their grants.

    Raises:
        EvidenceObject.DoesNotExist: a chosen object belongs to none of the chosen reports.
        Locked, SealError: a report does not open.
    """
    held = held or Held()
    chosen = [complaint for complaint in complaints if complaint.pk in choice.answers]
    numbers = report_numbers(chosen, held)
    composer = _Composer(
        keyring,
        numbers,
        choice,
        held,
        redactions.of_reports(keyring=keyring, complaints=chosen),
        _evidence_of(choice.objects),
        _evidence_of(held.objects),
        len(numbers) > 1,
        _Rows.of(chosen, choice),
    )
    parts = [part for complaint in chosen for part in composer.parts_of(complaint)]
    files = composer.files(chosen)
    used = {part.body["report"] for part in parts} | {item.report for item in files}
    grades = assessments.last_grades(chosen, keyring)
    danger = next((grade.value for grade in _GRADES if grade in grades.values()), "")
    return Composed(
        parts=parts,
        files=files,
        numbers={complaint.pk: numbers[complaint.pk] for complaint in chosen if numbers[complaint.pk] in used},
        danger=danger,
        urgent=case.is_urgent or danger == RiskGrade.HIGH or any("told" in part.body for part in parts),
        passages=dict(composer.passages),
    )


@dataclass(frozen=True)
class _Rows:
    """The messages of reporters, the evidence, the chosen notes and statement of facts, by report in their order."""

    messages: Mapping[uuid.UUID, list[Message]]
    evidence: Mapping[uuid.UUID, list[Evidence]]
    notes: Mapping[uuid.UUID, list[InternalNote]]
    facts: Mapping[uuid.UUID, Assessment]

    @classmethod
    def of(cls, chosen: Collection[Complaint], choice: Choice) -> _Rows:
        """Read them in four queries, however many reports there are."""
        messages, evidence = defaultdict[uuid.UUID, list[Message]](list), defaultdict[uuid.UUID, list[Evidence]](list)
        notes = defaultdict[uuid.UUID, list[InternalNote]](list)
        for message in Message.objects.from_reporter().filter(complaint__in=chosen).order_by("sequence"):
            messages[message.complaint_id].append(message)
        for row in Evidence.objects.filter(complaint__in=chosen).order_by("sequence"):
            evidence[row.complaint_id].append(row)
        for note in InternalNote.objects.filter(complaint__in=chosen, pk__in=choice.notes).order_by("sequence"):
            notes[note.complaint_id].append(note)
        of_chosen = [complaint.pk for complaint in chosen]
        facts = {
            report: row for report, row in assessments.last_facts(of_chosen).items() if row.pk in set(choice.facts)
        }
        return cls(messages, evidence, notes, facts)


@dataclass
class _Composer:
    keyring: Keyring
    numbers: dict[uuid.UUID, int]
    choice: Choice
    held: Held
    removed: dict[uuid.UUID, ReportRedactions]
    # The files of which an object goes now, and of which the body has one.
    sent: set[uuid.UUID]
    received: set[uuid.UUID]
    is_shared: bool
    rows: _Rows
    passages: Counter[int] = field(default_factory=Counter)

    def parts_of(self, complaint: Complaint) -> list[Part]:
        """Return the parts of a report: its answers, then posts, messages and notes in their order."""
        messages, evidence = self.rows.messages[complaint.pk], self.rows.evidence[complaint.pk]
        described = [row for row in evidence if row.kind == Evidence.Kind.POST]
        parts = self._answers(complaint, messages, evidence)
        parts += [self._post(complaint, row, evidence) for row in described if self._goes(row.pk, self.choice.posts)]
        pair = self.keyring.complaint(complaint)
        for message in messages:
            if self._goes(message.pk, self.choice.messages):
                team = self.keyring.report_team
                opened, marks = read_marked(message, pair=pair, complaint=complaint, team=team)
                text = self._released(complaint, f"message-{message.pk}", opened)
                part = self._text("message", complaint, message.pk, message.day, text)
                if TOLD in marks:
                    part.body["told"] = marks[TOLD]
                parts.append(part)
        for note in self.rows.notes[complaint.pk]:
            if self._goes(note.pk, self.choice.notes):
                text = read_note(note, pair=pair, team=self.keyring.report_team)
                parts.append(self._text("note", complaint, note.pk, timezone.localdate(note.at), text))
        return parts + self._facts(complaint)

    def _facts(self, complaint: Complaint) -> list[Part]:
        """Return what the office stated last of a report, if it was chosen; the name of who did stays in the office."""
        row = self.rows.facts.get(complaint.pk)
        if row is None or not self._goes(row.pk, self.choice.facts):
            return []
        said = assessments.read_facts(row, pair=self.keyring.complaint(complaint), team=self.keyring.report_team)
        day = timezone.localdate(row.at).isoformat()
        body: PartBody = {"kind": "facts", "report": self.numbers[complaint.pk], "day": day}
        return [Part(row.pk, {**body, "stated": assessments.facts_content(said.stated)})]

    def _released(self, complaint: Complaint, target: str, text: str) -> str:
        """Return a text as the body reads it, and count the passages that were removed from it."""
        removed = self.removed[complaint.pk]
        self.passages[self.numbers[complaint.pk]] += sum(redactions.passages(removed, target, text).values())
        return redactions.released_text(removed, target, text)

    def _goes(self, row: uuid.UUID, chosen: Collection[uuid.UUID]) -> bool:
        return row in chosen and row not in self.held.rows

    def _text(self, kind: str, complaint: Complaint, source: uuid.UUID, day: date, text: str) -> Part:
        report = self.numbers[complaint.pk]
        return Part(source, {"kind": kind, "report": report, "day": day.isoformat(), "text": text})

    def _answers(self, complaint: Complaint, messages: list[Message], evidence: list[Evidence]) -> list[Part]:
        """Return the answers of a report as its part; none where the body holds all that were chosen."""
        wanted = set(self.choice.answers[complaint.pk])
        if complaint.pk in self.held.numbers and not wanted - self.held.answers[complaint.pk]:
            return []
        # Only what was chosen is passed on: with the seed of the commitment a body could guess at what was left out.
        opened = read_answers(self.keyring.complaint(complaint), complaint)
        keys = [key for key in ANSWERS if key in wanted and key not in self.held.answers[complaint.pk]]
        names = [*ALWAYS, *(name for key in keys for name in ANSWERS[key])]
        answers = {name: self._answer(complaint, name, opened[name]) for name in names if name in opened}
        given = [key for key, group in ANSWERS.items() if key != CIRCLE and any(opened.get(name) for name in group)]
        held = self.held.answers[complaint.pk]
        body: PartBody = {
            "kind": "report",
            "report": self.numbers[complaint.pk],
            "day": complaint.day.isoformat(),
            "answers": answers,
            "left_out": [key for key in given if key not in keys and key not in held],
            "missing": self._missing(messages, evidence),
        }
        return [Part(complaint.pk, body)]

    def _answer(self, complaint: Complaint, name: str, value: JSON) -> JSON:
        return self._released(complaint, f"answer-{name}", value) if isinstance(value, str) else value

    def _missing(self, messages: list[Message], evidence: list[Evidence]) -> dict[str, int]:
        """Count what a report has besides: a body reads that something was left out, and how much."""
        described = {row.pk for row in evidence if row.kind == Evidence.Kind.POST}
        files = {row.pk for row in evidence} - described
        missing = {
            "messages": len({message.pk for message in messages} - set(self.choice.messages) - self.held.rows),
            "posts": len(described - set(self.choice.posts) - self.held.rows),
            "files": len(files - self.sent - self.received),
        }
        return {kind: number for kind, number in missing.items() if number}

    def _post(self, complaint: Complaint, row: Evidence, evidence: list[Evidence]) -> Part:
        info = posts.for_body(posts.read_post(self.keyring.complaint(complaint), row, complaint))
        for name in redactions.POST_FIELDS:
            self._released(complaint, f"post-{row.pk}-{name}", str(getattr(info, name)))
        info = redactions.released_post(self.removed[complaint.pk], row, info)
        gone = self.sent | self.received
        numbers = {item.sequence: number for number, item in enumerate(_files(evidence), 1) if item.pk in gone}
        post = asdict(replace(info, screenshot=numbers.get(info.screenshot, 0)))
        body: PartBody = {"kind": "post", "report": self.numbers[complaint.pk], "day": row.day.isoformat()}
        return Part(row.pk, {**body, "post": post})

    def files(self, chosen: Sequence[Complaint]) -> list[ReleasedItem]:
        """Return the chosen objects, each with the pages of a working copy, in the order of reports and evidence."""
        stored = EvidenceObject.objects.filter(pk__in=self.choice.objects, evidence__complaint__in=chosen)
        rows = list(stored.select_related("evidence"))
        if len(rows) != len(set(self.choice.objects)):
            raise EvidenceObject.DoesNotExist
        by_id = {complaint.pk: complaint for complaint in chosen}
        rows.sort(key=lambda row: (self.numbers[row.evidence.complaint_id], row.evidence.sequence, row.variant))
        # A redacted copy stands for each object of its file.
        released = (redactions.released_object(self.removed[row.evidence.complaint_id], row) for row in rows)
        going = {row.pk: row for row in released if row.pk not in self.held.objects}
        return [item for row in going.values() for item in self._items(by_id[row.evidence.complaint_id], row)]

    def _items(self, complaint: Complaint, chosen: EvidenceObject) -> list[ReleasedItem]:
        pair, report = self.keyring.complaint(complaint), self.numbers[complaint.pk]
        files = _files(self.rows.evidence[complaint.pk])
        number = [row.pk for row in files].index(chosen.evidence_id) + 1
        items = []
        for stored in (chosen, *_pages(chosen)):
            info = storage.read_info(pair, stored, stored.evidence, complaint)
            page = stored.number if stored.variant == EvidenceObject.Variant.PAGE else 0
            shown_report = report if self.is_shared else 0
            name = neutral_name(number, kinds.ending(info.type, info.name), page, report=shown_report)
            report_of_file = storage.read_file_report(pair, stored.evidence)
            # Under a neutral name: a file name may identify the reporter.
            neutral = replace(info, name=name, looked="", **_findings(stored, info, report_of_file))
            items.append(ReleasedItem(uuid.uuid4(), stored.variant, neutral, report, number, stored))
        return items


def _evidence_of(objects: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(EvidenceObject.objects.filter(pk__in=objects).values_list("evidence", flat=True)) if objects else set()


def _files(evidence: Iterable[Evidence]) -> list[Evidence]:
    return [row for row in evidence if row.kind == Evidence.Kind.FILE]


class _Findings(TypedDict):
    threat: str
    betrays: list[str]
    losses: list[str]


def _findings(item: EvidenceObject, info: storage.FileInfo, report: storage.FileReport | None) -> _Findings:
    """Return what the body needs to know and cannot open: it is in the worker's file report.

    Of an original the scanner's result, and the codes of what it tells beside its content; of a working copy what it
    lacks or hides.
    """
    found: _Findings = {"threat": "", "betrays": [], "losses": []}
    if item.variant == EvidenceObject.Variant.ORIGINAL:
        found["threat"] = storage.threat_in(report)
        found["betrays"] = list(dict.fromkeys([*info.betrays, *(report.betrays if report else [])]))
    elif item.variant != EvidenceObject.Variant.PAGE:
        found["losses"] = [*_losses(item, report), *info.losses]
    return found


def _losses(item: EvidenceObject, report: storage.FileReport | None) -> list[str]:
    """Return what a copy lacks or hides; one that is drawn anew hides nothing."""
    found = report.losses if report else []
    is_drawn = item.variant == EvidenceObject.Variant.REDACTED
    return [code for code in found if code not in copy_losses.HIDDEN] if is_drawn else found


def _pages(item: EvidenceObject) -> list[EvidenceObject]:
    """Return the pages of a working copy, which are released with it: they show nothing that the copy does not."""
    if item.variant != EvidenceObject.Variant.WORKING:
        return []
    pages = EvidenceObject.objects.filter(evidence=item.evidence_id, variant=EvidenceObject.Variant.PAGE)
    return list(pages.select_related("evidence").order_by("number"))
