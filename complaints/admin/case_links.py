"""Linking cases about one matter: which other cases share something, taking their reports in, and taking one out.

References that an officer types come by POST only. What is shown of other cases is what the queue shows.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final, TypedDict

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels
from complaints.admin.base import StaffRequest, case_or_404, readable_case_or_404, render, staff_page, text_field
from complaints.admin.forms import SeenForm
from complaints.admin.labels import Label
from complaints.domain import workflow
from complaints.domain.case_links import LinkRefused
from complaints.domain.workflow import Permission, Status, with_body
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_actions, case_links, case_summary
from complaints.services.audit import recorded_lines
from complaints.services.transitions import CaseChanged, CaseVersion

# Why a case is offered for linking.
REASONS: Final[dict[str, Label]] = {
    "accused": gettext_lazy("the same accused, received within a month"),
    "agency": gettext_lazy("the same agency, received within a week"),
    "picture": gettext_lazy("nearly the same picture"),
    "post": gettext_lazy("the same post"),
}
REFUSALS: Final[dict[str, Label]] = {
    "changed": gettext_lazy("One of the cases has changed since you opened the page. Look at it again."),
    "missing_permission": gettext_lazy("Linking belongs to another role than yours."),
    "reason_missing": gettext_lazy("Write a reason; this step needs one."),
    "nothing": gettext_lazy("Tick at least one case, and not more than 150."),
    "same_case": gettext_lazy("A case cannot be linked to itself."),
    "objected": gettext_lazy(
        "Its reporter objected to how it ended. Decide that first, or link this case to that one."
    ),
    "source_state": gettext_lazy("It has gone too far to be linked. Link this case to that one instead."),
    "released": gettext_lazy("A body has had it. Link this case to that one instead."),
    "target_ended": gettext_lazy("This case has ended and takes in no reports. Open it again first."),
    "alone": gettext_lazy("It is the only report of its case."),
    "held": gettext_lazy("The oversight body holds this report; it stays here until the body returns it."),
    "under_check": gettext_lazy(
        "What is stored about the progress of one of these cases differs from the audit chain. Tell an auditor."
    ),
}
# An officer may paste a whole column of references into the field.
REFERENCES_AT_MOST: Final = 8000


class LinkForm(SeenForm):
    """The references to look up, and why the ticked cases are linked.

    ``references_found`` holds the references of earlier rounds that exist, so that their rows stay on the page.
    """

    references = forms.CharField(
        label=gettext_lazy("Other references, one per line"),
        help_text=gettext_lazy("As they stand in the queue. They are looked up first; tick them then."),
        required=False,
        max_length=REFERENCES_AT_MOST,
        widget=forms.Textarea(attrs={"rows": 3, "cols": None, "autocomplete": "off", "spellcheck": "false"}),
    )
    references_found = forms.CharField(required=False, max_length=REFERENCES_AT_MOST, widget=forms.HiddenInput)
    reason = text_field(
        gettext_lazy("Why they are about one matter"),
        help_text=gettext_lazy("Kept as an internal note. No reporter is told."),
    )

    def all_references(self) -> list[str]:
        """Return the references of a valid form, those found before first, each once and at most linking.MOST."""
        text = f"{self.cleaned_data['references_found']} {self.cleaned_data['references']}"
        return list(dict.fromkeys(text.upper().replace(",", " ").split()))[: case_links.MOST]


class UnlinkForm(SeenForm):
    """Why a report is taken out of a case."""

    reason = text_field(
        gettext_lazy("Why it is another matter"),
        help_text=gettext_lazy("Kept as an internal note. No reporter is told."),
        required=True,
    )


# --- Taking reports in


def _is_with_body(case: Case) -> bool:
    return with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)


def _linkable_case_or_404(request: StaffRequest, object_id: uuid.UUID) -> Case:
    case = readable_case_or_404(request, object_id)
    if Permission.TRIAGE not in access.permissions_of(request.user):
        raise Http404
    return case


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def link(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Offer cases to link; by POST look up the references that were typed, tick every case, or link the ticked."""
    case = _linkable_case_or_404(request, object_id)
    if request.method != "POST":
        return _link_page(request, case)
    form = LinkForm(request.POST)
    if request.POST.get("go") == "all":
        return _link_page(request, case, form=form, is_all_ticked=True)
    if not form.is_valid() or form.cleaned_data["references"].strip() or request.POST.get("go") == "look":
        return _link_page(request, case, form=form)
    try:
        number = case_links.link(
            actor=request.actor,
            target_id=case.pk,
            sources=_ticked_cases(request),
            reason=form.cleaned_data["reason"],
            seen=CaseVersion.parse(form.cleaned_data["seen"]),
        )
    except Case.DoesNotExist:
        return _link_page(request, case, form=form, refused="changed")
    except (LinkRefused, CaseChanged) as refusal:
        return _link_page(request, case_or_404(request, case.pk), form=form, refused=_refusal_code(refusal))
    done = ngettext("%(number)d report linked.", "%(number)d reports linked.", number) % {"number": number}
    messages.success(request, done)
    return redirect("admin:complaints_case_change", case.pk)


