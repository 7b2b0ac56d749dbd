"""The summary of a case: each report in words, what its reports do not tell, and the three deadlines.

Links and accounts are text everywhere: opening one could show the accused that somebody looks.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias, TypedDict

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints.admin import labels
from complaints.admin.decision_labels import ComparedSanctions, DecisionLines, compared_sanctions, decision_lines
from complaints.admin.question_lines import QuestionLine, closed_lines
from complaints.domain import completeness
from complaints.domain.circle import CIRCLE
from complaints.domain.file_names import exhibit_name
from complaints.domain.workflow import LIMITS, OPEN, PROMISED, WITH_AGENCY, WITH_BODY, Action, Status, with_body
from complaints.forms.circle import CIRCLE_LABELS
from complaints.models.case import AgencyKind, Case
from complaints.models.complaint import Message
from complaints.models.identity import NameRequest
from complaints.models.oversight import Release, ReleaseStep
from complaints.models.post import Platform, PostAct
from complaints.models.step import Step
from complaints.services import case_file, reference_data
from complaints.services.audit import recorded_questions
from complaints.services.evidence import posts as evidence_posts
from complaints.services.evidence.posts import PostInfo
from complaints.services.forwarding import decision_copies, further_releases, late_parts, reading
from complaints.services.keyring import Keyring
from complaints.services.rule_book import limit_rule, rule_book

# What a reporter answered, opened: names of the form's fields and their values, days as ISO text.
Answers: TypeAlias = Mapping[str, Any]

# From this many reports on, a case page shows the first report open and folds each of the others under a line.
FOLDED_FROM: Final = 4
# Letters of a story that tell reports of one case apart.
GIST_AT_MOST: Final = 80
BEFORE_FORWARDING: Final = PROMISED | {Status.NEEDS_INFORMATION, Status.RESTING}
# The steps that move a case between the office and a body.
FORWARDING_STEPS: Final = frozenset(
    {Action.FORWARD, Action.RETURN, Action.DECLINE, Action.RECALL, Action.REOPEN, Action.OBJECT}
)
PLATFORMS, ACTS = dict(Platform.choices), dict(PostAct.choices)

# --- One report in words


def answer_rows(answers: Answers) -> list[tuple[str, str]]:
    """Return what a reporter answered as (label, value), without the account of events, the links and empty answers."""
    category, kind = reference_data.category(answers["category"]), reference_data.accused_kind(answers["accused_kind"])
    agency_kind = answers.get("agency_kind") or "unknown"
    capacities = {"pressed": _("pressed or persuaded"), "witnessed": _("a witness")}
    unknown = _("not known to the reporter") if answers.get("accused_unknown") else ""
    rows = [
        (_("What happened"), str(category or answers["category"])),
        (_("Kind of accused"), str(kind or answers["accused_kind"])),
        (_("Name or account"), answers.get("accused_name") or unknown),
        (_("Position"), answers.get("accused_position")),
        (_("NIP"), answers.get("accused_nip")),
        (_("Agency"), answers.get("agency")),
        (_("Kind of agency"), "" if agency_kind == "unknown" else str(AgencyKind(agency_kind).label)),
        (_("Regency or city"), answers.get("regency")),
        (_("Province"), _province(answers)),
        (_("Happened on"), labels.date_range_label(answers.get("event_from"), answers.get("event_until"))),
        (_("Learnt of it on"), labels.date_range_label(answers.get("learnt_on"), "")),
        (_("People who could know this"), CIRCLE_LABELS.get(str(answers.get("circle")), "")),
        (_("Came in as"), capacities.get(answers.get("door", ""), "")),
    ]
    return [(label, str(value)) for label, value in rows if value]


def circle_words(codes: Iterable[object]) -> str:
    """Return the smallest circle that was told as a sentence for whoever may quote; "" where none was."""
    told = min((str(code) for code in codes if code in CIRCLE_LABELS), default="")
    words = _("By the reporter's estimate so many people could know this: %(number)s. Quote nothing that narrows it.")
    return words % {"number": CIRCLE_LABELS[told]} if told else ""


def circle_of(report: case_file.ComplaintFile) -> str:
    """Return :func:`circle_words` of one opened report, by its answers and its reporter's messages."""
    return circle_words([report.answers.get(CIRCLE), *(entry.marks.get(CIRCLE) for entry in report.thread)])


