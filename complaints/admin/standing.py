"""A case in short: what, who, where and when; what its reports do not tell; and the three clocks."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints.admin import questions, wording
from complaints.admin.base import CasePart
from complaints.domain import completeness, deadlines
from complaints.domain.workflow import LIMITS, Action, Status, Unit
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.services import case_file, reference_data, transitions

OURS = {Status.RECEIVED, Status.IN_REVIEW, Status.VERIFIED, Status.INELIGIBLE_PROPOSED}
THEIRS = {Status.FORWARDED, Status.UNDER_EXAMINATION, Status.SUBSTANTIATED}
# From this many reports on, a case shows the first one open and folds each of the others under a line.
FOLDED_FROM = 4
_COMES_AND_GOES = {Action.FORWARD, Action.RETURN, Action.REOPEN}
AGENCYS = {Status.AWAITING_AGENCY, Status.OVERDUE_AGENCY}
BEFORE = OURS | {Status.NEEDS_INFORMATION}


def in_short(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what, who, where and when of one report, in a line each; what is missing says so."""
    category = reference_data.category(content["category"])
    kind = reference_data.accused_kind(content["accused_kind"])
    places = {row.code: row.name for row in reference_data.provinces()}
    who = [content.get("accused_name") or _("name not known"), content.get("accused_position"), kind and str(kind)]
    where = [content.get("agency"), content.get("regency"), places.get(content.get("province", ""), "")]
    when = wording.days(content.get("event_from"), content.get("event_until"))
    unknown = _("not told")
    return [
        (_("What"), str(category or content["category"])),
        (_("Who"), " · ".join(str(part) for part in who if part)),
        (_("Where"), " · ".join(str(part) for part in where if part) or unknown),
        (_("When"), when or unknown),
    ]


def gist(content: dict[str, Any]) -> str:
    """Return what a folded report is about: what and when, which tell the reports of one matter apart."""
    category = reference_data.category(content["category"])
    when = wording.days(content.get("event_from"), content.get("event_until"))
    return " · ".join(part for part in (str(category or content["category"]), when) if part)


def clocks(case: Case, reports: list[dict[str, Any]], today: date) -> list[dict[str, Any]]:
    """Return our promise, the recipient's duty and Bawaslu's seven days: each a name, a clock and a word on it."""
    return [_promise(case, today), _duty(case, today), _bawaslu(reports, today)]


def _promise(case: Case, today: date) -> dict[str, Any]:
    status = Status(case.status)
    if status in OURS:
        return {"name": _("Our promise"), "clock": wording.clock(case.due_on, today), "words": ""}
    words = _("waits for the reporter") if status is Status.NEEDS_INFORMATION else _("kept: the case left our desk")
    return {"name": _("Our promise"), "clock": None, "words": words}


def _duty(case: Case, today: date) -> dict[str, Any]:
    status = Status(case.status)
    name = case.lead_body.short_name if case.lead_body else _("the body")
    if status is Status.NEEDS_INFORMATION:
        return {"name": _("The reporter's answer"), "clock": wording.clock(case.due_on, today), "words": ""}
    if status in THEIRS:
        duty = _("Duty of %(body)s") % {"body": name}
        return {"name": duty, "clock": wording.clock(case.due_on, today), "words": ""}
    if status in AGENCYS:
        return {"name": _("Duty of the agency"), "clock": wording.clock(case.due_on, today), "words": ""}
    days = LIMITS[Status.FORWARDED].number
    words = _("begins with forwarding: %(days)d days") % {"days": days} if status in BEFORE else _("no duty runs")
    return {"name": _("Duty of the recipient"), "clock": None, "words": words}


def _bawaslu(reports: list[dict[str, Any]], today: date) -> dict[str, Any]:
    """The clock that still runs and ends first; where none does, the one that ended last."""
    ends = sorted(_end(content) for content in reports if content.get("learnt_on") or content.get("event_from"))
    name = _("Report to Bawaslu")
    if not ends:
        return {
            "name": name,
            "clock": None,
            "words": _("counts from the day of learning, which is not told"),
        }
    due, unit, guessed = next((end for end in ends if end[0] >= today), ends[-1])
    counted = _("7 working days") if unit is Unit.WORKING_DAYS else _("7 days, every day counts")
    since = _("counted from the event; the day of learning is not told") if guessed else _("from the day of learning")
    clock = wording.Clock("none", _("over"), due) if due < today else wording.clock(due, today)
    return {"name": name, "clock": clock, "words": f"{counted}, {since}"}


def _end(content: dict[str, Any]) -> tuple[date, Unit, bool]:
    guessed = not content.get("learnt_on")
    learnt = date.fromisoformat(content.get("learnt_on") or content["event_from"])
    kind = reference_data.election_kind(learnt)
    due = deadlines.bawaslu_due(learnt, kind, transitions.public_holidays())
    return due, deadlines.BAWASLU_UNITS.get(kind, Unit.CALENDAR_DAYS), guessed


def _asked_back(opened: case_file.CaseFile) -> str:
    """Return what a body asked when it sent the case back, while the case is back; "" otherwise."""
    came = [step.action for step in opened.history if step.action in _COMES_AND_GOES]
    if Status(opened.case.status) is not Status.IN_REVIEW or came[-1:] != [Action.RETURN]:
        return ""
    entries = [entry for part in opened.complaints for entry in part.thread]
    asked = [one for one in entries if one.message.direction == Message.Direction.BODY_TO_TRIAGE]
    return max(asked, key=lambda one: (one.message.day, one.message.sequence)).text if asked else ""


class CaseStanding(CasePart):
    """What stands above the three columns, and the clocks."""

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Return the short lines, what is missing, and the clocks."""
        lacks = [
            completeness.missing_parts(part.answers, files=len(part.evidence), posts=len(part.posts))
            for part in opened.complaints
        ]
        answers = [part.answers for part in opened.complaints]
        own = {
            "headlines": in_short(answers[0]) if answers else [],
            "missing": questions.missing(completeness.missing_in_all(lacks)),
            "asked_back": _asked_back(opened),
            "clocks": clocks(opened.case, answers, timezone.localdate()),
        }
        return own | super().case_context(request, opened)
