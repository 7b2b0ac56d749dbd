"""What a body reads of a release, in words: its own page, the preview before sending and the office's page use this."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, TypedDict

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.admin import case_summary
from complaints.admin.case_evidence import released_label, told_of_released
from complaints.admin.evidence_labels import file_label
from complaints.admin.labels import Label
from complaints.admin.stated_facts import stated_words
from complaints.domain.retaliation import Retaliation, RetaliationKind
from complaints.forms.retaliation import KIND_LABELS
from complaints.models.oversight import Release
from complaints.services.assessments import facts_of_content
from complaints.services.forwarding.contents import ALWAYS, ANSWERS, Content, ReleasedItem, ReportContent

# What can be chosen of the answers of a report, by the keys of ANSWERS.
ANSWER_LABELS: Final[dict[str, Label]] = {
    "accused": gettext_lazy("Name or account"),
    "position": gettext_lazy("Position"),
    "nip": gettext_lazy("NIP"),
    "agency": gettext_lazy("Agency"),
    "regency": gettext_lazy("Regency or city"),
    "event": gettext_lazy("Happened on"),
    "learnt_on": gettext_lazy("Learnt of it on"),
    "door": gettext_lazy("Came in as"),
    "story": gettext_lazy("The account"),
    "links": gettext_lazy("Links"),
    "circle": gettext_lazy("People who could know this"),
}
DANGER: Final[dict[str, Label]] = {
    "": gettext_lazy("not graded"),
    "low": gettext_lazy("low"),
    "medium": gettext_lazy("medium"),
    "high": gettext_lazy("high"),
}


class FileLine(TypedDict):
    """A file in words; ``told`` says what it tells of its origin, lacks or hides.

    ``look_url`` is where the office looks at it, "" for the body and for an original.
    """

    item: ReleasedItem
    look_url: str
    name: str
    label: str
    told: list[str]


class ToldLines(TypedDict):
    """What a reporter told of retaliation on a day: in short, and with the reporter's words ("": none)."""

    day: date
    short: str
    text: str


class ReportLines(TypedDict):
    """One report in words; ``told`` are those of its messages that tell of retaliation.

    ``left_out`` says what the office did not pass on, "" where nothing was kept. ``in_case`` is its number for the
    office where that is another, and 0 for the body, which does not know it. ``anchor`` is the id of its heading.
    """

    number: int
    in_case: int
    anchor: str
    day: date | None
    has_answers: bool
    rows: list[tuple[str, str]]
    story: str
    links: list[str]
    posts: list[case_summary.PostLines]
    messages: list[tuple[date, str]]
    told: list[ToldLines]
    notes: list[tuple[date, str]]
    stated: tuple[date, str] | None
    files: list[FileLine]
    left_out: str
    gist: str


class ContentLines(TypedDict):
    """One release in words; ``release`` is None before it is made, ``news`` counts what a supplement brings.

    ``is_new`` where the body has not opened it before.
    """

    release: Release | None
    is_supplement: bool
    cover: str
    urgent: bool
    danger: str
    news: str
    reports: list[ReportLines]
    has_files: bool
    is_new: bool


def content_lines(
    content: Content,
    release: Release | None = None,
    *,
    is_supplement: bool = False,
    in_case: Mapping[int, int] | None = None,
    look_urls: Mapping[uuid.UUID, str] | None = None,
    is_new: bool = False,
) -> ContentLines:
    """Return the content of one release in words; each file stands with its report.

    Args:
        in_case: for the office, its number of each report by that of the body.
        look_urls: for the office, where it looks at a file, by the id of the released file.
        is_new: whether the body has not opened it before.
    """
    files: dict[int, list[FileLine]] = {}
    for item in content.files:
        files.setdefault(item.report, []).append(_file_line(item, (look_urls or {}).get(item.id, "")))
    # Of a report of which only a file went, there is nothing else to read.
    bare = [ReportContent(number) for number in files.keys() - {report.number for report in content.reports}]
    reports = sorted([*content.reports, *bare], key=lambda report: report.number)
    prefix = f"release-{release.number}-" if release else ""
    return {
        "release": release,
        "is_supplement": is_supplement,
        "cover": content.cover,
        "urgent": content.urgent,
        "danger": str(DANGER[content.danger]),
        "news": _counts(content),
        "reports": [_report_lines(report, files.get(report.number, []), prefix, in_case or {}) for report in reports],
        "has_files": bool(files),
        "is_new": is_new,
    }


def report_count(number: int) -> str:
    """Return how many reports a body holds: "51 reports"."""
    return ngettext("%(n)d report", "%(n)d reports", number) % {"n": number}