class LinkRow(TypedDict):
    """A case on the page of linking; ``value`` is what its box sends, the case's id and the version seen."""

    candidate: case_links.Candidate
    status: str
    line: str
    why: list[str]
    refused: str
    ticked: bool
    value: str


def _link_page(
    request: StaffRequest, case: Case, *, form: LinkForm | None = None, refused: str = "", is_all_ticked: bool = False
) -> HttpResponse:
    """Show what can be linked to a case; with ``refused``, a key of REFUSALS, why nothing was linked."""
    # Who ticked cases in the queue has asked for these.
    asked_for = request.GET.getlist("with")[: case_links.MOST]
    references = list(dict.fromkeys([*asked_for, *(form.all_references() if form and form.is_valid() else [])]))
    is_wave = request.GET.get("wave") == "1"
    candidates = _candidates(request, case, references, in_wave=is_wave)
    summaries = case_summary.summaries(actor=request.actor, cases=[row.case for row in candidates])
    # Comparing the reports of a new case may just have found that this person has a conflict of interest in it.
    candidates = [row for row in candidates if not request.keyring.has_conflict(row.case.pk)]
    differing = recorded_lines.differing([row.case for row in candidates])
    # Who comes from the wave of the desk has asked for all of it.
    is_all, asked = is_all_ticked or (is_wave and form is None), asked_for if form is None else []
    ticked = set(_ticked_cases(request)) | {row.case.pk for row in candidates if is_all or _is_ticked(row, form, asked)}
    references_found = {row.case.reference for row in candidates}
    missing = [reference for reference in references if reference not in references_found]
    initial = {
        "seen": _case_version(case),
        "reason": form.data.get("reason", "") if form else "",
        "references_found": " ".join(reference for reference in references if reference in references_found),
        "references": "\n".join(missing),
    }
    stopped = case_links.record_refusal(case) or case_links.target_refusal(case)
    rows = [
        _link_row(row, summaries.get(row.case.pk, ""), ticked=ticked, differs=row.case.pk in differing)
        for row in candidates
    ]
    context = {
        "title": _("Link other reports to %(reference)s") % {"reference": case.reference},
        "case": case,
        "status": labels.case_status_label(case),
        "stopped": str(REFUSALS[stopped]) if stopped else "",
        "rows": rows,
        "form": LinkForm(initial=initial),
        "missing": missing,
        "refused": str(REFUSALS[refused]) if refused else "",
        "errors": form.errors if form and not is_all_ticked else {},
        "is_any_unticked": any(not row["ticked"] and not row["refused"] for row in rows),
        "jumps": workflow.stage(Status(case.status)) > 1,
        "held": _is_with_body(case),
    }
    status = 409 if refused else 400 if context["errors"] else 200
    return render(request, "admin/link.html", context, status=status)