def _province(answers: Answers) -> str:
    names = {province.code: province.name for province in reference_data.provinces()}
    return names.get(answers.get("province", ""), "")


def report_gist(answers: Answers) -> str:
    """Return what a report is about in one line: category, days and how its story begins.

    Reports of one case are mostly of one category and one day: the story tells them apart.
    """
    category = reference_data.category(answers["category"])
    days = labels.date_range_label(answers.get("event_from"), answers.get("event_until"))
    begins = Truncator(" ".join(str(answers.get("story") or "").split())).chars(GIST_AT_MOST)
    return " · ".join(part for part in (str(category or answers["category"]), days, begins) if part)


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


def _lines_of(post: PostInfo, screenshot: int) -> PostLines:
    title = " · ".join(str(part) for part in (PLATFORMS.get(post.platform, ""), ACTS.get(post.act, "")) if part)
    day = date_format(date.fromisoformat(post.seen_on), "l, j M Y") if post.seen_on else ""
    file = exhibit_name(screenshot) if screenshot else ""
    rows = [(_("Account"), post.account), (_("Seen on"), day), (_("Screenshot"), file)]
    typed = post.typed if post.is_link and post.typed != post.url else ""
    return PostLines(
        title, [(label, value) for label, value in rows if value], post.url, post.is_link, typed, post.sharer
    )


def post_lines(report: case_file.ComplaintFile, *, for_body: bool = False) -> list[PostLines]:
    """Return the posts of an opened report in words; ``for_body`` as a body would read them."""
    numbers = {item.row.sequence: item.number for item in report.evidence}
    infos = [evidence_posts.for_body(item.info) if for_body else item.info for item in report.posts]
    return [_lines_of(info, numbers.get(info.screenshot, 0)) for info in infos]


def released_post_lines(posts: Iterable[Mapping[str, Any]]) -> list[PostLines]:
    """Return the posts of a release in words, given as the fields of ``PostInfo``."""
    return [_lines_of(PostInfo(**fields), fields["screenshot"]) for fields in posts]


# --- Deadlines


@dataclass(frozen=True)
class DeadlineLabel:
    """A deadline in words; ``level`` is late, soon, fine or none and only colours what ``words`` says."""

    level: str
    words: str
    due_on: date | None


def deadline_not_shown() -> DeadlineLabel:
    """Return the label of a case in a list that is not as the chain records it."""
    return DeadlineLabel("none", _("not shown"), None)


def case_deadline(case: Case, today: date, *, waiting_since: date | None = None) -> DeadlineLabel:
    """Return what runs in a case: a promise of the office, or how long others have been waited for.

    Only a promise of the office is ever called late. ``waiting_since`` is the day of the recommendation to an
    agency that was to be reminded since (see ``models.case.with_wait``); without it no number of days is told.
    """
    status = Status(case.status)
    if status in PROMISED or status not in OPEN or status is Status.RESTING or case.due_on is None:
        return deadline_label(case.due_on if status in PROMISED else None, today)
    if today <= case.due_on and status is not Status.OVERDUE_AGENCY:
        return target_label(case.due_on, today)
    since = waiting_since if status in WITH_AGENCY else case.status_on
    if since is None:
        return DeadlineLabel("none", _("the agency has not answered"), None)
    days = (today - since).days
    if status in WITH_AGENCY:
        words = ngettext(
            "the agency has not answered, %(days)d day", "the agency has not answered, %(days)d days", days
        )
    elif status is Status.NEEDS_INFORMATION:
        words = ngettext(
            "the reporter has not answered, %(days)d day", "the reporter has not answered, %(days)d days", days
        )
    else:
        words = ngettext("%(body)s has not answered, %(days)d day", "%(body)s has not answered, %(days)d days", days)
    body = case.lead_body.short_name if case.lead_body else _("the oversight body")
    return DeadlineLabel("none", words % {"days": days, "body": body}, None)


