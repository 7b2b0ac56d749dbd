"""A case as the office meets it: the queue, the page for reading and acting, and talk with the reporter.

Open to admitted members of triage; a superuser sees that cases exist, by their clear columns, and nothing in them.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone

from complaints import access
from complaints.admin import found, likeness, questions, wording
from complaints.admin.acting import CaseSteps
from complaints.admin.base import StaffRequest, case_or_404, staff_request
from complaints.admin.conflicts import CaseConflict
from complaints.admin.custody import CaseCustody
from complaints.admin.danger import CaseDanger, grade_of
from complaints.admin.evidence import CaseFiles
from complaints.admin.exporting import CaseExport
from complaints.admin.findings import CaseFindings
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.admin.inline import allow
from complaints.admin.linking import CaseLinks
from complaints.admin.meanwhile import changes
from complaints.admin.officers import CaseOfficer
from complaints.admin.queue_many import QueueMany
from complaints.admin.queue_search import QueueSearch
from complaints.admin.second import CaseSecond
from complaints.admin.standing import FOLDED_FROM, CaseStanding, gist
from complaints.admin.talking import CaseTalk
from complaints.admin.viewer import CaseViewer
from complaints.domain.risk import RiskGrade
from complaints.models.case import Case, Transition
from complaints.models.evidence import Evidence
from complaints.services import case_file, case_items
from complaints.services.forwarding import reading


class CaseAdmin(
    CaseExport,
    QueueMany,
    QueueSearch,
    CaseSteps,
    CaseStanding,
    CaseDanger,
    CaseSecond,
    CaseTalk,
    CaseOfficer,
    CaseConflict,
    CaseLinks,
    CaseFindings,
    CaseFiles,
    CaseViewer,
    CaseCustody,
):
    """The queue and the case page."""

    def opens_for(self, request: HttpRequest) -> bool:
        """Triage, and superusers for the clear columns."""
        return access.may_see_cases(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """The cases that this person may see."""
        return access.cases_for(request.user)

    def own_urls(self) -> list[URLPattern]:
        """The case page, and what its parts add."""
        return [self.route("<uuid:object_id>/change/", self.case_page, "change", "GET"), *super().own_urls()]

    def case_page(self, request: HttpRequest, object_id: uuid.UUID, **typed: Any) -> HttpResponse:
        """Open the case, or show its clear columns to whom it does not open; ``typed`` holds forms to show again."""
        asking, now = staff_request(request), timezone.now()
        if not access.is_triage(asking.user) or not asking.keyring.unlocked:
            case = case_or_404(request, object_id)
            return self.page(request, "admin/case_closed.html", self._facts(case) | {"title": case.reference})
        try:
            opened = case_file.open_case(actor=asking.actor, case_id=object_id)
        except Case.DoesNotExist:
            return self.linked_elsewhere(request, object_id)
        # The previews beside the evidence belong to this recorded look at the case.
        allow(request.session, object_id, now=now)
        context = self._facts(opened.case) | {
            "title": opened.case.reference,
            "opened": opened,
            "complaints": [self._complaint(part, number, typed) for number, part in enumerate(opened.complaints, 1)],
            "folds": len(opened.complaints) >= FOLDED_FROM,
            "all_open": request.GET.get("all") == "1",
            "steps": self._steps(opened),
            "mark": opened.mark,
            "history": [_past(step, opened) for step in reversed(opened.history)],
            "releases": self._releases(asking, opened.releases),
            "matches": opened.matches,
            "in_short": likeness.in_short(opened.matches) if opened.matches else "",
            "shared": likeness.groups(opened.matches) if opened.matches else [],
        }
        if changed := typed.get("changed_since"):
            context["changes"] = changes(opened.case, changed)
        context |= self.case_context(request, opened)
        status = 409 if changed else 400 if typed else 200
        return self.page(request, "admin/case.html", context, status=status)

    def _facts(self, case: Case) -> dict[str, Any]:
        today = timezone.localdate()
        return {
            "case": case,
            "status": wording.case_status(case),
            "clock": wording.clock(case.due_on, today),
            "band": wording.band(case.category.sanction_band),
            "age": (today - case.received_on).days,
        }

    def _complaint(self, part: case_file.ComplaintFile, number: int, typed: dict[str, Any]) -> dict[str, Any]:
        forms = typed if typed.get("complaint_id") == part.complaint.pk else {}
        is_new = any(entry.is_new for entry in part.thread)
        return {
            "number": number,
            "file": part,
            "gist": gist(part.answers),
            "is_new": is_new,
            "stands_open": number == 1 or is_new or bool(forms),
            "answers": wording.answers(part.answers),
            "evidence": [_exhibit(item) for item in part.evidence],
            "links": str(part.answers.get("links", "")).splitlines(),
            "posts": likeness.of_items(part.posts),
            "reply": forms.get("reply") or ReplyForm(auto_id=f"id_reply_{number}_%s"),
            "note": forms.get("note") or NoteForm(auto_id=f"id_note_{number}_%s"),
        }

    def _steps(self, opened: case_file.CaseFile) -> list[wording.Step]:
        today = timezone.localdate()
        return [
            wording.step(
                one.row,
                opened.case,
                today=today,
                refused=one.refused,
                urgent=one.action == "verify" and grade_of(opened) is RiskGrade.HIGH,
            )
            for one in opened.choices
        ]

    def _releases(self, asking: StaffRequest, releases: list[Any]) -> list[dict[str, Any]]:
        decided = reading.decisions_for_triage(keyring=asking.keyring, releases=releases)
        return [
            {"release": release, "decisions": [wording.decision(one) for one in decided[release]]}
            for release in reversed(releases)
        ]


def _past(step: Transition, opened: case_file.CaseFile) -> tuple[Transition, str, list[questions.Said]]:
    return step, wording.done(step.action), questions.checklist(opened.checklists.get(step.pk, {}))


def _exhibit(item: case_items.EvidenceItem) -> dict[str, Any]:
    return {
        "item": item,
        "warnings": found.warnings(item),
        "remarks": found.remarks(item),
        "infected": found.is_risky(item),
        "waits": item.row.state == Evidence.State.OFFICER,
    }
