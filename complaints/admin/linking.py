"""Linking on the case page: what else there is about the accused, taking other reports in, and taking one out again.

References that an officer types come by POST only. What is shown of other cases is what the queue shows.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import wording
from complaints.admin.base import CasePart, case_or_404, staff_request
from complaints.admin.forms import SeenForm, words
from complaints.domain import workflow
from complaints.domain.case_links import LinkRefused, with_body
from complaints.domain.workflow import Permission, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import case_file, case_items, case_links, similarity, transitions
from complaints.services.transitions import CaseChanged

WHY: Final[dict[str, Any]] = {
    "accused": gettext_lazy("the same accused, received within a month"),
    "picture": gettext_lazy("nearly the same picture"),
    "post": gettext_lazy("the same post"),
}
REFUSALS: Final[dict[str, Any]] = {
    "changed": gettext_lazy("One of the cases has changed since you opened the page. Look at it again."),
    "missing_permission": gettext_lazy("Linking belongs to another role than yours."),
    "reason_missing": gettext_lazy("Write a reason; this step needs one."),
    "nothing": gettext_lazy("Tick at least one case, and not more than 150."),
    "same_case": gettext_lazy("A case cannot be linked to itself."),
    "source_state": gettext_lazy("It has gone too far to be linked. Link this case to that one instead."),
    "released": gettext_lazy("A body has had it. Link this case to that one instead."),
    "target_ended": gettext_lazy("This case has ended and takes in no reports. Open it again first."),
    "alone": gettext_lazy("It is the only report of its case."),
    "held": gettext_lazy("The oversight body holds this report; it stays here until the body returns it."),
}
# What an officer pastes into one box.
MOST_TYPED = 8000


class LinkForm(SeenForm):
    """Which further references to look for, and why the ticked cases are linked."""

    references = forms.CharField(
        label=gettext_lazy("Other references, one per line"),
        help_text=gettext_lazy("As they stand in the queue. They are looked up first; tick them then."),
        required=False,
        max_length=MOST_TYPED,
        widget=forms.Textarea(attrs={"rows": 3, "cols": None, "autocomplete": "off", "spellcheck": "false"}),
    )
    found = forms.CharField(required=False, max_length=MOST_TYPED, widget=forms.HiddenInput)
    reason = words(
        gettext_lazy("Why they are about one matter"),
        help_text=gettext_lazy("Stays in the house, as an internal note. No reporter is told."),
    )


class UnlinkForm(SeenForm):
    """Why a report is taken out."""

    reason = words(
        gettext_lazy("Why it is another matter"),
        help_text=gettext_lazy("Stays in the house, as an internal note. No reporter is told."),
        required=True,
    )


class CaseLinks(CasePart):
    """Linking and unlinking, for verifiers."""

    def own_urls(self) -> list[URLPattern]:
        """The page of each."""
        return [
            self.route("<uuid:object_id>/gabung/", self.link, "link", "GET", "POST"),
            self.route("<uuid:object_id>/pisah/<uuid:complaint_id>/", self.unlink, "unlink", "GET", "POST"),
            *super().own_urls(),
        ]

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Add the reports of a joint case, and other cases about the same accused."""
        case, reports = opened.case, [part.complaint for part in opened.complaints]
        later = case_links.reports_after_forwarding(case=case, history=opened.history) if len(reports) > 1 else set()
        held = with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)
        links = {
            "may": Permission.TRIAGE in access.permissions_of(request.user),
            "takes_in": not case_links.target_refusal(case),
            "reports": [
                {"complaint": one, "number": number, "later": one.pk in later, "held": held and one.pk not in later}
                for number, one in enumerate(reports, 1)
            ]
            if len(reports) > 1
            else [],
            "about": about_the_accused(opened.matches),
        }
        return super().case_context(request, opened) | {"links": links}

    def linked_elsewhere(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Lead from a case that was linked, by an old link or bookmark, to the one that holds its reports; else 404."""
        joint = access.cases_for(request.user).filter(linked=object_id).first()
        if joint is None:
            raise Http404
        messages.info(request, _("That case was linked to this one."))
        return redirect("admin:complaints_case_change", joint.pk)

    def _may_link(self, request: HttpRequest, object_id: uuid.UUID) -> Case:
        case = case_or_404(request, object_id)
        may = Permission.TRIAGE in access.permissions_of(request.user) and access.may_read(request.user, case)
        if not may:
            raise Http404
        return case

    # --- Taking in

    def link(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Show what could be linked; look for references; link what is ticked."""
        case = self._may_link(request, object_id)
        if request.method != "POST":
            return self._offer(request, case)
        form = LinkForm(request.POST)
        asked = form.is_valid() and (form.cleaned_data["references"].strip() or request.POST.get("go") == "look")
        if not form.is_valid() or asked:
            return self._offer(request, case, form=form)
        return self._link(request, case, form)

    def _link(self, request: HttpRequest, case: Case, form: LinkForm) -> HttpResponseBase:
        try:
            number = case_links.link(
                actor=staff_request(request).actor,
                target_id=case.pk,
                sources=_ticked(request),
                reason=form.cleaned_data["reason"],
                seen=form.cleaned_data["seen"],
            )
        except Case.DoesNotExist:
            return self._offer(request, case, form=form, refused="changed")
        except (LinkRefused, CaseChanged) as refusal:
            return self._offer(request, case_or_404(request, case.pk), form=form, refused=_code(refusal))
        done = ngettext("%(number)d report linked.", "%(number)d reports linked.", number) % {"number": number}
        messages.success(request, done)
        return redirect("admin:complaints_case_change", case.pk)

    def _offer(
        self, request: HttpRequest, case: Case, *, form: LinkForm | None = None, refused: str = ""
    ) -> HttpResponse:
        asking, wanted = staff_request(request), _references(form)
        offered = case_links.candidates(keyring=asking.keyring, case=case)
        known = {one.case.pk for one in offered}
        named = case_links.candidates(keyring=asking.keyring, case=case, references=wanted) if wanted else []
        # Rows of their own count: what was typed stands on top, where the officer looks for it.
        rows = [one for one in named if one.case.pk not in known] + offered
        lines = case_items.summaries(actor=asking.actor, cases=[one.case for one in rows])
        # A case that nobody had met may just have turned out to be one that this person stands in.
        rows = [one for one in rows if not asking.keyring.has_conflict(one.case.pk)]
        ticked = set(_ticked(request)) if form else {one.case.pk for one in offered if "post" in one.why}
        missing = [one for one in wanted if one not in {row.case.reference for row in rows}]
        held = with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)
        context = {
            "title": _("Link other reports to %(reference)s") % {"reference": case.reference},
            "case": case,
            "status": wording.case_status(case),
            "stopped": str(REFUSALS[code]) if (code := case_links.target_refusal(case)) else "",
            "rows": [_row(one, lines.get(one.case.pk, ""), one.case.pk in ticked) for one in rows],
            "form": LinkForm(
                initial={
                    "seen": _mark(case),
                    "reason": form.data.get("reason", "") if form else "",
                    "found": " ".join(one for one in wanted if one not in missing),
                    "references": "\n".join(missing),
                }
            ),
            "missing": missing,
            "refused": str(REFUSALS[refused]) if refused else "",
            "errors": form.errors if form else {},
            "jumps": workflow.stage(Status(case.status)) > 1,
            "held": held,
        }
        status = 409 if refused else 400 if form and form.errors else 200
        return self.page(request, "admin/link.html", context, status=status)

    # --- Taking out

    def unlink(self, request: HttpRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
        """Say what happens, ask why, then give a report its own case again."""
        case = self._may_link(request, object_id)
        complaint = case.complaints.filter(pk=complaint_id).first()
        if complaint is None:
            raise Http404
        form = UnlinkForm(request.POST) if request.method == "POST" else None
        if form is None or not form.is_valid():
            return self._ask(request, case, complaint, form)
        try:
            own = case_links.unlink(
                actor=staff_request(request).actor,
                complaint_id=complaint_id,
                reason=form.cleaned_data["reason"],
                seen=form.cleaned_data["seen"],
            )
        except (LinkRefused, CaseChanged) as refusal:
            return self._ask(request, case_or_404(request, case.pk), complaint, form, refused=_code(refusal))
        messages.success(request, _("The report stands in %(reference)s now.") % {"reference": own.reference})
        return redirect("admin:complaints_case_change", own.pk)

    def _ask(
        self, request: HttpRequest, case: Case, complaint: Complaint, form: UnlinkForm | None, *, refused: str = ""
    ) -> HttpResponse:
        typed = form.data.get("reason", "") if form else ""
        code = refused or case_links.unlink_refusal(complaint=complaint, case=case)
        shown = UnlinkForm(initial={"seen": _mark(case), "reason": typed})
        reports = list(case.complaints.order_by("day", "pk").values_list("pk", flat=True))
        context = {
            "title": _("Unlink a report from %(reference)s") % {"reference": case.reference},
            "case": case,
            "complaint": complaint,
            "number": reports.index(complaint.pk) + 1 if complaint.pk in reports else 0,
            "refused": str(REFUSALS[code]) if code else "",
            "possible": not code or code == "changed",
            "form": form if form and not refused else shown,
        }
        return self.page(request, "admin/unlink.html", context, status=409 if code else 400 if form else 200)


def about_the_accused(matches: similarity.Matches | None) -> list[tuple[similarity.Similar, str]]:
    """Return other cases that name the same person, newest first, each with where it stands or how it ended."""
    groups = [group for group in matches.groups if group.kind in {"nip", "person"}] if matches else []
    found = {one.case_id: one for group in groups for one in group.cases}
    newest = sorted(found.values(), key=lambda one: (str(one.received_on), one.reference), reverse=True)
    return [(one, wording.status_words(one.status)) for one in newest]


def _mark(case: Case) -> str:
    return transitions.case_version(case, dict(case.complaints.values_list("pk", "next_sequence")))


def _row(one: case_links.Candidate, line: str, ticked: bool) -> dict[str, Any]:
    return {
        "candidate": one,
        "status": wording.case_status(one.case),
        "line": line,
        "why": [str(WHY[code]) for code in one.why],
        "refused": str(REFUSALS[one.refused]) if one.refused else "",
        "ticked": ticked and not one.refused,
        "value": f"{one.case.pk}:{one.mark}",
    }


def _ticked(request: HttpRequest) -> dict[uuid.UUID, str]:
    """Return the ticked cases, each with what the officer saw of it; what is no such value counts as nothing."""
    found: dict[uuid.UUID, str] = {}
    for value in request.POST.getlist("cases"):
        name, _colon, mark = value.partition(":")
        try:
            found[uuid.UUID(name)] = mark
        except ValueError:
            continue
    return found


def _references(form: LinkForm | None) -> list[str]:
    """Return what was typed and what had been found before, once each."""
    if form is None or not form.is_valid():
        return []
    typed = f"{form.cleaned_data['found']} {form.cleaned_data['references']}"
    return list(dict.fromkeys(typed.upper().replace(",", " ").split()))[: case_links.MOST]


def _code(refusal: LinkRefused | CaseChanged) -> str:
    return refusal.code.value if isinstance(refusal, LinkRefused) else "changed"