def release_deadline(case: Case, today: date, *, is_live: bool, waiting_since: date | None) -> DeadlineLabel:
    """Return what runs in the case of a release; nothing where it was replaced, recalled or returned."""
    return case_deadline(case, today, waiting_since=waiting_since) if is_live else deadline_label(None, today)


def limit_label(number: int, unit: str) -> str:
    """Return the length of a limit of the rule table in words."""
    if unit == "working_days":
        words = ngettext("%(number)d working day", "%(number)d working days", number)
    elif unit == "hours":
        words = ngettext("%(number)d hour", "%(number)d hours", number)
    else:
        words = ngettext("%(number)d calendar day", "%(number)d calendar days", number)
    return words % {"number": number}


def bawaslu_label(possible: Sequence[reference_data.BawasluDays], today: date) -> str:
    """Return until when a report to Bawaslu is safest, and its last day.

    Args:
        found: the days for each kind of election that is possible, the earliest safe day first; at least one.
    """
    first = possible[0]
    last_day = max(item.days.last_day for item in possible)
    facts = {
        "safe": date_format(first.days.safe_day, "l, j M Y"),
        "last": date_format(last_day, "l, j M Y"),
        "limit": limit_label(first.number, first.unit),
    }
    if today > last_day:
        return _("the last day was %(last)s; still possible as first information") % facts
    if today > first.days.safe_day:
        return _("at once; last day %(last)s (an estimate)") % facts
    if len(possible) > 1:
        return _("safest by %(safe)s; two elections ran that day: ask which one it is about") % facts
    return _("safest by %(safe)s, last day %(last)s (%(limit)s, an estimate)") % facts


def target_label(due_on: date, today: date) -> DeadlineLabel:
    """Return how many days are left of a target of others, which is no promise of the office."""
    left = (due_on - today).days
    words = ngettext("target in %(days)d day", "target in %(days)d days", left) % {"days": left}
    return DeadlineLabel("none", words if left else _("target today"), due_on)


def deadline_label(due_on: date | None, today: date) -> DeadlineLabel:
    """Return how many calendar days are left until a promise of the office, in words."""
    if due_on is None:
        return DeadlineLabel("none", _("no deadline"), None)
    left = (due_on - today).days
    if left < 0:
        words = ngettext("%(days)d day late", "%(days)d days late", -left) % {"days": -left}
        return DeadlineLabel("late", words, due_on)
    if left == 0:
        return DeadlineLabel("soon", _("due today"), due_on)
    if left == 1:
        return DeadlineLabel("soon", _("due tomorrow"), due_on)
    return DeadlineLabel("fine", ngettext("%(days)d day left", "%(days)d days left", left) % {"days": left}, due_on)


class NamedDeadline(TypedDict):
    """A deadline with its name and a remark; ``clock`` is None where it does not run, and ``words`` then say why."""

    name: str
    clock: DeadlineLabel | None
    words: str


def case_deadlines(
    case: Case, answers: list[Answers], today: date, *, waiting_since: date | None = None
) -> list[NamedDeadline]:
    """Return the promise of the office, the target of others, and the time to report to Bawaslu."""
    shown = case_deadline(case, today, waiting_since=waiting_since)
    return [_office_promise(case, shown), _target_of_others(case, shown), _bawaslu_deadline(answers, today)]


def _office_promise(case: Case, shown: DeadlineLabel) -> NamedDeadline:
    status = Status(case.status)
    if status in PROMISED:
        return {"name": _("Our promise"), "clock": shown, "words": ""}
    words = (
        _("waits for the reporter")
        if status in (Status.NEEDS_INFORMATION, Status.RESTING)
        else _("kept: the case left our desk")
    )
    return {"name": _("Our promise"), "clock": None, "words": words}


