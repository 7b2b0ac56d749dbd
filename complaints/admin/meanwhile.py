"""Telling an officer what changed since they looked: who did which step, who wrote; never what was written."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.admin import wording
from complaints.admin.questions import by_whom
from complaints.domain.workflow import TransitionRefused
from complaints.models.case import Case
from complaints.services import case_actions
from complaints.services.case_actions import Change
from complaints.services.transitions import CaseChanged


def _line(change: Change) -> str:
    names = {"who": by_whom(change.who)}
    if change.kind == "step":
        return wording.done(change.what) + (f" · {names['who']}" if change.who else "")
    return {
        "from_reporter": _("A message of the reporter came in."),
        "to_reporter": _("%(who)s wrote to the reporter.") % names,
        "body_to_reporter": _("The body wrote to the reporter."),
        "body_to_triage": _("The body wrote to the office."),
        "note": _("%(who)s wrote an internal note.") % names,
        "danger": _("%(who)s graded the danger to the reporter.") % names,
        "evidence": _("More evidence came in."),
        "reports": _("Reports were linked to this case or unlinked from it."),
    }[change.kind]


def _when(change: Change) -> str:
    if change.at:
        return date_format(timezone.localtime(change.at), "l, j M Y, H:i")
    return date_format(change.day, "l, j M Y") if change.day else ""


def changes(case: Case, seen: str) -> list[str]:
    """Return what happened since ``seen`` (a mark), a line each."""
    found = case_actions.changes_since(case=case, seen=seen)
    return [", ".join(part for part in (_line(change).rstrip("."), _when(change)) if part) + "." for change in found]


def meanwhile(case: Case, seen: str = "") -> dict[str, Any]:
    """Return what is said of a step that was not taken: where the case stands, the last step, and what changed."""
    last = case.transitions.select_related("actor").order_by("-sequence").first()
    return {
        "last": last,
        "last_words": wording.done(last.action) if last else "",
        "status": wording.case_status(case),
        "changes": changes(case, seen),
    }


def refusal_code(refusal: CaseChanged | TransitionRefused) -> str:
    """Return the code of a refusal."""
    return refusal.code.value if isinstance(refusal, TransitionRefused) else "changed"
