"""Who has a case: taking it, confirming, declining, and giving it away on its page."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints.admin.base import CasePart, StaffRequest, case_or_404, staff_request
from complaints.admin.officer_forms import DeclineForm, GiveForm
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import assignment, case_file, conflicts


def _typed_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        raise Http404 from None


class CaseOfficer(CasePart):
    """The officer of a case."""

    def own_urls(self) -> list[URLPattern]:
        """Taking it, giving it to somebody, and what the person does to whom it was given."""
        return [
            self.route("<uuid:object_id>/petugas/", self.assign, "assign", "POST"),
            self.route("<uuid:object_id>/ambil/", self.claim, "claim", "POST"),
            self.route("<uuid:object_id>/terima/", self.confirm, "take_on", "POST"),
            self.route("<uuid:object_id>/tolak/", self.decline, "decline", "GET", "POST"),
            *super().own_urls(),
        ]

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Say whose the case is, and who else could have it."""
        me, case = staff_request(request).user, opened.case
        people, today = assignment.assignable(today=timezone.localdate()), timezone.localdate()
        names: dict[Any, str] = {one.pk: assignment.name_of(one) for one in people}
        own = {
            "people": people,
            "is_mine": case.assignee_id == me.pk,
            "unconfirmed": case.assignee_id is not None and case.confirmed_on is None,
            "idle": bool(case.owner_seen_on and case.owner_seen_on <= assignment.idle_since(today)),
            "given_by": names.get(case.assigned_by_id, ""),
            "instead_of": names.get(case.stands_for_id, ""),
            "give": GiveForm(auto_id="id_give_%s"),
        }
        return own | super().case_context(request, opened)

    def _asked(self, request: HttpRequest, object_id: uuid.UUID) -> tuple[Case, StaffRequest]:
        case, asking = case_or_404(request, object_id), staff_request(request)
        if not conflicts.may_declare_conflict(asking.keyring):
            raise Http404
        return case, asking

    def claim(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Take the case, from whomever the page showed as its owner."""
        case, asking = self._asked(request, object_id)
        seen = _typed_id(request.POST.get("seen", ""))
        try:
            assignment.claim(actor=asking.actor, case_id=case.pk, seen=seen)
        except assignment.AlreadyTaken as taken:
            _say_taken(request, taken)
        else:
            messages.success(request, _("The case is yours now."))
        return redirect("admin:complaints_case_change", object_id)

    def assign(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Give the case to a member of triage, or to nobody; a note goes with it."""
        case, asking = self._asked(request, object_id)
        wanted, form = request.POST.get("assignee", ""), GiveForm(request.POST)
        person = next((one for one in assignment.assignable() if str(one.pk) == wanted), None)
        if (wanted and person is None) or not form.is_valid():
            raise Http404
        words, now = form.cleaned_data["words"].strip(), timezone.now()
        try:
            after = assignment.offer(actor=asking.actor, case_id=case.pk, assignee=person, words=words)
        except assignment.NotAssignable:
            messages.error(request, _("This person cannot have it."))
        else:
            messages.success(request, _assigned(after, asking.user))
        return redirect("admin:complaints_case_change", object_id)

    def confirm(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Take on what somebody gave."""
        case, asking = self._asked(request, object_id)
        try:
            assignment.confirm(actor=asking.actor, case_id=case.pk)
        except assignment.AlreadyTaken as taken:
            _say_taken(request, taken)
        else:
            messages.success(request, _("You have taken the case on."))
        return redirect("admin:complaints_case_change", object_id)

    def decline(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Ask for the reason, then give it back."""
        case, asking = self._asked(request, object_id)
        if case.assignee_id != asking.user.pk:
            raise Http404
        form = DeclineForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                assignment.decline(actor=asking.actor, case_id=case.pk, reason=reason)
            except assignment.AlreadyTaken as taken:
                _say_taken(request, taken)
            else:
                messages.success(request, _("Given back. The case is nobody's now."))
            return redirect("admin:complaints_case_change", object_id)
        context = {
            "title": _("Decline %(reference)s") % {"reference": case.reference},
            "form": form,
            "consequence": _("The case is nobody's then, and your colleagues read why in an internal note."),
            "button": _("Give it back"),
            "back": reverse("admin:complaints_case_change", args=[case.pk]),
        }
        return self.page(request, "admin/ask.html", context, status=400 if form.is_bound else 200)


def _say_taken(request: HttpRequest, taken: assignment.AlreadyTaken) -> None:
    if taken.owner:
        messages.error(request, _("%(person)s was faster and has the case.") % {"person": taken.owner})
    else:
        messages.error(request, _("The case is nobody's by now. Look again."))


def _assigned(case: Case, me: Staff) -> str:
    person = case.assignee
    if person is None:
        return _("The case is nobody's now.")
    if person == me:
        return _("The case is yours now.")
    words = {"person": assignment.name_of(person), "away": assignment.name_of(case.stands_for)}
    if case.stands_for:
        return _("%(away)s is away: %(person)s stands in and is asked to take the case on.") % words
    return _("%(person)s is asked to take the case on.") % words
