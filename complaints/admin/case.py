"""The case page: reading a case, writing to one of its reporters, and writing internal notes.

Open to admitted members of triage. A superuser, or a person whose key is locked, sees the columns that are stored in
clear and nothing else of a case.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import evidence_labels, labels
from complaints.admin.assignment import officer_context
from complaints.admin.base import StaffRequest, case_or_404, readable_case_or_404, render, staff_page
from complaints.admin.case_evidence import allow_viewing
from complaints.admin.case_links import links_context, match_counts, match_groups, redirect_to_joint_case
from complaints.admin.case_risk import risk_context
from complaints.admin.case_summary import FOLDED_FROM, PostLines, answer_rows, post_lines, report_gist, summary_context
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.admin.reply_composer import (
    Composer,
    Option,
    Preview,
    message_preview,
    options_by_language,
    standard_text_options,
    text_as_sent,
)
from complaints.domain.case_version import CaseVersion
from complaints.domain.disclosure import Disclosure
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.models.oversight import Release
from complaints.services import case_actions, case_file, case_items, disclosure_check
from complaints.services.forwarding import reading
from complaints.services.transitions import CaseChanged

# --- The page


@dataclass(frozen=True)
class SubmittedForm:
    """A form of one report that was not saved, to be shown again with what was typed.

    Attributes:
        complaint_id: the report that the form belongs to.
        reply: the message to its reporter.
        note: the internal note.
        seen: the case version that the page showed, where the case has changed since; "" where the form is invalid.
    """

    complaint_id: uuid.UUID
    reply: ReplyForm | None = None
    note: NoteForm | None = None
    seen: str = ""


@staff_page("GET", opens_for=access.may_see_cases)
def case_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Open a case; recorded in the audit chain."""
    return _show_case(request, object_id)


def _show_case(request: StaffRequest, object_id: uuid.UUID, submitted: SubmittedForm | None = None) -> HttpResponseBase:
    if not access.is_triage(request.user) or not request.keyring.unlocked:
        case = case_or_404(request, object_id)
        context = {**_clear_facts(case, timezone.localdate()), "title": case.reference}
        return render(request, "admin/case_closed.html", context)
    now = timezone.now()
    try:
        opened = case_file.open_case(actor=request.actor, case_id=object_id)
    except Case.DoesNotExist:
        return redirect_to_joint_case(request, object_id)
    # The previews beside the evidence belong to this look at the case, which has just been recorded.
    allow_viewing(request.session, object_id, now=now)
    status = 200 if submitted is None else 409 if submitted.seen else 400
    return render(request, "admin/case.html", case_context(request, opened, submitted), status=status)


def case_context(
    request: StaffRequest, opened: case_file.CaseFile, submitted: SubmittedForm | None = None
) -> dict[str, object]:
    """Return all that the templates of the case page read, part by part in the order of the page."""
    case, today = opened.case, timezone.localdate()
    risk = risk_context(opened)
    context: dict[str, object] = {
        "title": case.reference,
        "opened": opened,
        "mark": opened.version,
        **_clear_facts(case, today),
        **summary_context(opened),
        **officer_context(request, opened),
        "steps": [
            labels.step_label(
                choice.row,
                case,
                today=today,
                refused=choice.refused,
                urgent=choice.action == "verify" and risk["in_danger"],
            )
            for choice in opened.choices
        ],
        **risk,
        "complaints": [
            _report_context(report, number, submitted) for number, report in enumerate(opened.complaints, 1)
        ],
        "folds": len(opened.complaints) >= FOLDED_FROM,
        "all_open": request.GET.get("all") == "1",
        "talk": {"texts": options_by_language(_reply_options(case)), "reads": True},
        "links": links_context(request, opened),
        "matches": opened.matches,
        "in_short": match_counts(opened.matches) if opened.matches else "",
        "shared": match_groups(opened.matches) if opened.matches else [],
        "releases": _release_rows(request, opened.releases),
        "history": [
            (step, labels.step_done_label(step.action), labels.checklist_lines(opened.checklists.get(step.pk, {})))
            for step in reversed(opened.history)
        ],
    }
    if submitted and submitted.seen:
        context["changes"] = labels.change_lines(case, submitted.seen)
    return context


class ClearFacts(TypedDict):
    """What the columns of a case that are stored in clear tell; ``age`` is in days."""

    case: Case
    status: str
    clock: labels.DeadlineLabel
    band: str
    age: int


def _clear_facts(case: Case, today: date) -> ClearFacts:
    return {
        "case": case,
        "status": labels.case_status_label(case),
        "clock": labels.deadline_label(case.due_on, today),
        "band": labels.sanction_band_label(case.category.sanction_band),
        "age": (today - case.received_on).days,
    }


class EvidenceRow(TypedDict):
    """An item of evidence; ``waits``: only an officer's session can still process it."""

    item: case_items.EvidenceItem
    warnings: list[str]
    remarks: list[str]
    infected: bool
    waits: bool


