"""The case page. Its forms of one report, a reply and an internal note, are handled by ``case_writing``.

Open to admitted members of triage. A superuser, or a person whose key is locked, sees the columns that are stored in
clear and nothing else of a case.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels
from complaints.admin.assignment import GiveForm
from complaints.admin.base import (
    StaffRequest,
    case_or_404,
    render,
    reports_page,
    staff_page,
)
from complaints.admin.case_evidence import (
    allow_viewing,
    evidence_remarks,
    evidence_warnings,
    is_risky,
    no_file_is_opened,
)
from complaints.admin.case_risk import AssessmentLines, assessment_lines
from complaints.admin.case_summary import (
    FOLDED_FROM,
    DeadlineLabel,
    PostLines,
    answer_rows,
    asked_agency_on,
    case_deadline,
    circle_of,
    late_parts_of,
    post_lines,
    release_rows,
    report_gist,
    summary_context,
)
from complaints.admin.forms import NoteForm, ReplyForm
from complaints.admin.labels import Label
from complaints.admin.lost_code import lost_code_words
from complaints.admin.reply_composer import (
    Option,
    options_by_language,
    standard_text_options,
)
from complaints.admin.retaliation import retaliation_context
from complaints.domain.case_links import TAKES_IN
from complaints.domain.retaliation import MARK_NAMES
from complaints.domain.workflow import ENDED, Permission, Status, with_body
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.services import assignment, case_file, case_membership, similarity
from complaints.services.audit import recorded_lines
from complaints.services.erasure import remains

# What several reports share, by the kind of the match.
MATCHES: Final[dict[str, Label]] = {
    "post": gettext_lazy("The same post"),
    "nip": gettext_lazy("The same NIP"),
    "person": gettext_lazy("The same name at the same agency"),
    "picture": gettext_lazy("Nearly the same picture"),
    "agency": gettext_lazy("The same agency"),
}

# Numbers of reports on other pages that are listed for their new messages.
LISTED_ELSEWHERE: Final = 20

# --- The page


@dataclass(frozen=True)
class SubmittedForm:
    """A form of one report, a reply or a note, that was not saved, to be shown again with what was typed.

    ``seen`` is the case version that the page showed, where the case has changed since; "" where the form is invalid.
    """

    complaint_id: uuid.UUID
    reply: ReplyForm | None = None
    note: NoteForm | None = None
    seen: str = ""


@staff_page("GET", opens_for=access.may_see_cases)
def case_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Open a case, the page of its reports that the address names; recorded in the audit chain."""
    return show_case(request, object_id)


def show_case(request: StaffRequest, object_id: uuid.UUID, submitted: SubmittedForm | None = None) -> HttpResponseBase:
    """Answer with the case page; with status 400 or 409 where ``submitted`` was not saved."""
    if not access.is_triage(request.user) or not request.keyring.unlocked:
        case = case_or_404(request, object_id)
        facts = _clear_facts(case, case.steps.order_by("sequence"))
        context = {**facts, **_differing(case), "title": case.reference}
        return render(request, "admin/case_closed.html", context)
    now = timezone.now()
    try:
        holding = submitted.complaint_id if submitted else None
        opened = case_file.open_case(
            actor=request.actor, case_id=object_id, page=reports_page(request), holding=holding
        )
    except Case.DoesNotExist:
        return _without_reports(request, object_id)
    # The previews beside the evidence belong to this look at the case, which has just been recorded.
    allow_viewing(request.session, object_id, now=now)
    status = 200 if submitted is None else 409 if submitted.seen else 400
    context = case_context(request, opened, submitted)
    if any(MARK_NAMES & entry.marks.keys() for report in opened.complaints for entry in report.thread):
        context |= retaliation_context(request, opened)
    return render(request, "admin/case.html", context, status=status)


