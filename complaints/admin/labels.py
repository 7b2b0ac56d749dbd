"""Labels of the staff site: codes come in, translated text goes out; nothing here decides anything.

Codes that are no longer in use keep their label, because the history of old cases still shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from complaints.admin.step_labels import BODY_STEPS, REFUSALS, STAFF_STEPS, STEPS_DONE
from complaints.domain import workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.completeness import ReportPart
from complaints.domain.risk import RiskGrade, RiskQuestion
from complaints.domain.workflow import Action, ActorKind, Status, TransitionRefused
from complaints.models.case import EVENT_LABELS, STATUS_LABELS, Case, CaseStep
from complaints.models.team import Staff
from complaints.services import case_actions, reference_data, transitions
from complaints.services.transitions import CaseChanged, CaseVersion

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Label: TypeAlias = "str | _StrPromise"

ERASED: Final = gettext_lazy("erased")


def category_label(case: Case) -> str:
    """Return the category of a case, or that its reports are erased."""
    return str(case.category or ERASED)


def accused_label(case: Case) -> str:
    """Return the kind of the accused of a case, or that its reports are erased."""
    return str(case.accused_kind or ERASED)


# --- Steps of a case


@dataclass(frozen=True)
class StepLabel:
    """A step as a page offers it: its button, and in a ``sentence`` what it does.

    ``reads`` is what the reporter reads of it on the status page, ``due_on`` the deadline of the state that follows,
    ``refused`` why it is not possible now, "" where it is.
    """

    action: str
    button: str
    sentence: str
    reads: str
    due_on: date | None
    reason_required: bool
    reason_is_read: bool
    refused: str = ""


def _body_name(case: Case) -> str:
    return case.lead_body.short_name if case.lead_body else ""


def status_label(status: str, body: str = "") -> str:
    """Return the label of a status; without a ``body`` it speaks of "the oversight body"."""
    return str(STATUS_LABELS[Status(status)]).format(body=body or _("the oversight body"))


def case_status_label(case: Case) -> str:
    """Return the label of a case's status, with the name of its oversight body."""
    body = case.lead_body.short_name if case.lead_body else _("the oversight body")
    return str(STATUS_LABELS[Status(case.status)]).format(body=body)


def target_status_label(row: workflow.Transition, case: Case, body: str = "") -> str:
    """Return the label of the status that a step of this case leads to, or of what it tells beside the status."""
    if row.action is Action.CRIMINAL_OUTCOME:
        return str(EVENT_LABELS[row.action])
    target = workflow.target_of(row, Status(case.status), Status(case.asked_from) if case.asked_from else None)
    return status_label(target.value, body or _body_name(case))


def step_label(
    row: workflow.Transition, case: Case, *, today: date, body: str = "", refused: str = "", urgent: bool = False
) -> StepLabel:
    """Describe a step of a case.

    Args:
        row: the row of the transition table.
        today: the day from which the new deadline counts.
        body: the short name of the oversight body; the case's own where it is "".
        refused: the code of the refusal, a key of REFUSALS.
        urgent: whether the risk to the reporter shortens the deadlines.
    """
    button, sentence = (BODY_STEPS if row.actor is ActorKind.BODY else STAFF_STEPS)[row.action.value]
    source = Status(case.status)
    target = workflow.target_of(row, source, Status(case.asked_from) if case.asked_from else None)
    urgent = urgent or case.category_id in reference_data.urgent_categories(reference_data.edition())
    # A step that leaves the case where it stands leaves its deadline too.
    due_on = (
        case.due_on
        if target is source
        else transitions.due_date(target, received_on=case.received_on, entered_on=today, source=source, urgent=urgent)
    )
    return StepLabel(
        action=row.action.value,
        button=str(button),
        sentence=str(sentence),
        reads=_text_on_status_page(row, status_label(target.value, body or _body_name(case))),
        due_on=due_on,
        reason_required=row.reason_required,
        reason_is_read=row.notice,
        refused=str(REFUSALS[refused]) if refused else "",
    )


def _text_on_status_page(row: workflow.Transition, state: str) -> str:
    if row.action in workflow.UNTOLD:
        return _("nothing of this; the status stays “%(state)s”.") % {"state": state}
    if row.action in (Action.REMIND, Action.ESCALATE):
        return _("that your body wrote to the agency or its superior.")
    if row.action is Action.CRIMINAL_OUTCOME:
        return _("who decided what and when, and your words; neither the number nor the offence.")
    if row.action is Action.NO_SANCTION:
        return _("“%(state)s”, what ended it, and your words.") % {"state": state}
    if row.action in (Action.SANCTION, Action.CORRECT):
        return _("“%(state)s”, and the kind of sanction.") % {"state": state}
    if row.reason_required and row.notice:
        return _("“%(state)s”, and your words.") % {"state": state}
    if row.reason_required:
        return _("“%(state)s”; your words are not shown.") % {"state": state}
    return _("“%(state)s”.") % {"state": state}