def _target_of_others(case: Case, shown: DeadlineLabel) -> NamedDeadline:
    status = Status(case.status)
    body = case.lead_body.short_name if case.lead_body else _("the body")
    if status is Status.NEEDS_INFORMATION:
        return {"name": _("The reporter's answer"), "clock": shown, "words": ""}
    if status in WITH_BODY:
        return {"name": _("Target of %(body)s") % {"body": body}, "clock": shown, "words": _source_of_limit(status)}
    if status in WITH_AGENCY:
        words = _("no time limit known; a reminder follows")
        return {"name": _("The agency's answer"), "clock": shown, "words": words}
    limit = limit_rule(LIMITS[Status.FORWARDED], reference_data.edition())
    starts = _("begins with forwarding: %(limit)s") % {"limit": limit_label(limit.number or 0, limit.unit.value)}
    words = starts if status in BEFORE_FORWARDING else _("nothing runs")
    return {"name": _("Target of the recipient"), "clock": None, "words": words}


def _source_of_limit(status: Status) -> str:
    edition = reference_data.edition()
    rule = limit_rule(LIMITS[status], edition)
    sources = "; ".join(rule_book(edition).sources[code].text for code in rule.sources)
    return _("no promise: %(source)s") % {"source": sources}


def _bawaslu_deadline(answers: list[Answers], today: date) -> NamedDeadline:
    """Return the days of the report whose safe day ends first of those that still run; else of the last one."""
    name = _("Report to Bawaslu")
    told = [report for report in answers if report.get("learnt_on") or report.get("event_from")]
    if not told:
        return {"name": name, "clock": None, "words": _("counts from the day of learning, which is not told")}
    of_elections = [days for report in told if (days := _bawaslu_days(report))]
    if not of_elections:
        return {
            "name": name,
            "clock": None,
            "words": _("no election with a time limit of Bawaslu is entered for that day"),
        }
    of_elections.sort(key=lambda days: days[0].days.safe_day)
    possible = next((days for days in of_elections if days[0].days.last_day >= today), of_elections[-1])
    return {"name": name, "clock": None, "words": bawaslu_label(possible, today)}


def _bawaslu_days(answers: Answers) -> list[reference_data.BawasluDays]:
    act_on = date.fromisoformat(answers.get("event_from") or answers["learnt_on"])
    known_on = date.fromisoformat(answers.get("learnt_on") or answers["event_from"])
    return reference_data.bawaslu_days(category=str(answers["category"]), act_on=act_on, known_on=known_on)


# --- The summary on the case page


class SummaryContext(TypedDict):
    """What the head of the case page reads."""

    headlines: list[tuple[str, str]]
    missing: str
    asked_back: str
    was_left: bool
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
        "asked_back": _words_of_body(opened),
        "was_left": was_left(opened),
        "clocks": case_deadlines(
            opened.case, answers, timezone.localdate(), waiting_since=asked_agency_on(opened.history)
        ),
    }


def asked_agency_on(steps: Iterable[Step]) -> date | None:
    """Return the day of the last recommendation to the agency among steps in order, None without one."""
    days = [step.day for step in steps if step.action == Action.AWAIT_AGENCY]
    return days[-1] if days else None


def _last_move(opened: case_file.CaseFile) -> str:
    """Return the last step that moved the case between the office and a body; "" without one."""
    return next((step.action for step in reversed(opened.history) if step.action in FORWARDING_STEPS), "")


def was_left(opened: case_file.CaseFile) -> bool:
    """Whether the last body said that it is not in charge, or the office took the case back from it."""
    return _last_move(opened) in (Action.DECLINE, Action.RECALL)


def _words_of_body(opened: case_file.CaseFile) -> str:
    """Return what a body wrote when it sent the case back, as long as the office has it back; "" otherwise."""
    is_back = _last_move(opened) in (Action.RETURN, Action.DECLINE)
    if Status(opened.case.status) is not Status.IN_REVIEW or not is_back:
        return ""
    entries = [
        entry
        for report in opened.complaints
        for entry in report.thread
        if entry.message.direction == Message.Direction.BODY_TO_TRIAGE
    ]
    return max(entries, key=lambda entry: (entry.message.day, entry.message.sequence)).text if entries else ""