def _without_reports(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Say of a case on which day its last report was erased; redirect from one whose reports are in another.

    Where only rows call them erased, say that the case is not as recorded: nobody is to take it for closed.
    """
    case = access.cases_for(request.user).filter(pk=object_id, linked_into=None).first()
    day = remains.erased_on(object_id) if case else None
    is_hidden = case is not None and day is None and remains.is_called_erased(object_id)
    if case is None or not (day or is_hidden):
        return _redirect_to_joint_case(request, object_id)
    context = {**_clear_facts(case, ()), **_differing(case), "title": case.reference}
    context |= {"erased_on": day, "is_hidden": is_hidden}
    return render(request, "admin/case_closed.html", context)


def _redirect_to_joint_case(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Redirect from a case that was linked to the case that holds its reports; Http404 where there is none."""
    joint = get_object_or_404(access.cases_for(request.user), linked=object_id)
    messages.info(request, _("That case was linked to this one."))
    return redirect("admin:complaints_case_change", joint.pk)


def case_context(
    request: StaffRequest, opened: case_file.CaseFile, submitted: SubmittedForm | None = None
) -> dict[str, object]:
    """Return all that the templates of the case page read, part by part in the order of the page."""
    case, today = opened.case, timezone.localdate()
    risk, preferred = risk_context(opened), "prepare_referral" if opened.is_for_bawaslu else ""
    context: dict[str, object] = {
        "title": case.reference,
        "opened": opened,
        "mark": opened.version,
        **_clear_facts(case, opened.history),
        **_withheld(opened),
        **summary_context(opened),
        **officer_context(request, opened),
        "steps": [
            labels.step_label(
                choice.row,
                case,
                today=today,
                refused=choice.refused,
                urgent=choice.action == "verify" and risk["is_high_risk"],
            )
            for choice in sorted(opened.choices, key=lambda choice: choice.action != preferred)
        ],
        **risk,
        "links": (links := links_context(request, opened)),
        "complaints": _report_contexts(opened, submitted, links["reports"]),
        "paging": paging_context(opened.paging),
        "folds": opened.paging.total >= FOLDED_FROM,
        "all_open": request.GET.get("all") == "1",
        "talk": {"texts": options_by_language(reply_options(case)), "reads": True},
        "matches": opened.matches,
        "is_compared": opened.is_compared,
        "in_short": match_counts(opened.matches) if opened.matches else "",
        "shared": match_groups(opened.matches) if opened.matches else [],
        "releases": release_rows(request.keyring, opened.releases),
        "history": [
            (step, labels.step_done_label(step.action), labels.checklist_lines(opened.checklists.get(step.pk, {})))
            for step in reversed(opened.history)
        ],
    }
    if submitted and submitted.seen:
        context["changes"] = labels.change_lines(case, submitted.seen)
    return context


class PagingContext(TypedDict):
    """Which reports of a case the page shows, counted from 1; ``before`` and ``after`` are pages, 0 where none is.

    ``query`` is by what an address names this page, "" for the first. ``unread`` are (number, page) of reports on other
    pages with new messages, and ``more_unread`` how many more.
    """

    total: int
    first: int
    last: int
    page: int
    before: int
    after: int
    query: str
    unread: list[tuple[int, int]]
    more_unread: int


def paging_context(paging: case_file.Paging) -> PagingContext:
    """Return what ``admin/case/pages.html`` reads."""
    a_page = case_file.REPORTS_A_PAGE
    listed = paging.unread[:LISTED_ELSEWHERE]
    return {
        "total": paging.total,
        "first": paging.first,
        "last": min(paging.total, paging.first + a_page - 1),
        "page": paging.page,
        "before": paging.page - 1,
        "after": paging.page + 1 if paging.page < paging.pages else 0,
        "query": f"?reports={paging.page}" if paging.page > 1 else "",
        "unread": [(number, (number - 1) // a_page + 1) for number in listed],
        "more_unread": len(paging.unread) - len(listed),
    }


class ClearFacts(TypedDict):
    """What the columns of a case that are stored in clear tell; ``age`` is in days."""

    case: Case
    status: str
    clock: DeadlineLabel
    age: int


def _clear_facts(case: Case, steps: Iterable[CaseStep]) -> ClearFacts:
    today = timezone.localdate()
    return {
        "case": case,
        "status": labels.case_status_label(case),
        "clock": case_deadline(case, today, waiting_since=asked_agency_on(steps)),
        "age": (today - case.received_on).days,
    }


def _withheld(opened: case_file.CaseFile) -> dict[str, bool]:
    return {"under_check": opened.under_check, "filing_differs": bool(opened.differing & {"filing", "lane"})}


def _differing(case: Case) -> dict[str, bool]:
    """Return what ``admin/facts.html`` reads of a case that is not opened: one that differs is shown as lists do."""
    differs = bool(recorded_lines.differing([case]))
    return {"under_check": differs, "filing_differs": differs}


def officer_context(request: StaffRequest, opened: case_file.CaseFile) -> dict[str, object]:
    """Return what ``admin/case/officer.html`` reads: whose the case is, and who else could have it; one query."""
    case, today = opened.case, timezone.localdate()
    colleagues = assignment.assignable(case.held_by, today=today)
    names = {person.pk: assignment.name_of(person) for person in colleagues}
    differs = "assignment" in opened.differing
    return {
        "people": colleagues,
        "officer_differs": differs,
        "officer_id": None if differs else case.assignee_id,
        "is_mine": case.assignee_id == request.user.pk and not differs,
        "unconfirmed": case.assignee_id is not None and case.confirmed_on is None and not differs,
        "idle": not differs and bool(case.owner_seen_on and case.owner_seen_on <= assignment.idle_since(today)),
        "given_by": names.get(case.assigned_by_id, "") if case.assigned_by_id else "",
        "instead_of": names.get(case.stands_for_id, "") if case.stands_for_id else "",
        "give": GiveForm(auto_id="id_give_%s"),
    }


class ReportRisk(TypedDict):
    """The assessments of one report: the current one, and those before it, newest first."""

    number: int
    complaint_id: uuid.UUID
    now: AssessmentLines | None
    before: list[AssessmentLines]


class RiskContext(TypedDict):
    """What the case page reads of the risk; ``ungraded`` are the reports that a long list shows as numbers only."""

    gradings: list[ReportRisk]
    ungraded: list[ReportRisk]
    is_high_risk: bool


def risk_context(opened: case_file.CaseFile) -> RiskContext:
    """Return the risk assessments of every report of a case, and whether any of them is high."""
    reports: list[ReportRisk] = [
        {
            "number": number,
            "complaint_id": report.complaint.pk,
            "now": assessment_lines(report.risk) if report.risk else None,
            "before": [assessment_lines(assessment) for assessment in reversed(report.risk_assessments[:-1])],
        }
        for number, report in enumerate(opened.complaints, start=opened.paging.first)
    ]
    # A case may hold forty reports that nobody has assessed yet: those are shown as a row of numbers.
    is_long = opened.paging.total >= FOLDED_FROM
    return {
        "gradings": [report for report in reports if report["now"] or not is_long],
        "ungraded": [report for report in reports if is_long and not report["now"]],
        "is_high_risk": opened.is_high_risk,
    }


class LinkedReport(TypedDict):
    """A report of a joint case that is shown; ``later``: joined after the last forwarding; ``held``: cannot leave.

    ``at_body`` is the number by which the body that has the case knows it, 0 where that is the same or there is none.
    ``lost`` says what was decided about a lost code, "" where nothing was.
    """

    complaint: Complaint
    number: int
    at_body: int
    later: bool
    held: bool
    lost: str


class LinksContext(TypedDict):
    """What the case page reads of the links; ``reports`` is empty for a case of one report.

    ``waiting`` counts the reports of which the body that has the case holds nothing, ``late`` the parts that came in
    since it got its newest release.
    """

    may: bool
    may_supplement: bool
    may_forward: bool
    may_forward_also: bool
    waiting: int
    late: int
    takes_in: bool
    reports: list[LinkedReport]
    about: list[tuple[similarity.Similar, str]]


def links_context(request: StaffRequest, opened: case_file.CaseFile) -> LinksContext:
    """Return the reports of a joint case, whether it takes in others, and other cases about the same accused."""
    case, is_joint = opened.case, opened.paging.total > 1
    held = case_membership.held_reports(case) if is_joint else {}
    is_with_body = with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)
    permissions = set[Permission]() if opened.under_check else access.permissions_of(request.user)
    return {
        "may": Permission.TRIAGE in permissions,
        "may_supplement": Permission.FORWARD in permissions and is_with_body,
        "may_forward": Permission.FORWARD in permissions,
        "may_forward_also": Permission.FORWARD in permissions and is_with_body and case.status not in ENDED,
        "waiting": opened.paging.total - len(held) if is_joint and is_with_body else 0,
        "late": late_parts_of(request.keyring, case, opened.releases),
        "takes_in": Status(case.status) in TAKES_IN,
        "reports": _linked_reports(opened, held, is_with_body=is_with_body) if is_joint else [],
        "about": _cases_about_accused(opened.matches),
    }


def _linked_reports(
    opened: case_file.CaseFile, held: Mapping[uuid.UUID, int], *, is_with_body: bool
) -> list[LinkedReport]:
    """Return the reports of a joint case that are shown; ``held`` gives the numbers by which the body knows its own."""
    case, reports = opened.case, [report.complaint for report in opened.complaints]
    is_beside = any(release.is_further for release in opened.releases)
    held_beside = case_membership.held_beside(case) if is_beside else set()
    numbers = {report.pk: number for number, report in enumerate(reports, opened.paging.first)}
    lost = lost_code_words(numbers)
    return [
        {
            "complaint": report,
            "number": numbers[report.pk],
            "at_body": 0 if held.get(report.pk) in (None, numbers[report.pk]) else held[report.pk],
            "later": is_with_body and report.pk not in held,
            "held": report.pk in held.keys() | held_beside,
            "lost": lost.get(report.pk, ""),
        }
        for report in reports
    ]


def _cases_about_accused(matches: similarity.Matches | None) -> list[tuple[similarity.Similar, str]]:
    """Return other cases that name the same person, newest first, each with the label of its status."""
    groups = [group for group in matches.groups if group.kind in {"nip", "person"}] if matches else []
    cases = {case.case_id: case for group in groups for case in group.cases}
    newest = sorted(cases.values(), key=lambda case: (str(case.received_on), case.reference), reverse=True)
    return [(case, labels.status_label(case.status)) for case in newest]


def match_counts(matches: similarity.Matches) -> str:
    """Return how many reports speak of how many posts: "7 reports, 2 posts"."""
    reports = ngettext("%(number)d report", "%(number)d reports", matches.reports) % {"number": matches.reports}
    posts = ngettext("%(number)d post", "%(number)d posts", matches.posts) % {"number": matches.posts}
    return f"{reports}, {posts}" if matches.posts else reports


def match_groups(matches: similarity.Matches) -> list[tuple[str, similarity.Group]]:
    """Return what reports share, in words, each with the cases that share it."""
    return [(str(MATCHES[group.kind]), group) for group in matches.groups]


class EvidenceRow(TypedDict):
    """An item of evidence.

    ``waits``: only an officer can still process it; ``failed``: it could not be read and can be tried again.
    """

    item: case_file.EvidenceItem
    warnings: list[str]
    remarks: list[str]
    infected: bool
    waits: bool
    failed: bool


class ReportContext(TypedDict):
    """One report on the case page, with the forms to write to its reporter and to note something on it."""

    number: int
    at_body: int
    lost: str
    file: case_file.ComplaintFile
    gist: str
    is_new: bool
    stands_open: bool
    has_reporter: bool
    answers: list[tuple[str, str]]
    circle: str
    evidence: list[EvidenceRow]
    links: list[str]
    posts: list[PostLines]
    reply: ReplyForm
    note: NoteForm


def _report_contexts(
    opened: case_file.CaseFile, submitted: SubmittedForm | None, linked: list[LinkedReport]
) -> list[ReportContext]:
    unopened = no_file_is_opened(item for report in opened.complaints for item in report.evidence)
    numbered = enumerate(opened.complaints, opened.paging.first)
    contexts = [_report_context(report, number, submitted, unopened=unopened) for number, report in numbered]
    contexts[0]["stands_open"] = True
    for context, report in zip(contexts, linked, strict=False):
        context["at_body"], context["lost"] = report["at_body"], report["lost"]
    return contexts


def _report_context(
    report: case_file.ComplaintFile, number: int, submitted: SubmittedForm | None, *, unopened: bool
) -> ReportContext:
    if submitted and submitted.complaint_id != report.complaint.pk:
        submitted = None
    is_new = any(entry.is_new for entry in report.thread)
    return {
        "number": number,
        "at_body": 0,
        "lost": "",
        "file": report,
        "gist": report_gist(report.answers),
        "is_new": is_new,
        "stands_open": is_new or submitted is not None,
        "has_reporter": report.complaint.channel == Complaint.Channel.WEB,
        "answers": answer_rows(report.answers),
        "circle": circle_of(report),
        "evidence": [
            {
                "item": item,
                "warnings": evidence_warnings(item),
                "remarks": evidence_remarks(item, unopened=unopened),
                "infected": is_risky(item),
                "waits": item.row.state == Evidence.State.OFFICER,
                "failed": item.row.state == Evidence.State.FAILED,
            }
            for item in report.evidence
        ],
        "links": str(report.answers.get("links", "")).splitlines(),
        "posts": post_lines(report),
        "reply": (submitted and submitted.reply) or ReplyForm(auto_id=f"id_reply_{number}_%s"),
        "note": (submitted and submitted.note) or NoteForm(auto_id=f"id_note_{number}_%s"),
    }


def reply_options(case: Case) -> list[Option]:
    """Return the standard texts that an officer may insert into a reply."""
    body = case.lead_body.short_name if case.lead_body else ""
    return standard_text_options("reply", case, due_on=case.due_on, body=body)
