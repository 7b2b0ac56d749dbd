"""The summary of a case: each report in words, what its reports do not tell, and the three deadlines.

Links and accounts are text everywhere: opening one could show the accused that somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias, TypedDict

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.admin import labels
from complaints.domain import completeness, deadlines
from complaints.domain.workflow import LIMITS, Action, Status, Unit
from complaints.models.case import AgencyKind, Case
from complaints.models.complaint import Message
from complaints.models.post import Platform, PostAct
from complaints.services import case_file, reference_data, transitions
from complaints.services.evidence import posts as evidence_posts
from complaints.services.evidence.posts import PostInfo

# What a reporter answered, opened: names of the form's fields and their values, days as ISO text.
Answers: TypeAlias = Mapping[str, Any]

# From this many reports on, a case page shows the first report open and folds each of the others under a line.
FOLDED_FROM: Final = 4
WITH_OFFICE: Final = frozenset(
    {Status.RECEIVED, Status.IN_REVIEW, Status.VERIFIED, Status.REFERRING, Status.INELIGIBLE_PROPOSED}
)
WITH_BODY: Final = frozenset({Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED})
WITH_AGENCY: Final = frozenset({Status.AWAITING_AGENCY, Status.OVERDUE_AGENCY})
BEFORE_FORWARDING: Final = WITH_OFFICE | {Status.NEEDS_INFORMATION, Status.RESTING}
# The steps that move a case between the office and a body.
FORWARDING_STEPS: Final = frozenset({Action.FORWARD, Action.RETURN, Action.DECLINE, Action.RECALL, Action.REOPEN})
PLATFORMS, ACTS = dict(Platform.choices), dict(PostAct.choices)

# --- One report in words


def answer_rows(answers: Answers) -> list[tuple[str, str]]:
    """Return what a reporter answered as (label, value), without the account of events, the links and empty answers."""
    category, kind = reference_data.category(answers["category"]), reference_data.accused_kind(answers["accused_kind"])
    agency_kind = answers.get("agency_kind") or "unknown"
    capacities = {"pressed": _("pressed or persuaded"), "witnessed": _("a witness")}
    rows = [
        (_("What happened"), str(category or answers["category"])),
        (_("Kind of accused"), str(kind or answers["accused_kind"])),
        (
            _("Name or account"),
            answers.get("accused_name") or (_("not known to the reporter") if answers.get("accused_unknown") else ""),
        ),
        (_("Position"), answers.get("accused_position")),
        (_("NIP"), answers.get("accused_nip")),
        (_("Agency"), answers.get("agency")),
        (_("Kind of agency"), "" if agency_kind == "unknown" else str(AgencyKind(agency_kind).label)),
        (_("Regency or city"), answers.get("regency")),
        (_("Province"), _province(answers)),
        (_("Happened on"), labels.date_range_label(answers.get("event_from"), answers.get("event_until"))),
        (_("Learnt of it on"), labels.date_range_label(answers.get("learnt_on"), "")),
        (_("Came in as"), capacities.get(answers.get("door", ""), "")),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _province(answers: Answers) -> str:
    names = {province.code: province.name for province in reference_data.provinces()}
    return names.get(answers.get("province", ""), "")


def report_gist(answers: Answers) -> str:
    """Return what a report is about in one line: its category and its days, which tell reports of one case apart."""
    category = reference_data.category(answers["category"])
    days = labels.date_range_label(answers.get("event_from"), answers.get("event_until"))
    return " · ".join(part for part in (str(category or answers["category"]), days) if part)


def headlines(answers: Answers) -> list[tuple[str, str]]:
    """Return what, who, where and when of a report, a line each; a line whose answer is missing says so."""
    category = reference_data.category(answers["category"])
    kind = reference_data.accused_kind(answers["accused_kind"])
    who = [answers.get("accused_name") or _("name not known"), answers.get("accused_position"), kind and str(kind)]
    where = [answers.get("agency"), answers.get("regency"), _province(answers)]
    days = labels.date_range_label(answers.get("event_from"), answers.get("event_until"))
    unknown = _("not told")
    return [
        (_("What"), str(category or answers["category"])),
        (_("Who"), " · ".join(str(part) for part in who if part)),
        (_("Where"), " · ".join(str(part) for part in where if part) or unknown),
        (_("When"), days or unknown),
    ]


@dataclass(frozen=True)
class PostLines:
    """A post on social media in words; ``rows`` are (label, value), and ``url`` is never made a link.

    ``typed`` is the address as entered where it differs from ``url``, ``sharer`` as in ``PostInfo``.
    """

    title: str
    rows: list[tuple[str, str]]
    url: str
    is_link: bool
    typed: str
    sharer: str


def _lines_of(post: PostInfo) -> PostLines:
    title = " · ".join(str(part) for part in (PLATFORMS.get(post.platform, ""), ACTS.get(post.act, "")) if part)
    day = date_format(date.fromisoformat(post.seen_on), "l, j M Y") if post.seen_on else ""
    screenshot = _("evidence %(number)d") % {"number": post.screenshot} if post.screenshot else ""
    rows = [(_("Account"), post.account), (_("Seen on"), day), (_("Screenshot"), screenshot)]
    typed = post.typed if post.is_link and post.typed != post.url else ""
    return PostLines(
        title, [(label, value) for label, value in rows if value], post.url, post.is_link, typed, post.sharer
    )


def post_lines(posts: Iterable[case_file.PostItem], *, for_body: bool = False) -> list[PostLines]:
    """Return the posts of an opened report in words; ``for_body`` as a body would read them."""
    return [_lines_of(evidence_posts.for_body(item.info) if for_body else item.info) for item in posts]


def released_post_lines(posts: Iterable[Mapping[str, Any]]) -> list[PostLines]:
    """Return the posts of a release in words, given as the fields of ``PostInfo``."""
    return [_lines_of(PostInfo(**fields)) for fields in posts]


# --- Deadlines


class NamedDeadline(TypedDict):
    """A deadline with its name and a remark; ``clock`` is None where it does not run, and ``words`` then say why."""

    name: str
    clock: labels.DeadlineLabel | None
    words: str


def case_deadlines(case: Case, answers: list[Answers], today: date) -> list[NamedDeadline]:
    """Return the promise of the office, the duty of the recipient, and the time to report to Bawaslu."""
    return [_office_promise(case, today), _recipient_duty(case, today), _bawaslu_deadline(answers, today)]


def _office_promise(case: Case, today: date) -> NamedDeadline:
    status = Status(case.status)
    if status in WITH_OFFICE:
        return {"name": _("Our promise"), "clock": labels.deadline_label(case.due_on, today), "words": ""}
    words = (
        _("waits for the reporter")
        if status in (Status.NEEDS_INFORMATION, Status.RESTING)
        else _("kept: the case left our desk")
    )
    return {"name": _("Our promise"), "clock": None, "words": words}


def _recipient_duty(case: Case, today: date) -> NamedDeadline:
    status = Status(case.status)
    body = case.lead_body.short_name if case.lead_body else _("the body")
    name = ""
    if status is Status.NEEDS_INFORMATION:
        name = _("The reporter's answer")
    elif status in WITH_BODY:
        name = _("Duty of %(body)s") % {"body": body}
    elif status in WITH_AGENCY:
        name = _("Duty of the agency")
    if name:
        return {"name": name, "clock": labels.deadline_label(case.due_on, today), "words": ""}
    days = LIMITS[Status.FORWARDED].number
    starts = _("begins with forwarding: %(days)d days") % {"days": days}
    words = starts if status in BEFORE_FORWARDING else _("no duty runs")
    return {"name": _("Duty of the recipient"), "clock": None, "words": words}


def _bawaslu_deadline(answers: list[Answers], today: date) -> NamedDeadline:
    """Return the deadline that still runs and ends first; where none runs, the one that ended last."""
    ends = sorted(_bawaslu_end(report) for report in answers if report.get("learnt_on") or report.get("event_from"))
    name = _("Report to Bawaslu")
    if not ends:
        return {"name": name, "clock": None, "words": _("counts from the day of learning, which is not told")}
    due, unit, is_from_event = next((end for end in ends if end[0] >= today), ends[-1])
    limit = _("7 working days") if unit is Unit.WORKING_DAYS else _("7 days, every day counts")
    start = (
        _("counted from the event; the day of learning is not told") if is_from_event else _("from the day of learning")
    )
    is_over = due < today
    clock = labels.DeadlineLabel("none", _("over"), due) if is_over else labels.deadline_label(due, today)
    return {"name": name, "clock": clock, "words": f"{limit}, {start}"}


def _bawaslu_end(answers: Answers) -> tuple[date, Unit, bool]:
    """Return the last day, the unit in which it is counted, and whether it counts from the day of the event."""
    is_from_event = not answers.get("learnt_on")
    learnt = date.fromisoformat(answers.get("learnt_on") or answers["event_from"])
    kind = reference_data.election_kind(learnt)
    due = deadlines.bawaslu_due(learnt, kind, transitions.public_holidays())
    return due, deadlines.BAWASLU_UNITS.get(kind, Unit.CALENDAR_DAYS), is_from_event


# --- The summary on the case page


class SummaryContext(TypedDict):
    """What the head of the case page reads."""

    headlines: list[tuple[str, str]]
    missing: str
    asked_back: str
    clocks: list[NamedDeadline]


def summary_context(opened: case_file.CaseFile) -> SummaryContext:
    """Return the headlines of the first report, what all reports lack, the question of a body, and the deadlines."""
    missing_parts = [
        completeness.missing_parts(report.answers, files=len(report.evidence), posts=len(report.posts))
        for report in opened.complaints
    ]
    answers: list[Answers] = [report.answers for report in opened.complaints]
    return {
        "headlines": headlines(answers[0]) if answers else [],
        "missing": labels.missing_label(completeness.missing_in_all(missing_parts)),
        "asked_back": _question_of_body(opened),
        "clocks": case_deadlines(opened.case, answers, timezone.localdate()),
    }


def _question_of_body(opened: case_file.CaseFile) -> str:
    """Return what a body asked when it returned the case, as long as the office has it back; "" otherwise."""
    moves = [step.action for step in opened.history if step.action in FORWARDING_STEPS]
    if Status(opened.case.status) is not Status.IN_REVIEW or moves[-1:] not in ([Action.RETURN], [Action.DECLINE]):
        return ""
    entries = [
        entry
        for report in opened.complaints
        for entry in report.thread
        if entry.message.direction == Message.Direction.BODY_TO_TRIAGE
    ]
    return max(entries, key=lambda entry: (entry.message.day, entry.message.sequence)).text if entries else ""