# What is said after a step, by whether it left the status as it is; filled in with "before" and "after".
# In place of what a list tells of a case that is not as the chain records it.
NOT_AS_RECORDED: Final[Label] = gettext_lazy("Not shown: it differs from the audit chain. Tell an auditor.")
DONE: Final[Mapping[bool, Label]] = {
    True: gettext_lazy("Done. The status stays “%(after)s”."),
    False: gettext_lazy("Done: from “%(before)s” to “%(after)s”."),
}


def step_done_label(action: str) -> str:
    """Return the line of the history for a step that was taken."""
    return str(STEPS_DONE[Action(action).value])


def refusal_code(refusal: CaseChanged | TransitionRefused) -> str:
    """Return the key of REFUSALS for a step that was refused."""
    return refusal.code.value if isinstance(refusal, TransitionRefused) else "changed"


# --- Days


def date_range_label(first: str | None, last: str | None) -> str:
    """Return a day, or the range between two, in words; the days are ISO text, "" or None where they are not known."""
    days = [date_format(date.fromisoformat(day), "l, j M Y") for day in (first, last) if day]
    return " – ".join(["…", *days] if last and not first else days)


# What a case has reached, by the codes of services.figures.
MILESTONES: Final[dict[str, Label]] = {
    "reviewed": gettext_lazy("Review begun"),
    "verified": gettext_lazy("Verified"),
    "forwarded": gettext_lazy("Forwarded"),
    "proven": gettext_lazy("Found proven"),
    "recommended": gettext_lazy("Recommended to the agency"),
    "decided": gettext_lazy("Decided by the agency"),
}
HOLDERS: Final[dict[str, Label]] = {
    "reporter": gettext_lazy("Reporter: answering"),
    "body_new": gettext_lazy("%(body)s: taking up"),
    "body_examines": gettext_lazy("%(body)s: examining"),
    "body_recommends": gettext_lazy("%(body)s: recommending"),
    "agency": gettext_lazy("Agency: deciding"),
}


# --- People


def staff_name(person: Staff | None) -> str:
    """Return the name of a member of staff; "the system" where nobody acted."""
    return str(person.get_full_name() or person.username) if person else _("the system")


# --- Assessments: what a report lacks, the risk to the reporter, the checklist before a step

PARTS: Final[dict[ReportPart, Label]] = {
    ReportPart.WHAT: gettext_lazy("what happened"),
    ReportPart.WHO: gettext_lazy("who did it"),
    ReportPart.WHERE: gettext_lazy("the place"),
    ReportPart.WHEN: gettext_lazy("the date"),
    ReportPart.HOW: gettext_lazy("how it went"),
    ReportPart.EVIDENCE: gettext_lazy("evidence"),
}
RISK_QUESTIONS: Final[dict[RiskQuestion, Label]] = {
    RiskQuestion.FEW_KNOW: gettext_lazy("Do only a few people know what the report tells?"),
    RiskQuestion.TEXT_TELLS: gettext_lazy("Do the words or the files tell who wrote it?"),
    RiskQuestion.ONLY_SOURCE: gettext_lazy("Could the evidence have come from one person only?"),
    RiskQuestion.SUSPECTED: gettext_lazy("Is the reporter suspected or being asked about it already?"),
    RiskQuestion.DEPENDENT: gettext_lazy("Does the reporter depend on the accused, for work, pay or position?"),
    RiskQuestion.HARMED: gettext_lazy("Was the reporter threatened or harmed already?"),
    RiskQuestion.SAFETY: gettext_lazy("Is anybody's health or safety at stake?"),
}
RISK_GRADES: Final[dict[RiskGrade, Label]] = {
    RiskGrade.LOW: gettext_lazy("low"),
    RiskGrade.MEDIUM: gettext_lazy("medium"),
    RiskGrade.HIGH: gettext_lazy("high"),
}
CHECKS: Final[dict[str, Label]] = {
    "read_all": gettext_lazy("I have read the answers, the evidence and all messages."),
    "is_clear": gettext_lazy("The report is clear enough for a body to judge it."),
    "files_opened": gettext_lazy("Every file of the reports was opened here."),
    "no_conflict": gettext_lazy("Neither I nor my agency is concerned in this matter."),
    "accused_asn": gettext_lazy("The accused is, or was then, a civil servant."),
    "in_window": gettext_lazy("The time of the event fits an election or its preparation."),
    "by_rule": gettext_lazy("By the rules this report is not for Bawaslu alone."),
    "looked_alike": gettext_lazy("I have looked at similar reports."),
    "risk_graded": gettext_lazy("The danger to the reporter is graded, and the grade still holds."),
    "files_looked_at": gettext_lazy("Every file that is forwarded was opened here first."),
    "no_trace": gettext_lazy("Neither the words nor the files that leave tell who the reporter is."),
    "right_body": gettext_lazy("This body is in charge of this accused."),
    "says_where": gettext_lazy("The reporter reads where else to turn."),
    "asked_first": gettext_lazy("What was missing was asked of the reporter first."),
    "looked_myself": gettext_lazy("I have looked at the report myself, and not at the proposal alone."),
}


