"""The words of the staff's door: what a step does, what the reporter reads of it, what the clock says.

Machine names come in, translated words go out; nothing here decides anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from complaints.domain import workflow
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import STATUS_LABELS, AgencyKind, Case
from complaints.models.reference_data import SanctionKind
from complaints.services import reference_data, transitions
from complaints.services.forwarding import reading

# Per step: the words on the button, and what happens in one sentence.
STAFF_STEPS: Final[dict[str, tuple[Any, Any]]] = {
    "start_review": (
        gettext_lazy("Start checking"),
        gettext_lazy("The case is now being checked by the office."),
    ),
    "ask_reporter": (
        gettext_lazy("Ask the reporter"),
        gettext_lazy(
            "The case waits for the reporter's answer. If none comes in time it is closed as not eligible; "
            "a later answer opens it again."
        ),
    ),
    "verify": (
        gettext_lazy("Verify"),
        gettext_lazy(
            "You confirm that the report is complete and may be forwarded. Another person forwards it, not you."
        ),
    ),
    "forward": (
        gettext_lazy("Forward to a body"),
        gettext_lazy("The body gets the key to what you release now, and keeps it. This cannot be taken back."),
    ),
    "refer": (
        gettext_lazy("Refer to another authority"),
        gettext_lazy("The case ends here. Say to the reporter who is in charge and what they can do there."),
    ),
    "propose_ineligible": (
        gettext_lazy("Propose: not eligible"),
        gettext_lazy("A second person looks at your reason and decides. Nothing is turned away yet."),
    ),
    "confirm_ineligible": (
        gettext_lazy("Confirm: not eligible"),
        gettext_lazy("The case ends. An answer from the reporter opens it again."),
    ),
    "reject_ineligible": (
        gettext_lazy("Do not turn it away"),
        gettext_lazy("The proposal is rejected; the case goes back to being checked."),
    ),
    "reopen": (
        gettext_lazy("Open again"),
        gettext_lazy("The case goes back to being checked, and its days count anew."),
    ),
}
BODY_STEPS: Final[dict[str, tuple[Any, Any]]] = {
    "take_up": (gettext_lazy("Take up"), gettext_lazy("Your body begins to examine the report.")),
    "ask_reporter": (
        gettext_lazy("Ask the reporter"),
        gettext_lazy("The examination waits for the reporter's answer, which comes to this page."),
    ),
    "resume": (
        gettext_lazy("Go on without an answer"),
        gettext_lazy("The examination goes on; an answer that comes later still reaches you."),
    ),
    "return": (
        gettext_lazy("Return with a question"),
        gettext_lazy(
            "The case goes back to the office with your question. You can no longer act on this release; "
            "if the case is forwarded again you get a new one."
        ),
    ),
    "substantiate": (
        gettext_lazy("Find proven"),
        gettext_lazy("Your finding is recorded: the alleged breach is proven. It cannot be changed afterwards."),
    ),
    "dismiss": (
        gettext_lazy("Find not proven"),
        gettext_lazy("Your finding is recorded and the case ends: the alleged breach is not proven."),
    ),
    "await_agency": (
        gettext_lazy("Record the recommendation"),
        gettext_lazy("Your recommendation is recorded, and the time that the agency has to act begins."),
    ),
    "sanction": (
        gettext_lazy("Record the sanction"),
        gettext_lazy("The agency's decision is recorded and the case ends. It cannot be changed afterwards."),
    ),
}
# Per step as it stands in the history.
STEPS_DONE: Final[dict[str, Any]] = {
    "start_review": gettext_lazy("Checking begun"),
    "ask_reporter": gettext_lazy("Reporter asked"),
    "answer": gettext_lazy("Reporter answered"),
    "expire": gettext_lazy("Closed: no answer came"),
    "verify": gettext_lazy("Verified"),
    "forward": gettext_lazy("Forwarded"),
    "take_up": gettext_lazy("Taken up by the body"),
    "resume": gettext_lazy("Resumed without an answer"),
    "return": gettext_lazy("Returned by the body with a question"),
    "substantiate": gettext_lazy("Found proven"),
    "dismiss": gettext_lazy("Found not proven"),
    "await_agency": gettext_lazy("Recommendation recorded"),
    "mark_overdue": gettext_lazy("The agency let its time pass"),
    "sanction": gettext_lazy("Sanction recorded"),
    "refer": gettext_lazy("Referred to another authority"),
    "propose_ineligible": gettext_lazy("Proposed as not eligible"),
    "confirm_ineligible": gettext_lazy("Confirmed as not eligible"),
    "reject_ineligible": gettext_lazy("Proposal rejected"),
    "withdraw": gettext_lazy("Withdrawn by the reporter"),
    "reopen": gettext_lazy("Opened again"),
    "link": gettext_lazy("Question settled: linked to another case"),
    "answer_late": gettext_lazy("A late answer opened it again"),
}
REFUSALS: Final[dict[str, Any]] = {
    "changed": gettext_lazy("The case changed since you opened the page."),
    "not_from_here": gettext_lazy("This step is not possible from where the case stands now."),
    "wrong_actor": gettext_lazy("This step is not yours to take."),
    "missing_permission": gettext_lazy("This step belongs to another role than yours."),
    "reason_missing": gettext_lazy("Write a reason; this step needs one."),
    "no_reporter": gettext_lazy("Staff entered this finding: there is no reporter who could be asked."),
    "same_person": gettext_lazy("The step before was yours; another person has to take this one."),
}


@dataclass(frozen=True)
class Step:
    """A step as a page offers it: words for the button, for what happens, and for what the reporter reads."""

    action: str
    button: str
    sentence: str
    reads: str
    due_on: date | None
    reason_required: bool
    reason_is_read: bool
    refused: str = ""


@dataclass(frozen=True)
class Clock:
    """A deadline in words; ``level`` is late, soon, fine or none and only colours what the words say."""

    level: str
    words: str
    due_on: date | None


def status_words(status: str, body: str = "") -> str:
    """Return a status in words; a case that was forwarded to nobody yet names "the body"."""
    return str(STATUS_LABELS[Status(status)]).format(body=body or _("the oversight body"))


def case_status(case: Case) -> str:
    """Return a case's status in words, its body named."""
    return status_words(case.status, case.lead_body.short_name if case.lead_body else "")