def _candidates(
    request: StaffRequest, case: Case, references: list[str], *, in_wave: bool
) -> list[case_links.Candidate]:
    """Return the cases to offer, those with the typed references first, where the officer looks for them."""
    offered = case_links.candidates(keyring=request.keyring, case=case, in_wave=in_wave)
    if not references:
        return offered
    offered_ids = {row.case.pk for row in offered}
    by_reference = case_links.candidates(keyring=request.keyring, case=case, references=references)
    return [row for row in by_reference if row.case.pk not in offered_ids] + offered


def _is_ticked(candidate: case_links.Candidate, form: LinkForm | None, asked: Collection[str]) -> bool:
    """Whether a case is ticked before anybody chose here: what was ticked in the queue, else the same post."""
    return candidate.case.reference in asked if asked else form is None and "post" in candidate.why


def _link_row(
    candidate: case_links.Candidate, summary: str, *, ticked: Collection[uuid.UUID], differs: bool
) -> LinkRow:
    refused = REFUSALS["under_check"] if differs else REFUSALS[candidate.refused] if candidate.refused else ""
    return {
        "candidate": candidate,
        "status": _("status not shown") if differs else labels.case_status_label(candidate.case),
        "line": summary,
        "why": [str(REASONS[code]) for code in candidate.why],
        "refused": str(refused),
        "ticked": candidate.case.pk in ticked and not refused,
        "value": f"{candidate.case.pk}:{candidate.version}",
    }


def _ticked_cases(request: HttpRequest) -> dict[uuid.UUID, CaseVersion]:
    """Return the ids of the ticked cases, each with the version that the officer saw; malformed values are skipped."""
    versions: dict[uuid.UUID, CaseVersion] = {}
    for value in request.POST.getlist("cases"):
        case_id, _colon, version = value.partition(":")
        try:
            versions[uuid.UUID(case_id)] = CaseVersion.parse(version)
        except ValueError:
            continue
    return versions


def _case_version(case: Case) -> str:
    return str(case_actions.version_of(case))


def _refusal_code(refusal: LinkRefused | CaseChanged) -> str:
    return refusal.code.value if isinstance(refusal, LinkRefused) else "changed"


# --- Taking a report out


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def unlink(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Say what unlinking does and ask for the reason; by POST give the report a case of its own again."""
    case = _linkable_case_or_404(request, object_id)
    complaint = get_object_or_404(case.complaints, pk=complaint_id)
    form = UnlinkForm(request.POST) if request.method == "POST" else None
    if form is None or not form.is_valid():
        return _unlink_page(request, case, complaint, form)
    try:
        new_case = case_links.unlink(
            actor=request.actor,
            complaint_id=complaint_id,
            reason=form.cleaned_data["reason"],
            seen=CaseVersion.parse(form.cleaned_data["seen"]),
        )
    except (LinkRefused, CaseChanged) as refusal:
        fresh = case_or_404(request, case.pk)
        return _unlink_page(request, fresh, complaint, form, refused=_refusal_code(refusal))
    messages.success(request, _("The report stands in %(reference)s now.") % {"reference": new_case.reference})
    return redirect("admin:complaints_case_change", new_case.pk)


def _unlink_page(
    request: StaffRequest, case: Case, complaint: Complaint, form: UnlinkForm | None, *, refused: str = ""
) -> HttpResponse:
    """Show the form; with ``refused``, a key of REFUSALS, why nothing was changed."""
    code = refused or case_links.record_refusal(case) or case_links.unlink_refusal(complaint=complaint, case=case)
    fresh_form = UnlinkForm(
        initial={"seen": _case_version(case), "reason": form.data.get("reason", "") if form else ""}
    )
    reports = list(case.complaints.order_by("day", "pk").values_list("pk", flat=True))
    context = {
        "title": _("Unlink a report from %(reference)s") % {"reference": case.reference},
        "case": case,
        "complaint": complaint,
        "number": reports.index(complaint.pk) + 1 if complaint.pk in reports else 0,
        "refused": str(REFUSALS[code]) if code else "",
        "possible": not code or code == "changed",
        "form": form if form and not refused else fresh_form,
    }
    return render(request, "admin/unlink.html", context, status=409 if code else 400 if form else 200)