# --- The releases of a case


class FurtherLines(TypedDict):
    """How far the body of a further release is; ``under_check`` where its steps are not as the chain records them.

    ``late`` counts the parts that came in since the body got its newest release.
    """

    status: str
    state: Case
    clock: DeadlineLabel
    history: list[tuple[ReleaseStep, str]]
    may_take_back: bool
    under_check: bool
    late: int


class ReleaseRow(TypedDict):
    """A release of the case, with what its body decided, its questions, and when it asked a reporter for a name.

    ``further`` for one beside that of the body which leads the case.
    """

    release: Release
    decisions: list[DecisionLines]
    compared: ComparedSanctions | None
    asked: list[date]
    questions: list[QuestionLine]
    questions_altered: bool
    further: FurtherLines | None


def release_rows(keyring: Keyring, releases: list[Release]) -> list[ReleaseRow]:
    """Return the releases of a case, the newest first."""
    if not releases:
        return []
    decisions = reading.decisions_for_triage(keyring=keyring, releases=releases)
    copies = {
        release: decision_copies.of_decisions(release=release, pair=keyring.release(release), entries=entries)
        for release, entries in decisions.items()
    }
    further = _further_lines(keyring, releases) if any(release.is_further for release in releases) else {}
    # That a body asked for a name is all that the office sees of names.
    asked = list(NameRequest.objects.filter(release__in=releases).exclude(by=None).order_by("day", "pk"))
    questions = recorded_questions.recorded_rows(releases)
    return [
        {
            "release": release,
            "questions": closed_lines(row for row in questions or () if row.release_id == release.pk),
            "questions_altered": questions is None and release.first_id is None,
            "decisions": decision_lines(decisions[release], copies[release]),
            "compared": compared_sanctions(decisions[release]),
            "asked": [request.day for request in asked if request.release_id == release.pk],
            "further": further.get(release.pk),
        }
        for release in reversed(releases)
    ]


def late_parts_of(keyring: Keyring, case: Case, releases: Sequence[Release]) -> int:
    """Return how many parts came in since the newest release to the leading body; 0 where it does not have the case."""
    asked_from = Status(case.asked_from) if case.asked_from else None
    if not with_body(Status(case.status), asked_from):
        return 0
    held = [row for row in releases if row.state == Release.State.OPEN and row.body_id == case.lead_body_id]
    return late_parts.parts_since(keyring=keyring, case=case, releases=held).count if held else 0


def _late_parts_beside(keyring: Keyring, release: Release, releases: Iterable[Release]) -> int:
    """Return how many parts came in since the newest release to the body that has a further release; one query."""
    if release.state != Release.State.OPEN:
        return 0
    held = [row for row in releases if release.pk in (row.pk, row.first_id) and row.state == Release.State.OPEN]
    return late_parts.parts_since(keyring=keyring, case=held[0].case, releases=held).count


def _further_lines(keyring: Keyring, releases: Sequence[Release]) -> dict[uuid.UUID, FurtherLines]:
    rows = [release for release in releases if release.is_further and release.first_id is None]
    lines: dict[uuid.UUID, FurtherLines] = {}
    for further in further_releases.with_histories([copy.copy(release) for release in rows]):
        release, history, body = further.release, further.history, further.release.body.short_name
        is_open, waited = release.state == Release.State.OPEN, asked_agency_on(history.steps)
        lines[release.pk] = {
            "status": labels.status_label(history.status, body) if is_open else str(release.get_state_display()),
            "state": release.case,
            "clock": release_deadline(release.case, timezone.localdate(), is_live=is_open, waiting_since=waited),
            "history": [(step, labels.step_done_label(step.action)) for step in reversed(history.steps)],
            "may_take_back": is_open and not history.is_ended,
            "under_check": not history.is_recorded,
            "late": _late_parts_beside(keyring, release, releases),
        }
    return lines