@dataclass(frozen=True)
class ChecklistLine:
    """An item of a stored checklist; ``why`` is the reason where it was not ``done``."""

    words: str
    done: bool
    why: str


def missing_label(parts: list[ReportPart]) -> str:
    """Return what a report does not tell, in one line; "" where it tells everything."""
    return ", ".join(str(PARTS[part]) for part in parts)


def checklist_lines(items: dict[str, CheckedItem]) -> list[ChecklistLine]:
    """Return the lines of a stored checklist, whose items are given by their code."""
    return [ChecklistLine(str(CHECKS.get(code, code)), item.done, item.why) for code, item in items.items()]


# --- Changes: what happened to a case since a person looked; never what was written


def change_lines(case: Case, seen: str) -> list[str]:
    """Return a line for each thing that happened to a case since ``seen``, the case version that a page showed."""
    changes = case_actions.changes_since(case=case, seen=CaseVersion.parse(seen))
    parts = ((_change_label(change).rstrip("."), _change_day(change)) for change in changes)
    return [", ".join(part for part in line if part) + "." for line in parts]


def _change_label(change: case_actions.Change) -> str:
    name = staff_name(change.who)
    if change.kind == "step":
        return step_done_label(change.what) + (f" · {name}" if change.who else "")
    names = {"who": name}
    return {
        "from_reporter": _("A message of the reporter came in."),
        "to_reporter": _("%(who)s wrote to the reporter.") % names,
        "body_to_reporter": _("The body wrote to the reporter."),
        "body_to_triage": _("The body wrote to the office."),
        "note": _("%(who)s wrote an internal note.") % names,
        "risk": _("%(who)s graded the danger to the reporter.") % names,
        "facts": _("%(who)s stated facts for the rules of the law.") % names,
        "redaction": _("%(who)s marked passages that a body does not read.") % names,
        "evidence": _("More evidence came in."),
        "reports": _("Reports were linked to this case or unlinked from it."),
    }[change.kind]


def _change_day(change: case_actions.Change) -> str:
    if change.at:
        return date_format(timezone.localtime(change.at), "l, j M Y, H:i")
    return date_format(change.day, "l, j M Y") if change.day else ""


class CaseNow(TypedDict):
    """Where a case stands, for a page that says why a step was not taken."""

    last: CaseStep | None
    last_words: str
    status: str
    changes: list[str]
    is_taken: bool


def case_now(case: Case, seen: str = "", *, person: Staff | None = None, action: Action | None = None) -> CaseNow:
    """Return where a case stands, its last step, and what happened since the page that showed ``seen``.

    ``is_taken`` says whether ``person`` took ``action`` on just that page before.
    """
    last = case.steps.select_related("actor").order_by("-sequence").first()
    return {
        "last": last,
        "last_words": step_done_label(last.action) if last else "",
        "status": case_status_label(case),
        "changes": change_lines(case, seen),
        "is_taken": person is not None
        and action is not None
        and transitions.is_second_press(
            last, person=person, action=action, seen=CaseVersion.parse(seen), step_count=case.step_count
        ),
    }


# --- Signing in

_REFUSED_SIGN_INS: Final = {
    "password": ngettext_lazy("%(n)s wrong password", "%(n)s wrong passwords", "n"),
    "code": ngettext_lazy("%(n)s wrong code", "%(n)s wrong codes", "n"),
    "address": ngettext_lazy("%(n)s attempt that came too early", "%(n)s attempts that came too early", "n"),
}
_SIGN_IN_CHANGES: Final[dict[str, Label]] = {
    "factor_added": gettext_lazy("a second factor was added"),
    "factor_removed": gettext_lazy("a second factor was removed"),
    "factor_reset": gettext_lazy("an administrator reset the second factor"),
    "codes_made": gettext_lazy("new recovery codes were made"),
    "password_changed": gettext_lazy("the password was changed"),
    "password_reset": gettext_lazy("an administrator gave a new initial password"),
}


def sign_in_words(counts: Mapping[str, int]) -> str:
    """Return in words what was refused and changed at an account's sign-in, by kind of SigninCount; "" for nothing."""
    refused = [words % {"n": counts[kind]} for kind, words in _REFUSED_SIGN_INS.items() if counts.get(kind)]
    return ", ".join([*refused, *(str(words) for kind, words in _SIGN_IN_CHANGES.items() if counts.get(kind))])