class ReportContext(TypedDict):
    """One report on the case page, with the forms to write to its reporter and to note something on it."""

    number: int
    file: case_file.ComplaintFile
    gist: str
    is_new: bool
    stands_open: bool
    answers: list[tuple[str, str]]
    evidence: list[EvidenceRow]
    links: list[str]
    posts: list[PostLines]
    reply: ReplyForm
    note: NoteForm


def _report_context(report: case_file.ComplaintFile, number: int, submitted: SubmittedForm | None) -> ReportContext:
    if submitted and submitted.complaint_id != report.complaint.pk:
        submitted = None
    is_new = any(entry.is_new for entry in report.thread)
    return {
        "number": number,
        "file": report,
        "gist": report_gist(report.answers),
        "is_new": is_new,
        "stands_open": number == 1 or is_new or submitted is not None,
        "answers": answer_rows(report.answers),
        "evidence": [
            {
                "item": item,
                "warnings": evidence_labels.evidence_warnings(item),
                "remarks": evidence_labels.evidence_remarks(item),
                "infected": evidence_labels.is_risky(item),
                "waits": item.row.state == Evidence.State.OFFICER,
            }
            for item in report.evidence
        ],
        "links": str(report.answers.get("links", "")).splitlines(),
        "posts": post_lines(report.posts),
        "reply": (submitted and submitted.reply) or ReplyForm(auto_id=f"id_reply_{number}_%s"),
        "note": (submitted and submitted.note) or NoteForm(auto_id=f"id_note_{number}_%s"),
    }


class ReleaseRow(TypedDict):
    """A release of the case, with what its body decided."""

    release: Release
    decisions: list[labels.DecisionLines]


def _release_rows(request: StaffRequest, releases: list[Release]) -> list[ReleaseRow]:
    """Return the releases of a case, the newest first."""
    decisions = reading.decisions_for_triage(keyring=request.keyring, releases=releases)
    return [
        {"release": release, "decisions": [labels.decision_lines(decided) for decided in decisions[release]]}
        for release in reversed(releases)
    ]


# --- Writing to a reporter, and internal notes


def _complaint_or_404(case: Case, complaint_id: uuid.UUID) -> Complaint:
    complaint = case.complaints.filter(pk=complaint_id).first()
    if complaint is None:
        raise Http404
    return complaint


def _reply_options(case: Case) -> list[Option]:
    body = case.lead_body.short_name if case.lead_body else ""
    return standard_text_options("reply", case, due_on=case.due_on, body=body)


@staff_page("POST", opens_for=access.may_see_cases)
def reply(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Send a message to one reporter; or insert a standard text, or preview the message, on a page of its own."""
    case = readable_case_or_404(request, object_id)
    complaint = _complaint_or_404(case, complaint_id)
    seen = request.POST.get("seen")

    def find_leaks(text: str) -> list[Disclosure]:
        return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=[complaint.pk], text=text)

    def make_preview(text: str) -> Preview:
        return message_preview(text_as_sent(text, case, complaint))

    composer = Composer(
        request,
        "text",
        make_options=lambda: _reply_options(case),
        find_leaks=find_leaks,
        make_preview=make_preview,
    )
    form = ReplyForm(composer.data(), auto_id="id_reply_again_%s")
    if not form.is_valid() and composer.is_sending:
        return _show_case(request, object_id, SubmittedForm(complaint.pk, reply=form))
    if not form.is_valid() or not composer.may_send(form.cleaned_data["text"]):
        title = _("Write to the reporter: %(case)s") % {"case": case.reference}
        context = {"title": title, "case": case, "form": form, "mark": seen, "writing": composer.context()}
        return render(request, "admin/reply.html", context, status=composer.status)
    try:
        case_actions.reply_to_reporter(
            actor=request.actor,
            complaint_id=complaint.pk,
            text=form.cleaned_data["text"],
            seen=None if seen is None else CaseVersion.parse(seen),
            override=composer.override_record(),
        )
    except CaseChanged:
        return _show_case(request, object_id, SubmittedForm(complaint.pk, reply=form, seen=seen or ""))
    messages.success(request, _("Sent. The reporter reads it on the status page."))
    return redirect("admin:complaints_case_change", object_id)


@staff_page("POST", opens_for=access.may_see_cases)
def note(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Add an internal note to one report."""
    complaint = _complaint_or_404(readable_case_or_404(request, object_id), complaint_id)
    form, seen = NoteForm(request.POST, auto_id="id_note_again_%s"), request.POST.get("seen")
    version = None if seen is None else CaseVersion.parse(seen)
    if not form.is_valid():
        return _show_case(request, object_id, SubmittedForm(complaint.pk, note=form))
    text = form.cleaned_data["text"]
    try:
        case_actions.write_case_note(actor=request.actor, complaint_id=complaint.pk, text=text, seen=version)
    except CaseChanged:
        return _show_case(request, object_id, SubmittedForm(complaint.pk, note=form, seen=seen or ""))
    messages.success(request, _("Note added. It stays in the house."))
    return redirect("admin:complaints_case_change", object_id)