def _counts(content: Content) -> str:
    """Return how much a release holds: "1 report, 2 messages, 1 file"."""
    reports = content.reports
    counted = [report_count(n) for n in [sum(report.has_answers for report in reports)] if n]
    messages = sum(len(report.messages) for report in reports)
    posts, notes = sum(len(report.posts) for report in reports), sum(len(report.notes) for report in reports)
    stated = sum(report.stated is not None for report in reports)
    numbers = {"messages": messages, "posts": posts, "notes": notes, "facts": stated, "files": len(content.files)}
    return ", ".join([*counted, *_amounts(numbers)])


def _amounts(numbers: Mapping[str, int]) -> list[str]:
    words = {
        "messages": lambda n: ngettext("%(n)d message", "%(n)d messages", n),
        "posts": lambda n: ngettext("%(n)d post", "%(n)d posts", n),
        "files": lambda n: ngettext("%(n)d file", "%(n)d files", n),
        "notes": lambda n: ngettext("%(n)d note", "%(n)d notes", n),
        "facts": lambda n: ngettext("%(n)d statement of facts", "%(n)d statements of facts", n),
    }
    return [words[kind](n) % {"n": n} for kind, n in numbers.items() if n]


def _report_lines(report: ReportContent, files: list[FileLine], prefix: str, in_case: Mapping[int, int]) -> ReportLines:
    answers, number = report.answers, in_case.get(report.number, report.number)
    told = report.told
    left_out = [str(ANSWER_LABELS[key]) for key in report.left_out] + _amounts(report.missing)
    return {
        "number": report.number,
        "in_case": 0 if number == report.number else number,
        "anchor": f"{prefix}report-{report.number}",
        "day": report.day,
        "has_answers": report.has_answers,
        "rows": case_summary.answer_rows(answers) if answers else [],
        "story": str(answers.get("story", "")),
        "links": str(answers.get("links", "")).splitlines(),
        "posts": case_summary.released_post_lines(report.posts),
        "messages": [entry for entry in report.messages if entry not in [(day, text) for day, _told, text in told]],
        "told": [{"day": day, "short": told_words(item), "text": text} for day, item, text in told],
        "notes": report.notes,
        "stated": (report.stated[0], stated_words(facts_of_content(report.stated[1]))) if report.stated else None,
        "files": files,
        "left_out": ", ".join(left_out),
        "gist": case_summary.report_gist(answers) if answers else "",
    }


def told_words(told: Retaliation) -> str:
    """Return what happened in the reporter's words, and the day that the reporter named."""
    kind = str(KIND_LABELS[RetaliationKind(told.kind)]) if told.kind else _("Something happened to the reporter")
    return f"{kind} ({date_format(told.happened_on, 'j F Y')})" if told.happened_on else kind


def _file_line(item: ReleasedItem, look_url: str) -> FileLine:
    return {
        "item": item,
        "look_url": look_url,
        "name": file_label(item.report, item.number),
        "label": released_label(item.variant, item.info),
        "told": told_of_released(item.info),
    }


def answer_choices(answers: Mapping[str, object]) -> Iterable[tuple[str, str, str]]:
    """Yield what can be chosen of a report's answers: the key, its label, and the answer in words."""
    always = {name: answers[name] for name in ALWAYS if name in answers}
    same = case_summary.answer_rows(always)
    for key, names in ANSWERS.items():
        given = {name: answers.get(name) for name in names}
        if key in ("story", "links"):
            words = str(given[key] or "")
        else:
            rows = case_summary.answer_rows(always | given) if any(given.values()) else []
            words = "; ".join(value for label, value in rows if (label, value) not in same)
        if words:
            yield key, str(ANSWER_LABELS[key]), words


class AccusedLines(TypedDict):
    """Whom and where a release names: the first of each in words, and how many others there are."""

    accused: str
    more_accused: int
    place: str
    more_places: int


def accused_lines(accused: Sequence[tuple[str, str]], places: Sequence[tuple[str, str]]) -> AccusedLines:
    """Return accused (name, position) and places (agency, regency) as a line of a list and the head of a page say."""
    # Who is named stands before who is known by a position alone.
    by_name = sorted(accused, key=lambda pair: not pair[0])
    named = [(name or _("not named"), position) for name, position in by_name]
    return {
        "accused": _joined(named) or _("not named"),
        "more_accused": max(0, len(accused) - 1),
        "place": _joined(places) or _("not named"),
        "more_places": max(0, len(places) - 1),
    }


def _joined(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(text for text in pairs[0] if text) if pairs else ""