def clock(due_on: date | None, today: date) -> Clock:
    """Return how much time is left, in words."""
    if due_on is None:
        return Clock("none", _("no deadline"), None)
    left = (due_on - today).days
    if left < 0:
        words = ngettext("%(days)d day late", "%(days)d days late", -left) % {"days": -left}
        return Clock("late", words, due_on)
    if left == 0:
        return Clock("soon", _("due today"), due_on)
    if left == 1:
        return Clock("soon", _("due tomorrow"), due_on)
    return Clock("fine", ngettext("%(days)d day left", "%(days)d days left", left) % {"days": left}, due_on)


def step(
    row: workflow.Transition, case: Case, *, today: date, body: str = "", refused: str = "", urgent: bool = False
) -> Step:
    """Put a row of the table into words for a case; ``urgent`` where the reporter's danger shortens the limits."""
    words = BODY_STEPS if row.actor is ActorKind.BODY else STAFF_STEPS
    button, sentence = words[row.action.value]
    source = Status(case.status)
    target = workflow.target_of(row, Status(case.asked_from) if case.asked_from else None)
    named = body or (case.lead_body.short_name if case.lead_body else "")
    urgent = urgent or case.category.priority == "urgent"
    due_on = transitions.due_date(target, received_on=case.received_on, entered_on=today, source=source, urgent=urgent)
    return Step(
        action=row.action.value,
        button=str(button),
        sentence=str(sentence),
        reads=_reads(row, status_words(target.value, named)),
        due_on=due_on,
        reason_required=row.reason_required,
        reason_is_read=row.notice,
        refused=str(REFUSALS[refused]) if refused else "",
    )


def target_words(row: workflow.Transition, case: Case, body: str = "") -> str:
    """Return the state that a step leads to, in words."""
    target = workflow.target_of(row, Status(case.asked_from) if case.asked_from else None)
    return status_words(target.value, body or (case.lead_body.short_name if case.lead_body else ""))


def _reads(row: workflow.Transition, state: str) -> str:
    if row.action is Action.SANCTION:
        return _("“%(state)s”, and the kind of sanction.") % {"state": state}
    if row.reason_required and row.notice:
        return _("“%(state)s”, and your words.") % {"state": state}
    if row.reason_required:
        return _("“%(state)s”. Your words stay in the house.") % {"state": state}
    return _("“%(state)s”.") % {"state": state}


def done(action: str) -> str:
    """Return a step of the history in words."""
    return str(STEPS_DONE[Action(action).value])


def decision(decided: reading.DecisionEntry) -> dict[str, Any]:
    """Return what a body decided, a sanction with its kind, number and day."""
    content = decided.content
    day = content.get("decided_on")
    return {
        "at": decided.at,
        "what": done(content["outcome"]),
        "text": content.get("text", ""),
        "kind": SanctionKind.objects.filter(pk=content["kind"]).first() if content.get("kind") else None,
        "number": content.get("number", ""),
        "decided_on": date.fromisoformat(day) if day else None,
    }


@lru_cache
def _bands() -> dict[str, dict[str, str]]:
    rows = json.loads((reference_data.DATA / "sanction_bands.json").read_text(encoding="utf-8"))
    return {row["code"]: row for row in rows}


def band(code: str) -> str:
    """Return what the law provides if the report is proven; an unknown code as it stands."""
    language = "en" if (get_language() or "id").startswith("en") else "id"
    return _bands().get(code, {}).get(f"label_{language}", code)


def bands() -> list[tuple[str, str]]:
    """Return what the law may provide, as codes and words; first that nothing is said."""
    return [("", _("none")), *((code, band(code)) for code in _bands())]


def answers(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a reporter answered as labels and values, the account and the links apart; empty ones left out."""
    unknown = _("not known to the reporter") if content.get("accused_unknown") else ""
    category, kind = reference_data.category(content["category"]), reference_data.accused_kind(content["accused_kind"])
    agency_kind = content.get("agency_kind") or "unknown"
    places = {row.code: row.name for row in reference_data.provinces()}
    rows = [
        (_("What happened"), str(category or content["category"])),
        (_("Kind of accused"), str(kind or content["accused_kind"])),
        (_("Name or account"), content.get("accused_name") or unknown),
        (_("Position"), content.get("accused_position")),
        (_("NIP"), content.get("accused_nip")),
        (_("Agency"), content.get("agency")),
        (_("Kind of agency"), "" if agency_kind == "unknown" else str(AgencyKind(agency_kind).label)),
        (_("Regency or city"), content.get("regency")),
        (_("Province"), places.get(content.get("province", ""), "")),
        (_("Happened on"), days(content.get("event_from"), content.get("event_until"))),
        (_("Learnt of it on"), days(content.get("learnt_on"), "")),
        (_("Came in as"), _door(content.get("door", ""))),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _door(door: str) -> str:
    return {"pressed": _("pressed or persuaded"), "witnessed": _("a witness")}.get(door, "")


def days(first: Any, last: Any) -> str:
    """Return one day or a span of days, as stored, in words."""
    spelt = [date_format(date.fromisoformat(day), "l, j M Y") for day in (first, last) if day]
    return " – ".join(spelt)
